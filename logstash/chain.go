package logstash

import "time"

// chain is the pieces that a lane puts together. As they may have events of the same keys, no
// two lanes may have one at the same time. When the connection breaks, what is left is sent
// again by the lane that comes first, and the first one begins another chain.
type chain struct {
	lane   int       // that has pieces, or had them last
	given  int       // how many it has
	events int       // how many with keys are in it
	more   []*keyed  // the keys of which others wait
	heard  time.Time // when it was acked last
	behind bool      // then more events waited than were in it
}

// chainOf returns the chain for what a lane has not sent before.
func (o *order) chainOf(lane int) *chain {
	c := o.own[lane]
	if c == nil || c.lane != lane {
		c = &chain{lane: lane}
		o.own[lane] = c
	}
	return c
}

// isFree reports whether a lane may have a piece of the chain.
func (c *chain) isFree(lane int) bool { return c == nil || c.given == 0 || c.lane == lane }

// give notes that a lane gets a piece.
func (c *chain) give(lane int) {
	if c != nil {
		c.lane = lane
		c.given++
	}
}

// takeBack notes that a lane does not have a piece any more.
func (c *chain) takeBack() {
	if c != nil {
		c.given--
	}
}

// hear notes that some of a piece is acked, before it is settled.
func (c *chain) hear() {
	if c == nil {
		return
	}
	waiting := 0
	for _, k := range c.more {
		if k.chain == c {
			waiting += len(k.waiting)
		}
	}
	c.heard, c.behind = time.Now(), waiting > c.events
}

// isBehind reports whether the lane, which may be a slow one, is to take no other keys until it
// has none.
func (c *chain) isBehind() bool { return c.behind && c.given > 0 }
