package stat

import (
	"maps"
	"slices"
)

// The most windows that are open at a time.
const (
	maxWindows = 1 << 16
	maxDists   = 1000 // of those with percentiles
)

// Windows are the numbers of an attr by the bucket of time.
type windows struct {
	open       map[int64]*window
	judged     int64 // the latest that was closed to make room
	closed     bool  // one was
	incomplete bool  // numbers came too late for their window, or for want of room have none
}

// A window is what a threshold may ask of the numbers of one bucket.
type window struct {
	start         int64
	count         int64
	sum, min, max float64
	dist          *dist // nil if no percentile is asked for
}

// add adds a number. If there is no room for its window, percentiles make some: old is the earliest one, which is complete if
// the lines are in their order.
func (ws *windows) add(start int64, v float64, percentiles bool) (old *window, ok bool) {
	w := ws.open[start]
	if w == nil {
		limit := maxWindows
		if percentiles {
			limit = maxDists
		}
		if ws.closed && start <= ws.judged || len(ws.open) >= limit && !percentiles {
			ws.incomplete = true
			return nil, false
		}
		if len(ws.open) >= limit {
			old, ok = ws.close()
		}
		if ws.open == nil {
			ws.open = make(map[int64]*window)
		}
		w = &window{start: start, min: v, max: v}
		if percentiles {
			w.dist = newDist()
		}
		ws.open[start] = w
	}
	w.count++
	w.sum += v
	w.min, w.max = min(w.min, v), max(w.max, v)
	if w.dist != nil {
		w.dist.add(v)
	}
	return old, ok
}

// close closes the earliest window.
func (ws *windows) close() (*window, bool) {
	first := slices.Min(slices.Collect(maps.Keys(ws.open)))
	w := ws.open[first]
	delete(ws.open, first)
	if !ws.closed || first > ws.judged {
		ws.judged = first
	}
	ws.closed = true
	return w, true
}

// ordered returns the windows that are open by time.
func (ws *windows) ordered() []*window {
	return slices.SortedFunc(maps.Values(ws.open), func(a, b *window) int {
		if a.start < b.start {
			return -1
		}
		return 1
	})
}
