package logstash

import (
	"math/rand/v2"
	"time"
)

// backoff gives the delays between attempts. They double from least to most,
// and half of each is random, so that the clients of one Logstash do not all
// come back at the same moment.
type backoff struct {
	least, most time.Duration
	delay       time.Duration // the next one, 0 for least
}

// next returns the delay before the next attempt.
func (b *backoff) next() time.Duration {
	d := max(b.delay, b.least)
	b.delay = b.most
	if d < b.most/2 { // never 2*d > b.most, which could overflow
		b.delay = 2 * d
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // a delay needs no secret randomness
}

// reset begins again with the least delay.
func (b *backoff) reset() { b.delay = 0 }
