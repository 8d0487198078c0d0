package monitor_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
)

func nowhere() slog.Handler { return slog.DiscardHandler }

// enabled takes every record.
type enabled struct{ err error }

func (enabled) Enabled(context.Context, slog.Level) bool    { return true }
func (e enabled) Handle(context.Context, slog.Record) error { return e.err }
func (e enabled) WithAttrs([]slog.Attr) slog.Handler        { return e }
func (e enabled) WithGroup(string) slog.Handler             { return e }
func record(at time.Time, level slog.Level, msg string) slog.Record {
	return slog.NewRecord(at, level, msg, 0)
}

func overJSON(opts *monitor.Options) handlertest.New {
	return func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return monitor.NewHandler(slog.NewJSONHandler(w, o), opts)
	}
}

func TestSlogtest(t *testing.T) {
	var b testlog.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return monitor.NewHandler(slog.NewJSONHandler(&b, nil), nil)
	}, func(t *testing.T) map[string]any {
		m, err := handlertest.ParseJSON(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return m
	})
}

func TestContractOfWrappers(t *testing.T) {
	handlertest.RunWrapper(t, func(next slog.Handler) slog.Handler { return monitor.NewHandler(next, nil) })
}

// What slog.JSONHandler breaks by itself is not the monitor's: it must break nothing more.
func TestContract(t *testing.T) {
	known := make(map[string]bool)
	for _, v := range handlertest.Check(func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return slog.NewJSONHandler(w, o)
	}, handlertest.ParseJSON) {
		known[v.Rule] = true
	}
	for _, v := range handlertest.Check(overJSON(nil), handlertest.ParseJSON) {
		if !known[v.Rule] {
			t.Error(v)
		}
	}
}

func TestCountsEachLevel(t *testing.T) {
	h := monitor.NewHandler(nowhere(), nil)
	for _, level := range []slog.Level{
		math.MinInt, -65, -64, -4, 0, 0, 2, 4, 8, 8, 12, 63, 64, math.MaxInt,
	} {
		if err := h.Handle(t.Context(), record(time.Now(), level, "m")); err != nil {
			t.Fatal(err)
		}
	}
	want := map[slog.Level]uint64{-64: 3, -4: 1, 0: 2, 2: 1, 4: 1, 8: 2, 12: 1, 63: 3}
	s := h.Stats()
	if diff := cmp.Diff(want, s.ByLevel); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if s.Total != 14 {
		t.Errorf("total %d, want 14", s.Total)
	}
	minute := h.Rates().LastMinute
	if want := (monitor.Counts{Debug: 4, Info: 3, Warn: 1, Error: 6}); minute != want {
		t.Errorf("rates %+v, want %+v", minute, want)
	}
	if minute.Total() != 14 {
		t.Errorf("total of rates %d, want 14", minute.Total())
	}
}

func TestDerivedHandlersCountTogether(t *testing.T) {
	h := monitor.NewHandler(nowhere(), nil)
	for _, h := range []slog.Handler{
		h, h.WithAttrs([]slog.Attr{slog.Int("a", 1)}), h.WithGroup("g"), h.Before(enabled{}), h.Before(enabled{}).WithGroup("g"),
	} {
		_ = h.Handle(t.Context(), record(time.Now(), slog.LevelWarn, "m"))
	}
	if n := h.Stats().Total; n != 5 {
		t.Errorf("total %d, want 5", n)
	}
	if n := h.Before(nowhere()).Stats().Total; n != 5 {
		t.Errorf("total of another %d, want 5", n)
	}
}

func TestBeforeHasNothingBound(t *testing.T) {
	var b testlog.Buffer
	h := monitor.NewHandler(nowhere(), nil).WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").(*monitor.Handler)
	next := h.Before(slog.NewJSONHandler(&b, nil))
	_ = next.Handle(t.Context(), record(time.Time{}, slog.LevelError, "m"))
	if want := `{"level":"ERROR","msg":"m"}` + "\n"; b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

func TestErrorsComeUpAndAreCounted(t *testing.T) {
	h := monitor.NewHandler(enabled{testlog.ErrInjected}, nil)
	if err := h.Handle(t.Context(), record(time.Now(), 0, "m")); !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("the error is %v", err)
	}
	if s := h.Stats(); s.Total != 1 || s.Failed != 1 {
		t.Errorf("total %d and failed %d, want 1 and 1", s.Total, s.Failed)
	}
	health := h.Health()
	if health.State != monitor.Degraded || len(health.Reasons) != 1 {
		t.Errorf("%v because of %q, want degraded", health.State, health.Reasons)
	}
}

func TestNilNextPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"monitor: NewHandler: nil next handler":     func() { monitor.NewHandler(nil, nil) },
		"monitor: Handler.Before: nil next handler": func() { monitor.NewHandler(nowhere(), nil).Before(nil) },
	} {
		func() {
			defer func() {
				if r := recover(); r != name {
					t.Errorf("panic %v, want %s", r, name)
				}
			}()
			f()
		}()
	}
}

func TestHandleAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	h := monitor.NewHandler(enabled{}, nil)
	derived := h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
	for name, at := range map[string]func() time.Time{
		"now":      time.Now,
		"no time":  func() time.Time { return time.Time{} },
		"long ago": func() time.Time { return time.Unix(0, 0) },
	} {
		if n := testing.AllocsPerRun(1000, func() {
			r := record(at(), slog.LevelWarn, "m")
			r.AddAttrs(slog.Int("a", 1), slog.String("b", "2"))
			_ = derived.Handle(context.Background(), r)
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { derived.Enabled(context.Background(), 0) }); n != 0 {
		t.Errorf("Enabled: %v allocations, want none", n)
	}
	// A storm of errors costs the memory of those that are kept, in each second, and no more.
	for range 2 * 50 {
		_ = derived.Handle(context.Background(), record(time.Now(), slog.LevelError, "m"))
	}
	if n := testing.AllocsPerRun(100_000, func() {
		_ = derived.Handle(context.Background(), record(time.Now(), slog.LevelError, "m"))
	}); n != 0 {
		t.Errorf("a storm: %v allocations a record, want none", n)
	}
}

func TestCountsConcurrentSafe(t *testing.T) {
	const goroutines, each = 8, 2000
	h := monitor.NewHandler(nowhere(), nil)
	stop := make(chan struct{})
	sums := make(chan uint64)
	go func() { // every record is in the Stats of one Reset
		var sum uint64
		for {
			sum += h.Reset().Total
			h.Rates()
			h.Health()
			select {
			case <-stop:
				sums <- sum
				return
			default:
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			logger := slog.New(h.Before(enabled{})).With("i", i)
			for j := range each {
				logger.Log(context.Background(), slog.Level(j%20-4), "m")
			}
		})
	}
	wg.Wait()
	close(stop)
	if sum := <-sums + h.Reset().Total; sum != goroutines*each {
		t.Errorf("all Resets have %d, want %d", sum, goroutines*each)
	}
	if n := h.Rates().LastHour.Total(); n != goroutines*each {
		t.Errorf("the last hour has %d, want %d", n, goroutines*each)
	}
}

func TestResetTakesNothingFromRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := monitor.NewHandler(nowhere(), nil)
		logger := slog.New(h.Before(enabled{}))
		logger.Error("m")
		time.Sleep(2 * time.Second)
		s := h.Reset()
		if s.Total != 1 || s.Elapsed != 2*time.Second || s.PerSecond != 0.5 {
			t.Errorf("Reset returns %+v", s)
		}
		logger.Warn("m")
		if s := h.Stats(); s.Total != 1 || s.ByLevel[slog.LevelWarn] != 1 || s.Elapsed != 0 || s.PerSecond != 0 {
			t.Errorf("Stats after Reset are %+v", s)
		}
		if s := h.Totals(); s.Total != 2 || s.Elapsed != 2*time.Second || s.PerSecond != 1 {
			t.Errorf("Totals after Reset are %+v", s)
		}
		if r := h.Rates(); r.LastMinute != (monitor.Counts{Warn: 1, Error: 1}) {
			t.Errorf("Rates after Reset are %+v", r.LastMinute)
		}
	})
}
