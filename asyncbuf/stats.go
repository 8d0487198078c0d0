package asyncbuf

import (
	"log/slog"
	"maps"
	"time"
)

// Stats is what a [Writer] or a [Handler] did so far. Lines are counted by call:
// what one Write, WriteLevel or Handle was given is one line. At every moment
//
//	Accepted = Written + Dropped + Queued
//	Dropped  = DroppedFull + DroppedFailed + DroppedShutdown
type Stats struct {
	Accepted uint64 // lines taken, summary lines included
	Written  uint64 // lines the sink has taken to their last byte
	Dropped  uint64 // lines given up
	Queued   uint64 // lines in the buffer or being written

	DroppedFull     uint64                // dropped for want of room, under the Policy
	DroppedFailed   uint64                // dropped because the sink failed
	DroppedShutdown uint64                // dropped when Shutdown ran out of time
	DroppedByLevel  map[slog.Level]uint64 // Dropped by level; nil without drops

	// Refused counts the lines that were not taken, of which the caller was told
	// by an error: after Close, or from inside a sink or a hook without room.
	Refused uint64

	QueuedBytes int64 // bytes in the buffer or being written
	HighWater   int64 // greatest QueuedBytes ever

	Flushes  uint64 // calls of the sink's Write; of a Handler, batches handed over
	Failures uint64 // calls that failed, were cut short or panicked

	// LongestFlush is the longest time the goroutine of the Writer took for a
	// batch. What callers write themselves is not timed: reading the clock would
	// be the greater part of the Writer's cost.
	LongestFlush time.Duration

	LastError error // last failure of the sink or of a hook; nil without one
}

func (c *core) statistics() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peak()
	s := c.stats
	s.Accepted, s.Written, s.Flushes = c.accepted, c.written, c.flushes
	s.HighWater = int64(c.highest)
	s.Dropped = c.drops.total()
	s.Queued = uint64(c.queued.lines) //nolint:gosec // never negative
	s.DroppedFull = c.drops.by[full]
	s.DroppedFailed = c.drops.by[failed]
	s.DroppedShutdown = c.drops.by[shutdown]
	s.DroppedByLevel = maps.Clone(c.drops.levels)
	s.QueuedBytes = int64(c.queued.bytes)
	return s
}
