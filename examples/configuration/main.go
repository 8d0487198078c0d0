// Configuration is "Configuration Review" of the production guide: the console for
// what an operator wants to see, app.log with file and line, errors.log for errors,
// each with its own level, rotation and retention. LOG_LEVEL is the level of sinks
// that have none. It prints what was built, the same as JSON, and what is in the
// files afterwards.
//
//	go run ./examples/configuration
//
// -dir is where the logs stay.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "configuration:", err)
		os.Exit(1)
	}
}

// config is production-ready. Secrets are masked as nothing else is said.
func config(dir string) (pipeline.Config, error) {
	level, err := handler.ParseLevel(cmp.Or(os.Getenv("LOG_LEVEL"), "WARNING"))
	if err != nil {
		return pipeline.Config{}, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	const day = 24 * time.Hour
	return pipeline.Config{
		Level: pipeline.At(level),
		Sinks: []pipeline.Sink{
			// Console for containerized environments.
			{
				Name:    "console",
				Type:    pipeline.Console,
				Level:   pipeline.At(slog.LevelInfo),
				Format:  pipeline.Text,
				NoColor: true,
			},
			// Structured file logging.
			{
				Name:       "app",
				Type:       pipeline.File,
				Path:       filepath.Join(dir, "app.log"),
				AddSource:  true,
				Rotation:   pipeline.Rotation{MaxSize: 100 * pipeline.MB},
				Retention:  pipeline.Retention{MaxAge: 30 * day},
				Async:      true,
				BufferSize: 64 * pipeline.KiB,
			},
			// Error-only file.
			{
				Name:      "errors",
				Type:      pipeline.Errors,
				Path:      filepath.Join(dir, "errors.log"),
				Rotation:  pipeline.Rotation{MaxSize: pipeline.GB},
				Retention: pipeline.Retention{MaxAge: 90 * day},
			},
		},
	}, nil
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "configuration-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	cfg, err := config(dir)
	if err != nil {
		return err
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Print(p.Describe())
	if err := asJSON(cfg); err != nil {
		return err
	}

	logger := slog.New(handler.NewErrorStack(p.Handler(), nil)) // errors with their types
	logger.Debug("nobody asked for this")
	logger.Info("listening", "port", 8080)
	logger.Warn("disk is nearly full", "free_percent", 4)
	_, failure := os.Open("/nowhere/orders.db")
	logger.Error("no orders", "err", failure, "password", "hunter2")
	if err := p.Close(); err != nil {
		return err
	}
	return show(dir)
}

// asJSON prints the configuration as the file for pipeline.Load.
func asJSON(cfg pipeline.Config) error {
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", text)
	_, err = pipeline.Parse(text)
	return err
}

// show prints what is in the files.
func show(dir string) error {
	app, err := os.ReadFile(filepath.Join(dir, "app.log"))
	if err != nil {
		return err
	}
	errs, err := os.ReadFile(filepath.Join(dir, "errors.log"))
	if err != nil {
		return err
	}
	fmt.Printf("app.log:\n%serrors.log:\n%s", app, errs)
	if bytes.Count(app, []byte{'\n'}) != 2 || bytes.Count(errs, []byte{'\n'}) != 1 {
		return errors.New("a record is missing, or is where it does not belong")
	}
	if bytes.Contains(app, []byte("hunter2")) || bytes.Contains(errs, []byte("hunter2")) {
		return errors.New("there is a password in the logs")
	}
	return nil
}
