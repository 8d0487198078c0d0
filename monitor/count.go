package monitor

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// The levels that have a counter of their own. One beyond is counted as the
// nearest of them.
const (
	lowest  slog.Level = -64
	highest slog.Level = 63
)

const levels = int(highest-lowest) + 1

func slot(l slog.Level) int { return int(min(max(l, lowest), highest) - lowest) }

// counters are what a record costs: a comparison and an addition. All else is
// done once a second, or by those who ask.
type counters struct {
	start time.Time

	// What each record reads and few write. Second is the one of the wall clock in
	// which the history was brought up to date.
	second atomic.Int64
	shown  atomic.Int64 // the lowest level that anybody wants to see
	_      [64]byte     // what each record writes has cache lines of its own

	levels   [levels]atomic.Uint64
	failures atomic.Uint64 // of the next handler
}

// elapsed returns the time since the second in which the counters were made began,
// so that seconds counted from there begin with those of the wall clock, until
// that is set. It is of the monotonic clock, which nobody sets.
func (c *counters) elapsed(now time.Time) time.Duration {
	return now.Sub(c.start) + time.Duration(c.start.Nanosecond())
}

// A tally is how many records there were, by class.
type tally [classes]uint64

// The classes of a tally. A record is in one of the first four, and failed
// besides if the next handler had an error.
const (
	below = iota // INFO
	info
	warn
	erroneous
	failed
	classes
)

func class(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return erroneous
	case l >= slog.LevelWarn:
		return warn
	case l >= slog.LevelInfo:
		return info
	}
	return below
}

// tally returns all that was counted.
func (c *counters) tally() (t tally) {
	for i := range c.levels {
		t[class(lowest+slog.Level(i))] += c.levels[i].Load()
	}
	t[failed] = c.failures.Load()
	return t
}

// atLeast returns how many records at level and above were counted.
func (c *counters) atLeast(level slog.Level) (n uint64) {
	for i := slot(level); i < levels; i++ {
		n += c.levels[i].Load()
	}
	return n
}

func (t *tally) add(more tally) {
	for i, n := range more {
		t[i] += n
	}
}

// less returns t without what was there before.
func (t tally) less(before tally) tally {
	for i, n := range before {
		t[i] -= n
	}
	return t
}
