package asyncbuf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// A Handler buffers records on their way to a handler that is slow: one that
// asks a network, say. It starts one goroutine, which Close and Shutdown end, and
// another one while hooks are told of something. It shares both with the handlers
// derived from it. All methods are safe for concurrent use.
//
// What a record refers to is frozen when it is logged. Numbers, strings, times and
// structs of these are passed on, slices, maps, pointers and structs copied with
// their types. What cannot be copied, such as a struct with a slice that it keeps
// to itself or with a lock, is printed: as the handlers behind print it, where
// these are of log/slog or this module, and otherwise in every way they could,
// which costs several times as much and calls all of its methods. Such a value is
// of another type then, and such an error is found by errors.Is, and what it wraps
// by errors.As, but not by its type. A copied error is not the original to
// errors.Is.
//
// A handler that looks at types and fields therefore belongs before a Handler, not
// behind it. This goes for package redact in particular: what it would have
// recognized by its type or its fields is text when it gets there.
type Handler struct {
	next slog.Handler
	to   *handlerTarget
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a Handler that buffers records for next, and starts its
// goroutine. It panics if next is nil or opts.Policy unknown.
func NewHandler(next slog.Handler, opts *HandlerOptions) *Handler {
	if next == nil {
		panic("asyncbuf: NewHandler: nil handler")
	}
	if opts == nil {
		opts = &HandlerOptions{}
	}
	s := opts.settings()
	t := &handlerTarget{root: next, dropContext: opts.DropContext, custom: opts.Summary, room: s.limits[above].lines}
	t.background = &handedContext{context.Background(), &t.core}
	t.enders, t.core.behind = enders(next), handlers(next)
	s.batchEnds = len(t.enders) > 0
	t.taker.CloneStrings, t.taker.Forms = opts.CloneStrings, formsOf(next)
	t.core.start(s, t)
	return &Handler{next: next, to: t}
}

// Enabled reports whether the handler behind h is enabled.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle queues a copy of the record that nobody can change any more: what it
// refers to is copied or printed now. At or above SyncLevel the caller hands over
// what is queued, this record included, before it returns. After Close it hands
// over the record itself; with the policy Block after those that are still queued,
// for which it waits BlockTimeout at most.
//
// The context loses its cancellation. A nil error means that the record was
// queued, handled, or dropped under the Policy. What the handler behind h returns
// is told to OnError, and to a caller that hands over its record itself.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	t := h.to
	c := &t.core
	n := t.freeze(&r)
	k, synchronous := c.kindOf(r.Level), c.synchronous(r.Level, n)
	c.lock()
	if !c.open(r.Level, n) {
		if c.shed(r.Level, k) {
			return nil
		}
		c.mu.Unlock()
		return h.wait(slot{ctx, r, h.next}, k, n)
	}
	*c.fill.slot() = slot{ctx, r, h.next}
	c.queue(r.Level, k, n)
	if !synchronous {
		c.prod()
		c.mu.Unlock()
		return nil
	}
	if err := c.finish(ctx, true); err != nil {
		return fmt.Errorf("asyncbuf: handle: %w", err)
	}
	return nil
}

func (h *Handler) wait(s slot, k kind, n int) error {
	c := &h.to.core
	taken, err := c.wait(s.ctx, s.record.Level, k, n, func(b *batch) { *b.slot() = s })
	if !taken && errors.Is(err, errClosed) {
		if c.inside(s.ctx) {
			c.mu.Lock()
			c.stats.Refused++
			c.mu.Unlock()
			err = errInside
		} else {
			err = h.to.handleNow(&s)
		}
	}
	if err != nil {
		return fmt.Errorf("asyncbuf: handle: %w", err)
	}
	return nil
}

// WithAttrs returns a Handler that shares the buffer of h and whose records get
// attrs. These are copied or printed now.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{next: h.next.WithAttrs(h.to.taker.Attrs(attrs)), to: h.to}
}

// WithGroup returns a Handler that shares the buffer of h and opens a group. An
// empty name returns the receiver.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if h.to.taker.CloneStrings {
		name = strings.Clone(name)
	}
	return &Handler{next: h.next.WithGroup(name), to: h.to}
}

// Unwrap returns the handler behind h.
func (h *Handler) Unwrap() slog.Handler { return h.next }

// Flush waits until the records that h and those it shares its buffer with have
// taken so far are handled, and then flushes the handlers behind it, those that
// Unwrap finds too, by Flush(context.Context) error, Flush() error or EndBatch()
// error. It returns an error if ctx ends first, if records were given up
// meanwhile, or when it is called from inside the handler behind h.
func (h *Handler) Flush(ctx context.Context) error { return h.to.core.flush(ctx) }

// Shutdown closes h and those it shares its buffer with. It waits until what is
// queued is handled and the goroutine of h has ended, and then flushes the
// handlers behind it as Flush does. It does not close them. From now on Handle
// does without the buffer, and refuses a record that comes from inside of a
// handler or a sink.
//
// When ctx ends first, the records in the buffer are dropped, and the error tells
// how many. A handler that does not return keeps the goroutine and its record,
// and those of the same batch count as Queued until it does. Called from inside a
// handler or a hook, Shutdown closes h and returns an error without waiting.
func (h *Handler) Shutdown(ctx context.Context) error { return h.to.core.shutdown(ctx) }

// Close is Shutdown with 5 seconds of time.
func (h *Handler) Close() error { return h.to.core.close() }

// FlushOnPanic does for h what [Writer.FlushOnPanic] does for a Writer.
func (h *Handler) FlushOnPanic() {
	if v := recover(); v != nil {
		<-lastFlush(h.Flush)
		panic(v)
	}
}

// Stats returns what h and those it shares its buffer with did so far, as of one
// moment. Its lines are records.
func (h *Handler) Stats() Stats { return h.to.core.statistics() }

// A slot is a record on its way.
type slot struct {
	ctx    context.Context //nolint:containedctx // it travels with the record
	record slog.Record
	next   slog.Handler
}

// A handlerTarget is the handler behind a Handler.
type handlerTarget struct {
	core        core // first, and so at the beginning of a cache line
	root        slog.Handler
	taker       snapshot.Taker
	dropContext bool
	custom      func(Drop) slog.Record
	room        int // records
	background  *handedContext
	enders      []func() error // see enders
}

// freeze makes r one that nobody can change, and returns its size.
func (t *handlerTarget) freeze(r *slog.Record) int {
	return int(min(t.taker.Freeze(r), maxSize)) + 1
}

func (t *handlerTarget) newBatch() batch {
	const most = 8192 // set aside at once
	n := min(t.room, most)
	return batch{slots: make([]slot, 0, n), lines: make([]line, 0, n)}
}

func (t *handlerTarget) emit(b *batch, n *int) (err error) {
	// After so many records, or a millisecond, those who wait are seen to.
	const some = 64
	var (
		slots = b.slots[b.head:]
		lines = b.lines[b.head:]
		off   = b.off
		start = time.Now()
		done  = 0
		ended = false

		look = 1 // so many records later it looks at the clock
	)
	// Not before the end: callers write to the memory beside it all the time.
	defer func() {
		if done > 0 {
			*n = lines[done-1].end - off
		}
		if !ended { // runtime.Goexit
			t.core.goexit(nil)
		}
	}()
	for i := range slots {
		if err = t.handle(&slots[i]); err != nil {
			break
		}
		if done++; done == look {
			spent := time.Since(start)
			if done >= some || spent > time.Millisecond {
				break
			}
			// While the handler is quick, the clock would cost as much.
			look = done + 1
			if spent < time.Duration(done)*time.Millisecond/some {
				look = min(2*done, done+some/4, some)
			}
		}
		select {
		case <-t.core.leaving:
			ended = true
			return nil
		default:
		}
	}
	ended = true
	return err
}

// handle hands over one record. Its frame is looked for by here.
//
//go:noinline
func (t *handlerTarget) handle(s *slot) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked("handler", v)
		}
	}()
	return s.next.Handle(t.context(s.ctx), s.record)
}

// context returns what the record of a caller with ctx is handed over with.
func (t *handlerTarget) context(ctx context.Context) context.Context {
	if t.dropContext || ctx == nil || ctx == context.Background() {
		return t.background
	}
	return &handedContext{context.WithoutCancel(ctx), &t.core}
}

// handleNow hands over a record that the buffer does not take any more. Where a
// caller may have to wait, it waits for those that the buffer still has; a hook
// would wait for itself.
func (t *handlerTarget) handleNow(s *slot) error {
	if c := &t.core; c.opts.policy == Block && here()&inHook == 0 {
		select {
		case <-c.done:
		case <-c.leaving:
		case <-c.timeout():
		}
	}
	err := errGoexit
	defer func() { t.core.countLate(s.record.Level, err) }()
	err = t.handle(s)
	return err
}

// countLate counts a record that was handed over without the buffer.
func (c *core) countLate(level slog.Level, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted++
	if err == nil {
		c.written++
		return
	}
	c.stats.Failures++
	c.blame(fmt.Errorf("handle: %w", err))
	c.drops.add(failed, c.written, line{level: level, own: true}) // its caller is told
	c.tell()
}

func (t *handlerTarget) summary(d Drop) (int, func(*batch)) {
	r := d.Record()
	if t.custom != nil {
		if r = t.custom(d); r.Message == "" && r.NumAttrs() == 0 {
			return 0, nil
		}
	}
	n := t.freeze(&r)
	return n, func(b *batch) { *b.slot() = slot{context.Background(), r, t.root} }
}

// endBatch tells all that is behind the Handler and wants to know. Its frame is
// looked for by here.
//
//go:noinline
func (t *handlerTarget) endBatch() error {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit
			t.core.endGoexit()
		}
	}()
	var errs []error
	for _, end := range t.enders {
		errs = append(errs, rescue("handler", end))
	}
	returned = true
	return errors.Join(errs...)
}

// flush flushes all that is behind the Handler.
func (t *handlerTarget) flush(ctx context.Context) error {
	var errs []error
	walk(t.root, func(h slog.Handler) (further bool) {
		switch h := h.(type) {
		case interface{ Flush(context.Context) error }:
			errs = append(errs, rescue("handler", func() error { return h.Flush(ctx) }))
		case interface{ Flush() error }:
			errs = append(errs, rescue("handler", h.Flush))
		case interface{ EndBatch() error }:
			errs = append(errs, rescue("handler", h.EndBatch))
		}
		return true
	})
	return errors.Join(errs...)
}
