//go:build linux

package pipeline_test

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// TestPipelineOnADiskThatFillsUp logs from several goroutines, through redaction
// and a buffer into a rotating file, on a disk that is full half of the time.
func TestPipelineOnADiskThatFillsUp(t *testing.T) {
	t.Parallel()
	dir := testlog.TinyDisk(t, "size=512k")
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Rotate: rotate.Options{MaxSize: 16 * rotate.KiB},
		Buffer: &asyncbuf.WriterOptions{Size: 32 << 10, RetryFor: time.Millisecond},
	}}, Fallback: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	const goroutines, tooMany, few = 4, 500, 50
	logAll := func(when string, records int) {
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range records {
					p.Logger().Info(when, "g", g, "i", i, "password", "hunter2", "filler", strings.Repeat("y", i%200))
				}
			})
		}
		wg.Wait()
	}
	logAll("full", tooMany)
	_ = p.Flush(t.Context())
	full := p.Stats().Sinks[0]
	if full.Buffer.DroppedFailed == 0 || full.File.LastError == nil {
		t.Fatalf("the disk was not full: %+v", full.Buffer)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	logAll("free", few)
	p.Logger().Error("last") // written before the call returns
	if err := p.Close(); err != nil {
		t.Error(err)
	}

	var text []byte
	files, err := filepath.Glob(filepath.Join(dir, "app*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text = append(text, read(t, name)...)
	}
	messages(t, text) // every line is whole
	got := uint64(bytes.Count(text, []byte("\n")))
	s := p.Stats().Sinks[0]
	if got != s.Buffer.Written || s.Buffer.Accepted != s.Buffer.Written+s.Buffer.Dropped || s.Buffer.Queued != 0 {
		t.Errorf("%d lines in the files, %+v", got, s.Buffer)
	}
	summaries := uint64(bytes.Count(text, []byte(`"dropped"`)))
	if records := uint64(goroutines*(tooMany+few) + 1); s.Records.Accepted != records || s.Buffer.Accepted < records ||
		s.Buffer.Accepted > records+summaries+s.Buffer.Dropped {
		t.Errorf("%d records: %+v, %+v", records, s.Records, s.Buffer)
	}
	if !bytes.Contains(text, []byte(`"msg":"last"`)) || bytes.Contains(text, []byte("hunter2")) {
		t.Error("the last record is missing, or a secret is not")
	}
	if lvl := slog.LevelError; s.Buffer.DroppedByLevel[lvl] != 0 {
		t.Errorf("%d errors dropped", s.Buffer.DroppedByLevel[lvl])
	}
}
