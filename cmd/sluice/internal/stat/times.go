package stat

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// maxBuckets is how many minutes with lines there are at most. When there are more, hours are counted instead, and so on.
const maxBuckets = 1 << 16

// A moment is the lines of one class in one second.
type moment struct {
	at    int64 // in seconds since 1970
	lines uint32
	cl    class
}

// Times are the lines by time.
type times struct {
	zone    *time.Location
	unit    step // of the cells
	index   map[int64]int
	cells   []cell
	seconds seconds

	start, end int64 // of the cell that was last added to
	last       int
}

// A cell is the lines of one unit of time, by class. There may be two of the same time, when one is full.
type cell struct {
	start int64
	lines [classCount]uint32
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
	n := &t.cells[t.last].lines[m.cl]
	if *n > math.MaxUint32-m.lines {
		t.open()
		n = &t.cells[t.last].lines[m.cl]
	}
	*n += m.lines
	if t.unit == minute {
		t.seconds.add(t.start, m)
	}
}

// seek makes the cell of a moment the one that is added to.
func (t *times) seek(at int64) {
	t.start = t.unit.floor(t.zone, at)
	t.end = t.unit.next(t.zone, t.start)
	i, ok := t.index[t.start]
	switch {
	case ok:
		t.last = i
	case len(t.cells) >= maxBuckets && t.unit < year:
		t.coarsen()
		t.seek(at)
	default:
		t.open()
	}
}

// open adds a cell for the time that is added to.
func (t *times) open() {
	t.last = len(t.cells)
	t.index[t.start] = t.last
	t.cells = append(t.cells, cell{start: t.start})
}

// coarsen makes cells of the next longer step.
func (t *times) coarsen() {
	t.unit = map[step]step{minute: hour, hour: day, day: month, month: year}[t.unit]
	t.seconds = seconds{incomplete: true}
	old := t.cells
	slices.SortFunc(old, byStart)
	t.cells = make([]cell, 0, maxBuckets)
	t.index = make(map[int64]int)
	t.start, t.end = 0, 0
	for i := range old {
		for cl, n := range old[i].lines {
			if n > 0 {
				t.add(moment{at: old[i].start, lines: n, cl: class(cl)})
			}
		}
	}
}

func byStart(a, b cell) int { return cmp.Compare(a.start, b.start) }

// merged returns the buckets by a step that is not shorter than the unit, in order.
func (t *times) merged(by step) []bucket {
	slices.SortFunc(t.cells, byStart) // nothing is added any more
	var out []bucket
	end := int64(0)
	for i := range t.cells {
		c := &t.cells[i]
		if len(out) == 0 || c.start >= end {
			start := by.floor(t.zone, c.start)
			end = by.next(t.zone, start)
			if len(out) == 0 || start > out[len(out)-1].start {
				out = append(out, bucket{start: start})
			}
		}
		into := &out[len(out)-1]
		for cl, n := range c.lines {
			into.lines[cl] += int64(n)
		}
	}
	return out
}

// busiest returns the minute with the most lines.
func (t *times) busiest() (at, lines int64, ok bool) {
	if t.unit != minute {
		return 0, 0, false
	}
	for _, b := range t.merged(minute) {
		if n := b.counts().Lines; n > lines {
			at, lines, ok = b.start, n, true
		}
	}
	return at, lines, ok
}

// A row is a bucket as it is shown.
type row struct {
	start, end int64
	counts
}

// rows returns the buckets by a step that is not shorter than what has been counted, in order.
func (t *times) rows(by step) []row {
	if by < minute {
		return t.seconds.rows(by, t.zone)
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
	drawn   = 400 // rows in a picture
	maxGap  = 24  // so many rows without lines are shown one by one
)

// shown returns how many rows are printed by a step, with those of gaps.
func (t *times) shown(by step) int64 {
	if by < minute {
		rows := t.seconds.rows(by, t.zone)
		n := int64(len(rows))
		for i := 1; i < len(rows); i++ {
			n += gapRows(by.between(rows[i-1].end, rows[i].start))
		}
		return n
	}
	slices.SortFunc(t.cells, byStart)
	n, end := int64(0), int64(0)
	for i := range t.cells {
		at := t.cells[i].start
		if i > 0 && at < end {
			continue
		}
		start := by.floor(t.zone, at)
		if i > 0 {
			n += gapRows(by.between(end, start))
		}
		end = by.next(t.zone, start)
		n++
	}
	return n
}

// gapRows returns how many rows stand for so many buckets without lines.
func gapRows(gap int64) int64 {
	if gap > maxGap {
		return 1
	}
	return max(gap, 0)
}

// choose returns the rows by a step, or, if none is chosen, by the shortest that makes few rows. If they would be more
// than the most, or have not been counted, it takes a longer step.
func (t *times) choose(by step, chosen bool, most int64) ([]row, step) {
	limit := int64(fewRows)
	switch {
	case chosen:
		limit = most
	case t.seconds.incomplete:
		by = minute
	default:
		by = second
	}
	for by < year && (by >= minute && by < t.unit || t.shown(by) > limit) {
		by++
	}
	return t.rows(by), by
}
