package handler_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

func TestGatePassesByLevel(t *testing.T) {
	t.Parallel()
	moved := new(slog.LevelVar)
	moved.Set(slog.LevelError)
	tests := []struct {
		name string
		opts *handler.GateOptions
		next slog.Leveler
		want string
	}{
		{"nil options pass INFO and above", nil, slog.LevelDebug, "INFO INFO+2 WARN ERROR ERROR+4"},
		{"a low level lets all pass", &handler.GateOptions{Level: slog.Level(-100)}, slog.LevelDebug, "DEBUG INFO INFO+2 WARN ERROR ERROR+4"},
		{"a range", &handler.GateOptions{Level: slog.Level(1), Max: slog.LevelWarn}, slog.LevelDebug, "INFO+2 WARN"},
		{"a LevelVar", &handler.GateOptions{Level: moved}, slog.LevelDebug, "ERROR ERROR+4"},
		{"a Max below Level passes nothing", &handler.GateOptions{Level: slog.LevelWarn, Max: slog.LevelInfo}, slog.LevelDebug, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			h := handler.NewGate(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: tt.next}), tt.opts)
			var enabled []string
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, 2, slog.LevelWarn, slog.LevelError, 12} {
				if h.Enabled(t.Context(), level) {
					enabled = append(enabled, level.String())
				}
				// Handle decides for itself: a fan-out need not have asked.
				if err := h.Handle(t.Context(), slog.NewRecord(time.Time{}, level, "m", 0)); err != nil {
					t.Fatal(err)
				}
			}
			var handled []string
			for line := range strings.Lines(buf.String()) {
				handled = append(handled, strings.TrimPrefix(strings.Fields(line)[0], "level="))
			}
			for what, got := range map[string][]string{"enabled": enabled, "handled": handled} {
				if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
					t.Errorf("%s: mismatch (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

func TestGateAsksTheNextHandler(t *testing.T) {
	t.Parallel()
	next := slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelError})
	if handler.NewGate(next, nil).Enabled(t.Context(), slog.LevelInfo) {
		t.Error("enabled for a level that the next handler refuses")
	}
}

// A wrap is a wrapper around several handlers.
type wrap struct {
	slog.Handler
	next []slog.Handler
}

func (w wrap) Unwrap() []slog.Handler { return w.next }

type failingFlush struct{ slog.Handler }

func (failingFlush) Flush(context.Context) error { return errors.New("stuck") }

func TestFlushFindsAllThatCanBeFlushed(t *testing.T) {
	t.Parallel()
	var a, b levelBuffer
	tree := handler.NewGate(wrap{next: []slog.Handler{
		failingFlush{},
		handler.NewJSONHandler(&a, nil),
		handler.NewGate(handler.NewConsoleHandler(&b, nil).WithGroup("g"), nil),
		slog.NewTextHandler(&bytes.Buffer{}, nil),
	}}, nil)
	if err := handler.Flush(t.Context(), tree); err == nil || err.Error() != "stuck" {
		t.Errorf("got %v, want the error of the branch that failed", err)
	}
	if a.flushed != 1 || b.flushed != 1 {
		t.Errorf("flushed %d and %d times, want once each", a.flushed, b.flushed)
	}
	if err := handler.Flush(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
