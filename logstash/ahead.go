package logstash

const (
	// maxAhead is how many batches are begun at most, however short they are.
	maxAhead = 4096
	// keyOverhead is what an event that is begun takes with its key.
	keyOverhead = 160
	// itemOverhead is what is left of that when it is settled, and others of its batch
	// are not.
	itemOverhead = 32
)

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
	bytes := q.ahead()
	if bytes >= most/2 {
		q.shrink()
		bytes = q.ahead()
	}
	return bytes >= most || len(q.out) >= maxAhead
}

// shrink gives up the memory of events that are settled where they are most: of a batch,
// or of what several have in common, which one that is still half open would keep.
func (q *queue) shrink() {
	for from := 0; from < len(q.out); {
		to, open := from, 0
		for ; to < len(q.out) && q.out[to].ticket == q.out[from].ticket; to++ {
			if b := q.out[to]; b.isSparse() {
				b.shrink()
			} else if b.shared {
				open += b.openBytes()
			}
		}
		for _, b := range q.out[from:to] {
			if b.shared && b.open > 0 && open <= len(b.buf)/2 {
				b.shrink()
			}
		}
		from = to
	}
}

// ahead returns about how much memory is taken by the batches that are begun.
func (q *queue) ahead() (bytes int) {
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
