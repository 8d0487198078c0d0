package logstash

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/spool"
)

const (
	// turnTime is how long a lane may go on with a key for which others wait, if it is acked.
	turnTime = 100 * time.Millisecond
	// yieldTime is how long it then leaves the key to others.
	yieldTime = 5 * time.Millisecond
	// homeTime is how long a key waits for the lane that is its home before others take it,
	// and awayTime how long one of them is its home then.
	homeTime = 20 * time.Millisecond
	awayTime = 5 * time.Second
	// numHomes is of how many groups of keys that is known.
	numHomes = 1024
	// firstWindow is how many events a new connection gets until it has acked something.
	firstWindow = 32
	// maxSpareKeys is how many keys that are not in use any more wait to be used again.
	maxSpareKeys = 8 * MaxBatchSize
	// maxAhead is how many batches are begun at most, however short they are.
	maxAhead = 4096
	// keyOverhead is what an event that is begun takes with its key.
	keyOverhead = 160
	// itemOverhead is what is left of that when it is settled, and others of its batch
	// are not.
	itemOverhead = 32
)

// order keeps the events of each key in order over several lanes: those that are
// under way are all in one chain, and those behind them wait until they are acked, or for
// the lane of that chain. Each key has a home, the lane that takes it as long as it is quick
// enough, so that a receiver that stalls has its share of the keys, and not all of them.
type order struct {
	ask     func(event []byte) []byte
	seed    maphash.Seed
	limit   int // how many batches may be under way in a lane
	keys    map[uint64]*keyed
	homes   [numHomes]home
	ready   []*keyed       // with events for any lane, the first to come first
	own     map[int]*chain // of each lane, for events that were not sent yet
	again   []*chain       // with pieces to be sent again
	dealing bool           // a lane is asking for the keys of a batch
	hashes  []uint64       // of that batch
	waiting int            // events that are dealt and not in a chain
	idle    time.Time      // when a lane last had nothing to send but those
	tickets uint64
	spare   []*keyed
}

// keyed is the events with one key that are begun and not settled. There is one more
// for those of a batch that have none.
type keyed struct {
	hash    uint64    // of the key, 0 without
	in      *chain    // with those that were given to a lane, nil if there are none
	given   int       // how many these are
	waiting []origin  // the others
	since   time.Time // when it was given to the lane, or was ready for any
	acks    uint64    // of in, then
	last    int       // the lane that gave it up while there were others
	left    time.Time // when
}

// home is the lane that has taken the keys of a group for others.
type home struct {
	lane  int
	until time.Time
}

// chain is pieces of which no two lanes may have one at the same time.
type chain struct {
	lane    int // that has, or had last
	given   int // how many it has
	acks    uint64
	busy    int       // events with keys that are under way
	waiting int       // events of the same keys that are not
	slow    bool      // lately there were more of these
	heard   time.Time // when it was acked last, or began to have some
	more    []*keyed  // in it, with events that wait
	back    []*piece  // to be sent again
}

// origin is an event of a batch that is put together from others.
type origin struct {
	*batch

	i   int
	key *keyed // nil without one
}

func newOrder(o *DialOptions) *order {
	return &order{
		ask: o.Key, seed: maphash.MakeSeed(), limit: o.Pipeline,
		keys: make(map[uint64]*keyed), own: make(map[int]*chain),
	}
}

// isAhead reports whether so much is begun that what waits in it must go first. Under
// DropOldest half of the room is left to what may still be dropped.
func (q *queue) isAhead() bool {
	if q.order == nil {
		return false
	}
	loose := q.droppable(true)
	if q.dropsOld && q.order.waiting > 0 && (q.events-loose.events > q.numbers[0]/2 || q.bytes-loose.bytes > q.sizes[0]/2) {
		return true
	}
	most := 2 * maxBatchBytes * len(q.wakes) * q.order.limit
	bytes := q.begun()
	if bytes >= most/2 {
		for _, b := range q.out {
			b.shrink()
		}
		bytes = q.begun()
	}
	return bytes >= most || len(q.out) >= maxAhead
}

// begun returns about how much memory is taken by the batches that are begun.
func (q *queue) begun() (bytes int) {
	var last uint64
	for _, b := range q.out {
		bytes += keyOverhead*b.open + itemOverhead*len(b.items)
		switch {
		case b.lease != nil:
			bytes += b.leased
		case !b.shared:
			bytes += len(b.buf)
		case b.ticket != last: // else it is in the memory of the one before
			bytes += len(b.buf)
			last = b.ticket
		}
	}
	return bytes
}

// window is a piece that is put together.
type window struct {
	*piece

	most  int
	bytes int
}

// takeInOrder is take with an order.
func (q *queue) takeInOrder(lane int, linger time.Duration, most int, idle bool, retryAt time.Time) (*piece, pause) {
	o := q.order
	if p := o.resume(lane, most); p != nil {
		return p, pause{}
	}
	if c := o.own[lane]; c == nil || c.lane != lane {
		o.own[lane] = &chain{lane: lane}
	}
	w := window{piece: &piece{batch: new(batch), chain: o.own[lane]}, most: most}
	for {
		wait := q.gather(&w)
		var why pause
		if 2*w.to < w.most && !o.dealing && !w.chain.isCrowded() {
			var suspect *piece
			if suspect, why = q.fetch(linger, q.batchLen, idle && w.to == 0, retryAt); suspect != nil {
				return suspect, pause{}
			}
			if len(q.again) > 0 && !o.dealing { // by another lane, which came first
				q.deal()
				continue
			}
		}
		if w.to > 0 {
			o.tickets++
			w.ticket, w.open = o.tickets, w.to
			w.chain.give()
			return w.piece, pause{}
		}
		if wait > 0 && (why.wait == 0 || wait < why.wait) {
			why.wait = wait
		}
		if idle && o.waiting > 0 {
			o.idle = time.Now()
		}
		return nil, why
	}
}

// resume returns a piece that is to be sent again, and that the lane may have.
func (o *order) resume(lane, most int) *piece {
	i := slices.IndexFunc(o.again, func(c *chain) bool { return c.given == 0 || c.lane == lane })
	if i < 0 {
		return nil
	}
	c := o.again[i]
	p := c.back[0]
	if p.len() > most {
		c.back[0] = p.split(most)
	} else if c.back = slices.Delete(c.back, 0, 1); len(c.back) == 0 {
		o.again = slices.Delete(o.again, i, i+1)
	}
	c.lane = lane
	c.give()
	return p
}

// isCrowded reports whether the lane is to take no more keys until it has none.
func (c *chain) isCrowded() bool { return c.slow && c.given > 0 }

// give notes that a lane gets a piece.
func (c *chain) give() {
	if c.given++; c.given == 1 {
		c.heard = time.Now()
	}
}

// gather fills a window with events of the keys that are in its chain, and of those
// that are ready. It returns how long to wait for one that is left to others, 0 if there
// is none.
func (q *queue) gather(w *window) (wait time.Duration) {
	o, now, c := q.order, time.Now(), w.chain
	c.more = slices.DeleteFunc(c.more, func(k *keyed) bool {
		if k.in == c && c.acks > k.acks && now.Sub(k.since) < turnTime {
			n := w.load(k)
			o.waiting -= n
			c.waiting -= n
			c.busy += n
		}
		return k.in != c || len(k.waiting) == 0
	})
	if c.isCrowded() {
		return 0
	}
	o.ready = slices.DeleteFunc(o.ready, func(k *keyed) bool {
		if w.to >= w.most {
			return false
		}
		at := o.home(k, now, len(q.wakes))
		if rest := k.reserved(c.lane, at, now); rest > 0 && len(q.wakes) > 1 {
			if wait == 0 || rest < wait {
				wait = rest
			}
			return false
		}
		n := w.load(k)
		o.waiting -= n
		if n == 0 || k.hash == 0 {
			return len(k.waiting) == 0
		}
		if c.lane != at {
			o.homes[k.hash%numHomes] = home{c.lane, now.Add(awayTime)}
		}
		k.in, k.since, k.acks = c, now, c.acks
		c.waiting += len(k.waiting)
		c.busy += n
		if len(k.waiting) > 0 {
			c.more = append(c.more, k)
		}
		return true
	})
	return wait
}

// home returns the lane that is to take a key.
func (o *order) home(k *keyed, now time.Time, lanes int) int {
	if h := o.homes[k.hash%numHomes]; now.Before(h.until) {
		return h.lane
	}
	return int(k.hash / numHomes % uint64(lanes)) //nolint:gosec // neither is negative, nor long
}

// reserved returns how long a key that is ready is left to other lanes: its home has time
// to take it, unless that could not keep up with it.
func (k *keyed) reserved(lane, home int, now time.Time) time.Duration {
	switch gaveUp := !k.left.IsZero(); {
	case k.hash == 0:
		return 0
	case gaveUp && k.last == lane:
		return yieldTime - now.Sub(k.left)
	case lane == home, gaveUp && k.last == home:
		return 0
	default:
		return homeTime - now.Sub(k.since)
	}
}

// load moves events that wait to the window, as many as there is room for, and returns
// how many.
func (w *window) load(k *keyed) (n int) {
	for n < len(k.waiting) && w.to < w.most {
		at := k.waiting[n]
		event := at.event(at.i)
		if w.to > 0 && w.bytes+len(event) > maxBatchBytes {
			w.most = w.to
			break
		}
		w.bytes += len(event)
		w.of = append(w.of, at)
		w.events = append(w.events, event)
		w.to++
		n++
	}
	k.waiting = slices.Delete(k.waiting, 0, n)
	k.given += n
	return n
}

// deal hands the events of a batch that was begun to their keys. It gives up mu while
// it asks for these.
func (q *queue) deal() {
	o, p := q.order, q.again[0]
	o.dealing = true
	defer func() { o.dealing = false }()
	q.hash(p)
	q.again = slices.Delete(q.again, 0, 1)
	loose, now := new(keyed), time.Now()
	for i, h := range o.hashes {
		k, at := loose, origin{batch: p.batch, i: p.from + i}
		if h != 0 {
			k = o.keyed(h)
			at.key = k
		}
		switch {
		case len(k.waiting) > 0:
		case k.in == nil:
			k.since = now
			o.ready = append(o.ready, k)
		default:
			k.in.more = append(k.in.more, k)
		}
		k.waiting = append(k.waiting, at)
		if k.in != nil {
			k.in.waiting++
		}
	}
	o.waiting += len(o.hashes)
	q.wake()
}

// hash fills in the hashes of the keys of a piece, 0 for none. Those are asked for on a
// goroutine of their own, which Key may end: that is none, too.
func (q *queue) hash(p *piece) {
	q.mu.Unlock()
	defer q.mu.Lock()
	o := q.order
	o.hashes = o.hashes[:0]
	for len(o.hashes) < p.len() {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for n := len(o.hashes); n < p.len(); n++ {
				o.hashes = append(o.hashes, 0)
				o.hashes[n] = o.hash(p.event(p.from + n))
			}
		}()
		<-asked
	}
}

// hash returns that of the key of an event, 0 for none.
func (o *order) hash(event []byte) (h uint64) {
	defer func() {
		if recover() != nil {
			h = 0
		}
	}()
	key := o.ask(event)
	if len(key) == 0 {
		return 0
	}
	return max(1, maphash.Bytes(o.seed, key))
}

// keyed returns the events with a key.
func (o *order) keyed(hash uint64) *keyed {
	k := o.keys[hash]
	if k == nil {
		if n := len(o.spare); n > 0 {
			k, o.spare = o.spare[n-1], o.spare[:n-1]
		} else {
			k = new(keyed)
		}
		k.hash = hash
		o.keys[hash] = k
	}
	return k
}

// release notes that an event is not in the chain of its key any more.
func (o *order) release(at origin, c *chain) {
	k := at.key
	if k == nil {
		return
	}
	c.busy--
	if k.given--; k.given > 0 {
		return
	}
	k.in = nil
	c.waiting -= len(k.waiting)
	if len(k.waiting) > 0 {
		k.last, k.left = c.lane, time.Now()
		k.since = k.left
		o.ready = append(o.ready, k)
		return
	}
	delete(o.keys, k.hash)
	if len(o.spare) < maxSpareKeys {
		*k = keyed{waiting: k.waiting}
		o.spare = append(o.spare, k)
	}
}

// settleInOrder is settle with an order.
func (q *queue) settleInOrder(p *piece, n int, done func(*queue, int)) {
	type progress struct {
		*batch

		lease *spool.Lease
		front int
	}
	var all []progress // of the batches that the events are from
	q.mu.Lock()
	if c := p.chain; c != nil {
		c.slow = c.waiting > c.busy
	}
	for _, at := range p.of[p.from : p.from+n] {
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
			q.order.release(at, p.chain)
		}
	}
	p.from += n
	if p.chain != nil {
		p.chain.acks++
		p.chain.heard = time.Now()
		if p.len() == 0 {
			p.chain.given--
		}
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
	q.wake()
}

// putBack takes a piece that is to be sent again: in its chain, as others may be of the
// same keys, or alone.
func (q *queue) putBack(p *piece) {
	c := p.chain
	if c == nil {
		q.suspects = append(q.suspects, p)
		return
	}
	if len(c.back) == 0 {
		q.order.again = append(q.order.again, c)
	}
	i, _ := slices.BinarySearchFunc(c.back, p, (*piece).compare)
	c.back = slices.Insert(c.back, i, p)
	c.given--
}

// unchain lets others overtake a piece of one event.
func (q *queue) unchain(p *piece) {
	if p.chain != nil {
		q.order.release(p.of[p.from], p.chain)
		p.chain.given--
		p.chain = nil
	}
}

// spread notes that a piece is given back in parts.
func (q *queue) spread(p *piece, parts int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.chain != nil {
		p.chain.given += parts - 1
	}
}

// patience returns how long a lane may wait with pieces under way before it looks again,
// negative if the acks of these are so late, by most, that it is to give up: others
// have been idle since the last one, for want of the keys that it has.
func (q *queue) patience(pieces []*piece, most time.Duration) time.Duration {
	if q.order == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c := pieces[0].chain
	if c == nil {
		return 0
	}
	if left := most - time.Since(c.heard); left > 0 {
		return left
	}
	wanted := func(p *piece) bool {
		return p.chain != nil && slices.ContainsFunc(p.chain.more, func(k *keyed) bool { return k.in == p.chain && len(k.waiting) > 0 })
	}
	if q.order.idle.After(c.heard) && slices.ContainsFunc(pieces, wanted) {
		return -1
	}
	return most
}
