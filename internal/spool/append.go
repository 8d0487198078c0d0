package spool

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Append puts events behind all others and returns the number behind the last
// of them: events have consecutive numbers, which go on after a restart. It
// returns when they are written, or with SyncEveryBatch when they are on the
// disk, all of them or, with an error, none. Calls that come meanwhile are
// written together, by one of them. A large batch is written in pieces of up to
// 1 MiB, or one event, to one segment. Of one that is cut short by the end of
// the process, some may come.
//
// The error is [ErrFull] if there is no room under MaxBytes. After trouble with
// the disk it is that of the last attempt, until it is time for another one:
// 1 s to 30 s later. OnError is not told of it. The events may be changed when
// Append has returned.
func (q *Queue) Append(events [][]byte) (end uint64, err error) {
	size, err := framedSize(events)
	if err != nil {
		return 0, err
	}
	if len(events) == 0 {
		return q.End(), nil
	}
	q.mu.Lock()
	err = q.admit(size)
	if errors.Is(err, ErrFull) && q.opts.MaxAge > 0 {
		q.mu.Unlock()
		q.opts.report(q.expire()) // what is too old must not keep others out
		q.mu.Lock()
		err = q.admit(size)
	}
	if err != nil {
		q.mu.Unlock()
		return 0, err
	}
	g, leads := q.join(size)
	g.add(events)
	g.total += len(events)
	behind := uint64(g.total) //nolint:gosec // not negative
	if leads {
		q.mu.Unlock()
		q.lead(g)
		q.mu.Lock()
	}
	for !g.done {
		g.wake.Wait()
	}
	first, err := g.first, g.err
	q.leave(g)
	q.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return first + behind, nil
}

// Retry lets the next Append try the disk, however short it is after trouble.
func (q *Queue) Retry() {
	q.mu.Lock()
	q.trouble.until = time.Time{}
	q.mu.Unlock()
}

// admit reports whether there is room for events of a size.
func (q *Queue) admit(size int64) error {
	if q.closed {
		return fmt.Errorf("spool: append: %w", os.ErrClosed)
	}
	if err := q.trouble.wait(); err != nil {
		return err
	}
	if q.size+q.reserved+groupRoom+size > q.opts.MaxBytes {
		return ErrFull
	}
	return nil
}

// join returns the group that takes size bytes more, and whether the caller is
// to lead it.
func (q *Queue) join(size int64) (g *group, leads bool) {
	g = q.gather
	if g == nil || g.reserved+size > maxFrame {
		g, leads = q.newGroup(), true
		q.gather = g
		size += groupRoom
	}
	g.calls++
	g.reserved += size
	q.reserved += size
	return g, leads
}

// lead writes what has gathered, and says so to all whose events they are.
func (q *Queue) lead(g *group) {
	q.writing.Lock()
	q.mu.Lock()
	if q.gather == g {
		q.gather = nil
	}
	g.first = q.end
	q.mu.Unlock()

	var trouble, err error
	if q.tail.closed { // after this was admitted
		err = fmt.Errorf("spool: append: %w", os.ErrClosed)
	} else {
		trouble, err = q.write(g)
	}

	q.mu.Lock()
	q.reserved -= g.reserved
	g.err, g.done = err, true
	q.mu.Unlock()
	g.wake.Broadcast()
	q.writing.Unlock()
	q.opts.report(errors.Join(trouble, q.expire()))
}
