package asyncbuf

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

var (
	errClosed = fmt.Errorf("asyncbuf: write: writer closed: %w", os.ErrClosed)
	errInside = errors.New("called from inside a sink or a hook, which must not wait")
	errFull   = errors.New("asyncbuf: write: no room, and called from inside a sink or a hook, which must not wait")
)

// A Writer buffers lines on their way to a sink. It starts one goroutine, which
// Close and Shutdown end. All methods are safe for concurrent use.
type Writer struct {
	sink io.Writer
	opts WriterOptions
	size int           // WriterOptions.Size
	wake chan struct{} // wakes the worker
	done chan struct{} // closed when the worker has ended

	mu      sync.Mutex // held for short, never around the sink or a hook
	fill    batch      // where lines are appended
	out     batch      // what is being written; belongs to who set writing
	writing bool       // somebody is about to call the sink
	seq     int64      // number of the youngest line ever queued
	lostTo  int64      // number of the youngest line given up after it was queued
	waiters []*waiter  // callers waiting for room, first come first
	changed chan struct{}

	worker    workerState
	due       time.Time     // when the lines of fill have to go, at the latest; zero if idle
	flushTo   int64         // lines up to this number are to be written at once
	down      time.Time     // since when the sink has taken nothing; zero if it works
	pause     time.Duration // between the last two tries
	retryAt   time.Time     // when the next try is due
	closed    bool
	abandoned bool // Shutdown ran out of time

	drops drops
	stats Stats // except for what is kept elsewhere
}

// A waiter is a caller that waits for room.
type waiter struct {
	level slog.Level
	line  []byte
	ready chan struct{} // closed when the line was taken or the Writer closed
	mine  ticket        // zero if the line was not taken
}

// A ticket lets the caller of a line that was taken ask what became of it.
type ticket struct {
	seq  int64  // number of the line, from 1
	lost uint64 // lines that had been given up when it was taken
}

// NewWriter returns a Writer that buffers lines for sink, and starts its
// goroutine. It panics if sink is nil or opts.Policy unknown.
func NewWriter(sink io.Writer, opts *WriterOptions) *Writer {
	if sink == nil {
		panic("asyncbuf: NewWriter: nil writer")
	}
	w := &Writer{
		sink: sink,
		opts: opts.settle(),
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	w.size = int(w.opts.Size)
	w.fill, w.out = newBatch(w.size), newBatch(w.size)
	go w.work()
	return w
}

// Write is WriteLevel at level INFO.
func (w *Writer) Write(p []byte) (int, error) { return w.WriteLevel(slog.LevelInfo, p) }

// WriteLevel queues a copy of line, which the sink will get in one piece. A
// line may hold several newlines or none; an empty one is ignored. At or above
// SyncLevel the caller writes what is queued, line included, before it returns.
//
// A nil error means that the line was queued, written, or dropped under the
// Policy. An error together with len(line) means that the line is queued but
// did not reach the sink in time, although it should have. An error together
// with 0 means that the line was not taken: it is os.ErrClosed after Close.
func (w *Writer) WriteLevel(level slog.Level, line []byte) (int, error) {
	if len(line) == 0 {
		return 0, nil
	}
	synchronous := level >= w.opts.SyncLevel.Level() || len(line) > w.size
	w.mu.Lock()
	switch {
	case w.closed:
		return 0, w.refuse(errClosed)
	case len(w.waiters) > 0 || !w.fits(len(line)):
		return w.writeSlowly(level, line, synchronous)
	}
	return len(line), w.finish(w.append(level, line), synchronous)
}

// finish does what is left to do for the caller of a line that was taken. It is
// called with w.mu locked, and unlocks it.
func (w *Writer) finish(mine ticket, synchronous bool) error {
	if synchronous {
		return w.sync(mine)
	}
	w.prod()
	w.mu.Unlock()
	return nil
}

// fits reports whether there is room for a line of n bytes. A line larger than
// the buffer fits beyond its bound, one at a time.
func (w *Writer) fits(n int) bool {
	if w.opts.MaxLines > 0 && w.lines() >= w.opts.MaxLines {
		return false
	}
	queued := w.bytes()
	return queued+n <= w.size || n > w.size && 2*queued < w.size
}

// crowded reports whether it is time to write for want of room.
func (w *Writer) crowded() bool {
	return len(w.waiters) > 0 || 2*w.bytes() >= w.size || w.opts.MaxLines > 0 && 2*w.lines() >= w.opts.MaxLines
}

// append takes and queues a line.
func (w *Writer) append(level slog.Level, line []byte) ticket {
	w.fill.add(level, line)
	w.stats.Accepted++
	w.seq++
	w.stats.HighWater = max(w.stats.HighWater, int64(w.bytes()))
	return ticket{w.seq, w.lost()}
}

// lines returns how many lines are queued.
func (w *Writer) lines() int { return len(w.fill.pending()) + len(w.out.pending()) }

// bytes returns how many bytes are queued.
func (w *Writer) bytes() int { return len(w.fill.rest()) + len(w.out.rest()) }

// settled returns the number of the youngest line with which, and with all
// before it, the Writer is done.
func (w *Writer) settled() int64 { return w.seq - int64(w.lines()) }

// writeSlowly takes a line for which there is no room, or others were first.
// It is called with w.mu locked, and unlocks it.
func (w *Writer) writeSlowly(level slog.Level, line []byte, synchronous bool) (int, error) {
	w.mu.Unlock()
	protected := level >= w.opts.Protect.Level()
	patient := protected || w.opts.Policy == Block
	inside := patient && guarded()
	w.mu.Lock()
	switch {
	case w.closed:
		return 0, w.refuse(errClosed)
	case w.fits(len(line)) && (inside || len(w.waiters) == 0):
		return len(line), w.finish(w.append(level, line), synchronous)
	case inside:
		return 0, w.refuse(errFull)
	case !patient:
		w.turnAway(level)
		w.mu.Unlock()
		return len(line), nil
	}

	me := &waiter{level: level, line: line, ready: make(chan struct{})}
	w.waiters = append(w.waiters, me)
	w.prod()
	w.mu.Unlock()
	var timeout <-chan time.Time
	if !protected {
		timeout = w.timeout()
	}
	select {
	case <-me.ready:
	case <-timeout:
	}
	w.mu.Lock()
	switch {
	case me.mine.seq > 0:
		return len(line), w.finish(me.mine, synchronous)
	case w.closed:
		return 0, w.refuse(errClosed)
	}
	w.waiters = slices.DeleteFunc(w.waiters, func(other *waiter) bool { return other == me })
	w.turnAway(level)
	w.admit()
	w.mu.Unlock()
	return len(line), nil
}

// refuse counts a line that is not taken. It is called with w.mu locked, and
// unlocks it.
func (w *Writer) refuse(why error) error {
	w.stats.Refused++
	w.mu.Unlock()
	return why
}

// turnAway counts a line dropped for want of room.
func (w *Writer) turnAway(level slog.Level) {
	w.stats.Accepted++
	w.drops.add(full, line{level: level})
}

// admit takes the lines of waiting callers for which there is room.
func (w *Writer) admit() {
	for len(w.waiters) > 0 && w.fits(len(w.waiters[0].line)) {
		next := w.waiters[0]
		w.waiters[0], w.waiters = nil, w.waiters[1:]
		next.mine = w.append(next.level, next.line)
		close(next.ready)
	}
}

// change returns a channel that is closed when lines were settled, the sink
// became free, or the Writer was closed.
func (w *Writer) change() <-chan struct{} {
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

func (w *Writer) broadcast() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// timeout returns a channel that ends the wait of a caller; nil without a bound.
func (w *Writer) timeout() <-chan time.Time {
	if w.opts.BlockTimeout == 0 {
		return nil
	}
	return time.After(w.opts.BlockTimeout)
}
