package logstash

import "time"

// Stats is what a [Shipper] has done so far. At every moment
// Accepted = Written + Dropped + Queued + Spooled.
type Stats struct {
	// Accepted counts the events given to Write, refused ones included, and
	// those that were found in the spool.
	Accepted uint64
	// Written counts the events that have been acked, or, without acks, that
	// the kernel has taken.
	Written uint64
	// Dropped counts the events given up, for one of the reasons that follow.
	Dropped uint64
	// DroppedFull counts the events for which there was no room, and those that
	// made room for others.
	DroppedFull uint64
	// DroppedTooLarge counts the events longer than MaxEventBytes.
	DroppedTooLarge uint64
	// DroppedInvalid counts the events that were not one JSON object each.
	DroppedInvalid uint64
	// DroppedRejected counts the events that the receiver will not take. They are
	// in the QuarantineFile, if there is one.
	DroppedRejected uint64
	// DroppedSpool counts the events that the spool has given up: older than
	// SpoolMaxAge, damaged on disk, or to make room for others.
	DroppedSpool uint64
	// DroppedShutdown counts the events that were left when the Shipper was
	// closed without a spool, and those that came later.
	DroppedShutdown uint64
	// Queued is how many events wait in memory for their ack.
	Queued uint64
	// QueuedBytes is the sum of their lengths.
	QueuedBytes int64
	// Spooled is how many events wait in the spool for their ack.
	Spooled uint64
	// SpoolBytes is how much of the disk the spool has.
	SpoolBytes int64

	// Restored counts the events that were found in the spool.
	Restored uint64
	// Resent counts the events that were sent once more because they were
	// not acked. The receiver may have them twice.
	Resent uint64
	// Reconnects counts the connections made after the first of each that is open at the
	// same time. It stays 0 with
	// a Transport of the user's or of a Scheme.
	Reconnects uint64
	// LastError is why the last attempt that failed did so, nil if none has. Of one of
	// several addresses it tells as OnError does.
	LastError error
	// FailingSince is when the first attempt failed since the last ack. It is
	// zero while events get through.
	FailingSince time.Time
}
