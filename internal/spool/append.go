package spool

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
)

const (
	maxFrame  = 1 << 30 // bytes of a batch
	groupSize = 1 << 20 // a group with more takes no further batch
	keptSize  = 4 << 20 // a buffer with more is not used again
)

// group is the events of calls that are written together. The first of them
// leads: it writes, as soon as those before have been written.
type group struct {
	buf      []byte // room for the header of a segment, and then a frame
	count    int
	reserved int64

	wake  sync.Cond
	done  bool
	calls int // that have not seen the outcome yet
	first uint64
	err   error
}

// Append puts events behind all others and returns the number behind the last
// of them: events have consecutive numbers, which go on after a restart. It
// returns when they are written, or with SyncEveryBatch when they are on the
// disk, all of them or, with an error, none. Calls that come meanwhile are
// written together, by one of them.
//
// The error is [ErrFull] if there is no room under MaxBytes. After trouble with
// the disk it is that of the last attempt, until it is time for another one:
// 1 s to 30 s later. The events may be changed when Append has returned.
func (q *Queue) Append(events [][]byte) (end uint64, err error) {
	size, err := eventBytes(events)
	if err != nil {
		return 0, err
	}
	if len(events) == 0 {
		return q.End(), nil
	}
	q.mu.Lock()
	if err := q.admit(size); err != nil {
		q.mu.Unlock()
		return 0, err
	}
	g, leads := q.join(size)
	for _, event := range events {
		g.buf = appendEvent(g.buf, event)
	}
	g.count += len(events)
	behind := uint64(g.count) //nolint:gosec // not negative
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

// eventBytes returns what events take in a frame.
func eventBytes(events [][]byte) (int64, error) {
	var size int64
	for _, event := range events {
		size += lengthSize + int64(len(event))
	}
	if size > maxFrame || int64(len(events)) > math.MaxInt32 {
		return 0, fmt.Errorf("spool: append %d bytes at once: must be at most %d", size, maxFrame)
	}
	return size, nil
}

// admit reserves room for events of a size.
func (q *Queue) admit(size int64) error {
	if q.closed {
		return fmt.Errorf("spool: append: %w", os.ErrClosed)
	}
	if err := q.trouble.wait(); err != nil {
		return err
	}
	if q.size+q.reserved+headerSize+frameSize+size > q.opts.MaxBytes {
		return ErrFull
	}
	return nil
}

// join returns the group that takes size bytes more, and whether the caller is
// to lead it.
func (q *Queue) join(size int64) (g *group, leads bool) {
	g = q.gather
	if g == nil || int64(len(g.buf))+size > groupSize {
		g, leads = q.newGroup(), true
		q.gather = g
		size += headerSize + frameSize
	}
	g.calls++
	g.reserved += size
	q.reserved += size
	return g, leads
}

func (q *Queue) newGroup() (g *group) {
	if n := len(q.groups); n > 0 {
		g, q.groups = q.groups[n-1], q.groups[:n-1]
	} else {
		g = &group{wake: sync.Cond{L: &q.mu}}
	}
	if g.buf == nil {
		g.buf = make([]byte, headerSize+frameSize, 4<<10)
	}
	return g
}

// leave gives up a group, which is used again when all have.
func (q *Queue) leave(g *group) {
	if g.calls--; g.calls > 0 {
		return
	}
	g.buf = g.buf[:headerSize+frameSize]
	if cap(g.buf) > keptSize {
		g.buf = nil
	}
	g.count, g.reserved, g.done, g.err = 0, 0, false, nil
	q.groups = append(q.groups, g)
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
	q.opts.report(errors.Join(trouble, err, q.expire()))
}
