package main

import (
	"math"
	"slices"
	"time"
)

// backoff is how a sender waits between attempts, as MinBackoff and MaxBackoff of
// logstash.DialOptions say: each delay is twice the one before, up to most, and half of
// each is left to chance.
type backoff struct{ least, most time.Duration }

// comeback is how the connections of a fleet are made again when what was away is back.
type comeback struct {
	step  time.Duration
	share []float64 // of the fleet, in each step since then
}

const (
	stepsOfLeast = 50     // how finely the shortest delay is divided
	stepsOfMost  = 20_000 // and the longest at most
	// coherent is after how many of the longest delays nothing is left of the moment
	// in which all senders began to wait.
	coherent = 12
)

// comeback reckons with senders that all lose their connections at the same moment, try
// again at once and then after each delay, until what was away is back. Each address has
// delays of its own, and the first one that is over counts.
func (b backoff) comeback(away time.Duration, addresses int) comeback {
	step := max(b.least/stepsOfLeast, b.most/stepsOfMost)
	steps := func(d time.Duration) int { return max(1, int(math.Round(float64(d)/float64(step)))) }
	end := steps(min(max(away, step), 2*b.most+coherent*b.most))

	// attempts is how likely the n-th attempt is in each step; the first one is at once.
	attempts := make([]float64, end)
	attempts[0] = 1
	sum := make([]float64, end+1)
	back := make([]float64, steps(b.most)+1)
	for delay, waiting := b.least, 1.0; waiting > 1e-9; delay = min(2*delay, b.most) {
		for i, p := range attempts {
			sum[i+1] = sum[i] + p
		}
		from, to := steps(delay/2), steps(delay)
		if from == to {
			to++
		}
		// The n-th attempt was from up to to-1 steps after the one before.
		at := func(i int) float64 {
			return (sum[min(max(i-from+1, 0), end)] - sum[min(max(i-to+1, 0), end)]) / float64(to-from)
		}
		waiting = 0
		for i := range attempts {
			attempts[i] = at(i)
			waiting += attempts[i]
		}
		for i := range back {
			back[i] += at(end + i)
		}
	}
	return comeback{step, firstOf(back, addresses)}
}

// firstOf returns the distribution of the first of n values, each of which has a
// distribution.
func firstOf(share []float64, n int) []float64 {
	first := make([]float64, len(share))
	left := 1.0
	for i, p := range share {
		still := max(left-p, 0)
		first[i] = math.Pow(left, float64(n)) - math.Pow(still, float64(n))
		left = still
	}
	return first
}

// staggered returns how the senders come back when their addresses do so one after the other, at
// these times, of which the first is 0, and what share of the senders comes to the first
// address. It takes the comeback to one address.
func (c comeback) staggered(addresses []time.Duration) (all comeback, first float64) {
	left := make([]float64, len(c.share)) // of the senders, that no address has got
	others := make([]float64, len(c.share))
	for i := range left {
		left[i], others[i] = 1, 1
	}
	for k, at := range addresses {
		sum := 0.0
		for i := int(at / c.step); i < len(left); i++ {
			sum += c.share[i-int(at/c.step)]
			left[i] *= max(1-sum, 0)
			if k > 0 {
				others[i] *= max(1-sum, 0)
			}
		}
	}
	share := make([]float64, len(left))
	before, without := 1.0, 1.0
	for i := range left {
		share[i] = before - left[i]
		first += c.share[i] * (without + others[i]) / 2
		before, without = left[i], others[i]
	}
	return comeback{c.step, share}, first
}

// quantile returns by when a share of the fleet is back.
func (c comeback) quantile(share float64) time.Duration {
	sum := 0.0
	for i, p := range c.share {
		if sum += p; sum >= share {
			return time.Duration(i+1) * c.step
		}
	}
	return time.Duration(len(c.share)) * c.step
}

// last returns when the last of n senders can be expected.
func (c comeback) last(n int) time.Duration { return c.quantile(float64(n) / float64(n+1)) }

// busiest returns the largest share of the fleet that comes back within any window of
// time.
func (c comeback) busiest(window time.Duration) float64 {
	n := max(1, int(window/c.step))
	sum, most := 0.0, 0.0
	for i, p := range c.share {
		sum += p
		if i >= n {
			sum -= c.share[i-n]
		}
		most = max(most, sum)
	}
	return min(most*float64(window)/float64(time.Duration(n)*c.step), 1)
}

// apart returns the largest difference between the distribution and that of the values,
// which is what the test of Kolmogorov and Smirnov looks at.
func (c comeback) apart(values []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(values))
	most, sum, seen := 0.0, 0.0, 0
	for i, p := range c.share {
		most = max(most, math.Abs(sum-float64(seen)/float64(len(sorted))))
		sum += p
		for seen < len(sorted) && sorted[seen] <= time.Duration(i+1)*c.step {
			seen++
		}
	}
	return max(most, math.Abs(sum-float64(seen)/float64(len(sorted))))
}
