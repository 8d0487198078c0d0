package stat

import (
	"cmp"
	"slices"
	"time"
)

// maxBuckets is how many minutes with lines there are at most. When there are more, hours are counted instead, and so on.
const maxBuckets = 1 << 16

// A moment is the lines of one class in one second.
type moment struct {
	at    int64 // in seconds since 1970
	lines int32
	cl    class
}

// Times are the lines by time.
type times struct {
	zone    *time.Location
	unit    step // of the buckets
	index   map[int64]int
	buckets []bucket
	seconds seconds

	start, end int64 // of the bucket that was last added to
	last       int
}

// A bucket is the lines of some time, by class.
type bucket struct {
	start int64
	lines [classCount]int64
}

func (b *bucket) counts() (c counts) {
	for cl, n := range b.lines {
		c.add(class(cl).of(n))
	}
	return c
}

func newTimes(zone *time.Location) *times {
	return &times{zone: zone, unit: minute, index: make(map[int64]int), seconds: seconds{index: make(map[int64]int)}}
}

func (t *times) add(m moment) {
	if m.at < t.start || m.at >= t.end {
		t.seek(m.at)
	}
	t.buckets[t.last].lines[m.cl] += int64(m.lines)
	if t.unit == minute {
		t.seconds.add(t.start, m)
	}
}

// seek makes the bucket of a moment the one that is added to.
func (t *times) seek(at int64) {
	t.start = t.unit.floor(t.zone, at)
	t.end = t.unit.next(t.zone, t.start)
	i, ok := t.index[t.start]
	if !ok {
		if len(t.buckets) == maxBuckets && t.unit < year {
			t.coarsen()
			t.seek(at)
			return
		}
		i = len(t.buckets)
		t.index[t.start] = i
		t.buckets = append(t.buckets, bucket{start: t.start})
	}
	t.last = i
}

// coarsen makes buckets of the next longer step.
func (t *times) coarsen() {
	t.unit = map[step]step{minute: hour, hour: day, day: month, month: year}[t.unit]
	t.buckets = t.merged(t.unit)
	clear(t.index)
	for i := range t.buckets {
		t.index[t.buckets[i].start] = i
	}
	t.seconds.incomplete = true
}

// merged returns the buckets by a step that is not shorter than the unit, in order.
func (t *times) merged(by step) []bucket {
	ordered := slices.SortedFunc(slices.Values(t.buckets), func(a, b bucket) int { return cmp.Compare(a.start, b.start) })
	out := ordered[:0]
	end := int64(0)
	for _, b := range ordered {
		if len(out) == 0 || b.start >= end {
			start := by.floor(t.zone, b.start)
			end = by.next(t.zone, start)
			out = append(out, bucket{start: start})
		}
		into := &out[len(out)-1]
		for cl, n := range b.lines {
			into.lines[cl] += n
		}
	}
	return out
}

// busiest returns the minute with the most lines.
func (t *times) busiest() (at, lines int64, ok bool) {
	if t.unit != minute {
		return 0, 0, false
	}
	for i := range t.buckets {
		b := &t.buckets[i]
		if c := b.counts(); c.Lines > lines || c.Lines == lines && b.start < at {
			at, lines, ok = b.start, c.Lines, true
		}
	}
	return at, lines, ok
}

// A row is a bucket as it is shown.
type row struct {
	start, end int64
	counts
}

// rows returns the buckets by a step, in order. There are none if it is shorter than what has been counted.
func (t *times) rows(by step) []row {
	if by < minute {
		return t.seconds.rows(by, t.zone)
	}
	if by < t.unit {
		return nil
	}
	var out []row
	for _, b := range t.merged(by) {
		out = append(out, row{b.start, by.next(t.zone, b.start), b.counts()})
	}
	return out
}

// The measures of a table of rows.
const (
	fewRows = 40 // as many a step should make that nobody has chosen
	maxRows = 10000
	maxGap  = 24 // so many rows without lines are shown one by one
)

// shownRows returns how many rows are printed, with those of gaps.
func shownRows(rows []row, by step) int64 {
	n := int64(len(rows))
	for i := range rows[min(1, len(rows)):] {
		gap := by.between(rows[i].end, rows[i+1].start)
		if gap > maxGap {
			gap = 1
		}
		n += max(gap, 0)
	}
	return n
}

// choose returns the rows by a step, or, if none is chosen, by the shortest that makes few rows. If they would be too
// many, it takes a longer step.
func (t *times) choose(by step, chosen bool) ([]row, step) {
	limit := int64(fewRows)
	if chosen {
		limit = maxRows
	} else {
		by = second
	}
	for ; by < year; by++ {
		if rows := t.rows(by); rows != nil && shownRows(rows, by) <= limit {
			return rows, by
		}
	}
	return t.rows(year), year
}
