package logstash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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

// newTestStream returns a stream to hosts, which is closed when the test ends.
func newTestStream(t testing.TB, o DialOptions, hosts ...string) *stream {
	t.Helper()
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	network := "tcp"
	if strings.HasPrefix(hosts[0], "/") {
		network = "unix"
	}
	var files *tlsFiles
	if o.TLS != nil {
		if files, err = newTLSFiles(&o); err != nil {
			t.Fatal(err)
		}
	}
	s, ok := newStream(newEndpoints(hosts, &o), network, files, &o).(*stream)
	if !ok {
		t.Fatal("newStream gave something else")
	}
	t.Cleanup(func() { _ = s.Close() }) // most have broken their peer
	return s
}

// eventRun returns events with the numbers from and up to to.
func eventRun(from, to int) [][]byte {
	var events [][]byte
	for i := from; i < to; i++ {
		events = append(events, fmt.Appendf(nil, `{"id":%d}`, i))
	}
	return events
}

// lines returns events as they are written.
func lines(events [][]byte) string {
	return strings.Join(append(textsOf(events), ""), "\n")
}

func textsOf(events [][]byte) []string {
	var texts []string
	for _, event := range events {
		texts = append(texts, string(event))
	}
	return texts
}

// deliver sends events as a Shipper does, again after each error and when that
// says so, and returns the errors.
func deliver(t testing.TB, tr Transport, events [][]byte) []error {
	t.Helper()
	var errs []error
	for len(events) > 0 {
		n, err := tr.Send(t.Context(), events)
		events = events[n:]
		if err == nil {
			continue
		}
		errs = append(errs, err)
		after, _ := retryAfter(err)
		select {
		case <-time.After(after):
		case <-t.Context().Done():
			t.Fatal("out of time")
		}
	}
	return errs
}

// pipePeer is a peer of which every connection is one end of a net.Pipe.
type pipePeer struct {
	serve func(n int, theirs net.Conn)        // of the n-th connection, from 0; nil reads it to its end
	wrap  func(n int, ours net.Conn) net.Conn // nil leaves it as it is

	mu    sync.Mutex
	conns []net.Conn
	times []time.Time
	got   []*bytes.Buffer // what arrived on each connection
}

func (p *pipePeer) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns)
	p.conns = append(p.conns, theirs)
	p.times = append(p.times, time.Now())
	p.got = append(p.got, new(bytes.Buffer))
	go func() {
		if p.serve == nil {
			p.read(n, theirs)
			return
		}
		p.serve(n, theirs)
	}()
	if p.wrap != nil {
		return p.wrap(n, ours), nil
	}
	return ours, nil
}

// read keeps what comes over a connection.
func (p *pipePeer) read(n int, theirs net.Conn) {
	_, _ = io.Copy(writerFunc(func(b []byte) (int, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.got[n].Write(b)
	}), theirs)
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// take keeps what one read gives.
func (p *pipePeer) take(n int, theirs net.Conn) {
	b := make([]byte, 100)
	m, _ := theirs.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[n].Write(b[:m])
}

// texts returns what arrived on each connection.
func (p *pipePeer) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var texts []string
	for _, b := range p.got {
		texts = append(texts, b.String())
	}
	return texts
}

func (p *pipePeer) dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *pipePeer) closeLast(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.conns[len(p.conns)-1].Close(); err != nil {
		t.Error(err)
	}
}

// cutConn takes a number of bytes in all and then fails.
type cutConn struct {
	net.Conn
	room int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n := min(c.room, len(p))
	c.room -= n
	m, err := c.Conn.Write(p[:n])
	if err == nil && m < len(p) {
		err = testlog.ErrInjected
	}
	return m, err
}

// After a write that broke off, wherever that was, the whole batch goes out again
// over a new connection, behind what ResendBytes keeps of the batch before: no
// connection ever begins inside a line, and every line arrives.
func TestStreamBrokenWriteStartsAgain(t *testing.T) {
	first, second := eventRun(0, 3), eventRun(3, 6)
	tests := []struct {
		name   string
		resend int
		again  string
		resent uint64
	}{
		{"nothing kept", 0, "", 0},
		{"one line kept", len(lines(first[2:])), lines(first[2:]), 1},
		{"one byte less than two", len(lines(first[1:])) - 1, lines(first[2:]), 1},
		{"two lines kept", len(lines(first[1:])), lines(first[1:]), 2},
		{"more than there was", 1 << 20, lines(first), 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for cut := range len(lines(second)) {
				synctest.Test(t, func(t *testing.T) {
					peer := pipePeer{wrap: func(n int, ours net.Conn) net.Conn {
						if n == 0 {
							return &cutConn{ours, len(lines(first)) + cut}
						}
						return ours
					}}
					s := newTestStream(t, DialOptions{DialContext: peer.dial, ResendBytes: tt.resend}, "peer:1")
					if errs := deliver(t, s, first); errs != nil {
						t.Fatal(errs)
					}
					errs := slices.DeleteFunc(deliver(t, s, second), sentNothing)
					if len(errs) != 1 || !errors.Is(errs[0], testlog.ErrInjected) {
						t.Errorf("cut after %d: errors %v, want the injected one", cut, errs)
					}
					synctest.Wait()
					want := []string{lines(first) + lines(second)[:cut], tt.again + lines(second)}
					if diff := cmp.Diff(want, peer.texts()); diff != "" {
						t.Errorf("cut after %d: mismatch (-want +got):\n%s", cut, diff)
					}
					if got := s.resent(); got != tt.resent {
						t.Errorf("cut after %d: resent %d, want %d", cut, got, tt.resent)
					}
				})
			}
		})
	}
}

// What is kept is written again on each new connection until one lasts, also
// when the break comes while that is being written.
func TestStreamBreakWhileWritingAgain(t *testing.T) {
	first, second := eventRun(0, 3), eventRun(3, 5)
	again := lines(first) + lines(second)
	for cut := range len(again) {
		synctest.Test(t, func(t *testing.T) {
			peer := pipePeer{wrap: func(n int, ours net.Conn) net.Conn {
				switch n {
				case 0:
					return &cutConn{ours, len(lines(first))}
				case 1:
					return &cutConn{ours, cut}
				}
				return ours
			}}
			s := newTestStream(t, DialOptions{DialContext: peer.dial, ResendBytes: 100}, "peer:1")
			deliver(t, s, first)
			deliver(t, s, second)
			synctest.Wait()
			if diff := cmp.Diff([]string{lines(first), again[:cut], again}, peer.texts()); diff != "" {
				t.Errorf("cut after %d: mismatch (-want +got):\n%s", cut, diff)
			}
			if got := s.resent(); got != 6 {
				t.Errorf("cut after %d: resent %d, want 6", cut, got)
			}
		})
	}
}

// A proxy without a backend takes connections only to close them. None of the
// events is lost in it, and it is asked again ever more seldom, whether it closes
// at once or while we believe in it already.
func TestStreamTakenAndClosed(t *testing.T) {
	for _, life := range []time.Duration{0, time.Millisecond, 99 * time.Millisecond, 500 * time.Millisecond} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				peer := pipePeer{}
				peer.serve = func(n int, theirs net.Conn) {
					if time.Since(start) < time.Hour {
						time.AfterFunc(life, func() { _ = theirs.Close() })
					}
					peer.read(n, theirs)
				}
				s := newTestStream(t, DialOptions{
					DialContext: peer.dial, MinBackoff: time.Second, MaxBackoff: time.Minute,
				}, "proxy:1")
				sent := 0
				for ; time.Since(start) < 2*time.Hour; sent++ {
					deliver(t, s, eventRun(sent, sent+1))
					time.Sleep(200 * time.Millisecond)
				}
				synctest.Wait()
				if n := peer.dials(); n < 50 || n > 200 {
					t.Errorf("%d connections in an hour, want about one a minute", n)
				}
				if got := peer.texts()[peer.dials()-1]; life < settleTime && got != lines(eventRun(0, sent)) {
					t.Errorf("the connection that lasts got %d of %d bytes", len(got), len(lines(eventRun(0, sent))))
				}
			})
		})
	}
}

// A receiver that is far away refuses a connection when we believe that it has been
// made. Nothing is lost in that, nor more than the first batch where it takes its
// time without being far away.
func TestStreamRefusedLate(t *testing.T) {
	for _, tt := range []struct {
		trip, refusal time.Duration
		lost          int // batches
	}{
		{trip: 80 * time.Millisecond, refusal: 80 * time.Millisecond},
		{trip: 700 * time.Millisecond, refusal: 700 * time.Millisecond},
		{refusal: 160 * time.Millisecond, lost: 1},
		{refusal: 900 * time.Millisecond, lost: 1},
	} {
		t.Run(fmt.Sprint(tt.trip, tt.refusal), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, start := pipePeer{}, time.Now()
				peer.serve = func(n int, theirs net.Conn) {
					if time.Since(start) < time.Hour {
						time.AfterFunc(tt.refusal, func() { _ = theirs.Close() })
						_, _ = io.Copy(io.Discard, theirs)
						return
					}
					peer.read(n, theirs)
				}
				s := newTestStream(t, DialOptions{
					DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
						time.Sleep(tt.trip)
						return peer.dial(ctx, network, addr)
					},
				}, "far:1")
				for i := range 5 {
					deliver(t, s, eventRun(i, i+1))
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if got, want := peer.texts()[peer.dials()-1], lines(eventRun(tt.lost, 5)); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// A connection that the peer closes while nothing is sent is replaced, and nobody
// is told. One that it closes in between may have lost something, and somebody is.
func TestStreamClosedByPeer(t *testing.T) {
	tests := []struct {
		name  string
		life  time.Duration // from the first batch to the second
		quiet time.Duration // from the second batch to the end
		loud  bool
		wait  bool
	}{
		{"while idle", time.Hour, time.Hour, false, false},
		{"in use", time.Hour, time.Millisecond, true, false},
		{"soon after it was made", 200 * time.Millisecond, time.Millisecond, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var peer pipePeer
				s := newTestStream(t, DialOptions{
					DialContext: peer.dial, MinBackoff: time.Second, MaxBackoff: time.Minute,
				}, "peer:1")
				deliver(t, s, eventRun(0, 1))
				time.Sleep(tt.life)
				deliver(t, s, eventRun(1, 2))
				time.Sleep(tt.quiet)
				peer.closeLast(t)
				synctest.Wait()
				before := time.Now()
				errs := deliver(t, s, eventRun(2, 3))
				if loud := len(errs) > 0; loud != tt.loud {
					t.Errorf("errors %v, want some: %v", errs, tt.loud)
				}
				for _, err := range errs {
					if !sentNothing(err) {
						t.Errorf("%v does not say that nothing was sent", err)
					}
				}
				if waited := time.Since(before) >= 500*time.Millisecond; waited != tt.wait {
					t.Errorf("the third event took %v", time.Since(before))
				}
				synctest.Wait()
				if diff := cmp.Diff([]string{lines(eventRun(0, 2)), lines(eventRun(2, 3))}, peer.texts()); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What a break while idle may have lost is written again by a Send without
// events, for which broke asks, and only then.
func TestStreamSendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peer pipePeer
		s := newTestStream(t, DialOptions{DialContext: peer.dial, ResendBytes: 100}, "peer:1")
		send := func() {
			if _, err := s.Send(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}
		send()
		if n := peer.dials(); n != 0 {
			t.Fatalf("%d connections for nothing", n)
		}
		deliver(t, s, eventRun(0, 2))
		send()
		select {
		case <-s.broke():
			t.Error("broke without a break")
		default:
		}
		time.Sleep(time.Hour)
		peer.closeLast(t)
		<-s.broke()
		send()
		synctest.Wait()
		if diff := cmp.Diff([]string{lines(eventRun(0, 2)), lines(eventRun(0, 2))}, peer.texts()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// Where something on the way ends every idle connection, each line is written
// twice, and not again and again.
func TestStreamIdleBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peer pipePeer
		s := newTestStream(t, DialOptions{DialContext: peer.dial, ResendBytes: 1000}, "peer:1")
		for i := range 4 {
			if errs := deliver(t, s, eventRun(i, i+1)); errs != nil {
				t.Error(errs)
			}
			time.Sleep(time.Minute)
			peer.closeLast(t)
			synctest.Wait()
		}
		for range 3 {
			if _, err := s.Send(t.Context(), nil); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			if s.conn != nil {
				peer.closeLast(t)
				synctest.Wait()
			}
		}
		want := []string{
			lines(eventRun(0, 1)), lines(eventRun(0, 2)), lines(eventRun(1, 3)), lines(eventRun(2, 4)), lines(eventRun(3, 4)),
		}
		if diff := cmp.Diff(want, peer.texts()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if s.resent() != 4 {
			t.Errorf("resent %d, want 4", s.resent())
		}
	})
}

// A peer that reads nothing is given up after the timeout.
func TestStreamStalledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{serve: func(int, net.Conn) {}}
		s := newTestStream(t, DialOptions{DialContext: peer.dial, Timeout: time.Minute}, "peer:1")
		start := time.Now()
		n, err := s.Send(t.Context(), eventRun(0, 5))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Send: %d, %v; want 0, os.ErrDeadlineExceeded", n, err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("Send took %v, want 1m", d)
		}
	})
}

// A slow peer is waited for as long as it takes a piece within the timeout, and
// no keepalive comes between the lines.
func TestStreamSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // until the peer has noticed the end
		var got bytes.Buffer
		peer := pipePeer{serve: func(_ int, theirs net.Conn) {
			b := make([]byte, 8<<10)
			for {
				n, err := theirs.Read(b)
				if err != nil {
					return
				}
				got.Write(b[:n])
				time.Sleep(5 * time.Second)
			}
		}}
		s := newTestStream(t, DialOptions{
			DialContext: peer.dial, Timeout: time.Minute, KeepAlive: 10 * time.Second,
		}, "peer:1")
		events := eventRun(0, 30_000)
		start := time.Now()
		if errs := deliver(t, s, events); errs != nil {
			t.Error(errs)
		}
		if d := time.Since(start); d < 3*time.Minute {
			t.Errorf("took %v, which is not slow", d)
		}
		synctest.Wait()
		if got.String() != lines(events) {
			t.Error("what arrived is not what was sent")
		}
	})
}

// ctx ends a Send that is held up by the peer, at whatever it is, and leaves no
// goroutine.
func TestStreamContext(t *testing.T) {
	tests := []struct {
		name  string
		serve func(n int, theirs net.Conn)
	}{
		{"writing", func(int, net.Conn) {}},
		{"settling", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := pipePeer{serve: tt.serve}
				s := newTestStream(t, DialOptions{DialContext: peer.dial}, "peer:1")
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				start := time.Now()
				if n, err := s.Send(ctx, eventRun(0, 5)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Send: %d, %v; want 0, context.DeadlineExceeded", n, err)
				}
				if d := time.Since(start); d != 50*time.Millisecond {
					t.Errorf("Send took %v, want 50ms", d)
				}
			})
		})
	}
}

// What the peer says is thrown away, however much it is.
func TestStreamTalkingPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{}
		peer.serve = func(n int, theirs net.Conn) {
			go func() { _, _ = io.CopyN(theirs, zeros{}, 10<<20) }()
			peer.read(n, theirs)
		}
		s := newTestStream(t, DialOptions{DialContext: peer.dial}, "peer:1")
		for i := range 10 {
			if errs := deliver(t, s, eventRun(i, i+1)); errs != nil {
				t.Error(errs)
			}
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{lines(eventRun(0, 10))}, peer.texts()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What the peer says before it closes is for people to read: it may be a server of
// another kind.
func TestStreamPeerOfAnotherKind(t *testing.T) {
	const answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{}
		peer.serve = func(n int, theirs net.Conn) {
			peer.take(n, theirs)
			_, _ = io.WriteString(theirs, answer+strings.Repeat("<html>", 1000))
			_ = theirs.Close()
		}
		s := newTestStream(t, DialOptions{DialContext: peer.dial}, "peer:1")
		n, err := s.Send(t.Context(), eventRun(0, 1))
		if n != 0 || !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), `"HTTP/1.1 400 Bad Request\r\n`) {
			t.Errorf("Send: %d, %v; want 0 and the answer", n, err)
		}
		if len(err.Error()) > 300 {
			t.Errorf("the error is %d bytes long", len(err.Error()))
		}
	})
}

// A newline follows after KeepAlive without a line, and again after as long.
func TestStreamKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peer pipePeer
		s := newTestStream(t, DialOptions{DialContext: peer.dial, KeepAlive: time.Minute}, "peer:1")
		deliver(t, s, eventRun(0, 1)) // at settleTime, but written at 0
		start := time.Now().Add(-settleTime)
		at := func(d time.Duration) {
			time.Sleep(time.Until(start.Add(d)))
			synctest.Wait()
		}
		expect := func(want string) {
			t.Helper()
			if diff := cmp.Diff([]string{want}, peer.texts()); diff != "" {
				t.Errorf("after %v: mismatch (-want +got):\n%s", time.Since(start), diff)
			}
		}
		one := lines(eventRun(0, 1))
		at(time.Minute - 1)
		expect(one)
		at(time.Minute)
		expect(one + "\n")
		at(2*time.Minute - 1)
		expect(one + "\n")
		at(2 * time.Minute)
		expect(one + "\n\n")
		at(2*time.Minute + 30*time.Second)
		deliver(t, s, eventRun(1, 2))
		two := one + "\n\n" + lines(eventRun(1, 2))
		at(3*time.Minute + 29*time.Second)
		expect(two)
		at(3*time.Minute + 30*time.Second)
		expect(two + "\n")
	})
}

// A keepalive that the peer does not take ends the connection.
func TestStreamKeepAliveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{}
		peer.serve = func(n int, theirs net.Conn) {
			if n == 0 {
				peer.take(n, theirs)
				return
			}
			peer.read(n, theirs)
		}
		s := newTestStream(t, DialOptions{
			DialContext: peer.dial, KeepAlive: time.Minute, Timeout: 10 * time.Second, ResendBytes: 100,
		}, "peer:1")
		deliver(t, s, eventRun(0, 1))
		time.Sleep(70 * time.Second)
		errs := deliver(t, s, eventRun(1, 2))
		if len(errs) == 0 || !errors.Is(errs[0], os.ErrDeadlineExceeded) || !strings.Contains(errs[0].Error(), "keepalive") {
			t.Errorf("errors %v, want a keepalive out of time", errs)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{lines(eventRun(0, 1)), lines(eventRun(0, 2))}, peer.texts()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}
