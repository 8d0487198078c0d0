package view

// maxKept is how many bytes a queue keeps.
const maxKept = 16 << 20

// A queue keeps the last lines, up to a limit.
type queue struct {
	limit    int
	items    []item
	bytes    int
	overfull bool // a line was given up for its bytes
}

// An item is a line, with those that go with it.
type item struct {
	text []byte
	gap  bool // lines were left out before it
}

// push adds a copy of a line, and reports whether one had to be given up for it.
func (q *queue) push(text []byte, gap bool) (full bool) {
	q.items = append(q.items, item{gap: gap})
	if len(q.items) > q.limit {
		q.drop()
		full = true
	}
	return q.extend(text) || full
}

// extend adds a copy of a line to the last item.
func (q *queue) extend(text []byte) (full bool) {
	last := &q.items[len(q.items)-1]
	last.text = append(last.text, text...)
	q.bytes += len(text)
	for q.bytes > maxKept && len(q.items) > 1 {
		q.drop()
		q.overfull, full = true, true
	}
	return full
}

// drop gives up the oldest item.
func (q *queue) drop() {
	q.bytes -= len(q.items[0].text)
	q.items[0] = item{}
	q.items = q.items[1:]
}

// clear gives up all.
func (q *queue) clear() { q.items, q.bytes = nil, 0 }
