package asyncbuf

import (
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
	nestPause  = time.Millisecond // for a full Writer below
)

// drain writes all that is queued. It returns the first failure, also when the
// sink took everything in the end. What it did not take stays in w.out.
//
// It is called with w.mu locked and w.writing false, and unlocks w.mu around
// each call of the sink.
func (w *Writer) drain() error {
	w.writing = true
	w.gather()
	dropped := w.drops.episode.Lines
	var failure error
	for len(w.out.pending()) > 0 && !w.abandoned {
		p := w.out.rest()
		w.mu.Unlock()
		n, err := w.send(p)
		w.mu.Lock()
		w.count(n)
		if err != nil && !errors.Is(err, errFull) {
			w.stats.Failures++
			w.stats.LastError = err
		}
		if failure == nil {
			failure = err
		}
		if n == 0 {
			failure = w.stall(err)
			break
		}
		w.down, w.pause, w.retryAt = time.Time{}, 0, time.Time{}
	}
	if len(w.out.pending()) == 0 {
		w.drops.close(dropped, w.lines() == 0)
	}
	w.writing = false
	if w.abandoned {
		w.leave()
	}
	w.release()
	return failure
}

// gather moves all lines to w.out.
func (w *Writer) gather() {
	w.out.absorb(&w.fill)
	if cap(w.fill.buf) > 2*w.size { // it held a line larger than the buffer
		w.fill = newBatch(w.size)
	}
}

// send calls the sink once. It returns an error unless the sink took all of p,
// and a count that fits p whatever the sink says.
func (w *Writer) send(p []byte) (int, error) {
	var n int
	err := guard("sink", func() (err error) {
		n, err = w.sink.Write(p)
		return err
	})
	switch {
	case n < 0 || n > len(p):
		err = errors.Join(err, fmt.Errorf("sink took %d of %d bytes", n, len(p)))
		n = min(max(n, 0), len(p))
	case n < len(p) && err == nil:
		err = io.ErrShortWrite
	}
	if err != nil {
		err = fmt.Errorf("asyncbuf: write: %w", err)
	}
	return n, err
}

// count notes a call of the sink that took n bytes of w.out.
func (w *Writer) count(n int) {
	w.stats.Written += uint64(len(w.out.advance(n)))
	w.stats.Flushes++
	w.admit()
	w.broadcast()
}

// stall decides what becomes of w.out when the sink took nothing of it: another
// try after a pause, or the end of the lines when that was long enough.
func (w *Writer) stall(err error) error {
	now := time.Now()
	if errors.Is(err, errFull) {
		w.retryAt = now.Add(nestPause)
		return err
	}
	if w.down.IsZero() {
		w.down = now
	}
	w.pause = min(max(2*w.pause, firstPause), lastPause)
	w.retryAt = now.Add(w.pause)
	if w.opts.RetryFor >= 0 && now.Sub(w.down) >= w.opts.RetryFor {
		if n := w.giveUp(&w.out, failed); n > 0 {
			return fmt.Errorf("%w (%d lines given up after %v)", err, n, now.Sub(w.down))
		}
	}
	return err
}

// giveUp drops the lines of b, which is w.out or w.fill, and returns how many
// these were. The rest of a line that the sink has begun stays.
func (w *Writer) giveUp(b *batch, why reason) int {
	w.lostTo = w.seq
	if b == &w.out {
		w.lostTo -= int64(len(w.fill.pending()))
	}
	gone := b.cut()
	w.drops.add(why, gone...)
	w.admit()
	w.broadcast()
	return len(gone)
}

// leave drops what nobody will write, a torn line too: there is no later.
func (w *Writer) leave() {
	w.giveUp(&w.fill, shutdown)
	if !w.writing {
		w.out.torn = false
		w.giveUp(&w.out, shutdown)
	}
}

// release wakes those who wait for the sink to become free.
func (w *Writer) release() {
	if w.worker == resting || w.worker == parked && (w.lines() > 0 || w.closed || w.drops.over) {
		w.rouse()
	}
	w.broadcast()
}

// lost counts the lines given up after they were queued.
func (w *Writer) lost() uint64 { return w.drops.by[failed] + w.drops.by[shutdown] }
