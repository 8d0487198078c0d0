// Thirdparty shows what libraries log that do not know this suite: one that logs
// through slog's default, one that is given a *slog.Logger, net/http's ErrorLog,
// and one that still uses package log. All of it gets the same format, levels and
// redaction, and one chatty library is turned down without a change in it.
//
//	go run ./examples/thirdparty
//
// docs/third-party.md shows gRPC, pgx, Kafka, zap and others the same way.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "thirdparty:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "queue", Level: slog.LevelWarn})
	p, err := pipeline.Open(pipeline.Config{Level: pipeline.At(levels)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	slog.SetDefault(p.Logger())

	cache() // logs through slog's default

	q := queue{log: slog.With("logger", "queue")} // is given a logger
	q.work()

	oldLibrary() // prints with package log

	return server()
}

// cache stands for a library that calls slog's functions.
func cache() { slog.Info("cache warmed", "entries", 512) }

// queue stands for a library that takes a *slog.Logger. It says too much at INFO.
type queue struct{ log *slog.Logger }

func (q queue) work() {
	for range 1000 {
		q.log.Info("polling")
	}
	q.log.Warn("broker is slow", "url", "amqp://app:hunter2@mq:5672")
}

// oldLibrary stands for one that is older than log/slog.
func oldLibrary() { log.Print("retrying with token=s3cr3t-s3cr3t") }

// server lets net/http complain through the pipeline, at ERROR.
func server() error {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusOK) // a mistake, of which net/http tells its ErrorLog
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelError)
	srv.Start()
	defer srv.Close()

	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, srv.URL, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
