package logstash

import (
	"cmp"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/spool"
)

// maxBatchBytes closes a batch of long events before it has its number.
const maxBatchBytes = 1 << 20

// eventOverhead is what an event costs in a queue besides its bytes.
const eventOverhead = 8

// batch is consecutive events, in one buffer or from the spool.
type batch struct {
	ticket uint64       // smaller than that of all batches behind it
	born   time.Time    // when the first event came
	lease  *spool.Lease // what it was read with, nil if it has never left memory
	leased int          // how many bytes it has of that, with keys
	buf    []byte       // the events, unless there is a lease
	base   int32        // where they begin in buf
	shared bool         // buf and items belong to other batches too
	held   int          // of how many events it keeps the memory, with keys, 0 for all
	skip   int          // how many events before items were cut off
	items  []item
	kept   int // the items before this one can not be dropped to make room
	open   int // events that are neither settled nor dropped
	front  int // the items before this one are settled
}

// item is an event of a batch.
type item struct {
	end   int32 // where it ends in buf
	marks uint8
}

// What an item may be marked as.
const (
	settled   = 1 << iota // it is acked, dropped, or in quarantine
	protected             // it is dropped after those that are not
)

func (b *batch) add(event []byte, marks uint8) {
	b.buf = append(b.buf, event...)
	b.items = append(b.items, item{int32(len(b.buf)), marks}) //nolint:gosec // an event has at most 64 MiB
	b.open++
}

// event returns the i-th event.
func (b *batch) event(i int) []byte {
	if b.lease != nil {
		return b.lease.Events[i]
	}
	end := b.items[i].end
	return b.buf[b.start(i):end:end]
}

// start returns where the i-th event begins in buf.
func (b *batch) start(i int) int32 {
	if i == 0 {
		return b.base
	}
	return b.items[i-1].end
}

// cost is what the i-th event counts against the size of a queue.
func (b *batch) cost(i int) int64 {
	if b.lease != nil {
		return 0
	}
	return int64(b.items[i].end-b.start(i)) + eventOverhead
}

// settle marks an event, and returns how many more events are settled from the
// front on, as a spool wants to know.
func (b *batch) settle(i int) (front int) {
	b.items[i].marks |= settled
	b.open--
	was := b.front
	for b.front < len(b.items) && b.items[b.front].marks&settled != 0 {
		b.front++
	}
	return b.front - was
}

// squeeze gives up the memory of the events that are settled.
func (b *batch) squeeze() {
	was := *b
	*b = batch{ticket: was.ticket, skip: was.skip, born: was.born}
	for i, it := range was.items {
		if it.marks&settled == 0 {
			b.add(was.event(i), it.marks)
		}
	}
}

// isSparse reports whether most of the events that it keeps the memory of are settled. A
// lease keeps its own until it is done.
func (b *batch) isSparse() bool {
	return b.lease == nil && b.open > 0 && b.open <= cmp.Or(b.held, len(b.items))/2
}

// openBytes returns about how long the events are that are open.
func (b *batch) openBytes() int {
	n := len(b.items)
	return int(b.items[n-1].end-b.start(0)) * b.open / n
}

// shrink gives up the memory of the events that are settled, while the others keep their
// places.
func (b *batch) shrink() {
	was := *b
	b.held, b.shared, b.base = b.open, false, 0
	b.buf, b.items = nil, slices.Clone(was.items)
	for i, it := range was.items {
		if it.marks&settled == 0 {
			b.buf = append(b.buf, was.event(i)...)
		}
		b.items[i].end = int32(len(b.buf)) //nolint:gosec // less than it was
	}
}

// cut takes the first n events off b, of which none is settled, and returns them
// as a batch of their own.
func (b *batch) cut(n int) *batch {
	b.shared = true
	first := *b
	first.items, first.open = b.items[:n:n], n
	b.base = b.items[n-1].end
	b.items = b.items[n:]
	b.skip += n
	b.kept = max(b.kept-n, 0)
	b.open -= n
	b.born = time.Now() // or a little before; it is not known
	return &first
}

// absorbs adds the events of other, of which none is settled, if they fit in a
// batch. It reports whether they do.
func (b *batch) absorbs(other *batch) bool {
	if b == nil || len(b.items)+len(other.items) > MaxBatchSize || len(b.buf)+len(other.buf) > maxBatchBytes {
		return false
	}
	for i, it := range other.items {
		b.add(other.event(i), it.marks)
	}
	return true
}

// appendRest appends the events that are not settled to a slice.
func (b *batch) appendRest(events [][]byte) [][]byte {
	for i, it := range b.items {
		if it.marks&settled == 0 {
			events = append(events, b.event(i))
		}
	}
	return events
}

// grow makes room for a certain amount of events, unless there is some already.
func (b *batch) grow(a amount) {
	if int64(cap(b.buf)) < a.bytes {
		b.buf, b.items = make([]byte, 0, a.bytes+a.bytes/16), make([]item, 0, a.events)
	}
}

func (b *batch) reset() {
	*b = batch{buf: b.buf[:0], items: b.items[:0]}
}

// piece is events that are sent together: consecutive ones of a batch or, with an order, of
// several batches. It has at least one, and none that is settled.
type piece struct {
	*batch // with an order, one without events

	from, to int
	of       []origin // with an order, where the events are from
	events   [][]byte // then, as a batch may be shrunk while they are sent
	chain    *chain   // with an order, what it is in, but for a suspect
	sent     bool     // it was under way before, and may have arrived
	deaths   int      // how often in a row the peer has closed the connection over it

	// Of a single event that may be what the peer dies of, or rejects:
	strikes int    // how often it has, as far as that counts
	mark    uint64 // how many events were written when it did last
}

// origin is an event, the i-th of a batch.
type origin struct {
	*batch

	i   int
	key *keyed // nil without one
}

// len returns how many events there are.
func (p *piece) len() int { return p.to - p.from }

// origin returns where the i-th event is.
func (p *piece) origin(i int) origin {
	if p.of != nil {
		return p.of[i]
	}
	return origin{batch: p.batch, i: i}
}

// event returns the i-th event.
func (p *piece) event(i int) []byte {
	if p.of != nil {
		return p.events[i]
	}
	return p.batch.event(i)
}

// compare says which of two pieces comes first in the stream of events.
func (p *piece) compare(other *piece) int {
	return cmp.Or(cmp.Compare(p.ticket, other.ticket), cmp.Compare(p.number(), other.number()))
}

// number returns which event of its batch, or of the spool, the first one is.
func (p *piece) number() uint64 {
	n := uint64(p.skip + p.from) //nolint:gosec // never negative
	if p.lease != nil {
		n += p.lease.First
	}
	return n
}

// appendTo appends the events to a slice.
func (p *piece) appendTo(events [][]byte) [][]byte {
	for i := p.from; i < p.to; i++ {
		events = append(events, p.event(i))
	}
	return events
}

// split takes all but the first n events off p, and returns them.
func (p *piece) split(n int) *piece {
	rest := *p
	p.to = p.from + n
	rest.from = p.to
	return &rest
}
