package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Read returns the next events, in order, as they were appended in several
// batches or one: at most maxEvents, with at most maxBytes together, but one at
// least, and none with a number from before on. A bound of 0 is none. The lease
// is nil if there is no such event now.
//
// The events of a lease have consecutive numbers. Events that were passed over,
// because they are too old, unreadable, or given up, show as a gap between two
// leases. An error is trouble with the disk, of which OnError is not told; Read
// may be called again.
func (q *Queue) Read(maxEvents, maxBytes int, before uint64) (*Lease, error) {
	q.reading.Lock()
	r, err := q.begun(maxEvents, maxBytes, before)
	if err != nil {
		q.reading.Unlock()
		return nil, err
	}
	err = q.failed(r.run())
	l := q.finish(r)
	q.reading.Unlock()

	if r.passed {
		r.trouble = append(r.trouble, q.settle())
	}
	if l != nil && err != nil { // which comes again, if it is to stay
		r.trouble = append(r.trouble, err)
		err = nil
	}
	q.opts.report(errors.Join(r.trouble...))
	return l, err
}

// reading is one call of Read.
type reading struct {
	q                   *Queue
	maxEvents, maxBytes int
	number, until       uint64 // what is to be read
	lease               uint64 // the number of the first event
	time                int64  // of that
	memory              *memory
	passed              bool // over something
	trouble             []error
}

func (q *Queue) begun(maxEvents, maxBytes int, before uint64) (reading, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return reading{}, fmt.Errorf("spool: read: %w", os.ErrClosed)
	}
	r := reading{q: q, maxEvents: maxEvents, maxBytes: maxBytes}
	r.number, r.until = q.unleased(q.next)
	if before > 0 {
		r.until = min(r.until, before)
	}
	if r.number >= r.until {
		return r, nil
	}
	if n := len(q.spare); n > 0 {
		r.memory, q.spare = q.spare[n-1], q.spare[:n-1]
		r.memory.reset()
	} else {
		r.memory = new(memory)
	}
	return r, nil
}

// run reads events until there are enough, or none, or a gap behind some.
func (r *reading) run() error {
	for r.number < r.until {
		to, why, err := r.q.peek(r.number)
		if err != nil {
			return err
		}
		switch {
		case why == atEnd, why != noGap && len(r.memory.ends) > 0:
			return nil
		case why != noGap:
			r.pass(min(to, r.until), why)
		case !r.take():
			return nil
		}
	}
	return nil
}

// take copies events of the current frame. It reports false if it is enough.
func (r *reading) take() bool {
	c, m := &r.q.cursor, r.memory
	if len(m.ends) == 0 {
		r.lease, r.time = r.number, c.frame.time
	}
	for end := min(c.frame.end(), r.until); r.number < end; r.number++ {
		event, rest := cutEvent(c.rest)
		n := len(m.ends)
		if n > 0 && (n == r.maxEvents || r.maxBytes > 0 && len(m.buf)+len(event) > r.maxBytes) {
			return false
		}
		m.buf = append(m.buf, event...)
		m.ends = append(m.ends, len(m.buf))
		c.rest = rest
		c.number++
	}
	return len(m.ends) != r.maxEvents
}

// pass goes on at a later number.
func (r *reading) pass(to uint64, why gap) {
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.outside(r.number, to)
	switch why {
	case expired:
		q.stats.Expired += n
		q.stats.Events -= n
	case damaged:
		q.stats.Damaged += n
		q.stats.Events -= n
		if n > 0 {
			r.trouble = append(r.trouble, q.mark(r.number, n))
		}
	case noGap, atEnd, void:
	}
	r.number, r.passed = to, true
}

// mark lets the segment of a number be kept aside, and says what it lacks.
func (q *Queue) mark(number, n uint64) error {
	for _, s := range q.segments {
		if s.end > number {
			s.damaged = true
			fate := "is damaged"
			if s.lost {
				fate = "was removed"
			}
			q.stats.LastError = fmt.Errorf("spool: %s %s: %d events from number %d on are lost", q.path(s), fate, n, number)
			break
		}
	}
	return q.stats.LastError
}

// finish makes a lease of what was read, and goes on behind it.
func (q *Queue) finish(r reading) (l *Lease) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case r.memory == nil:
	case len(r.memory.ends) == 0:
		q.spare = append(q.spare, r.memory)
	default:
		l = r.memory.lease(r.lease, r.time)
		at := len(q.leases)
		for at > 0 && q.leases[at-1].First > l.First {
			at--
		}
		q.leases = slices.Insert(q.leases, at, l)
	}
	q.next, _ = q.unleased(max(q.next, r.number))
	q.tidyLeases()
	return l
}

func (m *memory) lease(first uint64, time int64) *Lease {
	start := 0
	for _, end := range m.ends {
		m.events = append(m.events, m.buf[start:end:end])
		start = end
	}
	return &Lease{First: first, Events: m.events, time: time, count: len(m.ends), memory: m}
}

func (m *memory) reset() {
	m.buf, m.ends = m.buf[:0], m.ends[:0]
	clear(m.events)
	m.events = m.events[:0]
}
