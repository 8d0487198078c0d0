package logstash

import (
	"context"
	"hash/maphash"
	"slices"
	"time"
)

// order keeps the events of each key in order over several lanes. Those of a batch that is
// begun are dealt to their keys, and wait there. A lane puts pieces together of keys that no
// other lane has, and has each until all that it took of it is settled.
type order struct {
	ask     func(event []byte) []byte
	seed    maphash.Seed
	limit   int               // how many batches may be under way in a lane
	keys    map[uint64]*keyed // by their hash
	ready   []*keyed          // those that no lane has, the first to come first
	own     map[int]*chain    // of each lane, for events that were not sent yet
	waiting int               // events that are dealt and in no piece
	dealing bool              // a lane is asking for the keys of a batch
	starved map[int]bool      // lanes that have nothing to send but what waits for others
}

func newOrder(o *DialOptions) *order {
	return &order{
		ask: o.Key, seed: maphash.MakeSeed(), limit: o.Pipeline,
		keys: make(map[uint64]*keyed), own: make(map[int]*chain), starved: make(map[int]bool),
	}
}

// takeInOrder is take with an order, when there is nothing to be sent again.
func (q *queue) takeInOrder(ctx context.Context, lane int, linger time.Duration, most int, idle bool, retryAt time.Time) (*piece, pause) {
	o := q.order
	c := o.chainOf(lane)
	w := window{piece: &piece{batch: new(batch), chain: c}, most: most}
	for {
		wait := q.gather(&w)
		var why pause
		if 2*w.to < w.most && !c.isBehind() && !o.dealing {
			var suspect *piece
			if suspect, why = q.fetch(linger, q.batchLen, idle && w.to == 0, retryAt); suspect != nil {
				return suspect, pause{}
			}
			if len(q.begun) > 0 && !o.dealing { // by another lane, while this one read the spool
				if !q.deal(ctx) {
					return nil, pause{}
				}
				continue
			}
		}
		if w.to > 0 {
			q.tickets++
			w.ticket = q.tickets
			c.give(lane)
			return w.piece, pause{}
		}
		if wait > 0 && (why.wait == 0 || wait < why.wait) {
			why.wait = wait
		}
		if idle && o.waiting > 0 {
			o.starved[lane] = true
		}
		return nil, why
	}
}

// window is a piece that is put together.
type window struct {
	*piece

	most  int
	bytes int
}

// gather puts events into a window: of the keys that the lane has, then of those that none
// has. It returns how long to wait for one that is left to others, 0 if there is none.
func (q *queue) gather(w *window) (wait time.Duration) {
	o, c, now := q.order, w.chain, time.Now()
	c.more = slices.DeleteFunc(c.more, func(k *keyed) bool {
		if k.chain == c && k.goesOn(now) {
			n := w.load(k)
			o.waiting -= n
			c.events += n
		}
		return k.chain != c || len(k.waiting) == 0
	})
	if c.isBehind() {
		return 0
	}
	o.ready = slices.DeleteFunc(o.ready, func(k *keyed) bool {
		if w.to >= w.most {
			return false
		}
		if left := k.leftTo(c.lane, now); left > 0 && len(q.wakes) > 1 {
			if wait == 0 || left < wait {
				wait = left
			}
			return false
		}
		n := w.load(k)
		o.waiting -= n
		if n == 0 || k.hash == 0 {
			return len(k.waiting) == 0
		}
		k.chain, k.since, k.home = c, now, c.lane
		c.events += n
		if len(k.waiting) > 0 {
			c.more = append(c.more, k)
		}
		return true
	})
	return wait
}

// load moves events that wait to the window, as many as there is room for, and returns
// how many.
func (w *window) load(k *keyed) (n int) {
	for n < len(k.waiting) && w.to < w.most {
		at := k.waiting[n]
		event := at.event(at.i)
		if w.to > 0 && w.bytes+len(event) > maxBatchBytes {
			w.most = w.to // full
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
// it asks for these, and reports whether they were there before ctx was done.
func (q *queue) deal(ctx context.Context) bool {
	o, p := q.order, q.begun[0]
	o.dealing = true
	q.mu.Unlock()
	hashes := o.hashesOf(ctx, p.appendTo(make([][]byte, 0, p.len())))
	q.mu.Lock()
	if o.dealing = false; hashes == nil {
		return false
	}
	q.begun = slices.Delete(q.begun, 0, 1)
	loose, now := new(keyed), time.Now()
	for i, h := range hashes {
		k, at := loose, origin{batch: p.batch, i: p.from + i}
		if h != 0 {
			if k = o.keys[h]; k == nil {
				k = &keyed{hash: h, home: int(h % uint64(len(q.wakes)))} //nolint:gosec // less than the number of lanes
				o.keys[h] = k
			}
			at.key = k
		}
		if len(k.waiting) == 0 {
			if k.chain == nil {
				k.since = now
				o.ready = append(o.ready, k)
			} else {
				k.chain.more = append(k.chain.more, k)
			}
		}
		k.waiting = append(k.waiting, at)
	}
	o.waiting += len(hashes)
	q.wake()
	return true
}

// hashesOf returns the hashes of the keys of some events, 0 for none. They are asked for on a
// goroutine of their own, which Key may end: that is none, too. One that Key does not let go
// is left behind when ctx is done, and nothing is returned.
func (o *order) hashesOf(ctx context.Context, events [][]byte) []uint64 {
	hashes := make([]uint64, 0, len(events))
	for len(hashes) < len(events) {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for n := len(hashes); n < len(events) && ctx.Err() == nil; n++ {
				hashes = append(hashes, 0)
				hashes[n] = o.hash(events[n])
			}
		}()
		select {
		case <-asked:
		case <-ctx.Done():
			return nil
		}
	}
	return hashes
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

// release notes that an event with a key is acked, or may be overtaken.
func (o *order) release(k *keyed) {
	if k == nil {
		return
	}
	k.chain.events--
	if k.given--; k.given > 0 {
		return
	}
	k.chain = nil
	if len(k.waiting) == 0 {
		delete(o.keys, k.hash)
		return
	}
	k.late, k.since = true, time.Now()
	o.ready = append(o.ready, k)
}

// isHeldUp reports whether another lane is starved, and events wait for what this one has.
func (q *queue) isHeldUp(by int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.order
	if len(o.starved) == 0 {
		return false
	}
	for _, k := range o.keys {
		if c := k.chain; c != nil && c.lane == by && c.given > 0 && len(k.waiting) > 0 {
			clear(o.starved) // they look again, if they can still send
			return true
		}
	}
	return false
}
