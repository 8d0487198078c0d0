package stat

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The most there is at a time of what takes memory by the bucket and by the group. All who need some have a part of it.
const (
	maxWindows = 1 << 16 // without a distribution
	maxDists   = 512
)

// Windows are the numbers of an attr by the bucket of time, for all thresholds that are for it.
type windows struct {
	attr        int
	per         step
	percentiles bool // each window has a distribution, and nothing else
	thresholds  []*threshold
	most        int // windows that are open

	open       map[int64]*window
	last       *window // that was last added to
	judged     int64   // the latest that was closed to make room
	closed     bool    // one was
	incomplete bool    // numbers came too late for their window, or for want of room have none
}

// A window is what a threshold may ask of the numbers of one bucket.
type window struct {
	start, end    int64
	count         int64
	sum, min, max float64
	dist          *dist
}

// windowsOf returns the windows that thresholds need, and sets theirs. There are as many distributions as given for them.
func windowsOf(thresholds []*threshold, dists int) []*windows {
	var all []*windows
	of := map[bool]int{}
	for _, t := range thresholds {
		if t.attr < 0 || !t.each {
			continue
		}
		percentiles := t.what == "p"
		i := slices.IndexFunc(all, func(w *windows) bool { return w.attr == t.attr && w.per == t.per && w.percentiles == percentiles })
		if i < 0 {
			i = len(all)
			all = append(all, &windows{attr: t.attr, per: t.per, percentiles: percentiles, open: make(map[int64]*window)})
			of[percentiles]++
		}
		all[i].thresholds = append(all[i].thresholds, t)
		t.windows = all[i]
	}
	for _, w := range all {
		w.most = maxWindows / max(of[false], 1)
		if w.percentiles {
			w.most = dists / of[true]
		}
	}
	return all
}

// add adds a number.
func (ws *windows) add(zone *time.Location, v *value) {
	if w := ws.last; w == nil || v.at < w.start || v.at >= w.end {
		if ws.last = ws.seek(zone, v.at); ws.last == nil {
			ws.incomplete = true
			return
		}
	}
	w := ws.last
	if w.dist != nil {
		w.dist.add(v.v)
		return
	}
	if w.count == 0 {
		w.min, w.max = v.v, v.v
	}
	w.count++
	w.sum += v.v
	w.min, w.max = min(w.min, v.v), max(w.max, v.v)
}

// seek returns the window of a time, nil if there is no room for it. Percentiles make some: they judge the earliest window,
// which is complete if the lines are in their order.
func (ws *windows) seek(zone *time.Location, at int64) *window {
	start := ws.per.floor(zone, at)
	w := ws.open[start]
	switch {
	case w != nil:
		return w
	case ws.closed && start <= ws.judged, len(ws.open) >= ws.most && !ws.percentiles:
		return nil
	case len(ws.open) >= ws.most:
		w = ws.close() // its memory is used again
		w.dist.sketch.Clear()
	default:
		w = &window{}
		if ws.percentiles {
			w.dist = newDist()
		}
	}
	w.start, w.end = start, ws.per.next(zone, start)
	ws.open[start] = w
	return w
}

// close judges the earliest window, which is no longer there.
func (ws *windows) close() *window {
	var w *window
	for _, other := range ws.open {
		if w == nil || other.start < w.start {
			w = other
		}
	}
	for _, t := range ws.thresholds {
		t.judge(t.figure(w), w.start, w.end)
	}
	delete(ws.open, w.start)
	if !ws.closed || w.start > ws.judged {
		ws.judged, ws.closed = w.start, true
	}
	return w
}

// ordered returns the windows that are open by time.
func (ws *windows) ordered() []*window {
	return slices.SortedFunc(maps.Values(ws.open), func(a, b *window) int { return cmp.Compare(a.start, b.start) })
}
