package logstash_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// herd is 200 programs that send over one connection each to a cluster, an event in
// every second.
type herd struct {
	*cluster

	all  []*logstash.Shipper
	stop chan struct{}
	wg   sync.WaitGroup
	sent []int
}

func startHerd(t *testing.T, c *cluster, o logstash.DialOptions) *herd {
	t.Helper()
	const programs = 200
	h := &herd{cluster: c, stop: make(chan struct{}), sent: make([]int, programs)}
	o.Connections, o.FlushInterval = 1, -1
	for i := range programs {
		s := c.shipper(t, o)
		h.all = append(h.all, s)
		h.wg.Go(func() {
			<-time.After(time.Duration(i) * time.Second / programs)
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				writeFrom(t, s, i, h.sent[i])
				h.sent[i]++
				select {
				case <-tick.C:
				case <-h.stop:
					return
				}
			}
		})
	}
	return h
}

// spread returns how many connections there are to each receiver.
func (h *herd) spread() []int {
	out := make([]int, len(h.cluster.all))
	for _, s := range h.all {
		for i, e := range s.Health().Endpoints {
			out[i] += e.Connections
		}
	}
	return out
}

// dialledFrom returns when receivers were dialled from a moment on, in order.
func (h *herd) dialledFrom(start time.Time) (out []time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, times := range h.dialed {
		for _, at := range times {
			if !at.Before(start) {
				out = append(out, at.Sub(start))
			}
		}
	}
	slices.Sort(out)
	return out
}

// busiest returns the most of some times within d.
func busiest(times []time.Duration, d time.Duration) (most int) {
	for i, from := range times {
		n := 0
		for _, at := range times[i:] {
			if at < from+d {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// end ends all programs, and checks that nothing is lost.
func (h *herd) end(t *testing.T) {
	t.Helper()
	close(h.stop)
	h.wg.Wait()
	for i, s := range h.all {
		if err := s.Close(); err != nil {
			t.Errorf("program %d: %v", i, err)
		}
		st := checkAccounts(t, s)
		if st.Written != uint64(h.sent[i]) || len(h.Missing(i, h.sent[i])) > 0 {
			t.Errorf("program %d: written %d of %d, missing %v", i, st.Written, h.sent[i], h.Missing(i, h.sent[i]))
		}
	}
}

// A program whose receiver dies goes on with another one at once, and bothers the
// others once: the herd is no larger than what the dead one had.
func TestHerdOfOneReceiver(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4)
				if busy {
					for i := range c.all {
						c.ackAfter(i, 2*time.Second) // so that something is always under way
					}
				}
				h := startHerd(t, c, logstash.DialOptions{})
				time.Sleep(20*time.Second - time.Millisecond)
				before := h.spread()
				killed := time.Now()
				c.all[0].Kill()
				time.Sleep(10 * time.Second)
				after, dials := h.spread(), h.dialledFrom(killed)
				t.Logf("connections %v, then %v; %d dials, the last after %v, %d in the busiest 100 ms, %d in the busiest second",
					before, after, len(dials), dials[len(dials)-1], busiest(dials, 100*time.Millisecond), busiest(dials, time.Second))
				if after[0] != 0 || after[1]+after[2]+after[3] != 200 || slices.Min(after[1:]) < 30 {
					t.Errorf("connections %v, want 200 over the last three", after)
				}
				if c.dials(0)-before[0] > before[0] || len(dials) > 2*before[0] {
					t.Errorf("%d dials of the dead one, %d in all; want one each at most of %d programs", c.dials(0)-before[0], len(dials), before[0])
				}
				if last := dials[min(before[0], len(dials))-1]; last > time.Second {
					t.Errorf("the last of the %d programs went on after %v, want with its next event", before[0], last)
				}
				h.end(t)
			})
		})
	}
}

// When all receivers come back at once after a long time, the connections are spread
// over the backoff.
func TestHerdOfAllReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		h := startHerd(t, c, logstash.DialOptions{})
		time.Sleep(10 * time.Second)
		for _, b := range c.all {
			b.Kill()
		}
		time.Sleep(5 * time.Minute)
		back := time.Now()
		for _, b := range c.all {
			if err := b.Restart(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		dials := h.dialledFrom(back)
		t.Logf("%d dials, the first after %v, the median %v, the last %v; %d in the busiest 100 ms, %d in the busiest second",
			len(dials), dials[0], dials[len(dials)/2], dials[len(dials)-1], busiest(dials, 100*time.Millisecond), busiest(dials, time.Second))
		if got := h.spread(); slices.Min(got) < 15 || len(dials) != 200 {
			t.Errorf("connections %v, %d dials; want 200 over all four, one dial for each", got, len(dials))
		}
		// On average an address is tried every 45 s by each program, which makes 18 dials in a second.
		if most := busiest(dials, time.Second); most > 45 {
			t.Errorf("%d of 200 programs came back in one second", most)
		}
		h.end(t)
	})
}

// A receiver that was restarted gets its share of the programs again after
// ConnectionTTL, a few at a time, and no event is sent twice for that.
func TestHerdGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		const ttl = 2 * time.Minute
		h := startHerd(t, c, logstash.DialOptions{ConnectionTTL: ttl})
		time.Sleep(10 * time.Second)
		c.all[0].Kill()
		time.Sleep(10 * time.Second)
		resent := func() (n uint64) {
			for _, s := range h.all {
				n += s.Stats().Resent
			}
			return n
		}
		before := resent()
		if err := c.all[0].Restart(); err != nil {
			t.Fatal(err)
		}
		restarted := time.Now()
		time.Sleep(ttl*5/4 + 30*time.Second)
		dials := h.dialledFrom(restarted)
		got := h.spread()
		t.Logf("connections %v after %v; %d dials, %d in the busiest second", got, time.Since(restarted), len(dials), busiest(dials, time.Second))
		if got[0] < 20 {
			t.Errorf("connections %v after every program has made a new one, want about 50 to the first", got)
		}
		if after := resent(); after != before {
			t.Errorf("%d events were sent again as connections moved", after-before)
		}
		if most := busiest(dials, time.Second); most > 25 {
			t.Errorf("%d of 200 programs moved in one second", most)
		}
		h.end(t)
	})
}

func writeFrom(t testing.TB, s *logstash.Shipper, sender, id int) {
	t.Helper()
	if _, err := s.Write(lstest.AppendEvent(nil, sender, id, "something happened")); err != nil {
		t.Errorf("event %d of program %d: %v", id, sender, err)
	}
}
