package monitor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

// A sink that is taken away hides nothing of what the others write and drop.
func TestASinkThatIsGoneDeniesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := monitor.Sink{Name: "a", WrittenBytes: 1000}, monitor.Sink{Name: "b", WrittenBytes: 1000, Dropped: 1000}
		s := newOutputs(a, b)
		h := monitor.NewHandler(enabled{}, &monitor.Options{Sinks: s.get})
		if got := h.Reset(); got.Bytes != 2000 || got.Dropped != 1000 {
			t.Errorf("at first %d bytes, %d dropped", got.Bytes, got.Dropped)
		}
		s.set(a)
		if got := h.Reset(); got.Bytes != 0 || got.Dropped != 0 {
			t.Errorf("after b has gone %d bytes, %d dropped, want none", got.Bytes, got.Dropped)
		}
		for range 3 {
			time.Sleep(time.Second)
			a.WrittenBytes, a.Dropped = a.WrittenBytes+100, a.Dropped+100
			s.set(a)
			if got := h.Reset(); got.Bytes != 100 || got.Dropped != 100 {
				t.Errorf("%d bytes, %d dropped, want 100 of each", got.Bytes, got.Dropped)
			}
		}
		b.WrittenBytes += 7
		s.set(b, a) // which goes on with the counts it had
		if got := h.Reset(); got.Bytes != 7 || got.Dropped != 0 {
			t.Errorf("after b has come back %d bytes, %d dropped, want 7 and 0", got.Bytes, got.Dropped)
		}
		if got := h.Totals(); got.Bytes != 2307 || got.Dropped != 1300 {
			t.Errorf("in all %d bytes, %d dropped, want 2307 and 1300", got.Bytes, got.Dropped)
		}
	})
}

// What somebody else was told a moment ago is not counted again.
func TestAnOlderReadingCountsNothingTwice(t *testing.T) {
	newer, older := monitor.Sink{Name: "a", Dropped: 5}, monitor.Sink{Name: "a", Dropped: 3}
	s := newOutputs(newer)
	h := monitor.NewHandler(enabled{}, &monitor.Options{Sinks: s.get})
	for i, step := range []struct {
		sink monitor.Sink
		want uint64
	}{{newer, 5}, {older, 0}, {newer, 0}, {monitor.Sink{Name: "a", Dropped: 6}, 1}} {
		s.set(step.sink)
		if got := h.Reset().Dropped; got != step.want {
			t.Errorf("step %d: %d dropped, want %d", i, got, step.want)
		}
	}
}
