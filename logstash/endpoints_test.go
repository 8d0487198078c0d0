package logstash

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/internal/lumber"
	"github.com/sluicelog/sluice/internal/testlog"
)

// network is a network of hosts that can be down. It keeps what is dialed.
type network struct {
	mu     sync.Mutex
	down   map[string]bool
	dialed []string
}

func (n *network) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed = append(n.dialed, addr)
	if n.down[addr] {
		return nil, testlog.ErrInjected
	}
	ours, _ := net.Pipe()
	return ours, nil
}

func (n *network) set(addr string, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down == nil {
		n.down = make(map[string]bool)
	}
	n.down[addr] = down
}

// took returns what was dialed since the last call.
func (n *network) took() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(n.dialed, " ")
	n.dialed = nil
	return s
}

// endpointsOf returns the endpoints of some hosts, "a b c", on a network.
func endpointsOf(t testing.TB, n *network, hosts string, o DialOptions) *endpoints {
	t.Helper()
	if o.DialContext == nil {
		o.DialContext = n.dial
	}
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	return newEndpoints(strings.Fields(hosts), &o)
}

func mustConnect(t testing.TB, e *endpoints) *link {
	t.Helper()
	l, err := e.connect(t.Context(), "tcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// mustWait returns how long there is nothing to connect to.
func mustWait(t testing.TB, e *endpoints) time.Duration {
	t.Helper()
	_, err := e.connect(t.Context(), "tcp", nil)
	after, ok := retryAfter(err)
	if !ok || !sentNothing(err) || !errors.Is(err, testlog.ErrInjected) {
		t.Fatalf("connect: %v; want a dialError with RetryAfter and the cause", err)
	}
	return after
}

func checkDialed(t testing.TB, n *network, when, want string) {
	t.Helper()
	if diff := cmp.Diff(want, n.took()); diff != "" {
		t.Errorf("%s: dialed mismatch (-want +got):\n%s", when, diff)
	}
}

func TestPreferPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a b c", DialOptions{ConnectionTTL: time.Minute})
		l := mustConnect(t, e)
		checkDialed(t, &n, "at first", "a")

		l.worked()
		time.Sleep(time.Hour)
		if l.expired() {
			t.Error("a connection to the first address has expired")
		}
		n.set("a", true)
		n.set("b", true)
		l.done(io.EOF)
		l = mustConnect(t, e)
		checkDialed(t, &n, "with a and b down", "a b c")

		l.worked()
		time.Sleep(time.Minute - 1)
		if l.expired() {
			t.Error("expired too early")
		}
		time.Sleep(15*time.Second + 1)
		if !l.expired() {
			t.Error("not expired after ConnectionTTL and a quarter, while an address before may be tried")
		}
		l.done(nil)
		l = mustConnect(t, e)
		checkDialed(t, &n, "with a and b still down", "a b c")
		n.set("b", false)
		time.Sleep(time.Minute)
		l.done(nil)
		l = mustConnect(t, e)
		checkDialed(t, &n, "with b up", "a b")

		n.set("a", false)
		time.Sleep(75 * time.Second)
		if !l.expired() {
			t.Error("not expired")
		}
		l.done(nil)
		mustConnect(t, e)
		checkDialed(t, &n, "with all up", "a")
	})
}

// While no address before it may be tried there is no point in closing a
// connection, however old it is.
func TestPreferPrimaryStaysWhileTheFirstIsInBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"a": true}}
		e := endpointsOf(t, &n, "a b", DialOptions{ConnectionTTL: time.Millisecond, MinBackoff: time.Hour})
		l := mustConnect(t, e)
		for range 29 {
			time.Sleep(time.Minute)
			if l.expired() {
				t.Fatal("expired while the first address is in backoff")
			}
		}
		time.Sleep(31 * time.Minute)
		if !l.expired() {
			t.Error("not expired after the backoff of the first address")
		}
	})
}

func TestMinConnectionTime(t *testing.T) {
	tests := []struct {
		name   string
		lasts  time.Duration
		works  bool
		err    error
		want   string // what is dialed next
		option time.Duration
	}{
		{"brief and of no use", time.Second, false, io.EOF, "b", 0},
		{"brief but useful", 10*time.Second - 1, true, io.EOF, "b", 0},
		{"long enough", 10 * time.Second, true, io.EOF, "a", 0},
		{"long but of no use", time.Hour, false, io.EOF, "b", 0}, // a is in backoff
		{"brief, closed in good order", time.Second, true, nil, "a", 0},
		{"long enough by the option", time.Second, true, io.EOF, "a", time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				e := endpointsOf(t, &n, "a b", DialOptions{MinConnectionTime: tt.option})
				l := mustConnect(t, e)
				time.Sleep(tt.lasts)
				if tt.works {
					l.worked()
				}
				l.done(tt.err)
				n.took()
				l = mustConnect(t, e)
				checkDialed(t, &n, "then", tt.want)

				// The turn of the second is one turn, not a change for good.
				time.Sleep(time.Minute)
				l.worked()
				l.done(io.EOF)
				mustConnect(t, e)
				checkDialed(t, &n, "in the end", "a")
			})
		})
	}
}

func TestRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a b c", DialOptions{Strategy: RoundRobin, ConnectionTTL: time.Minute})
		e.next = 0
		for range 4 {
			l := mustConnect(t, e)
			time.Sleep(time.Minute - 1)
			if l.expired() {
				t.Error("expired within ConnectionTTL")
			}
			time.Sleep(15*time.Second + 1)
			if !l.expired() {
				t.Error("not expired after ConnectionTTL and a quarter")
			}
			l.done(nil)
		}
		n.set("c", true)
		for range 3 {
			mustConnect(t, e).done(nil)
		}
		checkDialed(t, &n, "one after the other, c down at last", "a b c a b c a b")
	})
}

// The programs of a fleet do not all begin with the same address, but with
// PreferPrimary.
func TestFleetBeginsEverywhere(t *testing.T) {
	for strategy, want := range map[Strategy]int{PreferPrimary: 1, RoundRobin: 4, Random: 4, LoadBalance: 4} {
		t.Run(strategy.String(), func(t *testing.T) {
			count := make(map[string]int)
			for range 400 {
				var n network
				mustConnect(t, endpointsOf(t, &n, "a b c d", DialOptions{Strategy: strategy}))
				count[n.took()]++
			}
			if len(count) != want {
				t.Errorf("400 programs began with %v, want %d addresses", count, want)
			}
			for addr, c := range count { // fewer than 50 of 400 is a chance of one in 10^9
				if c < 50 {
					t.Errorf("%d of 400 programs began with %s, want about %d", c, addr, 400/want)
				}
			}
		})
	}
}

// The connections that a fleet has made in the same second do not end in the same one.
func TestConnectionTTLIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lanes []*link
		for range 1000 {
			var n network
			lanes = append(lanes, mustConnect(t, endpointsOf(t, &n, "a", DialOptions{
				Strategy: LoadBalance, ConnectionTTL: 400 * time.Second,
			})))
		}
		time.Sleep(400*time.Second - 1)
		ended := func() (n int) {
			for _, l := range lanes {
				if l.expired() {
					n++
				}
			}
			return n
		}
		if n := ended(); n != 0 {
			t.Errorf("%d of 1000 have expired within ConnectionTTL", n)
		}
		time.Sleep(time.Nanosecond)
		for second, before := 1, 0; second <= 100; second++ {
			time.Sleep(time.Second)
			n := ended()
			if n-before > 40 { // 10 on average
				t.Errorf("%d of 1000 expired in second %d of a hundred", n-before, second)
			}
			before = n
		}
		if n := ended(); n != 1000 {
			t.Errorf("%d of 1000 have expired after a quarter more, want all", n)
		}
	})
}

func TestRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"c": true}}
		e := endpointsOf(t, &n, "a b c", DialOptions{Strategy: Random, MinBackoff: time.Hour})
		for range 200 {
			mustConnect(t, e).done(nil)
		}
		got := strings.Fields(n.took())
		count := make(map[string]int)
		for _, addr := range got {
			count[addr]++
		}
		// Fewer than 50 of 200 is a chance of one in 10^12.
		if count["a"] < 50 || count["b"] < 50 || count["c"] != 1 {
			t.Errorf("connected to %v; want a and b equally often, c once as it is in backoff", count)
		}
	})
}

// replaced is what a lane has in place of a connection that has expired, which it may be
// itself.
func replaced(t testing.TB, e *endpoints, l *link) *link {
	t.Helper()
	if other := e.move(t.Context(), "tcp", nil, l.turn); other != nil {
		return other
	}
	return l
}

// lanesOn returns how many connections there are, as "a:2 b:1".
func lanesOn(e *endpoints) string {
	var parts []string
	for _, h := range e.health() {
		parts = append(parts, fmt.Sprintf("%s:%d", h.Addr, h.Connections))
	}
	return strings.Join(parts, " ")
}

func TestLoadBalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a b c", DialOptions{Strategy: LoadBalance})
		var lanes []*link
		for range 6 {
			lanes = append(lanes, mustConnect(t, e))
		}
		check := func(when, want string) {
			t.Helper()
			if diff := cmp.Diff(want, lanesOn(e)); diff != "" {
				t.Errorf("%s: connections mismatch (-want +got):\n%s", when, diff)
			}
		}
		renew := func() (moved int) {
			for i, l := range lanes {
				if l.expired() {
					lanes[i] = replaced(t, e, l)
					moved++
				}
			}
			return moved
		}
		check("at first", "a:2 b:2 c:2")
		time.Sleep(time.Hour)
		if moved := renew(); moved != 0 {
			t.Errorf("%d lanes moved while all is well", moved)
		}

		n.set("b", true)
		for i, l := range lanes {
			if l.addr() == "b" {
				l.done(os.ErrDeadlineExceeded)
				lanes[i] = mustConnect(t, e)
			}
		}
		check("without b", "a:3 b:0 c:3")

		// A lane tries b now and then.
		time.Sleep(time.Minute)
		if moved := renew(); moved != 1 {
			t.Errorf("%d lanes tried b, want 1", moved)
		}
		check("with b tried", "a:3 b:0 c:3")
		if moved := renew(); moved != 0 {
			t.Errorf("%d lanes tried b, which is in backoff", moved)
		}

		// It gets no more of them than one until that works.
		n.set("b", false)
		time.Sleep(time.Hour)
		if moved := renew(); moved != 1 {
			t.Errorf("%d lanes went to b, want 1", moved)
		}
		if got := lanesOn(e); got != "a:2 b:1 c:3" && got != "a:3 b:1 c:2" {
			t.Errorf("with b again: %s, want one connection to b", got)
		}
		time.Sleep(time.Hour)
		if moved := renew(); moved != 0 {
			t.Errorf("%d lanes moved though b has not worked", moved)
		}

		// Then it gets its share, and nobody moves any more.
		for _, l := range lanes {
			l.worked()
		}
		if moved := renew(); moved != 1 {
			t.Errorf("%d lanes went to b, want 1", moved)
		}
		check("in the end", "a:2 b:2 c:2")
		time.Sleep(time.Hour)
		if moved := renew(); moved != 0 {
			t.Errorf("%d lanes moved in the end, want none", moved)
		}
	})
}

// Where several have the fewest connections, but have some, a new one goes to those
// that ack. One that has taken connections and events, and is silent, may stay so.
func TestLoadBalanceGoesWhereAcksComeFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a b c", DialOptions{Strategy: LoadBalance})
		for range 3 {
			if l := mustConnect(t, e); l.addr() != "c" {
				l.worked()
			}
		}
		count := func() map[string]int {
			n.took()
			for range 200 {
				mustConnect(t, e).done(nil)
			}
			out := make(map[string]int)
			for addr := range strings.FieldsSeq(n.took()) {
				out[addr]++
			}
			return out
		}
		if got := count(); got["a"] < 50 || got["b"] < 50 || got["c"] > 0 {
			t.Errorf("connected to %v; want a and b equally often", got)
		}
		time.Sleep(10 * time.Second) // without events
		if got := count(); got["a"] < 30 || got["b"] < 30 || got["c"] < 30 {
			t.Errorf("connected to %v after a while without acks; want all of them", got)
		}
	})
}

// A turn that has said it is over says so until it ends, and the next one waits
// for MinConnectionTime.
func TestLoadBalanceMovesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"b": true, "c": true}}
		e := endpointsOf(t, &n, "a b c", DialOptions{Strategy: LoadBalance, MinConnectionTime: time.Minute})
		var lanes []*link
		for range 4 {
			lanes = append(lanes, mustConnect(t, e))
		}
		time.Sleep(5 * time.Second) // the backoff of b and c is over
		var expired []bool
		for range 2 {
			for _, l := range lanes {
				expired = append(expired, l.expired())
			}
		}
		want := []bool{false, false, false, true, false, false, false, true}
		if diff := cmp.Diff(want, expired); diff != "" {
			t.Errorf("expired mismatch (-want +got):\n%s", diff)
		}
		lanes[3].done(nil)
		n.set("b", false)
		if l := mustConnect(t, e); l.addr() != "b" {
			t.Errorf("moved to %s, want b", l.addr())
		}
		time.Sleep(time.Minute - 5*time.Second - 1)
		if lanes[2].expired() {
			t.Error("a second lane moves within MinConnectionTime")
		}
		time.Sleep(5*time.Second + 1)
		if !lanes[2].expired() {
			t.Error("no second lane moves to c after MinConnectionTime")
		}
	})
}

// Two lanes on one endpoint are one too many, once there is another that may be
// tried.
func TestLoadBalanceWaitsForTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"b": true}}
		e := endpointsOf(t, &n, "a b", DialOptions{Strategy: LoadBalance, MinBackoff: time.Hour})
		one, two := mustConnect(t, e), mustConnect(t, e)
		time.Sleep(29 * time.Minute)
		if one.expired() || two.expired() {
			t.Error("a lane leaves for an endpoint in backoff")
		}
		time.Sleep(31 * time.Minute)
		if one.expired() || !two.expired() {
			t.Error("want the newer of two lanes to leave after the backoff")
		}
	})
}

// The time of a connection begins when it is there.
func TestConnectionTimeIsWithoutTheDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := endpointsOf(t, nil, "a", DialOptions{
			Strategy: RoundRobin, ConnectionTTL: 10 * time.Second,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				time.Sleep(10 * time.Second)
				return new(network).dial(ctx, "", addr)
			},
		})
		l := mustConnect(t, e)
		time.Sleep(10*time.Second - 1)
		if l.expired() {
			t.Error("expired within ConnectionTTL")
		}
		time.Sleep(2500*time.Millisecond + 1)
		if !l.expired() {
			t.Error("not expired after ConnectionTTL and a quarter")
		}
	})
}

// The delays double from MinBackoff to MaxBackoff, and one half of each is
// random. A connection by itself does not begin them again; an ack does.
func TestEndpointBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"a": true}}
		e := endpointsOf(t, &n, "a", DialOptions{})
		start := time.Now()
		delays := make(map[time.Duration]bool)
		attempt := func(i, seconds int) {
			t.Helper()
			most := time.Duration(seconds) * time.Second
			d := mustWait(t, e)
			if d < most/2 || d > most {
				t.Errorf("attempt %d: wait %v, want %v to %v", i, d, most/2, most)
			}
			if again := mustWait(t, e); again != d {
				t.Errorf("attempt %d: wait %v, then %v at the same time", i, d, again)
			}
			delays[d] = true
			time.Sleep(d - 1)
			if d := mustWait(t, e); d != 1 {
				t.Errorf("attempt %d: wait %v, want 1ns", i, d)
			}
			time.Sleep(time.Nanosecond)
		}
		all := []int{1, 2, 4, 8, 16, 32, 60, 60, 60}
		for i, seconds := range all {
			attempt(i, seconds)
		}
		if got := strings.Count(n.took(), "a"); got != len(all) {
			t.Errorf("%d attempts in %v, want %d: endpoints in backoff are not tried", got, time.Since(start), len(all))
		}
		if len(delays) < len(all)-1 {
			t.Errorf("delays %v are not random", delays)
		}

		n.set("a", false)
		l := mustConnect(t, e)
		l.done(testlog.ErrInjected)
		time.Sleep(29 * time.Second)
		if d := mustWait(t, e); d <= 0 || d > 31*time.Second {
			t.Errorf("wait %v after a connection that was of no use, want 30s to 60s in all", d)
		}
		time.Sleep(31 * time.Second)
		l = mustConnect(t, e)
		l.worked()
		l.done(fmt.Errorf("%w: injected: %w", lumber.ErrProtocol, testlog.ErrInjected))
		attempt(100, 1)
	})
}

func TestTurnEnds(t *testing.T) {
	timeout := fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, testlog.ErrInjected)
	protocol := fmt.Errorf("%w: %w", lumber.ErrProtocol, testlog.ErrInjected)
	tests := []struct {
		name     string
		works    bool
		lasts    time.Duration
		err      error
		want     bool // it is tried again at once
		failures int
	}{
		{"in good order", false, 0, nil, true, 0},
		{"without an ack", false, time.Hour, testlog.ErrInjected, false, 1},
		{"after an ack", true, time.Hour, testlog.ErrInjected, true, 1},
		{"soon after an ack", true, 0, testlog.ErrInjected, true, 1},
		{"silent after an ack", true, time.Hour, timeout, false, 1},
		{"nonsense after an ack", true, time.Hour, protocol, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				e := endpointsOf(t, &n, "a", DialOptions{})
				l := mustConnect(t, e)
				if tt.works {
					l.worked()
				}
				time.Sleep(tt.lasts)
				l.done(tt.err)
				l.done(testlog.ErrInjected) // a second end is none
				h := e.health()[0]
				want := EndpointHealth{Addr: "a", Failures: tt.failures, RetryAt: h.RetryAt, LastError: tt.err}
				if diff := cmp.Diff(want, h, cmpopts.EquateErrors()); diff != "" {
					t.Errorf("health mismatch (-want +got):\n%s", diff)
				}
				_, err := e.take()
				if (err == nil) != tt.want || h.RetryAt.After(time.Now()) == tt.want {
					t.Errorf("take: %v, RetryAt %v; want at once: %v", err, h.RetryAt, tt.want)
				}
			})
		})
	}
}

// A peer that acks something and breaks off again and again is not tried at
// once each time.
func TestSecondBreakInARowBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a", DialOptions{})
		brk := func(lasts time.Duration) {
			t.Helper()
			l := mustConnect(t, e)
			l.worked()
			time.Sleep(lasts)
			l.done(testlog.ErrInjected)
		}
		brk(0)
		brk(0) // at once, but then
		if d := mustWait(t, e); d < time.Second/2 || d > time.Second {
			t.Errorf("wait %v after the second break, want 0.5s to 1s", d)
		}
		time.Sleep(time.Second)
		brk(0)
		brk(10 * time.Second)
		brk(0) // at once, as the one before has lasted
		if d := mustWait(t, e); d < time.Second/2 || d > time.Second {
			t.Errorf("wait %v in the end, want 0.5s to 1s", d)
		}
	})
}

// What works for one lane ends the backoff for all.
func TestWorkedEndsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a", DialOptions{})
		works, fails := mustConnect(t, e), mustConnect(t, e)
		fails.done(testlog.ErrInjected)
		mustWait(t, e)
		works.worked()
		want := EndpointHealth{Addr: "a", Connections: 1}
		if diff := cmp.Diff(want, e.health()[0], cmpopts.EquateErrors()); diff != "" {
			t.Errorf("health mismatch (-want +got):\n%s", diff)
		}
		mustConnect(t, e)
	})
}

// When one restart breaks the connections of many lanes, it is one failure.
func TestBreakOfManyLanesIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a", DialOptions{Strategy: LoadBalance, Connections: 8})
		var lanes []*link
		for range 8 {
			lanes = append(lanes, mustConnect(t, e))
		}
		for _, l := range lanes {
			l.done(testlog.ErrInjected)
		}
		if d := mustWait(t, e); d < time.Second/2 || d > time.Second {
			t.Errorf("wait %v, want 0.5s to 1s", d)
		}
		if got := e.health()[0].Failures; got != 8 {
			t.Errorf("%d failures, want 8", got)
		}
		time.Sleep(time.Second)

		lanes = lanes[:0]
		for range 8 {
			l := mustConnect(t, e)
			l.worked()
			lanes = append(lanes, l)
		}
		for _, l := range lanes {
			l.done(testlog.ErrInjected)
		}
		mustConnect(t, e) // at once
	})
}

// What the receiver asks for holds, whatever works for another lane.
func TestFailedHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		e := endpointsOf(t, &n, "a", DialOptions{})
		other, third := mustConnect(t, e), mustConnect(t, e)
		l := mustConnect(t, e)
		l.worked()
		l.failed(testlog.ErrInjected, time.Hour)
		third.failed(testlog.ErrInjected, time.Second)
		other.worked()
		if d := mustWait(t, e); d != time.Hour {
			t.Errorf("wait %v, want 1h", d)
		}
		if h := e.health()[0]; !h.RetryAt.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("RetryAt %v, want in an hour", h.RetryAt)
		}
		time.Sleep(time.Minute)
		e.hurry()
		l = mustConnect(t, e)
		l.failed(nil, time.Second)
		if _, err := e.take(); err == nil || err.Error() == "" {
			t.Errorf("take: %v; want an error with a text", err)
		}
	})
}

func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"a": true, "b": true}}
		e := endpointsOf(t, &n, "a b", DialOptions{MinBackoff: time.Hour})
		mustWait(t, e)
		mustWait(t, e)
		checkDialed(t, &n, "before", "a b")
		e.hurry()
		mustWait(t, e)
		mustWait(t, e)
		checkDialed(t, &n, "after", "a b")
	})
}

// The error of a connection that is not possible tells of every address.
func TestBlockedError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"a": true, "b": true}}
		e := endpointsOf(t, &n, "a b", DialOptions{})
		after := mustWait(t, e)
		_, err := e.connect(t.Context(), "tcp", nil)
		for _, want := range []string{"connect to a: ", "connect to b: "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("connect: %v; want %s", err, want)
			}
		}
		h := e.health()
		first := h[0].RetryAt
		if h[1].RetryAt.Before(first) {
			first = h[1].RetryAt
		}
		if got := time.Until(first); got != after {
			t.Errorf("RetryAfter %v, want %v, when the first may be tried", after, got)
		}
	})
}

// Each address is tried once in a call, however short its backoff is.
func TestConnectEnds(t *testing.T) {
	n := network{down: map[string]bool{"a": true, "b": true}}
	e := endpointsOf(t, &n, "a b", DialOptions{MinBackoff: 1, MaxBackoff: 1})
	mustWait(t, e)
	checkDialed(t, &n, "in one call", "a b")
}

func TestConnectMistrustsTheDialer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := endpointsOf(t, nil, "nothing disguised panics typed hangs works", DialOptions{
			Timeout: 7 * time.Second,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				switch addr {
				case "nothing":
					return nil, nil
				case "disguised":
					return (*tls.Conn)(nil), nil
				case "panics":
					panic("injected")
				case "typed":
					return (*tls.Conn)(nil), testlog.ErrInjected // as by return tls.Dial(…)
				case "hangs":
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return new(network).dial(ctx, "", addr)
			},
		})
		start := time.Now()
		l := mustConnect(t, e)
		if d := time.Since(start); l.addr() != "works" || d != 3*time.Second {
			t.Errorf("connected to %s after %v; want works after 3s", l.addr(), d)
		}
		var got []string
		for _, h := range e.health() {
			if h.LastError != nil {
				got = append(got, h.LastError.Error())
			}
		}
		want := []string{
			"logstash: connect to nothing: DialContext returned neither a connection nor an error",
			"logstash: connect to disguised: DialContext returned neither a connection nor an error",
			"logstash: connect to panics: DialContext panicked: injected",
			"logstash: connect to typed: " + testlog.ErrInjected.Error(),
			"logstash: connect to hangs: context deadline exceeded",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("errors mismatch (-want +got):\n%s", diff)
		}
	})
}

// An attempt is short while others may be tried. Alone, it has all of Timeout.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		start := time.Now()
		var took []string
		o := DialOptions{
			ConnectionTTL: time.Minute,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				if addr == "b" {
					return n.dial(ctx, "", addr)
				}
				start := time.Now()
				<-ctx.Done()
				took = append(took, time.Since(start).String())
				return nil, testlog.ErrInjected
			},
		}
		e := endpointsOf(t, nil, "a b", o)
		for range 2 {
			l := mustConnect(t, e)
			time.Sleep(time.Minute)
			l.worked()
			l.done(nil)
		}
		n.set("b", true)
		mustWait(t, e)
		mustWait(t, endpointsOf(t, nil, "a", o))
		if diff := cmp.Diff([]string{"3s", "3s", "3s", "30s"}, took); diff != "" {
			t.Errorf("attempts to reach a mismatch, after %v (-want +got):\n%s", time.Since(start), diff)
		}
	})
}

// An attempt with an address that may be dead is not longer than the restart of another
// one, while an address that is silent as well is not waited for.
func TestDialTimeoutWhileAnotherRestarts(t *testing.T) {
	tests := []struct {
		name   string
		b      error // of dials to b, after its connection has ended
		before int   // failures of such dials
		want   time.Duration
	}{
		{"b is restarting", testlog.ErrInjected, 0, 3 * time.Second},
		{"b is silent, too", os.ErrDeadlineExceeded, 0, 30 * time.Second},
		{"b is gone", testlog.ErrInjected, maxRestart, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took time.Duration
				down := false
				e := endpointsOf(t, nil, "a b", DialOptions{
					Strategy: RoundRobin,
					DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
						switch {
						case addr == "b" && !down:
							return new(network).dial(ctx, "", addr)
						case addr == "b":
							return nil, tt.b
						}
						start := time.Now()
						<-ctx.Done()
						took = time.Since(start)
						return nil, ctx.Err()
					},
				})
				e.next = 1
				l := mustConnect(t, e)
				l.worked()
				time.Sleep(time.Minute)
				l.done(io.EOF)
				e.all[1].failures += tt.before
				down, e.next = true, 1
				if _, err := e.connect(t.Context(), "tcp", nil); err == nil || took != tt.want {
					t.Errorf("the attempt with a took %v, want %v; %v", took, tt.want, err)
				}
			})
		})
	}
}

// A connection that takes long to be made takes over when it is there. One that is not
// wanted any more, or not used, is closed, and counts nowhere.
func TestHeir(t *testing.T) {
	const slow = 2 * time.Second
	tests := []struct {
		name string
		use  func(t *testing.T, e *endpoints, l *link) *link
		want string // the connections in the end
		open int    // of those that were made, how many are open
	}{
		{"it takes over", func(t *testing.T, e *endpoints, l *link) *link {
			time.Sleep(slow)
			if !l.expired() {
				t.Error("not expired when the other connection is there")
			}
			return replaced(t, e, l)
		}, "a:0 b:1", 2}, // the first is closed by its lane
		{"the turn ends before it is made", func(_ *testing.T, _ *endpoints, l *link) *link {
			l.done(nil)
			time.Sleep(time.Minute)
			return l
		}, "a:0 b:0", 1},
		{"the turn ends after it is made", func(t *testing.T, _ *endpoints, l *link) *link {
			time.Sleep(slow)
			l.done(io.EOF)
			synctest.Wait()
			return l
		}, "a:0 b:0", 1},
		{"the dialer ends its goroutine", func(t *testing.T, e *endpoints, l *link) *link {
			l.done(nil)
			l, e.dial = mustConnect(t, e), func(context.Context, string, string) (net.Conn, error) { runtime.Goexit(); return nil, nil }
			time.Sleep(75 * time.Second)
			if !l.expired() || e.move(t.Context(), "tcp", nil, l.turn) != nil {
				t.Error("not expired, or replaced by nothing")
			}
			if !l.expired() { // and so on
				t.Error("not expired after an attempt")
			}
			return l
		}, "a:1 b:0", 2},
		{"it is not used", func(t *testing.T, _ *endpoints, l *link) *link {
			time.Sleep(slow + idleLimit)
			synctest.Wait()
			if !l.expired() {
				t.Error("does not expire again")
			}
			return l
		}, "a:1 b:0", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				open := 0
				e := endpointsOf(t, nil, "a b", DialOptions{
					Strategy: RoundRobin, ConnectionTTL: time.Minute,
					DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
						if addr == "b" {
							select {
							case <-time.After(slow):
							case <-ctx.Done():
								return nil, ctx.Err()
							}
						}
						ours, _ := net.Pipe()
						open++
						return closeFunc{ours, func() { open-- }}, nil
					},
				})
				e.next = 0
				l := mustConnect(t, e)
				l.worked()
				time.Sleep(75 * time.Second)
				if !l.expired() {
					t.Fatal("not expired")
				}
				start := time.Now()
				if next := e.move(t.Context(), "tcp", nil, l.turn); next != nil || time.Since(start) != heirPatience {
					t.Errorf("move: %v after %v; want none after %v", next, time.Since(start), heirPatience)
				}
				if l.expired() {
					t.Error("expired while the other connection is made")
				}
				tt.use(t, e, l)
				if got := lanesOn(e); got != tt.want || open != tt.open || e.reconnects() > 1 {
					t.Errorf("connections %s, %d open, %d reconnects; want %s, %d open", got, open, e.reconnects(), tt.want, tt.open)
				}
			})
		})
	}
}

// closeFunc is a connection that says when it is closed.
type closeFunc struct {
	net.Conn

	closed func()
}

func (c closeFunc) Close() error {
	c.closed()
	return c.Conn.Close()
}

// To be told to stop is not the endpoint's failure.
func TestConnectCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := endpointsOf(t, nil, "a b", DialOptions{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel()
			return nil, ctx.Err()
		},
	})
	if _, err := e.connect(ctx, "tcp", nil); !errors.Is(err, context.Canceled) || !sentNothing(err) {
		t.Errorf("connect: %v; want a dialError that Is context.Canceled", err)
	}
	want := []EndpointHealth{{Addr: "a"}, {Addr: "b"}}
	if diff := cmp.Diff(want, e.health()); diff != "" {
		t.Errorf("health mismatch (-want +got):\n%s", diff)
	}
}

func TestReconnects(t *testing.T) {
	var n network
	e := endpointsOf(t, &n, "a b", DialOptions{Strategy: LoadBalance, Connections: 2})
	var got []uint64
	note := func() { got = append(got, e.reconnects()) }
	note()
	one, two := mustConnect(t, e), mustConnect(t, e)
	note() // a first connection for each lane
	one.done(nil)
	one = mustConnect(t, e)
	note()
	one.done(nil)
	two.done(nil)
	mustConnect(t, e)
	mustConnect(t, e)
	note()
	if diff := cmp.Diff([]uint64{0, 0, 1, 3}, got); diff != "" {
		t.Errorf("reconnects mismatch (-want +got):\n%s", diff)
	}
}

// Lanes that take, use and lose their endpoints at random leave nothing behind.
func TestEndpointsConcurrently(t *testing.T) {
	for _, strategy := range []Strategy{PreferPrimary, RoundRobin, Random, LoadBalance} {
		t.Run(strategy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				e := endpointsOf(t, &n, "a b c", DialOptions{
					Strategy: strategy, ConnectionTTL: time.Second, MinConnectionTime: 100 * time.Millisecond,
				})
				var wg sync.WaitGroup
				for lane := range 8 {
					wg.Go(func() { useAtRandom(t, e, &n, uint64(lane)) })
				}
				wg.Wait()
				synctest.Wait() // for heirs of which the turns have ended
				if got := lanesOn(e); got != "a:0 b:0 c:0" || e.now != 0 {
					t.Errorf("%s, %d open; want none in the end", got, e.now)
				}
				for _, p := range e.all {
					if *p.load != 0 || len(p.turns) > 0 {
						t.Errorf("%s has %d turns, %d count; want none in the end", p.host, len(p.turns), *p.load)
					}
				}
				if e.peak > 8 || e.peak == 0 {
					t.Errorf("at most %d connections, want 1 to 8", e.peak)
				}
			})
		})
	}
}

func useAtRandom(t testing.TB, e *endpoints, n *network, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		n.set(string(rune('a'+r.IntN(3))), r.IntN(3) == 0)
		l, err := e.connect(t.Context(), "tcp", nil)
		if after, ok := retryAfter(err); ok {
			time.Sleep(after)
			continue
		}
		for range r.IntN(12) {
			time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
			l.worked()
			_ = e.health()
			if l.expired() {
				l = replaced(t, e, l)
			}
		}
		switch r.IntN(4) {
		case 0:
			l.done(nil)
		case 1:
			l.done(io.EOF)
		case 2:
			l.failed(os.ErrDeadlineExceeded, time.Duration(r.IntN(2000))*time.Millisecond)
		default:
			e.hurry()
			l.done(io.ErrUnexpectedEOF)
		}
	}
}

func TestBackoffDelays(t *testing.T) {
	for _, tt := range []struct {
		least, most time.Duration
		want        []time.Duration
	}{
		{1, 1, []time.Duration{1, 1, 1}},
		{2, 5, []time.Duration{2, 4, 5, 5}},
		{time.Second, time.Minute, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}},
		{1 << 61, 1<<63 - 1, []time.Duration{1 << 61, 1 << 62, 1<<63 - 1, 1<<63 - 1}},
	} {
		b := backoff{least: tt.least, most: tt.most}
		for round := range 2 {
			for i, want := range tt.want {
				if d := b.next(); d < want/2 || d > want {
					t.Errorf("%v to %v: delay %d of round %d is %v, want %v to %v",
						tt.least, tt.most, i, round, d, want/2, want)
				}
			}
			b.reset()
		}
	}
}

// stingyConn takes a few bytes in each Write, and only before the deadline.
type stingyConn struct {
	net.Conn
	deadlines []time.Time
	writes    int
}

func (c *stingyConn) SetWriteDeadline(d time.Time) error {
	c.deadlines = append(c.deadlines, d)
	return nil
}

func (c *stingyConn) Write(p []byte) (int, error) {
	c.writes++
	time.Sleep(9 * time.Second)
	if !time.Now().Before(c.deadlines[len(c.deadlines)-1]) {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

// A slow peer has Timeout for each piece, not for all of it.
func TestSteadyConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			timeout time.Duration
			size    int
			want    int
			writes  int
		}{
			{10 * time.Second, 1 << 20, 1 << 20, 16},
			{10 * time.Second, 64<<10 + 1, 64<<10 + 1, 2},
			{9 * time.Second, 1 << 20, 0, 1},
			{10 * time.Second, 0, 0, 0},
		} {
			var peer stingyConn
			c := &steadyConn{Conn: &peer, timeout: tt.timeout}
			n, err := c.Write(make([]byte, tt.size))
			if n != tt.want || peer.writes != tt.writes || (err == nil) != (tt.want == tt.size) {
				t.Errorf("Write of %d bytes = %d, %v in %d pieces; want %d in %d",
					tt.size, n, err, peer.writes, tt.want, tt.writes)
			}
			if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("CloseWrite: %v, want errors.ErrUnsupported", err)
			}
		}
	})
}

// Where a name has several addresses, and nothing works behind the first, another
// one is tried the next time, and stays as long as it works. An order that changes
// with each answer of the name server makes no difference.
func TestAddressesOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{down: map[string]bool{"[::3]:5044": true}}
		e := endpointsOf(t, &n, "logs:5044", DialOptions{})
		ips := []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::2"), netip.MustParseAddr("::3")}
		e.dial = nil
		e.names = resolver{
			dial: n.dial,
			lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
				if host != "logs" {
					t.Errorf("looked up %q", host)
				}
				ips = append(ips[1:], ips[0])
				return slices.Clone(ips), nil
			},
		}
		for i, step := range []struct {
			works bool
			want  string
		}{
			{false, "logs:5044"},
			{false, "[::2]:5044"},
			{false, "[::3]:5044 [::1]:5044"},
			{true, "[::1]:5044"},
			{true, "[::1]:5044"},
			{false, "[::1]:5044"},
			{true, "[::2]:5044"},
		} {
			l := mustConnect(t, e)
			checkDialed(t, &n, fmt.Sprint("connection ", i), step.want)
			if step.works {
				l.worked()
			}
			l.done(testlog.ErrInjected)
			time.Sleep(time.Hour)
		}
	})
}

// Each address has its share of the time.
func TestAddressThatSwallowsPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := resolver{
			lookup: func(context.Context, string, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::2")}, nil
			},
			dial: func(ctx context.Context, _, addr string) (net.Conn, error) {
				if addr == "[::2]:1" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return new(network).dial(ctx, "", addr)
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		conn, err := r.dialFrom(ctx, "tcp", "logs:1", 1)
		if d := time.Since(start); conn == nil || err != nil || d != 5*time.Second {
			t.Errorf("connection %v, error %v after %v; want one after 5s", conn, err, d)
		}
	})
}
