package asyncbuf

import "log/slog"

// A batch holds lines end to end, ready for one Write, and remembers where each
// of them ends. What the sink has taken is skipped, not moved.
type batch struct {
	buf   []byte
	lines []line
	off   int  // buf[:off] has been written
	head  int  // lines[:head] have been written
	torn  bool // buf[off:] begins inside a line
}

// A line is what one Write was given.
type line struct {
	end   int // offset into batch.buf
	level slog.Level
}

func newBatch(size int) batch {
	const usual = 128 // bytes of a line
	return batch{buf: make([]byte, 0, size), lines: make([]line, 0, size/usual+1)}
}

// rest returns the bytes still to be written.
func (b *batch) rest() []byte { return b.buf[b.off:] }

// pending returns the lines still to be written, the torn one included.
func (b *batch) pending() []line { return b.lines[b.head:] }

func (b *batch) add(level slog.Level, p []byte) {
	b.buf = append(b.buf, p...)
	b.lines = append(b.lines, line{len(b.buf), level})
}

// advance skips n more bytes and returns the lines that it completes.
func (b *batch) advance(n int) []line {
	b.off += n
	if b.off == len(b.buf) {
		done := b.pending()
		b.reset()
		return done
	}
	first := b.head
	for b.lines[b.head].end <= b.off {
		b.head++
	}
	if n > 0 {
		b.torn = b.head == 0 || b.lines[b.head-1].end < b.off
	}
	return b.lines[first:b.head]
}

// absorb moves all that from holds behind what b holds.
func (b *batch) absorb(from *batch) {
	if len(b.pending()) == 0 {
		*b, *from = *from, *b
		from.reset()
		return
	}
	left := copy(b.buf, b.rest())
	b.buf = b.buf[:left]
	pending := copy(b.lines, b.pending())
	b.lines = b.lines[:pending]
	for i := range b.lines {
		b.lines[i].end -= b.off
	}
	b.off, b.head = 0, 0

	b.buf = append(b.buf, from.rest()...)
	for _, l := range from.pending() {
		b.lines = append(b.lines, line{left + l.end - from.off, l.level})
	}
	from.reset()
}

// cut forgets the lines after the torn one, which it returns. All lines follow
// a torn line that is none.
func (b *batch) cut() []line {
	keep := b.head
	if b.torn {
		keep++
	}
	gone := b.lines[keep:]
	if keep == b.head {
		b.reset()
		return gone
	}
	b.lines = b.lines[:keep]
	b.buf = b.buf[:b.lines[b.head].end]
	return gone
}

func (b *batch) reset() {
	b.buf, b.lines = b.buf[:0], b.lines[:0]
	b.off, b.head, b.torn = 0, 0, false
}
