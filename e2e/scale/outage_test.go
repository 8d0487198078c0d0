package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What waits is what came while the receivers were away, and a little while the senders
// came back; it is gone before the bound, and not sooner than the receivers can.
func TestRecoveryIsWithinItsBounds(t *testing.T) {
	for _, o := range []outage{
		{200, 50, 20_000, 30 * time.Second, backoff{100 * time.Millisecond, 3 * time.Second}, 4},
		{200, 50, 12_000, 30 * time.Second, backoff{100 * time.Millisecond, 3 * time.Second}, 1},
		{1000, 40, 50_000, time.Hour, backoff{time.Second, time.Minute}, 1},
		{10, 1, 1000, 5 * time.Second, backoff{time.Second, time.Minute}, 1},
	} {
		r := o.recovery()
		least := o.arriving() * o.away.Seconds()
		if most := o.arriving() * (o.away + o.backoff.most).Seconds(); r.backlog < least*0.99 || r.backlog > most {
			t.Errorf("%+v: %v events wait, want %v to %v", o, r.backlog, least, most)
		}
		if soonest := seconds((least - o.arriving()*usual.Seconds()) / (o.capacity - o.arriving())); r.caught < soonest-o.backoff.least || r.caught > o.bound() {
			t.Errorf("%+v: caught up after %v, want %v to %v", o, r.caught, soonest, o.bound())
		}
	}
}

func TestReceiversThatAreTooSlowNeverCatchUp(t *testing.T) {
	o := outage{10, 100, 1000, time.Minute, backoff{time.Second, time.Minute}, 1}
	if r := o.recovery(); r.caught >= 0 || !math.IsInf(r.backlog, 1) || o.bound() >= 0 {
		t.Errorf("recovery %+v, bound %v; want never", r, o.bound())
	}
}

// A rolling restart breaks more connections than there are, as those that have moved
// break again.
func TestRolled(t *testing.T) {
	for _, tt := range []struct {
		n            int
		breaks, last float64
	}{
		{1, 1, 1},
		{2, 1.5, 2},
		{3, 19.0 / 12, 9.0 / 4},
		{4, 1.6204, 2.3704},
		{1_000_000, math.E - 1, math.E},
		{1_000_000_000_000_000, math.E - 1, math.E},
	} {
		if breaks, last := rolled(tt.n); math.Abs(breaks-tt.breaks) > 1e-4 || math.Abs(last-tt.last) > 1e-4 {
			t.Errorf("%d receivers: %v breaks, %v on the last one; want %v, %v", tt.n, breaks, last, tt.breaks, tt.last)
		}
	}
}

// The most crowded receiver has about as many as are reckoned.
func TestCrowd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ connections, n int }{{60, 4}, {200, 4}, {1000, 5}, {10_000, 50}, {100_000, 500}, {100_000, 14}} {
		const rounds = 50
		sum := 0
		for range rounds {
			of := make([]int, tt.n)
			for range tt.connections {
				of[random.IntN(tt.n)]++
			}
			sum += slices.Max(of)
		}
		got := float64(sum) / rounds
		if want := crowd(tt.connections, tt.n); want < got || want > 1.15*got {
			t.Errorf("%d over %d: %.1f on one, reckoned are %.1f", tt.connections, tt.n, got, want)
		}
	}
	if got := crowd(1, 2); got > 1 {
		t.Errorf("of one connection, %v are on one", got)
	}
}
