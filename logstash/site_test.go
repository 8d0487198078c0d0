package logstash

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

// nameServer is one that tells what the test says.
type nameServer struct {
	mu    sync.Mutex
	ips   map[string]string // of a name, "10.0.0.1 10.0.0.2"; none for an error
	hangs bool
	asked []string
}

func (s *nameServer) lookup(ctx context.Context, _, name string) ([]netip.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, name)
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, ctx.Err()
	}
	var ips []netip.Addr
	for text := range strings.FieldsSeq(s.ips[name]) {
		ips = append(ips, netip.MustParseAddr(text))
	}
	if len(ips) == 0 {
		return nil, testlog.ErrInjected
	}
	return ips, nil
}

func (s *nameServer) set(name, ips string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ips == nil {
		s.ips = make(map[string]string)
	}
	s.ips[name] = ips
}

func (s *nameServer) hang(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs = yes
}

func (s *nameServer) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// balanced returns endpoints of LoadBalance with a name server.
func balanced(t testing.TB, s *nameServer, n *network, hosts string, o DialOptions) *endpoints {
	t.Helper()
	o.Strategy = LoadBalance
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	e := newEndpoints(strings.Fields(hosts), &o)
	e.names = resolver{lookup: s.lookup, dial: n.dial}
	return e
}

// ship is what lanes do for a while: they send all the time, and leave what has
// expired.
func ship(t testing.TB, e *endpoints, lanes []*link, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second)
		synctest.Wait()
		for i, l := range lanes {
			l.worked()
			if l.expired() {
				lanes[i] = replaced(t, e, l)
			}
		}
	}
}

func checkLanes(t testing.TB, e *endpoints, when, want string) {
	t.Helper()
	if diff := cmp.Diff(want, lanesOn(e)); diff != "" {
		t.Errorf("%s: connections mismatch (-want +got):\n%s", when, diff)
	}
}

// Each address of a name is an endpoint. One that the name server adds gets its share,
// one connection at a time; one that is gone gets no more, and then loses those it has.
func TestLoadBalanceOverAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		s.set("logs", "10.0.0.2 10.0.0.1")
		e := balanced(t, &s, &n, "logs:5044", DialOptions{})
		var lanes []*link
		for range 6 {
			lanes = append(lanes, mustConnect(t, e))
		}
		checkLanes(t, e, "at first", "logs:5044 (10.0.0.1):3 logs:5044 (10.0.0.2):3")
		dialled := strings.Fields(n.took())
		slices.Sort(dialled)
		want := strings.Fields("10.0.0.1:5044 10.0.0.1:5044 10.0.0.1:5044 10.0.0.2:5044 10.0.0.2:5044 10.0.0.2:5044")
		if diff := cmp.Diff(want, dialled); diff != "" {
			t.Errorf("dialled mismatch (-want +got):\n%s", diff)
		}
		if got := s.times(); got != 1 {
			t.Errorf("%d lookups for connections made in one moment, want 1", got)
		}

		s.set("logs", "10.0.0.1 10.0.0.2 10.0.0.3")
		ship(t, e, lanes, lookupEvery)
		ship(t, e, lanes, 3*time.Second)
		if got := lanesOn(e); !strings.HasSuffix(got, "(10.0.0.3):1") {
			t.Errorf("soon after one was added: %s; want one connection to it", got)
		}
		ship(t, e, lanes, 12*time.Second)
		checkLanes(t, e, "with another address",
			"logs:5044 (10.0.0.1):2 logs:5044 (10.0.0.2):2 logs:5044 (10.0.0.3):2")
		made := e.made
		ship(t, e, lanes, time.Hour)
		if e.made != made {
			t.Errorf("%d connections made in an hour in which nothing changed", e.made-made)
		}
		if got := s.times(); got < 120 || got > 170 {
			t.Errorf("%d lookups in an hour, want one in about 30 s", got)
		}

		s.set("logs", "10.0.0.2 10.0.0.3")
		ship(t, e, lanes, goneAfter)
		if e.made != made {
			t.Errorf("%d connections made in the first minutes in which one address was missing", e.made-made)
		}
		ship(t, e, lanes, 2*lookupEvery+time.Second)
		checkLanes(t, e, "with one less", "logs:5044 (10.0.0.2):3 logs:5044 (10.0.0.3):3")
		ship(t, e, lanes, lookupEvery)
		if len(e.all) != 2 {
			t.Errorf("%d endpoints are kept, want 2", len(e.all))
		}
		if e.made != made+2 {
			t.Errorf("%d connections made in place of 2", e.made-made)
		}
		for _, l := range lanes {
			l.done(nil)
		}
	})
}

// An address that one answer lacks gets no new connection, but keeps those it has.
func TestAnswerWithoutAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		s.set("logs", "10.0.0.1 10.0.0.2")
		e := balanced(t, &s, &n, "logs:5044", DialOptions{})
		lanes := []*link{mustConnect(t, e), mustConnect(t, e)}
		for i := range 20 {
			s.set("logs", fmt.Sprintf("10.0.0.%d", 1+i%2))
			time.Sleep(lookupEvery)
			if l := mustConnect(t, e); l.to.ip != netip.MustParseAddr(s.ips["logs"]) {
				t.Errorf("a new connection to %s, which the name has not any more", l.addr())
			} else {
				l.done(nil)
			}
			for _, l := range lanes {
				if l.expired() {
					t.Errorf("the connection to %s is to end after one answer without it", l.addr())
				}
			}
			synctest.Wait()
		}
		if diff := cmp.Diff(2, len(e.all)); diff != "" {
			t.Errorf("endpoints mismatch (-want +got):\n%s", diff)
		}
	})
}

// What is known of an address is kept while answers lack it for a while.
func TestBackoffOfAnAddressThatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		n.set("10.0.0.1:5044", true)
		s.set("logs", "10.0.0.1")
		e := balanced(t, &s, &n, "logs:5044", DialOptions{MinBackoff: time.Hour, MaxBackoff: time.Hour})
		mustWait(t, e)
		s.set("logs", "10.0.0.2")
		time.Sleep(lookupEvery)
		lanes := []*link{mustConnect(t, e)}
		ship(t, e, lanes, goneAfter-lookupEvery)
		s.set("logs", "10.0.0.1 10.0.0.2")
		ship(t, e, lanes, lookupEvery)
		if h := e.health(); len(h) != 2 || h[0].Failures != 1 || h[0].RetryAt.IsZero() {
			t.Errorf("health %+v; want the failure of the address that is back", h)
		}
		checkDialed(t, &n, "in all", "10.0.0.1:5044 10.0.0.2:5044")
	})
}

// A name that has other addresses only, of which none works, costs no connection that does.
func TestOtherAddressesThatAreDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		s.set("logs", "10.0.0.1")
		n.set("10.0.0.2:5044", true)
		e := balanced(t, &s, &n, "logs:5044", DialOptions{})
		lanes := []*link{mustConnect(t, e), mustConnect(t, e)}
		s.set("logs", "10.0.0.2")
		ship(t, e, lanes, time.Hour)
		if e.made != 2 {
			t.Errorf("%d connections made, want 2", e.made)
		}
		n.set("10.0.0.2:5044", false)
		ship(t, e, lanes, 2*time.Minute)
		checkLanes(t, e, "with another address", "logs:5044 (10.0.0.2):2")
	})
}

// A lookup that fails changes nothing. One that hangs holds up a connection for a
// second at most, and nothing else, and ends after Timeout.
func TestLookupFails(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(fmt.Sprintf("hangs %v", hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					s nameServer
					n network
				)
				s.set("logs", "10.0.0.1 10.0.0.2")
				e := balanced(t, &s, &n, "logs:5044", DialOptions{Timeout: 20 * time.Second})
				lanes := []*link{mustConnect(t, e), mustConnect(t, e)}
				s.set("logs", "")
				s.hang(hangs)
				for range 100 {
					time.Sleep(time.Minute)
					start := time.Now()
					for _, l := range lanes {
						if l.expired() {
							t.Error("a connection is to end")
						}
					}
					if d := time.Since(start); d > 0 {
						t.Errorf("expired took %v", d)
					}
				}
				start, want := time.Now(), time.Duration(0)
				if hangs {
					want = time.Second
				}
				lanes = append(lanes, mustConnect(t, e))
				if d := time.Since(start); d != want {
					t.Errorf("a connection took %v, want %v", d, want)
				}
				if h := e.health(); len(h) != 2 || len(lanes) != 3 {
					t.Errorf("health %v, want two addresses", h)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if e.sites[0].done != nil {
					t.Error("the lookup is still under way after Timeout")
				}
			})
		})
	}
}

// As long as nothing is known of a name it is dialled as it is, and the error says
// what is wrong with it.
func TestNameThatIsNotKnownYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		n.set("logs:5044", true)
		e := balanced(t, &s, &n, "logs:5044", DialOptions{})
		wait := mustWait(t, e)
		checkDialed(t, &n, "before the first answer", "logs:5044")
		if h := e.health(); len(h) != 1 || h[0].Addr != "logs:5044" || h[0].Failures != 1 {
			t.Errorf("health %+v, want one failure of logs:5044", h)
		}
		s.set("logs", "10.0.0.1 10.0.0.2")
		time.Sleep(wait)
		time.Sleep(time.Second)
		mustConnect(t, e)
		mustConnect(t, e)
		checkLanes(t, e, "with an answer", "logs:5044 (10.0.0.1):1 logs:5044 (10.0.0.2):1")
	})
}

// A connection that was made before the first answer came is replaced by one to an
// address.
func TestSlowFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := nameServer{hangs: true}
		var n network
		e := balanced(t, &s, &n, "logs:5044", DialOptions{})
		start := time.Now()
		lanes := []*link{mustConnect(t, e)}
		if d := time.Since(start); d != time.Second {
			t.Errorf("the first connection took %v, want 1s", d)
		}
		checkDialed(t, &n, "before the first answer", "logs:5044")
		s.set("logs", "10.0.0.1")
		s.hang(false)
		ship(t, e, lanes, 3*lookupEvery)
		checkLanes(t, e, "afterwards", "logs:5044 (10.0.0.1):1")
	})
}

// IPv4 and IPv6 of a name are the same receivers: the family that comes first is used,
// and the other one when nothing works there, until nothing works with that.
func TestOneFamilyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s nameServer
			n network
		)
		s.set("logs", "::2 10.0.0.1 ::ffff:10.0.0.2 ::1")
		e := balanced(t, &s, &n, "logs:5044", DialOptions{MinBackoff: time.Second, MaxBackoff: time.Minute})
		setAll := func(down bool, addrs ...string) {
			for _, addr := range addrs {
				n.set(addr, down)
			}
		}
		four := []string{"10.0.0.1:5044", "10.0.0.2:5044"}
		six := []string{"[::1]:5044", "[::2]:5044"}

		lanes := []*link{mustConnect(t, e), mustConnect(t, e), mustConnect(t, e)}
		for _, l := range lanes {
			l.worked()
		}
		if got := strings.Fields(lanesOn(e)); len(got) != 4 || strings.Contains(n.took(), "10.") {
			t.Errorf("connections %s, want all of them over IPv6", got)
		}

		// Nothing works over IPv6 any more.
		setAll(true, six...)
		for _, l := range lanes {
			l.done(os.ErrDeadlineExceeded) // so that there is a backoff
		}
		lanes[0] = mustConnect(t, e)
		lanes[1] = mustConnect(t, e)
		dialled := strings.Fields(n.took())
		slices.Sort(dialled)
		if diff := cmp.Diff(four, dialled); diff != "" {
			t.Errorf("without IPv6: dialled mismatch (-want +got):\n%s", diff)
		}
		checkLanes(t, e, "without IPv6", "logs:5044 (10.0.0.1):1 logs:5044 (10.0.0.2):1")

		// It stays so, however well that works.
		setAll(false, six...)
		ship(t, e, lanes[:2], time.Hour)
		checkDialed(t, &n, "later", "")

		setAll(true, four...)
		for _, l := range lanes[:2] {
			l.done(os.ErrDeadlineExceeded)
		}
		mustConnect(t, e).done(nil)
		if got := n.took(); got != six[0] && got != six[1] {
			t.Errorf("without IPv4: dialled %s, want one of %s", got, six)
		}

		// Without both, each has its backoff.
		setAll(true, six...)
		start := time.Now()
		for time.Since(start) < time.Hour {
			time.Sleep(mustWait(t, e))
		}
		count := make(map[string]int)
		for addr := range strings.FieldsSeq(n.took()) {
			count[addr]++
		}
		for _, addr := range append(four, six...) {
			if c := count[addr]; c < 30 || c > 130 { // each 30 to 60 s in the end
				t.Errorf("%s was tried %d times in an hour, want about 80", addr, c)
			}
		}
	})
}

// What needs no lookup is dialled as it is, by the user's dialer as well, and by the
// other strategies.
func TestHostsThatAreNotLookedUp(t *testing.T) {
	var n network
	tests := []struct {
		name, host string
		o          DialOptions
	}{
		{"IPv4", "10.0.0.1:5044", DialOptions{Strategy: LoadBalance}},
		{"IPv6", "[fe80::1%eth0]:5044", DialOptions{Strategy: LoadBalance}},
		{"socket", "/run/logs.sock", DialOptions{Strategy: LoadBalance}},
		{"the user's dialer", "logs:5044", DialOptions{Strategy: LoadBalance, DialContext: n.dial}},
		{"prefer_primary", "logs:5044", DialOptions{}},
		{"round_robin", "logs:5044", DialOptions{Strategy: RoundRobin}},
		{"random", "logs:5044", DialOptions{Strategy: Random}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := tt.o.complete()
			if err != nil {
				t.Fatal(err)
			}
			var s nameServer
			e := newEndpoints([]string{tt.host}, &o)
			e.names = resolver{lookup: s.lookup, dial: n.dial}
			mustConnect(t, e).done(nil)
			checkDialed(t, &n, "once", tt.host)
			if s.times() != 0 {
				t.Errorf("looked up %q", s.asked)
			}
		})
	}
}

// A certificate must be for the name, whatever address it was that was dialled.
func TestTLSOfANameWithAddresses(t *testing.T) {
	testlog.CheckGoroutines(t)
	ca := newAuthority(t, "ca")
	peer := startTLSPeer(t, &tls.Config{Certificates: []tls.Certificate{ca.keyPair(t, time.Hour)}})
	for host, want := range map[string]string{"logs.example.com:5044": "", "other.example.com:5044": "not other.example.com"} {
		var s nameServer
		s.set("logs.example.com", "192.0.2.1")
		s.set("other.example.com", "192.0.2.1")
		o := DialOptions{TLS: &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12}}
		e := balanced(t, &s, new(network), host, o)
		e.names.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "192.0.2.1:5044" {
				t.Errorf("dialled %s", addr)
			}
			return new(net.Dialer).DialContext(ctx, network, peer.Addr().String())
		}
		files, err := newTLSFiles(&o)
		if err != nil {
			t.Fatal(err)
		}
		l, err := e.connect(t.Context(), "tcp", files)
		switch {
		case err == nil && want == "":
			_ = l.Close()
		case err == nil || want == "" || !strings.Contains(err.Error(), want):
			t.Errorf("connect to %s: %v; want %q", host, err, want)
		}
	}
}
