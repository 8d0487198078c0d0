package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// checkAccounts fails t unless each stage's account adds up, and what the sinks
// have written is want together.
func checkAccounts(t *testing.T, stats pipeline.Stats, want uint64) {
	t.Helper()
	var written uint64
	for _, s := range stats.Sinks {
		written += s.Records.Written
		if s.Records.Accepted != s.Records.Written+s.Records.Dropped {
			t.Errorf("%s: %+v", s.Name, s.Records)
		}
		if b := s.Buffer; b != nil && b.Accepted != b.Written+b.Dropped+b.Queued {
			t.Errorf("%s: buffer: %+v", s.Name, b)
		}
		if f := s.File; f != nil && f.Accepted != f.Written+f.Dropped {
			t.Errorf("%s: file: %+v", s.Name, f)
		}
		if l := s.Shipper; l != nil && l.Accepted != l.Written+l.Dropped+l.Queued+l.Spooled {
			t.Errorf("%s: shipper: %+v", s.Name, l)
		}
	}
	if written != want {
		t.Errorf("%d written, want %d: %+v", written, want, stats.Sinks)
	}
}

// TestReloadConcurrentSafe logs numbered records through derived loggers while the
// configuration changes all the time. Each record is in exactly one file.
func TestReloadConcurrentSafe(t *testing.T) {
	dir := t.TempDir()
	testlog.CheckGoroutines(t, "millRun")
	formats := []pipeline.Format{pipeline.JSON, pipeline.Text, pipeline.EventFormat, pipeline.ECS}
	config := func(n int) pipeline.Config {
		s := pipeline.Sink{
			Name: "app", Type: pipeline.File, Path: filepath.Join(dir, fmt.Sprintf("app%d.log", n/3%3)),
			Level: pipeline.At(slog.Level(-4 * (n % 2))), Format: formats[n%4], AddSource: n%5 == 0,
		}
		if n%7 > 3 {
			s.Buffer = &asyncbuf.WriterOptions{FlushInterval: time.Duration(n%3) * time.Millisecond}
		}
		if n%11 == 0 { // the same path, with other settings: it has to be closed first
			s.Rotate.MaxSize = 64 * rotate.KiB
		}
		return pipeline.Config{
			Sinks: []pipeline.Sink{s, {
				Name: fmt.Sprint("none", n%2), Type: pipeline.Func, Level: pipeline.At(slog.LevelError),
				Func: func(context.Context, slog.Record) error { return nil },
			}},
			OnError: func(err error) { t.Error(err) }, Fallback: writerFunc(func(p []byte) (int, error) {
				t.Errorf("fallback: %s", p)
				return len(p), nil
			}),
		}
	}
	p, err := pipeline.Open(config(0))
	if err != nil {
		t.Fatal(err)
	}
	const each = 25 // records of each goroutine for each Reload
	var round atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	var counts [4]int
	for g := range counts {
		wg.Go(func() {
			loggers := []*slog.Logger{
				p.Logger(), p.Logger().With("a", 1), p.Logger().WithGroup("g").With("b", []int{2}), p.Logger().With("c", 3).WithGroup("h").WithGroup("i"),
			}
			for ; ; counts[g]++ {
				for int64(counts[g]) >= each*round.Load() {
					select {
					case <-done:
						return
					default:
						runtime.Gosched()
					}
				}
				l := loggers[counts[g]%len(loggers)]
				if counts[g]%16 == 0 {
					l = l.With("d", 4)
				}
				l.Info(fmt.Sprintf("record<%d.%d>", g, counts[g]))
			}
		})
	}
	reloads := 200
	if testlog.Race {
		reloads = 60
	}
	for n := range reloads {
		round.Add(1)
		if err := p.Reload(config(n)); err != nil {
			t.Fatal(err)
		}
		if n%10 == 0 {
			if err := p.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}

	seen := make(map[string]int)
	var total uint64
	files, err := filepath.Glob(filepath.Join(dir, "app*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		lines, rest := testlog.Lines(read(t, name))
		if rest != "" {
			t.Errorf("torn line %q", rest)
		}
		for _, line := range lines {
			_, after, ok := strings.Cut(line, "record<")
			number, _, ok2 := strings.Cut(after, ">")
			if !ok || !ok2 || strings.Count(line, "record<") != 1 {
				t.Fatalf("no record, or more than one: %q", line)
			}
			seen[number]++
			total++
		}
	}
	for g, n := range counts {
		for i := range n {
			if times := seen[fmt.Sprintf("%d.%d", g, i)]; times != 1 {
				t.Fatalf("record %d.%d is there %d times", g, i, times)
			}
		}
	}
	t.Logf("%d records, %d reloads", total, reloads)
	checkAccounts(t, p.Stats(), total)
	if got := p.Monitor().Stats().Total; got != total {
		t.Errorf("the monitor has counted %d, want %d", got, total)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestReloadKeepsWhatDoesNotChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var console testlog.Buffer
	cfg := pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "console", Writer: &console},
		{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Buffer: &asyncbuf.WriterOptions{FlushInterval: time.Hour}},
	}}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	logger := p.Logger().WithGroup("g").With("a", 1)
	logger.Info("before")
	cfg.Sinks[0].Format = pipeline.Text
	cfg.Sinks[1].Level = pipeline.At(slog.LevelWarn)
	cfg.Sinks[1].Format = pipeline.EventFormat
	if err := p.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if b := p.Stats().Sinks[1].Buffer; b.Queued != 1 || b.Flushes != 0 {
		t.Errorf("the buffer was flushed or replaced: %+v", b)
	}
	logger.Info("after")
	logger.Warn("after")
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	lines, _ := testlog.Lines(read(t, filepath.Join(dir, "app.log")))
	if len(lines) != 2 || !strings.Contains(lines[0], `"msg":"before","g":{"a":1}`) || !strings.Contains(lines[1], `"g":{"a":1}`) ||
		!strings.Contains(lines[1], `"@version":"1"`) {
		t.Errorf("app.log: %q", lines)
	}
	lines, _ = console.Lines()
	if len(lines) != 3 || !strings.Contains(lines[0], `"msg":"before"`) || !strings.HasSuffix(lines[1], "INF after g.a=1") {
		t.Errorf("console: %q", lines)
	}
	checkAccounts(t, p.Stats(), 5)
}

func TestReloadChangesNothingOnAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "app", Type: pipeline.File, Path: path}}}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	level := p.Levels()[0].Leveler.(interface{ Set(level slog.Level) })
	level.Set(slog.LevelWarn)
	for name, sinks := range map[string][]pipeline.Sink{
		"a mistake":              {{Name: "app", Type: pipeline.File}},
		"a new sink":             {{Name: "app", Type: pipeline.File, Path: path}, {Name: "new", Type: pipeline.File, Path: filepath.Join(file, "x.log")}},
		"another path":           {{Name: "app", Type: pipeline.File, Path: filepath.Join(file, "x.log")}},
		"after one that was new": {{Name: "ok", Type: pipeline.File, Path: filepath.Join(dir, "ok.log")}, {Name: "app", Type: pipeline.File, Path: filepath.Join(file, "x.log")}},
	} {
		if err := p.Reload(pipeline.Config{Sinks: sinks}); err == nil || !strings.Contains(err.Error(), "pipeline: ") {
			t.Errorf("%s: got %v", name, err)
		}
		p.Logger().Info("no")
		p.Logger().Warn("yes")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got := messages(t, read(t, path)); got != strings.TrimSpace(strings.Repeat("yes ", 4)) {
		t.Errorf("got %q", got)
	}
	checkAccounts(t, p.Stats(), 4)
}

func TestReloadOverOneSpool(t *testing.T) {
	t.Parallel()
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := receiver.Addr()
	receiver.Close() // the address is nobody's now
	config := func(batch int) pipeline.Config {
		return pipeline.Config{Sinks: []pipeline.Sink{{
			Name: "ship", Type: pipeline.Logstash, Addr: "beats://" + addr,
			Dial: logstash.DialOptions{SpoolDir: filepath.Join(t.TempDir(), "spool"), SpoolMode: logstash.SpoolOverflow, BatchSize: batch, MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond},
		}}, Fallback: io.Discard}
	}
	cfg := config(10)
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	logger := p.Logger().With("a", 1)
	for i := range 3 {
		logger.Info(strconv.Itoa(i))
		cfg.Sinks[0].Dial.BatchSize++
		if err := p.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		if s := p.Stats().Sinks[0].Shipper; s.Queued+s.Spooled != uint64(i+1) || s.Accepted != uint64(i+1) {
			t.Errorf("after %d: %+v", i, s)
		}
	}
	receiver, err = lstest.ListenBeats(addr, nil)
	if err != nil {
		t.Skip("somebody else has the port: ", err)
	}
	defer receiver.Close()
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	var all []byte
	for _, e := range receiver.Events() {
		all = append(append(all, e...), '\n')
	}
	if got := messages(t, all); got != "0 1 2" {
		t.Errorf("got %q", got)
	}
	checkAccounts(t, p.Stats(), 3)
}

// A program may change what it has bound, which is copied when it is bound.
func TestReloadBindsWhatWasBound(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "console", Writer: &out}}}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	m := map[string]int{"n": 1}
	type secret struct {
		Password string `json:"password"`
		User     string `json:"user"`
	}
	calls := 0 // once for all generations
	valuer := valuerFunc(func() slog.Value { calls++; return slog.IntValue(calls) })
	logger := p.Logger().With("m", m, "s", &secret{"hunter2", "u"}, "v", valuer)
	m["n"] = 2
	logger.Info("m")
	for range 2 {
		if err := p.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		logger.Info("m")
	}
	lines, _ := out.Lines()
	if len(lines) != 3 {
		t.Errorf("got %q", lines)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, `"s":{"password":"[REDACTED]","user":"u"},"v":1}`) {
			t.Errorf("got %q", line)
		}
	}
	for _, line := range lines {
		if !strings.Contains(line, `"m":{"n":1}`) {
			t.Errorf("got %q", line)
		}
	}
	if got := p.Stats().Redact; got.Redacted != 1 || got.ByRule["password"] != 1 {
		t.Errorf("counted %+v", got)
	}
}

type valuerFunc func() slog.Value

func (f valuerFunc) LogValue() slog.Value { return f() }

func TestReloadChangesRedaction(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "console", Writer: &out}}, Redaction: pipeline.Redaction{Off: true}}
	p, err := pipeline.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	logger := p.Logger().With("password", "hunter2")
	cfg.Redaction.Off = false
	if err := p.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	logger.Info("m", "token", "hunter2")
	if strings.Contains(out.String(), "hunter2") || strings.Count(out.String(), "REDACTED") != 2 {
		t.Errorf("got %s", out.String())
	}
}

func TestReloadAfterAndBesideClose(t *testing.T) {
	t.Parallel()
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Name: "app", Type: pipeline.File, Path: filepath.Join(t.TempDir(), "app.log")}}}
	for range 10 {
		p, err := pipeline.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for n := range 6 {
			wg.Go(func() {
				switch n % 3 {
				case 0:
					cfg := pipeline.Config{Sinks: []pipeline.Sink{cfg.Sinks[0]}}
					cfg.Sinks[0].Rotate.MaxBackups = n + 1
					if err := p.Reload(cfg); err != nil && !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
				case 1:
					if err := p.Flush(t.Context()); err != nil && !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
				default:
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := p.Reload(cfg); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// A sink that hangs holds up a Reload for a while, not for ever, and what it has in
// hand is counted when it is done.
func TestReloadBesideASinkThatHangs(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var out testlog.Buffer
	hang := pipeline.Sink{Name: "hang", Type: pipeline.Func, Func: func(context.Context, slog.Record) error {
		close(entered)
		<-release
		return nil
	}}
	console := pipeline.Sink{Name: "console", Writer: &out}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{hang, console}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Logger().Info("in the old one")
	}()
	<-entered
	if err := p.Reload(pipeline.Config{Sinks: []pipeline.Sink{console}}); err != nil {
		t.Error(err)
	}
	p.Logger().Info("in the new one")
	close(release)
	<-done
	if got := messages(t, out.Bytes()); got != "in the new one in the old one" {
		t.Errorf("got %q", got)
	}
	stats := p.Stats()
	checkAccounts(t, stats, 3)
	if s := stats.Sinks[1]; s.Name != "hang" || !s.Closed || s.Records.Written != 1 {
		t.Errorf("got %+v", s)
	}
}

// TestReloadRevivesASink opens again what an earlier Reload had to leave closed.
func TestReloadRevivesASink(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "app.log")
	config := func(size int64) pipeline.Config {
		return pipeline.Config{NoFallback: true, Sinks: []pipeline.Sink{{Name: "app", Type: pipeline.File, Path: path, Rotate: rotate.Options{MaxSize: size}}}}
	}
	p, err := pipeline.Open(config(1 << 20))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Logger().Info("one")
	if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Skip("a directory with an open file cannot be moved: ", err)
	}
	if err := p.Reload(config(2 << 20)); err == nil || !strings.Contains(err.Error(), "cannot be opened again") {
		t.Fatalf("got %v", err)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Flush of a sink that takes nothing: %v", err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Fatal(err)
	}
	if err := p.Reload(config(1 << 20)); err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("two")
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := messages(t, read(t, path)); got != "one two" {
		t.Errorf("got %q", got)
	}
	checkAccounts(t, p.Stats(), 2)
}

// TestReloadCountsASpoolOnce takes a Logstash away and brings it back, at last by
// another path to its spool.
func TestReloadCountsASpoolOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spool, link := filepath.Join(dir, "spool"), filepath.Join(dir, "link")
	config := func(spool string) pipeline.Config {
		return pipeline.Config{Sinks: []pipeline.Sink{{Name: "c", Writer: io.Discard}, {
			Name: "ship", Type: pipeline.Logstash, Addr: "tcp://127.0.0.1:1", SpoolDir: spool, Dial: logstash.DialOptions{SpoolMode: logstash.SpoolAlways},
		}}}
	}
	p, err := pipeline.Open(config(spool))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer p.Shutdown(ctx) //nolint:errcheck // nobody is there to ship to
	for range 10 {
		p.Logger().Info("m")
	}
	check := func(when string) {
		t.Helper()
		if s := p.Stats().Sinks[1].Shipper; s.Accepted != 10 || s.Spooled+s.Queued != 10 {
			t.Errorf("%s: %d accepted, %d spooled, %d queued", when, s.Accepted, s.Spooled, s.Queued)
		}
	}
	reload := func(cfg pipeline.Config) {
		t.Helper()
		if err := p.Reload(cfg); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		without := config(spool)
		without.Sinks = without.Sinks[:1]
		reload(without)
		check("away")
		reload(config(spool))
		check("back")
	}
	if err := os.Symlink(spool, link); err != nil {
		t.Skip("there are no symbolic links: ", err)
	}
	reload(config(link))
	check("by a link")
}

// TestReloadDoesNotWaitForItsOwnRecords changes an interval while a sink hangs with
// a record of the monitor.
func TestReloadDoesNotWaitForItsOwnRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung, release := make(chan struct{}, 100), make(chan struct{})
		cfg := pipeline.Config{NoFallback: true, VolumeInterval: pipeline.Duration(time.Second), Sinks: []pipeline.Sink{
			{Name: "f", Type: pipeline.Func, Func: func(context.Context, slog.Record) error {
				hung <- struct{}{}
				<-release
				return nil
			}},
		}}
		p, err := pipeline.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		<-hung
		start := time.Now()
		cfg.VolumeInterval = 0
		if err := p.Reload(cfg); err != nil || time.Since(start) > 30*time.Second {
			t.Errorf("Reload: %v after %v", err, time.Since(start))
		}
		close(release)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReloadOpensAgainWhatItHadClosed fails when one file is closed already for
// another one.
func TestReloadOpensAgainWhatItHadClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	config := func(size pipeline.Size) pipeline.Config {
		return pipeline.Config{NoFallback: true, Sinks: []pipeline.Sink{
			{Name: "a", Type: pipeline.File, Path: a, Async: true, Rotation: pipeline.Rotation{MaxSize: size}},
			{Name: "b", Type: pipeline.File, Path: b, Rotation: pipeline.Rotation{MaxSize: size}},
		}}
	}
	p, err := pipeline.Open(config(pipeline.MB))
	if err != nil {
		t.Fatal(err)
	}
	p.Levels()[0].Leveler.(interface{ Set(level slog.Level) }).Set(slog.LevelDebug)
	if err := errors.Join(os.Remove(b), os.Mkdir(b, 0o700)); err != nil {
		t.Skip("a file that is open cannot be removed: ", err)
	}
	for range 3 {
		err := p.Reload(config(2 * pipeline.MB))
		if err == nil || !strings.Contains(err.Error(), "pipeline: b: ") || strings.Contains(err.Error(), "pipeline: a: ") {
			t.Errorf("got %v", err)
		}
		p.Logger().Debug("m")
	}
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if err := p.Reload(config(3 * pipeline.MB)); err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("end")
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got := messages(t, read(t, a)) + "; " + messages(t, read(t, b)); got != "m m m end; end" {
		t.Errorf("got %q", got)
	}
}

// startEngines has as many log files open at once as a test will have in its bubbles. The
// goroutines of rotate's engines never end, so they have to start outside.
func startEngines(t *testing.T, files int) {
	t.Helper()
	var open []*rotate.File
	for range files {
		f, err := rotate.Open(filepath.Join(t.TempDir(), "app.log"), nil)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, f)
	}
	for _, f := range open {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReloadBesideASlowSink has records on their way while the file behind them is
// exchanged: each gets into a file.
func TestReloadBesideASlowSink(t *testing.T) {
	startEngines(t, 6)
	for _, tt := range []struct {
		name     string
		takes    time.Duration
		path     string // that of the Reload
		size     int64
		err      string
		old, new string
	}{
		{"another file", 4 * time.Second, "b.log", 1 << 20, "", "slow", "meanwhile after"},
		{"a file in the way", 4 * time.Second, "a.log", 1 << 21, "", "slow meanwhile after", ""},
		{"a file in the way for too long", 8 * time.Second, "a.log", 1 << 21, "on its way through the sinks for more than 5s", "meanwhile slow after", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				config := func(path string, size int64) pipeline.Config {
					return pipeline.Config{NoFallback: true, Sinks: []pipeline.Sink{
						{Name: "f", Type: pipeline.Func, Func: func(_ context.Context, r slog.Record) error {
							if r.Message == "slow" {
								time.Sleep(tt.takes)
							}
							return nil
						}},
						{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, path), Rotate: rotate.Options{MaxSize: size}},
					}}
				}
				p, err := pipeline.Open(config("a.log", 1<<20))
				if err != nil {
					t.Fatal(err)
				}
				var all sync.WaitGroup
				all.Go(func() { p.Logger().Info("slow") })
				synctest.Wait()
				all.Go(func() {
					if err := p.Reload(config(tt.path, tt.size)); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
						t.Errorf("Reload: %v", err)
					}
				})
				time.Sleep(time.Second)
				all.Go(func() { p.Logger().Info("meanwhile") })
				all.Wait()
				p.Logger().Info("after")
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				if got := messages(t, read(t, filepath.Join(dir, "a.log"))); got != tt.old {
					t.Errorf("a.log has %q, want %q", got, tt.old)
				}
				if tt.new != "" {
					if got := messages(t, read(t, filepath.Join(dir, "b.log"))); got != tt.new {
						t.Errorf("b.log has %q, want %q", got, tt.new)
					}
				}
				checkAccounts(t, p.Stats(), 6)
			})
		})
	}
}

// TestReloadDoesNotWaitForAWriter changes the buffer before a writer that is stuck.
func TestReloadDoesNotWaitForAWriter(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	release := make(chan struct{})
	w := writerFunc(func(p []byte) (int, error) {
		<-release
		return out.Write(p)
	})
	config := func(lines int) pipeline.Config {
		return pipeline.Config{NoFallback: true, Sinks: []pipeline.Sink{{Name: "c", Writer: &w, Async: true, MaxBufferedLines: lines}}}
	}
	p, err := pipeline.Open(config(100))
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("old")
	done := make(chan error)
	go func() { done <- p.Reload(config(200)) }()
	waitFor(t, func() bool { return strings.Contains(p.Describe(), "200 lines") })
	for range 50 {
		p.Logger().Info("new") // hangs, if Reload holds it up
	}
	close(release)
	if err := errors.Join(<-done, p.Close()); err != nil {
		t.Error(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 51 {
		t.Errorf("%d lines, want 51", got)
	}
}

func TestReloadRefusesThePipelineItself(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	console := pipeline.Sink{Name: "c", Writer: &out}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{console}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	other, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Name: "h", Type: pipeline.Handler, Handler: p.Handler()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for name, h := range map[string]slog.Handler{
		"itself": p.Handler(), "derived": p.Handler().WithGroup("g"), "behind another": handler.NewGate(p.Handler(), nil),
		"its monitor": p.Monitor(), "behind another pipeline": other.Handler(),
	} {
		err := p.Reload(pipeline.Config{Sinks: []pipeline.Sink{console, {Name: "h", Type: pipeline.Handler, Handler: h}}})
		if err == nil || !strings.Contains(err.Error(), "pipeline: h: Handler leads to the pipeline itself") {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Logger().Info("m")
	if got := messages(t, out.Bytes()); got != "m" {
		t.Errorf("got %q", got)
	}
}
