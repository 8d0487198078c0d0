package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// Of a transaction that fails in part, what stands before that counts, and what stands
// behind it is there as well.
func TestTransactionInPart(t *testing.T) {
	t.Parallel()
	const ok, bad = "$3\r\n1-0\r\n", "-ERR it does not like this\r\n"
	for answer, want := range map[string]int{ok + ok + bad + ok: 2, bad + ok + ok + ok: 0, bad + bad + bad + bad: 0} {
		f := newFake(t, once("exec", 2, action{answer: "*4\r\n" + answer}))
		transport := openTransport(t, addrOf(f.addr, "logs"), &redis.Options{Stream: true}, nil)
		acked, err := transport.Send(t.Context(), [][]byte{event(0), event(1), event(2), event(3)})
		if acked != want || err == nil || !strings.Contains(err.Error(), "does not like this") || sentNothing(err) == strings.Contains(answer, ok) {
			t.Errorf("%q: Send: %d, %v, sent nothing: %t", answer, acked, err, sentNothing(err))
		}
	}
}

// A stream whose login is refused gets nothing, and nothing is acked: a client that cannot log
// in says so of the transaction, and not of its commands.
func TestStreamLoginRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("acl", "setuser", "bob", "on", ">pw", "~*", "+@all", "-select")
	for _, tt := range []struct {
		name, user, want string
		opts             redis.Options
		mend             []any
	}{
		{"wrong-password", "bob:other@", "WRONGPASS", redis.Options{}, []any{"acl", "setuser", "bob", ">other"}},
		{"unknown-user", "eve:pw@", "WRONGPASS", redis.Options{}, []any{"acl", "setuser", "eve", "on", ">pw", "~*", "+@all"}},
		{"database", "bob:pw@", "NOPERM", redis.Options{DB: 2}, []any{"acl", "setuser", "bob", "+select"}},
	} {
		tt.opts.Stream = true
		ship := dial(t, addrOf(tt.user+s.addr, tt.name), &tt.opts, logstash.DialOptions{BatchSize: 50})
		ship.write(200)
		ship.awaitError(tt.want)
		if st := ship.Stats(); st.Written+st.Resent != 0 || ship.Health().State != logstash.Down {
			t.Errorf("%s: stats %+v, health %v", tt.name, st, ship.Health().State)
		}
		s.do(tt.mend...)
		if n := ship.check(func() []string { return s.streamIn(tt.opts.DB, tt.name) }); n != 0 {
			t.Errorf("%s: %d duplicates", tt.name, n)
		}
	}
}

// The password is changed, and the connection ended, while events flow.
func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		s := newServer(t)
		s.do("acl", "setuser", "bob", "on", ">pw", "~*", "+@all")
		ship := dial(t, addrOf("bob:pw@"+s.addr, "logs"), &redis.Options{Stream: stream}, logstash.DialOptions{BatchSize: 50})
		ship.write(200)
		ship.flush()
		s.do("acl", "setuser", "bob", "resetpass", ">new")
		s.do("client", "kill", "user", "bob")
		ship.write(1000)
		ship.awaitError("WRONGPASS")
		s.do("acl", "setuser", "bob", ">pw")
		ship.check(func() []string { return s.entries("logs", stream) })
	}
}

// Where MULTI is refused, a transaction would be executed command by command.
func TestMultiRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("acl", "setuser", "bob", "on", ">pw", "~*", "-@all", "+xadd", "+exec")
	const batch = 50
	ship := dial(t, addrOf("bob:pw@"+s.addr, "logs"), &redis.Options{Stream: true}, logstash.DialOptions{BatchSize: batch})
	ship.write(200)
	ship.awaitError("NOPERM", "multi")
	if n, st := len(s.stream("logs")), ship.Stats(); n != 0 || st.Written+st.Resent != 0 {
		t.Errorf("%d entries, stats %+v", n, st)
	}
	s.do("acl", "setuser", "bob", "+multi")
	ship.flush()

	// It is refused to a connection that had it before.
	s.do("acl", "setuser", "bob", "-multi")
	ship.write(batch)
	eventually(t, "it is told", func() bool { return ship.Health().State == logstash.Down })
	s.do("acl", "setuser", "bob", "+multi")
	if n := ship.check(func() []string { return s.stream("logs") }); n > batch {
		t.Errorf("%d duplicates, want at most one batch", n)
	}
}

// sentNothing is what the Shipper asks an error.
func sentNothing(err error) bool {
	var e interface{ SentNothing() bool }
	return errors.As(err, &e) && e.SentNothing()
}

// An event costs no allocation, and a batch a few.
func TestAllocations(t *testing.T) {
	const n = 1000
	events := make([][]byte, n)
	size := len("*1002\r\n$5\r\nrpush\r\n$4\r\nlogs\r\n")
	for i := range events {
		events[i] = event(i)
		size += len(fmt.Sprintf("$%d\r\n", len(events[i]))) + len(events[i]) + 2
	}
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, size)
		hello := make([]byte, len("*2\r\n$5\r\nhello\r\n$1\r\n2\r\n"))
		_, err := io.ReadFull(there, hello)
		_, _ = there.Write([]byte("-ERR unknown command\r\n"))
		for answer := []byte(":1\r\n"); err == nil; {
			if _, err = io.ReadFull(there, buf); err == nil {
				_, err = there.Write(answer)
			}
		}
	}()
	transport := openTransport(t, "redis://a/logs", nil, &logstash.DialOptions{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil },
	})
	ctx := t.Context()
	send := func() {
		if acked, err := transport.Send(ctx, events); acked != n {
			t.Fatalf("Send: %d, %v", acked, err)
		}
	}
	send()
	if allocs := testing.AllocsPerRun(50, send); allocs > 20 {
		t.Errorf("%v allocations for %d events", allocs, n)
	}
	_ = there.Close()
	<-done
}
