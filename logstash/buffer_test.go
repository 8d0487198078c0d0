package logstash_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
)

// askingWriter asks how events are encoded.
type askingWriter struct {
	bytes.Buffer
	newHandler func(io.Writer) slog.Handler
}

func (w *askingWriter) UseEncoder(newHandler func(io.Writer) slog.Handler) { w.newHandler = newHandler }

func TestHandlerTellsAWriterHowItEncodes(t *testing.T) {
	var w askingWriter
	opts := &logstash.Options{Type: "audit", Tags: []string{"a"}, Sequence: true}
	h := logstash.NewHandler(&w, opts)
	opts.Type = "changed later"
	r := slog.NewRecord(time.Unix(1, 2), slog.LevelWarn, "m", 0)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var own bytes.Buffer
	if err := w.newHandler(&own).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := bytes.Replace(w.Bytes(), []byte(`"sequence":1,`), nil, 1)
	if bytes.Equal(want, w.Bytes()) {
		t.Fatalf("no sequence in %s", want)
	}
	if diff := cmp.Diff(string(want), own.String()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestEndBatchFlushesAWriterWithABuffer(t *testing.T) {
	var got bytes.Buffer
	h := logstash.NewHandler(bufio.NewWriter(&got), nil)
	slog.New(h).Info("m")
	if got.Len() > 0 {
		t.Fatalf("written before the end of the batch: %q", got.String())
	}
	if err := h.EndBatch(); err != nil || got.Len() == 0 {
		t.Errorf("EndBatch() = %v, written %q", err, got.String())
	}
}
