package logstash

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

// longEvents returns n events of a size.
func longEvents(n, size int) [][]byte {
	events := make([][]byte, n)
	for i := range events {
		events[i] = fmt.Appendf(nil, `{"id":%d,"message":"`, i)
		events[i] = append(events[i], bytes.Repeat([]byte("m"), max(size-len(events[i])-2, 0))...)
		events[i] = append(events[i], `"}`...)
	}
	return events
}

// testPeer takes connections and gives each to a function.
type testPeer struct {
	net.Listener
	serving sync.WaitGroup
}

// listen starts a peer that calls serve with each connection and its number, from
// 0, on a goroutine that ends with the test.
func listen(t testing.TB, network, addr string, serve func(n int, c net.Conn)) *testPeer {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &testPeer{Listener: ln}
	p.serving.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.serving.Go(func() {
				defer func() { _ = c.Close() }() // serve may have done it
				serve(n, c)
			})
		}
	})
	t.Cleanup(p.drain)
	return p
}

// drain takes no more connections and returns when all have been served.
func (p *testPeer) drain() {
	_ = p.Close() // it may have been closed before
	p.serving.Wait()
}

// texts collects what arrives on connections.
type texts struct {
	mu  sync.Mutex
	got map[int]string
}

func (x *texts) serve(n int, c net.Conn) { x.add(n, c) }

func (x *texts) add(n int, r io.Reader) {
	text, _ := io.ReadAll(r) // until it ends, however it does
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.got == nil {
		x.got = make(map[int]string)
	}
	x.got[n] += string(text)
}

func (x *texts) all() map[int]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.got)
}

// reset ends a connection as a process that dies does, with an RST.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// readLines reads n lines.
func readLines(c net.Conn, n int) string {
	var b strings.Builder
	r := bufio.NewReaderSize(c, 16)
	for range n {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			break
		}
	}
	return b.String()
}

// The kernel's ends of a connection are noticed at once, without a write.
func TestStreamNoticesTheEnd(t *testing.T) {
	tests := []struct {
		name string
		end  func(net.Conn)
		want error
	}{
		{"FIN", func(c net.Conn) { _ = c.Close() }, io.EOF},
		{"RST", reset, syscall.ECONNRESET},
		{"FIN of one half", func(c net.Conn) {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			_, _ = io.Copy(io.Discard, c)
		}, io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			release := make(chan struct{})
			ln := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) {
				readLines(c, 1)
				<-release
				tt.end(c)
			})
			s := newTestStream(t, DialOptions{}, ln.Addr().String())
			deliver(t, s, eventRun(0, 1))
			close(release)
			<-s.conn.done
			if err := s.conn.ended(); !errors.Is(err, tt.want) {
				t.Errorf("ended with %v, want %v", err, tt.want)
			}
		})
	}
}

// A connection that we end is half closed first. What a peer has read, as its
// own end says, is not written again; what it may not have read is.
func TestStreamEndInGoodOrder(t *testing.T) {
	tests := []struct {
		name     string
		first    func(x *texts, c net.Conn, over <-chan struct{}) // what the peer does with the first connection
		patience time.Duration
		want     string // on the second
	}{
		{"peer reads all", func(x *texts, c net.Conn, _ <-chan struct{}) { x.add(0, c) }, 10 * time.Second, ""},
		{"peer does not close", func(x *texts, c net.Conn, over <-chan struct{}) {
			x.add(0, c)
			<-over
		}, finishTime, lines(eventRun(0, 2))},
		{"peer resets", func(x *texts, c net.Conn, _ <-chan struct{}) {
			x.add(0, strings.NewReader(readLines(c, 2)))
			_, _ = c.Read(make([]byte, 1)) // the FIN
			reset(c)
		}, 10 * time.Second, lines(eventRun(0, 2))},
	}
	for _, tt := range tests {
		t.Run("expired, "+tt.name, func(t *testing.T) {
			t.Parallel()
			var x texts
			over := make(chan struct{})
			defer close(over)
			ln := listen(t, "tcp", "127.0.0.1:0", func(n int, c net.Conn) {
				if n == 0 {
					tt.first(&x, c, over)
					return
				}
				x.add(n, c)
			})
			s := newTestStream(t, DialOptions{
				ResendBytes: 1000, Strategy: RoundRobin, ConnectionTTL: 200 * time.Millisecond,
			}, ln.Addr().String())
			s.patience = tt.patience
			if errs := deliver(t, s, eventRun(0, 2)); errs != nil {
				t.Fatal(errs)
			}
			first := s.conn
			s.peers.ttl = time.Hour // of the one that takes its place
			waitUntil(t, func() bool {
				if err := s.connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				return s.conn != first
			})
			if errs := deliver(t, s, eventRun(2, 3)); errs != nil {
				t.Fatal(errs)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			want := map[int]string{0: lines(eventRun(0, 2)), 1: tt.want + lines(eventRun(2, 3))}
			waitUntil(t, func() bool { return len(x.all()) == 2 })
			if diff := cmp.Diff(want, x.all()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// waitUntil returns when ok does.
func waitUntil(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatal("nothing happened")
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

// What was lost by a break behind the last batch is written again by Close.
func TestStreamCloseWritesAgain(t *testing.T) {
	tests := []struct {
		name  string
		early bool // the break comes before Close
	}{{"break before", true}, {"break in between", false}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			var x texts
			cut := make(chan struct{})
			ln := listen(t, "tcp", "127.0.0.1:0", func(n int, c net.Conn) {
				if n > 0 {
					x.add(n, c)
					return
				}
				if tt.early {
					<-cut
				} else {
					readLines(c, 2)
					_, _ = c.Read(make([]byte, 1)) // the FIN of Close
				}
				reset(c)
			})
			s := newTestStream(t, DialOptions{ResendBytes: 1000, MinBackoff: 1, MaxBackoff: 1}, ln.Addr().String())
			s.patience = 10 * time.Second
			deliver(t, s, eventRun(0, 2))
			if tt.early {
				close(cut)
				<-s.conn.done
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			waitUntil(t, func() bool { return len(x.all()) == 1 })
			if diff := cmp.Diff(map[int]string{1: lines(eventRun(0, 2))}, x.all()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if s.resent() != 2 {
				t.Errorf("resent %d, want 2", s.resent())
			}
		})
	}
}

// A peer that does not read holds up Close for a moment only.
func TestStreamCloseStalled(t *testing.T) {
	testlog.CheckGoroutines(t)
	hold := make(chan struct{})
	ln := listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) { <-hold })
	defer close(hold)
	s := newTestStream(t, DialOptions{ResendBytes: 1000}, ln.Addr().String())
	deliver(t, s, eventRun(0, 2))
	start, watch := time.Now(), testlog.StartStopwatch(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d < finishTime || watch.Elapsed() > 10*finishTime {
		t.Errorf("Close took %v, want %v", d, finishTime)
	}
}

// It holds up Shutdown no longer than that may last.
func TestStreamShutdownStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := pipePeer{wrap: func(_ int, ours net.Conn) net.Conn { return halfConn{ours} }}
		s, err := Dial("tcp://peer:1", &DialOptions{FlushInterval: -1, DialContext: peer.dial})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte(`{"id":0}`)); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Millisecond {
			t.Errorf("Shutdown took %v, want what it was given, not the time that Close waits", d)
		}
	})
}

// halfConn is a connection in memory with a CloseWrite, which the peer does nothing about.
type halfConn struct{ net.Conn }

func (halfConn) CloseWrite() error { return nil }

// cutter passes on connections to a receiver and cuts each after a number of
// bytes, with resets on both sides. What it has read and not passed on is gone.
func cutter(t testing.TB, to string, next func() int64) *testPeer {
	t.Helper()
	return listen(t, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) {
		out, err := new(net.Dialer).DialContext(context.Background(), "tcp", to)
		if err != nil {
			reset(c)
			return
		}
		shrink(c)
		shrink(out)
		n, err := io.CopyN(struct{ io.Writer }{out}, struct{ io.Reader }{c}, next())
		if n > 0 && errors.Is(err, io.EOF) {
			_ = out.Close() // the sender has finished
			return
		}
		reset(out)
		reset(c)
	})
}

// shrink makes the kernel keep little of a connection.
func shrink(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(128 << 10) // a larger one only tests less
		_ = tcp.SetWriteBuffer(128 << 10)
	}
}

// Over a proxy that cuts the connection again and again, nothing is lost with
// ResendBytes for all that can be in the buffers, and what arrives is always in
// order and in whole lines from the beginning of a connection. Without, what the
// buffers held is lost.
func TestStreamLossOverCuts(t *testing.T) {
	const count, size = 20_000, 320
	tests := []struct {
		name   string
		resend int
	}{
		{"nothing kept", 0},
		{"more than the buffers hold", 2 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			var (
				mu   sync.Mutex
				seen = make([]int, count)
				cuts int
			)
			receiver := listen(t, "tcp", "127.0.0.1:0", func(n int, c net.Conn) {
				shrink(c)
				last := -1
				for r := bufio.NewReaderSize(c, 4<<10); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					id := -1
					if _, err := fmt.Sscanf(line, `{"id":%d,`, &id); err != nil || id < 0 || id >= count || len(line) != size+1 {
						t.Errorf("connection %d: line %q", n, line)
						continue
					}
					mu.Lock()
					seen[id]++
					mu.Unlock()
					if last >= 0 && id != last+1 {
						t.Errorf("connection %d: event %d behind %d", n, id, last)
					}
					last = id
				}
			})
			proxy := cutter(t, receiver.Addr().String(), func() int64 {
				mu.Lock()
				defer mu.Unlock()
				if cuts++; cuts > 20 {
					return 1 << 40
				}
				return 50<<10 + rnd.Int64N(1<<20)
			})
			s := newTestStream(t, DialOptions{
				ResendBytes: tt.resend, MinBackoff: 1, MaxBackoff: 1,
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, addr)
					if err == nil {
						shrink(c)
					}
					return c, err
				},
			}, proxy.Addr().String())
			for batch := range slices.Chunk(longEvents(count, size), 100) {
				deliver(t, s, batch)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			proxy.drain()
			receiver.drain()
			lost, doubled := 0, 0
			for _, n := range seen {
				lost += max(1-n, 0)
				doubled += max(n-1, 0)
			}
			t.Logf("%d events over %d connections: %d lost, %d came again, %d written again", count, cuts, lost, doubled, s.resent())
			if lost > 0 && tt.resend > 0 {
				t.Errorf("%d lost", lost)
			}
			if lost == 0 && tt.resend == 0 {
				t.Error("nothing was lost, so that this shows nothing")
			}
		})
	}
}

// Over TLS it is the same. A peer that does not like our certificate says so only
// after the handshake, when the first batch has been written; that does not count.
func TestStreamTLS(t *testing.T) {
	testlog.CheckGoroutines(t)
	demanding := func(t *testing.T, signer *authority) *tls.Config {
		return &tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{signer.keyPair(t, time.Hour)},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    signer.pool(),
		}
	}
	t.Run("with a certificate", func(t *testing.T) {
		signer := newAuthority(t, "stream")
		var x texts
		server := demanding(t, signer)
		ln := listen(t, "tcp", "127.0.0.1:0", func(n int, c net.Conn) { x.add(n, tls.Server(c, server)) })
		conf := &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: signer.pool(), Certificates: []tls.Certificate{signer.keyPair(t, time.Hour)},
		}
		s := newTestStream(t, DialOptions{TLS: conf, ResendBytes: 1 << 20}, ln.Addr().String())
		if n, err := s.Send(t.Context(), eventRun(0, 2)); n != 2 || err != nil {
			t.Fatalf("Send: %d, %v; want 2", n, err)
		}
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); s.tail.lines != 0 && d < finishTime {
			t.Errorf("after Close, which took %v, %d lines may be lost", d, s.tail.lines)
		}
		waitUntil(t, func() bool { return len(x.all()) == 1 })
		if diff := cmp.Diff(map[int]string{0: lines(eventRun(0, 2))}, x.all()); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
	t.Run("without", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // where a busy peer does not say it too late
			signer := newAuthority(t, "stream")
			server := demanding(t, signer)
			peer := pipePeer{serve: func(_ int, theirs net.Conn) {
				_, _ = io.Copy(io.Discard, tls.Server(theirs, server))
				_, _ = io.Copy(io.Discard, theirs) // so that the alert is heard before the end
			}}
			conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: signer.pool()}
			s := newTestStream(t, DialOptions{TLS: conf, ResendBytes: 1 << 20, DialContext: peer.dial}, "logs.example.com:1")
			n, err := s.Send(t.Context(), eventRun(0, 2))
			if n != 0 || err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("Send: %d, %v; want 0 and that a certificate is wanted", n, err)
			}
		})
	})
}

// Over a unix socket it is the same, also after a restart of the receiver, which
// makes the socket anew.
func TestStreamUnix(t *testing.T) {
	testlog.CheckGoroutines(t)
	path := filepath.Join(t.TempDir(), "logstash.sock")
	var before, after texts
	s := newTestStream(t, DialOptions{MinBackoff: 1, MaxBackoff: 1}, path)
	stop := make(chan struct{})
	ln := listen(t, "unix", path, func(n int, c net.Conn) {
		before.add(n, strings.NewReader(readLines(c, 2)))
		<-stop
	})
	deliver(t, s, eventRun(0, 2))
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-s.conn.done
	if n, err := s.Send(t.Context(), eventRun(2, 3)); n != 0 || err == nil {
		t.Errorf("Send: %d, %v; want 0, an error", n, err)
	}
	if n, err := s.Send(t.Context(), eventRun(2, 3)); n != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Send: %d, %v; want 0, no such file", n, err)
	}
	listen(t, "unix", path, after.serve)
	deliver(t, s, eventRun(2, 4))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	waitUntil(t, func() bool { return len(after.all()) > 0 })
	if diff := cmp.Diff(map[int]string{0: lines(eventRun(0, 2))}, before.all()); diff != "" {
		t.Errorf("before: mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int]string{0: lines(eventRun(2, 4))}, after.all()); diff != "" {
		t.Errorf("after: mismatch (-want +got):\n%s", diff)
	}
}

// What is wrong about a unix socket is said in words.
func TestStreamUnixErrors(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"nothing there", func(*testing.T, string) {}, "is it running"},
		{"a file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "it is no socket"},
		{"left behind", func(t *testing.T, path string) {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			if err := ln.Close(); err != nil {
				t.Fatal(err)
			}
		}, "nobody listens"},
		{"for datagrams", func(t *testing.T, path string) {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
		}, "it is a datagram socket"},
		{"no permission", func(t *testing.T, path string) {
			if os.Getuid() == 0 {
				t.Skip("root may write to every socket")
			}
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
		}, "must be allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tt.make(t, path)
			s := newTestStream(t, DialOptions{}, path)
			_, err := s.Send(t.Context(), eventRun(0, 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || !sentNothing(err) {
				t.Errorf("Send: %v, want %q about %s", err, tt.want, path)
			}
			if _, ok := retryAfter(err); !ok {
				t.Errorf("%v does not say when to try again", err)
			}
		})
	}
	t.Run("a long path", func(t *testing.T) {
		path := "/" + strings.Repeat("p", 200)
		_, err := newTestStream(t, DialOptions{}, path).Send(t.Context(), eventRun(0, 1))
		if err == nil || !strings.Contains(err.Error(), "201 bytes") {
			t.Errorf("Send: %v, want the length of the path", err)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	for _, resend := range []int{0, 1 << 20} {
		b.Run(fmt.Sprintf("resend=%d", resend), func(b *testing.B) {
			ln := listen(b, "tcp", "127.0.0.1:0", func(_ int, c net.Conn) {
				buf := make([]byte, 256<<10)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			})
			s := newTestStream(b, DialOptions{ResendBytes: resend}, ln.Addr().String())
			events := longEvents(2048, 320)
			deliver(b, s, events)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Send(b.Context(), events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
		})
	}
}
