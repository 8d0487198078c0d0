package asyncbuf

import "time"

// workerState says what wakes the worker.
type workerState uint8

const (
	awake     workerState = iota
	parked                // the first line, since nothing is queued
	lingering             // a buffer half full, before its time is up
	resting               // who is writing or telling now, or the end of a pause
)

// prod wakes the worker if a line that was queued gives it something to do.
func (c *core) prod() {
	if c.worker == parked || c.worker == lingering && c.early() {
		c.rouse()
	}
}

// rouse wakes the worker whatever it waits for.
func (c *core) rouse() {
	if c.worker == awake {
		return
	}
	c.worker = awake
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// work is the worker: the goroutine of c. It ends when c is closed and nothing is
// left to do, or Shutdown has run out of time. It is called without c.mu.
func (c *core) work() {
	finished := false
	defer func() {
		if finished {
			close(c.done)
		} else {
			go c.work() // the sink has ended this goroutine
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	c.mu.Lock()
	c.worker = awake
	for !c.abandoned {
		now := time.Now()
		step, pause := c.plan(now)
		switch step {
		case end:
			finished = true
			c.mu.Unlock()
			return
		case again: // callers first
			c.mu.Unlock()
			c.mu.Lock()
		case write:
			// Lines that come during the write are younger than that.
			c.due = now.Add(c.opts.flushInterval)
			_ = c.drain(c.seq) // which notes the error
			c.stats.LongestFlush = max(c.stats.LongestFlush, time.Since(now))
		case sleep:
			c.mu.Unlock()
			var alarm <-chan time.Time
			if pause > 0 {
				timer.Reset(pause)
				alarm = timer.C
			}
			select {
			case <-c.wake:
			case <-alarm:
			}
			c.mu.Lock()
			c.worker = awake
		}
	}
	finished = true
	c.mu.Unlock()
}

// A step is what the worker does next.
type step int

const (
	sleep step = iota
	write
	again
	end
)

// plan returns the next step of the worker, and how long it sleeps at most if
// that is it; 0 is until it is woken.
func (c *core) plan(now time.Time) (step, time.Duration) {
	idle := c.queued.lines == 0 && !c.writing
	if idle && c.closed && c.drops.episode.Lines > 0 {
		c.drops.over = true
		c.tell()
	}
	if c.due.IsZero() {
		c.due = now.Add(c.opts.flushInterval)
	}
	switch {
	case c.writing, idle && c.closed && c.telling:
		c.worker = resting
		return sleep, 0
	case idle && (c.fill.sweep() || c.out.sweep()):
		return again, 0
	case idle && c.closed:
		return end, 0
	case idle:
		c.worker, c.due = parked, time.Time{}
		return sleep, 0
	case now.Before(c.retryAt):
		c.worker = resting
		return sleep, c.retryAt.Sub(now)
	case c.closed || c.settled() < c.flushTo || c.early() || len(c.out.pending()) > 0:
		return write, 0
	}
	if pause := c.due.Sub(now); pause > 0 {
		c.worker = lingering
		return sleep, pause
	}
	return write, 0
}
