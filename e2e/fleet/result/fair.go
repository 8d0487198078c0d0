package result

import "math"

const (
	// surprise is how many standard deviations chance may be away from what is expected:
	// 4.5 for three runs in a million.
	surprise = 4.5
	// uncounted is for the events that are under way when a time begins or ends.
	uncounted = 0.02
	// usual is for how long events wait when nothing is wrong.
	usual Seconds = 0.5
)

// somebody reports whether a receiver that goes away has a sender, but for chance.
func (r Result) somebody() bool {
	return r.Scenario != "slow" && math.Pow(1-1/float64(r.Receivers), float64(r.Senders)) < 1e-5
}

// ReceiversBound is what the fairness among receivers must be at least. Each sender has
// chosen one of them at random, so that n times the sum of the squares of their shares is
// 1 + χ² ÷ senders, with n − 1 degrees of freedom; senders of which some have sent more
// count as fewer. It is 0 where something else decides: behind a broker, and while one is slow.
func (r Result) ReceiversBound() float64 {
	there := float64(r.Receivers)
	if r.Scenario == "dead" {
		there--
	}
	senders := float64(r.Senders) * r.Fairness.Senders
	if r.Over != "beats" || r.Scenario == "slow" || senders == 0 {
		return 0
	}
	return there / float64(r.Receivers) / (1 + rarest(there-1)/senders) * (1 - uncounted)
}

// rarest returns the χ² of so many degrees of freedom that chance reaches only by surprise,
// as Wilson and Hilferty approximate it.
func rarest(freedom float64) float64 {
	if freedom < 1 {
		return 0
	}
	v := 2 / (9 * freedom)
	return freedom * math.Pow(1-v+surprise*math.Sqrt(v), 3)
}

// SparedBound is what [Fairness.SparedShare] must be at least: all but what waits always, and
// a tenth, as chance may have crowded one of the other receivers.
func (r Result) SparedBound() float64 {
	return max(0.9-float64(usual/max(r.Fairness.To-r.Fairness.From, usual)), 0)
}
