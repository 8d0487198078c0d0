package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

func TestPipelineIsAHandler(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, w io.Writer, opts *slog.HandlerOptions, reload bool) slog.Handler {
		t.Helper()
		cfg := pipeline.Config{Sinks: []pipeline.Sink{{Writer: w, AddSource: opts != nil && opts.AddSource}}, Fallback: io.Discard}
		if opts != nil && opts.Level != nil {
			cfg.Level = pipeline.At(opts.Level)
		}
		p, err := pipeline.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if reload {
			h := p.Handler()
			if err := p.Reload(cfg); err != nil {
				t.Fatal(err)
			}
			return h
		}
		return p.Handler()
	}
	t.Run("handler", func(t *testing.T) {
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler { return open(t, w, opts, false) }, handlertest.ParseJSON)
	})
	t.Run("after a Reload", func(t *testing.T) {
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler { return open(t, w, opts, true) }, handlertest.ParseJSON)
	})
	t.Run("bound before a Reload", func(t *testing.T) {
		handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			cfg := pipeline.Config{Sinks: []pipeline.Sink{{Writer: w, AddSource: opts != nil && opts.AddSource}}, Fallback: io.Discard}
			p, err := pipeline.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			return reloading{p.Handler(), func() {
				if err := p.Reload(cfg); err != nil {
					t.Error(err)
				}
			}}
		}, handlertest.ParseJSON)
	})
}

// reloading reloads its pipeline each time before a record.
type reloading struct {
	slog.Handler
	reload func()
}

func (r reloading) Handle(ctx context.Context, rec slog.Record) error {
	r.reload()
	return r.Handler.Handle(ctx, rec)
}

func (r reloading) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return r
	}
	return reloading{r.Handler.WithAttrs(attrs), r.reload}
}

func (r reloading) WithGroup(name string) slog.Handler {
	if name == "" {
		return r
	}
	return reloading{r.Handler.WithGroup(name), r.reload}
}

// Whatever was opened before is closed when the last sink cannot be.
func TestOpenClosesAllOnAnError(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := pipeline.Sink{Name: "bad", Type: pipeline.File, Path: filepath.Join(file, "app.log")}
	for name, first := range map[string]pipeline.Sink{
		"console":  {Buffer: &asyncbuf.WriterOptions{}},
		"file":     {Type: pipeline.File, Path: filepath.Join(dir, "a.log"), Buffer: &asyncbuf.WriterOptions{}},
		"errors":   {Type: pipeline.Errors, Path: filepath.Join(dir, "e.log"), Async: true},
		"audit":    {Type: pipeline.Audit, Path: filepath.Join(dir, "audit.log")},
		"logstash": {Type: pipeline.Logstash, Addr: "beats://127.0.0.1:1", SpoolDir: filepath.Join(dir, "spool")},
		"func":     {Type: pipeline.Func, Func: func(context.Context, slog.Record) error { return nil }},
		"handler":  {Type: pipeline.Handler, Handler: slog.DiscardHandler},
	} {
		t.Run(name, func(t *testing.T) {
			testlog.CheckGoroutines(t, "millRun")
			for range 2 { // the second time as well: nothing holds the path or the spool
				_, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{first, bad}, VolumeInterval: pipeline.Duration(time.Second), HealthInterval: pipeline.Duration(time.Second)})
				if err == nil || !strings.Contains(err.Error(), "pipeline: bad: ") || strings.Contains(err.Error(), "already") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestSinksOfTheProgram(t *testing.T) {
	t.Parallel()
	var mu testlog.Buffer
	var heard []error
	var got []string
	ownHandler := handler.NewJSONHandler(&mu, &slog.HandlerOptions{Level: slog.LevelDebug})
	var fallback testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{
		Sinks: []pipeline.Sink{
			{Name: "panics", Type: pipeline.Handler, Handler: panickyHandler{}},
			{Name: "func", Type: pipeline.Func, Func: func(_ context.Context, r slog.Record) error {
				r.Attrs(func(a slog.Attr) bool { got = append(got, a.String()); return true })
				return errors.New("func fails")
			}},
			{Name: "own", Type: pipeline.Handler, Handler: ownHandler, Level: pipeline.At(slog.LevelWarn)},
		},
		OnError: func(err error) { heard = append(heard, err) }, Fallback: &fallback,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Logger().With("a", 1).Info("m", "b", 2)
	p.Logger().Warn("m")
	if strings.Join(got, " ") != "a=1 b=2" {
		t.Errorf("func got %q", got)
	}
	if messages(t, mu.Bytes()) != "m" {
		t.Errorf("the level of a Handler sink: %s", mu.String())
	}
	if len(heard) != 4 || !strings.HasPrefix(heard[0].Error(), "pipeline: panics: ") || !strings.HasPrefix(heard[1].Error(), "pipeline: func: ") {
		t.Errorf("heard %q", heard)
	}
	var counts []uint64
	for _, s := range p.Stats().Sinks {
		counts = append(counts, s.Records.Written, s.Records.Dropped)
	}
	if want := []uint64{0, 2, 0, 2, 1, 0}; !equal(want, counts) {
		t.Errorf("counts %v, want %v", counts, want)
	}
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

type panickyHandler struct{}

func (panickyHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (panickyHandler) Handle(context.Context, slog.Record) error { panic("handler") }
func (h panickyHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h panickyHandler) WithGroup(string) slog.Handler           { return h }

func TestLevelsAreSetAtRunTime(t *testing.T) {
	t.Parallel()
	var a, b, c, d testlog.Buffer
	var levelVar slog.LevelVar
	levels := handler.NewLevels(slog.LevelWarn)
	cfg := pipeline.Config{
		Level: pipeline.At(levels),
		Sinks: []pipeline.Sink{
			{Name: "plain", Writer: &a, Level: pipeline.At(slog.LevelError)},
			{Name: "var", Writer: &b, Level: pipeline.At(&levelVar)},
			{Name: "levels", Writer: &c},
			{Name: "own", Writer: &d, Level: pipeline.At(fixed{})},
		},
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	all := p.Levels()
	set := func(i int, level slog.Level) {
		all[i].Leveler.(interface{ Set(level slog.Level) }).Set(level)
	}
	if _, ok := all[3].Leveler.(interface{ Set(level slog.Level) }); ok || all[3].Level() != slog.LevelError || all[0].Name != "plain" {
		t.Errorf("got %+v", all)
	}
	logger := p.Logger().With("x", 1)
	logger.Debug("none")
	set(0, slog.LevelDebug)
	set(1, slog.LevelDebug)
	levels.SetRule(handler.LevelRule{Package: "github.com/sluicelog/sluice/pipeline_test", Level: slog.LevelDebug})
	logger.Debug("all")
	for i, out := range []*testlog.Buffer{&a, &b, &c} {
		if got := messages(t, out.Bytes()); got != "all" {
			t.Errorf("%s: got %q", all[i].Name, got)
		}
	}
	if d.String() != "" || levelVar.Level() != slog.LevelDebug {
		t.Errorf("got %s, %v", d.String(), levelVar.Level())
	}
	if err := p.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if all[0].Level() != slog.LevelError || all[1].Level() != slog.LevelDebug {
		t.Errorf("after Reload: %v, %v", all[0].Level(), all[1].Level())
	}
	set(0, slog.LevelInfo) // which is about the sink of that name
	logger.Info("again")
	if got := messages(t, a.Bytes()); got != "all again" {
		t.Errorf("got %q", got)
	}
	if err := p.Reload(pipeline.Config{Sinks: cfg.Sinks[1:]}); err != nil {
		t.Fatal(err)
	}
	set(0, slog.LevelDebug)
	if got := all[0].Level(); handler.LevelName(got) != "OFF" {
		t.Errorf("a sink that is gone: %v", got)
	}
}

type fixed struct{}

func (fixed) Level() slog.Level { return slog.LevelError }

func TestTheMonitorLogsAtItsIntervals(t *testing.T) {
	testlog.CheckGoroutines(t, "millRun")
	var out testlog.Buffer
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "console", Writer: &out}}, VolumeInterval: pipeline.Duration(time.Second), HealthInterval: pipeline.Duration(time.Second)}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return strings.Contains(out.String(), `"msg":"log volume"`) && strings.Contains(out.String(), `"msg":"log health"`)
	})
	cfg.VolumeInterval, cfg.HealthInterval = 0, 0
	if err := p.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	ended := out.String()
	p.Logger().Info("m")
	if got := strings.TrimPrefix(out.String(), ended); strings.Count(got, "\n") != 1 {
		t.Errorf("still logging: %s", got)
	}
	if h := p.Health(); h.State != monitor.Healthy || len(h.Sinks) != 1 || h.Sinks[0].Sink.Type != "console" || h.Sinks[0].Sink.WrittenBytes == 0 {
		t.Errorf("got %+v", h)
	}
	cfg.HealthInterval = pipeline.Duration(time.Second)
	if err := p.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestShutdownWithAContextThatIsDone(t *testing.T) {
	testlog.CheckGoroutines(t, "millRun")
	path := filepath.Join(t.TempDir(), "app.log")
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "app", Type: pipeline.File, Path: path},
		{Name: "ship", Type: pipeline.Logstash, Addr: "beats://127.0.0.1:1", Dial: logstash.DialOptions{MaxEvents: 100}},
	}, Fallback: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("m")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	p.Logger().Info("late")
	_ = p.Close() // says of the shipper what the first one did
	stats := p.Stats()
	checkAccounts(t, stats, 2) // of which one is dropped by the shipper
	if s := stats.Sinks; s[0].Records.Dropped != 1 || s[1].Shipper.Dropped != 2 {
		t.Errorf("got %+v, %+v", s[0].Records, s[1].Shipper)
	}
}

// The address of a peer shows nobody's password.
func TestNoPasswordIsShown(t *testing.T) {
	t.Parallel()
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{
			Name: "ship", Type: pipeline.Logstash, Addr: "http://user:hunter2@127.0.0.1:1/in?k=hunter2",
			Match: pipeline.Match{Attrs: map[string]any{"db.password": "hunter2", "n": 1}, Message: "token=hunter2"},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer p.Shutdown(ctx) //nolint:errcheck // nobody is there to ship to
	health := p.Health()
	if text := p.Describe() + health.Sinks[0].Sink.Target; strings.Contains(text, "hunter2") || !strings.Contains(text, "127.0.0.1:1/in") ||
		!strings.Contains(text, "db.password = [REDACTED], n = 1, message ~ token=[REDACTED]") {
		t.Errorf("got %s", text)
	}
}

func TestAPipelineAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	dir := t.TempDir()
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Async: true},
		{Name: "errors", Type: pipeline.Errors, Path: filepath.Join(dir, "errors.log")},
		{Name: "audit", Type: pipeline.Audit, Path: filepath.Join(dir, "audit.log")},
		{Name: "plain", Type: pipeline.File, Path: filepath.Join(dir, "plain.log")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	logger := p.Logger().With("service", "shop")
	attrs := []slog.Attr{slog.String("a", "b"), slog.Int("b", 2), slog.Bool("c", true), slog.Float64("d", 1.5), slog.String("e", "f")}
	if n := testing.AllocsPerRun(100, func() { logger.LogAttrs(t.Context(), slog.LevelInfo, "m", attrs...) }); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
	if n := testing.AllocsPerRun(100, func() { logger.LogAttrs(t.Context(), slog.LevelDebug, "m", attrs...) }); n > 0 {
		t.Errorf("%v allocations for a level that nobody wants", n)
	}
}

// TestFilesHaveTheDate has a date in what is read on another day, and no colors.
func TestFilesHaveTheDate(t *testing.T) {
	t.Setenv("FORCE_COLOR", "1")
	dir := t.TempDir()
	cfg := pipeline.Config{}
	for _, kind := range []pipeline.Type{pipeline.File, pipeline.Errors, pipeline.Audit} {
		cfg.Sinks = append(cfg.Sinks, pipeline.Sink{Type: kind, Path: filepath.Join(dir, kind.String()+".log"), Format: pipeline.Text})
	}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Error("login", "tags", []string{"security"})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, s := range cfg.Sinks {
		clock, rest, _ := strings.Cut(string(read(t, s.Path)), " ")
		if at, err := time.Parse(time.RFC3339, clock); err != nil || time.Since(at) > time.Hour || !strings.HasPrefix(rest, "ERR login") {
			t.Errorf("%v: %q %q", s.Type, clock, rest)
		}
	}
}

// TestTheMonitorLogs logs through the monitor itself, as a page does.
func TestTheMonitorLogs(t *testing.T) {
	t.Parallel()
	for _, off := range []bool{false, true} {
		var out, next testlog.Buffer
		cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "a", Writer: &out}}, Redaction: pipeline.Redaction{Off: off}}
		p, err := pipeline.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		logger := slog.New(p.Monitor()).WithGroup("g").With("a", 1)
		if p.Monitor().Enabled(t.Context(), slog.LevelDebug) {
			t.Error("DEBUG is wanted by nobody")
		}
		logger.Info("one", "password", "hunter2")
		if got := out.String(); messages(t, []byte(got)) != "one" || !strings.Contains(got, `"g":{"a":1`) || strings.Contains(got, "hunter2") != off {
			t.Errorf("got %s", got)
		}
		cfg.Sinks[0].Writer = &next
		if err := p.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		logger.Info("two")
		p.Logger().Info("three")
		if got := next.String(); messages(t, []byte(got)) != "two three" || !strings.Contains(got, `"g":{"a":1`) {
			t.Errorf("got %s", got)
		}
		if total := p.Monitor().Stats().Total; total != 3 {
			t.Errorf("%d records counted, want 3", total)
		}
		if got := p.Stats().Redact.Accepted; !off && got != 3 {
			t.Errorf("%d records masked, want 3", got)
		}
	}
}

func TestTheLevelOfAnAuditLogIsFixed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	p, err := pipeline.Open(pipeline.Config{Level: pipeline.At(slog.LevelError), Sinks: []pipeline.Sink{{Name: "audit", Type: pipeline.Audit, Path: path}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, ok := p.Levels()[0].Leveler.(interface{ Set(level slog.Level) }); ok {
		t.Error("it can be set")
	}
	p.Logger().Debug("login", "tags", []string{"security"})
	if got := messages(t, read(t, path)); got != "login" {
		t.Errorf("got %q", got)
	}
}

// TestTwoSinksOnOneWriter prints to a writer without a lock of its own.
func TestTwoSinksOnOneWriter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cfg := pipeline.Config{Fallback: &out, Sinks: []pipeline.Sink{
		{Name: "a", Writer: &out},
		{Name: "b", Writer: &out, Async: true},
		{Name: "f", Type: pipeline.Func, Level: pipeline.At(slog.LevelError), Func: func(context.Context, slog.Record) error { return errors.New("no") }},
	}}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 500 {
				p.Logger().Info("m")
				if i%100 == 0 {
					p.Logger().Error("printed by the fallback too")
				}
			}
		})
	}
	for i := range 3 {
		cfg.Sinks[1].MaxBufferedLines = 1000 + i
		if err := p.Reload(cfg); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got := strings.Count(out.String(), `"msg":"m"}`+"\n"); got != 4000 {
		t.Errorf("%d lines, want 4000", got)
	}
}

// TestNotesHaveNoSecrets has a receiver that repeats one.
func TestNotesHaveNoSecrets(t *testing.T) {
	t.Parallel()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such user: password=hunter2", http.StatusUnauthorized)
	}))
	defer refuses.Close()
	takes := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer takes.Close()
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name: "ship", Type: pipeline.Logstash, Addr: refuses.URL + "," + strings.TrimPrefix(takes.URL, "http://"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	waitFor(t, func() bool {
		p.Logger().Info("m")
		_ = p.Flush(t.Context())
		return len(p.Health().Sinks[0].Sink.Notes) > 0
	})
	sink := p.Health().Sinks[0].Sink
	if text := strings.Join(sink.Notes, "\n"); !strings.Contains(text, "[REDACTED]") || strings.Contains(text, "hunter2") {
		t.Errorf("got %s", text)
	}
	if sink.WrittenBytes != 0 {
		t.Errorf("%d bytes are said to have got through, which nobody counts", sink.WrittenBytes)
	}
}
