package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
)

// ops marks what an operator wants to see on the console.
func ops() slog.Attr { return slog.Any("tags", []string{"ops"}) }

// serve starts the service, sends it its requests, lets Logstash crash in the
// middle, and stops it. It returns the secrets that were in the requests.
func serve(requests int, receiver *lstest.Beats) ([]string, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Handler:           logRequests(routes()),
		ReadHeaderTimeout: 5 * time.Second,
		// net/http's own complaints go through slog, too.
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelError),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	slog.Info("listening", "addr", listener.Addr().String(), ops())
	log.Print("the old log package ends up in the same place")

	secrets, err := visit("http://"+listener.Addr().String(), requests, receiver)

	// To net/http, a connection on which no request ever came is idle only after five
	// seconds, and the client may have one to spare.
	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(ctx))
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	slog.Info("stopped", ops())
	return secrets, err
}

// routes are an application's handlers, as careless as handlers are.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var credentials struct {
			User     string `json:"user"`
			Password string `json:"password"`
		}
		if err := json.Unmarshal(body, &credentials); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		slog.Debug("body", "json", string(body), "parsed", credentials)
		slog.Info("user login", "tags", []string{"security"}, "user", credentials.User, "ip", r.RemoteAddr)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"orders":[]}`)
	})
	mux.HandleFunc("GET /report", func(w http.ResponseWriter, r *http.Request) {
		secret := r.URL.Query().Get("api_key")
		err := fmt.Errorf("connect to postgres://app:%s@db:5432/app: %w", secret, io.ErrUnexpectedEOF)
		slog.ErrorContext(r.Context(), "report failed, retrying with token="+secret, "err", err, "attempt", 3)
		http.Error(w, "report failed", http.StatusInternalServerError)
	})
	mux.HandleFunc("GET /crash", func(_ http.ResponseWriter, r *http.Request) {
		panic("unexpected session: Authorization: " + r.Header.Get("Authorization")) // net/http logs it
	})
	return mux
}

// logRequests logs each request once it is served, with all that is in it.
func logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			level := slog.LevelInfo
			if status.status >= 400 {
				level = slog.LevelWarn
			}
			slog.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("uri", r.RequestURI),
				slog.Int("status", status.status), slog.Duration("took", time.Since(start)), slog.Any("headers", r.Header))
		}()
		next.ServeHTTP(status, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// visit sends the requests, each with a secret of its own. When half of them
// are served Logstash crashes, and is back a while later.
func visit(base string, requests int, receiver *lstest.Beats) ([]string, error) {
	const clients = 4
	var next atomic.Int64
	var restarted error
	secrets := make([]string, requests)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < requests && errs[c] == nil; i = int(next.Add(1)) - 1 {
				switch i {
				case requests / 2:
					receiver.Kill()
					slog.Warn("logstash is down", "requests", i, ops())
				case requests * 3 / 4:
					slog.Info("logstash is back", "requests", i, ops())
					restarted = receiver.Restart()
				}
				secrets[i] = rand.Text()
				errs[c] = request(base, i, secrets[i])
			}
		})
	}
	wg.Wait()
	return secrets, errors.Join(restarted, errors.Join(errs...))
}

// request sends the i-th request.
func request(base string, i int, secret string) error {
	method, path, body := http.MethodGet, "/orders?page="+strconv.Itoa(i), io.Reader(nil)
	switch {
	case i%10 == 0:
		method, path = http.MethodPost, "/login"
		text, err := json.Marshal(map[string]string{"user": fmt.Sprint("user-", i), "password": secret})
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	case i%10 == 5:
		path = "/nowhere?access_token=" + url.QueryEscape(secret)
	case i%100 == 33:
		path = "/report?api_key=" + url.QueryEscape(secret)
	case i%1000 == 77:
		path = "/crash"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Cookie", "theme=dark; session="+secret)
	req.Header.Set("X-Api-Key", secret)
	resp, err := http.DefaultClient.Do(req)
	if strings.HasPrefix(path, "/crash") {
		return nil // the connection breaks, as it should
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
