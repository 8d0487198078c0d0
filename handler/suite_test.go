package handler_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
)

func newConsole(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
	o := &handler.ConsoleOptions{TimeFormat: time.RFC3339Nano, Color: handler.ColorNever}
	if opts != nil {
		o.AddSource, o.ReplaceAttr = opts.AddSource, opts.ReplaceAttr
	}
	return handler.NewConsoleHandler(w, o)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("JSONHandler", func(t *testing.T) {
		t.Parallel()
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return handler.NewJSONHandler(w, opts)
		}, handlertest.ParseJSON)
	})
	t.Run("ConsoleHandler", func(t *testing.T) {
		t.Parallel()
		handlertest.Run(t, newConsole, testlog.ParseConsole)
	})
	t.Run("Gate", func(t *testing.T) {
		t.Parallel()
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return handler.NewGate(handler.NewJSONHandler(w, opts), nil)
		}, handlertest.ParseJSON)
	})
}
