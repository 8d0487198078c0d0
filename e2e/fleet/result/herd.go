package result

import (
	"math"
	"slices"
)

const (
	// late is how much later than reckoned a sender of a busy machine may be back.
	late Seconds = 0.2
	// rare is 1.95 for one run in a thousand that is called bad by chance alone, as the test of
	// Kolmogorov and Smirnov has it: the difference of two distributions times the root of n.
	rare = 1.95
	// notQuite is for what is left of the moment in which all began to wait.
	notQuite = 0.05
)

// Spread is how the senders came back that had lost everybody at the same moment, beside
// what the jitter of the backoff makes of it: see [Result.BackBy].
type Spread struct {
	// Early is the largest share of the senders, or of the connections, that was there before
	// its time, Late that which was missing 0.2 s after it.
	Early, Late float64
	// Limit is how large either may be by chance.
	Limit float64
	// Judged reports whether senders that all come at once would be told from others. Of a few
	// senders, or a short backoff beside the 0.2 s of a busy machine, they would not.
	Judged bool
}

// Herd reports whether all senders lost everybody at the same moment.
func (r Result) Herd() bool {
	return r.Scenario == "herd" || r.Scenario == "stagger" || r.Scenario == "broker"
}

// BackBy returns the share of the senders that can be expected back after t, when all of them
// were at their largest backoff. Each address has its own wait in each sender, of half of the
// largest backoff to all of it, and somebody who comes in between sees the rest of one; the
// sender is back with the first of them. A broker is one address.
func (r Result) BackBy(t Seconds) float64 {
	away := 1.0
	for _, since := range r.returns() {
		x := min(max(float64((t-since)/r.Options.MaxBackoff), 0), 1)
		over := x / 0.75 // the share of the waits that are over
		if x > 0.5 {
			over = 1 - (1-x)*(1-x)/0.75
		}
		away *= 1 - over
	}
	return 1 - away
}

// returns returns when each address was back.
func (r Result) returns() []Seconds {
	switch {
	case r.Over != "beats":
		return make([]Seconds, 1)
	case len(r.Outages) > 0 && len(r.Outages[0].Returns) > 0:
		return r.Outages[0].Returns
	default:
		return make([]Seconds, r.Receivers)
	}
}

// SpreadOf returns the Spread of an outage that all senders had at once.
func (r Result) SpreadOf(o *Outage) Spread {
	back := o.Reconnects
	if r.Over != "beats" {
		back = o.Recovery.All
	}
	n := float64(len(back))
	if n == 0 {
		return Spread{}
	}
	s := Spread{Limit: limit(n), Judged: r.Tells(len(back))}
	for i, at := range slices.Sorted(slices.Values(back)) {
		s.Early = max(s.Early, float64(i+1)/n-r.BackBy(at))
		s.Late = max(s.Late, r.BackBy(at-late)-float64(i)/n)
	}
	all, sum := 0, 0
	for _, count := range o.Accepts {
		all += count
	}
	for i, count := range o.Accepts {
		sum += count
		s.Early = max(s.Early, float64(sum)/float64(all)-r.BackBy(Seconds(i+1)*AcceptStep))
	}
	return s
}

// limit is how far so many senders may be from what the jitter makes of them.
func limit(senders float64) float64 { return rare/math.Sqrt(senders) + notQuite }

// Tells reports whether so many senders that all come at once would be told from others.
func (r Result) Tells(senders int) bool {
	most := limit(float64(senders))
	return r.BackBy(r.when(most)+late) < 1-most
}

// when returns after how long a share of the senders can be expected back.
func (r Result) when(share float64) Seconds {
	from, to := Seconds(0), r.Options.MaxBackoff
	for range 50 {
		if half := (from + to) / 2; r.BackBy(half) < share {
			from = half
		} else {
			to = half
		}
	}
	return to
}
