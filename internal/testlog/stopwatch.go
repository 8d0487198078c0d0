package testlog

import (
	"sync"
	"testing"
	"time"
)

// A Stopwatch measures how long something takes, without the time for which a busy
// machine lets nothing of this process run. Its methods are safe for concurrent use.
type Stopwatch struct {
	mu      sync.Mutex
	last    time.Time
	elapsed time.Duration
}

// tick is how often a Stopwatch looks, and standstill how long a look may be late.
const (
	tick       = 5 * time.Millisecond
	standstill = 50 * time.Millisecond
)

// StartStopwatch returns a Stopwatch that runs until the end of the test, by a
// goroutine.
func StartStopwatch(tb testing.TB) *Stopwatch {
	tb.Helper()
	s := &Stopwatch{last: time.Now()}
	stop, done := make(chan struct{}), make(chan struct{})
	tb.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.look()
			case <-stop:
				return
			}
		}
	}()
	return s
}

// Elapsed returns the time since the start.
func (s *Stopwatch) Elapsed() time.Duration { return s.look() }

func (s *Stopwatch) look() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.elapsed += min(now.Sub(s.last), standstill)
	s.last = now
	return s.elapsed
}
