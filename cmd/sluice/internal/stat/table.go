package stat

import (
	"cmp"
	"math"
	"slices"
)

// Counts are lines, and how many of them are warnings and errors.
type counts struct {
	Lines    int64 `json:"lines"`
	Warnings int64 `json:"warnings"`
	Errors   int64 `json:"errors"`
}

func (c *counts) add(d counts) {
	c.Lines += d.Lines
	c.Warnings += d.Warnings
	c.Errors += d.Errors
}

// of returns the counts of so many lines of a class.
func (c class) of(lines int64) counts {
	switch {
	case c.isError():
		return counts{Lines: lines, Errors: lines}
	case c.isWarning():
		return counts{Lines: lines, Warnings: lines}
	}
	return counts{Lines: lines}
}

// A span is from the first time to the last, in microseconds since 1970.
type span struct{ first, last int64 }

func noSpan() span { return span{math.MaxInt64, math.MinInt64} }

func (s *span) isEmpty() bool { return s.first > s.last }

func (s *span) add(o span) {
	s.first = min(s.first, o.first)
	s.last = max(s.last, o.last)
}

// An entry is what is counted of one name.
type entry struct {
	key  uint64
	name string
	cl   class // of messages
	counts
	span
	missed int64 // at most so many lines came before it was here
	lostAt int64 // what its table had lost then
	dists  []*dist
}

// A table counts by name. It keeps those names of which there is most: when there are twice as many as its size, the rarer
// half goes, and what comes later may have missed as many lines as the most frequent one of these has had.
type table struct {
	size    int
	index   map[uint64]int
	entries []entry // in the order in which they came
	floor   int64   // as many lines may be missing of a name that is not here
	lost    int64   // as many lines may be missing of any name that is here, since the beginning
	onDrop  func(*entry)
}

func newTable(size int) *table { return &table{size: size, index: make(map[uint64]int)} }

// find returns an entry, which is valid until the next insert, or nil.
func (t *table) find(key uint64) *entry {
	if i, ok := t.index[key]; ok {
		return &t.entries[i]
	}
	return nil
}

// insert adds an entry that is not there.
func (t *table) insert(key uint64, name string, cl class) *entry {
	if len(t.entries) >= 2*t.size {
		t.prune()
	}
	t.index[key] = len(t.entries)
	t.entries = append(t.entries, entry{key: key, name: name, cl: cl, span: noSpan(), missed: t.floor, lostAt: t.lost})
	return &t.entries[len(t.entries)-1]
}

// atMost returns how many lines an entry may stand for.
func (t *table) atMost(e *entry) int64 { return e.Lines + t.missedOf(e) }

// missedOf returns how many lines an entry may have missed.
func (t *table) missedOf(e *entry) int64 { return e.missed + t.lost - e.lostAt }

func (t *table) prune() {
	most := make([]int64, len(t.entries))
	for i := range t.entries {
		most[i] = t.atMost(&t.entries[i])
	}
	ordered := slices.Clone(most)
	slices.SortFunc(ordered, func(a, b int64) int { return cmp.Compare(b, a) })
	limit := ordered[t.size]
	above := 0
	for _, n := range most {
		if n > limit {
			above++
		}
	}
	equal := t.size - above // so many of those at the limit stay: the ones that came last
	atLimit := 0
	for _, n := range most {
		if n == limit {
			atLimit++
		}
	}
	kept := t.entries[:0]
	clear(t.index)
	for i := range t.entries {
		e := &t.entries[i]
		keep := most[i] > limit
		if most[i] == limit {
			keep = atLimit <= equal
			atLimit--
		}
		if !keep {
			t.floor = max(t.floor, most[i])
			if t.onDrop != nil {
				t.onDrop(e)
			}
			continue
		}
		t.index[e.key] = len(kept)
		kept = append(kept, *e)
	}
	clear(t.entries[len(kept):])
	t.entries = kept
}

// merge adds what another table, which is given up, has counted of lines that came later.
func (t *table) merge(o *table) {
	for i := range o.entries {
		from := &o.entries[i]
		e := t.find(from.key)
		if e == nil {
			e = t.insert(from.key, from.name, from.cl)
		}
		e.counts.add(from.counts)
		e.span.add(from.span)
	}
	t.lost += o.floor
	t.floor += o.floor
}

// reset empties the table and keeps its memory.
func (t *table) reset() {
	clear(t.index)
	clear(t.entries)
	t.entries = t.entries[:0]
	t.floor, t.lost = 0, 0
}

// by returns the entries in an order. Those that are equal stay in the order in which they came.
func (t *table) by(less func(a, b *entry) int) []*entry {
	all := make([]*entry, len(t.entries))
	for i := range t.entries {
		all[i] = &t.entries[i]
	}
	slices.SortStableFunc(all, less)
	return all
}

func moreLines(a, b *entry) int { return cmp.Compare(b.Lines, a.Lines) }

func moreErrors(a, b *entry) int {
	return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Warnings, a.Warnings), cmp.Compare(b.Lines, a.Lines))
}
