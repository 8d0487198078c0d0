package result

import (
	"math"
	"slices"
)

// RecoveryOf returns the Recovery that senders with these times had. It sorts them.
// Without any, all is zero.
func RecoveryOf(times []Seconds) Recovery {
	if len(times) == 0 {
		return Recovery{}
	}
	slices.Sort(times)
	return Recovery{
		First: times[0], Median: Quantile(times, 0.5), P99: Quantile(times, 0.99), Last: times[len(times)-1], All: times,
	}
}

// Quantile returns the least of the sorted values that at least a share of p of them
// does not exceed, 0 if there are none.
func Quantile(sorted []Seconds, p float64) Seconds {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Jain returns Jain's index of fairness: the square of the sum over n times the sum of
// the squares. It is 1 if all values are the same, also if all are 0 or there are none.
func Jain(values []int) float64 {
	var sum, squares float64
	for _, v := range values {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(values)) * squares)
}

// PerStep returns how many of the times are in each step from 0 on, up to the step
// that end is in.
func PerStep(times []Seconds, step, end Seconds) []int {
	counts := make([]int, int(end/step)+1)
	for _, t := range times {
		if i := int(math.Floor(float64(t / step))); i >= 0 && i < len(counts) {
			counts[i]++
		}
	}
	return counts
}
