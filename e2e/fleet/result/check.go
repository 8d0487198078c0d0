package result

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// AcceptStep is how long a step of [Outage.Accepts] is.
const AcceptStep Seconds = 0.1

// Check returns an error that names everything that has happened and must not: see
// docs/fleet.md.
func (r Result) Check() error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(r.Scenario+": "+format, args...))
		}
	}
	fault(r.Sent == 0, "nothing was sent")
	fault(r.Lost > 0, "%d events are lost", r.Lost)
	fault(r.Dropped > 0, "%d events were dropped", r.Dropped)
	fault(r.Duplicates > r.DuplicateBound, "%d events arrived twice, want at most %d", r.Duplicates, r.DuplicateBound)
	fault(r.Excess > 0, "%d events of single senders arrived twice beyond the bound", r.Excess)
	fault(r.Disorder > 0, "%d events arrived out of order on their connection", r.Disorder)
	fault(r.Inexact > 0, "the account of a sender was not exact %d times", r.Inexact)
	fault(r.Died > 0, "%d senders did not end as they should", r.Died)
	fault(len(r.Outages) == 0, "nothing went wrong")
	for i := range r.Outages {
		o := &r.Outages[i]
		back := len(o.Recovery.All)
		fault(back < o.Affected, "%s: %d of %d senders did not come back", o.What, o.Affected-back, o.Affected)
		fault(o.Recovery.Last > r.RecoveryBound(), "%s: the last sender was back after %.2f s, want at most %.2f s",
			o.What, o.Recovery.Last, r.RecoveryBound())
		if limit := r.HerdLimit(); r.Scenario == "herd" && len(o.Accepts) > 0 {
			peak := slices.Max(o.Accepts)
			fault(peak > limit, "%s: %d connections in 100 ms, want at most %d", o.What, peak, limit)
		}
	}
	return errors.Join(errs...)
}

// RecoveryBound is how long the last sender may take to be back: two times the largest
// backoff, and one Timeout more where the network tells nobody that it is gone.
func (r Result) RecoveryBound() Seconds {
	bound := 2 * r.Options.MaxBackoff
	if r.Scenario == "partition" {
		bound += r.Options.Timeout
	}
	return bound
}

// HerdPeak is how many senders are expected to come back in the busiest 100
// milliseconds, the first, when all of them were at their largest backoff. Each address
// has its own wait in each sender, from half of the largest backoff to all of it, so that
// at any moment it is over within t with the probability t / 0.75 MaxBackoff; the sender is
// back with the first of them. Over a broker there is one address.
func (r Result) HerdPeak() float64 {
	addresses := 1
	if r.Over == "beats" {
		addresses = r.Receivers
	}
	one := min(float64(AcceptStep/(0.75*r.Options.MaxBackoff)), 1)
	return float64(r.Senders) * (1 - math.Pow(1-one, float64(addresses)))
}

// HerdLimit is what Check allows in place of HerdPeak: six standard deviations more.
func (r Result) HerdLimit() int { return int(r.HerdPeak() + 6*math.Sqrt(r.HerdPeak()) + 2) }
