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
	var oldest []*segment
	if i := slices.IndexFunc(q.segments, q.droppable); i >= 0 {
		oldest = []*segment{q.segments[i]}
		n = q.unread(oldest[0])
		q.stats.Evicted += n
	}
	return n, q.giveUp(oldest)
}

// droppable reports whether there are events of a segment to be given up.
func (q *Queue) droppable(s *segment) bool { return !s.gone && !q.leased(s) && q.unread(s) > 0 }

// unread returns how many events of a segment are in no lease, and will be read.
func (q *Queue) unread(s *segment) uint64 { return q.outside(max(s.first, q.next), s.end) }

// giveUp lets the rest of segments never be read. The locks for reading and
// writing and that of the Queue must be held; it gives up the last two.
func (q *Queue) giveUp(segments []*segment) error {
	for _, s := range segments {
		q.stats.Events -= q.unread(s)
		s.gone = true
		if q.next >= s.first {
			q.next = max(q.next, s.end)
		}
	}
	q.next, _ = q.unleased(q.next)
	q.tidyLeases()
	ended := q.current != nil && q.current.gone
	q.mu.Unlock()
	var err error
	if ended {
		err = q.endTail()
	}
	q.writing.Unlock()
	if slices.Contains(segments, q.cursor.seg) {
		q.cursor.close()
	}
	return errors.Join(err, q.putMarks(segments))
}

// doneWithin returns the segments whose events are all done, although older ones
// are not: one lease that stays must not keep all behind it on the disk.
func (q *Queue) doneWithin() []*segment {
	var done []*segment
	for _, s := range q.segments {
		if s.first >= q.next || s == q.current {
			break
		}
		if !s.gone && !s.damaged && !q.leased(s) && q.unread(s) == 0 {
			s.gone = true
			done = append(done, s)
		}
	}
	return done
}

// putMarks leaves marks in the place of segments that are gone while older ones
// are not: their events are not missing.
func (q *Queue) putMarks(segments []*segment) error {
	var errs []error
	for _, s := range segments {
		if !q.needsMark(s) {
			continue
		}
		if err := q.putMark(s); err != nil {
			errs = append(errs, fmt.Errorf("spool: give up %s: %w", q.path(s), err))
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
	i := slices.Index(q.segments, s)
	if i < 0 {
		return false
	}
	if i > 0 && q.segments[i-1].gone {
		q.segments[i-1].end = s.end // one mark does for both
		q.segments = slices.Delete(q.segments, i, i+1)
		q.size -= s.size
		q.leftover = append(q.leftover, s)
		return false
	}
	q.size -= s.size - headerSize
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
	q.mu.Lock()
	due := len(q.expired(limit)) > 0
	q.mu.Unlock()
	if !due || !q.reading.TryLock() { // a reader comes to them itself
		return nil
	}
	defer q.reading.Unlock()
	q.writing.Lock()
	q.mu.Lock()
	old := q.expired(limit)
	for _, s := range old {
		q.stats.Expired += q.unread(s)
	}
	err := q.giveUp(old)
	return errors.Join(err, q.settle())
}

// expired returns the segments to be given up whose events are all from before
// limit, up to the first one with others.
func (q *Queue) expired(limit int64) []*segment {
	var old []*segment
	for _, s := range q.segments {
		switch {
		case s.gone:
		case s.last == 0, s.last >= limit:
			return old
		case q.droppable(s):
			old = append(old, s)
		}
	}
	return old
}
