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
	for _, stream := range []bool{false, true} {
		s := newServer(t)
		for _, length := range []int{9, 21, 50, 80, 330, 500, 2100, 4200, 8400} {
			key := fmt.Sprint("logs", length)
			ship := dial(t, addrOf(s.addr, key), &redis.Options{Stream: stream}, logstash.DialOptions{})
			before, size, most := s.memory(), 0, 0.0
			for i := range min(5_000_000/length, 100_000) {
				event := fmt.Appendf(nil, `{"m":%q}`, strings.Repeat("x", max(length-8, 0)))
				most = 2.6
				if length >= 50 {
					event = lstest.AppendEvent(nil, 0, i, strings.Repeat("x", length-50))
					most = 1.4
				}
				size += len(event)
				if _, err := ship.Write(event); err != nil {
					t.Fatal(err)
				}
			}
			ship.flush()
			factor := float64(s.memory()-before) / float64(size)
			t.Logf("stream %t, %d bytes: %.2f times", stream, length, factor)
			if factor > most || factor < 0.9 {
				t.Errorf("stream %t, %d bytes: %.2f times the bytes of the events, want 0.9 to %.1f", stream, length, factor, most)
			}
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
