package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

// failingFunc is a Func sink that fails while it is told to.
type failingFunc struct{ fail atomic.Value } // of "", "error" or "panic"

func (f *failingFunc) sink(name string) pipeline.Sink {
	f.fail.Store("")
	return pipeline.Sink{Name: name, Type: pipeline.Func, Func: func(context.Context, slog.Record) error {
		switch f.fail.Load() {
		case "error":
			return errors.New("no connection to postgres://u:hunter2@db")
		case "panic":
			panic("out of order")
		}
		return nil
	}}
}

func TestFallbackSaysWhatASinkDoesNotTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fallback testlog.Buffer
		var f, g failingFunc
		p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{f.sink("db"), g.sink("mail")}, Fallback: &fallback})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		logger := p.Logger().WithGroup("g").With("password", "hunter2")
		lines := func() []string {
			all, _ := fallback.Lines()
			fallback.Reset()
			return all
		}
		logger.Info("works")
		if got := lines(); len(got) != 0 {
			t.Errorf("%q", got)
		}

		for _, how := range []string{"error", "panic"} {
			f.fail.Store(how)
			for i := range 25 {
				logger.Info(fmt.Sprint("fails ", i), "token", "hunter2")
			}
			got := lines()
			if len(got) != 11 {
				t.Fatalf("%s: %d lines, want the first and 10: %q", how, len(got), got)
			}
			if !strings.Contains(got[0], `"sink":"db"`) || !strings.Contains(got[0], `"level":"ERROR"`) || !strings.Contains(got[0], `"error":"`) ||
				strings.Contains(strings.Join(got, ""), "hunter2") {
				t.Errorf("%s: %s", how, got[0])
			}
			if want := `"msg":"fails 0","g":{"password":"[REDACTED]","token":"[REDACTED]"}}`; !strings.HasSuffix(got[1], want) {
				t.Errorf("%s: got %s, want %s", how, got[1], want)
			}
			health := p.Health()
			if health.State != monitor.Failing || len(health.Reasons) == 0 || strings.Contains(fmt.Sprint(health.Reasons), "hunter2") {
				t.Errorf("%s: health %v %q", how, health.State, health.Reasons)
			}

			time.Sleep(time.Minute)
			for i := range 25 {
				logger.Info(fmt.Sprint("still fails ", i))
			}
			got = lines()
			if len(got) != 11 || !strings.Contains(got[0], `"msg":"log sink still fails","sink":"db"`) || !strings.Contains(got[0], `"not_printed":15`) {
				t.Errorf("%s: %d lines: %q", how, len(got), got)
			}

			f.fail.Store("")
			logger.Info("works again")
			time.Sleep(2 * time.Second)
			logger.Info("works again")
			got = lines()
			if len(got) != 1 || !strings.Contains(got[0], `"msg":"log sink works again","sink":"db","after":"1m0s","not_printed":30`) {
				t.Errorf("%s: %q", how, got)
			}
			if down := p.Health().Sinks[0].Sink.Down; down != "" {
				t.Errorf("%s: still down: %s", how, down)
			}
			time.Sleep(time.Minute)
		}
		if s := p.Stats().Sinks; s[0].Records.Dropped != 100 || s[1].Records.Dropped != 0 || s[1].Records.Written != 105 {
			t.Errorf("%+v", s)
		}
	})
}

// One that fails now and then must not flood.
func TestFallbackBesideASinkThatFlaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fallback testlog.Buffer
		var n int
		p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.Func, Func: func(context.Context, slog.Record) error {
			if n++; n%2 == 0 {
				return errors.New("flaps")
			}
			return nil
		}}}, Fallback: &fallback})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for range 10_000 {
			p.Logger().Info("m")
			time.Sleep(time.Millisecond)
		}
		if lines, _ := fallback.Lines(); len(lines) > 10*11+2 {
			t.Errorf("%d lines in 10 seconds", len(lines))
		}
	})
}

func TestFallbackWithABuffer(t *testing.T) {
	t.Parallel()
	var out, fallback testlog.Buffer
	w := &testlog.FaultWriter{W: &out}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name: "app", Writer: w, Level: pipeline.At(slog.LevelWarn), Buffer: &asyncbuf.WriterOptions{FlushInterval: -1, RetryFor: -1},
	}, {Name: "debug", Type: pipeline.Func, Level: pipeline.At(slog.LevelDebug), Func: func(context.Context, slog.Record) error { return nil }}}, Fallback: &fallback})
	if err != nil {
		t.Fatal(err)
	}
	w.Fail(testlog.ErrInjected)
	p.Logger().Warn("first")
	waitFor(t, func() bool { return strings.Contains(fallback.String(), "log sink fails") })
	p.Logger().Warn("second")
	p.Logger().Info("below its level")
	got := fallback.String()
	if !strings.Contains(got, `"msg":"second"`) || strings.Contains(got, "below") || !strings.Contains(got, testlog.ErrInjected.Error()) {
		t.Errorf("got %s", got)
	}
	w.Fail(nil)
	waitFor(t, func() bool {
		p.Logger().Warn("third")
		return strings.Contains(fallback.String(), "works again")
	})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(messages(t, out.Bytes()), "first second third") {
		t.Errorf("got %s", out.String())
	}
}

// waitFor waits until something holds that other goroutines bring about.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain")
		}
	}
}

// A Logstash that is away is no failure while the queue takes the events.
func TestFallbackIsNotForALogstashThatIsDown(t *testing.T) {
	t.Parallel()
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	receiver.Close()
	var fallback testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name: "ship", Type: pipeline.Logstash, Addr: "beats://" + receiver.Addr(), Dial: logstash.DialOptions{MaxEvents: 10, Reserve: -1},
	}}, Fallback: &fallback})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		p.Logger().Info("m")
	}
	waitFor(t, func() bool { return p.Stats().Sinks[0].Shipper.LastError != nil })
	if s := fallback.String(); s != "" {
		t.Errorf("got %s", s)
	}
	if h := p.Health(); h.State != monitor.Degraded || h.Sinks[0].Sink.Down == "" {
		t.Errorf("got %v %q", h.State, h.Reasons)
	}
	p.Logger().Info("one too many")
	if s := fallback.String(); !strings.Contains(s, `"sink":"ship"`) || !strings.Contains(s, "one too many") {
		t.Errorf("got %s", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	checkAccounts(t, p.Stats(), 10)
}

// A fallback that fails, panics or hangs holds nobody up.
func TestFallbackThatFailsItself(t *testing.T) {
	t.Parallel()
	var f failingFunc
	var out testlog.Buffer
	w := &testlog.FaultWriter{W: &out}
	entered := make(chan struct{}, 1)
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{f.sink("f")}, Fallback: writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("hangs")) {
			entered <- struct{}{}
		}
		return w.Write(p)
	})})
	if err != nil {
		t.Fatal(err)
	}
	f.fail.Store("error")
	w.Fail(testlog.ErrInjected)
	p.Logger().Info("m")
	w.Fail(nil)
	w.Panic("boom")
	p.Logger().Info("m")
	w.Panic(nil)
	release := w.Block()
	hangs := make(chan struct{})
	go func() {
		defer close(hangs)
		p.Logger().Info("hangs")
	}()
	<-entered
	var wg sync.WaitGroup
	watch := testlog.StartStopwatch(t)
	for range 20 {
		wg.Go(func() {
			for range 100 {
				p.Logger().Info("m")
			}
		})
	}
	wg.Wait()
	if took := watch.Elapsed(); took > 5*time.Second {
		t.Errorf("2000 records took %v", took)
	}
	release()
	<-hangs
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if s := p.Stats().Sinks[0].Records; s.Dropped != 2003 {
		t.Errorf("got %+v", s)
	}
	if !strings.Contains(out.String(), `"msg":"log sink fails at the end"`) {
		t.Errorf("what was not printed is not said: %s", out.String())
	}
}

func TestNoFallback(t *testing.T) {
	t.Parallel()
	var f failingFunc
	var fallback testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{f.sink("f")}, Fallback: &fallback, NoFallback: true})
	if err != nil {
		t.Fatal(err)
	}
	f.fail.Store("error")
	p.Logger().Info("m")
	if h := p.Health(); h.State != monitor.Failing {
		t.Errorf("got %v", h.State)
	}
	if err := p.Close(); err != nil || fallback.String() != "" {
		t.Errorf("got %v and %s", err, fallback.String())
	}
}

func TestFallbackForADirectoryThatIsReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes wherever it likes")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	var fallback testlog.Buffer
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.File, Path: filepath.Join(dir, "app.log")}}, Fallback: &fallback})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.Remove(filepath.Join(dir, "app.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // so that it can be removed
	waitFor(t, func() bool {
		p.Logger().Info("m")
		return p.Stats().Sinks[0].File.LastError != nil
	})
}
