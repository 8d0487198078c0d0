package asyncbuf

import "log/slog"

// A batch holds lines in the order in which they were taken: those of a Writer
// end to end, ready for one Write, or the records of a Handler. What is done is
// skipped, and what is dropped becomes a hole, so that nothing moves for a line.
type batch struct {
	bytes []byte // the lines of a Writer
	lines []line
	slots []slot // the records of a Handler: slots[i] is lines[i]
	end   int    // where the last line ends
	head  int    // lines[:head] are done, and lines[head] is no hole
	off   int    // so much of the batch is done, in bytes
	holes amount
	held  [kinds]amount // what was added and not dropped
	from  [kinds]int    // before these there are no lines of the kind
	dirty int           // slots[len(slots):dirty] hold what is done
}

// A line is what one Write or one Handle was given.
type line struct {
	end   int // where it ends, in bytes from the beginning of the batch
	level slog.Level
	seq   int64 // its number
	kind  kind
	hole  bool // it was dropped
	own   bool // it is a summary
}

// A kind of lines is dropped before the next one.
type kind uint8

const (
	usual     kind = iota
	warning        // WARN and above, for which there is a reserve
	protected      // never dropped for want of room
	kinds
)

// An amount of lines.
type amount struct{ lines, bytes int }

func (a amount) plus(b amount) amount  { return amount{a.lines + b.lines, a.bytes + b.bytes} }
func (a amount) minus(b amount) amount { return amount{a.lines - b.lines, a.bytes - b.bytes} }

// pending returns the lines that are not done, holes and one that is begun
// included.
func (b *batch) pending() []line { return b.lines[b.head:] }

// left returns how much is not done.
func (b *batch) left() amount {
	return amount{len(b.lines) - b.head, b.end - b.off}.minus(b.holes)
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
func (b *batch) add(level slog.Level, k kind, n int, seq int64) {
	b.end += n
	b.lines = append(b.lines, line{end: b.end, level: level, seq: seq, kind: k})
}

// hold counts a line that was added, for dropOldest.
func (b *batch) hold(k kind, n int) { b.held[k] = b.held[k].plus(amount{1, n}) }

// slot adds a slot and returns it.
func (b *batch) slot() *slot {
	n := len(b.slots)
	if n == cap(b.slots) {
		b.slots = append(b.slots, slot{})
	}
	b.slots = b.slots[:n+1]
	if n == b.dirty {
		b.dirty++
	}
	return &b.slots[n]
}

// sweep clears some slots that are done, and reports whether there were any.
// Usually they are overwritten instead.
func (b *batch) sweep() bool {
	const some = 64
	from := max(len(b.slots), b.dirty-some)
	if b.dirty <= from {
		return false
	}
	clear(b.slots[from:b.dirty])
	b.dirty = from
	return true
}

// advance notes that n more bytes are done, and returns the lines that this
// completes. There must be no holes.
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

// skip forgets the first record that is not done, and returns it. There must be
// no holes.
func (b *batch) skip() []line { return b.advance(b.lines[b.head].end - b.off) }

// cut forgets the last lines, from lines[i] on, and returns them. There must be
// no holes.
func (b *batch) cut(i int) []line {
	gone := b.lines[i:]
	if i == b.head {
		b.reset()
		return gone
	}
	if b.bytes != nil {
		b.bytes = b.bytes[:b.start(i)]
	}
	if b.slots != nil {
		b.slots = b.slots[:i]
	}
	b.lines, b.end = b.lines[:i], b.start(i)
	return gone
}

// dropOldest makes a hole of the first line of a kind up to k, and returns it.
// There must be one, and none that is begun.
func (b *batch) dropOldest(k kind) line {
	i := len(b.lines)
	for k := range k + 1 {
		for b.from[k] = max(b.from[k], b.head); b.from[k] < i; b.from[k]++ {
			if l := &b.lines[b.from[k]]; l.kind == k && !l.hole {
				i = b.from[k]
				break
			}
		}
	}
	gone := &b.lines[i]
	size := amount{1, gone.end - b.start(i)}
	gone.hole = true
	b.holes = b.holes.plus(size)
	b.held[gone.kind] = b.held[gone.kind].minus(size)
	dropped := *gone
	for b.head < len(b.lines) && b.lines[b.head].hole {
		b.holes = b.holes.minus(amount{1, b.lines[b.head].end - b.off})
		b.off = b.lines[b.head].end
		b.head++
	}
	left, waste := b.left(), b.holes.plus(amount{b.head, b.off})
	if waste.lines > left.lines || waste.bytes > left.bytes {
		b.squeeze()
	}
	return dropped
}

// squeeze moves what is not done to the front, without holes. When it is called
// as soon as there is less of that than of the rest, a line moves once on
// average, and the batch needs no more than twice the room of what it holds.
func (b *batch) squeeze() {
	if b.head == 0 && b.holes.lines == 0 {
		return
	}
	n, end, start := 0, 0, b.off
	for i := b.head; i < len(b.lines); i++ {
		l := b.lines[i]
		from, to := start, l.end
		start = to
		if l.hole {
			continue
		}
		if b.bytes != nil {
			copy(b.bytes[end:], b.bytes[from:to])
		}
		if b.slots != nil {
			b.slots[n] = b.slots[i]
		}
		end += to - from
		l.end = end
		b.lines[n] = l
		n++
	}
	if b.bytes != nil {
		b.bytes = b.bytes[:end]
	}
	if b.slots != nil {
		b.slots = b.slots[:n]
	}
	b.lines, b.end = b.lines[:n], end
	b.head, b.off = 0, 0
	b.holes, b.from = amount{}, [kinds]int{}
}

// clear forgets all lines, and returns those that were not done.
func (b *batch) clear() []line {
	b.squeeze()
	return b.cut(b.head)
}

func (b *batch) reset() {
	b.bytes, b.slots, b.lines = b.bytes[:0], b.slots[:0], b.lines[:0]
	b.head, b.off, b.end = 0, 0, 0
	b.holes, b.held, b.from = amount{}, [kinds]amount{}, [kinds]int{}
}
