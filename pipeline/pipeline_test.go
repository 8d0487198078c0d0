package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// messages returns the messages of the JSON lines in text.
func messages(t *testing.T, text []byte) string {
	t.Helper()
	var all []string
	lines, rest := testlog.Lines(text)
	if rest != "" {
		t.Errorf("torn line %q", rest)
	}
	for _, line := range lines {
		var m struct{ Msg, Message string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, m.Msg+m.Message)
	}
	return strings.Join(all, " ")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPipelineSendsEachRecordWhereItBelongs(t *testing.T) {
	dir := t.TempDir()
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	testlog.CheckGoroutines(t, "millRun") // lumberjack's own, see docs/adr/0001

	var console testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{
		Level: pipeline.At(slog.LevelWarn),
		Sinks: []pipeline.Sink{
			{Name: "console", Level: pipeline.At(slog.LevelInfo), Format: pipeline.Text, Writer: &console},
			{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Buffer: &asyncbuf.WriterOptions{}},
			{Name: "errors", Type: pipeline.File, Path: filepath.Join(dir, "errors.log"), Level: pipeline.At(slog.LevelError), AddSource: true},
			{Name: "audit", Type: pipeline.File, Path: filepath.Join(dir, "audit.log"), Match: pipeline.Match{Tag: "security"}, Format: pipeline.EventFormat},
			{Name: "logstash", Type: pipeline.Logstash, Addr: "beats://" + receiver.Addr(), Level: pipeline.At(slog.LevelDebug)},
		},
		OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	logger := p.Logger().With("password", "hunter2")
	logger.Debug("debug")
	logger.Debug("trail", "tags", "security")
	logger.Info("info", "url", "https://u:hunter2@host/")
	logger.Warn("warn token=hunter2")
	logger.Error("error", "err", errors.New("dial postgres://u:hunter2@db"))
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	flushed := messages(t, read(t, filepath.Join(dir, "app.log")))
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	receiver.Close()

	events := append(bytes.Join(receiver.Events(), []byte("\n")), '\n')
	for name, text := range map[string][]byte{
		"app.log": read(t, filepath.Join(dir, "app.log")), "errors.log": read(t, filepath.Join(dir, "errors.log")),
		"audit.log": read(t, filepath.Join(dir, "audit.log")), "console": console.Bytes(), "logstash": events,
	} {
		if bytes.Contains(text, []byte("hunter2")) || !bytes.Contains(text, []byte("REDACTED")) {
			t.Errorf("%s: the secret is not masked: %s", name, text)
		}
	}
	want := map[string]string{
		"flushed": "warn token=[REDACTED] error", "app.log": "warn token=[REDACTED] error", "errors.log": "error",
		"audit.log": "trail", "logstash": "debug trail info warn token=[REDACTED] error",
	}
	got := map[string]string{
		"flushed": flushed, "app.log": messages(t, read(t, filepath.Join(dir, "app.log"))),
		"errors.log": messages(t, read(t, filepath.Join(dir, "errors.log"))),
		"audit.log":  messages(t, read(t, filepath.Join(dir, "audit.log"))), "logstash": messages(t, events),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if lines, _ := console.Lines(); len(lines) != 3 || !strings.Contains(lines[0], "INF info") {
		t.Errorf("console: %q", lines)
	}
	if !bytes.Contains(read(t, filepath.Join(dir, "errors.log")), []byte("pipeline_test.go")) {
		t.Error("no source in errors.log")
	}

	stats := p.Stats()
	var accepted []uint64
	for _, s := range stats.Sinks {
		accepted = append(accepted, s.Records.Accepted)
		if s.Records.Dropped != 0 {
			t.Errorf("%s: %+v", s.Name, s.Records)
		}
	}
	if diff := cmp.Diff([]uint64{3, 2, 1, 1, 5}, accepted); diff != "" {
		t.Errorf("accepted: mismatch (-want +got):\n%s", diff)
	}
	if b := stats.Sinks[1].Buffer; b.Accepted != 2 || b.Written != 2 {
		t.Errorf("buffer: %+v", b)
	}
	if s := stats.Sinks[4].Shipper; s.Accepted != 5 || s.Written != 5 || s.Queued != 0 {
		t.Errorf("shipper: %+v", s)
	}
}

func TestPipelineRefusesAndCountsAfterClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	var fallback testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.File, Path: path}}, Redaction: pipeline.Redaction{Off: true}, Fallback: &fallback})
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("before", "password", "p")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	err = p.Handler().Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "after", 0))
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
	if got := messages(t, read(t, path)); got != "before" {
		t.Errorf("got %q", got)
	}
	if !bytes.Contains(read(t, path), []byte(`"password":"p"`)) {
		t.Error("masked with Redaction.Off")
	}
	if lines, _ := fallback.Lines(); len(lines) != 2 || !strings.Contains(lines[1], `"msg":"after"`) {
		t.Errorf("fallback: %q", lines)
	}
	if s := p.Stats().Sinks[0]; s.Name != "sinks[0]" || s.Records.Written != 1 || s.Records.Dropped != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestPipelineStartsWithoutLogstashAndEndsInTime(t *testing.T) {
	t.Parallel()
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	receiver.Close() // the address is nobody's now
	path := filepath.Join(t.TempDir(), "app.log")
	var mu sync.Mutex
	var reported []string
	p, err := pipeline.Open(pipeline.Config{
		Sinks: []pipeline.Sink{
			{Type: pipeline.Logstash, Name: "ship", Addr: "tcp://" + receiver.Addr()},
			{Type: pipeline.File, Path: path, Buffer: &asyncbuf.WriterOptions{FlushInterval: time.Hour}},
		},
		OnError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(reported, err.Error())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("m")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- p.Shutdown(ctx) }()
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(reported) > 0 && len(read(t, path)) > 0 // or a peer that is away takes the others' time
	})
	cancel()
	err = <-done
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "pipeline: ship: ") {
		t.Errorf("got %v", err)
	}
	if got := messages(t, read(t, path)); got != "m" {
		t.Errorf("the file has %q", got)
	}
	if s := p.Stats().Sinks[0].Shipper; s.Accepted != 1 || s.Dropped != 1 || s.Queued != 0 {
		t.Errorf("got %+v", s)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.HasPrefix(reported[0], "pipeline: ship: ") {
		t.Errorf("reported %q", reported)
	}
}

func TestOpenNamesWhatIsWrongAndLeavesNothingOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		sinks []pipeline.Sink
		want  []string
	}{
		{"a file without a path", []pipeline.Sink{{Type: pipeline.File}}, []string{"sinks[0]", "Path is empty", "needs the path"}},
		{"no address", []pipeline.Sink{{Type: pipeline.Logstash}}, []string{"sinks[0]", "Addr is empty", "beats://"}},
		{
			"an unknown scheme",
			[]pipeline.Sink{{Type: pipeline.Logstash, Addr: "gopher://x:1"}},
			[]string{"sinks[0]", `Addr is refused: logstash: dial "gopher://x:1"`, "beats", "tcp"},
		},
		{
			"a password in an address",
			[]pipeline.Sink{{Type: pipeline.Logstash, Addr: "tcp://u:hunter2@h:1"}},
			[]string{"sinks[0]", "user information"},
		},
		{
			"a path below a file",
			[]pipeline.Sink{{}, {Type: pipeline.File, Path: filepath.Join(file, "app.log")}},
			[]string{"sinks[1]", "Path is", file},
		},
		{"a field of another type", []pipeline.Sink{{Path: "x"}}, []string{"sinks[0]", "Path is set", "console sink"}},
		{"an unknown type", []pipeline.Sink{{Type: 7}}, []string{"Type is Type(7)", "console, file"}},
		{"an unknown format", []pipeline.Sink{{Format: -1}}, []string{"Format is Format(-1)", "json, text"}},
		{"an option out of range", []pipeline.Sink{{Type: pipeline.Logstash, Addr: "tcp://h:1"}, func() (s pipeline.Sink) {
			s.Type, s.Path, s.Rotate.MaxBackups = pipeline.File, filepath.Join(dir, "x.log"), -1
			return s
		}()}, []string{"sinks[1]", "MaxBackups is -1"}},
		{
			"one file twice",
			[]pipeline.Sink{{Type: pipeline.File, Path: "a.log"}, {Type: pipeline.File, Path: "./b/../a.log"}},
			[]string{"sinks[1]", "Path", "the file of sinks[0]"},
		},
		{"an unknown policy", []pipeline.Sink{{Buffer: &asyncbuf.WriterOptions{Policy: 7}}}, []string{"sinks[0]", "Buffer.Policy is", "drop_newest"}},
		{"a nil LevelVar", []pipeline.Sink{{Level: pipeline.At((*slog.LevelVar)(nil))}}, []string{"sinks[0]", "Level", "nil pointer"}},
		{"options of another type", []pipeline.Sink{{Rotate: rotate.Options{MaxBackups: -1}}}, []string{"sinks[0]", "Rotate is set"}},
		{"two mistakes", []pipeline.Sink{{Type: pipeline.File}, {Type: pipeline.Logstash}}, []string{"sinks[0]", "sinks[1]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t, "millRun")
			_, err := pipeline.Open(pipeline.Config{Sinks: tt.sinks})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a password is in: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

func TestOpenRefusesAKeyThatRedactCannotUse(t *testing.T) {
	t.Parallel()
	_, err := pipeline.Open(pipeline.Config{Redact: redact.Options{Keys: []string{"*", "user..email"}}})
	if err == nil || !strings.Contains(err.Error(), `Redact: Keys[0]: key "*"`) || !strings.Contains(err.Error(), `"user..email"`) {
		t.Errorf("got %v, want both keys named", err)
	}
}

// TestEveryStageReports makes each stage fail and looks for its hook and for the
// pipeline's.
func TestEveryStageReports(t *testing.T) {
	t.Parallel()
	failing := &testlog.FaultWriter{W: &testlog.Buffer{}}
	failing.Fail(testlog.ErrInjected)
	nobody, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	path := filepath.Join(t.TempDir(), "dir", "app.log")

	var mu sync.Mutex
	heard := make(map[string]bool)
	hook := func(name string) func(error) {
		return func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if name == "pipeline" {
				name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "pipeline: "), ":")
				heard["pipeline "+name] = true
				return
			}
			heard[name] = true
			panic("a hook that panics keeps nothing from the other one")
		}
	}
	cfg := pipeline.Config{
		Sinks: []pipeline.Sink{
			{Name: "console", Writer: failing},
			{Name: "buffer", Writer: failing, Buffer: &asyncbuf.WriterOptions{OnError: hook("buffer"), RetryFor: 1}},
			{Name: "file", Type: pipeline.File, Path: path, Rotate: rotate.Options{OnError: hook("file")}},
			{Name: "ship", Type: pipeline.Logstash, Addr: "beats://" + nobody.Addr(), Dial: logstash.DialOptions{OnError: hook("ship")}},
		},
		Redact:   redact.Options{OnError: hook("redact")},
		Fallback: io.Discard,
		OnError:  hook("pipeline"),
	}
	before := slices.Clone(cfg.Sinks)
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if cfg.Sinks[i].Level != before[i].Level || cfg.Sinks[i].Name != before[i].Name {
			t.Error("Open has written to the caller's Sinks")
		}
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil { // so that it cannot be made again
		t.Fatal(err)
	}
	var all []string
	for _, name := range []string{"buffer", "file", "redact", "ship"} {
		all = append(all, name, "pipeline "+name)
	}
	all = append(all, "pipeline console")
	deadline := time.After(time.Minute)
	for missing := all; len(missing) > 0; {
		select {
		case <-deadline:
			t.Fatalf("not heard of: %q", missing)
		case <-time.After(10 * time.Millisecond):
		}
		p.Logger().Info("m", "v", panicker{})
		p.Stats() // does not wait for anything
		mu.Lock()
		missing = nil
		for _, name := range all {
			if !heard[name] {
				missing = append(missing, name)
			}
		}
		mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_ = p.Shutdown(ctx)
}

type panicker struct{}

func (panicker) MarshalJSON() ([]byte, error) { panic("MarshalJSON") }

func TestConcurrentCloseIsQuiet(t *testing.T) {
	t.Parallel()
	for range 20 {
		p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
			{Type: pipeline.File, Path: filepath.Join(t.TempDir(), "a.log"), Buffer: &asyncbuf.WriterOptions{}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		p.Logger().Info("m")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestDropsAreToldInTheSinksFormat(t *testing.T) {
	t.Parallel()
	for format, want := range map[pipeline.Format]string{
		pipeline.JSON: `"msg":"log lines dropped"`, pipeline.Text: " WRN log lines dropped ", pipeline.EventFormat: `"message":"log lines dropped"`,
	} {
		var out testlog.Buffer
		w := &testlog.FaultWriter{W: &out}
		release := w.Block()
		p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
			Writer: w, Format: format, Buffer: &asyncbuf.WriterOptions{MaxLines: 4, Policy: asyncbuf.DropNewest},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			p.Logger().Info("m", "i", i)
		}
		release()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%v: %q is not in %s", format, want, out.String())
		}
	}
}

func TestLevelsOfSinksWithoutOne(t *testing.T) {
	t.Parallel()
	var plain, tagged testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Writer: &plain}, {Writer: &tagged, Match: pipeline.Match{Tag: "security"}, AddSource: true, Format: pipeline.Text},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []slog.Level{-8, slog.LevelDebug, slog.LevelInfo} {
		p.Logger().Log(t.Context(), level, "m", "tags", "security")
	}
	if a, _ := plain.Lines(); len(a) != 1 {
		t.Errorf("%d lines without a level, want that of INFO", len(a))
	}
	if b, _ := tagged.Lines(); len(b) != 3 || !strings.Contains(b[0], "pipeline_test.go") {
		t.Errorf("%q for a tag, want every level, with source", b)
	}
}
