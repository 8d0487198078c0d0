package redis_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// Sentinels that are away, hang, or know nothing are passed over.
func TestSentinels(t *testing.T) {
	t.Parallel()
	master := newFake(t, nil)
	sentinel := func(answer string) string {
		return newFake(t, func(_ int, args []string) action {
			if !is(args, "sentinel") {
				return action{}
			}
			if diff := cmp.Diff([]string{"sentinel", "get-master-addr-by-name", "orders"}, args); diff != "" {
				t.Errorf("command mismatch (-want +got):\n%s", diff)
			}
			return action{answer: answer, silent: answer == ""}
		}).addr
	}
	tell := func(addr string) string {
		host, port, _ := net.SplitHostPort(addr)
		return "*2\r\n" + bulk(host) + bulk(port)
	}
	hangs := sentinel("")
	hosts := strings.Join([]string{
		freeAddr(t), hangs, sentinel("*-1\r\n"), sentinel("*1\r\n$1\r\nx\r\n"), sentinel("-NOAUTH Authentication required.\r\n"),
		sentinel("-ERR No such master with that name\r\n"),
	}, ",")
	opts := &redis.Options{MasterName: "orders", SentinelPassword: "x"}
	transport := openTransport(t, "redis://"+hosts+"/logs", opts, &logstash.DialOptions{Timeout: 500 * time.Millisecond})
	_, err := transport.Send(t.Context(), [][]byte{event(0)})
	if err == nil || !sentNothing(err) {
		t.Fatalf("Send: %v", err)
	}
	for _, want := range []string{
		`no sentinel knows a master "orders"`, "connection refused", hangs, "it watches none of that name", "in place of a host",
		"SentinelPassword", "No such master",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Send: %v; want %q in it", err, want)
		}
	}

	// One that tells of a master that is gone is not asked first the next time.
	old := sentinel(tell(freeAddr(t)))
	transport = openTransport(t, "redis://"+freeAddr(t)+","+old+","+sentinel(tell(master.addr))+"/logs", opts, nil)
	if _, err := transport.Send(t.Context(), [][]byte{event(0)}); err == nil {
		t.Error("it is there")
	}
	if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 {
		t.Errorf("Send: %d, %v", acked, err)
	}
}

// A master that holds events back is left when the sentinels have another one by then: it may
// have been cut off from its replicas, and from those who read the list.
func TestSupersededMaster(t *testing.T) {
	t.Parallel()
	for _, opts := range []redis.Options{{Replicas: 1}, {CongestionThreshold: 100}} {
		server := func(replicas, entries string) *fake {
			return newFake(t, func(_ int, args []string) action {
				switch {
				case is(args, "wait"):
					return action{answer: ":" + replicas + "\r\n"}
				case is(args, "llen"):
					return action{answer: ":" + entries + "\r\n"}
				default:
					return action{}
				}
			})
		}
		old, heir := server("0", "500"), server("1", "0")
		var now atomic.Pointer[fake]
		now.Store(old)
		sentinel := newFake(t, func(_ int, args []string) action {
			host, port, _ := net.SplitHostPort(now.Load().addr)
			if is(args, "sentinel") {
				return action{answer: "*2\r\n" + bulk(host) + bulk(port)}
			}
			return action{}
		})
		opts.MasterName = "orders"
		hosts := sentinel.addr
		if opts.Replicas > 0 {
			hosts += "," + freeAddr(t) // one that is away
		}
		ship := dial(t, addrOf(hosts, "logs"), &opts, logstash.DialOptions{})
		ship.write(5)
		eventually(t, "it waits", func() bool {
			return ship.told("want Options.Replicas, 1") || ship.told("more than Options.CongestionThreshold")
		})
		now.Store(heir)
		if n := ship.check(func() []string { return heir.list("logs") }); n != 0 || old.connections() != 1 {
			t.Errorf("%+v: %d duplicates, %d connections to the old master", opts, n, old.connections())
		}
	}
}

// The master dies, and events go to the one that the sentinels have made of its replica. With
// as many Replicas as there are, none is lost.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	master := newServer(t)
	heir, spare := newServer(t, "--replicaof", "127.0.0.1 "+master.port()), newServer(t)
	sentinel := newSentinel(t, master)
	ship := dial(t, "redis://"+freeAddr(t)+","+sentinel.addr+"/logs",
		&redis.Options{MasterName: "orders", Replicas: 1},
		logstash.DialOptions{BatchSize: 100, Timeout: 2 * time.Second})
	eventually(t, "the replica is known", func() bool {
		return strings.Contains(fmt.Sprint(sentinel.do("sentinel", "master", "orders")), "num-slaves 1") &&
			strings.Contains(fmt.Sprint(heir.do("info", "replication")), "master_link_status:up")
	})
	ship.write(6000)
	eventually(t, "it is amid the batches", func() bool { return ship.Stats().Written > 3000 })
	master.kill()
	ship.write(3000)
	eventually(t, "the replica is the master", func() bool { return strings.HasPrefix(fmt.Sprint(heir.do("role")), "[master") })
	ship.awaitError("0 replicas have the events")
	spare.do("replicaof", "127.0.0.1", heir.port())
	n := ship.check(func() []string { return heir.list("logs") })
	t.Logf("%d duplicates", n)
	if !ship.wasDown() {
		t.Error("nobody was told")
	}

	strange := dial(t, addrOf(sentinel.addr, "logs"), &redis.Options{MasterName: "other"}, logstash.DialOptions{})
	strange.write(1)
	strange.awaitError(`no sentinel knows a master "other"`, sentinel.addr, "it watches none of that name")
}
