package logstash

import (
	"math"
	"sync"
	"time"
)

// maxBatchBytes closes a batch of long events before it has its number.
const maxBatchBytes = 1 << 20

// eventOverhead is what an event costs in a queue besides its bytes.
const eventOverhead = 8

// batch is consecutive events in one buffer.
type batch struct {
	buf  []byte
	ends []int     // where each event ends in buf
	sent int       // how many events, from the first on, are settled
	born time.Time // when the first event came
}

func (b *batch) add(event []byte) {
	b.buf = append(b.buf, event...)
	b.ends = append(b.ends, len(b.buf))
}

// appendRest appends the events that are not settled to into.
func (b *batch) appendRest(into [][]byte) [][]byte {
	start := b.start(b.sent)
	for _, end := range b.ends[b.sent:] {
		into = append(into, b.buf[start:end:end])
		start = end
	}
	return into
}

// start returns where the i-th event begins in buf.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// cost is what n events from the i-th on count against the size of a queue.
func (b *batch) cost(i, n int) int64 {
	return int64(b.start(i+n) - b.start(i) + n*eventOverhead)
}

func (b *batch) reset() { b.buf, b.ends, b.sent = b.buf[:0], b.ends[:0], 0 }

// dropReason is why an event was given up.
type dropReason int

const (
	dropFull dropReason = iota
	dropTooLarge
	dropInvalid
	dropShutdown
	numDropReasons
)

// queue holds the events between Write and their ack, in batches as they will
// be sent, and keeps the accounts. It is bounded and never waits.
type queue struct {
	size      int64 // bound of bytes
	maxEvents int   // bound of events, 0 for none
	batchLen  int   // events of a full batch

	mu    sync.Mutex
	full  []*batch // complete, the oldest first
	tail  *batch   // being filled, never nil
	spare []*batch // to be filled again

	hurry   bool          // the tail is not to wait for more events
	closed  bool          // nothing is taken any more
	changed chan struct{} // closed at the next settlement; nil when nobody waits

	events  int   // queued, in flight included
	bytes   int64 // what they cost
	entered uint64
	written uint64
	refused uint64 // never entered
	dropped [numDropReasons]uint64
	cutOff  uint64 // how many of the entered were settled when the rest was discarded
}

func newQueue(size int64, maxEvents, batchLen int) *queue {
	return &queue{
		size:      size,
		maxEvents: maxEvents,
		batchLen:  batchLen,
		tail:      new(batch),
		cutOff:    math.MaxUint64,
	}
}

// verdict is what put made of an event.
type verdict int

const (
	taken  verdict = iota
	full           // there is no room
	closed         // the queue takes nothing any more
)

// put copies event into the queue if there is room. The sender has something
// new to look at if wake is true.
func (q *queue) put(event []byte, hurry bool) (v verdict, wake bool) {
	cost := int64(len(event) + eventOverhead)
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return closed, false
	case q.bytes+cost > q.size, q.maxEvents > 0 && q.events == q.maxEvents:
		wake, q.hurry = !q.hurry, true // nothing more can come to fill the tail
		return full, wake
	}
	if len(q.tail.ends) > 0 && len(q.tail.buf)+len(event) > maxBatchBytes {
		q.roll()
		wake = true
	}
	if len(q.tail.ends) == 0 {
		q.tail.born = time.Now()
		wake = true
	}
	q.tail.add(event)
	q.events++
	q.bytes += cost
	q.entered++
	if len(q.tail.ends) == q.batchLen {
		q.roll()
		wake = true
	} else if hurry && !q.hurry {
		q.hurry = true
		wake = true
	}
	return taken, wake
}

// roll closes the tail and begins another one.
func (q *queue) roll() {
	q.full = append(q.full, q.tail)
	q.hurry = false
	if n := len(q.spare); n > 0 {
		q.tail, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		q.tail = new(batch)
	}
}

// take returns the oldest batch once it is full, has waited for linger, or is
// in a hurry. Otherwise it returns nil and how long to wait, 0 for until there
// is news, and whether nothing will come any more.
func (q *queue) take(now time.Time, linger time.Duration) (b *batch, wait time.Duration, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.full) == 0 {
		if len(q.tail.ends) == 0 {
			return nil, 0, q.closed
		}
		if wait = linger - now.Sub(q.tail.born); wait > 0 && !q.hurry && !q.closed {
			return nil, wait, false
		}
		q.roll()
	}
	b, q.full[0] = q.full[0], nil
	q.full = q.full[1:]
	return b, 0, false
}

// settle notes that the next n events of b are done: written, or dropped at
// shutdown.
func (q *queue) settle(b *batch, n int, wasWritten bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	cost := b.cost(b.sent, n)
	b.sent += n
	q.events -= n
	q.bytes -= cost
	if wasWritten {
		q.written += uint64(n) //nolint:gosec // never negative
	} else {
		q.dropped[dropShutdown] += uint64(n) //nolint:gosec // never negative
	}
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// recycle keeps the memory of a batch that is done for another one.
func (q *queue) recycle(b *batch) {
	b.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < 2 && cap(b.buf) <= 2*maxBatchBytes {
		q.spare = append(q.spare, b)
	}
}

// drop counts an event that was never taken.
func (q *queue) drop(reason dropReason) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refused++
	q.dropped[reason]++
}

// close makes the queue take nothing any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// discard begins the end: nothing is taken any more, and what is not settled
// now never will be written.
func (q *queue) discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cutOff = q.settled()
}

// flush makes the tail hurry and returns how many events have ever entered.
func (q *queue) flush() (entered uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tail.ends) > 0 {
		q.hurry = true
	}
	return q.entered
}

// left returns how many of the first entered events are not settled yet and,
// unless there are none, a channel that is closed when that may have changed.
func (q *queue) left(entered uint64) (n uint64, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if settled := q.settled(); settled < entered {
		return entered - settled, q.watch()
	}
	return 0, nil
}

// discarded returns how many of the first entered events were discarded.
func (q *queue) discarded(entered uint64) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	entered = min(entered, q.entered)
	return entered - min(entered, q.cutOff)
}

// room returns a channel that is closed when there may be more room.
func (q *queue) room() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.watch()
}

func (q *queue) watch() <-chan struct{} {
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	return q.changed
}

// settled returns how many events have left the queue.
func (q *queue) settled() uint64 { return q.entered - uint64(q.events) } //nolint:gosec // never negative

// stats returns the accounts.
func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{
		Accepted:        q.entered + q.refused,
		Written:         q.written,
		DroppedFull:     q.dropped[dropFull],
		DroppedTooLarge: q.dropped[dropTooLarge],
		DroppedInvalid:  q.dropped[dropInvalid],
		DroppedShutdown: q.dropped[dropShutdown],
		Queued:          uint64(q.events), //nolint:gosec // never negative
		QueuedBytes:     q.bytes - int64(q.events)*eventOverhead,
	}
	for _, n := range q.dropped {
		s.Dropped += n
	}
	return s
}

// relaxed reports whether the queue is at most half full.
func (q *queue) relaxed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes <= q.size/2 && (q.maxEvents == 0 || q.events <= q.maxEvents/2)
}
