package asyncbuf

import (
	"log/slog"
	"slices"
	"time"
)

// workerState says what wakes the worker.
type workerState int

const (
	awake     workerState = iota
	parked                // the first line, since nothing is queued
	lingering             // a buffer half full, before its time is up
	resting               // who is writing now, or the end of a pause
)

// prod wakes the worker if a line that was queued gives it something to do.
func (w *Writer) prod() {
	if w.worker == parked || w.worker == lingering && w.crowded() {
		w.rouse()
	}
}

// rouse wakes the worker whatever it waits for.
func (w *Writer) rouse() {
	if w.worker == awake {
		return
	}
	w.worker = awake
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// work is the worker: the goroutine of w. It ends when w is closed and nothing
// is left to do, or Shutdown has run out of time.
func (w *Writer) work() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	w.mu.Lock()
	for !w.abandoned {
		now := time.Now()
		switch step, pause := w.plan(now); step {
		case end:
			w.mu.Unlock()
			return
		case tell:
			w.tell()
		case write:
			// Lines that come during the write are younger than that.
			w.due = now.Add(w.opts.FlushInterval)
			err := w.drain()
			w.stats.LongestFlush = max(w.stats.LongestFlush, time.Since(now))
			w.mu.Unlock()
			w.report(err)
			w.mu.Lock()
		case sleep:
			w.mu.Unlock()
			var alarm <-chan time.Time
			if pause > 0 {
				timer.Reset(pause)
				alarm = timer.C
			}
			select {
			case <-w.wake:
			case <-alarm:
			}
			w.mu.Lock()
			w.worker = awake
		}
	}
	late := w.drops.take() // what the sink was writing when time ran out
	w.mu.Unlock()
	w.reportDrop(late)
}

// A step is what the worker does next.
type step int

const (
	sleep step = iota
	write
	tell
	end
)

// plan returns the next step of the worker, and how long it sleeps at most if
// that is it; 0 is until it is woken.
func (w *Writer) plan(now time.Time) (step, time.Duration) {
	idle := w.lines() == 0 && !w.writing
	if w.due.IsZero() {
		w.due = now.Add(w.opts.FlushInterval)
	}
	switch {
	case w.drops.over, idle && w.closed && w.drops.episode.Lines > 0:
		return tell, 0
	case w.writing:
		w.worker = resting
		return sleep, 0
	case idle && w.closed:
		return end, 0
	case idle:
		w.worker, w.due = parked, time.Time{}
		return sleep, 0
	case now.Before(w.retryAt):
		w.worker = resting
		return sleep, w.retryAt.Sub(now)
	case w.closed || w.settled() < w.flushTo || w.crowded() || len(w.out.pending()) > 0:
		return write, 0
	}
	if pause := w.due.Sub(now); pause > 0 {
		w.worker = lingering
		return sleep, pause
	}
	return write, 0
}

// tell reports a drop episode, and queues its summary line. It is called with
// w.mu locked, and unlocks it around the hooks.
func (w *Writer) tell() {
	episode := w.drops.take()
	w.mu.Unlock()
	w.reportDrop(episode)
	var summary []byte
	w.hook("Summary", func() { summary = w.opts.Summary(episode) })
	w.mu.Lock()
	// A closed Writer must come to an end even if its sink is dead.
	if len(summary) == 0 || w.abandoned || w.closed && !w.down.IsZero() {
		return
	}
	if summary[len(summary)-1] != '\n' {
		summary = append(slices.Clip(summary), '\n')
	}
	w.append(slog.LevelWarn, summary)
}
