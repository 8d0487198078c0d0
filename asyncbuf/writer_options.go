package asyncbuf

import (
	"cmp"
	"log/slog"
	"time"
)

// WriterOptions configures a [Writer]. A zero WriterOptions consists entirely
// of default values.
type WriterOptions struct {
	// Size bounds the bytes that are queued, those being written included. The
	// Writer sets aside two buffers of this size, each with 32 bytes for every line
	// that it has ever held at a time. A line larger than Size is taken beyond the
	// bound, one at a time and when less than half of Size is queued, and its caller
	// writes it as if it had SyncLevel. Zero or less means 256 KiB; at most 1 GiB is
	// used.
	Size int64

	// MaxLines bounds the lines that are queued, those being written included.
	// Zero or less means that only Size counts.
	MaxLines int

	// FlushInterval is the greatest age of a buffered line when it is handed to
	// a sink that is not busy. Lines are handed over earlier when the buffer is
	// half full. Zero means 10 ms; a negative interval hands lines over as soon
	// as the Writer's goroutine runs.
	FlushInterval time.Duration

	// Policy says what happens to a line for which there is no room. The zero
	// value is Block.
	Policy Policy

	// Reserve is the share of Size and MaxLines that is kept free for lines at WARN
	// and above, which do not wait behind others for room either. Zero means 0.2,
	// a negative share none; at most 0.9 is used. A line below WARN that is larger
	// than what is left to it is taken when nothing else is queued.
	Reserve float64

	// BlockTimeout bounds each wait of a caller. One that waits for room in vain
	// drops its line, unless it is protected. One that waits at SyncLevel while
	// others write leaves its line queued, and WriteLevel returns an error that is
	// os.ErrDeadlineExceeded. The caller's own call of the sink has no bound.
	// Zero or less means no bound: a sink that hangs then holds up, in the end, all
	// who log.
	BlockTimeout time.Duration

	// SyncLevel is the level from which on a line is written, after all lines
	// before it, when WriteLevel returns. The caller writes it, without waiting
	// for the Writer's goroutine. That is no fsync. Nil means slog.LevelError.
	SyncLevel slog.Leveler

	// Protect is the level from which on a line is never dropped for want of
	// room: whatever Policy and BlockTimeout say, its caller waits, and then writes
	// it as if it had SyncLevel. Nil means slog.LevelError.
	Protect slog.Leveler

	// RetryFor is how long a sink may take nothing at all before the lines that
	// wait for it are dropped. From then on, until it takes bytes again, lines
	// are tried once. Zero means 10 s, a negative duration means that lines are
	// never dropped for it.
	RetryFor time.Duration

	// OnError, if not nil, is told of each failure of the sink or of a hook, by a
	// goroutine that is there for hooks only, one at a time. While it is busy, 16
	// more failures are kept for it. A panic in it is no failure.
	OnError func(error)

	// OnDrop, if not nil, is told of each drop episode when it ends: when a batch
	// was written and either nothing was dropped meanwhile or nothing is queued,
	// once a minute while drops go on, and in Shutdown.
	OnDrop func(Drop)

	// Summary makes the line that tells readers of the log about a drop episode
	// when it ends. It is queued at level WARN, in addition to Size. A missing
	// newline is added; an empty line is not written. Nil means Drop.Record as
	// the encoder before the Writer writes it, if that is one of this module, and
	// otherwise a line of JSON.
	Summary func(Drop) []byte
}

// settings returns what o comes to.
func (o *WriterOptions) settings() settings {
	s := settings{
		verb:          "write",
		flushInterval: o.FlushInterval,
		policy:        o.Policy,
		blockTimeout:  o.BlockTimeout,
		syncLevel:     o.SyncLevel,
		protect:       o.Protect,
		retryFor:      cmp.Or(o.RetryFor, defaultRetryFor),
		onError:       o.OnError,
		onDrop:        o.OnDrop,
	}
	size := o.Size
	if size <= 0 {
		size = defaultSize
	}
	s.complete("NewWriter", size, o.MaxLines, o.Reserve)
	return s
}
