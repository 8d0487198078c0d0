package kafka

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		least, most time.Duration
		fails       int
		want        time.Duration
	}{
		{"none", time.Second, time.Minute, 0, time.Second},
		{"the first", time.Second, time.Minute, 1, time.Second},
		{"the third", time.Second, time.Minute, 3, 4 * time.Second},
		{"the last that doubles", time.Second, time.Minute, 6, 32 * time.Second},
		{"the longest", time.Second, time.Minute, 7, time.Minute},
		{"after a year", time.Second, time.Minute, 1 << 20, time.Minute},
		{"one for all", time.Minute, time.Minute, 9, time.Minute},
	} {
		seen := make(map[time.Duration]bool)
		for range 100 {
			d := backoff(tt.least, tt.most)(tt.fails)
			if seen[d] = true; d < tt.want/2 || d > tt.want {
				t.Errorf("%s: %v, want %v to %v", tt.name, d, tt.want/2, tt.want)
			}
		}
		if len(seen) < 50 {
			t.Errorf("%s: only %d different ones of 100", tt.name, len(seen))
		}
	}
}
