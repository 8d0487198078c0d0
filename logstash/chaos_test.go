package logstash_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// What a Shipper must not do, whatever becomes of its receiver and of the
// program it is in: lose an event that Write has taken, change the order of the
// events on a connection, or send more of them again than were under way when
// something broke.

// torture returns the size of a fault run: small unless SLUICE_TORTURE is set,
// and smaller with the race detector, which makes everything slow.
func torture(small, full int) int {
	if os.Getenv("SLUICE_TORTURE") != "" {
		return full
	}
	if testlog.Race {
		return (small + 3) / 4
	}
	return small
}

// chaosTime is the time that a fault run may take for a step.
const chaosTime = time.Minute

// victim is what all receivers bear.
type victim interface {
	Addr() string
	Connections() int
	Kill()
	Restart() error
	ResetConns()
	CloseConns()
	CutAfter(n int64)
	TurnAway(n int, how lstest.End)
	StopReading() (resume func())
}

// chaos breaks a victim again and again while events arrive.
type chaos struct {
	victim
	t      *testing.T
	rnd    *rand.Rand
	ledger *lstest.Ledger
	ills   []func() // what may happen besides
	broken atomic.Bool

	scheme   string
	overtake bool // there are several connections, over which events overtake each other
}

func newChaos(t *testing.T, v victim, ledger *lstest.Ledger) *chaos {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	c := &chaos{victim: v, t: t, rnd: rand.New(rand.NewPCG(seed, 0)), ledger: ledger}
	return c
}

// run breaks the victim so many times, evenly over the events.
func (c *chaos) run(breaks, events int) {
	for i := range breaks {
		waitFor(c.t, "events to arrive", func() bool { return c.ledger.Unique() > i*events/(breaks+1) })
		if i == 0 {
			c.restart() // so that something breaks for certain
			c.broken.Store(true)
			continue
		}
		c.breakIt()
	}
}

func (c *chaos) breakIt() {
	ills := append([]func(){c.restart, c.restart, c.restart, c.ResetConns, c.CloseConns, c.cut, c.turnAway, c.deafen}, c.ills...)
	ills[c.rnd.IntN(len(ills))]()
}

// pause is some milliseconds.
func (c *chaos) pause() { <-time.After(time.Duration(c.rnd.Int64N(int64(15 * time.Millisecond)))) }

func (c *chaos) restart() {
	c.Kill()
	c.pause()
	if err := c.Restart(); err != nil {
		c.t.Error(err)
	}
}

func (c *chaos) cut() { c.CutAfter(c.rnd.Int64N(64 << 10)) }

func (c *chaos) turnAway() {
	c.TurnAway(1+c.rnd.IntN(3), lstest.End(c.rnd.IntN(2)))
	c.ResetConns()
}

// deafen lets nothing be read for a while, which sometimes ends in a reset.
func (c *chaos) deafen() { c.hold(c.StopReading()) }

func (c *chaos) hold(resume func()) {
	c.pause()
	if c.rnd.IntN(2) == 0 {
		c.ResetConns()
	}
	resume()
}

// writeAll writes numbered events while the receiver suffers, until all have
// been settled.
func (c *chaos) writeAll(s *logstash.Shipper, breaks, events int) {
	c.t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { c.run(breaks, events) })
	pad := strings.Repeat("x", 60)
	var event []byte
	for i := range events {
		if breaks > 0 && i == events/2 { // so that it breaks meanwhile
			waitFor(c.t, "something to break", c.broken.Load)
		}
		event = lstest.AppendEvent(event[:0], 0, i, pad)
		if _, err := s.Write(event); err != nil {
			c.t.Errorf("event %d: %v; stats %+v, health %+v", i, err, s.Stats(), s.Health())
			break
		}
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(c.t.Context(), chaosTime)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		c.t.Errorf("%v; stats %+v, health %+v", err, s.Stats(), s.Health())
	}
}

// check checks what must hold whatever has happened, and returns the accounts.
func (c *chaos) check(s *logstash.Shipper, events int) logstash.Stats {
	c.t.Helper()
	dup := uint64(c.ledger.Duplicates()) // before the accounts: there may be more at any time
	st := checkAccounts(c.t, s)
	missing := c.ledger.Missing(0, events)
	if len(missing) > 0 {
		c.t.Errorf("%d events are missing, the first is %d", len(missing), missing[0])
	}
	if n := uint64(events); st.Accepted != n || st.Written != n || st.Dropped != 0 || st.Queued != 0 {
		c.t.Errorf("accepted %d, written %d, dropped %d, queued %d; want %d, %d, 0, 0",
			st.Accepted, st.Written, st.Dropped, st.Queued, n, n)
	}
	if n := c.ledger.OrderBreaks(); n > c.suspects() && !c.overtake || c.ledger.Strange() > 0 {
		c.t.Errorf("%d events out of order, %d strange: %s", n, c.ledger.Strange(), c.ledger.FirstOdd())
	}
	if dup > st.Resent {
		c.t.Errorf("%d duplicates, but only %d events were sent again", dup, st.Resent)
	}
	c.t.Logf("%d events over %d connections: %d duplicates, %d resent, %d reconnects",
		events, c.Connections(), dup, st.Resent, st.Reconnects)
	return st
}

// suspects returns how many events may be overtaken. One over which several
// connections in a row have ended is put aside for a moment, as it may be to blame;
// here that is so by chance, and rare.
func (c *chaos) suspects() int { return 1 + c.Connections()/50 }

// chaosOptions are for a queue that is always full, and impatience.
func chaosOptions() logstash.DialOptions {
	return logstash.DialOptions{
		Policy: logstash.Block, BlockTimeout: chaosTime, MaxEvents: 4096, BatchSize: 256,
		MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
		MinConnectionTime: time.Millisecond,
		DialContext:       dialSmall,
	}
}

// dialSmall dials with a small buffer in the kernel, so that a peer that does
// not read is felt soon.
func dialSmall(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if b, ok := nc.(interface{ SetWriteBuffer(n int) error }); ok {
		_ = b.SetWriteBuffer(16 << 10) // fails only if the connection has ended
	}
	return nc, err
}

func TestChaosBeats(t *testing.T) {
	for name, opts := range map[string]lstest.BeatsOptions{"go-lumber": {}, "logstash": {AckHighest: true}} {
		for _, level := range []int{0, 1} {
			t.Run(name+", compression "+strconv.Itoa(level), func(t *testing.T) {
				testlog.CheckGoroutines(t)
				events, breaks := torture(30_000, 1_000_000), torture(16, 200)
				var ledger lstest.Ledger
				opts.OnEvent, opts.Forget, opts.ReadBuffer = ledger.Receiver(), true, 32<<10
				srv := listenBeats(t, &opts)
				c := newChaos(t, srv, &ledger)
				c.ills = append(c.ills,
					func() { c.hold(srv.Stall(0)) },
					func() { c.hold(srv.Stall(time.Millisecond)) },
					func() { c.answer(srv) },
					func() { c.answer(srv) },
				)
				o := chaosOptions()
				o.CompressionLevel = level
				s := dialShipper(t, "beats://"+srv.Addr(), o)
				c.writeAll(s, breaks, events)
				st := c.check(s, events)
				if most := uint64(srv.Connections()) * 4 * 256; st.Resent > most {
					t.Errorf("%d events sent again, want at most four windows for each of %d connections, %d",
						st.Resent, srv.Connections(), most)
				}
				if st.Reconnects == 0 {
					t.Error("nothing was broken")
				}
			})
		}
	}
}

// answer makes the server give one window a wrong answer.
func (c *chaos) answer(srv *lstest.Beats) {
	once := make(chan struct{})
	wrong, cut, closeOnce := c.rnd.IntN(5), 1+c.rnd.IntN(6), sync.OnceFunc(func() { close(once) })
	srv.SetAnswer(func(n int) lstest.Answer {
		all := uint32(n)
		select {
		case <-once:
			return lstest.Answer{Acks: []uint32{all}}
		default:
		}
		closeOnce()
		switch wrong {
		case 0:
			return lstest.Answer{Acks: []uint32{all / 3, all / 2}, Reset: true}
		case 1:
			return lstest.Answer{Acks: []uint32{all}, Cut: cut}
		case 2:
			return lstest.Answer{Acks: []uint32{all + 1}}
		case 3:
			return lstest.Answer{Refuse: true, Reset: true}
		default:
			return lstest.Answer{Acks: []uint32{0, all / 3, 0, all}, Delay: time.Duration(cut) * time.Millisecond}
		}
	})
}

// Over several connections events overtake each other, but none is lost.
func TestChaosLoadBalance(t *testing.T) {
	testlog.CheckGoroutines(t)
	events, breaks := torture(30_000, 1_000_000), torture(16, 200)
	var ledger lstest.Ledger
	var servers []*lstest.Beats
	for range 2 {
		servers = append(servers, listenBeats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true, ReadBuffer: 32 << 10}))
	}
	o := chaosOptions()
	o.Strategy, o.Connections = logstash.LoadBalance, 4
	s := dialShipper(t, "beats://"+servers[0].Addr()+","+servers[1].Addr(), o)
	other := newChaos(t, servers[1], &ledger)
	c := newChaos(t, servers[0], &ledger)
	c.overtake = true
	var wg sync.WaitGroup
	wg.Go(func() { other.run(breaks/2, events) })
	c.writeAll(s, breaks/2, events)
	wg.Wait()
	c.check(s, events)
}

// A network that breaks every connection sooner or later, in either direction.
func TestChaosProxy(t *testing.T) {
	testlog.CheckGoroutines(t)
	events := torture(40_000, 1_000_000)
	var ledger lstest.Ledger
	srv := listenBeats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
	proxy, err := lstest.ListenProxy("127.0.0.1:0", srv.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	c := newChaos(t, proxy, &ledger)
	most := max(100<<10, int64(torture(0, 600<<10))) // with the race detector as well, or most windows would be cut
	proxy.SetScript(lstest.Chaos(c.rnd.Uint64(), most, 10*time.Millisecond))
	s := dialShipper(t, "beats://"+proxy.Addr(), chaosOptions())
	c.writeAll(s, 0, events)
	c.check(s, events)
	if proxy.Stats().Cut == 0 {
		t.Error("nothing was cut")
	}
	t.Logf("%+v", proxy.Stats())
}
