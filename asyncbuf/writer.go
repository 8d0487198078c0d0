package asyncbuf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	defaultSize     = 256 << 10
	defaultRetryFor = 10 * time.Second
)

// A Writer buffers lines on their way to a sink. It starts one goroutine, which
// Close and Shutdown end, and another one while hooks are told of something. All
// methods are safe for concurrent use.
type Writer struct {
	core core
	to   *writerTarget
}

// NewWriter returns a Writer that buffers lines for sink, and starts its
// goroutine. It panics if sink is nil or opts.Policy unknown.
func NewWriter(sink io.Writer, opts *WriterOptions) *Writer {
	if sink == nil {
		panic("asyncbuf: NewWriter: nil writer")
	}
	if opts == nil {
		opts = &WriterOptions{}
	}
	s := opts.settings()
	w := &Writer{to: &writerTarget{sink: sink, size: s.size, custom: opts.Summary}}
	w.to.core = &w.core
	_, s.nests = sink.(*Writer)
	w.to.flusher, s.batchEnds = sink.(interface{ Flush() error })
	w.core.start(s, w.to)
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
// did not reach the sink in time, although it should have, or was given up there.
// An error together with 0 means that the line was not taken: it is os.ErrClosed
// after Close.
func (w *Writer) WriteLevel(level slog.Level, line []byte) (int, error) {
	if len(line) == 0 {
		return 0, nil
	}
	c := &w.core
	k, synchronous := c.kindOf(level), c.synchronous(level, len(line))
	c.mu.Lock()
	switch {
	case !c.open(level, len(line)):
		if c.shed(level, k) {
			return len(line), nil
		}
		c.mu.Unlock()
		return w.wait(level, k, line)
	case !synchronous:
		c.fill.bytes = append(c.fill.bytes, line...)
		c.queue(level, k, len(line))
		c.prod()
		c.mu.Unlock()
		return len(line), nil
	case c.queued.lines == 0 && !c.writing && c.calm() && !c.opts.batchEnds:
		return len(line), w.through(level, k, line)
	}
	c.fill.bytes = append(c.fill.bytes, line...)
	c.queue(level, k, len(line))
	return len(line), w.wrap(c.finish(context.Background(), true))
}

// through writes a line for which the sink is free, without a copy. It is called
// with the lock, and unlocks it.
func (w *Writer) through(level slog.Level, k kind, p []byte) error {
	c := &w.core
	c.writing, c.taken = true, 0
	c.seq++
	c.accepted++
	c.alone = line{end: len(p), level: level, seq: c.seq, kind: k}
	c.queued = amount{1, len(p)}
	c.mu.Unlock()
	n, err := w.to.write(p)
	c.mu.Lock()
	if n == len(p) && err == nil && c.calm() {
		c.peak()
		c.flushes++
		c.written++
		c.alone.end = 0
		c.queued.lines--
		c.queued.bytes -= n
		c.writing = false
		c.mu.Unlock()
		return nil
	}
	return w.wrap(c.unusual(p, n, err))
}

// unusual goes on where through came to something else than the usual end.
func (c *core) unusual(p []byte, n int, err error) error {
	seq, dropped := c.alone.seq, c.drops.episode.Lines
	c.keep(p)
	c.taken = n
	c.syncers = append(c.syncers, syncer{seq: seq})
	stuck := c.account(err)
	c.conclude(dropped)
	if stuck && !c.nested(err) {
		return c.part(seq, err)
	}
	return c.settle(context.Background(), seq)
}

func (w *Writer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("asyncbuf: write: %w", err)
}

func (w *Writer) wait(level slog.Level, k kind, line []byte) (int, error) {
	taken, err := w.core.wait(context.Background(), level, k, len(line), func(b *batch) { b.bytes = append(b.bytes, line...) })
	switch {
	case err == nil:
		return len(line), nil
	case taken:
		return len(line), fmt.Errorf("asyncbuf: write: %w", err)
	default:
		return 0, fmt.Errorf("asyncbuf: write: %w", err)
	}
}

// Flush waits until the lines that w has taken so far are written, and then
// calls Flush(ctx) of the sink if it has such a method; Flush() error, as a
// bufio.Writer has it, is called after each batch. It returns an error if ctx
// ends first, if lines were given up meanwhile, or when it is called from inside
// a sink. Another goroutine writes and flushes, so Flush returns in time even if
// the sink does not.
func (w *Writer) Flush(ctx context.Context) error { return w.core.flush(ctx) }

// Shutdown closes w: from now on lines are refused, also those of callers that
// wait for room. It waits until what is queued is written and the goroutine of
// w has ended, and then calls Flush(ctx) of the sink if it has such a method.
// It does not close the sink. Further calls wait like the first one, but leave
// the sink alone.
//
// When ctx ends first, the lines in the buffer are dropped, and the error tells
// how many. A sink that does not return keeps the goroutine and the lines it is
// writing: these count as Queued until it does. Called from inside a sink or a
// hook, Shutdown closes w and returns an error without waiting.
func (w *Writer) Shutdown(ctx context.Context) error { return w.core.shutdown(ctx) }

// Close is Shutdown with 5 seconds of time.
func (w *Writer) Close() error { return w.core.close() }

// Stats returns what w did so far, as of one moment.
func (w *Writer) Stats() Stats { return w.core.statistics() }

// UseEncoder tells w how lines are encoded, so that the summary of a drop episode
// looks like the lines around it: newHandler returns a handler that writes as the
// one that writes to w does. The encoders of this module call it when they are
// made; of several calls the first one counts. WriterOptions.Summary has
// precedence.
func (w *Writer) UseEncoder(newHandler func(io.Writer) slog.Handler) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	if w.to.encoder == nil {
		w.to.encoder = newHandler
	}
}

// A writerTarget is the sink of a Writer.
type writerTarget struct {
	core    *core
	sink    io.Writer
	flusher interface{ Flush() error } // sink, where it is one
	size    int
	custom  func(Drop) []byte

	mu      sync.Mutex
	encoder func(io.Writer) slog.Handler
}

func (t *writerTarget) newBatch() batch {
	const usual = 128 // bytes of a line
	return batch{bytes: make([]byte, 0, t.size), lines: make([]line, 0, t.size/usual+1)}
}

func (t *writerTarget) emit(b *batch, n *int) (err error) {
	*n, err = t.write(b.bytes[b.off:])
	return err
}

// write calls the sink once. It returns an error unless the sink took all of p,
// and a count that fits p whatever the sink says. Its frame is looked for by
// here.
//
//go:noinline
func (t *writerTarget) write(p []byte) (n int, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil { // runtime.Goexit
			t.core.goexit(p)
		}
		n, err = 0, panicked("sink", v)
	}()
	n, err = t.sink.Write(p)
	returned = true
	if n == len(p) && err == nil {
		return n, nil
	}
	switch {
	case n < 0 || n > len(p):
		err = errors.Join(err, fmt.Errorf("sink took %d of %d bytes", n, len(p)))
		n = min(max(n, 0), len(p))
	case n < len(p) && err == nil:
		err = io.ErrShortWrite
	}
	return n, err
}

// endBatch calls Flush of a sink that has a buffer itself. Its frame is looked
// for by here.
//
//go:noinline
func (t *writerTarget) endBatch() (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil { // runtime.Goexit
			t.core.endGoexit()
		}
		err = panicked("sink", v)
	}()
	err = t.flusher.Flush()
	returned = true
	return err
}

func (t *writerTarget) flush(ctx context.Context) error {
	if sink, ok := t.sink.(interface{ Flush(context.Context) error }); ok {
		return sink.Flush(ctx)
	}
	return nil
}

func (t *writerTarget) summary(d Drop) (int, func(*batch)) {
	p := t.encode(d)
	if len(p) == 0 {
		return 0, nil
	}
	if p[len(p)-1] != '\n' {
		p = append(slices.Clip(p), '\n')
	}
	return len(p), func(b *batch) { b.bytes = append(b.bytes, p...) }
}

func (t *writerTarget) encode(d Drop) []byte {
	if t.custom != nil {
		return t.custom(d)
	}
	t.mu.Lock()
	newHandler := t.encoder
	t.mu.Unlock()
	var buf bytes.Buffer
	h := slog.Handler(slog.NewJSONHandler(&buf, nil))
	if newHandler != nil {
		h = newHandler(&buf)
	}
	_ = h.Handle(context.Background(), d.Record()) // a bytes.Buffer does not fail
	return buf.Bytes()
}
