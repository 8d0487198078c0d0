package logstash

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/spool"
)

// dropReason is why an event was given up.
type dropReason int

const (
	dropFull dropReason = iota
	dropTooLarge
	dropInvalid
	dropShutdown
	dropRejected
	dropSpool // old, damaged, or in the way of others
	numDropReasons
)

// queue holds the events between Write and their ack, in batches as they will
// be sent, and keeps the accounts. In memory it is bounded, and it never waits.
//
// Events leave it in the order in which they came: first those of waiting, then
// those of tail. Of those in the spool, waiting has marks only.
type queue struct {
	sizes     [2]int64 // bounds of bytes, for what is not protected and for what is
	numbers   [2]int   // bounds of events
	batchLen  int      // events that are sent together at most
	dropsOld  bool     // the policy is DropOldest
	wantsDrop bool     // somebody is to be given what is dropped

	spool     *spool.Queue // nil if there is none
	spoolSize int64        // bound of its bytes
	overflow  bool         // only what has no room goes to the spool
	order     *order       // nil without keys
	reading   sync.Mutex   // held by who reads from the spool; taken before mu

	mu       sync.Mutex
	again    []*piece // to be sent again, before all others
	begun    []*piece // to be sent, or dealt to the keys, before what waits
	suspects []*piece // single events that the peer may have died of
	out      []*batch // begun, and not settled
	waiting  []entry  // complete, the oldest first
	tail     *batch   // being filled, never nil
	usual    amount   // how much the one before had
	spare    []*batch // to be filled again
	tickets  uint64

	spooling bool   // of overflow: new events go to the spool
	pending  int    // events that are being written to the spool
	readTo   uint64 // the number behind the last event that was read from the spool
	gone     uint64 // events that the spool has given up and that are counted

	hurryTo uint64        // events of the spool with lower numbers are not to wait for more
	haste   haste         // why the tail is not to wait for more events
	hurried time.Time     // when it was last sent for events in a hurry
	closed  bool          // nothing is taken any more
	over    bool          // nothing is sent any more
	undone  []*batch      // those that were in memory then
	first   uint64        // the first event that was in the spool then
	last    uint64        // behind the last one
	unsent  uint64        // how many of those in between were not settled then
	changed chan struct{} // closed at the next settlement; nil when nobody waits
	wakes   []chan<- struct{}

	events  int       // in memory, those under way included
	bytes   int64     // what they cost
	loose   [2]amount // of those, what may be dropped: not protected, and protected
	spooled uint64
	entered uint64
	written uint64
	refused uint64 // never entered
	dropped [numDropReasons]uint64
}

// amount is a number of events and what they cost.
type amount struct {
	events int
	bytes  int64
}

// entry is a batch, or, without one, the events of the spool with lower numbers.
type entry struct {
	*batch

	upTo   uint64
	ticket uint64
	born   time.Time // when the first event came that was not read yet
}

func newQueue(o *DialOptions, sp *spool.Queue) *queue {
	q := &queue{
		batchLen:  o.BatchSize,
		dropsOld:  o.Policy == DropOldest,
		wantsDrop: o.OnDrop != nil,
		spool:     sp,
		spoolSize: o.SpoolMaxBytes,
		overflow:  o.SpoolMode == SpoolOverflow,
		tail:      new(batch),
	}
	number := o.MaxEvents
	if number == 0 {
		number = math.MaxInt
	}
	q.sizes = [2]int64{o.Size - int64(o.Reserve*float64(o.Size)), o.Size}
	q.numbers = [2]int{number - int(o.Reserve*float64(o.MaxEvents)), number}
	if o.Key != nil && o.Strategy == LoadBalance {
		q.order = newOrder(o)
	}
	if sp != nil {
		q.restore()
	}
	return q
}

// restore takes what the spool has.
func (q *queue) restore() {
	head, end, st := q.spool.Head(), q.spool.End(), q.spool.Stats()
	q.readTo = head
	q.spooled = st.Events
	q.gone = q.spool.Gone() // by Open
	q.dropped[dropSpool] = q.gone
	q.entered = q.spooled + q.dropped[dropSpool]
	if head < end {
		q.spooling = q.overflow
		q.mark(end)
	}
}

// verdict is what put made of an event.
type verdict int

const (
	taken   verdict = iota
	full            // there is no room
	closed          // the queue takes nothing any more
	toSpool         // it is to be written to the spool, and settled by spoolDone or spoolFailed
)

// victims are the events that were dropped to make room for another one.
type victims struct {
	n      uint64
	events [][]byte // none if nobody wants to know
}

// put copies event into the queue if there is room. It returns what was dropped
// for that.
func (q *queue) put(event []byte, important, hurry bool) (v verdict, gone victims) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return closed, victims{}
	case q.spool != nil && (!q.overflow || q.spooling):
		return q.reserve(), victims{}
	case q.fits(len(event), important):
		q.add(event, important, hurry)
		return taken, victims{}
	case q.overflow:
		q.spooling = true
		return q.reserve(), victims{}
	}
	return q.squeeze(event, important, hurry)
}

// reserve counts an event that is going to be written to the spool.
func (q *queue) reserve() verdict {
	q.pending++
	q.spooled++
	q.entered++
	return toSpool
}

// squeeze makes room by dropping others, if that is the policy, and puts event in.
func (q *queue) squeeze(event []byte, important, hurry bool) (v verdict, gone victims) {
	if !q.dropsOld || !q.fitsBut(q.droppable(important), len(event), important) {
		q.hasten(atOnce) // nothing more can come to fill the tail
		return full, gone
	}
	for !q.fits(len(event), important) {
		old, _ := q.dropOldest(important)
		gone.n++
		if q.wantsDrop {
			gone.events = append(gone.events, old)
		}
	}
	q.add(event, important, hurry)
	return taken, gone
}

// fits reports whether there is room.
func (q *queue) fits(length int, important bool) bool {
	return q.fitsBut(amount{}, length, important)
}

// fitsBut reports whether there would be room without a certain amount of events.
func (q *queue) fitsBut(less amount, length int, important bool) bool {
	class := 0
	if important {
		class = 1
	}
	bytes, events := q.bytes-less.bytes, q.events-less.events
	return bytes+int64(length+eventOverhead) <= q.sizes[class] && events < q.numbers[class] ||
		class == 0 && events == 0 // alone it may take all there is
}

// droppable returns what may be dropped to make room.
func (q *queue) droppable(important bool) amount {
	if !important {
		return q.loose[0]
	}
	return amount{q.loose[0].events + q.loose[1].events, q.loose[0].bytes + q.loose[1].bytes}
}

// loosen counts an event as one that may be dropped, or, with a sign of -1, as one
// that may not be any more.
func (q *queue) loosen(b *batch, i, sign int) {
	class := &q.loose[0]
	if b.items[i].marks&protected != 0 {
		class = &q.loose[1]
	}
	class.events += sign
	class.bytes += int64(sign) * b.cost(i)
}

// add puts an event into the tail.
func (q *queue) add(event []byte, important, hurry bool) {
	if len(q.tail.items) > 0 && len(q.tail.buf)+len(event) > maxBatchBytes {
		q.roll()
	}
	if len(q.tail.items) == 0 {
		q.tail.grow(q.usual) // those that follow each other are much alike
		q.tickets++
		q.tail.ticket = q.tickets
		q.tail.born = time.Now()
		q.wake()
	}
	var marks uint8
	if important {
		marks = protected
	}
	q.tail.add(event, marks)
	q.loosen(q.tail, len(q.tail.items)-1, 1)
	q.events++
	q.bytes += int64(len(event) + eventOverhead)
	q.entered++
	if q.tail.open == q.batchLen {
		q.wake()
	}
	if len(q.tail.items) == MaxBatchSize {
		q.roll()
	} else if hurry {
		q.hasten(atPace)
	}
}

// haste is how soon the tail is to be sent, full or not.
type haste int

const (
	noHaste haste = iota
	atPace        // not sooner than hurryPace after the one before
	atOnce
)

// hurryPace is the least time between two batches that are sent for having an event
// in a hurry. Many of these in a row are not worth a packet each, which would slow
// down the program that logs them.
const hurryPace = time.Millisecond

// hasten makes the tail wait no longer than that for events to fill it.
func (q *queue) hasten(h haste) {
	if q.haste < h {
		q.haste = h
		q.wake()
	}
}

// lingers returns how long the tail, which has events, waits for more at most.
func (q *queue) lingers(linger time.Duration) time.Duration {
	if q.haste == atOnce || q.tail.open >= q.batchLen || q.closed {
		return 0
	}
	now := time.Now()
	wait := linger - now.Sub(q.tail.born)
	if q.haste == atPace {
		if wait = min(wait, hurryPace-now.Sub(q.hurried)); wait <= 0 {
			q.hurried = now
		}
	}
	return wait
}

// hurrySpool makes the events of the spool with numbers below end wait no longer for
// others.
func (q *queue) hurrySpool(end uint64) {
	if q.hurryTo < end {
		q.hurryTo = end
		q.wake()
	}
}

// roll closes the tail, which is not empty, and begins another one.
func (q *queue) roll() {
	b := q.tail
	q.waiting = append(q.waiting, entry{batch: b, ticket: b.ticket})
	q.haste = noHaste
	q.usual = amount{len(b.items), int64(len(b.buf))}
	if n := len(q.spare); n > 0 {
		q.tail, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		q.tail = new(batch)
	}
	if b.open < len(b.items) {
		q.compact(len(q.waiting) - 1)
	}
}

// mark notes that the events of the spool with numbers below upTo come after all
// that has entered so far.
func (q *queue) mark(upTo uint64) {
	if len(q.tail.items) > 0 {
		q.roll()
	}
	if n := len(q.waiting); n > 0 && q.waiting[n-1].batch == nil {
		last := &q.waiting[n-1]
		if last.upTo <= q.readTo {
			last.born = time.Now() // the others are on their way
		}
		last.upTo = max(last.upTo, upTo)
		return
	}
	q.tickets++
	q.waiting = append(q.waiting, entry{upTo: upTo, ticket: q.tickets, born: time.Now()})
	q.wake()
}

// spoolDone notes that an event was written to the spool, as the last one before
// the number end.
func (q *queue) spoolDone(end uint64, hurry bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending--
	q.mark(end)
	q.settleGone()
	if hurry {
		q.hurrySpool(end)
	} else if end-q.readTo == uint64(q.batchLen) { //nolint:gosec // never negative
		q.wake()
	}
}

// spoolFailed notes that an event could not be written to the spool, and puts it
// into memory if that is asked for.
func (q *queue) spoolFailed(event []byte, important, hurry, keep bool) (v verdict, gone victims) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending--
	q.spooled--
	q.entered--
	q.settleGone()
	q.endSpooling()
	if q.closed {
		q.wake() // it may have been the last
	}
	switch {
	case q.over:
		return closed, victims{}
	case !keep:
		return full, victims{}
	case q.fits(len(event), important):
		q.add(event, important, hurry)
		return taken, victims{}
	}
	return q.squeeze(event, important, hurry)
}

// dropOldest drops the oldest event in memory that no lane has, and that is not
// protected, unless that is asked for and there is no other.
func (q *queue) dropOldest(important bool) (event []byte, ok bool) {
	if event, ok = q.dropFirst(protected); !ok && important {
		event, ok = q.dropFirst(0)
	}
	return event, ok
}

// dropFirst drops the oldest event that has none of the given marks.
func (q *queue) dropFirst(marks uint8) (event []byte, ok bool) {
	for i := 0; i < len(q.waiting); i++ {
		b := q.waiting[i].batch
		if b == nil || b.lease != nil {
			continue
		}
		if event, ok = q.dropFrom(b, marks); ok && b.open > 0 {
			return event, true
		}
		if q.compact(i) {
			i--
		}
		if ok {
			return event, true
		}
	}
	return q.dropFrom(q.tail, marks)
}

// compact frees the memory of a batch of which a good part has been dropped. What is left
// of it goes to the batch before it, if there is room. It reports whether the batch
// is gone.
func (q *queue) compact(i int) (gone bool) {
	b := q.waiting[i].batch
	if b.open > len(b.items)*3/4 {
		return false
	}
	if b.open > 0 {
		b.squeeze()
		if i == 0 || !q.waiting[i-1].absorbs(b) {
			return false
		}
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.recycle(b)
	q.tell()
	return true
}

func (q *queue) dropFrom(b *batch, marks uint8) (event []byte, ok bool) {
	i := 0
	if marks != 0 {
		i = b.kept
	}
	for i < len(b.items) && b.items[i].marks&(marks|settled) != 0 {
		i++
	}
	if marks != 0 {
		b.kept = i
	}
	if i == len(b.items) {
		return nil, false
	}
	if q.wantsDrop {
		event = slices.Clone(b.event(i))
	}
	q.loosen(b, i, -1)
	q.bytes -= b.cost(i)
	q.events--
	b.settle(i)
	q.dropped[dropFull]++
	return event, true
}

// refuse counts an event that was never taken.
func (q *queue) refuse(reason dropReason) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refused++
	q.dropped[reason]++
}

// maxSpare is how many batches wait to be filled again: as many as are acked at once.
const maxSpare = 4

// recycle keeps the memory of a batch that is done for another one.
func (q *queue) recycle(b *batch) {
	if len(q.spare) < maxSpare && b.lease == nil && !b.shared && cap(b.buf) <= 2*maxBatchBytes {
		b.reset()
		q.spare = append(q.spare, b)
	}
}

// hasWork reports whether there is anything that no lane has, to be sent now or soon.
func (q *queue) hasWork() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.again) + len(q.begun) + len(q.suspects) + len(q.waiting) + q.tail.open
	if q.order != nil {
		n += q.order.waiting
	}
	return n > 0 && !q.over
}

// wake makes every lane look.
func (q *queue) wake() {
	for _, c := range q.wakes {
		select {
		case c <- struct{}{}:
		default:
		}
	}
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

// tell wakes up who waits for a settlement.
func (q *queue) tell() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// relaxed reports whether the queue is at most half full, and the spool as well.
func (q *queue) relaxed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.spool != nil && q.spool.Stats().Bytes > q.spoolSize/2 {
		return false
	}
	return q.bytes <= q.sizes[1]/2 && q.events <= q.numbers[1]/2
}
