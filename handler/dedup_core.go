package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// A deduper is what a Dedup shares with those derived from it.
type deduper struct {
	delivery

	opts   DedupOptions
	clock  *clock
	ident  *identifier
	taker  snapshot.Taker
	tables []*dedupTable // by hash, a power of two
	hot    hotList
	closed atomic.Bool // read and acted on under a lock of a table

	incomparable, evicted atomic.Uint64

	mu        sync.Mutex // held by who settles what was told; after that of a table
	collapsed uint64
	begun     uint64 // how many repeats have left a table
	telling   int    // how many of these are not settled
	queued    uint64 // what these count
	flushes   []*dedupFlush

	alarm struct {
		sync.Mutex

		timer *time.Timer   // nil before the first one
		at    time.Duration // when it goes off; 0 if it is not set
		rings bool          // its goroutine runs, and sets it when it ends
	}
}

// A dedupFlush waits for the repeats that were being told of when it came.
type dedupFlush struct {
	last    uint64 // the number of the latest of them
	telling int
	done    chan struct{} // closed when they are settled
}

const (
	mostTables = 16
	leastKeys  = 64 // in each of several tables

	largestKept = 64 << 10 // bytes of a record
)

func newDeduper(o DedupOptions) *deduper {
	if o.Window <= 0 {
		o.Window = defaultWindow
	}
	o.Window = min(o.Window, longest)
	if o.MaxKeys <= 0 {
		o.MaxKeys = defaultKeys
	}
	o.MaxKeys = min(o.MaxKeys, maxKeys)
	c := &deduper{opts: o, clock: newClock(), ident: newIdentifier(o.Ignore)}
	c.onError = o.OnError
	c.taker.CloneStrings = true
	n := min(mostTables, max(1, o.MaxKeys/leastKeys))
	n = 1 << (bits.Len(uint(n)) - 1)
	for i := range n {
		c.tables = append(c.tables, newDedupTable((o.MaxKeys+i)/n))
	}
	return c
}

// keep returns what is kept of the first repeat, or nil if that is too large.
func (c *deduper) keep(ctx context.Context, next slog.Handler, r *slog.Record) *repeats {
	kept := &repeats{ctx: context.Background(), next: next, record: *r}
	if ctx != nil && !c.opts.DropContext {
		kept.ctx = context.WithoutCancel(ctx)
	}
	if c.taker.Freeze(&kept.record) > largestKept {
		return nil
	}
	return kept
}

// meet counts a record with the given hash as a repeat, if it is one. Kept is
// what is to be kept of it, or nil if that is not known yet. It also returns what
// is to be told first.
func (c *deduper) meet(hash [2]uint64, r *slog.Record, kept *repeats) (met meeting, tell *repeats) {
	now, read := c.clock.of(r)
	if read && c.hot.add(hash, now, r.Time) {
		return counted, nil
	}
	t := c.tables[hash[1]%uint64(len(c.tables))]
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.closed.Load() {
		return nothing, nil
	}
	tell = c.expire(t, now)
	s := t.find(hash)
	switch {
	case s == nil:
		if t.n == len(t.slots) {
			c.evicted.Add(1)
			tell = tell.append(c.begin(t.pop()))
		}
		t.push(hash, now+c.opts.Window)
		return nothing, tell
	case s.kept == nil && kept == nil:
		return notKept, tell
	case s.kept == nil:
		s.kept = kept
		t.kept++
		kept.hash, kept.end = hash, s.end
		c.set(s.end)
	}
	s.kept.add(r.Time)
	c.hot.of(hash).Store(s.kept)
	return counted, tell
}

// expire takes away what is over. The lock of t is held.
func (c *deduper) expire(t *dedupTable, now time.Duration) (tell *repeats) {
	last := &tell
	for t.n > 0 && t.slots[t.head].end <= now {
		if *last = c.begin(t.pop()); *last != nil {
			last = &(*last).after
		}
	}
	return tell
}

// begin says that repeats, which may be nil, are about to be told of. The lock of
// their table is held.
func (c *deduper) begin(r *repeats) *repeats {
	if r == nil {
		return nil
	}
	c.hot.of(r.hash).CompareAndSwap(r, nil)
	r.seal()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun++
	r.number = c.begun
	c.telling++
	c.queued += r.count
	return r
}

// tell tells of repeats.
func (c *deduper) tell(all *repeats) error {
	if all == nil {
		return nil
	}
	var errs []error
	rest := all
	defer func() {
		if rest != nil { // a handler has ended this goroutine
			go func() { _ = c.tell(rest) }()
		}
		for _, err := range errs { // not earlier: a hook may flush, which waits for the rest
			c.report(err)
		}
	}()
	for rest != nil {
		r := rest
		rest = r.after
		c.tellOf(r, &errs)
	}
	return errors.Join(errs...)
}

func (c *deduper) tellOf(r *repeats, errs *[]error) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = noReturn(r.next, recover())
		}
		c.settle(r, err)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("handler: Dedup: %d repeats: %w", r.count, err))
		}
	}()
	err = r.next.Handle(r.ctx, r.telling())
	returned = true
}

// settle says what became of repeats.
func (c *deduper) settle(r *repeats, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.collapsed += r.count
	} else {
		c.failed.add(r.record.Level, r.count)
	}
	c.queued -= r.count
	c.telling--
	c.flushes = slices.DeleteFunc(c.flushes, func(f *dedupFlush) bool {
		if r.number <= f.last {
			f.telling--
		}
		if f.telling > 0 {
			return false
		}
		close(f.done)
		return true
	})
}

// tellAndPass hands over a record that passes after it has told of repeats, also if
// a handler that is told ends this goroutine.
func (c *deduper) tellAndPass(ctx context.Context, tell *repeats, next slog.Handler, r *slog.Record) (err error) {
	defer func() { err = c.pass(ctx, next, r) }()
	_ = c.tell(tell) // reported
	return nil
}

// flush tells of all that is counted, and waits for what others tell of already: with
// what they begin to tell of meanwhile it might never end.
func (c *deduper) flush(ctx context.Context) error {
	var errs []error
	for _, t := range c.tables {
		if ctx.Err() != nil {
			return errors.Join(append(errs, c.left(ctx))...)
		}
		errs = append(errs, c.tell(c.release(t)))
	}
	select {
	case <-c.told():
	case <-ctx.Done():
		errs = append(errs, c.left(ctx))
	}
	return errors.Join(errs...)
}

// told returns a channel that is closed when all that is being told of is settled.
func (c *deduper) told() <-chan struct{} {
	f := &dedupFlush{done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.telling == 0 {
		close(f.done)
		return f.done
	}
	f.last, f.telling = c.begun, c.telling
	c.flushes = append(c.flushes, f)
	return f.done
}

// left says what could not be told of before ctx was done.
func (c *deduper) left(ctx context.Context) error {
	return fmt.Errorf("%d repeats are not told of yet: %w", c.stats().Queued, context.Cause(ctx))
}

// release takes all repeats out of a table.
func (c *deduper) release(t *dedupTable) (tell *repeats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := &tell
	t.each(func(s *dedupSlot) bool {
		if *last = c.begin(t.release(s)); *last != nil {
			last = &(*last).after
		}
		return t.kept > 0
	})
	return tell
}

// set sets the alarm, unless it goes off before. A lock of a table may be held.
func (c *deduper) set(at time.Duration) {
	a := &c.alarm
	a.Lock()
	defer a.Unlock()
	if a.rings || a.at != 0 && a.at <= at {
		return
	}
	a.at = at
	if wait := at - c.clock.now(); a.timer == nil {
		a.timer = time.AfterFunc(wait, c.ring)
	} else {
		a.timer.Reset(wait)
	}
}

// ring is what the goroutine of the alarm does.
func (c *deduper) ring() {
	c.setRings(true)
	defer c.setNext()
	defer c.setRings(false)
	for _, t := range c.tables {
		t.mu.Lock()
		over := c.expire(t, c.clock.now())
		t.mu.Unlock()
		_ = c.tell(over) // reported
	}
}

func (c *deduper) setRings(rings bool) {
	c.alarm.Lock()
	defer c.alarm.Unlock()
	c.alarm.rings, c.alarm.at = rings, 0
}

// setNext sets the alarm for the repeats that are over first, but not for each of
// many that are over one soon after the other.
func (c *deduper) setNext() {
	var first time.Duration
	for _, t := range c.tables {
		t.mu.Lock()
		if t.kept > 0 {
			t.each(func(s *dedupSlot) bool {
				if s.kept != nil && (first == 0 || s.end < first) {
					first = s.end
				}
				return s.kept == nil
			})
		}
		t.mu.Unlock()
	}
	if first != 0 {
		c.set(max(first, c.clock.now()+c.opts.Window/100))
	}
}

// shutdown makes every record pass from now on, and tells of all repeats. What it
// cannot tell of it leaves to the alarm.
func (c *deduper) shutdown(ctx context.Context) error {
	c.closed.Store(true)
	err := c.flush(ctx)
	left := c.stats().Queued
	c.alarm.Lock()
	defer c.alarm.Unlock()
	if c.alarm.timer != nil && left == 0 {
		c.alarm.timer.Stop()
	}
	return err
}

func (c *deduper) stats() DedupStats {
	// At one moment: no repeats are on their way from a table to those told of.
	for _, t := range c.tables {
		t.mu.Lock()
	}
	c.mu.Lock()
	defer func() {
		c.mu.Unlock()
		for _, t := range c.tables {
			t.mu.Unlock()
		}
	}()
	s := DedupStats{
		Written:        c.written.Load(),
		Collapsed:      c.collapsed,
		Queued:         c.queued,
		DroppedByLevel: c.failed.addTo(nil),
		Incomparable:   c.incomparable.Load(),
		Evicted:        c.evicted.Load(),
	}
	for _, t := range c.tables {
		s.Queued += t.repeats()
	}
	s.Dropped = sum(s.DroppedByLevel)
	s.Accepted = s.Written + s.Collapsed + s.Dropped + s.Queued
	return s
}
