package asyncbuf

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// sync writes what is queued until the line of mine is settled. Where another
// goroutine is writing it waits: that one's batch, or the next one, holds the
// line, so that callers waiting together share one write. It is called with
// w.mu locked, and unlocks it.
func (w *Writer) sync(mine ticket) error {
	var timeout <-chan time.Time
	for waited := false; w.settled() < mine.seq && !w.gaveUp(mine) && !w.abandoned; waited = true {
		if !w.writing {
			err := w.drain()
			// A full Writer below us is tried again soon, by the worker.
			if !errors.Is(err, errFull) {
				written := w.settled() >= mine.seq && !w.gaveUp(mine)
				w.mu.Unlock()
				w.report(err)
				if written {
					return nil
				}
				return err
			}
		}
		change := w.change()
		w.mu.Unlock()
		if !waited {
			if guarded() {
				return nil // the line follows when the sink returns
			}
			timeout = w.timeout()
		}
		select {
		case <-change:
		case <-timeout:
			return fmt.Errorf("asyncbuf: write: line queued, but the sink is busy: %w", os.ErrDeadlineExceeded)
		}
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	switch {
	case w.gaveUp(mine):
		return fmt.Errorf("asyncbuf: write: line given up: %w", w.because(nil))
	case w.settled() < mine.seq:
		return fmt.Errorf("asyncbuf: write: line left in a busy sink: %w", os.ErrClosed)
	}
	return nil
}

// gaveUp reports whether the line of mine was given up. Who asks late may hear
// so of a line that was written, if a younger one was given up since.
func (w *Writer) gaveUp(mine ticket) bool { return w.lost() != mine.lost && w.lostTo >= mine.seq }
