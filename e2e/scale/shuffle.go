package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// shuffle is an outage after which each sender has one connection, to a receiver that it
// chooses at random. When ConnectionTTL is over it waits until all is acked that is under
// way, and chooses again. Some receivers then have more than their share while others
// have nothing to do, which recovery knows nothing of.
type shuffle struct {
	outage

	receivers int
	ttl       time.Duration // 0 for none
	window    float64       // events that a sender has under way at most
}

const (
	shuffles = 10
	grain    = 50 * time.Millisecond
	longest  = 100_000 // of these at most
)

// caught returns after how long no more events wait than do always: the least and the
// most of several times. They are negative for never.
func (s shuffle) caught() (least, most time.Duration) {
	if s.capacity <= s.arriving() {
		return -1, -1
	}
	random := rand.New(rand.NewPCG(uint64(s.senders), uint64(s.receivers))) //nolint:gosec // the same each time
	c := s.backoff.comeback(s.away, s.addresses)
	least = s.once(c, random)
	most = least
	for range shuffles - 1 {
		caught := s.once(c, random)
		least, most = min(least, caught), max(most, caught)
	}
	return least, most
}

// shuffled is a sender.
type shuffled struct {
	waits    float64       // events
	underWay float64       // of these, what has to be acked before it leaves
	next     time.Duration // when it connects, or begins to leave
	to       int           // the receiver
	on       bool          // it has a connection
	leaving  bool
}

// offers returns what the receiver can have of it.
func (a *shuffled) offers() float64 {
	switch {
	case !a.on:
		return 0
	case a.leaving:
		return a.underWay
	default:
		return a.waits
	}
}

func (s shuffle) once(c comeback, random *rand.Rand) time.Duration {
	all := make([]shuffled, s.senders)
	for i := range all {
		all[i] = shuffled{waits: s.rate * s.away.Seconds(), next: c.quantile(random.Float64())}
	}
	with := make([][]*shuffled, s.receivers) // used again for each step
	enough := s.arriving() * usual.Seconds()
	for step := range longest {
		now := time.Duration(step) * grain
		left := 0.0
		for i := range all {
			a := &all[i]
			a.waits += s.rate * grain.Seconds()
			s.move(a, now, random)
			left += a.waits
		}
		if left <= enough {
			return now
		}
		s.take(all, with)
	}
	return longest * grain
}

// move lets a sender connect, or leave.
func (s shuffle) move(a *shuffled, now time.Duration, random *rand.Rand) {
	switch {
	case a.on && !a.leaving && s.ttl > 0 && now >= a.next:
		a.leaving = true
		a.underWay = min(a.waits, s.window)
	case a.leaving && a.underWay <= 0:
		a.on, a.leaving = false, false
	}
	if !a.on && now >= a.next {
		a.on = true
		a.to = random.IntN(s.receivers)
		a.next = now + s.ttl + time.Duration(random.Int64N(int64(s.ttl/4)+1))
	}
}

// take lets each receiver take what it can in a step, as much of each sender.
func (s shuffle) take(all []shuffled, with [][]*shuffled) {
	for to := range with {
		with[to] = with[to][:0]
	}
	for i := range all {
		if a := &all[i]; a.offers() > 0 {
			with[a.to] = append(with[a.to], a)
		}
	}
	for _, senders := range with {
		room := s.capacity / float64(s.receivers) * grain.Seconds()
		// What the first ones do not need is for the others.
		slices.SortFunc(senders, func(a, b *shuffled) int { return cmp.Compare(a.offers(), b.offers()) })
		for i, a := range senders {
			taken := min(room/float64(len(senders)-i), a.offers())
			a.waits -= taken
			a.underWay -= taken
			room -= taken
		}
	}
}
