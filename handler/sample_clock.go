package handler

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A clock counts time from when it was made.
type clock struct {
	start time.Time
	near  atomic.Int64 // when it was read last
}

// trusted is how far the time of a record may be from when the clock was read last, so
// that it need not be read again, which is most of what a record that is suppressed
// costs. Records with times in the future must not stop the others.
const trusted = 100 * time.Millisecond

// longest can be added to any time of a clock; 146 years.
const longest time.Duration = 1 << 62

func newClock() *clock { return &clock{start: time.Now()} }

// now is never zero.
func (c *clock) now() time.Duration { return time.Since(c.start) + 1 }

// of returns the time of a record, if it is one that was read from the clock of this
// program lately, and otherwise the time of the clock. It reports which.
func (c *clock) of(r *slog.Record) (at time.Duration, read bool) {
	near := time.Duration(c.near.Load())
	if r.Time != r.Time.Round(0) { // it has a reading of the monotonic clock
		at := r.Time.Sub(c.start) + 1
		if d := at - near; -trusted < d && d < trusted && at > 0 {
			return at, true
		}
	}
	at = c.now()
	c.near.Store(int64(at))
	return at, false
}

// timeOf returns the time of day at a time of the clock.
func (c *clock) timeOf(at time.Duration) time.Time { return time.Now().Add(at - c.now()) }
