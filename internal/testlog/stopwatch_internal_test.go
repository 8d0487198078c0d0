package testlog

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStopwatchLeavesOutStandstills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := StartStopwatch(t)
		<-time.After(time.Hour)
		if got := s.Elapsed(); got != time.Hour {
			t.Errorf("after an hour %v", got)
		}
		s.mu.Lock()
		s.last = s.last.Add(-time.Minute) // nobody has looked for so long
		s.mu.Unlock()
		if got := s.Elapsed(); got != time.Hour+standstill {
			t.Errorf("after a standstill %v, want %v", got, time.Hour+standstill)
		}
	})
}
