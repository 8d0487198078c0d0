package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// errLeased is the error of Prepend while a lease is out.
var errLeased = errors.New("a lease is out")

// Prepend puts events before all that are not acknowledged, as at a shutdown
// those that are older. No lease may be out. All are written, or with an error
// none. OnError is not told of that.
//
// They get the numbers before that of the first event. If some of its segment
// is done, the rest is copied behind them, and the copy takes its place.
func (q *Queue) Prepend(events [][]byte) error {
	if len(events) == 0 {
		return nil
	}
	size, err := framedSize(events)
	if err != nil {
		return err
	}
	q.opts.report(q.expire())
	if q.Head() == q.End() {
		_, err = q.Append(events)
		return err
	}
	trouble, err := q.prepend(events, size)
	switch {
	case errors.Is(err, ErrFull):
	case errors.Is(err, errLeased), errors.Is(err, os.ErrClosed):
		err = fmt.Errorf("spool: prepend: %w", err)
	case err != nil:
		err = q.failed(fmt.Errorf("spool: prepend: %w", err))
	}
	q.opts.report(trouble)
	return err
}

func (q *Queue) prepend(events [][]byte, size int64) (trouble, err error) {
	q.reading.Lock()
	defer q.reading.Unlock()
	q.writing.Lock()
	defer q.writing.Unlock()
	trouble = q.settle()
	front, head, err := q.front(size)
	if err != nil {
		return trouble, err
	}
	n := uint64(len(events))
	if n > head {
		return trouble, fmt.Errorf("%d events before number %d", n, head)
	}
	if front == q.tail.seg {
		trouble = errors.Join(trouble, q.endTail())
	}
	s := &segment{first: head - n, end: head, created: front.created, last: front.created, dirty: true}
	copied := front.first < head
	if copied {
		s.end, s.last = front.end, front.last
	} else {
		front = nil
	}
	q.cursor.close()
	if err := q.compose(s, events, front, head); err != nil {
		return trouble, err
	}
	q.mu.Lock()
	q.size += s.size
	if copied {
		q.size -= front.size
		q.segments[0] = s
	} else {
		q.segments = slices.Insert(q.segments, 0, s)
	}
	q.leftover = slices.DeleteFunc(q.leftover, func(old *segment) bool { return old.first == s.first })
	q.next = s.first
	q.stats.Events += n
	if copied && front.first != s.first {
		q.leftover = append(q.leftover, front)
	}
	q.mu.Unlock()
	// A crash before this finds the old position and none of the events, which
	// nobody was promised. The old segment must not outlive that position.
	return errors.Join(trouble, q.replaced()), nil
}

// replaced removes what was replaced by a copy, and then notes the position.
func (q *Queue) replaced() error {
	q.noting.Lock()
	q.mu.Lock()
	old := q.leftover
	q.leftover = nil
	q.mu.Unlock()
	err := q.discard(old)
	q.noting.Unlock()
	return errors.Join(err, q.settle())
}

// front returns the segment with the first event that is not done, which has
// to be there, and the number of that.
func (q *Queue) front(size int64) (*segment, uint64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return nil, 0, os.ErrClosed
	case slices.ContainsFunc(q.leases, func(l *Lease) bool { return !l.done() }):
		return nil, 0, errLeased
	case q.size+q.reserved+groupRoom+size > q.opts.MaxBytes:
		return nil, 0, ErrFull
	}
	for _, s := range q.segments {
		if s.end > q.next {
			return s, q.next, nil
		}
	}
	return nil, 0, errors.New("nothing is left to be put before")
}

// compose writes a segment of events and the rest of another one, if any.
func (q *Queue) compose(s *segment, events [][]byte, other *segment, head uint64) error {
	if s.created == 0 { // the header of the other one is damaged
		s.created = time.Now().UnixNano()
	}
	temp := q.path(s) + tempSuffix
	f, err := q.create(temp)
	if err != nil {
		return err
	}
	g := group{buf: make([]byte, groupRoom)}
	header{version: version, first: s.first, created: s.created}.put(g.buf)
	g.add(events)
	s.size, err = g.writeTo(f, 0, s.first, s.created)
	if err == nil && other != nil {
		err = q.copyRest(f, s, other, head)
	}
	if err == nil && q.opts.Sync != SyncNever {
		err = q.opts.disk.sync(f)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = q.opts.disk.rename(temp, q.path(s))
	}
	if err != nil {
		return errors.Join(err, q.opts.disk.remove(temp))
	}
	if q.opts.Sync != SyncNever {
		return q.opts.disk.names(q.dir)
	}
	return nil
}

// copyRest writes the events of a segment from head on behind those of s. What
// is unreadable stays missing, and is found by Read.
func (q *Queue) copyRest(f file, s, from *segment, head uint64) error {
	source, err := q.opts.disk.open(q.path(from), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // read only
	c := scanner{file: source, off: headerSize}
	for expect := from.first; ; {
		fr, b, err := c.next(expect, from.end, from.size)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		expect = fr.end()
		if expect <= head {
			continue
		}
		if fr.first < head {
			b = cutFrame(b, head)
		}
		if _, err := f.WriteAt(b, s.size); err != nil {
			return err
		}
		s.size += int64(len(b))
	}
}

// cutFrame returns a frame with the events of another one from a number on.
func cutFrame(b []byte, from uint64) []byte {
	f := parseFrame(b)
	rest := b[frameSize:]
	for ; f.first < from; f.first++ {
		_, rest = cutEvent(rest)
		f.count--
	}
	b = append(make([]byte, frameSize, frameSize+len(rest)), rest...)
	sealFrame(b, f.first, f.time, int(f.count))
	return b
}
