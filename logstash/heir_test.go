package logstash_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// pair is two receivers, a and b, of which a is out of reach until it is not.
type pair struct {
	*lstest.Ledger

	lost  atomic.Bool
	dials atomic.Int32 // of a
	taken atomic.Int32 // connections that a has got
	all   map[string]func(ctx context.Context, network, addr string) (net.Conn, error)
}

func newPair(t *testing.T, scheme string) *pair {
	t.Helper()
	p := &pair{Ledger: new(lstest.Ledger), all: make(map[string]func(context.Context, string, string) (net.Conn, error))}
	p.lost.Store(true)
	for _, name := range []string{"a", "b"} {
		switch scheme {
		case "tcp":
			srv := lstest.NewTCP(&lstest.TCPOptions{OnLine: p.Receiver()})
			t.Cleanup(srv.Kill)
			p.all[name] = srv.Dial
		case "http":
			srv := lstest.NewHTTP(&lstest.HTTPOptions{OnEvent: p.Receiver(), Forget: true})
			t.Cleanup(srv.Kill)
			p.all[name] = srv.Dial
		default:
			srv := lstest.NewBeats(&lstest.BeatsOptions{OnEvent: p.Receiver(), Forget: true})
			t.Cleanup(srv.Kill)
			p.all[name] = srv.Dial
		}
	}
	return p
}

func (p *pair) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	name, _, _ := strings.Cut(addr, ":")
	if name == "a" {
		p.dials.Add(1)
		if p.lost.Load() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p.taken.Add(1)
	}
	return p.all[name](ctx, network, addr)
}

// After ConnectionTTL an address is tried that may be dead. What works carries the events
// meanwhile, and goes on if it is.
func TestConnectionTTLHoldsNothing(t *testing.T) {
	for _, scheme := range []string{"beats", "tcp", "http"} {
		for _, strategy := range []logstash.Strategy{logstash.PreferPrimary, logstash.RoundRobin, logstash.Random, logstash.LoadBalance} {
			t.Run(fmt.Sprint(scheme, " ", strategy), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testConnectionTTL(t, scheme, strategy) })
			})
		}
	}
}

func testConnectionTTL(t *testing.T, scheme string, strategy logstash.Strategy) {
	p := newPair(t, scheme)
	o := &logstash.DialOptions{Strategy: strategy, ConnectionTTL: time.Minute, DialContext: p.dial}
	if strategy == logstash.LoadBalance {
		o.Connections = 1
	}
	s, err := logstash.Dial(scheme+"://a:5044,b:5044", o)
	if err != nil {
		t.Fatal(err)
	}
	id := 0
	send := func(d time.Duration) (worst time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); id++ {
			writeEvents(t, s, id, id+1)
			time.Sleep(400 * time.Millisecond)
			worst = max(worst, s.Health().OldestAge)
		}
		return worst
	}
	send(10 * time.Second) // a may have been the first to be tried
	before := p.dials.Load()
	const most = time.Second / 2
	if worst := send(2 * time.Hour); worst > most {
		t.Errorf("an event waited %v while one of two receivers was out of reach, want %v", worst, most)
	}
	if n := p.dials.Load() - before; n < 20 || n > 140 {
		t.Errorf("the receiver out of reach was dialled %d times in two hours", n)
	}
	p.lost.Store(false)
	if worst := send(time.Hour); worst > most {
		t.Errorf("an event waited %v when it was back, want %v", worst, most)
	}
	if p.taken.Load() == 0 {
		t.Error("the receiver that is back got no connection in an hour")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if st := checkAccounts(t, s); st.Written != uint64(id) || len(p.Missing(0, id)) > 0 || p.Duplicates() > 0 {
		t.Errorf("of %d events %d written, %d missing, %d twice", id, st.Written, len(p.Missing(0, id)), p.Duplicates())
	}
}

// That one of several receivers is dead, or is back, is told once, whether there are
// other failures or not.
func TestOneDeadReceiverIsTold(t *testing.T) {
	for _, strategy := range []logstash.Strategy{logstash.PreferPrimary, logstash.LoadBalance} {
		t.Run(strategy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, "beats")
				var log errorLog
				s, err := logstash.Dial("beats://a:5044,b:5044", &logstash.DialOptions{
					Strategy: strategy, ConnectionTTL: time.Minute, DialContext: p.dial, OnError: log.add,
				})
				if err != nil {
					t.Fatal(err)
				}
				id := 0
				check := func(when string, want ...string) {
					t.Helper()
					for end := time.Now().Add(20 * time.Minute); time.Now().Before(end); id++ {
						writeEvents(t, s, id, id+1)
						time.Sleep(time.Second)
					}
					got := log.all()
					if !slices.EqualFunc(want, got, func(want string, err error) bool { return strings.Contains(err.Error(), want) }) {
						t.Errorf("%s: OnError was told %q, want %q", when, got, want)
					}
				}
				const dead = "logstash: connect to a:5044: context deadline exceeded (events go over another connection meanwhile)"
				const back = "logstash: a:5044 recovered after "
				check("while a is out of reach", dead)
				if st := s.Stats(); st.LastError == nil || !st.FailingSince.IsZero() || s.Health().State != logstash.Up {
					t.Errorf("%+v, %v; want LastError, and Up as events get through", st, s.Health().State)
				}
				p.lost.Store(false)
				check("when a is back", dead, back)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				checkAccounts(t, s)
			})
		})
	}
}

// A receiver that has worked, and whose host is out of reach after it has closed the
// connection in good order, leaves time for another one, even in Close.
func TestCloseHasTimeForAnotherAddress(t *testing.T) {
	for _, strategy := range []logstash.Strategy{logstash.PreferPrimary, logstash.RoundRobin, logstash.LoadBalance} {
		t.Run(strategy.String(), func(t *testing.T) {
			for range 10 {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t, 2)
					o := &logstash.DialOptions{Strategy: strategy, DialContext: c.dial}
					if strategy == logstash.LoadBalance {
						o.Connections = 1
					}
					s, err := logstash.Dial(c.addr(), o)
					if err != nil {
						t.Fatal(err)
					}
					writeEvents(t, s, 0, 10)
					if err := s.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
					first := slices.IndexFunc(c.all, func(b *lstest.Beats) bool { return b.Connections() > 0 })
					c.all[first].CloseConns()
					c.all[first].Kill()
					c.mu.Lock()
					c.lost = first
					c.mu.Unlock()
					time.Sleep(time.Second)
					writeEvents(t, s, 10, 20)
					c.checkAll(t, s, 20, 0)
				})
			}
		})
	}
}
