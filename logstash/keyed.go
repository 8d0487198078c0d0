package logstash

import "time"

const (
	// turnTime is how long a lane may go on with a key before it leaves it to others.
	turnTime = 100 * time.Millisecond
	// headStart is how long a key waits for the lanes that it is left to, before any may take it.
	headStart = 20 * time.Millisecond
)

// keyed is the events with one key that are begun and not settled. There is one more
// for those of a batch that have none.
type keyed struct {
	hash    uint64    // of the key, 0 without
	waiting []origin  // events that are in no piece yet
	given   int       // how many others are
	chain   *chain    // in which these are, nil if there are none
	since   time.Time // when a lane took it or, without one, since when it waits for that
	home    int       // the lane that had it last, or is to be the first
	late    bool      // home had it, and events still waited when it had settled its own
}

// leftTo returns how long a key that no lane has is left to others than this one. Its home is
// to be the first, so that a receiver that stalls has its share of the keys, and not all of
// them. One that was late leaves the key to the others.
func (k *keyed) leftTo(lane int, now time.Time) time.Duration {
	if k.hash == 0 || (lane == k.home) != k.late {
		return 0
	}
	return headStart - now.Sub(k.since)
}

// goesOn reports whether the lane that has the key may send more of it: it had acks since it
// took the key, and did not have it for too long.
func (k *keyed) goesOn(now time.Time) bool {
	return k.chain.heard.After(k.since) && now.Sub(k.since) < turnTime
}
