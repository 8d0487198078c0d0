package main

import (
	"sync"
	"time"
)

// slack is how far a gate may be behind and still catch up: what the timers of a
// busy machine are late.
const slack = 20 * time.Millisecond

// gate lets so many events through in a second, whoever brings them, in the order
// in which they came. The zero value lets nothing through before set.
type gate struct {
	mu      sync.Mutex
	rate    float64       // events per second
	came    float64       // events, so far
	through float64       // of these, at the time at; a little more if it may catch up
	at      time.Time     // when that was reckoned
	changed chan struct{} // closed when the rate is not this one any more
}

// set changes how many events go through in a second, from now on, for those that wait as well.
func (g *gate) set(perSecond float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass(time.Now())
	g.rate = perSecond
	if g.changed != nil {
		close(g.changed)
	}
	g.changed = make(chan struct{})
}

// clear lets all who have come through: they are dead.
func (g *gate) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.through = g.came
}

// pass reckons how many are through.
func (g *gate) pass(now time.Time) {
	g.through = min(g.through+g.rate*now.Sub(g.at).Seconds(), g.came+g.rate*slack.Seconds())
	g.at = now
}

// come returns the place of n events that come now.
func (g *gate) come(n int) (place float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass(time.Now())
	g.came += float64(n)
	return g.came
}

// left returns after how long those of a place are through, unless the rate changes.
func (g *gate) left(place float64) (d time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass(time.Now())
	return time.Duration((place - g.through) / g.rate * float64(time.Second)), g.changed
}

// wait waits until those of a place are through, but not beyond a time if there is one, nor
// when gone is closed. It reports which of these it was.
func (g *gate) wait(place float64, until time.Time, gone <-chan struct{}) (through, there bool) {
	for {
		d, changed := g.left(place)
		late := !until.IsZero() && time.Until(until) < d
		if late {
			d = time.Until(until)
		}
		timer := time.NewTimer(d)
		select {
		case <-gone:
			timer.Stop()
			return false, false
		case <-changed:
			timer.Stop()
		case <-timer.C:
			if d, _ := g.left(place); d <= 0 || late {
				return d <= 0, true
			}
		}
	}
}
