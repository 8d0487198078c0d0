package logstash_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

func TestTCPSendsWholeLines(t *testing.T) {
	testlog.CheckGoroutines(t)
	srv := listenTCP(t)
	s := dialShipper(t, "tcp://"+srv.Addr(), logstash.DialOptions{BatchSize: 100})
	writeEvents(t, s, 0, 1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the lines", func() bool { return srv.Count() >= 1000 })
	if diff := cmp.Diff(eventRange(0, 1000), stringsOf(srv.Lines())); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if st := checkAccounts(t, s); st.Written != 1000 {
		t.Errorf("written %d, want 1000", st.Written)
	}
	srv.Kill()
}

// brokenConn takes a number of bytes in all and then fails, in the middle of
// a line.
type brokenConn struct {
	net.Conn
	room int
}

func (c *brokenConn) Write(p []byte) (int, error) {
	n := min(c.room, len(p))
	c.room -= n
	m, err := c.Conn.Write(p[:n])
	if err == nil && m < len(p) {
		err = testlog.ErrInjected
	}
	return m, err
}

// After a write that failed halfway the batch goes out again from its first
// line, over a new connection: no connection ever holds the second half of a
// line, and every line arrives.
func TestTCPBrokenWriteStartsAgain(t *testing.T) {
	whole := strings.Join(eventRange(0, 3), "\n") + "\n"
	for cut := range len(whole) {
		synctest.Test(t, func(t *testing.T) {
			var (
				mu    sync.Mutex
				conns []*bytes.Buffer
				wg    sync.WaitGroup
			)
			dial := func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				buf := new(bytes.Buffer)
				mu.Lock()
				defer mu.Unlock()
				conns = append(conns, buf)
				wg.Go(func() { _, _ = io.Copy(buf, theirs) })
				if len(conns) == 1 {
					return &brokenConn{Conn: ours, room: cut}, nil
				}
				return ours, nil
			}
			var log errorLog
			s := dialShipper(t, "tcp://example.com:1", logstash.DialOptions{
				DialContext: dial, FlushInterval: time.Hour, OnError: log.add,
			})
			writeEvents(t, s, 0, 3)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			if len(conns) != 2 {
				t.Fatalf("cut after %d: %d connections, want 2", cut, len(conns))
			}
			if diff := cmp.Diff([]string{whole[:cut], whole}, []string{conns[0].String(), conns[1].String()}); diff != "" {
				t.Errorf("cut after %d: mismatch (-want +got):\n%s", cut, diff)
			}
			if st := checkAccounts(t, s); st.Written != 3 || st.Resent != 3 || st.Reconnects != 1 {
				t.Errorf("cut after %d: written %d, resent %d, reconnects %d; want 3, 3, 1",
					cut, st.Written, st.Resent, st.Reconnects)
			}
			if errs := log.all(); len(errs) != 2 || !errors.Is(errs[0], testlog.ErrInjected) {
				t.Errorf("cut after %d: OnError was told %q, want the failure and the recovery", cut, errs)
			}
		})
	}
}

// pipes is a peer of which every connection is one end of a net.Pipe.
type pipes struct {
	mu    sync.Mutex
	conns []net.Conn
	lines []string
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, theirs)
	go func() {
		for lines := bufio.NewScanner(theirs); lines.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
		}
	}()
	return ours, nil
}

func (p *pipes) closeLast(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.conns[len(p.conns)-1].Close(); err != nil {
		t.Error(err)
	}
}

// A peer that closes an idle connection is noticed before the next event, so
// that none is written into the void, and nobody is told. One that closes a
// connection it has only just taken, as a proxy without a backend does, has
// failed, and is not asked again at once. What was written to that one does not
// count as written.
func TestTCPClosedByPeer(t *testing.T) {
	tests := []struct {
		name   string
		life   time.Duration // of the connection
		errors int
		want   []string
	}{
		{"after a while", time.Hour, 0, eventRange(0, 2)},
		{"at once", time.Millisecond, 2, append(eventRange(0, 1), eventRange(0, 2)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					peer pipes
					log  errorLog
				)
				s := dialShipper(t, "tcp://example.com:1", logstash.DialOptions{
					DialContext: peer.dial, OnError: log.add, MinBackoff: time.Second, MaxBackoff: time.Minute,
				})
				writeEvents(t, s, 0, 1)
				time.Sleep(tt.life)
				peer.closeLast(t)
				synctest.Wait()
				before := time.Now()
				writeEvents(t, s, 1, 2)
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if diff := cmp.Diff(tt.want, peer.lines); diff != "" {
					t.Errorf("lines mismatch (-want +got):\n%s", diff)
				}
				if errs := log.all(); len(errs) != tt.errors {
					t.Errorf("OnError was told %q, want %d errors", errs, tt.errors)
				}
				if waited := time.Since(before); (waited >= 500*time.Millisecond) != (tt.errors > 0) {
					t.Errorf("the second event took %v", waited)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A peer that reads nothing is given up after the timeout, and holds up Close
// no longer than that has time.
func TestTCPStalledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dialShipper(t, "tcp://example.com:1", logstash.DialOptions{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, _ := net.Pipe()
				return ours, nil
			},
			Timeout: time.Minute, MinBackoff: time.Second, MaxBackoff: time.Second,
		})
		writeEvents(t, s, 0, 5)
		time.Sleep(time.Minute + time.Millisecond)
		if st := checkAccounts(t, s); !errors.Is(st.LastError, os.ErrDeadlineExceeded) || st.Queued != 5 {
			t.Errorf("error %v, queued %d; want os.ErrDeadlineExceeded, 5", st.LastError, st.Queued)
		}
		time.Sleep(time.Minute)
		start := time.Now()
		if err := s.Close(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v, want context.DeadlineExceeded", err)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("Close took %v, want 5s", d)
		}
		if st := checkAccounts(t, s); st.DroppedShutdown != 5 {
			t.Errorf("dropped %d, want 5", st.DroppedShutdown)
		}
	})
}

// A host that takes connections only to close them lets the next have its turn.
func TestTCPBriefHostGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peer pipes
		s := dialShipper(t, "tcp://brief:1,works:2", logstash.DialOptions{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "brief:1" {
					ours, theirs := net.Pipe()
					return ours, theirs.Close()
				}
				return peer.dial(ctx, network, addr)
			},
		})
		writeEvents(t, s, 0, 3)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff(eventRange(0, 3), peer.lines); diff != "" {
			t.Errorf("lines mismatch (-want +got):\n%s", diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTCPRestart(t *testing.T) {
	t.Parallel()
	srv := listenTCP(t)
	s := dialShipper(t, "tcp://"+srv.Addr(), logstash.DialOptions{})
	writeEvents(t, s, 0, 10)
	waitFor(t, "the lines", func() bool { return srv.Count() == 10 })
	srv.Kill()
	writeEvents(t, s, 10, 20)
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	writeEvents(t, s, 20, 30)
	if err := s.Flush(within(t)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the last line", func() bool {
		lines := stringsOf(srv.Lines())
		return len(lines) > 0 && lines[len(lines)-1] == event(29)
	})
	for _, torn := range srv.Torn() {
		t.Errorf("torn line %q", torn)
	}
	if st := checkAccounts(t, s); st.Written != 30 {
		t.Errorf("written %d, want 30", st.Written)
	}
}

// Over a unix socket the Shipper says what is wrong, and goes on when it is right.
func TestUnix(t *testing.T) {
	testlog.CheckGoroutines(t)
	path := filepath.Join(t.TempDir(), "logstash.sock")
	s := dialShipper(t, "unix://"+path, logstash.DialOptions{})
	writeEvents(t, s, 0, 10)
	waitFor(t, "an error", func() bool { return s.Stats().LastError != nil })
	if err := s.Stats().LastError; !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "is it running") {
		t.Errorf("error %v, want that there is no such socket", err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []string)
	go func() {
		var lines []string
		if conn, err := ln.Accept(); err == nil {
			for scan := bufio.NewScanner(conn); scan.Scan(); {
				lines = append(lines, scan.Text())
			}
			_ = conn.Close()
		}
		got <- lines
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(eventRange(0, 10), <-got); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if st := checkAccounts(t, s); st.Written != 10 {
		t.Errorf("written %d, want 10", st.Written)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}

// Over UDP the events come one by one, and what the kernel has taken is written.
func TestUDP(t *testing.T) {
	testlog.CheckGoroutines(t)
	peer, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := dialShipper(t, "udp://"+peer.LocalAddr().String(), logstash.DialOptions{})
	writeEvents(t, s, 0, 50)
	long := `{"message":"` + strings.Repeat("m", 65507) + `"}`
	if _, err := io.WriteString(s, long); !errors.Is(err, logstash.ErrTooLarge) {
		t.Errorf("Write: %v, want ErrTooLarge", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	b := make([]byte, 1<<16)
	for range 50 {
		n, _, err := peer.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b[:n]))
	}
	if diff := cmp.Diff(eventRange(0, 50), got); diff != "" {
		t.Errorf("datagrams mismatch (-want +got):\n%s", diff)
	}
	if st := checkAccounts(t, s); st.Written != 50 {
		t.Errorf("written %d, want 50", st.Written)
	}
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
}
