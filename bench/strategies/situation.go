//go:build linux

package main

import (
	"fmt"
	"time"
)

// A situation is what happens while a program logs.
type situation struct {
	name string
	// length is how long the program logs.
	length time.Duration
	// kills is how often the program is killed meanwhile, and started again.
	kills int
	// outages are what happens to the receiver, in this order.
	outages []outage
}

// An outage is a time in which the receiver takes events without an ack, or reads
// nothing, and is killed then, and not there.
type outage struct{ at, unacked, unread, away time.Duration }

// situations are all situations, with steady as the first.
func situations() []situation {
	const ms = time.Millisecond
	return []situation{
		{name: "steady", length: 5 * time.Second},
		{
			name: "receiver restarted twice", length: 6 * time.Second,
			outages: []outage{
				{at: 1500 * ms, unacked: 500 * ms, away: 500 * ms},
				{at: 3500 * ms, unread: 500 * ms, away: 500 * ms},
			},
		},
		{
			name: "receiver away for 5 s", length: 8 * time.Second,
			outages: []outage{{at: 1000 * ms, away: 5000 * ms}},
		},
		{name: "program killed five times", length: 6 * time.Second, kills: 5},
	}
}

// quick returns the situation with all times divided by 4.
func (s situation) quick() situation {
	s.length /= 4
	for i := range s.outages {
		o := &s.outages[i]
		*o = outage{at: o.at / 4, unacked: o.unacked / 4, unread: o.unread / 4, away: o.away / 4}
	}
	return s
}

// disturb does to a receiver what happens to it.
func (s situation) disturb(r receiver) error {
	begun := time.Now()
	for _, o := range s.outages {
		time.Sleep(time.Until(begun.Add(o.at)))
		if o.unacked > 0 {
			r.HoldAcks(time.Hour)
			time.Sleep(o.unacked)
		}
		resume := func() {}
		if o.unread > 0 {
			resume = r.StopReading()
			time.Sleep(o.unread)
		}
		r.Kill()
		resume()
		r.HoldAcks(0)
		time.Sleep(o.away)
		if err := r.Restart(); err != nil {
			return fmt.Errorf("restart the receiver: %w", err)
		}
	}
	return nil
}
