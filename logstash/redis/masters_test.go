package redis

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// The first sentinel that is heard does not decide alone, unless the others take long.
func TestMasters(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]time.Duration{"quick": sentinelPause / 2, "slow": 2 * sentinelPause} {
		synctest.Test(t, func(t *testing.T) {
			s := &sentinels{told: make([]told, 3), news: make(chan struct{}), change: make(chan struct{})}
			s.hear(0, "odd", nil)
			time.AfterFunc(others, func() {
				s.hear(1, "right", nil)
				s.hear(2, "right", nil)
			})
			want := "right"
			if others > sentinelPause {
				want = "odd"
			}
			got, err := s.masters(t.Context())
			if err != nil || !slices.Equal(got, []string{want}) {
				t.Errorf("%s: masters %q, %v; want %q", name, got, err, want)
			}
		})
	}
}
