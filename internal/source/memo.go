package source

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// maxKnown is how many places a Memo remembers. A program has as many as it has log
// calls, but a record may come from anywhere, with any number for a PC.
const maxKnown = 1 << 16

// A Memo remembers what a function makes of a place. It is safe for concurrent
// use, and for a place that it knows it allocates nothing and takes no lock.
type Memo[T any] struct {
	of    func(Source) T
	table atomic.Pointer[table[T]] // nil until there is something in it

	mu    sync.Mutex // for additions
	known int
}

// A table is a hash table with open addressing. Slots are filled and never changed,
// and half of them at least are empty.
type table[T any] struct {
	slots []atomic.Pointer[entry[T]] // a power of two
	shift int
}

type entry[T any] struct {
	pc    uintptr
	value T
}

// NewMemo returns a Memo of what of returns. It is called outside of locks, and
// more than once for a place that several goroutines ask for at first.
func NewMemo[T any](of func(Source) T) *Memo[T] { return &Memo[T]{of: of} }

// Get returns what the function makes of the place of pc.
func (m *Memo[T]) Get(pc uintptr) T {
	if t := m.table.Load(); t != nil {
		if e := t.slot(pc).Load(); e != nil {
			return e.value
		}
	}
	e := &entry[T]{pc, m.of(Of(pc))}
	m.add(e)
	return e.value
}

func (m *Memo[T]) add(e *entry[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == maxKnown {
		return
	}
	t := m.table.Load()
	if t == nil || 2*m.known >= len(t.slots) {
		t = t.grown()
		m.table.Store(t)
	}
	if slot := t.slot(e.pc); slot.Load() == nil {
		slot.Store(e)
		m.known++
	}
}

// slot returns the slot in which pc is, or the empty one that it belongs in.
func (t *table[T]) slot(pc uintptr) *atomic.Pointer[entry[T]] {
	const phi = 0x9e3779b97f4a7c15        // spreads PCs, which are close to each other
	i := int(uint64(pc) * phi >> t.shift) //nolint:gosec // it has as few bits as the index of a slot
	for {
		slot := &t.slots[i]
		if e := slot.Load(); e == nil || e.pc == pc {
			return slot
		}
		i = (i + 1) & (len(t.slots) - 1)
	}
}

// grown returns a table with the entries of t and twice as many slots.
func (t *table[T]) grown() *table[T] {
	size := 32
	if t != nil {
		size = 2 * len(t.slots)
	}
	more := &table[T]{slots: make([]atomic.Pointer[entry[T]], size), shift: 64 - bits.TrailingZeros(uint(size))}
	if t != nil {
		for i := range t.slots {
			if e := t.slots[i].Load(); e != nil {
				more.slot(e.pc).Store(e)
			}
		}
	}
	return more
}
