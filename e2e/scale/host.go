package main

import "time"

// What an event takes besides its own bytes.
const (
	inMemory = 8      // of Size
	inSpool  = 4 + 28 // in a frame of its own; less if several come at once
)

// host is one sender with a rate.
type host struct{ rate, eventBytes float64 }

// spool returns what a sender needs on disk for an outage.
func (h host) spool(away time.Duration) float64 {
	return h.rate * away.Seconds() * (h.eventBytes + inSpool)
}

// holds returns how long a sender without a spool keeps everything below WARN.
func (h host) holds(p plan) time.Duration {
	return seconds(p.memory * (1 - p.reserve) / (h.rate * (h.eventBytes + inMemory)))
}
