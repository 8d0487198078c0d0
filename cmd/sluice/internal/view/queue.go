package view

import "bytes"

// maxKept is how many bytes of lines --last keeps, and maxAhead how many the context before one does.
const (
	maxKept  = 8 << 20
	maxAhead = 4 << 20
)

// A queue keeps the last lines, up to a limit.
type queue struct {
	limit    int
	most     int // bytes
	all      []item
	head     int // of all, so many have been given up
	bytes    int
	overfull bool // a line was given up for its bytes

	spare   int      // how many lines of what was given up may be context of what is kept
	spilled [][]byte // these
}

// An item is a line, with those that go with it.
type item struct {
	text   []byte
	ends   []int // of its lines, if some may be spared
	before int   // how many of them are ahead of the one that matches
	gap    bool  // lines were left out before it
}

// items returns what is kept, oldest first.
func (q *queue) items() []item { return q.all[q.head:] }

// push adds a copy of a line, and reports whether one had to be given up for it.
func (q *queue) push(text []byte, gap bool) (full bool) {
	q.all = append(q.all, item{gap: gap})
	if len(q.items()) > q.limit {
		q.drop()
		full = true
	}
	return q.extend(text) || full
}

// extend adds a copy of a line to the last item.
func (q *queue) extend(text []byte) (full bool) {
	last := &q.all[len(q.all)-1]
	last.text = append(last.text, text...)
	if q.spare > 0 && len(text) > 0 {
		last.ends = append(last.ends, len(last.text))
	}
	q.bytes += len(text)
	for q.bytes > q.most && len(q.items()) > 1 {
		q.drop()
		q.overfull, full = true, true
	}
	return full
}

// mark says that so many lines of the last item are ahead of the one that matches.
func (q *queue) mark(n int) { q.all[len(q.all)-1].before = n }

// drop gives up the oldest item.
func (q *queue) drop() {
	q.bytes -= len(q.all[q.head].text)
	q.spill(&q.all[q.head])
	q.all[q.head] = item{}
	if q.head++; q.head > 100 && q.head > len(q.all)/2 {
		n := copy(q.all, q.items())
		clear(q.all[n:])
		q.all, q.head = q.all[:n], 0
	}
}

// clear gives up all.
func (q *queue) clear() {
	clear(q.all)
	q.all, q.head, q.bytes = q.all[:0], 0, 0
}

// spill spares the last lines of an item that is given up.
func (q *queue) spill(it *item) {
	if it.gap {
		q.spilled = nil
	}
	for i := max(0, len(it.ends)-q.spare); i < len(it.ends); i++ {
		start := 0
		if i > 0 {
			start = it.ends[i-1]
		}
		q.spilled = append(q.spilled, bytes.Clone(it.text[start:it.ends[i]]))
	}
	q.spilled = q.spilled[max(0, len(q.spilled)-q.spare):]
}

// context returns the lines ahead of the oldest item that were given up with the one before it, though they are near.
func (q *queue) context() [][]byte {
	if len(q.items()) == 0 || q.items()[0].gap {
		return nil
	}
	n := max(0, q.spare-q.items()[0].before)
	return q.spilled[max(0, len(q.spilled)-n):]
}
