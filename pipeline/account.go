package pipeline

import (
	"log/slog"
	"maps"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Each of these returns the sum of what a stage has counted before, if anything,
// and what the one in its place has. What is no count is that of the latter.

func addRecords(a, b handler.Stats) handler.Stats {
	return handler.Stats{
		Accepted: a.Accepted + b.Accepted, Written: a.Written + b.Written, Dropped: a.Dropped + b.Dropped,
		WrittenBytes: a.WrittenBytes + b.WrittenBytes,
	}
}

func addRedact(a, b redact.Stats) redact.Stats {
	b.Accepted += a.Accepted
	b.Redacted += a.Redacted
	b.Failures += a.Failures
	b.ByRule = addCounts(a.ByRule, b.ByRule)
	return b
}

func addCounts[K string | slog.Level](a, b map[K]uint64) map[K]uint64 {
	if len(a) == 0 {
		return b
	}
	sum := maps.Clone(a)
	for k, n := range b {
		sum[k] += n
	}
	return sum
}

func addBuffer(a *asyncbuf.Stats, b asyncbuf.Stats) *asyncbuf.Stats {
	if a == nil {
		return &b
	}
	b.Accepted += a.Accepted
	b.Written += a.Written
	b.Dropped += a.Dropped
	b.Queued += a.Queued
	b.DroppedFull += a.DroppedFull
	b.DroppedFailed += a.DroppedFailed
	b.DroppedShutdown += a.DroppedShutdown
	b.DroppedByLevel = addCounts(a.DroppedByLevel, b.DroppedByLevel)
	b.Refused += a.Refused
	b.QueuedBytes += a.QueuedBytes
	b.HighWater = max(b.HighWater, a.HighWater)
	b.Flushes += a.Flushes
	b.Failures += a.Failures
	b.LongestFlush = max(b.LongestFlush, a.LongestFlush)
	if b.LastError == nil {
		b.LastError = a.LastError
	}
	return &b
}

func addFile(a *rotate.Stats, b rotate.Stats) *rotate.Stats {
	if a == nil {
		return &b
	}
	b.Accepted += a.Accepted
	b.Written += a.Written
	b.Dropped += a.Dropped
	b.WrittenBytes += a.WrittenBytes
	b.Rotations += a.Rotations
	b.RotateErrors += a.RotateErrors
	b.Reopened += a.Reopened
	b.Removed += a.Removed
	b.Compressed += a.Compressed
	b.Errors += a.Errors
	if b.LastRotation.IsZero() {
		b.LastRotation = a.LastRotation
	}
	if b.LastError == nil {
		b.LastError, b.LastErrorTime = a.LastError, a.LastErrorTime
	}
	return &b
}

func addShipper(a *logstash.Stats, b logstash.Stats) *logstash.Stats {
	if a == nil {
		return &b
	}
	b.Accepted += a.Accepted
	b.Written += a.Written
	b.Dropped += a.Dropped
	b.DroppedFull += a.DroppedFull
	b.DroppedTooLarge += a.DroppedTooLarge
	b.DroppedInvalid += a.DroppedInvalid
	b.DroppedRejected += a.DroppedRejected
	b.DroppedSpool += a.DroppedSpool
	b.DroppedShutdown += a.DroppedShutdown
	b.Queued += a.Queued
	b.QueuedBytes += a.QueuedBytes
	b.Spooled += a.Spooled
	b.SpoolBytes += a.SpoolBytes
	b.Restored += a.Restored
	b.Resent += a.Resent
	b.Reconnects += a.Reconnects
	if b.LastError == nil {
		b.LastError = a.LastError
	}
	return &b
}
