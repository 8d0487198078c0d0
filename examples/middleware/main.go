// Middleware is an HTTP service that puts a request id on every record which is
// logged for a request, however deep, without passing a logger around; and logs
// one line for each request, with what was found out about it on the way.
//
//	go run ./examples/middleware
//
// It sends itself three requests. The first brings an id, the second a forged
// one, the third none.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "middleware:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	p, err := pipeline.Open(pipeline.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	// Context stands before redaction: what it adds is looked at, too.
	slog.SetDefault(slog.New(handler.NewContext(p.Handler(), nil)))

	srv := httptest.NewServer(requestID(accessLog(routes())))
	defer srv.Close()
	for _, id := range []string{"r-1", "forged level=ERROR", ""} {
		if err := visit(srv.URL+"/orders/7", id); err != nil {
			return err
		}
	}
	return nil
}

// safeID is what an id from outside has to look like: it ends up in every line.
var safeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID takes the id of the request, or makes one, and answers with it.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !safeID.MatchString(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		ctx := handler.CollectAttrs(r.Context()) // what AddAttrs adds below is for accessLog as well
		ctx = handler.AddAttrs(ctx, slog.String("request_id", id))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// accessLog logs each request when it is done.
func accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		slog.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path)
	})
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		ctx := handler.AddAttrs(r.Context(), slog.String("user", "alice")) // found out here, logged everywhere
		if err := load(ctx, r.PathValue("id")); err != nil {
			http.Error(w, "not found", http.StatusNotFound)
		}
	})
	return mux
}

// load is deep inside: it knows a context and no request.
func load(ctx context.Context, order string) error {
	slog.WarnContext(ctx, "slow query", "order", order)
	return nil
}

func visit(url, id string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if id != "" {
		req.Header.Set("X-Request-Id", id)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
