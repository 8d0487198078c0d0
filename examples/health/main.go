// Health is "Health Checks" of the production guide: every five minutes a record says
// how the process and each sink are doing, until the program ends; and the same is
// on /healthz for whoever asks, with the status 503 as long as a sink loses lines,
// and the reason.
//
//	go run ./examples/health
//
// -dir is where the log stays.
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
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the log (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

// A database is a sink that fails now and then.
type database struct {
	down atomic.Bool
	rows chan string
}

func (d *database) insert(_ context.Context, r slog.Record) error {
	if d.down.Load() {
		return errors.New("no connection to the database")
	}
	d.rows <- r.Message
	return nil
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "health-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	db := database{rows: make(chan string, 2)}
	p, err := pipeline.Open(pipeline.Config{
		HealthInterval: pipeline.Duration(5 * time.Minute),
		NoFallback:     true,
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log")},
			{Name: "database", Type: pipeline.Func, Func: db.insert},
		},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	logger := p.Logger()

	mux := http.NewServeMux()
	mux.Handle("GET /healthz", p.Monitor().HealthHandler())
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("no server", "err", err)
		}
	}()
	defer srv.Close()
	url := "http://" + listener.Addr().String() + "/healthz"

	logger.Info("order shipped")
	for range cap(db.rows) { // the order, and how the process is doing at its start
		<-db.rows
	}
	before, err := ask(url, p.Health())
	if err != nil {
		return err
	}
	db.down.Store(true)
	logger.Info("order shipped, but the database does not know")
	during, err := ask(url, p.Health())
	if err != nil {
		return err
	}
	if before != http.StatusOK || during != http.StatusServiceUnavailable {
		return fmt.Errorf("status %d, then %d", before, during)
	}
	return p.Close()
}

// ask prints the health, and what somebody who asks from outside is told.
func ask(url string, h monitor.Health) (status int, err error) {
	fmt.Println(h.State, h.Reasons)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s\n%s\n", resp.Status, body)
	return resp.StatusCode, err
}
