package handler

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// repeats are the repeats of one record that are not told of yet.
type repeats struct {
	ctx          context.Context //nolint:containedctx // the handler is given it when they are told of
	next         slog.Handler
	record       slog.Record // the first one, which nobody can change
	count        uint64
	since, until time.Time

	after *repeats // to be told of after these
}

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

// add counts a repeat that comes at a time, which may be zero.
func (r *repeats) add(at time.Time) {
	if at.IsZero() {
		at = time.Now()
	}
	if r.count == 0 || at.Before(r.since) {
		r.since = at
	}
	if r.count == 0 || at.After(r.until) {
		r.until = at
	}
	r.count++
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
