package monitor

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

type taking struct{}

func (taking) Enabled(context.Context, slog.Level) bool  { return true }
func (taking) Handle(context.Context, slog.Record) error { return nil }
func (t taking) WithAttrs([]slog.Attr) slog.Handler      { return t }
func (t taking) WithGroup(string) slog.Handler           { return t }

// A wall clock that is set makes the second that was noted last another one than
// that of the records to come.
func TestWallClockIsSet(t *testing.T) {
	for name, by := range map[string]int64{"forth": -3600, "back": 3600, "far back": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHandler(taking{}, nil)
				logger := slog.New(h)
				logger.Info("before")
				time.Sleep(time.Second)
				h.shared.second.Add(by)
				for range 3 {
					logger.Info("m")
				}
				time.Sleep(time.Second)
				logger.Info("m")
				r := h.Rates()
				if r.Seconds[57].Info != 1 || r.Seconds[58].Info != 3 || r.Seconds[59].Info != 1 {
					t.Errorf("the last seconds have %+v", r.Seconds[57:])
				}
				if n := h.Stats().Total; n != 5 {
					t.Errorf("total %d, want 5", n)
				}
			})
		})
	}
}

// A clock that goes back, which none should, or far ahead, after a sleep, loses
// nothing and brings no flood.
func TestHistoryTakesAnyTime(t *testing.T) {
	h := NewHandler(taking{}, nil)
	s := h.shared
	at := func(d time.Duration) {
		slog.New(h).Error("m")
		s.history.mu.Lock()
		defer s.history.mu.Unlock()
		s.history.note(&s.counters, s.start.Add(d))
	}
	for _, d := range []time.Duration{time.Second, -time.Hour, 0, 1 << 61, time.Second, -1 << 62} {
		at(d)
	}
	if got := *s.history.seconds.now(); got[erroneous] != 2 { // the first after the jump, and the one that came back
		t.Errorf("the second of the jump has %v", got)
	}
	var sum tally
	for _, r := range []*ring[tally]{&s.history.seconds, &s.history.minutes, &s.history.hours} {
		r.all(func(_ int, t tally) bool { sum.add(t); return true })
	}
	if sum[erroneous] != 3*2 {
		t.Errorf("all rings have %v", sum)
	}
	if n := h.Stats().Total; n != 6 {
		t.Errorf("total %d, want 6", n)
	}
}

func TestRing(t *testing.T) {
	r := newRing[int](3)
	for _, step := range []struct {
		to   int64
		want [3]int // after 1 was added
	}{
		{0, [3]int{0, 0, 1}},
		{1, [3]int{0, 1, 1}},
		{1, [3]int{0, 1, 2}},
		{2, [3]int{1, 2, 1}},
		{3, [3]int{2, 1, 1}},
		{5, [3]int{1, 0, 1}},
		{4, [3]int{1, 0, 2}},
		{8, [3]int{0, 0, 1}},
		{1 << 60, [3]int{0, 0, 1}},
		{-1 << 60, [3]int{0, 0, 2}},
	} {
		r.move(step.to)
		*r.now()++
		var got [3]int
		r.all(func(i, n int) bool { got[i] = n; return true })
		if got != step.want {
			t.Fatalf("after move to %d: %v, want %v", step.to, got, step.want)
		}
	}
}
