package asyncbuf

import (
	"context"
	"fmt"
	"time"
)

// hookTime is how long Shutdown waits for hooks after its own time.
const hookTime = 100 * time.Millisecond

// flush waits until the lines taken so far are written, and then flushes the
// sink. The worker writes, so that it returns in time even if the sink does not.
// Like all here it is called without c.mu.
func (c *core) flush(ctx context.Context) error {
	c.mu.Lock()
	last, gone := c.seq, c.given()
	for c.settled() < last && !c.abandoned {
		if c.flushTo < last {
			c.flushTo, c.retryAt = last, time.Time{}
			c.rouse()
		}
		change := c.change()
		c.mu.Unlock()
		if c.inside(ctx) {
			return fmt.Errorf("asyncbuf: flush: %w", errInside)
		}
		expired := false
		select {
		case <-change:
		case <-ctx.Done():
			expired = true
		}
		c.mu.Lock()
		if expired && c.settled() < last {
			left, err := c.left(last), c.blamed(context.Cause(ctx))
			c.mu.Unlock()
			return fmt.Errorf("asyncbuf: flush: %d lines left: %w", left, err)
		}
	}
	gone = c.given() - gone
	err := c.because(failed)
	if c.abandoned {
		err = errClosed
	}
	c.mu.Unlock()
	if gone > 0 {
		return fmt.Errorf("asyncbuf: flush: %d lines given up: %w", gone, err)
	}
	return c.flushSink(ctx)
}

// left returns how many lines are queued up to a number. It is called with c.mu
// locked, as are given and blamed.
func (c *core) left(upTo int64) (n int) {
	if c.alone.end > 0 && c.alone.seq <= upTo {
		n++
	}
	for _, b := range []*batch{&c.fill, &c.out} {
		for _, l := range b.pending() {
			if l.seq <= upTo && !l.hole {
				n++
			}
		}
	}
	return n
}

// given returns how many lines were given up for other reasons than want of room.
func (c *core) given() uint64 { return c.drops.by[failed] + c.drops.by[shutdown] }

// blamed adds what is wrong with the sink, if it is known, to the end of a
// context.
func (c *core) blamed(cause error) error {
	if c.down.IsZero() {
		return cause
	}
	return fmt.Errorf("%w; %w", cause, c.last)
}

// flushSink flushes the sink, in another goroutine, as it may not mind the end of
// ctx. It is no guarded call, because a buffer below may and should wait in it: it
// does not hold up this one.
func (c *core) flushSink(ctx context.Context) error {
	result := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { result <- err }()
		err = rescue("flush", func() error { return c.target.flush(ctx) })
	}()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		select {
		case err = <-result: // which says more
		case <-time.After(hookTime):
			err = context.Cause(ctx)
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("asyncbuf: flush: %w", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.LastError = err
	return err
}

func (c *core) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return c.shutdown(ctx)
}

func (c *core) shutdown(ctx context.Context) error {
	c.mu.Lock()
	gone, first := c.drops.by[failed], !c.closed
	c.end()
	c.mu.Unlock()
	if here() != 0 {
		return fmt.Errorf("asyncbuf: shutdown: %w", errInside)
	}

	cause := errClosed
	select {
	case <-c.done:
	case <-ctx.Done():
		select {
		case <-c.done: // in time after all
		default:
			cause = context.Cause(ctx)
			c.abandon()
		}
	}

	c.mu.Lock()
	dropped, queued := c.drops.by[failed]-gone+c.drops.by[shutdown], c.queued.lines
	switch {
	case cause != errClosed: //nolint:errorlint // it is this one or the context's
		cause = c.blamed(cause)
	case !c.abandoned && c.last != nil:
		cause = c.last
	}
	c.mu.Unlock()
	if dropped > 0 || queued > 0 {
		return fmt.Errorf("asyncbuf: shutdown: %d lines dropped, %d left in the sink: %w", dropped, queued, cause)
	}
	if !first {
		return nil // by now the sink may be closed itself
	}
	return c.flushSink(ctx)
}

// end makes c take no more lines. It is called with c.mu locked.
func (c *core) end() {
	c.closed = true
	c.retryAt = time.Time{}
	for class, waiters := range c.waiters {
		for _, caller := range waiters {
			close(caller.ready)
		}
		c.waiters[class] = nil
	}
	c.mark()
	c.rouse()
	c.broadcast()
}

// abandon drops what is queued, except for what is being written, and gives the
// hooks a moment to hear of it.
func (c *core) abandon() {
	c.mu.Lock()
	if !c.abandoned {
		c.abandoned = true
		close(c.leaving)
	}
	c.leave()
	c.rouse()
	c.tell()
	grace := time.After(hookTime)
	for expired := false; c.telling && !expired; {
		change := c.change()
		c.mu.Unlock()
		select {
		case <-change:
		case <-grace:
			expired = true
		}
		c.mu.Lock()
	}
	c.mu.Unlock()
}
