package handler

import (
	"hash/maphash"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// A keyTable counts the records of keys in the present window. It never grows. A
// key that it knows is counted without a lock.
type keyTable struct {
	seed              maphash.Seed
	window            time.Duration // not above zero: forever
	first, thereafter uint64
	mask              uint64
	buckets           []keyBucket
}

// waysOfKey is how many places there are for a key.
const waysOfKey = 8

// A keyBucket holds the keys that fall into it.
type keyBucket struct {
	moving sync.Mutex // held by who changes a tag
	slots  [waysOfKey]keySlot
}

// A keySlot holds the count of a key. The state has some bits of the tag, by
// which one who counts sees that another key has moved in since he read the tag.
type keySlot struct {
	tag   atomic.Uint64 // the hash of the key; 0 if the slot is free
	state atomic.Uint64 // from the top: check, window, count
}

const (
	countBits  = 24
	windowBits = 28
	checkBits  = 64 - countBits - windowBits
)

func newKeyTable(o SampleOptions) *keyTable {
	size := uint64(1) << bits.Len(uint(max(o.MaxKeys, waysOfKey)-1))
	n := size / waysOfKey
	return &keyTable{
		seed:       maphash.MakeSeed(),
		window:     o.Interval,
		first:      uint64(min(max(o.First, 0), maxCount)),
		thereafter: uint64(min(max(o.Thereafter, 0), maxCount)),
		mask:       n - 1,
		buckets:    make([]keyBucket, n),
	}
}

// text returns the hash of a key that is a text.
func (t *keyTable) text(key string) uint64 { return maphash.String(t.seed, key) }

// number returns the hash of a key that is a level and a place.
func (t *keyTable) number(level slog.Level, pc uintptr) uint64 {
	return maphash.Comparable(t.seed, [2]uint64{uint64(level), uint64(pc)}) //nolint:gosec // any bits will do
}

// pass counts a record of the key with the given hash, and reports whether it is
// among those that pass.
func (t *keyTable) pass(hash uint64, now time.Duration) bool {
	var window uint64
	if t.window > 0 {
		window = uint64(now/t.window) & (1<<windowBits - 1) //nolint:gosec // never negative
	}
	n := t.count(max(hash, 1), window)
	return n <= t.first || t.thereafter > 0 && n == t.first+t.thereafter
}

// count returns which record of its key in this window it is, those beyond first
// being counted from 1 to thereafter again and again.
func (t *keyTable) count(hash, window uint64) uint64 {
	b := &t.buckets[hash>>32&t.mask]
	if n, ok := t.countKnown(b, hash, window); ok {
		return n
	}
	b.moving.Lock()
	defer b.moving.Unlock()
	if n, ok := t.countKnown(b, hash, window); ok { // others were quicker
		return n
	}
	s := b.leastWanted(window)
	s.state.Store(state(hash, window, 1))
	s.tag.Store(hash)
	return 1
}

func (t *keyTable) countKnown(b *keyBucket, hash, window uint64) (n uint64, ok bool) {
	for i := range b.slots {
		if s := &b.slots[i]; s.tag.Load() == hash {
			return t.countIn(s, hash, window)
		}
	}
	return 0, false
}

// countIn is not ok if the slot is another key's by now.
func (t *keyTable) countIn(s *keySlot, hash, window uint64) (n uint64, ok bool) {
	for {
		old := s.state.Load()
		if old>>(64-checkBits) != state(hash, 0, 0)>>(64-checkBits) {
			return 0, false
		}
		at, n := window, uint64(1)
		if age(old, window) == 0 {
			at, n = windowOf(old), t.after(old&(1<<countBits-1))
		}
		if next := state(hash, at, n); next == old || s.state.CompareAndSwap(old, next) {
			return n, true
		}
	}
}

// after returns the count that follows on n.
func (t *keyTable) after(n uint64) uint64 {
	switch {
	case n < t.first+t.thereafter:
		return n + 1
	case t.thereafter > 0 || n == t.first:
		return t.first + 1
	default:
		return n
	}
}

// leastWanted returns the slot that was not counted in for the longest time, and
// of several the one with the lowest count.
func (b *keyBucket) leastWanted(window uint64) *keySlot {
	var (
		least                *keySlot
		leastAge, leastCount uint64
	)
	for i := range b.slots {
		s := &b.slots[i]
		if s.tag.Load() == 0 {
			return s
		}
		st := s.state.Load()
		a, n := age(st, window), st&(1<<countBits-1)
		if least == nil || a > leastAge || a == leastAge && n < leastCount {
			least, leastAge, leastCount = s, a, n
		}
	}
	return least
}

func state(hash, window, n uint64) uint64 {
	return hash<<(64-checkBits) | window<<countBits | n
}

func windowOf(state uint64) uint64 { return state >> countBits & (1<<windowBits - 1) }

// age returns how many windows the last record in a slot lies back. It is zero as
// well if others are in a later window already.
func age(state, window uint64) uint64 {
	const few = 1 << 10
	n := (window - windowOf(state)) & (1<<windowBits - 1)
	if n >= 1<<windowBits-few {
		return 0
	}
	return n
}
