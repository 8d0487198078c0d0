package asyncbuf_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestWriterDoesNotAllocate(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	line := append(bytes.Repeat([]byte("x"), 219), '\n')
	for name, test := range map[string]struct {
		level slog.Level
		opts  asyncbuf.WriterOptions
	}{
		"buffered":    {slog.LevelInfo, asyncbuf.WriterOptions{FlushInterval: time.Millisecond}},
		"synchronous": {slog.LevelError, asyncbuf.WriterOptions{}},
		"dropped":     {slog.LevelInfo, asyncbuf.WriterOptions{MaxLines: 1, Policy: asyncbuf.DropNewest}},
		"drop_oldest": {slog.LevelInfo, asyncbuf.WriterOptions{FlushInterval: time.Millisecond, Policy: asyncbuf.DropOldest}},
		"displaced":   {slog.LevelInfo, asyncbuf.WriterOptions{Size: 16 << 10, Policy: asyncbuf.DropOldest}},
	} {
		t.Run(name, func(t *testing.T) {
			hung := make(chan struct{})
			sink := io.Discard
			if name == "dropped" || name == "displaced" {
				sink = writerFunc(func(p []byte) (int, error) { <-hung; return len(p), nil })
			}
			w := asyncbuf.NewWriter(sink, &test.opts)
			defer closeWriter(t, w)
			defer close(hung)
			run := func() {
				if _, err := w.WriteLevel(test.level, line); err != nil {
					t.Fatal(err)
				}
			}
			for range 10000 {
				run() // the first ones warm up
			}
			if n := testing.AllocsPerRun(10000, run); n != 0 {
				t.Errorf("%v allocations for a line, want 0", n)
			}
		})
	}
}

func TestHandlerDoesNotAllocate(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	for name, test := range map[string]struct {
		level slog.Level
		hangs bool
		opts  asyncbuf.HandlerOptions
	}{
		"queued":      {slog.LevelInfo, false, asyncbuf.HandlerOptions{}},
		"drop_oldest": {slog.LevelInfo, false, asyncbuf.HandlerOptions{Policy: asyncbuf.DropOldest}},
		"synchronous": {slog.LevelError, false, asyncbuf.HandlerOptions{}},
		"dropped":     {slog.LevelInfo, true, asyncbuf.HandlerOptions{Policy: asyncbuf.DropNewest}},
		"displaced":   {slog.LevelInfo, true, asyncbuf.HandlerOptions{Policy: asyncbuf.DropOldest}},
	} {
		t.Run(name, func(t *testing.T) {
			hung := make(chan struct{})
			inner := slog.DiscardHandler
			if test.hangs {
				inner = &recorder{do: func(context.Context, slog.Record) error { <-hung; return testlog.ErrInjected }}
			}
			h := asyncbuf.NewHandler(inner, &test.opts)
			defer closeFailing(t, h)
			defer close(hung)
			r := record(test.level, "request served", slog.String("method", "GET"), slog.Int("status", 200),
				slog.Duration("duration", time.Millisecond), slog.Time("at", time.Unix(1, 0)), slog.Bool("ok", true))
			ctx := context.Background()
			run := func() {
				if err := h.Handle(ctx, r); err != nil {
					t.Fatal(err)
				}
			}
			for range 10000 {
				run() // the first ones warm up
			}
			if n := testing.AllocsPerRun(10000, run); n != 0 {
				t.Errorf("%v allocations for a record, want 0", n)
			}
		})
	}
}
