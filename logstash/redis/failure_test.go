package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// Each error of the server says what to do, and is tried again after a while.
func TestErrors(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                                  "reading its data from disk",
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to": "cannot save to its disk",
		"BUSY Redis is busy running a script":                                             "a script keeps Redis busy",
		"OOM command not allowed when used memory > 'maxmemory'.":                         "events wait until there is room",
		"READONLY You can't write against a read only replica.":                           "name the master",
		"MASTERDOWN Link with MASTER is down":                                             "has lost its master",
		"NOREPLICAS Not enough good replicas to write.":                                   "min-replicas-to-write",
		"CLUSTERDOWN The cluster is down":                                                 "events wait",
		"TRYAGAIN Multiple keys request during rehashing of slot":                         "events wait",
		"CROSSSLOT Keys in request don't hash to the same slot":                           "a proxy",
		"NOAUTH Authentication required.":                                                 "wants a password",
		"WRONGPASS invalid username-password pair or user is disabled.":                   "does not know this user",
		"NOPERM User x has no permissions to run the 'rpush' command":                     "rpush for a list",
		"WRONGTYPE Operation against a key holding the wrong kind of value":               `"logs" holds something else`,
		"DENIED Redis is running in protected mode":                                       "give it a password",
		"ERR max number of clients reached":                                               "raise maxclients",
		"ERR SELECT is not allowed in cluster mode":                                       "Options.DB",
		"ERR DB index is out of range":                                                    "Options.DB",
		"ERR unknown command 'RPUSH'":                                                     "Redis 5",
		"ERR something new":                                                               "something new",
		"NEWS of another kind":                                                            "of another kind",
		"":                                                                                "redis: ",
	} {
		f := newFake(t, once("rpush", 1, action{answer: "-" + answer + "\r\n"}))
		transport := openTransport(t, addrOf(f.addr, "logs"), nil, nil)
		acked, err := transport.Send(t.Context(), [][]byte{event(0)})
		if acked != 0 || err == nil {
			t.Errorf("%s: Send: %d, %v", answer, acked, err)
			continue
		}
		for _, part := range []string{"redis: " + f.addr + ": ", answer, want} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v; want %q in it", answer, err, part)
			}
		}
		if !sentNothing(err) && answer != "" || errors.Is(err, logstash.ErrRejected) {
			t.Errorf("%s: sent nothing: %t, rejected: %t", answer, sentNothing(err), errors.Is(err, logstash.ErrRejected))
		}
		if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 || err != nil {
			t.Errorf("%s: Send afterwards: %d, %v", answer, acked, err)
		}
	}
}

// A server that says why it closes the connection is quoted, even when it never took a command.
func TestLastWords(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, args []string) action {
		if is(args, "hello") {
			return action{answer: "-DENIED Redis is running in protected mode\r\n", end: true}
		}
		return action{}
	})
	transport := openTransport(t, addrOf(f.addr, "logs"), nil, nil)
	_, err := transport.Send(t.Context(), [][]byte{event(0)})
	if err == nil || !strings.Contains(err.Error(), "DENIED") || !strings.Contains(err.Error(), "give it a password") || !sentNothing(err) {
		t.Errorf("Send: %v", err)
	}
}

// What is said to HELLO is no answer to the batch behind it: one that goes amiss may be there.
func TestHelloRefused(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"-ERR unsupported command\r\n", "-NOPERM this user has no permissions to run the 'hello' command\r\n", "-ERR unknown command 'HELLO'\r\n",
	} {
		f := newFake(t, func(conn int, args []string) action {
			switch {
			case is(args, "hello"):
				return action{answer: answer}
			case is(args, "rpush") && conn <= 2:
				return action{after: true, silent: true, end: true}
			default:
				return action{}
			}
		})
		ship := dial(t, addrOf(f.addr, "logs"), nil, logstash.DialOptions{BatchSize: 50, FlushInterval: time.Minute})
		ship.write(50)
		// They need not be as large: what a server hangs up over is divided after a while.
		if n := ship.check(func() []string { return f.list("logs") }); n < 50 || ship.told("HELLO") || ship.told("hello") {
			t.Errorf("%s: %d duplicates, want those of two batches: %q", answer, n, ship.troubles())
		}
	}
}
