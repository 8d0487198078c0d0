package asyncbuf

import (
	"log/slog"
	"time"
)

const (
	defaultRecords = 2048
	defaultHeld    = 4 << 20
	maxRecords     = 1 << 20
)

// HandlerOptions configures a [Handler]. A zero HandlerOptions consists entirely
// of default values.
type HandlerOptions struct {
	// MaxLines bounds the records that are queued, those being handled included.
	// The Handler sets aside two buffers for so many, of about 350 bytes each, up
	// to 8192. Zero or less means 2048; at most 1,048,576 is used.
	MaxLines int

	// Size bounds, in bytes, what the queued records refer to, those being handled
	// included: their texts, copies of their values, and attrs beyond the fifth. It
	// is an estimate. A record larger than Size is taken beyond the bound, one at a
	// time and when less than half of Size is queued, and its caller hands it over
	// as if it had SyncLevel. Zero or less means 4 MiB; at most 1 GiB is used.
	Size int64

	// FlushInterval is the greatest age of a queued record when it is handed to a
	// handler that is not busy. Records are handed over earlier when the buffer is
	// half full. Zero means 10 ms; a negative interval hands records over as soon
	// as the Handler's goroutine runs.
	FlushInterval time.Duration

	// Policy says what happens to a record for which there is no room. The zero
	// value is Block.
	Policy Policy

	// Reserve is the share of MaxLines and Size that is kept free for records at
	// WARN and above, which do not wait behind others for room either. Zero means
	// 0.2, a negative share none; at most 0.9 is used. A record below WARN that is
	// larger than what is left to it is taken when nothing else is queued.
	Reserve float64

	// BlockTimeout bounds each wait of a caller. One that waits for room in vain
	// drops its record, unless it is protected. One that waits at SyncLevel while
	// others hand records over leaves its own queued, and Handle returns an error
	// that is os.ErrDeadlineExceeded. The caller's own call of the handler has no
	// bound. Zero or less means no bound: a handler that hangs then holds up, in the
	// end, all who log.
	BlockTimeout time.Duration

	// SyncLevel is the level from which on a record is handled, after all before
	// it, when Handle returns. The caller hands it over, without waiting for the
	// Handler's goroutine. Nil means slog.LevelError.
	SyncLevel slog.Leveler

	// Protect is the level from which on a record is never dropped for want of
	// room: whatever Policy and BlockTimeout say, its caller waits, and then hands
	// it over as if it had SyncLevel. Nil means slog.LevelError.
	Protect slog.Leveler

	// RetryFor is how long a record that the handler returns an error for is tried
	// again, with pauses of 10 ms to 1 s, before it is dropped; those behind it
	// wait. From then on, until a record is handled, records are tried once. A
	// handler that fails may have done half of it: a fan-out may have failed in one
	// branch, and the others get the record again. Hence zero means that a record
	// is tried once. A negative duration means that records are never dropped for
	// it.
	RetryFor time.Duration

	// CloneStrings copies all strings of a record, for programs whose strings
	// change because they refer to a buffer that is used again, as those of
	// fasthttp do.
	CloneStrings bool

	// DropContext hands records over with an empty context. Without it the values
	// of the context are kept until the record is handled, which is too long for
	// contexts that are used again when a request has ended, as those of gin and
	// fasthttp are.
	DropContext bool

	// OnError, if not nil, is told of each failure of the handler or of a hook, by
	// a goroutine that is there for hooks only, one at a time. While it is busy, 16
	// more failures are kept for it. A panic in it is no failure.
	OnError func(error)

	// OnDrop, if not nil, is told of each drop episode when it ends: when a batch
	// was handled and either nothing was dropped meanwhile or nothing is queued,
	// once a minute while drops go on, and in Shutdown.
	OnDrop func(Drop)

	// Summary makes the record that tells readers of the log about a drop episode
	// when it ends. It is queued, in addition to MaxLines, for the handler that
	// NewHandler was given. One without a message and attrs is not handled. Nil
	// means Drop.Record.
	Summary func(Drop) slog.Record
}

// settings returns what o comes to.
func (o *HandlerOptions) settings() settings {
	s := settings{
		verb:          "handle",
		single:        true,
		flushInterval: o.FlushInterval,
		policy:        o.Policy,
		blockTimeout:  o.BlockTimeout,
		syncLevel:     o.SyncLevel,
		protect:       o.Protect,
		retryFor:      o.RetryFor,
		onError:       o.OnError,
		onDrop:        o.OnDrop,
	}
	size, records := o.Size, o.MaxLines
	if size <= 0 {
		size = defaultHeld
	}
	if records <= 0 {
		records = defaultRecords
	}
	s.complete("NewHandler", size, min(records, maxRecords), o.Reserve)
	return s
}
