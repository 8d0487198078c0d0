package redis_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// A peer that announces more than there is memory, or is something else than Redis, is no
// more than an error.
func TestNotRedis(t *testing.T) {
	const strange = "it does not answer as Redis does: "
	for name, answer := range map[string]string{
		"map":          "%1000000000\r\n",
		"string":       "$9999999999999999\r\n",
		"long string":  "$100000000\r\n",
		"array":        "*4611686018427387904\r\n",
		"long array":   "*1000000\r\n",
		"deep array":   strings.Repeat("*1\r\n", 2_000_000),
		"wide arrays":  strings.Repeat("*60000\r\n", 1000),
		"endless line": "+" + strings.Repeat("x", 10<<20),
		"negative":     "$-7\r\n",
		"no length":    "*\r\n",
		"verbatim":     "=5\r\n",
		"alert of TLS": "\x15\x03\x03\x00\x02\x02\x28",
		"empty":        "\r\n",
		"no return":    "\n",
	} {
		for _, command := range []string{"hello", "rpush", "multi", "exec", "llen", "sentinel"} {
			f := newFake(t, func(_ int, args []string) action {
				if is(args, command) {
					return action{answer: answer}
				}
				return action{}
			})
			opts := &redis.Options{Stream: command == "multi" || command == "exec"}
			switch command {
			case "llen":
				opts.CongestionThreshold = 1
			case "sentinel":
				opts.MasterName = "orders"
			}
			transport := openTransport(t, addrOf(f.addr, "logs"), opts, nil)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			acked, err := transport.Send(t.Context(), [][]byte{event(0), event(1)})
			if acked != 0 || err == nil || name != "deep array" && !strings.Contains(err.Error(), strange) {
				t.Errorf("%s to %s: Send: %d, %v", name, command, acked, err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("%s to %s: %d bytes", name, command, n)
			}
		}
	}
}

// Answers that come byte by byte, and end anywhere, are no refusals: what is there twice
// is in Stats.Resent.
func TestAnswersInPieces(t *testing.T) {
	t.Parallel()
	const batch = 3
	for _, stream := range []bool{false, true} {
		var wg sync.WaitGroup
		running := make(chan struct{}, 8)
		for cut := 1; cut < 200; cut++ {
			running <- struct{}{}
			wg.Go(func() {
				defer func() { <-running }()
				inner := newFake(t, nil)
				addr := cutAnswers(t, inner.addr, cut)
				ship := dial(t, addrOf(addr, "logs"), &redis.Options{Stream: stream}, logstash.DialOptions{BatchSize: batch})
				ship.write(2 * batch)
				if n := ship.check(func() []string { return inner.list("logs") }); n > batch {
					t.Errorf("stream %t, cut %d: %d duplicates", stream, cut, n)
				}
			})
		}
		wg.Wait()
	}
}

// cutAnswers listens on an address from which all goes to another, and the answers to the
// first connection come back byte by byte until so many have.
func cutAnswers(t testing.TB, to string, cut int) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for first := true; ; first = false {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				_ = conn.Close()
				continue
			}
			go func() { _, _ = io.Copy(up, conn); _ = up.Close() }()
			go func() {
				defer conn.Close()
				if !first {
					_, _ = io.Copy(conn, up)
					return
				}
				for buf := make([]byte, 1); cut > 0; cut-- {
					if _, err := io.ReadFull(up, buf); err != nil {
						return
					}
					if _, err := conn.Write(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// The answers to the largest transaction there is are no more than an answer may be, also
// when each of its commands is refused, and none of them tells what is in the events.
func TestUnknownCommand(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		command := "RPUSH"
		if stream {
			command = "XADD"
		}
		s := newServer(t, "--rename-command", command, "")
		key := strings.Repeat("k", 200)
		ship := dial(t, addrOf(s.addr, key), &redis.Options{Stream: stream}, logstash.DialOptions{FlushInterval: time.Minute})
		for i := range logstash.MaxBatchSize {
			if _, err := ship.Write(lstest.AppendEvent(nil, 0, i, "card 4111111111111111")); err != nil {
				t.Fatal(err)
			}
		}
		ship.awaitError("ERR unknown command '"+strings.ToLower(command)+"'; it has been renamed", "a sentinel", "Redis 5")
		if told := ship.Stats().LastError.Error(); strings.Contains(told, "4111") || strings.Contains(told, "kkk") {
			t.Errorf("error %q", told)
		}
		if r := ship.Stats().Resent; r != 0 {
			t.Errorf("resent %d", r)
		}
	}
}
