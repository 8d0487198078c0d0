package asyncbuf

import "fmt"

// tell sees to it that the hooks are told of what has happened. They are called
// by a goroutine of their own, which ends when there is nothing more to tell, so
// that nothing waits for a hook that is slow, or that waits for a lock which a
// caller of this buffer holds.
func (c *core) tell() {
	if c.telling || len(c.failures) == 0 && !c.drops.over {
		return
	}
	c.telling = true
	go c.tellAll()
}

// tellAll is called without c.mu.
func (c *core) tellAll() {
	finished := false
	defer func() {
		if !finished {
			go c.tellAll() // a hook has ended this goroutine
		}
	}()
	c.mu.Lock()
	// One thing at a time: a hook may end this goroutine.
	for {
		switch {
		case len(c.failures) > 0:
			err := c.failures[0]
			c.failures = c.failures[1:]
			c.mu.Unlock()
			c.hook("OnError", func() { c.opts.onError(err) })
		case c.drops.over:
			episode := c.drops.take()
			c.dropping = false
			c.mu.Unlock()
			c.tellDrop(episode)
		default:
			c.telling, finished = false, true
			if c.worker == resting {
				c.rouse()
			}
			c.broadcast()
			c.mu.Unlock()
			return
		}
		c.mu.Lock()
	}
}

// tellDrop tells OnDrop of an episode, and queues its summary. It is called
// without c.mu.
func (c *core) tellDrop(d Drop) {
	if c.opts.onDrop != nil {
		c.hook("OnDrop", func() { c.opts.onDrop(d) })
	}
	var (
		size int
		put  func(*batch)
	)
	c.hook("Summary", func() { size, put = c.target.summary(d) })
	c.mu.Lock()
	defer c.mu.Unlock()
	// A closed buffer must come to an end even if its sink is dead.
	if size == 0 || c.abandoned || c.closed && !c.down.IsZero() {
		return
	}
	put(&c.fill)
	c.queue(summaryLevel, warning, size)
	c.fill.lines[len(c.fill.lines)-1].own = true
	c.prod()
}

// hook calls f, which is the user's. Nobody but LastError is told of a panic in
// OnError. It is called without c.mu.
func (c *core) hook(name string, f func()) {
	err := guardHook(name, func() error {
		f()
		return nil
	})
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == "OnError" {
		c.stats.LastError = fmt.Errorf("asyncbuf: %w", err)
		return
	}
	c.blame(err)
}
