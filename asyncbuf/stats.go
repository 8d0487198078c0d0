package asyncbuf

import (
	"log/slog"
	"maps"
	"time"
)

// Stats is what a [Writer] did so far. Lines are counted by call: what one
// Write or WriteLevel was given is one line. At every moment
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

	Flushes  uint64 // calls of the sink's Write
	Failures uint64 // calls that failed, were cut short or panicked

	// LongestFlush is the longest time the goroutine of the Writer took for a
	// batch. What callers write themselves is not timed: reading the clock would
	// be the greater part of the Writer's cost.
	LongestFlush time.Duration

	LastError error // last failure of the sink or of a hook; nil without one
}

// Stats returns what w did so far, as of one moment.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Dropped = w.drops.total()
	s.Queued = uint64(len(w.fill.pending())) + uint64(len(w.out.pending()))
	s.DroppedFull = w.drops.by[full]
	s.DroppedFailed = w.drops.by[failed]
	s.DroppedShutdown = w.drops.by[shutdown]
	s.DroppedByLevel = maps.Clone(w.drops.levels)
	s.QueuedBytes = int64(w.bytes())
	return s
}
