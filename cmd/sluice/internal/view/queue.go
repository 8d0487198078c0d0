package view

// maxKept is how many bytes a queue keeps.
const maxKept = 16 << 20

// A queue keeps the last lines, up to a limit.
type queue struct {
	limit    int
	all      []item
	head     int // of all, so many have been given up
	bytes    int
	overfull bool // a line was given up for its bytes
}

// An item is a line, with those that go with it.
type item struct {
	text []byte
	gap  bool // lines were left out before it
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
	q.bytes += len(text)
	for q.bytes > maxKept && len(q.items()) > 1 {
		q.drop()
		q.overfull, full = true, true
	}
	return full
}

// drop gives up the oldest item.
func (q *queue) drop() {
	q.bytes -= len(q.all[q.head].text)
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
