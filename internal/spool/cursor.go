package spool

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// cursor is where events are read next. The lock for reading guards it.
type cursor struct {
	seg    *segment // nil: none is open
	scan   scanner
	expect uint64 // the number of the next event in the file, if nothing is damaged

	frame  frame  // the current one; without events: none
	number uint64 // of the first event in rest
	rest   []byte // of the frame

	failures int // of reading the segment, one after the other
}

// maxFailures is how often reading is tried again before the rest of a segment
// counts as damaged, as on a disk with a bad sector.
const maxFailures = 3

func (c *cursor) close() {
	if c.seg != nil {
		_ = c.scan.file.Close() // it was read only
	}
	c.seg, c.scan.file, c.frame, c.rest = nil, nil, frame{}, nil
}

// gap is why events are passed over.
type gap int

const (
	noGap   gap = iota // here is an event
	atEnd              // there is none yet
	void               // they were given up before
	expired            // they are too old
	damaged            // they are unreadable, or missing
)

// peek looks for the event with a number. If it cannot be had, the events before
// to cannot either. It may be called again with the same number.
func (q *Queue) peek(number uint64) (to uint64, why gap, err error) {
	c := &q.cursor
	for c.frame.end() <= number {
		seg, first, end, size := q.segmentOf(number)
		switch {
		case seg == nil:
			return number, atEnd, nil
		case first > number:
			return first, void, nil
		case seg.gone:
			return end, void, nil
		}
		found, err := c.load(q, seg, end, size)
		if err != nil {
			return number, atEnd, err
		}
		if !found {
			return end, damaged, nil
		}
	}
	if c.frame.first > number {
		return c.frame.first, damaged, nil
	}
	for ; c.number < number; c.number++ {
		_, c.rest = cutEvent(c.rest)
	}
	if age := q.opts.MaxAge; age > 0 && time.Since(time.Unix(0, c.frame.time)) > age {
		return c.frame.end(), expired, nil
	}
	return number, noGap, nil
}

// segmentOf returns the segment with a number, or the next one behind it, and
// what of it can change.
func (q *Queue) segmentOf(number uint64) (seg *segment, first, end uint64, size int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.segments {
		if s.end > number {
			return s, s.first, s.end, s.size
		}
	}
	return nil, 0, 0, 0
}

// load makes the next frame of seg the current one. It reports false if there
// is none any more.
func (c *cursor) load(q *Queue, seg *segment, end uint64, size int64) (found bool, err error) {
	if c.seg != seg {
		c.close()
		f, err := q.opts.disk.open(q.path(seg), os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			q.lose(seg)
			return false, nil
		}
		if err != nil {
			return false, c.patience(err)
		}
		c.seg, c.expect = seg, seg.first
		c.scan.file, c.scan.off, c.scan.buf = f, headerSize, c.scan.buf[:0]
	}
	f, b, err := c.scan.next(c.expect, end, size)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, c.patience(err)
	}
	c.failures = 0
	c.frame, c.number, c.rest, c.expect = f, f.first, b[frameSize:], f.end()
	return true, nil
}

// patience returns err, unless it has come too often.
func (c *cursor) patience(err error) error {
	if c.failures++; c.failures <= maxFailures {
		return err
	}
	c.failures = 0
	return nil
}
