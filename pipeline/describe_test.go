package pipeline_test

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDescribeIsATreeForPeople(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Package: "github.com/acme/db", Level: slog.LevelDebug})
	p, err := pipeline.Open(pipeline.Config{
		Level: pipeline.At(levels),
		Sinks: []pipeline.Sink{
			{Name: "console", NoColor: true, Format: pipeline.Text},
			{
				Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Level: pipeline.At(slog.LevelWarn), AddSource: true,
				Rotate:   rotate.Options{MaxSize: 10 * rotate.MiB, Schedule: "daily at 03:00", MaxAge: 30 * 24 * time.Hour, MaxBackups: 10, Compress: rotate.Zstd, FileMode: 0o640},
				Buffer:   &asyncbuf.WriterOptions{Size: 64 << 10, MaxLines: 1000, FlushInterval: 5 * time.Second, Policy: asyncbuf.DropOldest},
				Sampling: pipeline.Sampling{First: 100, Thereafter: 10},
			},
			{Name: "audit", Type: pipeline.Audit, Path: filepath.Join(dir, "audit.log"), Match: pipeline.Match{Tag: "security"}},
			{
				Name: "ship", Type: pipeline.Logstash, Addr: "http://user:hunter2@127.0.0.1:1/in", EventType: "app", Tags: []string{"prod"},
				Dial: logstash.DialOptions{SpoolDir: filepath.Join(dir, "spool"), SpoolMode: logstash.SpoolOverflow, MinBackoff: time.Hour},
			},
			{Name: "alert", Type: pipeline.Func, Level: pipeline.At(slog.LevelError), Func: func(context.Context, slog.Record) error { return nil }},
			{Name: "other", Type: pipeline.Handler, Handler: slog.DiscardHandler, Match: pipeline.Match{Packages: []string{"github.com/acme"}, Tag: "a\x1b[2J", Attrs: map[string]any{"n": 1}}},
		},
		VolumeInterval: pipeline.Duration(time.Hour), Fallback: &testlog.Buffer{},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer p.Shutdown(ctx) //nolint:errcheck // nobody is there to ship to
	got := strings.ReplaceAll(p.Describe(), dir, "/var/log/app")
	golden := filepath.Join("testdata", "describe.golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, golden)), got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}

	levels.Set(slog.LevelError)
	for _, l := range p.Levels() {
		if set, ok := l.Leveler.(interface{ Set(level slog.Level) }); ok && l.Name == "app" {
			set.Set(slog.LevelDebug)
		}
	}
	if got := p.Describe(); !strings.Contains(got, "console: console, ERROR and above") || !strings.Contains(got, "app: file, DEBUG and above") {
		t.Errorf("not the levels of the moment: %s", got)
	}
}
