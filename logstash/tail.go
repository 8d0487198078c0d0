package logstash

import "bytes"

// tail keeps a copy of the last lines, as many whole ones as fit in a number of
// bytes.
type tail struct {
	limit int
	ring  []byte // allocated when the first line comes
	start int    // where the oldest line begins
	size  int
	lines int
	again int // the first lines, as many as have been written again
}

// add keeps events as the last lines. Their newlines count.
func (t *tail) add(events [][]byte) {
	from, room := len(events), t.limit
	for from > 0 && len(events[from-1]) < room {
		from--
		room -= len(events[from]) + 1
	}
	if from > 0 {
		t.reset() // nothing before events[from] can stay
	}
	for _, event := range events[from:] {
		t.push(event)
	}
}

// push keeps one event, which fits, and gives up as many lines as it must.
func (t *tail) push(event []byte) {
	if t.ring == nil {
		t.ring = make([]byte, t.limit)
	}
	for t.size+len(event)+1 > t.limit {
		t.pop()
	}
	t.write(event)
	t.write([]byte{'\n'})
	t.lines++
}

// write appends b, which there is room for.
func (t *tail) write(b []byte) {
	end := (t.start + t.size) % t.limit
	n := copy(t.ring[end:], b)
	copy(t.ring, b[n:])
	t.size += len(b)
}

// pop gives up the oldest line.
func (t *tail) pop() {
	first, second := t.parts()
	n := bytes.IndexByte(first, '\n')
	if n < 0 {
		n = len(first) + bytes.IndexByte(second, '\n')
	}
	t.start = (t.start + n + 1) % t.limit
	t.size -= n + 1
	t.lines--
	t.again = max(t.again-1, 0)
}

// parts returns the lines, in two pieces of which the second may be empty. They
// are valid until the next call of another method.
func (t *tail) parts() (first, second []byte) {
	end := t.start + t.size
	if end <= len(t.ring) {
		return t.ring[t.start:end], nil
	}
	return t.ring[t.start:], t.ring[:end-len(t.ring)]
}

// wroteAgain notes that all lines are being written again.
func (t *tail) wroteAgain() { t.again = t.lines }

// calm gives up the lines that have been written again.
func (t *tail) calm() {
	for t.again > 0 {
		t.pop()
	}
}

// reset gives up all lines.
func (t *tail) reset() { t.start, t.size, t.lines, t.again = 0, 0, 0, 0 }
