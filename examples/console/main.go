// Console prints records of each kind as people see them: run it in a terminal, then
// once more with its output in a pipe, as in
//
//	go run ./examples/console
//	go run ./examples/console 2>&1 | cat
//
// Some of handler.ConsoleOptions have a flag; -h lists them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/sluicelog/sluice/handler"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		os.Exit(2)
	}
}

// run prints to w what the flags in args ask for.
func run(w io.Writer, args []string) error {
	opts := handler.ConsoleOptions{Level: handler.LevelTrace}
	flags := flag.NewFlagSet("console", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&opts.AddSource, "source", false, "print the place of each log call")
	flags.BoolVar(&opts.Elapsed, "elapsed", false, "print the time since the start")
	flags.IntVar(&opts.Width, "width", 0, "columns, 0 for those of the terminal")
	compact := flags.Bool("compact", false, "one line a record")
	names := flags.Bool("names", false, "whole names of levels")
	colors := flags.Bool("colors", false, "other colors")
	what := flags.String("show", "all", "levels, service or all")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(w)
		flags.PrintDefaults()
		return nil
	case err != nil:
		return err
	}
	if *compact {
		opts.Layout = handler.LayoutCompact
	}
	if *names {
		opts.LevelName = handler.LevelName
	}
	if *colors {
		opts.LevelColor = ownColor
	}
	logger := slog.New(handler.NewConsoleHandler(w, &opts))
	switch *what {
	case "levels":
		levels(logger)
	case "service":
		service(logger)
	case "all":
		levels(logger)
		service(logger)
	default:
		return fmt.Errorf("-show %q: want levels, service or all", *what)
	}
	return nil
}

// ownColor is what a program may choose instead of the default.
func ownColor(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "1;38;5;198"
	case l >= slog.LevelWarn:
		return "38;5;208"
	default:
		return "38;5;39"
	}
}

// levels logs a record at each level.
func levels(logger *slog.Logger) {
	ctx := context.Background()
	logger.Log(ctx, handler.LevelTrace, "cache probed", "key", "user:42", "hit", false)
	logger.Debug("query", "sql", "SELECT 1", "took", 1234*time.Microsecond)
	logger.Info("listening", "addr", "127.0.0.1:8080", "tls", false)
	logger.Log(ctx, handler.LevelNotice, "configuration reloaded", "file", "/etc/app.yaml")
	logger.Log(ctx, handler.LevelSuccess, "backup done", "bytes", 18_234_112)
	logger.Warn("disk is nearly full", slog.Group("disk", "path", "/var/log", "free", "2 %"))
	logger.Error("no connection", "err", errors.New("connection refused"), "attempt", 3)
	logger.Log(ctx, handler.LevelFail, "backup failed", "after", 3*time.Second)
	logger.Log(ctx, handler.LevelCritical, "no sink left")
	logger.Log(ctx, handler.LevelFatal, "giving up", "code", 1)
}

// service logs what a service does: groups, errors of several lines, structures,
// and what somebody else would like to see on our terminal.
func service(logger *slog.Logger) {
	db := logger.With("logger", "db", "pool", "primary")
	db.Info("connected", slog.Group("server", "host", "10.0.0.7", "port", 5432, "version", "17.2"))
	db.Error("no connection", "err", errors.Join(errors.New("dial tcp 10.0.0.7:5432: connection refused"),
		fmt.Errorf("dial tcp 10.0.0.8:5432: %w", context.DeadlineExceeded)), "attempt", 3)
	logger.Error("panic", "path", "/api/v1/orders", "stack", "goroutine 12 [running]:\nmain.(*server).order(0xc000012345)\n\t/src/app/order.go:42 +0x1d\n"+
		"main.main()\n\t/src/app/main.go:17 +0x2b\n")
	logger.Info("configuration", "config", map[string]any{
		"listen": map[string]any{"addr": ":8080", "tls": true}, "cors": []string{"https://a.example", "https://b.example"}, "limit": 100,
	})
	logger.Info("event", "body", json.RawMessage(`{"id":7,"ok":true}`), "user", "山田太郎", "mood", "🙂")
	logger.Warn("login failed", "user", "root\n23:30:00.000 INF login succeeded user=root", "agent", "\x1b]0;owned\a\x1b[2Jcurl")
}
