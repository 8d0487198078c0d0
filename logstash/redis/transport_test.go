package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// is reports whether a command has a name.
func is(args []string, name string) bool { return strings.EqualFold(args[0], name) }

// once returns a script that does something to the n-th command of a name, and nothing to
// the others.
func once(name string, n int64, do action) func(int, []string) action {
	var seen atomic.Int64
	return func(_ int, args []string) action {
		if is(args, name) && seen.Add(1) == n {
			return do
		}
		return action{}
	}
}

// Whatever becomes of an answer, nothing is lost, and one batch at most is there twice.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const batch = 100
	for _, tt := range []struct {
		name    string
		stream  bool
		command string
		do      action
		twice   int // how many events arrive twice
		unsent  bool
		want    string
	}{
		{name: "lost", command: "rpush", do: action{after: true, silent: true, end: true}, twice: batch, want: "EOF"},
		{name: "cut", command: "rpush", do: action{answer: ":10", after: true, end: true}, twice: batch, want: "EOF"},
		{name: "none", command: "rpush", do: action{after: true, silent: true}, twice: batch, want: "timeout"},
		{name: "closed before", command: "rpush", do: action{end: true}, want: "EOF"},
		{name: "garbage", command: "rpush", do: action{answer: "HTTP/1.1 400 Bad Request\r\n\r\n", after: true}, twice: batch, want: "HTTP/1.1 400"},
		{name: "of another kind", command: "rpush", do: action{answer: "+OK\r\n", after: true}, twice: batch, want: "OK"},
		{name: "empty", command: "rpush", do: action{answer: "\r\n", after: true}, twice: batch, want: "redis: "},
		{name: "refused", command: "rpush", do: action{answer: "-BUSY Redis is busy running a script.\r\n"}, unsent: true, want: "a script keeps Redis busy"},

		{name: "transaction lost", stream: true, command: "exec", do: action{after: true, silent: true, end: true}, twice: batch, want: "EOF"},
		{name: "transaction cut", stream: true, command: "exec", do: action{answer: "*100\r\n$3\r\n1-0\r\n$3\r\n2-", after: true, end: true}, twice: batch, want: "EOF"},
		{name: "transaction closed before", stream: true, command: "exec", do: action{end: true}, want: "EOF"},
		{name: "transaction refused", stream: true, command: "multi", do: action{answer: "-LOADING Redis is loading the dataset in memory\r\n", end: true}, want: "reading its data"},
		{
			name: "transaction aborted", stream: true, command: "exec", unsent: true, want: "until there is room",
			do: action{answer: "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, once(tt.command, 3, tt.do))
			ship := dial(t, addrOf(f.addr, "logs"), &redis.Options{Stream: tt.stream}, logstash.DialOptions{
				BatchSize: batch, Timeout: 3 * time.Second, FlushInterval: time.Minute, // all batches are full
			})
			ship.write(10 * batch)
			n := ship.check(func() []string { return f.list("logs") })
			if n != tt.twice || !ship.told(tt.want) || !ship.wasDown() {
				t.Errorf("%d duplicates, want %d; down: %t; errors %q, want %q", n, tt.twice, ship.wasDown(), ship.troubles(), tt.want)
			}
			if r := ship.Stats().Resent; tt.unsent && r != 0 || !tt.unsent && r == 0 {
				t.Errorf("resent %d", r)
			}
		})
	}
}

func TestMoved(t *testing.T) {
	t.Parallel()
	there := newFake(t, nil)
	_, port, _ := net.SplitHostPort(there.addr)
	for _, addr := range []string{there.addr, ":" + port, "?:" + port, "::1:" + port} {
		here := newFake(t, func(_ int, args []string) action {
			if is(args, "rpush") {
				return action{answer: "-MOVED 3999 " + addr + "\r\n"}
			}
			return action{}
		})
		ship := dial(t, addrOf(here.addr, "logs"), nil, logstash.DialOptions{
			BatchSize: 10,
			DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				if to == "[::1]:"+port {
					to = there.addr // there may be no IPv6 here
				}
				return new(net.Dialer).DialContext(ctx, network, to)
			},
		})
		ship.write(100)
		if n := ship.check(func() []string { return there.list("logs") }); n != 0 || ship.wasDown() || here.count("rpush") != 1 {
			t.Errorf("%s: %d duplicates, down: %t, asked %d times: %q", addr, n, ship.wasDown(), here.count("rpush"), ship.troubles())
		}
		there.take("logs")
	}
}

// A node that the cluster has forgotten is left for the host of the address, and that for
// the node when it is away itself.
func TestMovedBack(t *testing.T) {
	t.Parallel()
	var forgotten atomic.Bool
	node := newFake(t, func(conn int, args []string) action {
		switch {
		case is(args, "rpush") && forgotten.Load():
			return action{answer: "-CLUSTERDOWN Hash slot not served\r\n"}
		case is(args, "rpush") && conn == 1:
			return action{end: true}
		default:
			return action{}
		}
	})
	script := func(_ int, args []string) action {
		if is(args, "rpush") && !forgotten.Load() {
			return action{answer: "-MOVED 1 " + node.addr + "\r\n"}
		}
		return action{}
	}
	host := newFake(t, script)
	var away bool
	transport := openTransport(t, addrOf(host.addr, "logs"), nil, &logstash.DialOptions{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if away && addr == host.addr {
				return nil, errors.New("nobody is there")
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	})
	send := func(want int) {
		t.Helper()
		if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != want {
			t.Errorf("Send: %d, %v; want %d", acked, err, want)
		}
	}
	send(0) // the node hangs up
	away = true
	send(0) // nobody is there
	send(1) // at the node
	away = false
	forgotten.Store(true)
	send(0) // CLUSTERDOWN
	send(1) // at the host
	if len(host.list("logs")) != 1 || len(node.list("logs")) != 1 {
		t.Errorf("%d events at the host, %d at the node", len(host.list("logs")), len(node.list("logs")))
	}
}

// Nodes that send each other the key are not asked for ever, and one that is gone is not
// asked again.
func TestMovedNowhere(t *testing.T) {
	t.Parallel()
	gone := freeAddr(t)
	var to atomic.Value
	f := newFake(t, func(_ int, args []string) action {
		if is(args, "rpush") && to.Load() != "" {
			return action{answer: "-MOVED 3999 " + fmt.Sprint(to.Load()) + "\r\n"}
		}
		return action{}
	})
	to.Store(f.addr)
	transport := openTransport(t, addrOf(f.addr, "logs"), nil, nil)
	for range 3 {
		_, err := transport.Send(t.Context(), [][]byte{event(0)})
		if err == nil || !strings.Contains(err.Error(), "do not agree") {
			t.Errorf("Send: %v", err)
		}
	}
	if n := f.count("rpush"); n != 9 {
		t.Errorf("it was asked %d times", n)
	}
	to.Store(gone)
	if _, err := transport.Send(t.Context(), [][]byte{event(0)}); err == nil || !strings.Contains(err.Error(), gone) {
		t.Errorf("Send: %v", err)
	}
	to.Store("")
	if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 {
		t.Errorf("Send: %d, %v", acked, err)
	}
}

// A Send ends soon after its context, wherever it is, and leaves nothing behind.
func TestSendIsBrokenOff(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"hello", "rpush", "llen", "sentinel", "nothing"} {
		f := newFake(t, func(_ int, args []string) action { return action{silent: is(args, command)} })
		opts := &redis.Options{CongestionThreshold: 10}
		if command == "sentinel" {
			opts.MasterName = "orders"
		}
		transport := openTransport(t, addrOf(f.addr, "logs"), opts, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		watch := testlog.StartStopwatch(t)
		go func() {
			_, err := transport.Send(ctx, [][]byte{event(0)})
			done <- err
		}()
		if command == "nothing" {
			if err := <-done; err != nil {
				t.Error(err)
			}
			go func() {
				_, err := transport.Send(ctx, [][]byte{event(0)})
				done <- err
			}()
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Send: %v", err)
			}
			continue
		}
		eventually(t, "the command is there", func() bool { return f.count(command) == 1 })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Send: %v", command, err)
		}
		if took := watch.Elapsed(); took > 5*time.Second {
			t.Errorf("%s: it took %v", command, took)
		}
	}
}

// A server that is away for the whole life of a Shipper leaves the events in the spool.
func TestAwayAllTheTime(t *testing.T) {
	t.Parallel()
	addr, dir := freeAddr(t), t.TempDir()
	spool := logstash.DialOptions{SpoolDir: dir, SpoolMode: logstash.SpoolAlways}
	ship := dial(t, addrOf(addr, "logs"), nil, spool)
	ship.write(1000)
	ship.awaitError("connection refused", "redis: ")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ship.Shutdown(ctx); err == nil {
		t.Error("Shutdown: no error")
	}
	if st := ship.Stats(); st.Spooled != 1000 || st.Resent != 0 {
		t.Errorf("stats %+v", st)
	}
	f := newFake(t, nil)
	again := dial(t, addrOf(f.addr, "logs"), nil, spool)
	again.sent = 1000
	if n := again.check(func() []string { return f.list("logs") }); n != 0 {
		t.Errorf("%d duplicates", n)
	}
}

// A pause is no reason to ask anew, unless the server has closed the connection.
func TestPause(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	transport := openTransport(t, addrOf(f.addr, "logs"), nil, nil)
	send := func() {
		t.Helper()
		if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 {
			t.Errorf("Send: %d, %v", acked, err)
		}
	}
	pause := func() {
		<-time.After(150 * time.Millisecond)
	}
	send()
	pause()
	send()
	if n := f.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	f.hangUp()
	pause()
	send()
	if n := f.connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// lateConn is a connection whose deadline is over before the read, when that is asked for.
type lateConn struct {
	net.Conn

	late *atomic.Bool // the next read is
}

func (c *lateConn) Read(p []byte) (int, error) {
	if c.late.Swap(false) {
		<-time.After(20 * time.Millisecond)
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Read(p)
}

// A busy machine that comes late to look at a connection looks again.
func TestPauseOnABusyMachine(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	var late atomic.Bool
	transport := openTransport(t, addrOf(f.addr, "logs"), nil, &logstash.DialOptions{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &lateConn{conn, &late}, nil
		},
	})
	send := func(connections int) {
		t.Helper()
		if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 || late.Load() {
			t.Errorf("Send: %d, %v; looked at: %t", acked, err, !late.Load())
		}
		if n := f.connections(); n != connections {
			t.Errorf("%d connections, want %d", n, connections)
		}
		<-time.After(150 * time.Millisecond)
		late.Store(true)
	}
	send(1)
	send(1)
	f.hangUp()
	<-time.After(50 * time.Millisecond)
	send(2)
}

// A connection that breaks before the batch is on its way has nothing of it.
func TestBrokenBefore(t *testing.T) {
	t.Parallel()
	for command, opts := range map[string]redis.Options{
		"llen": {CongestionThreshold: 10}, "wait": {Replicas: 1}, "hello": {},
	} {
		f := newFake(t, once(command, 1, action{end: true}))
		transport := openTransport(t, addrOf(f.addr, "logs"), &opts, nil)
		if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 0 || err == nil || !sentNothing(err) {
			t.Errorf("%s: Send: %d, %v", command, acked, err)
		}
	}
}
