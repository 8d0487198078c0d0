package docs_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/pages"
)

// before are the libraries, and nested the modules of ours, that blocks of the pages
// show, by the word behind the language.
var (
	before = []string{"go zap", "go zerolog", "go logrus"}
	nested = []string{"go kafka", "go redis"}
)

func blocks(t *testing.T) []pages.Block {
	t.Helper()
	texts, err := pages.Read("../..", "docs/*.md", "*.md", "examples/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := pages.Blocks(texts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBefore builds the blocks that use another library or a nested module, and compares
// what they print with what they show.
func TestBefore(t *testing.T) {
	t.Parallel()
	known := map[string]string{
		"zap": "go.uber.org/zap", "zapcore": "go.uber.org/zap/zapcore", "zerolog": "github.com/rs/zerolog",
		"logrus": "github.com/sirupsen/logrus",
	}
	for _, name := range []string{"asyncbuf", "handler", "logstash", "logstash/kafka", "logstash/redis", "pipeline", "rotate"} {
		known[path.Base(name)] = "github.com/sluicelog/sluice/" + name
	}
	for _, name := range []string{"context", "errors", "fmt", "io", "log/slog", "os", "time"} {
		known[path.Base(name)] = name
	}
	var run []pages.Block
	var types strings.Builder // blocks of declarations, for the others to use
	for _, b := range blocks(t) {
		if slices.Contains(before, b.Info) || slices.Contains(nested, b.Info) {
			run = append(run, b)
		} else if strings.HasSuffix(b.Info, " type") {
			types.WriteString(b.Text)
		}
	}
	if len(run) < 6 {
		t.Fatalf("%d blocks", len(run))
	}
	printed, err := pages.Run(t.Context(), "..", known, types.String(), run)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range run {
		if b.Output() != "" && !b.Shows(printed[i]) {
			t.Errorf("%v: this block\n\n%s\nprints\n%s", b, b.Text, printed[i])
		}
	}
}

// TestBeforeAndAfterSayTheSame compares what a block with another library shows with
// what the next one shows, if that is one of log/slog. That both print what
// they show is tested elsewhere.
func TestBeforeAndAfterSayTheSame(t *testing.T) {
	t.Parallel()
	compared := make(map[string]bool)
	all := blocks(t)
	for i, b := range all[:len(all)-1] {
		next := all[i+1]
		if !slices.Contains(before, b.Info) || b.Output() == "" || next.Info != "go" || next.Page != b.Page {
			continue
		}
		compared[b.Info] = true
		if diff := cmp.Diff(said(t, b), said(t, next)); diff != "" {
			t.Errorf("%v and %v: mismatch (-before +after):\n%s", b, next, diff)
		}
	}
	if len(compared) != len(before) {
		t.Errorf("only for %v there is a pair", compared)
	}
}

// said returns the lines that a block shows, without the times, and with the
// names that log/slog gives to level and message.
func said(t *testing.T, b pages.Block) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(b.Output(), ":…", ":0")) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %v in %s", b, err, line)
		}
		delete(fields, "ts")
		delete(fields, "time")
		if message, ok := fields["message"]; ok {
			fields["msg"] = message
			delete(fields, "message")
		}
		level, _ := fields["level"].(string)
		fields["level"] = strings.TrimSuffix(strings.ToUpper(level), "ING")
		lines = append(lines, fields)
	}
	return lines
}
