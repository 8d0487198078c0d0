package handler

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// repeats are the repeats of one record that are not told of yet. Who holds the lock
// of their table may add to them; so may, without it, who comes to them by a hotList.
type repeats struct {
	ctx    context.Context //nolint:containedctx // the handler is given it when they are told of
	next   slog.Handler
	record slog.Record // the first one, which nobody can change
	hash   [2]uint64
	end    time.Duration // of its Window

	state  atomic.Uint64 // how many, and sealed
	latest atomic.Int64  // in nanoseconds of Unix, of those added without the lock; or 0

	since, until time.Time
	count        uint64   // once it is sealed
	number       uint64   // by when that was
	after        *repeats // to be told of after these
}

// sealed says that nothing is added any more.
const sealed = 1 << 63

// append returns the repeats in r, followed by those in more.
func (r *repeats) append(more *repeats) *repeats {
	if r == nil {
		return more
	}
	last := r
	for last.after != nil {
		last = last.after
	}
	last.after = more
	return r
}

// add counts a repeat that comes at a time, which may be zero. The lock of the table
// is held.
func (r *repeats) add(at time.Time) {
	if at.IsZero() {
		at = time.Now()
	}
	if r.state.Add(1) == 1 || at.Before(r.since) {
		r.since = at
	}
	if at.After(r.until) {
		r.until = at
	}
}

// addHot counts a repeat at a time that was read from the clock. It reports whether
// that was not too late.
func (r *repeats) addHot(at time.Time) bool {
	// First, so that who seals it sees the time.
	for now := at.UnixNano(); ; {
		latest := r.latest.Load()
		if now-latest < int64(time.Millisecond) || r.latest.CompareAndSwap(latest, now) {
			break
		}
	}
	return r.state.Add(1)&sealed == 0
}

// seal ends what add began. The lock of the table is held.
func (r *repeats) seal() {
	r.count = r.state.Swap(sealed)
	if latest := r.latest.Load(); latest != 0 {
		if at := time.Unix(0, latest).In(r.until.Location()); at.After(r.until) {
			r.until = at
		}
	}
}

// A hotList has repeats that are being added to. It forgets some.
type hotList [256]atomic.Pointer[repeats]

func (l *hotList) of(hash [2]uint64) *atomic.Pointer[repeats] { return &l[hash[0]>>48%uint64(len(l))] }

// add counts a repeat of what has a hash, if it is in the list and its Window is
// not over.
func (l *hotList) add(hash [2]uint64, now time.Duration, at time.Time) bool {
	r := l.of(hash).Load()
	return r != nil && r.hash == hash && now < r.end && r.addHot(at)
}

// telling returns the record that tells of r.
func (r *repeats) telling() slog.Record {
	out := r.record.Clone()
	if !out.Time.IsZero() {
		out.Time = r.until
	}
	out.AddAttrs(slog.Group("repeated",
		slog.Uint64("count", r.count), slog.Time("since", r.since), slog.Time("until", r.until)))
	return out
}

// A meeting says what a record met in a dedupTable.
type meeting int

const (
	nothing meeting = iota // it is the first one
	notKept                // it is the first repeat, and is not counted: a copy is wanted
	counted                // it is counted
)

// A dedupTable holds records, by hash, for a Window. The oldest come first and, as
// all stay as long, leave first.
type dedupTable struct {
	mu    sync.Mutex
	slots []dedupSlot // a ring
	head  int         // of the oldest
	n     int
	chain []int32 // by hash, the first slot of a chain, from 1; 0 for none
	kept  int     // how many slots have repeats
}

type dedupSlot struct {
	hash [2]uint64
	end  time.Duration // of its Window
	kept *repeats      // nil before the first repeat
	next int32         // in its chain
}

func newDedupTable(size int) *dedupTable {
	return &dedupTable{slots: make([]dedupSlot, size), chain: make([]int32, size)}
}

func (t *dedupTable) first(hash [2]uint64) *int32 {
	return &t.chain[hash[0]%uint64(len(t.chain))]
}

// find returns the slot of a hash, or nil.
func (t *dedupTable) find(hash [2]uint64) *dedupSlot {
	for i := *t.first(hash); i != 0; i = t.slots[i-1].next {
		if s := &t.slots[i-1]; s.hash == hash {
			return s
		}
	}
	return nil
}

// push makes a slot for a hash. There is room.
func (t *dedupTable) push(hash [2]uint64, end time.Duration) {
	i := (t.head + t.n) % len(t.slots)
	t.n++
	first := t.first(hash)
	t.slots[i] = dedupSlot{hash: hash, end: end, next: *first}
	*first = int32(i + 1) //nolint:gosec // less than maxKeys
}

// pop takes the oldest slot away, and returns its repeats.
func (t *dedupTable) pop() *repeats {
	s, i := &t.slots[t.head], int32(t.head+1) //nolint:gosec // less than maxKeys
	link := t.first(s.hash)
	for *link != i {
		link = &t.slots[*link-1].next
	}
	*link = s.next
	t.head = (t.head + 1) % len(t.slots)
	t.n--
	return t.release(s)
}

// release takes the repeats out of a slot.
func (t *dedupTable) release(s *dedupSlot) *repeats {
	kept := s.kept
	if kept != nil {
		s.kept = nil
		t.kept--
	}
	return kept
}

// each calls f with every slot, the oldest first, until it returns false.
func (t *dedupTable) each(f func(*dedupSlot) bool) {
	for i := range t.n {
		if !f(&t.slots[(t.head+i)%len(t.slots)]) {
			return
		}
	}
}

// repeats returns how many repeats are counted.
func (t *dedupTable) repeats() (n uint64) {
	if t.kept == 0 {
		return 0
	}
	t.each(func(s *dedupSlot) bool {
		if s.kept != nil {
			n += s.kept.state.Load()
		}
		return true
	})
	return n
}
