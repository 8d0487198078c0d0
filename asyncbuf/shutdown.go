package asyncbuf

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Flush waits until the lines that w has taken so far are written, and then
// calls Flush(ctx) of the sink if it has such a method. It returns an error if
// ctx ends first, if lines were given up meanwhile, or when it is called from
// inside a sink or a hook. The goroutine of w writes, so Flush returns in time
// even if the sink does not.
func (w *Writer) Flush(ctx context.Context) error {
	w.mu.Lock()
	last := ticket{w.seq, w.lost()}
	for w.settled() < last.seq && !w.abandoned {
		if w.flushTo < last.seq {
			w.flushTo, w.retryAt = last.seq, time.Time{}
			w.rouse()
		}
		change := w.change()
		w.mu.Unlock()
		if guarded() {
			return fmt.Errorf("asyncbuf: flush: %w", errInside)
		}
		var expired bool
		select {
		case <-change:
		case <-ctx.Done():
			expired = true
		}
		w.mu.Lock()
		if left := last.seq - w.settled(); expired && left > 0 {
			err := w.because(context.Cause(ctx))
			w.mu.Unlock()
			return fmt.Errorf("asyncbuf: flush: %d lines left: %w", left, err)
		}
	}
	if gone := w.lost() - last.lost; gone > 0 || w.settled() < last.seq {
		defer w.mu.Unlock()
		return fmt.Errorf("asyncbuf: flush: %d lines given up: %w", gone, w.because(nil))
	}
	w.mu.Unlock()
	return w.flushSink(ctx)
}

// flushSink calls Flush of the sink. It is no guarded call, because a Writer
// below may and should wait in it: it does not hold up this one.
func (w *Writer) flushSink(ctx context.Context) error {
	sink, ok := w.sink.(interface {
		Flush(ctx context.Context) error
	})
	if !ok {
		return nil
	}
	err := rescue("sink", func() error { return sink.Flush(ctx) })
	if err != nil {
		err = fmt.Errorf("asyncbuf: flush: %w", err)
		w.remember(err)
	}
	return err
}

// Close is Shutdown with 5 seconds of time.
func (w *Writer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return w.Shutdown(ctx)
}

// Shutdown closes w: from now on lines are refused, also those of callers that
// wait for room. It waits until what is queued is written and the goroutine of
// w has ended, and then calls Flush(ctx) of the sink if it has such a method.
// It does not close the sink. Further calls wait like the first one, but leave
// the sink alone.
//
// When ctx ends first, the lines in the buffer are dropped, and the error tells
// how many. A sink that does not return keeps the goroutine and the lines it is
// writing: these count as Queued until it does. Called from inside a sink or a
// hook, Shutdown closes w and returns an error without waiting.
func (w *Writer) Shutdown(ctx context.Context) error {
	inside := guarded()
	w.mu.Lock()
	lost, first := w.drops.by[failed], !w.closed
	w.close()
	w.mu.Unlock()
	if inside {
		return fmt.Errorf("asyncbuf: shutdown: %w", errInside)
	}

	var cause error
	select {
	case <-w.done:
	case <-ctx.Done():
		select {
		case <-w.done: // in time after all
		default:
			cause = context.Cause(ctx)
			w.abandon()
		}
	}

	w.mu.Lock()
	dropped, queued := w.drops.by[failed]-lost+w.drops.by[shutdown], w.lines()
	cause = w.because(cause)
	w.mu.Unlock()
	if dropped > 0 || queued > 0 {
		return fmt.Errorf("asyncbuf: shutdown: %d lines dropped, %d left in the sink: %w", dropped, queued, cause)
	}
	if !first {
		return nil // by now the sink may be closed itself
	}
	return w.flushSink(ctx)
}

// close refuses all further lines.
func (w *Writer) close() {
	w.closed = true
	w.retryAt = time.Time{}
	for _, caller := range w.waiters {
		close(caller.ready)
	}
	w.waiters = nil
	w.rouse()
	w.broadcast()
}

// abandon drops what is queued, except for what is being written.
func (w *Writer) abandon() {
	w.mu.Lock()
	w.abandoned = true
	w.leave()
	episode := w.drops.take()
	w.rouse()
	w.broadcast()
	w.mu.Unlock()
	w.reportDrop(episode)
}

// because adds what is wrong with the sink to cause, which may be nil.
func (w *Writer) because(cause error) error {
	switch last := w.stats.LastError; {
	case cause == nil && last == nil, cause == nil && w.abandoned:
		return fmt.Errorf("no time left: %w", os.ErrClosed)
	case cause == nil:
		return last
	case w.down.IsZero():
		return cause
	default:
		return fmt.Errorf("%w; %w", cause, last)
	}
}
