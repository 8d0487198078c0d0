package logstash

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/spool"
)

// What take returns, besides a piece.
type pause struct {
	wait time.Duration // how long until there will be one, 0 for until there is news
	over bool          // there will never be one
	err  error         // why the spool could not be read
}

// take returns what is to be sent next: up to most events, once their batch is
// full, has waited for linger, or is in a hurry. If there is nothing under way in
// the caller's lane, it is idle, and may get a suspect, which must stay alone: one that
// has its turn or, from retryAt on, any. When ctx is done nothing is waited for.
func (q *queue) take(ctx context.Context, lane int, linger time.Duration, most int, idle bool, retryAt time.Time) (*piece, pause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.IndexFunc(q.suspects, func(p *piece) bool { return p.mark < q.written }); i >= 0 {
		if !idle {
			return nil, pause{}
		}
		return q.suspect(i), pause{}
	}
	if q.order != nil {
		delete(q.order.starved, lane)
	}
	if p := q.resume(lane, most); p != nil {
		return p, pause{}
	}
	if q.order != nil {
		return q.takeInOrder(ctx, lane, linger, most, idle, retryAt)
	}
	if suspect, why := q.fetch(linger, most, idle, retryAt); len(q.begun) == 0 {
		return suspect, why
	}
	return first(&q.begun, 0, most), pause{}
}

// resume returns a piece that is to be sent again and that the lane may have, if there is
// one.
func (q *queue) resume(lane, most int) *piece {
	i := slices.IndexFunc(q.again, func(p *piece) bool { return p.chain.isFree(lane) })
	if i < 0 {
		return nil
	}
	p := first(&q.again, i, most)
	p.chain.give(lane)
	return p
}

// first takes the i-th of some pieces, or the first of its events if it has more than most.
func first(pieces *[]*piece, i, most int) *piece {
	p := (*pieces)[i]
	if p.len() > most {
		(*pieces)[i] = p.split(most)
	} else {
		*pieces = slices.Delete(*pieces, i, i+1)
	}
	return p
}

// fetch puts the next events, up to most of the spool, into begun, which may have some
// already. Without any it returns a suspect, or why there is nothing.
func (q *queue) fetch(linger time.Duration, most int, idle bool, retryAt time.Time) (*piece, pause) {
	for len(q.begun) == 0 {
		more := !q.isAhead()
		switch {
		case q.over:
			return nil, pause{over: true}
		case more && len(q.waiting) > 0 && q.waiting[0].batch == nil:
			if wait := q.spoolLingers(linger); wait > 0 {
				return nil, pause{wait: wait}
			}
			if err := q.read(most); err != nil {
				return nil, pause{err: err}
			}
		case more && len(q.waiting) > 0:
			if q.begin(q.waiting[0].batch) {
				q.waiting[0] = entry{}
				q.waiting = q.waiting[1:]
			}
		case more && q.tail.open > q.batchLen:
			q.begin(q.tail)
		case more && q.tail.open > 0:
			if wait := q.lingers(linger); wait > 0 {
				return nil, pause{wait: wait}
			}
			q.roll()
		case idle && len(q.suspects) > 0:
			if wait := time.Until(retryAt); wait > 0 {
				return nil, pause{wait: wait}
			}
			return q.suspect(0), pause{}
		default:
			return nil, pause{over: q.closed && q.events == 0 && q.spooled == 0}
		}
	}
	return nil, pause{}
}

// spoolLingers returns how long to wait for more events in the spool.
func (q *queue) spoolLingers(linger time.Duration) time.Duration {
	mark := q.waiting[0]
	if len(q.waiting) > 1 || q.tail.open > 0 || q.closed || q.readTo < q.hurryTo ||
		mark.upTo-q.readTo >= uint64(q.batchLen) { //nolint:gosec // never negative
		return 0
	}
	return linger - time.Since(mark.born)
}

// suspect takes the i-th suspect.
func (q *queue) suspect(i int) *piece {
	p := q.suspects[i]
	q.suspects = slices.Delete(q.suspects, i, i+1)
	return p
}

// begin hands a batch to the lanes, or as many of its events as are sent together:
// the others may still be dropped. It reports whether that was all of it.
func (q *queue) begin(b *batch) (all bool) {
	if b.open < len(b.items) {
		b.squeeze()
	}
	if all = b.open <= q.batchLen; !all {
		b = b.cut(q.batchLen)
	}
	for i := range b.items {
		q.loosen(b, i, -1)
	}
	if b.open == 0 {
		q.recycle(b)
		return all
	}
	q.out = append(q.out, b)
	q.begun = append(q.begun, &piece{batch: b, to: len(b.items)})
	return all
}

// read puts the next events of the spool in front of the mark that waits for them,
// or takes that away if there are none any more. It gives up mu meanwhile.
func (q *queue) read(most int) error {
	q.mu.Unlock()
	q.reading.Lock()
	defer q.reading.Unlock()
	q.mu.Lock()
	if len(q.begun) > 0 || len(q.waiting) == 0 || q.waiting[0].batch != nil {
		return nil // somebody else has
	}
	mark := q.waiting[0]
	q.mu.Unlock()
	lease, err := q.spool.Read(most, maxBatchBytes, mark.upTo)
	q.mu.Lock()
	if err != nil {
		return err
	}
	if lease == nil {
		if q.skip(mark.upTo); q.waiting[0].upTo > mark.upTo {
			return nil // there are more by now
		}
		q.waiting[0] = entry{}
		q.waiting = q.waiting[1:]
		q.endSpooling()
		return nil
	}
	q.skip(lease.First)
	q.readTo += uint64(len(lease.Events))
	b := &batch{ticket: mark.ticket, born: time.Now(), lease: lease, items: make([]item, len(lease.Events)), open: len(lease.Events)}
	if q.order != nil {
		for _, event := range lease.Events {
			b.leased += len(event)
		}
	}
	q.out = append(q.out, b)
	q.begun = append(q.begun, &piece{batch: b, to: b.open})
	return nil
}

// skip notes that the next event to come from the spool has a certain number. The
// spool has given up those before it.
func (q *queue) skip(next uint64) {
	if next <= q.readTo {
		return
	}
	q.readTo = next
	q.settleGone()
}

// settleGone counts the events that the spool has given up: too old, damaged, or in
// the way of others.
func (q *queue) settleGone() {
	gone := q.spool.Gone()
	n := gone - q.gone
	if n == 0 {
		return
	}
	q.gone = gone
	q.spooled -= n
	q.dropped[dropSpool] += n
	q.tell()
	if q.closed {
		q.wake() // it may have been the last
	}
}

// evict makes the spool drop its oldest events, and returns how many those were.
func (q *queue) evict() (n uint64, err error) {
	n, err = q.spool.DropOldest()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settleGone()
	return n, err
}

// endSpooling lets events into memory again, once the spool has none that come
// before them. Those with a key may be read long before they are sent, and then would be
// in the spool on both sides of what is in memory.
func (q *queue) endSpooling() {
	if q.spooling && q.pending == 0 && !slices.ContainsFunc(q.waiting, func(e entry) bool { return e.batch == nil }) {
		q.spooling = q.order != nil && slices.ContainsFunc(q.out, func(b *batch) bool { return b.lease != nil })
	}
}

// settle notes that the first n events of p are done: written, or dropped for a
// reason.
func (q *queue) settle(p *piece, n int, done func(*queue, int)) {
	type progress struct {
		*batch

		lease *spool.Lease
		front int
	}
	var all []progress // of the batches that the events are from
	q.mu.Lock()
	p.chain.hear()
	for range n {
		at := p.origin(p.from)
		i := len(all) - 1
		for i >= 0 && all[i].batch != at.batch {
			i--
		}
		if i < 0 {
			i = len(all)
			all = append(all, progress{batch: at.batch, lease: at.lease})
		}
		q.bytes -= at.cost(at.i)
		all[i].front += at.settle(at.i)
		if at.lease != nil {
			q.spooled--
		} else {
			q.events--
		}
		if p.chain != nil {
			q.order.release(at.key)
		}
		p.from++
	}
	if p.len() == 0 {
		p.chain.takeBack()
	}
	done(q, n)
	q.mu.Unlock()
	for _, b := range all {
		if b.lease != nil {
			q.spool.Ack(b.lease, b.front)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range all {
		if b.open == 0 {
			q.forget(b.batch)
		}
	}
	q.tell()
	if q.closed || len(q.suspects) > 0 || q.order != nil {
		q.wake()
	}
}

// forget takes a batch that is done off the list.
func (q *queue) forget(b *batch) {
	if i := slices.Index(q.out, b); i >= 0 { // another lane may have been first
		q.out = slices.Delete(q.out, i, i+1)
		q.recycle(b)
		if q.order != nil && b.lease != nil {
			q.endSpooling()
		}
	}
}

// wasWritten and wasRejected are what can become of an event that is sent.
func wasWritten(q *queue, n int)  { q.written += uint64(n) }               //nolint:gosec // never negative
func wasRejected(q *queue, n int) { q.dropped[dropRejected] += uint64(n) } //nolint:gosec // never negative

// giveBack takes pieces that are to be sent again, each in its place.
func (q *queue) giveBack(pieces ...*piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range pieces {
		p.chain.takeBack()
		if q.order != nil && p.chain == nil {
			q.suspects = append(q.suspects, p) // which is still one
		} else {
			q.insert(p)
		}
	}
	q.wake()
}

// insert puts a piece into its place among those that are to be sent again.
func (q *queue) insert(p *piece) {
	i, _ := slices.BinarySearchFunc(q.again, p, (*piece).compare)
	q.again = slices.Insert(q.again, i, p)
}

// divide takes a piece that the peer does not bear, to be sent again in parts.
func (q *queue) divide(p *piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.chain.takeBack()
	for n := (p.len() + maxParts - 1) / maxParts; p.len() > n; {
		rest := p.split(n)
		q.insert(p)
		p = rest
	}
	q.insert(p)
	q.wake()
}

// isolate leaves a piece its first event, and takes the others, to be sent again: they are not to
// blame.
func (q *queue) isolate(p *piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.len() > 1 {
		rest := p.split(1)
		rest.deaths = 0
		q.insert(rest)
		q.wake()
	}
}

// accuse notes that the peer does not bear a single event. It returns how often
// that has happened with acks of other events in between.
func (q *queue) accuse(p *piece) (strikes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.strikes == 0 || p.mark < q.written {
		p.strikes++
	}
	p.mark = q.written
	return p.strikes
}

// park puts a suspect aside: others are sent first, until one of them is acked.
func (q *queue) park(p *piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.chain != nil { // from now on others may overtake it
		q.order.release(p.of[p.from].key)
		p.chain.takeBack()
		p.chain = nil
	}
	q.suspects = append(q.suspects, p)
	q.wake()
}

// A point is a moment in the life of a queue, as far as the order of events goes.
type point struct {
	ticket uint64 // of the last batch in memory
	number uint64 // behind the last event in the spool
}

// flush makes all that waits hurry and returns the present.
func (q *queue) flush() point {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tail.items) > 0 {
		q.roll() // what comes now is in another batch
		q.wake()
	}
	at := point{ticket: q.tickets}
	if q.spool != nil {
		at.number = q.spool.End()
		q.hurrySpool(at.number)
	}
	return at
}

// left returns how many of the events that entered before at are not settled yet
// and, unless there are none, a channel that is closed when that may have changed.
func (q *queue) left(at point) (n uint64, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.inMemory() {
		if b.ticket <= at.ticket {
			n += uint64(b.open) //nolint:gosec // never negative
		}
	}
	if q.spool != nil {
		// What is acked behind an event that is not is in between, but not left.
		if behind := at.number - min(at.number, q.spool.Head()); behind > 0 {
			n += max(min(behind, q.spooled), 1)
		}
	}
	if n == 0 {
		return 0, nil
	}
	return n, q.watch()
}

// inMemory returns the batches that have never been in the spool, in no order.
func (q *queue) inMemory() []*batch {
	all := []*batch{q.tail}
	for _, b := range q.out {
		if b.lease == nil {
			all = append(all, b)
		}
	}
	for _, e := range q.waiting {
		if e.batch != nil {
			all = append(all, e.batch)
		}
	}
	return all
}

// close makes the queue take nothing any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// end notes that nothing is sent any more. It returns the events that are left in
// memory: those that came before all that are left in the spool, and the others.
func (q *queue) end() (before, behind [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.over = true, true
	q.tell()
	q.undone = q.inMemory()
	slices.SortFunc(q.undone, func(a, b *batch) int {
		return cmp.Or(cmp.Compare(a.ticket, b.ticket), cmp.Compare(a.skip, b.skip))
	})
	first := q.firstSpooled()
	for _, b := range q.undone {
		if b.ticket < first {
			before = b.appendRest(before)
		} else {
			behind = b.appendRest(behind)
		}
	}
	if q.spool != nil {
		q.first, q.last, q.unsent = q.spool.Head(), q.spool.End(), q.spooled
	}
	return before, behind
}

// firstSpooled returns the ticket of the first events that are in the spool.
func (q *queue) firstSpooled() uint64 {
	first := uint64(math.MaxUint64)
	for _, b := range q.out {
		if b.lease != nil {
			first = min(first, b.ticket)
		}
	}
	for _, e := range q.waiting {
		if e.batch == nil {
			first = min(first, e.ticket)
		}
	}
	return first
}

// leases returns what is read from the spool and not settled.
func (q *queue) leases() []*spool.Lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*spool.Lease
	for _, b := range q.out {
		if b.lease != nil {
			out = append(out, b.lease)
		}
	}
	return out
}

// clear notes that n events have left memory in the end: for the spool, or
// dropped.
func (q *queue) clear(events [][]byte, toSpool bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(events)
	q.events -= n
	for _, event := range events {
		q.bytes -= int64(len(event)) + eventOverhead
	}
	if toSpool {
		q.spooled += uint64(n)
	} else {
		q.dropped[dropShutdown] += uint64(n)
	}
	q.tell()
}

// undelivered returns how many of the events that entered before at were not sent
// in the end.
func (q *queue) undelivered(at point) (n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.over {
		return 0
	}
	for _, b := range q.undone {
		if b.ticket <= at.ticket {
			n += uint64(b.open) //nolint:gosec // never negative
		}
	}
	number := min(at.number, q.last)
	return n + min(number-min(number, q.first), q.unsent)
}

// oldest returns when the oldest event came that is in memory.
func (q *queue) oldest() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	var oldest time.Time
	if q.over {
		return oldest
	}
	for _, b := range q.inMemory() {
		if b.open > 0 && (oldest.IsZero() || b.born.Before(oldest)) {
			oldest = b.born
		}
	}
	return oldest
}

// fill returns how full the memory is, from 0 to 1.
func (q *queue) fill() float64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(float64(q.bytes)/float64(q.sizes[1]), float64(q.events)/float64(q.numbers[1]))
}

// stats returns the accounts.
func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.spool != nil {
		q.settleGone()
	}
	s := Stats{
		Accepted:        q.entered + q.refused,
		Written:         q.written,
		DroppedFull:     q.dropped[dropFull],
		DroppedTooLarge: q.dropped[dropTooLarge],
		DroppedInvalid:  q.dropped[dropInvalid],
		DroppedRejected: q.dropped[dropRejected],
		DroppedSpool:    q.dropped[dropSpool],
		DroppedShutdown: q.dropped[dropShutdown],
		Queued:          uint64(q.events), //nolint:gosec // never negative
		QueuedBytes:     q.bytes - int64(q.events)*eventOverhead,
		Spooled:         q.spooled,
	}
	for _, n := range q.dropped {
		s.Dropped += n
	}
	return s
}
