package logstash_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// pen is a Beats receiver in memory that reads all it is sent and acks what the test
// says.
type pen struct {
	mu    sync.Mutex
	conns []*penConn
}

// penConn is one connection to it.
type penConn struct {
	net.Conn

	windows [][]int // the numbers of the events of each window
	acked   int     // windows
}

func (p *pen) Dial(context.Context, string, string) (net.Conn, error) {
	theirs, ours := net.Pipe()
	c := &penConn{Conn: ours}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	go p.read(c)
	return theirs, nil
}

// read reads windows of frames without compression.
func (p *pen) read(c *penConn) {
	r := bufio.NewReader(c)
	var head [6]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		var ids []int
		for range binary.BigEndian.Uint32(head[2:]) {
			var frame [10]byte
			if _, err := io.ReadFull(r, frame[:]); err != nil {
				return
			}
			event := make([]byte, binary.BigEndian.Uint32(frame[6:]))
			if _, err := io.ReadFull(r, event); err != nil {
				return
			}
			ids = append(ids, eventID(event))
		}
		p.mu.Lock()
		c.windows = append(c.windows, ids)
		p.mu.Unlock()
	}
}

// got returns the windows that the i-th connection was sent.
func (p *pen) got(i int) [][]int {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if i >= len(p.conns) {
		return nil
	}
	return slices.Clone(p.conns[i].windows)
}

// ack acks n events of the first window that is not acked on the i-th connection.
func (p *pen) ack(i, n int) {
	p.mu.Lock()
	c := p.conns[i]
	if n == len(c.windows[c.acked]) {
		c.acked++
	}
	p.mu.Unlock()
	_, _ = c.Write(binary.BigEndian.AppendUint32([]byte("2A"), uint32(n)))
	synctest.Wait()
}

// ackAll acks everything until there is nothing more.
func (p *pen) ackAll(i int) {
	for {
		synctest.Wait()
		p.mu.Lock()
		if i >= len(p.conns) || p.conns[i].acked == len(p.conns[i].windows) {
			p.mu.Unlock()
			return
		}
		n := len(p.conns[i].windows[p.conns[i].acked])
		p.mu.Unlock()
		p.ack(i, n)
	}
}

func (p *pen) shipper(t *testing.T, opts logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	opts.DialContext = p.Dial
	s, err := logstash.Dial("beats://logs", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// As many windows are under way as Pipeline says, and each ack lets another one go.
func TestPipeline(t *testing.T) {
	for pipeline, want := range map[int]int{0: 4, 1: 1, 2: 2, 7: 7} {
		t.Run(strconv.Itoa(pipeline), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p pen
				s := p.shipper(t, logstash.DialOptions{Pipeline: pipeline, BatchSize: 3})
				writeEvents(t, s, 0, 60)
				for done := range 20 {
					if got, most := len(p.got(0)), min(done+want, 20); got != most {
						t.Fatalf("%d windows sent after %d acks, want %d", got, done, most)
					}
					if done == 3 {
						p.ack(0, 1) // a part of a window lets none go
						p.ack(0, 0) // and a keepalive neither
						if got := len(p.got(0)); got != min(done+want, 20) {
							t.Errorf("%d windows sent after a part of an ack", got)
						}
					}
					p.ack(0, 3)
					if st := checkAccounts(t, s); st.Written != uint64(3*done+3) {
						t.Errorf("written %d after %d acks of 3", st.Written, done+1)
					}
				}
				if diff := cmp.Diff(count(0, 60), slices.Concat(p.got(0)...)); diff != "" {
					t.Errorf("arrived mismatch (-want +got):\n%s", diff)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// After a break, what is not acked is sent again first and in order, slowly at the
// beginning, and what was acked is not.
func TestPipelineBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pen
		s := p.shipper(t, logstash.DialOptions{Pipeline: 4, BatchSize: 8})
		writeEvents(t, s, 0, 64)
		p.got(0) // four windows
		p.ack(0, 8)
		p.ack(0, 3)
		p.conns[0].Close()
		time.Sleep(2 * time.Second)
		p.ackAll(1)
		got := p.got(1)
		if diff := cmp.Diff(count(11, 64), slices.Concat(got...)); diff != "" {
			t.Errorf("sent again mismatch (-want +got):\n%s", diff)
		}
		var sizes []int
		for _, w := range got {
			sizes = append(sizes, len(w))
		}
		if len(sizes) < 3 || sizes[0] > 4 || slices.Max(sizes) > 8 {
			t.Errorf("windows of %v, want a small one first", sizes)
		}
		if st := checkAccounts(t, s); st.Written != 64 || st.Resent != 5+3*8 || st.Reconnects != 1 {
			t.Errorf("written %d, resent %d, reconnects %d; want 64, 29, 1", st.Written, st.Resent, st.Reconnects)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// One window after a break, then more and more.
func TestPipelineStartsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pen
		s := p.shipper(t, logstash.DialOptions{Pipeline: 3, BatchSize: 4})
		writeEvents(t, s, 0, 80)
		p.got(0)
		p.conns[0].Close()
		time.Sleep(2 * time.Second)
		for acks, want := range []int{1, 3, 5, 6, 7} {
			if got := p.got(1); len(got) != want {
				t.Fatalf("%d windows sent after %d acks, want %d", len(got), acks, want)
			}
			p.ack(1, len(p.got(1)[acks]))
		}
		p.ackAll(1)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Flush waits for what was written before it, and for nothing else, in whatever order
// acks come over several connections; so does Shutdown.
func TestFlushIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pen
		s := p.shipper(t, logstash.DialOptions{
			Strategy: logstash.LoadBalance, Connections: 3, Pipeline: 1, BatchSize: 1,
		})
		done := make(map[int]bool)
		var mu sync.Mutex
		for i := range 3 {
			writeEvents(t, s, i, i+1)
			go func() {
				err := s.Flush(t.Context())
				mu.Lock()
				defer mu.Unlock()
				done[i] = err == nil
			}()
			synctest.Wait() // event i is under way on a connection of its own
		}
		conn := func(id int) int {
			for i := range 3 {
				if w := p.got(i); len(w) == 1 && w[0][0] == id {
					return i
				}
			}
			t.Fatalf("event %d is nowhere", id)
			return 0
		}
		check := func(want map[int]bool) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, done); diff != "" {
				t.Errorf("flushed mismatch (-want +got):\n%s", diff)
			}
		}
		check(map[int]bool{})
		p.ack(conn(1), 1)
		check(map[int]bool{})
		p.ack(conn(0), 1)
		check(map[int]bool{0: true, 1: true})
		closed := make(chan error)
		go func() { closed <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Errorf("Shutdown has not waited: %v", err)
		default:
		}
		p.ack(conn(2), 1)
		check(map[int]bool{0: true, 1: true, 2: true})
		if err := <-closed; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		checkAccounts(t, s)
	})
}

// Of three receivers one is dead and one does not ack: the third gets what can be had,
// and nothing is lost.
func TestLoadBalance(t *testing.T) {
	for _, keepalive := range []time.Duration{0, 5 * time.Second} {
		t.Run(fmt.Sprintf("keepalive %v", keepalive), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ledger lstest.Ledger
				good := lstest.NewBeats(&lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
				slow := lstest.NewBeats(&lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
				defer good.Kill()
				defer slow.Kill()
				good.SetAnswer(func(n int) lstest.Answer { // so that the others get something to do
					return lstest.Answer{Acks: []uint32{uint32(n)}, Delay: 25 * time.Millisecond}
				})
				resume := slow.Stall(keepalive)
				s, err := logstash.Dial("beats://good,slow,dead", &logstash.DialOptions{
					Strategy: logstash.LoadBalance, BatchSize: 10, Pipeline: 2, Timeout: 20 * time.Second,
					DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
						switch addr {
						case "good:5044":
							return good.Dial(ctx, network, addr)
						case "slow:5044":
							return slow.Dial(ctx, network, addr)
						}
						return nil, testlog.ErrInjected
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				const n = 2000
				for i := range n {
					writeEvents(t, s, i, i+1)
					time.Sleep(time.Millisecond)
				}
				time.Sleep(5 * time.Second)
				if st := checkAccounts(t, s); st.Queued > 40 || st.Written < n-40 {
					t.Errorf("queued %d, written %d; want what is under way on one connection or two at most", st.Queued, st.Written)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err = s.Flush(ctx)
				cancel()
				if err == nil {
					t.Error("Flush: nil while a receiver has not acked")
				}
				if keepalive == 0 {
					time.Sleep(2 * time.Minute) // the silence ends the connection, and others take over
				} else {
					time.Sleep(2 * time.Minute)
					if st := checkAccounts(t, s); st.Queued == 0 {
						t.Error("nothing queued, though the slow receiver is alive and has acked nothing")
					}
					resume()
				}
				if err := s.Flush(within(t)); err != nil {
					t.Error(err)
				}
				resume()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if missing := ledger.Missing(0, n); len(missing) > 0 {
					t.Errorf("missing %v", missing)
				}
				if st := checkAccounts(t, s); st.Written != n || st.Dropped != 0 {
					t.Errorf("written %d, dropped %d; want %d, 0", st.Written, st.Dropped, n)
				}
			})
		})
	}
}

// A connection that has had its time ends between two batches: nothing is sent twice,
// and nobody hears of it.
func TestConnectionTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log errorLog
		a, b := lstest.NewBeats(nil), lstest.NewBeats(nil)
		defer a.Kill()
		defer b.Kill()
		s, err := logstash.Dial("beats://a,b", &logstash.DialOptions{
			Strategy: logstash.RoundRobin, ConnectionTTL: time.Minute, FlushInterval: -1, BatchSize: 5, OnError: log.add,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "a:5044" {
					return a.Dial(ctx, network, addr)
				}
				return b.Dial(ctx, network, addr)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		every := 10 * time.Millisecond
		if testlog.Race {
			every = 50 * time.Millisecond
		}
		n := int(10 * time.Minute / every)
		for i := range n {
			writeEvents(t, s, i, i+1)
			time.Sleep(every)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		st := checkAccounts(t, s)
		if st.Written != uint64(n) || st.Resent != 0 || st.Reconnects < 8 || st.Reconnects > 10 || len(log.all()) > 0 {
			t.Errorf("written %d, resent %d, reconnects %d, OnError %q; want %d, 0, about 9 and none",
				st.Written, st.Resent, st.Reconnects, log.all(), n)
		}
		if x, y := len(a.Events()), len(b.Events()); x+y != n || min(x, y) < n/3 {
			t.Errorf("arrived %d and %d, want %d in all, about half each", x, y, n)
		}
	})
}

// The pause is what the error says, or the backoff if it says nothing.
func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name        string
		err         error
		least, most time.Duration
	}{
		{"seven seconds", retryInError{testlog.ErrInjected, 7 * time.Second}, 7 * time.Second, 7 * time.Second},
		{"wrapped", fmt.Errorf("busy: %w", retryInError{testlog.ErrInjected, 90 * time.Second}), 90 * time.Second, 90 * time.Second},
		{"of a rejection", retryInError{logstash.ErrRejected, 7 * time.Second}, 7 * time.Second, 7 * time.Second},
		{"none", testlog.ErrInjected, 500 * time.Millisecond, time.Second},
		{"no time at all", retryInError{testlog.ErrInjected, 0}, 500 * time.Millisecond, time.Second},
		{"in the past", retryInError{testlog.ErrInjected, -time.Second}, 500 * time.Millisecond, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
					if calls++; calls == 1 {
						return 0, tt.err
					}
					return len(events), nil
				}}
				s := newShipper(t, f, nil)
				writeEvents(t, s, 0, 1)
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				if d := f.times[1].Sub(f.times[0]); d < tt.least || d > tt.most {
					t.Errorf("the pause was %v, want %v to %v", d, tt.least, tt.most)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is acked of a second attempt was sent again, although the rest of it was not.
func TestResentInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		f := &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
			switch calls++; calls {
			case 1:
				return 0, testlog.ErrInjected
			case 2:
				return 4, nothingError{}
			default:
				return len(events), nil
			}
		}}
		s := newShipper(t, f, nil)
		writeEvents(t, s, 0, 10)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := checkAccounts(t, s); st.Resent != 10 || st.Written != 10 {
			t.Errorf("resent %d, written %d; want 10, 10", st.Resent, st.Written)
		}
	})
}

// badTransport panics wherever it can.
type badTransport struct {
	fakeTransport
	panics int
}

func (b *badTransport) Send(ctx context.Context, events [][]byte) (int, error) {
	if b.panics--; b.panics >= 0 {
		panic("bad transport")
	}
	return b.fakeTransport.Send(ctx, events)
}

func (*badTransport) Close() error { panic("bad transport") }

func TestTransportPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log errorLog
		b := &badTransport{panics: 3}
		s := newShipper(t, b, &logstash.DialOptions{OnError: log.add})
		writeEvents(t, s, 0, 10)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		writeEvents(t, s, 10, 20)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wantIDs(t, count(0, 20), b.arrived())
		if errs := log.all(); len(errs) != 2 {
			t.Errorf("OnError was told %q, want the first panic and the recovery", errs)
		}
		checkAccounts(t, s)
	})
}

// What is rejected is divided until one event is left, and all others stay in order.
func TestRejectedInHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &picky{poison: func(e []byte) bool { return eventID(e) == 5 }}
		s := p.start(t, logstash.DialOptions{BatchSize: 16})
		writeEvents(t, s, 0, 16)
		time.Sleep(time.Minute)
		writeEvents(t, s, 16, 20)
		time.Sleep(time.Minute)
		if st := checkAccounts(t, s); st.DroppedRejected != 1 || st.Written != 19 {
			t.Errorf("rejected %d, written %d; want 1, 19", st.DroppedRejected, st.Written)
		}
		got := p.arrivedIDs()
		if diff := cmp.Diff(append(count(0, 5), count(6, 20)...), got); diff != "" {
			t.Errorf("arrived mismatch (-want +got):\n%s", diff)
		}
		for _, b := range p.sizes()[1:] {
			if b > 8 {
				t.Errorf("batches of %v, want at most half of the first", p.sizes())
				break
			}
		}
		if n := len(p.sizes()); n > 12 {
			t.Errorf("%d attempts, want few", n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// However often connections break, there are no more goroutines than before.
func TestGoroutinesStayTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lstest.NewBeats(&lstest.BeatsOptions{Forget: true})
		defer srv.Kill()
		s, err := logstash.Dial("beats://logs", &logstash.DialOptions{DialContext: srv.Dial, OnError: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		first := 0
		for i := range 50 {
			writeEvents(t, s, i, i+1)
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := testlog.Goroutines(); i == 0 {
				first = n
			} else if n > first+4 { // some are of tests before
				t.Errorf("%d goroutines after %d breaks, %d at first", n, i, first)
			}
			srv.ResetConns()
			time.Sleep(time.Hour)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Send and Close are never called at once, whatever is called from outside.
func TestTransportIsForOneGoroutine(t *testing.T) {
	var busy sync.Mutex
	f := &fakeTransport{}
	f.send = func(_ context.Context, events [][]byte) (int, error) {
		if !busy.TryLock() {
			t.Error("Send while Send is called")
			return 0, testlog.ErrInjected
		}
		defer busy.Unlock()
		runtime.Gosched()
		if len(events)%3 == 0 {
			return 0, testlog.ErrInjected
		}
		return len(events), nil
	}
	s := newShipper(t, f, &logstash.DialOptions{FlushInterval: -1, MinBackoff: 1, MaxBackoff: 1})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 200 {
				_, _ = s.Write([]byte(event(w*200 + i))) // refused at the end
				if i%10 == 0 {
					_ = s.Flush(within(t))
				}
			}
			_ = s.Shutdown(within(t))
		})
	}
	all.Wait()
	if f.closed != 1 {
		t.Errorf("closed %d times, want once", f.closed)
	}
	if st := checkAccounts(t, s); st.Queued != 0 {
		t.Errorf("queued %d", st.Queued)
	}
	if _, err := s.Write([]byte(event(0))); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
}
