// Elk is the fourth strategy for Logstash: a service writes events into a file,
// Filebeat tails it, Logstash processes what Filebeat sends, Elasticsearch keeps
// it. The configurations of all of them are beside this program:
//
//	docker compose -f examples/elk/compose.yml up
//
// Without -serve it sends itself three requests and shows what Filebeat would read:
//
//	go run ./examples/elk
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	addr := flag.String("serve", "", "`address` to serve at until SIGTERM comes, such as :8080")
	flag.Parse()
	run := demo
	if *addr != "" {
		run = func() error { return serve(*addr) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "elk:", err)
		os.Exit(1)
	}
}

// serve is the service as compose.yml runs it, with its logging from LOG_ variables.
func serve(addr string) (err error) {
	cfg, err := pipeline.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }() // the last thing: what is logged until then is written
	slog.SetDefault(p.Logger())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Addr: addr, Handler: routes(), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.ListenAndServe() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping")
	shutdown, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return srv.Shutdown(shutdown)
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "paid", "order", slog.GroupValue(slog.String("id", r.PathValue("id"))),
			"authorization", r.Header.Get("Authorization"))
		fmt.Fprintln(w, "paid")
	})
	return mux
}

// demo is the same service without the rest.
func demo() (err error) {
	dir, err := os.MkdirTemp("", "sluice-elk-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "app.log")
	// As the environment in compose.yml; a file at once, since this reads it back.
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Type: pipeline.File, Path: path, Format: pipeline.ECS, Service: "orders"},
	}})
	if err != nil {
		return err
	}
	slog.SetDefault(p.Logger())
	srv := httptest.NewServer(routes())
	for i := range 3 {
		err = errors.Join(err, order(fmt.Sprintf("%s/orders/%d", srv.URL, i+1)))
	}
	srv.Close()
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Clean(path))
	fmt.Printf("what Filebeat would read:\n%s", text)
	return err
}

func order(url string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer s3cr3t-s3cr3t")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
