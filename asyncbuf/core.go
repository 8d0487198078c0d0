package asyncbuf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// A core is what a Writer and a Handler have in common: two batches, one that
// callers fill and one that is being written, and a goroutine that swaps them.
//
// The way of a line: where it finds room (open), it is put into fill and noted
// (queue). Where it does not, it is dropped (shed), or its caller waits until
// another goroutine takes it (wait, admit). The worker (work, plan) or, at
// SyncLevel, the caller (settle, await) hands over all there is (drain): it swaps
// the batches, calls the sink (emit), counts what that took (account, stall), and
// lets others do so (conclude, release). Each drop is counted (drop), and told of by
// a goroutine for the hooks (tell). In the end no more lines are taken (end), and
// when time runs out what is left is dropped (abandon, leave).
type core struct {
	mu sync.Mutex // held for short, never around the sink or a hook
	_  [56]byte   // who waits for it looks at it all the time

	// What each line changes comes first, in as few cache lines as possible: they
	// go from one core of the machine to the other with each line.
	special  bool        // closed, or with waiters, or to drop the oldest lines
	writing  bool        // somebody is about to call the sink
	dropping bool        // there is a drop episode
	worker   workerState // what wakes the worker
	seq      int64       // number of the youngest line ever queued
	queued   amount      // not done
	accepted uint64
	highest  int           // most bytes ever queued
	wake     chan struct{} // wakes the worker
	fill     batch         // where lines are added

	_ [64]byte

	opts    settings
	target  target
	behind  []*core       // those of the Handlers behind this one
	done    chan struct{} // closed when the worker has ended
	leaving chan struct{} // closed when Shutdown has run out of time

	_ [64]byte

	out     batch // what is being written; belongs to who set writing
	taken   int   // bytes of out that the sink took in the present call; belongs to the same
	alone   line  // what is being written without a copy: end is its size, or 0
	written uint64
	flushes uint64
	waiters [2][]*waiter
	syncers []syncer
	changed chan struct{}

	due       time.Time     // when the lines of fill have to go, at the latest; zero if idle
	flushTo   int64         // lines up to this number are to be written at once
	down      time.Time     // since when the sink has taken nothing; zero if it works
	failedAt  time.Time     // when the last try failed
	pause     time.Duration // between the last two tries
	retryAt   time.Time     // when the next try is due
	closed    bool
	abandoned bool // Shutdown ran out of time

	last     error   // of the sink
	failures []error // for OnError
	telling  bool    // the hooks are being told
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
	// endBatch tells the sink that all there is was handed over, if it wants to
	// know.
	endBatch() error
	// flush calls what the sink has for Flush.
	flush(ctx context.Context) error
	// summary makes the line for a drop episode. A size of 0 stands for none.
	summary(d Drop) (size int, put func(*batch))
}

// A waiter is a caller that waits for room.
type waiter struct {
	level slog.Level
	kind  kind
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
	c.wake, c.done, c.leaving = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	c.fill, c.out = t.newBatch(), t.newBatch()
	c.mark()
	go c.work()
}

// lock locks c.mu for a caller that holds it no longer than it takes to copy a
// record. Where another one does so, a mutex would pause for longer than that
// before it looks again.
func (c *core) lock() {
	const tries = 150 // several times as long
	for range tries {
		if c.mu.TryLock() {
			return
		}
	}
	c.mu.Lock()
}

// open reports whether a line can be taken at once. It is called with c.mu
// locked, as is everything here whose comment does not say otherwise.
func (c *core) open(level slog.Level, size int) bool {
	limit := &c.opts.limits[classOf(level)]
	if c.special || c.queued.bytes+size > limit.bytes {
		return c.openSpecial(level, size)
	}
	return c.queued.lines < limit.lines
}

func (c *core) openSpecial(level slog.Level, size int) bool {
	class := classOf(level)
	first := len(c.waiters[above]) == 0 && (class == above || len(c.waiters[below]) == 0)
	if !c.closed && first && c.fits(class, size) {
		return true
	}
	return c.makeRoom(class, size)
}

// mark sets c.special after a change.
func (c *core) mark() {
	c.special = c.closed || c.waiting() || c.opts.policy == DropOldest
}

func (c *core) waiting() bool { return len(c.waiters[below])+len(c.waiters[above]) > 0 }

// count counts what is queued after lines were written or dropped.
func (c *core) count() {
	c.queued = c.fill.left().plus(c.out.left())
	if c.alone.end > 0 {
		c.queued = c.queued.plus(amount{1, c.alone.end})
	}
}

// fits reports whether there is room for a line.
func (c *core) fits(class, size int) bool {
	return c.bounded(class, size, c.queued, c.fill.left())
}

// bounded reports whether a line keeps the bounds if so much is queued, and so
// much of it in fill. One that is larger than they are fits if it is alone, one
// that is larger than Size even beyond the bound.
func (c *core) bounded(class, size int, queued, fill amount) bool {
	limit := &c.opts.limits[class]
	switch {
	case queued.lines >= limit.lines:
		return false
	case size > c.opts.size:
		return 2*queued.bytes < c.opts.size
	case queued.bytes+size > max(limit.bytes, size):
		return false
	case c.opts.policy != DropOldest || fill.lines == 0 || 2*size > limit.bytes:
		return true
	default:
		// The other half is for the lines that are being written.
		return 2*(fill.bytes+size) <= limit.bytes && 2*fill.lines < limit.lines
	}
}

// early reports whether it is time to write for want of room.
func (c *core) early() bool {
	return c.queued.bytes >= c.opts.early.bytes || c.queued.lines >= c.opts.early.lines || c.waiting()
}

// kindOf returns what is done with a line for which there is no room. It needs no
// lock.
func (c *core) kindOf(level slog.Level) kind {
	at := c.opts.protectAt
	if c.opts.protect != nil {
		at = c.opts.protect.Level()
	}
	switch {
	case level >= at:
		return protected
	case level >= slog.LevelWarn:
		return warning
	default:
		return usual
	}
}

// synchronous reports whether the caller of a line writes it. It needs no lock.
func (c *core) synchronous(level slog.Level, size int) bool {
	at := c.opts.syncAt
	if c.opts.syncLevel != nil {
		at = c.opts.syncLevel.Level()
	}
	return level >= at || size > c.opts.size
}

// queue notes a line that was put into fill.
func (c *core) queue(level slog.Level, k kind, size int) {
	c.seq++
	c.accepted++
	c.queued.lines++
	c.queued.bytes += size
	c.fill.add(level, k, size, c.seq)
	if c.opts.policy == DropOldest {
		c.fill.hold(k, size)
	}
}

// finish does what is left to do for the caller of the youngest line. It unlocks
// c.mu.
func (c *core) finish(ctx context.Context, synchronous bool) error {
	if synchronous {
		c.syncers = append(c.syncers, syncer{seq: c.seq})
		return c.settle(ctx, c.seq)
	}
	c.prod()
	c.mu.Unlock()
	return nil
}

// peak notes how much is queued. It is called before that becomes less.
func (c *core) peak() { c.highest = max(c.highest, c.queued.bytes) }

// settled returns the number of the youngest line with which, and with all
// before it, the core is done.
func (c *core) settled() int64 {
	if c.alone.end > 0 {
		return c.alone.seq - 1
	}
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
func (c *core) shed(level slog.Level, k kind) bool {
	if c.closed || c.opts.policy == Block || k == protected {
		return false
	}
	c.turnAway(level)
	c.mu.Unlock()
	return true
}

// wait waits for room for a line. It is called without c.mu. With an error it
// says whether the line was taken nevertheless.
func (c *core) wait(ctx context.Context, level slog.Level, k kind, size int, put func(*batch)) (taken bool, err error) {
	class, sync := classOf(level), k == protected || c.synchronous(level, size)
	inside := c.inside(ctx)
	c.mu.Lock()
	switch {
	case c.closed:
		return false, c.refuse(errClosed)
	case c.open(level, size), inside && c.fits(class, size):
		put(&c.fill)
		c.queue(level, k, size)
		return true, c.finish(ctx, sync)
	case inside:
		return false, c.refuse(errFull)
	}

	me := &waiter{level: level, kind: k, size: size, put: put, sync: sync, ready: make(chan struct{})}
	c.waiters[class] = append(c.waiters[class], me)
	c.mark()
	c.prod()
	c.mu.Unlock()
	var timeout <-chan time.Time
	if k != protected {
		timeout = c.timeout()
	}
	select {
	case <-me.ready:
	case <-timeout:
	}
	c.mu.Lock()
	switch {
	case me.seq > 0 && sync:
		return true, c.settle(ctx, me.seq)
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
	c.accepted++
	c.dropping = true
	c.drops.add(full, c.written, line{level: level})
}

// makeRoom drops the oldest lines until there is room for one, if that is the
// policy and of any use, and reports whether there is. Where room is kept for
// WARN, a lower line takes it from lines of its own kind only.
func (c *core) makeRoom(class, size int) bool {
	if c.opts.policy != DropOldest || c.closed || c.waiting() {
		return false
	}
	upTo, stays := warning, c.fill.held[protected]
	if class == below && c.opts.reserves() {
		upTo, stays = usual, stays.plus(c.fill.held[warning])
	}
	if !c.bounded(class, size, c.out.left().plus(stays), stays) {
		return false
	}
	c.peak()
	for !c.fits(class, size) {
		c.drop(full, c.fill.dropOldest(upTo))
	}
	c.broadcast()
	return true
}

// drop counts lines that were queued and are dropped.
func (c *core) drop(why reason, lines ...line) {
	c.count()
	c.drops.add(why, c.written, lines...)
	c.dropping = c.drops.episode.Lines > 0
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
		return c.last
	case shutdown:
		return errClosed
	default:
		return errNoRoom
	}
}

// admit takes the lines of waiting callers for which there is room.
func (c *core) admit() {
	for class := above; class >= below; class-- {
		for len(c.waiters[class]) > 0 && c.fits(class, c.waiters[class][0].size) {
			next := c.waiters[class][0]
			c.waiters[class][0], c.waiters[class] = nil, c.waiters[class][1:]
			next.put(&c.fill)
			c.queue(next.level, next.kind, next.size)
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
