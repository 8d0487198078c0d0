// Wrap puts pieces of the suite around, and beside, a handler that the program
// has already: a handler of its own, of a framework, of another library. Nothing
// about that handler changes.
//
//	go run ./examples/wrap
//
// It prints each record as the old handler writes it: first behind redaction and
// a gate, then as one sink of a pipeline that also writes a file.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wrap:", err)
		os.Exit(1)
	}
}

func run() error {
	// What is there: any slog.Handler. This one is of the standard library.
	existing := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{} // it prints no time, and goes on printing none
			}
			return a
		},
	})
	if err := around(existing); err != nil {
		return err
	}
	return beside(existing)
}

// around wraps the handler: what it gets has no secrets and is at least INFO.
func around(existing slog.Handler) error {
	gate := handler.NewGate(existing, &handler.GateOptions{Level: slog.LevelInfo})
	logger := slog.New(redact.NewHandler(gate, nil))

	logger.Debug("kept back by the gate")
	logger.Info("connected", "dsn", "postgres://app:hunter2@db:5432/app")
	return nil
}

// beside makes it one sink of a pipeline. The file is the other one.
func beside(existing slog.Handler) (err error) {
	dir, err := os.MkdirTemp("", "sluice-wrap-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "app.log")
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "existing", Type: pipeline.Handler, Handler: existing, Level: pipeline.At(slog.LevelWarn)},
		{Name: "file", Type: pipeline.File, Path: path},
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	p.Logger().Info("only in the file", "order", 7)
	p.Logger().Warn("in both", "order", 8, "card_number", "4111 1111 1111 1111")

	lines, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err
	}
	fmt.Printf("the file:\n%s", lines)
	return nil
}
