// Emergency is "Emergency Logging" of the production guide: when the configuration
// fails the program logs all the same, to standard error, from ERROR on, and the
// first thing that it logs is why. When a sink fails later, what it does not take is
// printed there, a few records a second, until it works again.
//
//	go run ./examples/emergency
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "emergency:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "emergency-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The place of the logs is taken by a file.
	if err := os.WriteFile(filepath.Join(dir, "log"), nil, 0o600); err != nil {
		return err
	}
	return errors.Join(atStart(filepath.Join(dir, "log", "app.log")), later())
}

// atStart opens a pipeline that cannot be opened.
func atStart(path string) error {
	p, err := pipeline.OpenOrEmergency(pipeline.Config{
		Sinks: []pipeline.Sink{{Name: "app", Type: pipeline.File, Path: path}},
	})
	if err == nil {
		return errors.Join(errors.New("the configuration is fine"), p.Close())
	}
	fmt.Println("Logging configuration failed:", err) // and the program goes on
	logger := p.Logger()
	logger.Info("below ERROR, as in an emergency")
	logger.Error("payment lost", "order", 42, "password", "hunter2")
	return p.Close()
}

// later has a sink that fails while the program runs.
func later() error {
	failing := true
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name: "database",
		Type: pipeline.Func,
		Func: func(_ context.Context, r slog.Record) error {
			if failing {
				return errors.New("no connection")
			}
			fmt.Println("database:", r.Message)
			return nil
		},
	}}})
	if err != nil {
		return err
	}
	logger := p.Logger()
	logger.Info("not lost", "token", "t-123")
	failing = false
	logger.Info("taken again")
	return p.Close()
}
