package asyncbuf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A core is what a Writer and a Handler have in common: two batches, one that
// callers fill and one that is being written, and a goroutine that swaps them.
type core struct {
	opts   settings
	target target
	wake   chan struct{} // wakes the worker
	done   chan struct{} // closed when the worker has ended
	hurry  atomic.Bool   // somebody waits for a part of a batch

	mu      sync.Mutex // held for short, never around the sink or a hook
	fill    batch      // where lines are added
	out     batch      // what is being written; belongs to who set writing
	writing bool       // somebody is about to call the sink
	taken   int        // bytes of out that the present call of the sink took; belongs to who set writing
	seq     int64      // number of the youngest line ever queued
	lines   int        // not done, in both batches
	bytes   int        // of these lines
	special bool       // closed, or with waiters, or to drop the oldest lines
	waiters [2][]*waiter
	syncers []syncer
	changed chan struct{}

	worker    workerState
	due       time.Time     // when the lines of fill have to go, at the latest; zero if idle
	flushTo   int64         // lines up to this number are to be written at once
	down      time.Time     // since when the sink has taken nothing; zero if it works
	failedAt  time.Time     // when the last try failed
	pause     time.Duration // between the last two tries
	retryAt   time.Time     // when the next try is due
	closed    bool
	abandoned bool // Shutdown ran out of time

	failures []error // for OnError
	telling  bool    // the hooks are being told
	summary  int64   // number of the last summary line; 0 if there is none
	drops    drops
	stats    Stats // except for what is kept elsewhere
}

// A target is where the lines of a core go.
type target interface {
	// newBatch returns an empty batch for as much as the settings allow.
	newBatch() batch
	// emit hands lines of b to the sink, from the first one that is not done, and
	// sets n to the bytes of b that the sink has taken so far. Without an error
	// it need not have tried all of them.
	emit(b *batch, n *int) error
	// flush calls what the sink has for Flush.
	flush(ctx context.Context) error
	// summary makes the line for a drop episode. A size of 0 stands for none.
	summary(d Drop) (size int, put func(*batch))
}

// A waiter is a caller that waits for room.
type waiter struct {
	level slog.Level
	size  int
	put   func(*batch)
	sync  bool          // it will wait for its line, too
	ready chan struct{} // closed when the line was taken or the core closed
	seq   int64         // 0 if the line was not taken
}

// A syncer is a caller that waits until its line is written.
type syncer struct {
	seq     int64
	dropped error // why the line was dropped, if it was
}

var (
	errClosed = fmt.Errorf("buffer closed: %w", os.ErrClosed)
	errInside = errors.New("called from inside a sink or a hook, which must not wait")
	errNoRoom = errors.New("no room")
	errFull   = errors.New("no room, and called from inside a sink, which must not wait")
)

func (c *core) start(s settings, t target) {
	c.opts, c.target = s, t
	c.wake, c.done = make(chan struct{}, 1), make(chan struct{})
	c.fill, c.out = t.newBatch(), t.newBatch()
	c.mark()
	go c.work()
}

// open reports whether a line can be taken at once. It is called with c.mu
// locked, as is everything here whose comment does not say otherwise.
func (c *core) open(level slog.Level, size int) bool {
	limit := &c.opts.limits[classOf(level)]
	if c.special || c.bytes+size > limit.bytes {
		return c.openSpecial(level, size)
	}
	return c.lines < limit.lines
}

func (c *core) openSpecial(level slog.Level, size int) bool {
	class := classOf(level)
	return !c.closed && len(c.waiters[warning]) == 0 && (class == warning || len(c.waiters[common]) == 0) &&
		c.fits(class, size) || c.makeRoom(level, size)
}

// mark sets c.special after a change.
func (c *core) mark() {
	c.special = c.closed || c.waiting() || c.opts.policy == DropOldest
}

func (c *core) waiting() bool { return len(c.waiters[common])+len(c.waiters[warning]) > 0 }

// count counts what is not done after lines were written or dropped.
func (c *core) count() {
	c.lines = len(c.fill.pending()) + len(c.out.pending())
	c.bytes = c.fill.size() + c.out.size()
}

// fits reports whether there is room for a line. One larger than that fits beyond
// the bound, one at a time.
func (c *core) fits(class, size int) bool {
	limit := &c.opts.limits[class]
	switch {
	case !c.bounded(class, size, c.lines, c.bytes):
		return false
	case c.opts.policy != DropOldest || len(c.fill.pending()) == 0:
		return true
	default:
		// The other half is for the lines that are being written.
		return 2*(c.fill.size()+size) <= limit.bytes && 2*len(c.fill.pending()) < limit.lines
	}
}

// bounded reports whether a line keeps the bounds beside so many lines and bytes.
func (c *core) bounded(class, size, lines, bytes int) bool {
	limit := &c.opts.limits[class]
	if size > limit.bytes {
		return lines < limit.lines && 2*bytes < c.opts.size
	}
	return lines < limit.lines && bytes+size <= limit.bytes
}

// early reports whether it is time to write for want of room.
func (c *core) early() bool {
	return c.bytes >= c.opts.early.bytes || c.lines >= c.opts.early.lines || c.waiting()
}

// synchronous reports whether the caller of a line writes it. It needs no lock.
func (c *core) synchronous(level slog.Level, size int) bool {
	at := c.opts.syncAt
	if c.opts.syncLevel != nil {
		at = c.opts.syncLevel.Level()
	}
	return level >= at || size > c.opts.limits[classOf(level)].bytes
}

// queue notes a line that was put into fill.
func (c *core) queue(level slog.Level, size int) { c.admitTo(&c.fill, level, size) }

func (c *core) admitTo(b *batch, level slog.Level, size int) {
	c.seq++
	c.stats.Accepted++
	c.lines++
	c.bytes += size
	b.add(level, size, c.seq)
}

// finish does what is left to do for the caller of the youngest line. It unlocks
// c.mu.
func (c *core) finish(synchronous bool) error {
	if synchronous {
		c.syncers = append(c.syncers, syncer{seq: c.seq})
		return c.settle(c.seq)
	}
	c.prod()
	c.mu.Unlock()
	return nil
}

// peak notes how much is queued. It is called before that becomes less.
func (c *core) peak() { c.stats.HighWater = max(c.stats.HighWater, int64(c.bytes)) }

// settled returns the number of the youngest line with which, and with all
// before it, the core is done.
func (c *core) settled() int64 {
	if p := c.out.pending(); len(p) > 0 {
		return p[0].seq - 1
	}
	if p := c.fill.pending(); len(p) > 0 {
		return p[0].seq - 1
	}
	return c.seq
}

// shed drops a line for which there is no room, if it may be dropped at once,
// and reports whether it was. It unlocks c.mu if so.
func (c *core) shed(level slog.Level) bool {
	if c.closed || c.opts.policy == Block || level >= c.opts.protect.Level() {
		return false
	}
	c.turnAway(level)
	c.mu.Unlock()
	return true
}

// wait waits for room for a line. It is called without c.mu. With an error it
// says whether the line was taken nevertheless.
func (c *core) wait(level slog.Level, size int, put func(*batch)) (taken bool, err error) {
	protected := level >= c.opts.protect.Level()
	class, sync := classOf(level), protected || c.synchronous(level, size)
	inside := c.inside()
	c.mu.Lock()
	switch {
	case c.closed:
		return false, c.refuse(errClosed)
	case c.open(level, size), inside && c.fits(class, size):
		put(&c.fill)
		c.queue(level, size)
		return true, c.finish(sync)
	case inside:
		return false, c.refuse(errFull)
	}

	me := &waiter{level: level, size: size, put: put, sync: sync, ready: make(chan struct{})}
	c.waiters[class] = append(c.waiters[class], me)
	c.mark()
	c.hurry.Store(true)
	c.prod()
	c.mu.Unlock()
	var timeout <-chan time.Time
	if !protected {
		timeout = c.timeout()
	}
	select {
	case <-me.ready:
	case <-timeout:
	}
	c.mu.Lock()
	switch {
	case me.seq > 0 && sync:
		return true, c.settle(me.seq)
	case me.seq > 0:
		c.prod()
		c.mu.Unlock()
		return true, nil
	case c.closed:
		return false, c.refuse(errClosed)
	}
	c.waiters[class] = slices.DeleteFunc(c.waiters[class], func(other *waiter) bool { return other == me })
	c.turnAway(level)
	c.admit()
	c.mu.Unlock()
	return false, nil
}

// refuse counts a line that is not taken. It unlocks c.mu. A record that comes
// after the end is handled without the buffer.
func (c *core) refuse(why error) error {
	if !c.closed || !c.opts.single {
		c.stats.Refused++
	}
	c.mu.Unlock()
	return why
}

// turnAway counts a line dropped for want of room.
func (c *core) turnAway(level slog.Level) {
	c.stats.Accepted++
	c.drops.add(full, false, c.stats.Written, line{level: level})
}

// makeRoom drops the oldest lines until there is room for one, if that is the
// policy, and reports whether there is. Where room is kept for WARN, a lower line
// takes it from lines of its own kind only.
func (c *core) makeRoom(level slog.Level, size int) bool {
	class := classOf(level)
	if c.opts.policy != DropOldest || c.closed || c.waiting() ||
		!c.bounded(class, size, len(c.out.pending()), c.out.size()) {
		return false
	}
	c.peak()
	below := c.opts.protect.Level()
	if class == common && c.opts.limits[common] != c.opts.limits[warning] {
		below = min(below, slog.LevelWarn)
	}
	for !c.fits(class, size) {
		gone, ok := c.fill.dropOldest(below)
		if !ok {
			return false
		}
		c.drop(full, gone)
	}
	c.broadcast()
	return true
}

// drop counts lines that were queued and are dropped.
func (c *core) drop(why reason, lines ...line) {
	c.count()
	if i := slices.IndexFunc(lines, func(l line) bool { return l.seq == c.summary }); i >= 0 {
		c.drops.add(why, true, c.stats.Written, lines[i])
		c.summary = 0
		lines = slices.Delete(lines, i, i+1) // they are forgotten already
	}
	c.drops.add(why, false, c.stats.Written, lines...)
	for i := range c.syncers {
		if slices.ContainsFunc(lines, func(l line) bool { return l.seq == c.syncers[i].seq }) {
			c.syncers[i].dropped = c.because(why)
		}
	}
}

// because returns why lines were dropped.
func (c *core) because(why reason) error {
	switch why {
	case failed:
		return c.stats.LastError
	case shutdown:
		return errClosed
	default:
		return errNoRoom
	}
}

// admit takes the lines of waiting callers for which there is room.
func (c *core) admit() {
	for class := warning; class >= common; class-- {
		for len(c.waiters[class]) > 0 && c.fits(class, c.waiters[class][0].size) {
			next := c.waiters[class][0]
			c.waiters[class][0], c.waiters[class] = nil, c.waiters[class][1:]
			next.put(&c.fill)
			c.queue(next.level, next.size)
			next.seq = c.seq
			if next.sync {
				c.syncers = append(c.syncers, syncer{seq: c.seq})
			}
			close(next.ready)
		}
		if len(c.waiters[class]) > 0 {
			break
		}
	}
	c.mark()
}

// change returns a channel that is closed when lines were settled, the sink
// became free, or the core was closed.
func (c *core) change() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
		c.hurry.Store(true)
	}
	return c.changed
}

func (c *core) broadcast() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// timeout returns a channel that ends the wait of a caller; nil without a bound.
// It needs no lock.
func (c *core) timeout() <-chan time.Time {
	if c.opts.blockTimeout == 0 {
		return nil
	}
	return time.After(c.opts.blockTimeout)
}
