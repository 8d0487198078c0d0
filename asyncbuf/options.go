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
	maxLines             = 1 << 24
	defaultFlushInterval = 10 * time.Millisecond
	defaultReserve       = 0.2
	maxReserve           = 0.9
	closeTimeout         = 5 * time.Second
)

// settings is what both types of options come to, with defaults filled in.
type settings struct {
	single        bool         // lines are records, which succeed and fail one by one
	batchEnd      func() error // if not nil, called when a batch was written
	size          int
	limits        [2]limit // for each class
	early         limit    // from here on the worker does not linger
	flushInterval time.Duration
	policy        Policy
	blockTimeout  time.Duration
	syncAt        slog.Level   // where syncLevel is nil
	syncLevel     slog.Leveler // one that may change
	protect       slog.Leveler
	retryFor      time.Duration
	onError       func(error)
	onDrop        func(Drop)
}

// A limit bounds what may be queued when a line is added.
type limit struct{ bytes, lines int }

// The classes of lines: there is room for which others do not take.
const (
	common  = iota
	warning // WARN and above
)

func classOf(level slog.Level) int {
	if level >= slog.LevelWarn {
		return warning
	}
	return common
}

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
	all := limit{s.size, lines}
	s.limits[warning] = all
	s.limits[common] = limit{all.bytes - int(reserve*float64(all.bytes)), all.lines}
	if lines < math.MaxInt {
		s.limits[common].lines -= int(reserve * float64(all.lines))
	}
	share := 2
	if s.policy == DropOldest {
		share = 4
	}
	s.early = limit{(all.bytes + share - 1) / share, all.lines/share + min(all.lines%share, 1)}
	s.flushInterval = cmp.Or(s.flushInterval, defaultFlushInterval)
	s.blockTimeout = max(s.blockTimeout, 0)
	switch level := s.syncLevel.(type) {
	case nil:
		s.syncAt = slog.LevelError
	case slog.Level: // asked for each line: an interface would cost
		s.syncAt, s.syncLevel = level, nil
	}
	if s.protect == nil {
		s.protect = slog.LevelError
	}
}
