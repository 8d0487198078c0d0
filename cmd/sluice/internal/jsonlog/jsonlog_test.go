package jsonlog_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
	"github.com/sluicelog/sluice/handler"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMakes reads the lines of all libraries there are files of.
func TestMakes(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../../testdata/demo/log/makes/*.log", "testdata/*.log"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	var got bytes.Buffer
	var p jsonlog.Parser
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "== %s\n", filepath.Base(name))
		for line := range bytes.Lines(text) {
			l, err := p.Parse(bytes.TrimSuffix(line, []byte("\n")))
			describe(&got, l, err)
		}
	}
	golden(t, "testdata/makes.golden", got.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("mismatch (-want +got), -update accepts it:\n%s", diff)
	}
}

// describe writes all that is known of a line.
func describe(b *bytes.Buffer, l *jsonlog.Line, err error) {
	if err != nil {
		fmt.Fprintf(b, "%v: %q\n", err, l.Text)
		return
	}
	level := "-"
	if l.HasLevel {
		level = handler.LevelName(l.Level)
	}
	clock := "-"
	if !l.Time.IsZero() {
		clock = l.Time.Format(time.RFC3339Nano)
	}
	fmt.Fprintf(b, "%v %s %s %q\n", l.Make, clock, level, l.Message)
	if len(l.Prefix) > 0 {
		fmt.Fprintf(b, "  prefix %q\n", l.Prefix)
	}
	if src := l.Source(); src != (slog.Source{}) {
		fmt.Fprintf(b, "  source %s:%d %s\n", src.File, src.Line, src.Function)
	}
	if logger := l.Logger(); logger != nil {
		fmt.Fprintf(b, "  logger %s\n", logger)
	}
	roles := [...]string{"attr", "time", "level", "message", "logger", "source", "tags", "stack", "meta"}
	for _, m := range l.Members {
		fmt.Fprintf(b, "  %-7s %s: %s\n", roles[m.Role], m.Key, m.Value)
	}
	l.Record().Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(b, "  record %s\n", a)
		return true
	})
}
