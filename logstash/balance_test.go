package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// cluster is several Beats receivers in memory, the i-th of which is the host r<i>, and
// the address 10.0.0.<i>.
type cluster struct {
	*lstest.Ledger

	all []*lstest.Beats

	mu     sync.Mutex
	dialed [][]time.Time // when each was dialled
	mute   int           // the one that takes connections and does not read; -1 for none
	lost   int           // the one to which no packet gets through
}

func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c := &cluster{Ledger: new(lstest.Ledger), dialed: make([][]time.Time, n), mute: -1, lost: -1}
	for range n {
		c.all = append(c.all, lstest.NewBeats(&lstest.BeatsOptions{OnEvent: c.Receiver(), Forget: true}))
	}
	t.Cleanup(func() {
		for _, b := range c.all {
			b.Kill()
		}
	})
	return c
}

func (c *cluster) addr() string {
	var hosts []string
	for i := range c.all {
		hosts = append(hosts, fmt.Sprintf("r%d", i))
	}
	return "beats://" + strings.Join(hosts, ",")
}

func (c *cluster) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	i := int(host[len(host)-1] - '0')
	c.mu.Lock()
	c.dialed[i] = append(c.dialed[i], time.Now())
	mute, lost := c.mute == i, c.lost == i
	c.mu.Unlock()
	switch {
	case mute:
		ours, _ := net.Pipe()
		return ours, nil
	case lost:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return c.all[i].Dial(ctx, network, addr)
}

// dials returns how often a receiver was dialled.
func (c *cluster) dials(i int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.dialed[i])
}

// ackAfter lets a receiver take a window in each d, on each connection.
func (c *cluster) ackAfter(i int, d time.Duration) {
	c.all[i].SetAnswer(func(n int) lstest.Answer {
		return lstest.Answer{Acks: []uint32{uint32(n)}, Delay: d}
	})
}

func (c *cluster) shipper(t testing.TB, o logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	o.Strategy, o.DialContext = logstash.LoadBalance, c.dial
	s, err := logstash.Dial(c.addr(), &o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkAll checks that n events arrived, with so many twice at most, and closes s.
func (c *cluster) checkAll(t testing.TB, s *logstash.Shipper, n, twice int) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	st := checkAccounts(t, s)
	if st.Written != uint64(n) || st.Dropped+st.Queued != 0 {
		t.Errorf("written %d, dropped %d, queued %d; want %d, 0, 0", st.Written, st.Dropped, st.Queued, n)
	}
	if missing := c.Missing(0, n); len(missing) > 0 || c.Strange() > 0 {
		t.Errorf("%d events are missing, %d are strange", len(missing), c.Strange())
	}
	if d := c.Duplicates(); d > twice || uint64(d) > st.Resent {
		t.Errorf("%d events arrived twice, %d were sent again; want %d at most", d, st.Resent, twice)
	}
}

// took returns how long it takes to deliver n events to a cluster with the same
// capacity of each connection.
func took(t *testing.T, receivers, connections, n int) (d time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, receivers)
		for i := range receivers {
			c.ackAfter(i, 10*time.Millisecond)
		}
		s := c.shipper(t, logstash.DialOptions{BatchSize: 50, Connections: connections})
		start := time.Now()
		writeEvents(t, s, 0, n)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		d = time.Since(start)
		c.checkAll(t, s, n, 0)
	})
	return d
}

// Four receivers take nearly four times what one of them does.
func TestLoadBalanceAddsUp(t *testing.T) {
	const n = 20_000
	one, four := took(t, 1, 1, n), took(t, 4, 4, n)
	if ratio := one.Seconds() / four.Seconds(); ratio < 3.9 {
		t.Errorf("four receivers took %v for what one took %v: %.2f times as much, want 3.9", four, one, ratio)
	}
	if want := n / 50 * 10 * time.Millisecond; one > want+want/10 {
		t.Errorf("one receiver took %v, want %v", one, want)
	}
}

// Each receiver gets what it can take, and together they take as much as the sum.
func TestLoadBalanceUnevenSpeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		const n = 60_000
		rate := 0
		for i := range c.all {
			d := 80 * time.Millisecond >> i
			c.ackAfter(i, d)
			rate += 50 * int(time.Second/d)
		}
		s := c.shipper(t, logstash.DialOptions{BatchSize: 50})
		start := time.Now()
		writeEvents(t, s, 0, n)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		want := time.Duration(n) * time.Second / time.Duration(rate)
		if d := time.Since(start); d > want+4*80*time.Millisecond {
			t.Errorf("took %v, want %v and the last windows of the slowest", d, want)
		}
		for i, b := range c.all {
			if got, want := b.Acked(), n*(1<<i)/15; got < want*9/10 || got > want*11/10 {
				t.Errorf("receiver %d, %d times as fast as the slowest, took %d events, want about %d", i, 1<<i, got, want)
			}
		}
		c.checkAll(t, s, n, 0)
	})
}

// There are more connections than receivers, or fewer.
func TestLoadBalanceConnections(t *testing.T) {
	for connections, want := range map[int][]int{0: {1, 1, 1, 1}, 1: {0, 0, 0, 1}, 3: {0, 1, 1, 1}, 6: {1, 1, 2, 2}, 8: {2, 2, 2, 2}} {
		t.Run(strconv.Itoa(connections), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4)
				for i := range c.all {
					c.ackAfter(i, 10*time.Millisecond)
				}
				s := c.shipper(t, logstash.DialOptions{BatchSize: 10, Connections: connections})
				const n = 20_000
				writeEvents(t, s, 0, n)
				time.Sleep(500 * time.Millisecond)
				var got []int
				for _, e := range s.Health().Endpoints {
					got = append(got, e.Connections)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("connections mismatch (-want +got):\n%s", diff)
				}
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				c.checkAll(t, s, n, 0)
			})
		})
	}
}

// What is wrong with one of four receivers holds up no more than the windows that it
// has, and nothing is lost.
func TestLoadBalanceWithOneInTrouble(t *testing.T) {
	const (
		n        = 8000
		batch    = 20
		pipeline = 3
		silence  = 20 * time.Second
	)
	troubles := []struct {
		name   string
		begin  func(c *cluster) // before the first event
		middle func(c *cluster) // after half of them
		end    func(c *cluster) // when the others have taken all that they can
		holds  bool             // it has windows until Timeout
	}{
		{name: "dead", begin: func(c *cluster) { c.all[1].Kill() }},
		{name: "dies", middle: func(c *cluster) { c.all[1].Kill() }},
		{name: "dies and comes back", middle: func(c *cluster) { c.all[1].Kill() }, end: func(c *cluster) { _ = c.all[1].Restart() }},
		{name: "restarts", middle: func(c *cluster) { c.all[1].Kill(); _ = c.all[1].Restart() }},
		{name: "silent", begin: func(c *cluster) { c.all[1].Stall(0) }, holds: true},
		{name: "becomes silent", middle: func(c *cluster) { c.all[1].Stall(0) }, holds: true},
		{name: "is silent for a while", middle: func(c *cluster) {
			resume := c.all[1].Stall(0)
			time.AfterFunc(5*time.Second, resume)
		}, holds: true},
		{name: "takes connections only", begin: func(c *cluster) { c.mute = 1 }, holds: true},
		{name: "is out of reach", begin: func(c *cluster) { c.lost = 1 }},
		{name: "hangs up", begin: func(c *cluster) { c.all[1].TurnAway(1<<30, lstest.RST) }},
		{name: "refuses windows", begin: func(c *cluster) {
			c.all[1].SetAnswer(func(int) lstest.Answer { return lstest.Answer{Refuse: true, Reset: true} })
		}},
	}
	for _, tt := range troubles {
		for _, connections := range []int{2, 4, 8} {
			t.Run(fmt.Sprintf("%s, %d connections", tt.name, connections), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t, 4)
					for i := range c.all {
						c.ackAfter(i, 10*time.Millisecond)
					}
					step := func(f func(*cluster)) {
						if f != nil {
							f(c)
						}
					}
					step(tt.begin)
					s := c.shipper(t, logstash.DialOptions{
						BatchSize: batch, Pipeline: pipeline, Connections: connections, Timeout: silence,
					})
					writeEvents(t, s, 0, n/2)
					time.Sleep(200 * time.Millisecond)
					step(tt.middle)
					writeEvents(t, s, n/2, n)
					time.Sleep(4 * time.Second) // two connections take four thousand in a second
					held := 0
					if tt.holds {
						held = c.dials(1) * pipeline * batch
					}
					if st := checkAccounts(t, s); st.Queued > uint64(held) {
						t.Errorf("%d events wait, want %d at most", st.Queued, held)
					}
					step(tt.end)
					time.Sleep(time.Minute)
					if st := checkAccounts(t, s); st.Queued > 0 {
						t.Errorf("%d events wait in the end", st.Queued)
					}
					c.checkAll(t, s, n, c.dials(1)*pipeline*batch)
				})
			})
		}
	}
}

// At the end one that is silent keeps what it has, and no more than that. With a spool it is there for
// the next Shipper.
func TestShutdownWithOneSilent(t *testing.T) {
	const n, batch, pipeline = 1000, 10, 4
	for _, spooled := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 2)
			o := logstash.DialOptions{BatchSize: batch, Pipeline: pipeline}
			if spooled {
				o.SpoolMode, o.SpoolDir = logstash.SpoolOverflow, dir
			}
			resume := c.all[0].Stall(0)
			c.ackAfter(1, time.Millisecond) // so that it does not take all before the other one is connected
			s := c.shipper(t, o)
			writeEvents(t, s, 0, n)
			if err := s.Close(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close: %v", err)
			}
			st := checkAccounts(t, s)
			left := st.DroppedShutdown
			if spooled {
				left = st.Spooled
			}
			if left == 0 || left > batch*pipeline || st.Written != n-left {
				t.Errorf("%d left, %d written", left, st.Written)
			}
			if !spooled {
				return
			}
			resume()
			s = c.shipper(t, o)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if missing := c.Missing(0, n); len(missing) > 0 {
				t.Errorf("%d are missing", len(missing))
			}
		})
	}
}

// A receiver that no packet reaches holds nothing: neither what a short program writes
// before it closes the Shipper, nor what a long one writes one by one.
func TestLoadBalanceWithOneOutOfReach(t *testing.T) {
	for connections, most := range map[int]time.Duration{1: 4 * time.Second, 4: time.Second} {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4)
				c.lost = 0
				s := c.shipper(t, logstash.DialOptions{Connections: connections})
				writeEvents(t, s, 0, 100)
				start := time.Now()
				c.checkAll(t, s, 100, 0)
				if d := time.Since(start); d > most {
					t.Errorf("Close took %v with %d connections", d, connections)
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		c.lost = 0
		s := c.shipper(t, logstash.DialOptions{})
		const n = 3000
		for i := range n {
			writeEvents(t, s, i, i+1)
			time.Sleep(200 * time.Millisecond)
			if age := s.Health().OldestAge; age > time.Second {
				t.Fatalf("event %d or one before it waits for %v", i, age)
			}
		}
		if dials := c.dials(0); dials < 5 || dials > 20 {
			t.Errorf("the receiver out of reach was dialled %d times in ten minutes", dials)
		}
		c.checkAll(t, s, n, 0)
	})
}

// No connection that works is given up to try a receiver that does not, which over tcp
// would bring events twice. When it is back it has its connection again.
func TestLoadBalanceMovesToWhatWorks(t *testing.T) {
	for _, scheme := range []string{"tcp", "http", "beats"} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					down  atomic.Bool
					tries atomic.Int32
					dials = make(map[string]func(ctx context.Context, network, addr string) (net.Conn, error))
				)
				for _, host := range []string{"r0:1", "r1:1", "r2:1", "r3:1"} {
					switch scheme {
					case "tcp":
						srv := lstest.NewTCP(nil)
						t.Cleanup(srv.Kill)
						dials[host] = srv.Dial
					case "http":
						srv := lstest.NewHTTP(nil)
						t.Cleanup(srv.Kill)
						dials[host] = srv.Dial
					default:
						srv := lstest.NewBeats(nil)
						t.Cleanup(srv.Kill)
						dials[host] = srv.Dial
					}
				}
				down.Store(true)
				s, err := logstash.Dial(scheme+"://r0:1,r1:1,r2:1,r3:1", &logstash.DialOptions{
					Strategy: logstash.LoadBalance,
					DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
						if addr == "r0:1" && down.Load() {
							tries.Add(1)
							return nil, testlog.ErrInjected
						}
						return dials[addr](ctx, network, addr)
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				send := func() {
					for range 3000 {
						writeEvents(t, s, n, n+1)
						n++
						time.Sleep(200 * time.Millisecond)
					}
				}
				send()
				if got := s.Stats().Reconnects; got != 0 || tries.Load() < 5 {
					t.Errorf("%d connections were made in place of others, %d attempts with the dead one; want 0, and some", got, tries.Load())
				}
				down.Store(false)
				send()
				for _, e := range s.Health().Endpoints {
					if e.Connections != 1 {
						t.Errorf("in the end: %s has %d connections, want 1", e.Addr, e.Connections)
					}
				}
				if got := s.Stats().Reconnects; got != 1 {
					t.Errorf("%d connections were made in place of others, want 1", got)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// names returns a lookup of any name that answers with some addresses.
func names(ips ...string) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(context.Context, string, string) (out []netip.Addr, err error) {
		for _, ip := range ips {
			out = append(out, netip.MustParseAddr(ip))
		}
		return out, nil
	}
}

// A name has addresses of IPv6 that no packet reaches: those of IPv4 have their turn
// after the first, also when they were away for a moment.
func TestLoadBalanceWithoutIPv6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4)
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "[") {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return c.dial(ctx, network, addr)
		}
		s, err := logstash.DialNames("beats://logs", &logstash.DialOptions{Strategy: logstash.LoadBalance, Connections: 2, FlushInterval: -1},
			names("fd00::1", "fd00::2", "fd00::3", "10.0.0.1", "10.0.0.2", "10.0.0.3"), dial)
		if err != nil {
			t.Fatal(err)
		}
		send := func(i int, when string) {
			t.Helper()
			start := time.Now()
			writeEvents(t, s, i, i+1)
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("%s an event took %v", when, d)
			}
		}
		send(0, "in the beginning")
		time.Sleep(time.Minute)
		send(1, "later")
		for _, b := range c.all {
			b.Kill()
		}
		time.AfterFunc(time.Second, func() {
			for _, b := range c.all {
				_ = b.Restart()
			}
		})
		send(2, "after a restart")
		c.checkAll(t, s, 3, 0)
	})
}

// That no address of many can be reached is told within Timeout, and not of each.
func TestManyAddressesOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ips []string
		for i := range 50 {
			ips = append(ips, fmt.Sprintf("10.0.0.%d", i))
		}
		told := make(chan error, 10)
		s, err := logstash.DialNames("beats://logs", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, OnError: func(err error) { told <- err }, FlushInterval: -1,
		}, names(ips...), func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		writeEvents(t, s, 0, 1)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s.Health().State != logstash.Down || len(told) != 1 {
			t.Errorf("state %v, OnError was called %d times; want down, once", s.Health().State, len(told))
		} else if err := <-told; len(err.Error()) > 500 || !strings.Contains(err.Error(), "and 7 more addresses failed") {
			t.Errorf("OnError: %v; want a short error with the number of other addresses", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// An address that is given as itself and by a name, or by two names, counts once.
func TestLoadBalanceOverTheSameAddressTwice(t *testing.T) {
	for _, addr := range []string{"beats://10.0.0.1,logs", "beats://[::ffff:10.0.0.2],logs", "beats://a,b"} {
		t.Run(addr, func(t *testing.T) {
			for range 10 {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t, 3)
					s, err := logstash.DialNames(addr, &logstash.DialOptions{
						Strategy: logstash.LoadBalance, Connections: 2, BatchSize: 10,
					}, names("10.0.0.1", "10.0.0.2"), c.dial)
					if err != nil {
						t.Fatal(err)
					}
					for i := range c.all {
						c.ackAfter(i, 10*time.Millisecond)
					}
					writeEvents(t, s, 0, 1000)
					if err := s.Flush(t.Context()); err != nil {
						t.Error(err)
					}
					if one, two := c.all[1].Acked(), c.all[2].Acked(); min(one, two) < 400 {
						t.Errorf("%d and %d events, want about as many", one, two)
					}
					c.checkAll(t, s, 1000, 0)
				})
			}
		})
	}
}

// Name servers that tell of some of many addresses at a time end no connection.
func TestLoadBalanceWithSomeAddressesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 10)
		var turn atomic.Int32
		lookup := func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			var ips []string
			for i := range 4 {
				ips = append(ips, fmt.Sprintf("10.0.0.%d", (int(turn.Load())+i)%10))
			}
			turn.Add(3)
			return names(ips...)(ctx, "", "")
		}
		s, err := logstash.DialNames("beats://logs", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, Connections: 4, FlushInterval: -1,
		}, lookup, c.dial)
		if err != nil {
			t.Fatal(err)
		}
		const n = 36_000
		for i := range n {
			writeEvents(t, s, i, i+1)
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.Stats().Reconnects; got != 0 || turn.Load() < 300 {
			t.Errorf("%d connections were made in place of others in an hour, after %d answers; want none, after 120", got, turn.Load()/3)
		}
		c.checkAll(t, s, n, 0)
	})
}

// A receiver that the name server adds gets its share, and one that it takes away gets
// nothing more; no event is sent twice for that.
func TestLoadBalanceFollowsDNS(t *testing.T) {
	for _, connections := range []int{2, 8} {
		t.Run(strconv.Itoa(connections), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 4)
				for i := range c.all {
					c.ackAfter(i, 10*time.Millisecond)
				}
				var (
					mu  sync.Mutex
					ips = []string{"10.0.0.1", "10.0.0.2"}
				)
				lookup := func(context.Context, string, string) (out []netip.Addr, err error) {
					mu.Lock()
					defer mu.Unlock()
					for _, ip := range ips {
						out = append(out, netip.MustParseAddr(ip))
					}
					return out, nil
				}
				s, err := logstash.DialNames("beats://logs", &logstash.DialOptions{
					Strategy: logstash.LoadBalance, Connections: connections, BatchSize: 10, FlushInterval: -1,
				}, lookup, c.dial)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				send := func(d time.Duration, each int) {
					for end := time.Now().Add(d); time.Now().Before(end); n += each {
						writeEvents(t, s, n, n+each)
						time.Sleep(10 * time.Millisecond)
					}
				}
				send(10*time.Second, 10)
				mu.Lock()
				ips = []string{"10.0.0.2", "10.0.0.3"}
				mu.Unlock()
				send(6*time.Minute, 10)
				before := [4]int{c.all[0].Acked(), c.all[1].Acked(), c.all[2].Acked(), c.all[3].Acked()}
				send(2*time.Second, 10*connections) // as much as all of them take
				want := map[string]int{"logs:5044 (10.0.0.2)": connections / 2, "logs:5044 (10.0.0.3)": connections / 2}
				got := make(map[string]int)
				for _, e := range s.Health().Endpoints {
					got[e.Addr] = e.Connections
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("connections mismatch (-want +got):\n%s", diff)
				}
				if c.all[1].Acked() != before[1] || before[0] != 0 {
					t.Error("events went to an address that the name has not any more, or never had")
				}
				two, three := c.all[2].Acked()-before[2], c.all[3].Acked()-before[3]
				if min(two, three) < (two+three)/3 {
					t.Errorf("%d and %d events, want about as many", two, three)
				}
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				if st := s.Stats(); st.Resent != 0 {
					t.Errorf("%d events were sent again", st.Resent)
				}
				c.checkAll(t, s, n, 0)
			})
		})
	}
}

// Each address of a name has its connection over http:// and tcp:// as well, and the
// request names the host.
func TestLoadBalanceOverANameByScheme(t *testing.T) {
	for _, scheme := range []string{"http", "tcp"} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					ledger lstest.Ledger
					hosts  sync.Map
					dials  = make(map[string]func(ctx context.Context, network, addr string) (net.Conn, error))
				)
				lookup := func(context.Context, string, string) (ips []netip.Addr, err error) {
					for _, ip := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
						ips = append(ips, netip.MustParseAddr(ip))
					}
					return ips, nil
				}
				for _, addr := range []string{"10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"} {
					if scheme == "tcp" {
						srv := lstest.NewTCP(&lstest.TCPOptions{OnLine: ledger.Receiver()})
						t.Cleanup(srv.Kill)
						dials[addr] = srv.Dial
						continue
					}
					srv := lstest.NewHTTP(&lstest.HTTPOptions{OnEvent: ledger.Receiver()})
					t.Cleanup(srv.Kill)
					srv.SetAnswer(func(r *http.Request) lstest.HTTPAnswer {
						hosts.Store(r.Host, true)
						return lstest.HTTPAnswer{Delay: 10 * time.Millisecond}
					})
					dials[addr] = srv.Dial
				}
				s, err := logstash.DialNames(scheme+"://logs:8080", &logstash.DialOptions{
					Strategy: logstash.LoadBalance, Connections: 3, BatchSize: 10,
				}, lookup, func(ctx context.Context, network, addr string) (net.Conn, error) {
					if dials[addr] == nil {
						return nil, fmt.Errorf("dialled %s", addr)
					}
					return dials[addr](ctx, network, addr)
				})
				if err != nil {
					t.Fatal(err)
				}
				const n = 2000
				writeEvents(t, s, 0, n)
				time.Sleep(20 * time.Millisecond)
				want := []logstash.EndpointHealth{
					{Addr: "logs:8080 (10.0.0.1)", Connections: 1},
					{Addr: "logs:8080 (10.0.0.2)", Connections: 1},
					{Addr: "logs:8080 (10.0.0.3)", Connections: 1},
				}
				if diff := cmp.Diff(want, s.Health().Endpoints); diff != "" {
					t.Errorf("endpoints mismatch (-want +got):\n%s", diff)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				synctest.Wait() // until tcp:// has read what it has
				if st := checkAccounts(t, s); st.Written != n || len(ledger.Missing(0, n)) > 0 || ledger.Duplicates() > 0 {
					t.Errorf("written %d, missing %v, %d twice", st.Written, ledger.Missing(0, n), ledger.Duplicates())
				}
				hosts.Range(func(host, _ any) bool {
					if host != "logs:8080" {
						t.Errorf("a request to host %s, want logs:8080", host)
					}
					return true
				})
			})
		})
	}
}

// A lookup that hangs ends with the Shipper.
func TestLookupEndsWithTheShipper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		var asked, ended atomic.Int32
		lookup := func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			asked.Add(1)
			defer ended.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		s, err := logstash.DialNames("beats://r0", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, Timeout: time.Hour,
		}, lookup, c.dial)
		if err != nil {
			t.Fatal(err)
		}
		writeEvents(t, s, 0, 1)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if asked.Load() != 1 || ended.Load() != 0 {
			t.Errorf("%d lookups, %d ended; want one that hangs", asked.Load(), ended.Load())
		}
		c.checkAll(t, s, 1, 0)
		synctest.Wait()
		if ended.Load() != 1 {
			t.Error("the lookup has not ended")
		}
	})
}

// The real resolver: a name that may have an address of IPv6, where nobody listens.
func TestLoadBalanceOverLocalhost(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listenBeats(t, nil)
	_, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s := dialShipper(t, "beats://localhost:"+port, logstash.DialOptions{Strategy: logstash.LoadBalance, Connections: 2})
	writeEvents(t, s, 0, 100)
	if err := s.Flush(within(t)); err != nil {
		t.Error(err)
	}
	// A connection to the name alone has to do while there is no answer to the lookup.
	waitFor(t, "127.0.0.1 with its name among the endpoints", func() bool {
		return strings.Contains(fmt.Sprint(s.Health().Endpoints), "localhost:"+port+" (127.0.0.1)")
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := len(srv.Events()); got != 100 {
		t.Errorf("%d events arrived, want 100", got)
	}
}
