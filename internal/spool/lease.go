package spool

import "slices"

// Lease is events that somebody has read, and will acknowledge or give back.
type Lease struct {
	First  uint64   // the number of the first event
	Events [][]byte // valid until all are acknowledged, or Release

	time   int64 // of the first event
	count  int
	acked  int
	memory *memory // of Events, nil once they are not needed any more
}

// memory is what the events of a lease are in. It is used again.
type memory struct {
	buf    []byte
	ends   []int
	events [][]byte
}

// next returns the number of the first event that is not acknowledged.
func (l *Lease) next() uint64 { return l.First + uint64(l.acked) } //nolint:gosec // not negative

func (l *Lease) end() uint64 { return l.First + uint64(l.count) } //nolint:gosec // not negative

func (l *Lease) done() bool { return l.acked == l.count }

// Ack says that the next n events of a lease are done. They do not come back,
// unless the system crashes: a position that has moved is written before Ack
// returns. Leases may be acknowledged in any order; events behind others that
// are not done can come back after a restart. It panics if the lease has fewer
// events than that left.
func (q *Queue) Ack(l *Lease, n int) {
	if n <= 0 {
		return
	}
	q.mu.Lock()
	if n > l.count-l.acked {
		q.mu.Unlock()
		panic("spool: Ack: more events than the lease has left")
	}
	l.acked += n
	q.stats.Events -= uint64(n)
	if l.done() {
		q.forget(l)
	}
	q.tidyLeases()
	q.mu.Unlock()
	q.opts.report(q.settle())
}

// Release gives back the events of a lease that are not acknowledged: they will
// be read again. A lease that is done is left alone.
func (q *Queue) Release(l *Lease) {
	q.reading.Lock()
	defer q.reading.Unlock()
	if q.giveBack(l) {
		q.cursor.close() // it is behind them
	}
}

func (q *Queue) giveBack(l *Lease) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.done() {
		return false
	}
	q.forget(l)
	q.next = min(q.next, l.next())
	if l.count = l.acked; l.count == 0 {
		q.leases = slices.DeleteFunc(q.leases, func(other *Lease) bool { return other == l })
	}
	q.tidyLeases()
	return true
}

// maxSpare is how much memory of leases is kept, in pieces of up to keptSize.
const maxSpare = 4

// forget lets the memory of a lease be used again.
func (q *Queue) forget(l *Lease) {
	l.Events = nil
	if m := l.memory; cap(m.buf) <= keptSize && len(q.spare) < maxSpare {
		q.spare = append(q.spare, m)
	}
	l.memory = nil
}

// tidyLeases drops the leases that nobody has to know about any more, and makes one of
// neighbours that are done: behind one that stays there would be ever more of them.
func (q *Queue) tidyLeases() {
	kept := q.leases[:0]
	for _, l := range q.leases {
		n := len(kept)
		switch {
		case !l.done():
			kept = append(kept, l)
		case n == 0 && l.First <= q.next:
		case n > 0 && kept[n-1].done() && kept[n-1].end() == l.First:
			kept[n-1].count += l.count
			kept[n-1].acked += l.acked
		default:
			kept = append(kept, l)
		}
	}
	clear(q.leases[len(kept):])
	q.leases = kept
}

// unleased returns the first number from n on that is in no lease and was not
// given up, and where the next lease begins.
func (q *Queue) unleased(n uint64) (from, until uint64) {
	until = q.end
	for _, l := range q.leases {
		if n = q.remaining(n); l.First > n {
			until = l.First
			break
		}
		n = max(n, l.end())
	}
	return q.remaining(n), until
}

// remaining returns the first number from n on that was not given up.
func (q *Queue) remaining(n uint64) uint64 {
	for _, s := range q.segments {
		if s.first > n {
			break
		}
		if s.gone && n < s.end {
			n = s.end
		}
	}
	return n
}

// outside returns how many of the numbers from a on and before b are in no lease.
func (q *Queue) outside(a, b uint64) uint64 {
	if a >= b {
		return 0
	}
	n := b - a
	for _, l := range q.leases {
		if from, to := max(a, l.First), min(b, l.end()); from < to {
			n -= to - from
		}
	}
	return n
}

// leased reports whether a lease has events of a segment that are not done.
func (q *Queue) leased(s *segment) bool {
	return slices.ContainsFunc(q.leases, func(l *Lease) bool {
		return !l.done() && l.next() < s.end && s.first < l.end()
	})
}
