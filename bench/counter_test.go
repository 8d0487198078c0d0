package bench_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/bench"
)

func TestCounter(t *testing.T) {
	tests := []struct {
		name  string
		after []time.Duration // when the lines are written
		want  int
		err   string
	}{
		{"written already", []time.Duration{0, 0}, 2, ""},
		{"none to wait for", nil, 0, ""},
		{"late, but each within the time", []time.Duration{9 * time.Second, 18 * time.Second}, 2, ""},
		{"lost", []time.Duration{0, time.Second}, 3, "only 2 lines for 3 records"},
		{"too late", []time.Duration{0, 11 * time.Second}, 2, "only 1 lines for 2 records"},
		{"too many", []time.Duration{0, 0, 0}, 2, "3 lines for 2 records"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c bench.Counter
				for _, after := range tt.after {
					time.AfterFunc(after, func() { _, _ = c.Write([]byte("line\n")) })
				}
				synctest.Wait()
				err := c.Wait(tt.want)
				if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
			})
		})
	}
}
