package asyncbuf_test

import (
	"bytes"
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
	} {
		t.Run(name, func(t *testing.T) {
			hung := make(chan struct{})
			sink := io.Discard
			if name == "dropped" {
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
