package asyncbuf

import (
	"errors"
	"fmt"
	"time"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
	nestPause  = time.Millisecond // for a full buffer below
)

var errGoexit = errors.New("sink ended the goroutine that called it")

// drain writes the lines up to a number. It returns the first failure, also when
// the sink took everything in the end. What it did not take stays in c.out.
//
// It is called with c.writing false, and unlocks c.mu around each call of the
// sink.
func (c *core) drain(upTo int64) error {
	c.writing = true
	dropped := c.drops.episode.Lines
	var failure error
	for stuck := false; !stuck && !c.abandoned && c.settled() < upTo; {
		if len(c.out.pending()) == 0 {
			c.swap()
		}
		err := c.emit()
		stuck = c.account(err)
		if failure == nil {
			failure = err
		}
	}
	c.conclude(dropped)
	return failure
}

// conclude ends what c.writing began. Until then so many lines had been dropped
// in the present episode.
func (c *core) conclude(dropped uint64) {
	if c.opts.batchEnds {
		c.mu.Unlock()
		err := c.target.endBatch()
		c.mu.Lock()
		if err != nil {
			c.blame(fmt.Errorf("end of batch: %w", err))
		}
	}
	if len(c.out.pending()) == 0 {
		c.drops.close(dropped, c.written, c.queued.lines == 0)
	}
	c.release()
}

// calm reports whether nobody waits for the end of a call of the sink.
func (c *core) calm() bool {
	return !c.special && !c.dropping && c.worker != resting && c.changed == nil && !c.abandoned
}

// swap exchanges the batches, of which c.out is empty.
func (c *core) swap() {
	c.peak()
	if c.fill.holes.lines > 0 {
		c.fill.squeeze()
	}
	c.fill, c.out = c.out, c.fill
	if c.opts.single {
		c.flushes++
	}
	if cap(c.fill.bytes) > 2*c.opts.size { // it held a line larger than the buffer
		c.fill = c.target.newBatch()
	}
	c.admit()
}

// emit calls the sink without c.mu.
func (c *core) emit() error {
	c.taken = 0
	c.mu.Unlock()
	err := c.target.emit(&c.out, &c.taken)
	c.mu.Lock()
	return err
}

// endGoexit cleans up after a sink that has done that at the end of a batch.
func (c *core) endGoexit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blame(errGoexit)
	c.release()
}

// keep puts the line of c.alone, which is p, where others are that the sink did
// not take at once.
func (c *core) keep(p []byte) {
	if l := c.alone; l.end > 0 {
		c.out.bytes = append(c.out.bytes, p...)
		c.out.add(l.level, l.kind, l.end, l.seq)
		c.alone = line{}
	}
}

// goexit cleans up after a sink that has ended the goroutine which called it to
// write p, since nobody else will. It is called without c.mu.
func (c *core) goexit(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(p)
	c.account(errGoexit)
	c.release()
}

// account notes what became of a call of the sink, and reports whether it is of
// no use to call it again now.
func (c *core) account(err error) (stuck bool) {
	n := c.taken
	c.peak()
	if !c.opts.single {
		c.flushes++
	}
	c.written += uint64(len(c.out.advance(n)))
	c.count()
	if n > 0 {
		c.down, c.pause, c.retryAt = time.Time{}, 0, time.Time{}
	}
	if err != nil {
		if !c.nested(err) {
			c.stats.Failures++
			c.last = err
			c.blame(fmt.Errorf("%s: %w", c.opts.verb, err))
		}
		if n == 0 || c.opts.single {
			stuck = c.stall(err)
		}
	}
	c.admit()
	c.broadcast()
	return stuck
}

// nested reports whether err says that the Writer below is full, which is no
// failure.
func (c *core) nested(err error) bool { return c.opts.nests && errors.Is(err, errFull) }

// stall decides what becomes of c.out when the sink took nothing of it, or not
// the next record: another try after a pause, or the end of it when that was long
// enough. It reports whether there is a pause.
func (c *core) stall(err error) bool {
	now := time.Now()
	if c.nested(err) {
		c.retryAt = now.Add(nestPause)
		return true
	}
	if c.down.IsZero() {
		c.down = now
	}
	c.failedAt = now
	c.pause = min(max(2*c.pause, firstPause), lastPause)
	c.retryAt = now.Add(c.pause)
	if c.opts.retryFor < 0 || now.Sub(c.down) < c.opts.retryFor {
		return true
	}
	if !c.opts.single {
		keep := c.out.head
		if c.out.torn() { // the rest of it stays, and nothing gets past it
			keep++
			c.drop(failed, c.fill.clear()...)
		}
		c.drop(failed, c.out.cut(keep)...)
		return true
	}
	c.drop(failed, c.out.skip()...)
	c.retryAt = time.Time{}
	if c.opts.retryFor == 0 {
		c.down, c.pause = time.Time{}, 0
	}
	return false
}

// leave drops what nobody will write, a torn line too: there is no later.
func (c *core) leave() {
	c.peak()
	c.drop(shutdown, c.fill.clear()...)
	if !c.writing {
		c.drop(shutdown, c.out.clear()...)
	}
	c.drops.over = c.drops.episode.Lines > 0
	c.broadcast()
}

// release makes the sink free, and wakes those who wait for that.
func (c *core) release() {
	c.writing = false
	if c.abandoned {
		c.leave()
	}
	if c.worker == resting || c.worker == parked && (c.queued.lines > 0 || c.closed) ||
		c.worker == lingering && len(c.out.pending()) > 0 {
		c.rouse()
	}
	c.tell()
	c.broadcast()
}

// blame notes a failure of the sink or of a hook, for OnError to be told of.
func (c *core) blame(err error) {
	const most = 16 // kept for an OnError that is slow
	c.stats.LastError = fmt.Errorf("asyncbuf: %w", err)
	if c.opts.onError != nil && len(c.failures) < most {
		c.failures = append(c.failures, c.stats.LastError)
	}
}
