package stat

import (
	"math"
	"time"
)

// A total is what all parts add up to.
type total struct {
	*plan
	sums
	times             *times
	errors, messages  *table
	sources, packages *table
	loggers, groups   *table
	dists             []*dist // of the attrs
	rest              []*dist // of groups that are not here
	thresholds        []*threshold
	windows           []*windows
	lastFile          string
	lastTime          int64
}

func newTotal(p *plan, zone *time.Location, thresholds []*threshold) *total {
	t := &total{
		plan: p, sums: sums{span: noSpan()}, times: newTimes(zone), errors: newTable(nameSize), messages: newTable(nameSize),
		sources: newTable(nameSize), packages: newTable(nameSize), loggers: newTable(nameSize), groups: newTable(groupSize),
		thresholds: thresholds, lastTime: noTime,
	}
	dists := maxDists
	if p.groupBy != "" && p.shown > 0 {
		dists /= 2
		t.groups.size = min(groupSize, dists/2/p.shown) // it has twice as many at times
	}
	t.windows = windowsOf(thresholds, dists)
	for range p.attrs {
		t.dists = append(t.dists, newDist())
		t.rest = append(t.rest, newDist())
	}
	t.groups.onDrop = func(e *entry) {
		for i, d := range e.dists {
			if d != nil {
				t.rest[i].merge(d)
			}
		}
	}
	return t
}

// add adds a part, and gives its memory back. The parts come in the order of the lines.
func (t *total) add(p *part) {
	if p == nil { // of a chunk that nobody has worked on, as the context is done
		return
	}
	if p.file == t.lastFile && t.lastTime != noTime && p.firstTime != noTime && p.firstTime < t.lastTime {
		t.disordered++
	}
	if p.file != t.lastFile || p.lastTime != noTime {
		t.lastTime = p.lastTime
	}
	t.lastFile = p.file
	t.sums.add(&p.sums)
	for _, m := range p.moments {
		t.times.add(m)
	}
	t.errors.merge(p.errors)
	t.messages.merge(p.messages)
	t.sources.merge(p.sources)
	t.packages.merge(p.packages)
	t.loggers.merge(p.loggers)
	t.groups.merge(p.groups)
	for i := range p.values {
		t.value(&p.values[i])
	}
	t.parts.Put(p)
}

func (t *total) value(v *value) {
	t.dists[v.attr].add(v.v)
	if math.Abs(v.v) > tooLarge {
		return
	}
	for _, w := range t.windows {
		if w.attr == v.attr && v.at != noTime {
			w.add(t.times.zone, v)
		}
	}
	if t.groupBy == "" || v.attr >= t.shown {
		return
	}
	e := t.groups.find(v.group)
	if e == nil {
		t.rest[v.attr].add(v.v)
		return
	}
	if e.dists == nil {
		e.dists = make([]*dist, t.shown)
	}
	if e.dists[v.attr] == nil {
		e.dists[v.attr] = newDist()
	}
	e.dists[v.attr].add(v.v)
}
