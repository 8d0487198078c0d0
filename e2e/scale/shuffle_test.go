package main

import (
	"testing"
	"time"
)

// With one receiver chance changes nothing. With several it costs time, and senders that
// move save some of that only if they have little under way when they want to.
func TestShuffle(t *testing.T) {
	t.Parallel()
	o := outage{120, 50, 9600, 9 * time.Second, backoff{50 * time.Millisecond, 3 * time.Second}, 1}
	middle := func(receivers int, ttl time.Duration, window float64) time.Duration {
		least, most := shuffle{o, receivers, ttl, window}.caught()
		if least > most {
			t.Errorf("%d receivers: from %v to %v", receivers, least, most)
		}
		return (least + most) / 2
	}
	even := o.recovery().caught
	if got := middle(1, 0, 512); !near(got, even, 1.05) {
		t.Errorf("one receiver: caught up after %v, want %v", got, even)
	}
	o.addresses = 4
	even = o.recovery().caught
	stay, move, agile := middle(4, 0, 512), middle(4, 6*time.Second, 512), middle(4, 6*time.Second, 16)
	if even >= agile || agile >= min(move, stay) || !near(move, stay, 1.3) {
		t.Errorf("caught up after %v if spread evenly, %v with little under way; want less than %v with much and %v without ConnectionTTL, which are alike",
			even, agile, move, stay)
	}
	o.capacity = 6000
	if got := middle(4, 0, 512); got >= 0 {
		t.Errorf("caught up after %v with receivers that are too slow", got)
	}
}

func near(a, b time.Duration, factor float64) bool { return within(float64(a), float64(b), factor) }
