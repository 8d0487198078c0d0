package asyncbuf

import (
	"context"
	"fmt"
	"os"
	"time"
)

// settle writes what is queued until the line of a syncer is settled, and says
// what became of it. Where another goroutine is writing it waits: that one's
// batch, or the next one, holds the line, so that callers waiting together share
// one write. It unlocks c.mu.
func (c *core) settle(ctx context.Context, seq int64) error {
	returned := false
	defer func() {
		if !returned { // the sink has ended this goroutine
			c.mu.Lock()
			_ = c.part(seq, nil)
		}
	}()
	err := c.await(ctx, seq)
	returned = true
	return c.part(seq, err)
}

// part ends what a syncer began, which has waited and got err. It unlocks c.mu.
func (c *core) part(seq int64, err error) error {
	me := *c.syncer(seq)
	last := len(c.syncers) - 1
	*c.syncer(seq) = c.syncers[last]
	c.syncers = c.syncers[:last]
	settled := c.settled() >= seq
	c.mu.Unlock()
	switch {
	case me.dropped != nil:
		return fmt.Errorf("line given up: %w", me.dropped)
	case settled:
		return nil
	default:
		return err
	}
}

func (c *core) syncer(seq int64) *syncer {
	for i := range c.syncers {
		if c.syncers[i].seq == seq {
			return &c.syncers[i]
		}
	}
	return nil
}

// await returns when a line is settled, or it is of no use to wait any longer.
func (c *core) await(ctx context.Context, seq int64) error {
	var timeout <-chan time.Time
	waited := false
	for c.settled() < seq && c.syncer(seq).dropped == nil {
		if c.abandoned {
			return fmt.Errorf("line left in a busy sink: %w", os.ErrClosed)
		}
		if !c.writing {
			// A hook that tells of a dead sink must not call it to no end.
			if !c.down.IsZero() && time.Since(c.failedAt) < firstPause && here()&inHook != 0 {
				return fmt.Errorf("line queued: %w", c.last)
			}
			// A full buffer below is tried again soon, by the worker.
			if err := c.drain(seq); !c.nested(err) {
				return err
			}
		}
		change := c.change()
		c.mu.Unlock()
		if !waited {
			if c.inside(ctx) {
				c.mu.Lock()
				return nil // the line follows when the sink returns
			}
			waited, timeout = true, c.timeout()
		}
		expired := false
		select {
		case <-change:
		case <-timeout:
			expired = true
		}
		c.mu.Lock()
		if expired {
			return fmt.Errorf("line queued, but the sink is busy: %w", os.ErrDeadlineExceeded)
		}
	}
	return nil
}
