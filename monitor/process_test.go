package monitor

import (
	"testing"
	"time"
)

func TestCPUPercentIsOfASecondAtLeast(t *testing.T) {
	start := time.Now()
	u := usage{older: spent{start, time.Second}, last: spent{start, time.Second}}
	for _, look := range []struct {
		after, cpu time.Duration
		want       float64
	}{
		{4 * time.Millisecond, 1004 * time.Millisecond, 0}, // a program that starts
		{2 * time.Second, 1500 * time.Millisecond, 25},
		{2500 * time.Millisecond, 2 * time.Second, 40},
		{4 * time.Second, 3500 * time.Millisecond, 100},
		{4 * time.Second, 3 * time.Second, 75},
		{-time.Hour, 3 * time.Second, 0},
	} {
		if got := u.percent(start.Add(look.after), look.cpu); got != look.want {
			t.Errorf("after %v with %v: %v, want %v", look.after, look.cpu, got, look.want)
		}
	}
}
