package logstash

import "time"

// Stats is what a [Shipper] has done so far. At every moment
// Accepted = Written + Dropped + Queued.
type Stats struct {
	// Accepted counts the events given to Write, refused ones included.
	Accepted uint64
	// Written counts the events the transport has acked: over beats:// the
	// receiver has acked them, over tcp:// the kernel has taken them.
	Written uint64
	// Dropped counts the events given up, for one of the reasons that follow.
	Dropped uint64
	// DroppedFull counts the events that found the queue full.
	DroppedFull uint64
	// DroppedTooLarge counts the events longer than MaxEventBytes.
	DroppedTooLarge uint64
	// DroppedInvalid counts the events that were not one JSON object each.
	DroppedInvalid uint64
	// DroppedShutdown counts the events that were left when the Shipper was
	// closed, and those that came later.
	DroppedShutdown uint64
	// Queued is how many events wait for their ack.
	Queued uint64
	// QueuedBytes is the sum of their lengths.
	QueuedBytes int64

	// Resent counts the events that were sent once more because their batch
	// was not acked. The receiver may have some of them twice.
	Resent uint64
	// Reconnects counts the connections made after the first. It stays 0 with
	// a Transport of the user's.
	Reconnects uint64
	// LastError is why the last attempt that failed did so, nil if none has.
	LastError error
	// FailingSince is when the first attempt failed since the last ack. It is
	// zero while events get through.
	FailingSince time.Time
}
