package logstash_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// lossy is a receiver in memory that loses what its first connection was sent, as
// the buffers of a connection do that breaks.
type lossy struct {
	*lstest.TCP // has the other connections

	ledger lstest.Ledger
	first  *lstest.TCP
	wrap   func(n int, c net.Conn) net.Conn // nil leaves the n-th connection, from 0, as it is
	away   atomic.Bool                      // it takes no connections

	mu    sync.Mutex
	dials int
}

func newLossy() *lossy {
	l := &lossy{first: lstest.NewTCP(nil)}
	l.TCP = lstest.NewTCP(&lstest.TCPOptions{OnLine: l.ledger.Receiver()})
	return l
}

func (l *lossy) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.away.Load() {
		return nil, testlog.ErrInjected
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n, srv := l.dials, l.TCP
	if l.dials++; n == 0 {
		srv = l.first
	}
	c, err := srv.Dial(ctx, network, addr)
	if err == nil && l.wrap != nil {
		c = l.wrap(n, c)
	}
	return c, err
}

func (l *lossy) close() {
	l.first.Kill()
	l.Kill()
}

// check checks that the receiver has events 0 to n, those that were lost with the
// first connection only because they were written again.
func (l *lossy) check(t *testing.T, s *logstash.Shipper, n int) {
	t.Helper()
	synctest.Wait()
	if missing := l.ledger.Missing(0, n); len(missing) > 0 || l.ledger.Duplicates() > 0 {
		t.Errorf("missing %v, %d duplicates; want neither", missing, l.ledger.Duplicates())
	}
	if st := checkAccounts(t, s); st.Written != uint64(n) || st.Resent < uint64(l.first.Count()) || l.first.Count() == 0 {
		t.Errorf("written %d, resent %d, %d of them lost; want %d, and no fewer sent again than some lost",
			st.Written, st.Resent, l.first.Count(), n)
	}
}

// writeHook is a connection with a Write of its own.
type writeHook struct {
	net.Conn

	write func(p []byte) (int, error)
}

func (c *writeHook) Write(p []byte) (int, error) { return c.write(p) }

// A connection that has broken after the last event loses nothing, however the break
// is noticed, though nobody writes another event; and the Shipper is up again.
func TestStreamMendsWithoutEvents(t *testing.T) {
	tests := []struct {
		name  string
		wrap  func(n int, c net.Conn) net.Conn
		cause func(l *lossy)
	}{
		{"closed while in use", nil, func(l *lossy) { l.first.CloseConns() }},
		{"closed while idle", nil, func(l *lossy) {
			time.Sleep(time.Minute)
			l.first.CloseConns()
		}},
		{"a keepalive fails", func(n int, c net.Conn) net.Conn {
			if n > 0 {
				return c
			}
			return &brokenConn{Conn: c, room: 3 * len(event(0)+"\n")}
		}, func(*lossy) { time.Sleep(time.Hour) }},
		{"a keepalive is not taken", nil, func(l *lossy) {
			l.first.StopReading()
			time.Sleep(3 * time.Hour) // the receiver has one read under way
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLossy()
				defer l.close()
				l.wrap = tt.wrap
				s := dialShipper(t, "tcp://logs:1", logstash.DialOptions{
					DialContext: l.Dial, ResendBytes: 1000, KeepAlive: 50 * time.Minute, FlushInterval: time.Millisecond,
				})
				writeEvents(t, s, 0, 3)
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				tt.cause(l)
				time.Sleep(time.Minute)
				l.check(t, s, 3)
				if h := s.Health(); h.State != logstash.Up || h.Err != nil {
					t.Errorf("state %v, error %v; want up", h.State, h.Err)
				}
				if since := s.Stats().FailingSince; !since.IsZero() {
					t.Errorf("failing since %v", since)
				}
			})
		})
	}
}

// A batch that one connection could not write may go out over another one. What the
// broken connection had been given before is written again all the same, also when
// the Shipper is being shut down by then.
func TestStreamMendsThoughAnotherHasTheBatch(t *testing.T) {
	for _, closing := range []bool{false, true} {
		name := "still open"
		if closing {
			name = "closing"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, open := newLossy(), make(chan struct{})
				defer l.close()
				l.wrap = func(n int, c net.Conn) net.Conn {
					room := 3 * len(event(0)+"\n")
					switch n {
					case 0:
						return &writeHook{c, func(p []byte) (int, error) {
							if room < len(p) {
								l.away.Store(true)
								return 0, testlog.ErrInjected
							}
							room -= len(p)
							return c.Write(p)
						}}
					case 1:
						return &writeHook{c, func(p []byte) (int, error) {
							<-open // so that the first has the next batch
							return c.Write(p)
						}}
					}
					return c
				}
				s := dialShipper(t, "tcp://logs:1", logstash.DialOptions{
					DialContext: l.Dial, ResendBytes: 1000, FlushInterval: time.Millisecond, BatchSize: 3,
					Strategy: logstash.LoadBalance, Connections: 2, MinBackoff: time.Second, MaxBackoff: 2 * time.Second,
				})
				for i := range 3 {
					writeEvents(t, s, 3*i, 3*i+3)
					time.Sleep(50 * time.Millisecond) // less than the first batch has to wait until it counts
				}
				time.Sleep(time.Second)
				if !l.away.Load() {
					t.Fatal("nothing is broken")
				}
				close(open)
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				shut := make(chan error, 1)
				if closing {
					go func() { shut <- s.Shutdown(context.Background()) }()
				}
				time.Sleep(time.Minute)
				l.away.Store(false)
				time.Sleep(time.Minute)
				l.check(t, s, 9)
				if closing {
					if err := <-shut; err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// resetConn is a connection in memory with resets in place of the other one's FIN,
// and a CloseWrite.
type resetConn struct {
	net.Conn

	closeWrite func() error
}

func (c *resetConn) CloseWrite() error { return c.closeWrite() }

func (c *resetConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		err = syscall.ECONNRESET
	}
	return n, err
}

// A receiver that goes away while Shutdown waits for it to have read everything is
// waited for, as long as Shutdown has time.
func TestStreamMendsInShutdown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		away    time.Duration
		arrives bool
	}{
		{"back at once", 0, true},
		{"back within the time", 30 * time.Second, true},
		{"back too late", 2 * time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLossy()
				defer l.close()
				l.wrap = func(n int, c net.Conn) net.Conn {
					if n > 0 {
						return c
					}
					return &resetConn{c, func() error {
						l.away.Store(true)
						l.first.ResetConns()
						time.AfterFunc(tt.away, func() { l.away.Store(false) })
						return nil
					}}
				}
				s := dialShipper(t, "tcp://logs:1", logstash.DialOptions{DialContext: l.Dial, ResendBytes: 1000})
				writeEvents(t, s, 0, 3)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := s.Shutdown(ctx)
				if (err == nil) != tt.arrives || !tt.arrives && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), ": 3 events which a break may have lost")) {
					t.Errorf("Shutdown: %v; want the number of events that are missing, if any", err)
				}
				if early := ctx.Err() == nil; early != tt.arrives {
					t.Errorf("Shutdown returned before its time was over: %v, want %v", early, tt.arrives)
				}
				synctest.Wait()
				if got := l.ledger.Unique() == 3; got != tt.arrives {
					t.Errorf("all arrived: %v, want %v", got, tt.arrives)
				}
			})
		})
	}
}
