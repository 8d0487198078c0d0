// Monitor is "Monitoring dashboards show data" of the production guide: a service
// behind a pipeline, with the page that shows what the pipeline is doing, for this
// machine alone, and /healthz for those who look after it.
//
//	go run ./examples/monitor -addr 127.0.0.1:8080 -for 1h
//
// It orders from itself as long as -for says, some of it in vain, so that there is
// something to see. -dir is where its logs stay.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "`address` to serve at")
	d := flag.Duration("for", 3*time.Second, "how long to run")
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	flag.Parse()
	if err := run(*addr, *dir, *d); err != nil {
		fmt.Fprintln(os.Stderr, "monitor:", err)
		os.Exit(1)
	}
}

func config(dir string) pipeline.Config {
	return pipeline.Config{Sinks: []pipeline.Sink{
		{
			Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Level: pipeline.At(slog.LevelDebug),
			Rotation:  pipeline.Rotation{MaxSize: 1_000_000},
			Retention: pipeline.Retention{MaxBackups: 3},
			Async:     true,
		},
		{Name: "errors", Type: pipeline.Errors, Path: filepath.Join(dir, "errors.log")},
		{Name: "audit", Type: pipeline.Audit, Path: filepath.Join(dir, "audit.log")},
	}}
}

func run(addr, dir string, d time.Duration) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "monitor-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	p, err := pipeline.Open(config(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	slog.SetDefault(p.Logger())

	page := monitor.NewPage(p.Monitor(), &monitor.PageOptions{Title: "orders", Levels: p.Levels, ChangeLevels: true})
	mux := http.NewServeMux()
	mux.Handle("/debug/log", page)
	mux.Handle("GET /healthz", p.Monitor().HealthHandler())
	mux.Handle("POST /orders/{id}", &shop{})

	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	srv.RegisterOnShutdown(page.Close) // pages that are open do not hold it up
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	go srv.Serve(listener) //nolint:errcheck // it ends with Shutdown
	url := "http://" + listener.Addr().String()
	fmt.Println("The page is at", url+"/debug/log")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	customers(ctx, url)

	if err := look(url); err != nil {
		return err
	}
	ctx, cancel = context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(ctx)
}

// A shop takes orders, most of them without trouble.
type shop struct{ orders atomic.Int64 }

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	logger := slog.With("order", r.PathValue("id"))
	logger.DebugContext(r.Context(), "cache miss", "key", "stock:"+r.PathValue("id"))
	switch n := s.orders.Add(1); {
	case n%97 == 0:
		logger.ErrorContext(r.Context(), "payment refused", "error", "card expired", "token", "tok_4f9a2b7c")
		w.WriteHeader(http.StatusPaymentRequired)
	case n%23 == 0:
		logger.WarnContext(r.Context(), "slow query", "table", "stock", "duration", 1800*time.Millisecond)
	case n%19 == 0:
		logger.InfoContext(r.Context(), "address changed", "tags", []string{"security"}, "remote_addr", r.RemoteAddr)
	}
	logger.InfoContext(r.Context(), "order taken", "duration", time.Since(began))
}

// customers order until ctx is done.
func customers(ctx context.Context, url string) {
	for id := 1000; ctx.Err() == nil; id++ {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/orders/%d", url, id), http.NoBody)
		if err != nil {
			slog.Error("no request", "error", err)
			return
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// look asks what an operator would.
func look(url string) error {
	for path, what := range map[string]string{"/debug/log": "page", "/debug/log?state": "state", "/healthz": "health"} {
		resp, err := http.Get(url + path) //nolint:noctx // this program answers, or has ended
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || len(text) == 0 {
			return fmt.Errorf("the %s: %s: %s", what, resp.Status, text)
		}
	}
	fmt.Println("The page, its state and /healthz answer with 200 OK.")
	return nil
}
