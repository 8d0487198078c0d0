package svg

import (
	"math"
	"strconv"
)

// Ticks returns round numbers from 0 to limit, which is more than 0: about five of them.
func Ticks(limit float64) (all []float64) {
	step := math.Pow(10, math.Floor(math.Log10(limit/5)))
	for _, m := range []float64{1, 2, 5, 10} {
		if limit/(m*step) <= 6 {
			step *= m
			break
		}
	}
	for i := 0; float64(i)*step <= limit*1.0001; i++ {
		all = append(all, float64(i)*step)
	}
	return all
}

// Number returns a number without digits that say nothing, from 10,000 on in thousands.
func Number(v float64) string {
	switch {
	case math.Abs(v) >= 10_000:
		return strconv.FormatFloat(v/1000, 'f', -1, 64) + "k"
	default:
		return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	}
}
