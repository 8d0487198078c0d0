package handler_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

// encoders are those of this package, over any writer.
func encoders() map[string]func(io.Writer) slog.Handler {
	return map[string]func(io.Writer) slog.Handler{
		"json": func(w io.Writer) slog.Handler {
			return handler.JSONOptions{TimePrecision: time.Second}.NewHandler(w)
		},
		"console": func(w io.Writer) slog.Handler {
			return handler.NewConsoleHandler(w, &handler.ConsoleOptions{TimeFormat: "05", Color: handler.ColorAlways})
		},
	}
}

// askingWriter asks how lines are encoded.
type askingWriter struct {
	bytes.Buffer
	newHandler func(io.Writer) slog.Handler
}

func (w *askingWriter) UseEncoder(newHandler func(io.Writer) slog.Handler) { w.newHandler = newHandler }

func TestEncodersTellAWriterHowTheyEncode(t *testing.T) {
	for name, newHandler := range encoders() {
		t.Run(name, func(t *testing.T) {
			var w askingWriter
			h := newHandler(&w)
			r := slog.NewRecord(time.Unix(1, 2), slog.LevelWarn, "m", 0)
			r.AddAttrs(slog.Group("g", "a", 1))
			var same bytes.Buffer
			for _, h := range []slog.Handler{h, w.newHandler(&same)} {
				if err := h.Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(w.String(), same.String()); diff != "" || same.Len() == 0 {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndBatchFlushesAWriterWithABuffer(t *testing.T) {
	for name, newHandler := range encoders() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			h := newHandler(bufio.NewWriter(&got))
			slog.New(h).Info("m")
			if got.Len() > 0 {
				t.Fatalf("written before the end of the batch: %q", got.String())
			}
			batcher, ok := h.(interface{ EndBatch() error })
			if !ok {
				t.Fatal("no EndBatch")
			}
			if err := batcher.EndBatch(); err != nil || !bytes.HasSuffix(got.Bytes(), []byte("\n")) {
				t.Errorf("EndBatch() = %v, written %q", err, got.String())
			}
			// A writer whose Flush takes a context waits in it, and is left alone.
			h = newHandler(waitingWriter{})
			if batcher, _ := h.(interface{ EndBatch() error }); batcher.EndBatch() != nil {
				t.Error("EndBatch called Flush(context.Context)")
			}
		})
	}
}

type waitingWriter struct{ io.Writer }

func (waitingWriter) Flush(context.Context) error { return io.ErrClosedPipe }
