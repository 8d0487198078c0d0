package asyncbuf

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"time"
)

const (
	maxSize              = 1 << 30
	defaultFlushInterval = 10 * time.Millisecond
	defaultReserve       = 0.2
	maxReserve           = 0.9
	closeTimeout         = 5 * time.Second
)

// settings is what both types of options come to, with defaults filled in.
type settings struct {
	verb          string // for errors
	single        bool   // lines are records, which succeed and fail one by one
	nests         bool   // the sink is a Writer
	batchEnds     bool   // the sink wants to hear of the end of a batch
	size          int
	limits        [2]amount // what may be queued, for each class
	early         amount    // from here on the worker does not linger
	flushInterval time.Duration
	policy        Policy
	blockTimeout  time.Duration
	syncAt        slog.Level   // where syncLevel is nil
	syncLevel     slog.Leveler // one that may change
	protectAt     slog.Level   // where protect is nil
	protect       slog.Leveler // one that may change
	retryFor      time.Duration
	onError       func(error)
	onDrop        func(Drop)
}

// The classes of lines: one may use what is kept free from the other.
const (
	below = iota // WARN
	above        // or at WARN
)

func classOf(level slog.Level) int {
	if level >= slog.LevelWarn {
		return above
	}
	return below
}

// reserves reports whether room is kept for lines at WARN and above.
func (s *settings) reserves() bool { return s.limits[below] != s.limits[above] }

// complete fills in the defaults that are the same for both types, and the limits.
func (s *settings) complete(constructor string, size int64, lines int, reserve float64) {
	if !s.policy.known() {
		panic(fmt.Sprintf("asyncbuf: %s: unknown %v", constructor, s.policy))
	}
	s.size = int(min(size, maxSize))
	if lines <= 0 {
		lines = math.MaxInt
	}
	switch {
	case reserve == 0 || math.IsNaN(reserve):
		reserve = defaultReserve
	case reserve < 0:
		reserve = 0
	}
	reserve = min(reserve, maxReserve)
	all := amount{lines: lines, bytes: s.size}
	kept := amount{bytes: int(reserve * float64(s.size))}
	if lines < math.MaxInt {
		kept.lines = int(reserve * float64(lines))
	}
	s.limits[above], s.limits[below] = all, all.minus(kept)
	share := 2
	if s.policy == DropOldest {
		share = 4
	}
	s.early = amount{lines: all.lines/share + min(all.lines%share, 1), bytes: (all.bytes + share - 1) / share}
	s.flushInterval = cmp.Or(s.flushInterval, defaultFlushInterval)
	s.blockTimeout = max(s.blockTimeout, 0)
	s.syncAt, s.syncLevel = fixed(s.syncLevel)
	s.protectAt, s.protect = fixed(s.protect)
}

// fixed returns the level that l always has, or l if it may change. A level is
// asked for with each line, for which an interface would cost, and never with the
// lock, since l is the user's.
func fixed(l slog.Leveler) (slog.Level, slog.Leveler) {
	switch l := l.(type) {
	case nil:
		return slog.LevelError, nil
	case slog.Level:
		return l, nil
	default:
		return 0, l
	}
}
