package main

import (
	"math"
	"time"
)

// outage is a time in which all receivers are away, while the senders go on.
type outage struct {
	senders   int
	rate      float64 // events a second of each sender
	capacity  float64 // events a second of all receivers
	away      time.Duration
	backoff   backoff
	addresses int // that a sender knows
}

// recovery is what becomes of the events that have waited.
type recovery struct {
	backlog float64       // the most events that wait
	caught  time.Duration // when no more wait than do always, since the receivers are back; negative for never
}

// usual is for how long events wait without any outage, as e2e/fleet sees it.
const usual = 500 * time.Millisecond

// recovery lets the senders come back one after the other, each with what it has kept,
// and the receivers take what is there as fast as they can.
func (o outage) recovery() recovery {
	arriving := o.arriving()
	if o.capacity <= arriving {
		return recovery{math.Inf(1), -1}
	}
	c := o.backoff.comeback(o.away, o.addresses)
	dt := c.step.Seconds()
	var most float64
	there, back := 0.0, 0.0 // what those have to send that are back, and their share
	for i, share := range c.share {
		now := time.Duration(i) * c.step
		waited := (o.away + now).Seconds() // for those that come back now
		there = max(there+share*arriving*waited+back*arriving*dt-o.capacity*dt, 0)
		back = min(back+share, 1)
		waits := there + (1-back)*arriving*waited
		most = max(most, waits)
		if waits <= arriving*usual.Seconds() {
			return recovery{most, now}
		}
	}
	all := time.Duration(len(c.share)) * c.step
	return recovery{most, all + seconds((there-arriving*usual.Seconds())/(o.capacity-arriving))}
}

func (o outage) arriving() float64 { return float64(o.senders) * o.rate }

// bound is by when all have come back and been caught up with at the latest: the longest
// delay, in which events go on piling up, and what waits then by what there is to spare.
// It is negative for never.
func (o outage) bound() time.Duration {
	if o.capacity <= o.arriving() {
		return -1
	}
	waiting := o.arriving() * (o.away + o.backoff.most).Seconds()
	return o.backoff.most + seconds(waiting/(o.capacity-o.arriving()))
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s*float64(time.Second), math.MaxInt64/2))
}

// crowd returns how many of the connections the receiver has that has most of them, if
// each connection has chosen one of n at random: the usual ones, and as far beyond as the
// largest of n normal values can be expected.
func crowd(connections, n int) float64 {
	share := float64(connections) / float64(n)
	return min(share+math.Sqrt(2*share*math.Log(float64(n))), float64(connections))
}

// rolled returns how many connections break, as a multiple of those there are, and how
// many the last receiver has, as a multiple of its share, while n receivers are restarted
// one after the other, when the connections of each go to the others in equal parts and
// nothing brings them back before the end.
func rolled(n int) (breaks, last float64) {
	if n < 2 {
		return 1, 1
	}
	// Each restart makes the shares of those that are still to come larger by 1/(n-1).
	others := float64(n - 1)
	growth := math.Log1p(1 / others)
	return others / float64(n) * math.Expm1(float64(n)*growth), math.Exp(others * growth)
}
