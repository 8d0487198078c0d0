package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// DropOldest gives up the oldest segment of which no event is in a lease, to
// make room, and returns how many events that costs. That is 0 if there is none.
func (q *Queue) DropOldest() (events uint64, err error) {
	n, err := q.dropOldest()
	trouble := q.settle()
	if !errors.Is(err, os.ErrClosed) {
		trouble = errors.Join(q.failed(err), trouble)
	}
	q.opts.report(trouble)
	return n, err
}

func (q *Queue) dropOldest() (uint64, error) {
	q.reading.Lock()
	defer q.reading.Unlock()
	q.writing.Lock()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		q.writing.Unlock()
		return 0, fmt.Errorf("spool: drop: %w", os.ErrClosed)
	}
	var n uint64
	var closed error
	var oldest *segment
	if i := slices.IndexFunc(q.segments, q.droppable); i >= 0 {
		oldest = q.segments[i]
		n = q.unread(oldest)
		q.stats.Evicted += n
		closed = q.giveUp(oldest)
	}
	q.mu.Unlock()
	q.writing.Unlock()
	return n, errors.Join(closed, q.bury(oldest))
}

// droppable reports whether there are events of a segment to be given up.
func (q *Queue) droppable(s *segment) bool { return !s.gone && !q.leased(s) && q.unread(s) > 0 }

// unread returns how many events of a segment are in no lease, and will be read.
func (q *Queue) unread(s *segment) uint64 { return q.outside(max(s.first, q.next), s.end) }

// giveUp lets the rest of a segment never be read. All locks must be held.
func (q *Queue) giveUp(s *segment) error {
	q.stats.Events -= q.unread(s)
	s.gone = true
	if q.next >= s.first {
		q.next = max(q.next, s.end)
	}
	q.next, _ = q.unleased(q.next)
	q.popLeases()
	if q.cursor.seg == s {
		q.cursor.close()
	}
	if q.current != s {
		return nil
	}
	q.current, q.tail.seg = nil, nil
	return q.tail.file.Close()
}

// bury leaves a mark in the place of segments that are gone while older ones
// are not: their events are not missing. The lock for reading must be held.
func (q *Queue) bury(segments ...*segment) error {
	var errs []error
	for _, s := range segments {
		if s != nil && q.needsMark(s) {
			if err := q.putMark(s); err != nil {
				errs = append(errs, fmt.Errorf("spool: give up %s: %w", q.path(s), err))
			}
		}
	}
	return errors.Join(errs...)
}

func (q *Queue) needsMark(s *segment) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head() >= s.end {
		return false // it is removed with all that is done
	}
	if i := slices.Index(q.segments, s); i > 0 && q.segments[i-1].gone {
		q.segments[i-1].end = s.end // one mark does for both
		q.segments = slices.Delete(q.segments, i, i+1)
		q.leftover = append(q.leftover, s)
		return false
	}
	s.size = headerSize
	return true
}

func (q *Queue) putMark(s *segment) error {
	f, err := q.opts.disk.open(q.path(s), os.O_RDWR)
	if err != nil {
		return err
	}
	b := make([]byte, headerSize)
	header{version: version, flags: flagGone, first: s.first, created: s.created}.put(b)
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Truncate(headerSize)
	}
	return errors.Join(err, f.Close())
}

// expire gives up the segments whose last event is too old.
func (q *Queue) expire() error {
	if q.opts.MaxAge == 0 {
		return nil
	}
	limit := time.Now().Add(-q.opts.MaxAge).UnixNano()
	old := func(s *segment) bool { return s.last != 0 && s.last < limit && q.droppable(s) }
	q.mu.Lock()
	due := slices.ContainsFunc(q.segments, old)
	q.mu.Unlock()
	if !due || !q.reading.TryLock() { // a reader comes to them itself
		return nil
	}
	defer q.reading.Unlock()
	var errs []error
	var gone []*segment
	q.writing.Lock()
	q.mu.Lock()
	for _, s := range q.segments {
		if old(s) {
			q.stats.Expired += q.unread(s)
			errs = append(errs, q.giveUp(s))
			gone = append(gone, s)
		}
	}
	q.mu.Unlock()
	q.writing.Unlock()
	return errors.Join(append(errs, q.bury(gone...), q.settle())...)
}
