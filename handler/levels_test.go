package handler_test

import (
	"log/slog"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestLevelsRules(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(
		slog.LevelWarn,
		handler.LevelRule{Package: "b*", Level: 1}, handler.LevelRule{Package: "b", Level: 2}, handler.LevelRule{Package: "a/b", Level: 3},
		handler.LevelRule{Logger: "*", Level: 4}, handler.LevelRule{Logger: "x", Level: 5}, handler.LevelRule{Logger: "x", Package: "a", Level: 6},
		handler.LevelRule{Package: "b*", Level: 7},
	)
	want := []handler.LevelRule{
		{Logger: "x", Package: "a", Level: 6},
		{Logger: "x", Level: 5},
		{Logger: "*", Level: 4},
		{Package: "a/b", Level: 3},
		{Package: "b", Level: 2},
		{Package: "b*", Level: 7},
		{Level: slog.LevelWarn},
	}
	got := levels.Rules()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	got[0].Level = 100 // a caller may do that
	if diff := cmp.Diff(want, levels.Rules()); diff != "" {
		t.Errorf("after a change of what was returned: mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, handler.NewLevels(0, want...).Rules()); diff != "" {
		t.Errorf("made of what was returned: mismatch (-want +got):\n%s", diff)
	}
	if levels.RemoveRule(handler.LevelRule{Package: "c"}) || levels.RemoveRule(handler.LevelRule{}) {
		t.Error("removed what is not there")
	}
	if !levels.RemoveRule(handler.LevelRule{Logger: "x", Package: "a", Level: 1, Until: time.Now()}) {
		t.Error("not removed")
	}
	levels.Set(slog.LevelError)
	want = append(want[1:len(want)-1], handler.LevelRule{Level: slog.LevelError})
	if diff := cmp.Diff(want, levels.Rules()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if levels.Level() != slog.LevelError {
		t.Errorf("got %v", levels.Level())
	}
}

func TestLevelsTakeTheSameNamesForOne(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(
		slog.LevelInfo,
		handler.LevelRule{Package: "a", Level: 1}, handler.LevelRule{Package: "a/...", Level: 2},
		handler.LevelRule{Logger: "b", Level: 3}, handler.LevelRule{Logger: "b/...", Level: 4},
		handler.LevelRule{Package: "/...", Level: 5}, // which names nothing, but is not the base level
	)
	want := []handler.LevelRule{
		{Logger: "b", Level: 4}, {Package: "/...", Level: 5}, {Package: "a", Level: 2}, {Level: slog.LevelInfo},
	}
	if diff := cmp.Diff(want, levels.Rules()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestLevelsZero(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*handler.Levels) slog.Level{
		"Level":      (*handler.Levels).Level,
		"Rules":      func(l *handler.Levels) slog.Level { return l.Rules()[0].Level },
		"RemoveRule": func(l *handler.Levels) slog.Level { l.RemoveRule(handler.LevelRule{}); return l.Level() },
		"Set":        func(l *handler.Levels) slog.Level { l.Set(slog.LevelError); return l.Level() - slog.LevelError },
		"a gate": func(l *handler.Levels) slog.Level {
			h := handler.NewGate(gateEnd{}, &handler.GateOptions{Level: l})
			if !h.Enabled(t.Context(), slog.LevelInfo) || h.Enabled(t.Context(), slog.LevelInfo-1) {
				t.Error("the gate is not at INFO")
			}
			return l.Level()
		},
	} {
		if got := use(new(handler.Levels)); got != slog.LevelInfo {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A leveled is what Levels are asked for: the base level, and that of a package.
func leveled(levels *handler.Levels) [2]slog.Level {
	got := [2]slog.Level{levels.Level(), math.MinInt32}
	for _, r := range levels.Rules() {
		if r.Package == "p" {
			got[1] = r.Level
		}
	}
	return got
}

func TestLevelsThatEnd(t *testing.T) {
	t.Parallel()
	const debug, info, warn, fail, none = slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.Level(math.MinInt32)
	after := func(d time.Duration) time.Time { return time.Now().Add(d) }
	base := func(level slog.Level, d time.Duration) handler.LevelRule {
		return handler.LevelRule{Level: level, Until: after(d)}
	}
	pkg := func(level slog.Level, d time.Duration) handler.LevelRule {
		return handler.LevelRule{Package: "p", Level: level, Until: after(d)}
	}
	type step struct {
		at   time.Duration
		do   func(*handler.Levels)
		want [2]slog.Level // the base level and the package's
	}
	tests := map[string][]step{
		"the base level comes back": {
			{0, func(l *handler.Levels) { l.SetRule(base(debug, time.Minute)) }, [2]slog.Level{debug, none}},
			{time.Minute - 1, nil, [2]slog.Level{debug, none}},
			{time.Minute, nil, [2]slog.Level{info, none}},
			{time.Hour, nil, [2]slog.Level{info, none}},
		},
		"a rule goes": {
			{0, func(l *handler.Levels) { l.SetRule(pkg(debug, time.Minute)) }, [2]slog.Level{info, debug}},
			{time.Minute, nil, [2]slog.Level{info, none}},
		},
		"a rule comes back": {
			{0, func(l *handler.Levels) {
				l.SetRule(handler.LevelRule{Package: "p", Level: warn})
				l.SetRule(pkg(debug, time.Minute))
			}, [2]slog.Level{info, debug}},
			{time.Minute, nil, [2]slog.Level{info, warn}},
		},
		"again, for longer": {
			{0, func(l *handler.Levels) { l.SetRule(base(debug, time.Minute)) }, [2]slog.Level{debug, none}},
			{30 * time.Second, func(l *handler.Levels) { l.SetRule(base(warn, time.Minute)) }, [2]slog.Level{warn, none}},
			{time.Minute, nil, [2]slog.Level{warn, none}},
			{90 * time.Second, nil, [2]slog.Level{info, none}},
		},
		"again, for shorter": {
			{0, func(l *handler.Levels) { l.SetRule(base(debug, time.Hour)) }, [2]slog.Level{debug, none}},
			{time.Minute, func(l *handler.Levels) { l.SetRule(base(warn, time.Minute)) }, [2]slog.Level{warn, none}},
			{2 * time.Minute, nil, [2]slog.Level{info, none}},
			{2 * time.Hour, nil, [2]slog.Level{info, none}},
		},
		"one without an end in between": {
			{0, func(l *handler.Levels) { l.SetRule(base(debug, time.Minute)); l.SetRule(pkg(debug, time.Minute)) }, [2]slog.Level{debug, debug}},
			{time.Second, func(l *handler.Levels) {
				l.Set(fail)
				l.SetRule(handler.LevelRule{Package: "p", Level: warn})
			}, [2]slog.Level{fail, warn}},
			{time.Minute, nil, [2]slog.Level{fail, warn}},
		},
		"two, each at its time": {
			{0, func(l *handler.Levels) { l.SetRule(base(debug, time.Hour)); l.SetRule(pkg(debug, time.Minute)) }, [2]slog.Level{debug, debug}},
			{time.Minute, nil, [2]slog.Level{debug, none}},
			{time.Hour, nil, [2]slog.Level{info, none}},
		},
		"removed": {
			{0, func(l *handler.Levels) {
				l.SetRule(handler.LevelRule{Package: "p", Level: warn})
				l.SetRule(pkg(debug, time.Minute))
				l.SetRule(base(debug, time.Minute))
			}, [2]slog.Level{debug, debug}},
			{time.Second, func(l *handler.Levels) {
				if !l.RemoveRule(pkg(0, 0)) || !l.RemoveRule(base(0, 0)) || l.RemoveRule(base(0, 0)) {
					t.Error("removed, or not, against what was there")
				}
			}, [2]slog.Level{info, none}},
			{time.Minute, nil, [2]slog.Level{info, none}},
		},
		"ended before it is set": {
			{0, func(l *handler.Levels) {
				l.SetRule(base(debug, 0))
				l.SetRule(pkg(debug, -time.Hour))
				l.SetRule(handler.LevelRule{Package: "p", Level: warn})
				l.SetRule(pkg(debug, -1))
			}, [2]slog.Level{info, warn}},
		},
		"without a monotonic clock": {
			{0, func(l *handler.Levels) {
				r := base(debug, time.Minute)
				r.Until = r.Until.Round(0).UTC()
				l.SetRule(r)
			}, [2]slog.Level{debug, none}},
			{time.Minute - 1, nil, [2]slog.Level{debug, none}},
			{time.Minute, nil, [2]slog.Level{info, none}},
		},
		"for ever": {
			{0, func(l *handler.Levels) {
				l.SetRule(handler.LevelRule{Level: debug, Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)})
			}, [2]slog.Level{debug, none}},
			{1000 * time.Hour, nil, [2]slog.Level{debug, none}},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				levels := handler.NewLevels(info)
				start := time.Now()
				for i, s := range steps {
					time.Sleep(time.Until(start.Add(s.at))) // in a bubble
					synctest.Wait()
					if s.do != nil {
						s.do(levels)
					}
					if got := leveled(levels); got != s.want {
						t.Errorf("step %d: got %v, want %v", i, got, s.want)
					}
				}
			})
		})
	}
}

func TestLevelsUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(time.Minute)
		levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Level: slog.LevelDebug, Until: until})
		want := []handler.LevelRule{{Level: slog.LevelDebug, Until: until}}
		if diff := cmp.Diff(want, levels.Rules()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // in a bubble
		synctest.Wait()
		want = []handler.LevelRule{{Level: slog.LevelInfo}}
		if diff := cmp.Diff(want, levels.Rules()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestLevelsLeaveNothing sets many for a time: neither a goroutine nor, once the time
// is over, the levels are left.
func TestLevelsLeaveNothing(t *testing.T) {
	testlog.CheckGoroutines(t)
	gone := make(chan struct{})
	func() {
		levels := handler.NewLevels(slog.LevelInfo)
		for range 1000 {
			levels.SetRule(handler.LevelRule{Package: "p", Level: slog.LevelDebug, Until: time.Now().Add(time.Hour)})
		}
		levels.RemoveRule(handler.LevelRule{Package: "p"})
		runtime.AddCleanup(levels, func(struct{}) { close(gone) }, struct{}{})
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("something holds the levels")
}

func BenchmarkLevelsSet(b *testing.B) {
	levels := handler.NewLevels(slog.LevelInfo, twentyRules()...)
	b.ReportAllocs()
	for b.Loop() {
		levels.Set(slog.LevelDebug)
	}
}
