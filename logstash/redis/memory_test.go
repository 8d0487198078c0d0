package redis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// What waits in Redis takes little more memory than the events have bytes.
func TestMemoryOfRedis(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		opts   redis.Options
		factor float64
	}{
		{"list", redis.Options{}, 1.2},
		{"stream", redis.Options{Stream: true}, 1.2},
	} {
		s := newServer(t)
		ship := dial(t, addrOf(s.addr, "logs"), &tt.opts, logstash.DialOptions{})
		before, size := s.memory(), 0
		for i := range 50_000 {
			event := lstest.AppendEvent(nil, 0, i, strings.Repeat("x", 280))
			size += len(event)
			if _, err := ship.Write(event); err != nil {
				t.Fatal(err)
			}
		}
		ship.flush()
		if factor := float64(s.memory()-before) / float64(size); factor > tt.factor || factor < 0.9 {
			t.Errorf("%s: %.2f times the bytes of the events, want 0.9 to %v", tt.name, factor, tt.factor)
		} else {
			t.Logf("%s: %.2f times", tt.name, factor)
		}
	}
}

// memory returns how much memory the server uses.
func (s *server) memory() (n int) {
	s.t.Helper()
	_, used, _ := strings.Cut(fmt.Sprint(s.do("info", "memory")), "used_memory:")
	if _, err := fmt.Sscan(used, &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}
