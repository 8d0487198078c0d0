package monitor

import (
	"sync"
	"time"
)

// A ring has what was counted in each of the last units of time. The current one
// is among them.
type ring[T any] struct {
	slots []T
	at    int64 // the current unit's number
}

func newRing[T any](n int) ring[T] { return ring[T]{slots: make([]T, n)} }

// now returns the slot of the current unit.
func (r *ring[T]) now() *T { return r.slot(r.at) }

func (r *ring[T]) slot(i int64) *T { return &r.slots[i%int64(len(r.slots))] }

// move begins unit number to. Those that are passed over had nothing. There is no
// way back.
func (r *ring[T]) move(to int64) {
	for i := max(r.at, to-int64(len(r.slots))) + 1; i <= to; i++ {
		var none T
		*r.slot(i) = none
	}
	r.at = max(r.at, to)
}

// all calls yield with the units, the oldest first, and those before the first
// one as well, which had nothing.
func (r *ring[T]) all(yield func(i int, v T) bool) {
	for i := range r.slots {
		if !yield(i, r.slots[(r.at+1+int64(i))%int64(len(r.slots))]) {
			return
		}
	}
}

// history is what was counted in the last seconds, minutes and hours, counted
// from the start. It takes the same memory whatever comes.
type history struct {
	mu      sync.Mutex
	noted   tally // what is in the rings or was
	seconds ring[tally]
	minutes ring[tally]
	hours   ring[tally]
}

const (
	secondsKept = 60
	minutesKept = 60
	hoursKept   = 24
)

func newHistory() history {
	return history{
		seconds: newRing[tally](secondsKept),
		minutes: newRing[tally](minutesKept),
		hours:   newRing[tally](hoursKept),
	}
}

// note puts what was counted since the last call into the second, minute and
// hour of that call, and goes on to those of now. The caller holds the lock.
func (h *history) note(c *counters, now time.Time) {
	all := c.tally()
	more := all.less(h.noted)
	h.noted = all
	h.seconds.now().add(more)
	h.minutes.now().add(more)
	h.hours.now().add(more)

	elapsed := c.elapsed(now)
	h.seconds.move(int64(elapsed / time.Second))
	h.minutes.move(int64(elapsed / time.Minute))
	h.hours.move(int64(elapsed / time.Hour))
	c.second.Store(now.Unix())
}
