package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes a number that is not negative: with all digits before the point up to
// 20,000, and two that matter otherwise.
func number(v float64) string {
	switch {
	case math.IsInf(v, 0) || math.IsNaN(v):
		return "never"
	case v >= 1e9:
		return number(v/1e9) + " billion"
	case v >= 1e6:
		return number(v/1e6) + " million"
	case v != 0 && v < 10 && v != math.Trunc(v):
		return strconv.FormatFloat(v, 'g', 2, 64)
	case v >= 2e4:
		unit := math.Pow(10, math.Floor(math.Log10(v))-1)
		v = math.Round(v/unit) * unit
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// volume writes a number of bytes with two digits that matter, in units of 1000, or of
// 1024 if it is a whole number of these.
func volume(v float64) string {
	if v >= 1<<20 && math.Mod(v, 1<<20) == 0 {
		if math.Mod(v, 1<<30) == 0 {
			return number(v/(1<<30)) + " GiB"
		}
		return number(v/(1<<20)) + " MiB"
	}
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; v >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	if v < 9.95 && i > 0 {
		digits = strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strings.TrimSuffix(digits, ".0") + " " + units[i]
}

// span writes a duration with two units at most: "90 ms", "45 s", "5 min", "1 h 30 min".
func span(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	switch {
	case d == 0:
		return "0"
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(math.Round(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(math.Round(d.Minutes())))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		if minutes := int(d.Minutes()) % 60; minutes > 0 && d < 10*time.Hour {
			return fmt.Sprintf("%d h %d min", int(d.Hours()), minutes)
		}
		return fmt.Sprintf("%d h", int(math.Round(d.Hours())))
	default:
		return fmt.Sprintf("%d days", int(math.Round(d.Hours()/24)))
	}
}
