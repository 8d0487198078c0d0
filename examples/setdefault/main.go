// Setdefault is the shortest way in: one call of slog.SetDefault, and everything
// that logs through log/slog in the process – this package, libraries, the old log
// package – goes through the pipeline.
//
//	go run ./examples/setdefault
//
// It prints what was logged, with the password masked, to standard output.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "setdefault:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	p, err := pipeline.Open(pipeline.Config{}) // JSON on standard output, from INFO on, secrets masked
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	slog.SetDefault(p.Logger())

	slog.Info("listening", "addr", ":8080")
	slog.Debug("not printed: below INFO")
	slog.Warn("login failed", "user", "alice", "password", "hunter2")
	log.Print("the old log package follows, at INFO")

	// Loggers with attrs of their own are made from the default one.
	orders := slog.With("component", "orders")
	orders.InfoContext(context.Background(), "paid", "order", 7)
	return nil
}
