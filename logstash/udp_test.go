package logstash

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

func newTestDatagrams(t testing.TB, o DialOptions, hosts ...string) *datagrams {
	t.Helper()
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	d, ok := newDatagrams(newEndpoints(hosts, &o), &o).(*datagrams)
	if !ok {
		t.Fatal("newDatagrams gave something else")
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// listenUDP returns a socket on addr that is closed when the test ends.
func listenUDP(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // some tests have closed it before
	return conn
}

// receive returns the next n datagrams.
func receive(t testing.TB, conn *net.UDPConn, n int) []string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var texts []string
	b := make([]byte, 1<<16)
	for range n {
		m, err := conn.Read(b)
		if err != nil {
			t.Fatalf("after %d datagrams: %v", len(texts), err)
		}
		texts = append(texts, string(b[:m]))
	}
	return texts
}

func TestDatagramsOnePerEvent(t *testing.T) {
	testlog.CheckGoroutines(t)
	peer := listenUDP(t, "127.0.0.1:0")
	d := newTestDatagrams(t, DialOptions{}, peer.LocalAddr().String())
	for i := range 10 {
		if errs := deliver(t, d, eventRun(10*i, 10*i+10)); errs != nil {
			t.Fatal(errs)
		}
	}
	if diff := cmp.Diff(textsOf(eventRun(0, 100)), receive(t, peer, 100)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// Events for a receiver that is not there are held back, and go out when it is. An
// overloaded machine may let nobody notice the refusal in time.
func TestDatagramsRefused(t *testing.T) {
	for range 5 {
		if refused(t) {
			return
		}
	}
	t.Error("what nobody took counts each time")
}

// refused reports whether the refusal was noticed in time.
func refused(t *testing.T) bool {
	t.Helper()
	peer := listenUDP(t, "127.0.0.1:0")
	addr := peer.LocalAddr().String()
	d := newTestDatagrams(t, DialOptions{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}, addr)
	deliver(t, d, eventRun(0, 10))
	receive(t, peer, 10)
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	deliver(t, d, eventRun(10, 11)) // lost, and refused
	<-d.conn.done
	for i := range 2 {
		n, err := d.Send(t.Context(), eventRun(11, 20))
		if n > 0 && i > 0 {
			return false
		}
		if n != 0 || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Send: %d, %v; want 0, connection refused", n, err)
		}
	}
	again := listenUDP(t, addr)
	deliver(t, d, eventRun(11, 20))
	if diff := cmp.Diff(textsOf(eventRun(11, 20)), receive(t, again, 9)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	return true
}

// With several receivers the next takes over from one that refuses, if that is noticed
// in time.
func TestDatagramsNextHost(t *testing.T) {
	for range 5 {
		gone := listenUDP(t, "127.0.0.1:0")
		if err := gone.Close(); err != nil {
			t.Fatal(err)
		}
		peer := listenUDP(t, "127.0.0.1:0")
		d := newTestDatagrams(t, DialOptions{}, gone.LocalAddr().String(), peer.LocalAddr().String())
		n, err := d.Send(t.Context(), eventRun(0, 5))
		if n > 0 {
			continue
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Send: %v, want connection refused", err)
		}
		if errs := deliver(t, d, eventRun(0, 5)); errs != nil {
			t.Errorf("errors %v, want none", errs)
		}
		if diff := cmp.Diff(textsOf(eventRun(0, 5)), receive(t, peer, 5)); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("what nobody took counts each time")
}

// An event that no datagram can hold is rejected, and the others are sent.
func TestDatagramsTooLong(t *testing.T) {
	peer := listenUDP(t, "127.0.0.1:0")
	if err := peer.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	d := newTestDatagrams(t, DialOptions{}, peer.LocalAddr().String())
	longest := []byte(`{"a":"` + strings.Repeat("a", maxDatagram-8) + `"}`)
	tooLong := append(bytes.Clone(longest), 'x')
	n, err := d.Send(t.Context(), [][]byte{[]byte("{}"), longest, tooLong, []byte("{}")})
	after, ok := retryAfter(err)
	if n != 2 || !errors.Is(err, ErrRejected) || !errors.Is(err, ErrTooLarge) || !ok || after != rejectPause {
		t.Errorf("Send: %d, %v; want 2, rejected as too large", n, err)
	}
	conn := d.conn
	if errs := deliver(t, d, eventRun(0, 1)); errs != nil || d.conn != conn {
		t.Errorf("errors %v, want none and the same socket", errs)
	}
	got := receive(t, peer, 3)
	if diff := cmp.Diff([]string{"{}", string(longest), `{"id":0}`}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// However many events are sent at once, or in several batches, a receiver has time
// to read some before more than its socket has room for are there.
func TestDatagramsInBursts(t *testing.T) {
	tests := []struct {
		name             string
		batch, size      int
		atOnce           int
		batches          int
		least, mostTaken time.Duration
	}{
		{"short ones", 2048, 320, 64, 1, 31 * time.Millisecond, 32 * time.Millisecond},
		{"long ones", 64, 16 << 10, 2, 1, 31 * time.Millisecond, 32 * time.Millisecond},
		{"longest", 10, maxDatagram, 1, 1, 9 * time.Millisecond, 10 * time.Millisecond},
		{"small batches", 1, 100, 64, 640, 9 * time.Millisecond, 10 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					mu   sync.Mutex
					seen = make(map[time.Time]int) // datagrams by the time
				)
				peer := pipePeer{serve: func(_ int, theirs net.Conn) {
					b := make([]byte, 1<<16)
					for {
						if _, err := theirs.Read(b); err != nil {
							return
						}
						mu.Lock()
						seen[time.Now()]++
						mu.Unlock()
					}
				}}
				d := newTestDatagrams(t, DialOptions{DialContext: peer.dial}, "peer:1")
				deliver(t, d, eventRun(0, 1))
				time.Sleep(time.Second)
				start := time.Now()
				for range tt.batches {
					deliver(t, d, longEvents(tt.batch, tt.size))
				}
				took := time.Since(start)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				for at, n := range seen {
					if n > tt.atOnce {
						t.Errorf("%d datagrams at %v, want at most %d", n, at, tt.atOnce)
					}
				}
				if took < tt.least || took > tt.mostTaken {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.mostTaken)
				}
			})
		})
	}
}

// Most is not lost on the way to a receiver that reads, also when all of it was
// held back. An overloaded machine may not let it read for a while.
func TestDatagramsArrive(t *testing.T) {
	const count = 4000
	lost := count
	for try := 0; try < 5 && lost > count/4; try++ {
		lost = count - arrivals(t, count)
		t.Logf("%d of %d lost", lost, count)
	}
	if lost > count/4 {
		t.Error("too many are lost each time")
	}
}

// arrivals sends so many datagrams, and returns how many arrive.
func arrivals(t *testing.T, count int) int {
	t.Helper()
	peer := listenUDP(t, "127.0.0.1:0")
	got := make(chan int)
	go func() {
		n := 0
		defer func() { got <- n }()
		for b := make([]byte, 1<<16); n < count; n++ {
			if err := peer.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
				return
			}
			if _, err := peer.Read(b); err != nil {
				return
			}
		}
	}()
	d := newTestDatagrams(t, DialOptions{}, peer.LocalAddr().String())
	events := longEvents(count, 320)
	if errs := deliver(t, d, events); errs != nil {
		t.Error(errs)
	}
	return <-got
}

// Names are looked up again after a minute, or ConnectionTTL. While that does not
// work the old address is used.
func TestDatagramsLookUpAgain(t *testing.T) {
	for _, ttl := range []time.Duration{0, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var (
				peer  pipePeer
				fail  bool
				tries int
			)
			d := newTestDatagrams(t, DialOptions{
				Strategy: RoundRobin, ConnectionTTL: ttl, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if network != "udp" || addr != "peer:1" {
						t.Errorf("dialled %s %s", network, addr)
					}
					if tries++; fail {
						return nil, testlog.ErrInjected
					}
					return peer.dial(ctx, network, addr)
				},
			}, "peer:1")
			every := ttl
			if ttl == 0 {
				every = time.Minute
			}
			expect := func(wantTries, wantDials int) {
				t.Helper()
				if errs := deliver(t, d, eventRun(0, 1)); errs != nil {
					t.Error(errs)
				}
				if tries != wantTries || peer.dials() != wantDials {
					t.Errorf("%d tries, %d sockets; want %d, %d", tries, peer.dials(), wantTries, wantDials)
				}
			}
			expect(1, 1)
			time.Sleep(every - settleTime - 1)
			expect(1, 1)
			time.Sleep(time.Nanosecond)
			expect(2, 2)
			fail = true
			time.Sleep(every)
			expect(3, 2)
			expect(3, 2) // not with each batch
			time.Sleep(every)
			expect(4, 2)
			fail = false
			time.Sleep(every)
			expect(5, 3)
		})
	}
}

// A full buffer of the kernel is waited for, but not for ever, and neither longer
// than ctx.
func TestDatagramsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{serve: func(_ int, theirs net.Conn) {
			b := make([]byte, 100)
			_, _ = theirs.Read(b)
		}}
		d := newTestDatagrams(t, DialOptions{DialContext: peer.dial, Timeout: time.Minute}, "peer:1")
		n, err := d.Send(t.Context(), eventRun(0, 3))
		if n != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Send: %d, %v; want 1, os.ErrDeadlineExceeded", n, err)
		}
		time.Sleep(2 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if n, err = d.Send(ctx, eventRun(1, 3)); n != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send: %d, %v; want 1, context.DeadlineExceeded", n, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Send took %v, want 1s", took)
		}
	})
}

func TestDatagramsAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	peer := listenUDP(t, "127.0.0.1:0")
	d := newTestDatagrams(t, DialOptions{}, peer.LocalAddr().String())
	allocs := func(n int) float64 {
		events := eventRun(0, n)
		deliver(t, d, events)
		return testing.AllocsPerRun(10, func() {
			if _, err := d.Send(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(1), allocs(500); many > few+1 {
		t.Errorf("%v allocations for 500 events, %v for one", many, few)
	}
}

func BenchmarkDatagrams(b *testing.B) {
	peer := listenUDP(b, "127.0.0.1:0")
	go func() {
		buf := make([]byte, 1<<16)
		for {
			if _, err := peer.Read(buf); err != nil {
				return
			}
		}
	}()
	d := newTestDatagrams(b, DialOptions{}, peer.LocalAddr().String())
	events := longEvents(2048, 320)
	deliver(b, d, events)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Send(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
}
