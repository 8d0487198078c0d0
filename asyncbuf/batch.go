package asyncbuf

import "log/slog"

// A batch holds lines in the order in which they were taken: those of a Writer
// end to end, ready for one Write, or the records of a Handler. What is done is
// skipped, not moved.
type batch struct {
	bytes []byte // the lines of a Writer
	slots []slot // the records of a Handler: slots[i] is lines[i]
	lines []line
	head  int // lines[:head] are done
	off   int // so much of the batch is done, in bytes
}

// A line is what one Write or one Handle was given.
type line struct {
	end   int // where it ends, in bytes from the beginning of the batch
	level slog.Level
	seq   int64 // its number
}

// pending returns the lines that are not done, one that is begun included.
func (b *batch) pending() []line { return b.lines[b.head:] }

// size returns the bytes that are not done.
func (b *batch) size() int {
	if len(b.lines) == 0 {
		return 0
	}
	return b.lines[len(b.lines)-1].end - b.off
}

// start returns where lines[i] begins.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.lines[i-1].end
}

// torn reports whether the first line that is not done is begun.
func (b *batch) torn() bool { return b.head < len(b.lines) && b.off > b.start(b.head) }

// add notes a line of n bytes, which the caller has put into bytes or slots.
func (b *batch) add(level slog.Level, n int, seq int64) {
	end := n
	if len(b.lines) > 0 {
		end += b.lines[len(b.lines)-1].end
	}
	b.lines = append(b.lines, line{end, level, seq})
}

// advance notes that n more bytes are done, and returns the lines that this
// completes.
func (b *batch) advance(n int) []line {
	b.off += n
	first := b.head
	for b.head < len(b.lines) && b.lines[b.head].end <= b.off {
		b.head++
	}
	done := b.lines[first:b.head]
	if b.head == len(b.lines) {
		b.reset()
	}
	return done
}

// skip forgets the first record that is not done, and returns it.
func (b *batch) skip() []line {
	b.slots[b.head] = slot{}
	return b.advance(b.lines[b.head].end - b.off)
}

// cut forgets the last lines, from lines[i] on, and returns them.
func (b *batch) cut(i int) []line {
	gone := b.lines[i:]
	if b.slots != nil {
		clear(b.slots[i:])
		b.slots = b.slots[:i]
	}
	if i == b.head {
		b.reset()
		return gone
	}
	if b.bytes != nil {
		b.bytes = b.bytes[:b.start(i)]
	}
	b.lines = b.lines[:i]
	return gone
}

// dropOldest forgets the first line below a level, and returns it. The lines
// before it, which are few or none, take its place. No line may be begun.
func (b *batch) dropOldest(below slog.Level) (gone line, found bool) {
	i := b.head
	for ; ; i++ {
		if i == len(b.lines) {
			return line{}, false
		}
		if b.lines[i].level < below {
			break
		}
	}
	gone = b.lines[i]
	size := gone.end - b.start(i)
	if b.bytes != nil {
		copy(b.bytes[b.off+size:gone.end], b.bytes[b.off:])
	}
	if b.slots != nil {
		copy(b.slots[b.head+1:i+1], b.slots[b.head:])
		b.slots[b.head] = slot{}
	}
	for j := i; j > b.head; j-- {
		b.lines[j] = b.lines[j-1]
		b.lines[j].end += size
	}
	b.off += size
	b.head++
	switch {
	case b.head == len(b.lines):
		b.reset()
	case 2*b.head > len(b.lines) || b.off > b.size():
		b.compact()
	}
	return gone, true
}

// compact moves what is not done to the front. It is called when that is less
// than what is done, so that a line is moved once on average, and the batch
// never needs more than twice the room of what is not done.
func (b *batch) compact() {
	if b.bytes != nil {
		b.bytes = b.bytes[:copy(b.bytes, b.bytes[b.off:])]
	}
	if b.slots != nil {
		n := copy(b.slots, b.slots[b.head:])
		clear(b.slots[n:])
		b.slots = b.slots[:n]
	}
	b.lines = b.lines[:copy(b.lines, b.lines[b.head:])]
	for i := range b.lines {
		b.lines[i].end -= b.off
	}
	b.head, b.off = 0, 0
}

// reset makes b empty. Slots that are done were cleared.
func (b *batch) reset() {
	b.bytes, b.slots, b.lines = b.bytes[:0], b.slots[:0], b.lines[:0]
	b.head, b.off = 0, 0
}
