package main

import (
	"sync"
	"time"
)

// slack is how far a gate may be behind and still catch up: what the timers of a
// busy machine are late.
const slack = 20 * time.Millisecond

// gate lets so many events through in a second, whoever brings them, in the order
// in which they came.
type gate struct {
	mu   sync.Mutex
	each time.Duration // that an event takes
	free time.Time     // when all that have come are through
}

// set changes how many events go through in a second. Who has come before is through.
func (g *gate) set(perSecond float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.each = time.Duration(float64(time.Second) / perSecond)
	g.free = time.Time{}
}

// come returns when n events that come now are through.
func (g *gate) come(now time.Time, n int) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if late := now.Add(-slack); g.free.Before(late) {
		g.free = late
	}
	g.free = g.free.Add(time.Duration(n) * g.each)
	return g.free
}
