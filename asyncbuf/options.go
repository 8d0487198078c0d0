package asyncbuf

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultSize          = 256 << 10
	maxSize              = 1 << 30
	defaultFlushInterval = 10 * time.Millisecond
	defaultRetryFor      = 10 * time.Second
	closeTimeout         = 5 * time.Second
)

// WriterOptions configures a [Writer]. A zero WriterOptions consists entirely
// of default values.
type WriterOptions struct {
	// Size bounds the bytes that are queued, those being written included. The
	// Writer sets aside two buffers of this size, and 16 bytes for each queued
	// line. A line larger than Size is taken beyond the bound, one at a time and
	// when less than half of Size is queued, and its caller writes it as if it
	// had SyncLevel. Zero or less means 256 KiB; at most 1 GiB is used.
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

	// BlockTimeout bounds each wait of a caller. One that waits for room in vain
	// drops its line, unless it is protected. One that waits at SyncLevel while
	// others write leaves its line queued, and WriteLevel returns an error that is
	// os.ErrDeadlineExceeded. The caller's own call of the sink has no bound.
	// Zero or less means no bound.
	BlockTimeout time.Duration

	// SyncLevel is the level from which on a line is written, after all lines
	// before it, when WriteLevel returns. The caller writes it, without waiting
	// for the Writer's goroutine. Nil means slog.LevelError.
	SyncLevel slog.Leveler

	// Protect is the level from which on a line is never dropped for want of
	// room: whatever Policy and BlockTimeout say, its caller waits. Nil means
	// slog.LevelError.
	Protect slog.Leveler

	// RetryFor is how long a sink may take nothing at all before the lines that
	// wait for it are dropped. From then on, until it takes bytes again, lines
	// are tried once. Zero means 10 s, a negative duration means that lines are
	// never dropped for it.
	RetryFor time.Duration

	// OnError, if not nil, is told of each failure of the sink or of a hook. It
	// may be called by several goroutines at once. A panic in it is ignored.
	OnError func(error)

	// OnDrop, if not nil, is told of each drop episode when it ends: when a batch
	// was written and either nothing was dropped meanwhile or nothing is queued,
	// once a minute while drops go on, and in Shutdown.
	OnDrop func(Drop)

	// Summary makes the line that tells readers of the log about a drop episode
	// when it ends. It is queued at level WARN, in addition to Size. A missing
	// newline is added; an empty line is not written. Nil means Drop.Record as
	// a JSON line.
	Summary func(Drop) []byte
}

// settle returns a copy of o with the defaults filled in.
func (o *WriterOptions) settle() WriterOptions {
	if o == nil {
		o = &WriterOptions{}
	}
	s := *o
	if s.Policy != Block && s.Policy != DropNewest {
		panic(fmt.Sprintf("asyncbuf: NewWriter: unknown %v", s.Policy))
	}
	if s.Size <= 0 {
		s.Size = defaultSize
	}
	s.Size = min(s.Size, maxSize)
	s.MaxLines = max(s.MaxLines, 0)
	s.FlushInterval = cmp.Or(s.FlushInterval, defaultFlushInterval)
	s.BlockTimeout = max(s.BlockTimeout, 0)
	s.RetryFor = cmp.Or(s.RetryFor, defaultRetryFor)
	if s.SyncLevel == nil {
		s.SyncLevel = slog.LevelError
	}
	if s.Protect == nil {
		s.Protect = slog.LevelError
	}
	if s.Summary == nil {
		s.Summary = jsonSummary
	}
	return s
}
