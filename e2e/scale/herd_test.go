package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// Every sender comes back, none later than the longest delay. After a long outage the
// busiest are the first moments: a delay lasts 3/4 of the longest on average, and so many
// end in each second.
func TestAllComeBackWithinTheLongestDelay(t *testing.T) {
	t.Parallel()
	for _, b := range []backoff{{time.Second, time.Minute}, {time.Second, 20 * time.Second}, {50 * time.Millisecond, 3 * time.Second}, {time.Second, time.Second}} {
		for _, away := range []time.Duration{0, b.least, 10 * b.least, b.most, 5 * b.most, 1000 * b.most} {
			for _, addresses := range []int{1, 2, 4, 500} {
				c := b.comeback(away, addresses)
				sum := 0.0
				for _, p := range c.share {
					if sum += p; p < 0 {
						t.Fatalf("%v away for %v, %d addresses: a share of %v", b, away, addresses, p)
					}
				}
				if math.Abs(sum-1) > 1e-6 {
					t.Errorf("%v away for %v, %d addresses: %v of the fleet comes back", b, away, addresses, sum)
				}
				if got := c.last(1_000_000); got > b.most+2*c.step {
					t.Errorf("%v away for %v, %d addresses: the last one after %v", b, away, addresses, got)
				}
			}
		}
		c := b.comeback(1000*b.most, 1)
		window := b.most / 20
		if got, want := c.busiest(window), float64(window)/(0.75*float64(b.most)); math.Abs(got/want-1) > 0.02 {
			t.Errorf("%v: %v of the fleet in %v, want %v", b, got, window, want)
		}
	}
}

// The reckoning and shippers of the library agree on when the fleet comes back. The delays
// are the defaults, which the plan repeats.
func TestShippersComeBackAsReckoned(t *testing.T) {
	const senders = 300
	for _, tt := range []struct {
		away      time.Duration
		addresses int
	}{{3 * time.Second, 1}, {40 * time.Second, 1}, {30 * time.Minute, 1}, {10 * time.Minute, 4}} {
		t.Run(fmt.Sprintf("%v, %d addresses", tt.away, tt.addresses), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := defaults().backoff.comeback(tt.away, tt.addresses)
				back := watch(t, senders, tt.away, tt.addresses)
				if got, most := c.apart(back), 2.2/math.Sqrt(senders); got > most {
					t.Errorf("the distributions are %.3f apart, want at most %.3f", got, most)
				}
			})
		})
	}
}

// What is staggered not at all is a herd of all, each address of which has its share.
func TestStaggered(t *testing.T) {
	t.Parallel()
	b := defaults().backoff
	c := b.comeback(time.Hour, 1)
	at := func(apart time.Duration) []time.Duration { return []time.Duration{0, apart, 2 * apart, 3 * apart} }
	all, first := c.staggered(at(0))
	if want := b.comeback(time.Hour, 4); math.Abs(first-0.25) > 1e-3 || all.apart(samples(want)) > 0.01 {
		t.Errorf("all four at once: the first one gets %v, want 0.25; the distributions are %v apart, want none", first, all.apart(samples(want)))
	}
	before := first
	for _, apart := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second, 59 * time.Second} {
		if _, first = c.staggered(at(apart)); first <= before {
			t.Errorf("%v apart: the first one gets %v, want more than %v", apart, first, before)
		}
		before = first
	}
	all, first = c.staggered(at(2 * time.Minute))
	if math.Abs(first-1) > 1e-3 || all.apart(samples(c)) > 0.01 {
		t.Errorf("2 minutes apart: the first one gets %v, want everybody", first)
	}
}

// samples returns times that have the distribution.
func samples(c comeback) []time.Duration {
	const n = 1000
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = c.quantile((float64(i) + 0.5) / n)
	}
	return times
}

// Shippers of the library come to the first of four receivers that is back, and then to the others,
// as is reckoned.
func TestShippersComeToTheFirstAsReckoned(t *testing.T) {
	const senders, receivers, apart = 300, 4, 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		all := make([]*lstest.Beats, receivers)
		for i := range all {
			all[i] = lstest.NewBeats(&lstest.BeatsOptions{Forget: true})
			t.Cleanup(all[i].Kill)
		}
		var (
			mu    sync.Mutex
			since time.Time // when the first one was back
			back  []time.Duration
			first int
		)
		f := newFleet(t, senders, "beats://0,1,2,3", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, Connections: 1, FlushInterval: -1,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := all[addr[0]-'0'].Dial(ctx, network, addr)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && !since.IsZero() {
					back = append(back, time.Since(since))
					if addr[0] == '0' {
						first++
					}
				}
				return conn, err
			},
		})
		f.ship()
		for _, srv := range all {
			srv.Kill()
		}
		f.write()
		time.Sleep(10 * time.Minute)
		starts := make([]time.Duration, receivers)
		for i, srv := range all {
			if err := srv.Restart(); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			if i == 0 {
				since = time.Now()
			}
			starts[i] = time.Since(since)
			mu.Unlock()
			time.Sleep(apart)
		}
		f.close()
		c, share := defaults().backoff.comeback(10*time.Minute, 1).staggered(starts)
		if got, most := c.apart(back), 2.2/math.Sqrt(senders); len(back) != senders || got > most {
			t.Errorf("%d connections, whose distributions are %.3f apart, want %d, and at most %.3f", len(back), got, senders, most)
		}
		if got, most := float64(first)/senders, 4*math.Sqrt(share*(1-share)/senders); math.Abs(got-share) > most {
			t.Errorf("the first one got a share of %.3f, want %.3f, give or take %.3f", got, share, most)
		}
	})
}

// Shippers of the library move in a rolling restart as is reckoned.
func TestShippersMoveAsReckoned(t *testing.T) {
	const senders, receivers = 400, 4
	synctest.Test(t, func(t *testing.T) {
		all := make(map[string]*lstest.Beats)
		for i := range receivers {
			srv := lstest.NewBeats(&lstest.BeatsOptions{Forget: true})
			t.Cleanup(srv.Kill)
			all[fmt.Sprintf("l%d:5044", i)] = srv
		}
		var mu sync.Mutex
		to := make(map[string]int) // connections made to each
		f := newFleet(t, senders, "beats://l0,l1,l2,l3", &logstash.DialOptions{
			Strategy: logstash.LoadBalance, Connections: 1,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := all[addr].Dial(ctx, network, addr)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					to[addr]++
				}
				return conn, err
			},
		})
		f.ship()
		breaks, last := 0, 0
		for i := range receivers {
			addr := fmt.Sprintf("l%d:5044", i)
			mu.Lock()
			last = to[addr]
			mu.Unlock()
			breaks += last
			all[addr].Kill()
			f.ship()
			time.Sleep(time.Minute)
			if err := all[addr].Restart(); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			to[addr] = 0
			mu.Unlock()
			time.Sleep(time.Minute)
		}
		f.close()
		wantBreaks, wantLast := rolled(receivers)
		if got := float64(breaks) / senders; math.Abs(got/wantBreaks-1) > 0.1 {
			t.Errorf("%.3f times the connections broke, want %.3f", got, wantBreaks)
		}
		if got := float64(last) / senders * receivers; math.Abs(got/wantLast-1) > 0.15 {
			t.Errorf("the last one had %.3f times its share, want %.3f", got, wantLast)
		}
	})
}

// watch has shippers lose their connections all at once, and returns when each has a new
// one, since the receiver is back.
func watch(t *testing.T, senders int, away time.Duration, addresses int) []time.Duration {
	t.Helper()
	srv := lstest.NewBeats(&lstest.BeatsOptions{Forget: true})
	defer srv.Kill()
	var (
		mu    sync.Mutex
		since time.Time // when the receiver was back
		back  []time.Duration
	)
	opts := &logstash.DialOptions{
		FlushInterval: -1, // the first attempt is made with the first event
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := srv.Dial(ctx, network, addr)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !since.IsZero() {
				back = append(back, time.Since(since))
			}
			return conn, err
		},
	}
	if addresses > 1 {
		opts.Strategy, opts.Connections = logstash.LoadBalance, 1
	}
	f := newFleet(t, senders, "beats://"+strings.Join(strings.Split("abcd", "")[:addresses], ","), opts)
	f.ship()
	srv.Kill()
	f.write()
	time.Sleep(away)
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	since = time.Now()
	mu.Unlock()
	f.close()
	return back
}

// fleet is several shippers.
type fleet struct {
	t   *testing.T
	all []*logstash.Shipper
}

func newFleet(t *testing.T, senders int, addr string, opts *logstash.DialOptions) *fleet {
	t.Helper()
	f := &fleet{t: t}
	for range senders {
		s, err := logstash.Dial(addr, opts)
		if err != nil {
			t.Fatal(err)
		}
		f.all = append(f.all, s)
	}
	return f
}

// write has each shipper send an event.
func (f *fleet) write() {
	f.t.Helper()
	for _, s := range f.all {
		if _, err := s.Write([]byte(`{"message":"m"}`)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// ship is write, and waits until all is acked.
func (f *fleet) ship() {
	f.t.Helper()
	f.write()
	for _, s := range f.all {
		if err := s.Flush(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fleet) close() {
	f.t.Helper()
	for _, s := range f.all {
		if err := errors.Join(s.Flush(f.t.Context()), s.Close()); err != nil {
			f.t.Fatal(err)
		}
	}
}
