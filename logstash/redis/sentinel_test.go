package redis_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// Sentinels that are away, hang, or know nothing are passed over.
func TestSentinels(t *testing.T) {
	t.Parallel()
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
	hangs := sentinel("")
	hosts := strings.Join([]string{
		freeAddr(t), hangs, sentinel("*-1\r\n"), sentinel("*1\r\n$1\r\nx\r\n"), sentinel("-NOAUTH Authentication required.\r\n"),
		sentinel("-ERR No such master with that name\r\n"),
		sentinel("-NOPERM this user has no permissions to run the 'sentinel|get-master-addr-by-name' command\r\n"),
	}, ",")
	opts := &redis.Options{MasterName: "orders", SentinelPassword: "x"}
	transport := openTransport(t, "redis://"+hosts+"/logs", opts, &logstash.DialOptions{Timeout: 3 * time.Second})
	_, err := transport.Send(t.Context(), [][]byte{event(0)})
	if err == nil || !sentNothing(err) {
		t.Fatalf("Send: %v", err)
	}
	for _, want := range []string{
		`no sentinel knows a master "orders"`, "connection refused", hangs, "it watches none of that name", "in place of a host",
		"SentinelPassword", "No such master", "the user of the sentinel needs sentinel|get-master-addr-by-name",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Send: %v; want %q in it", err, want)
		}
	}

	// One that tells of a master that is gone is not asked first the next time.
	old := newGuide(t, &fake{addr: freeAddr(t)})
	knows := newGuide(t, newFake(t, nil), old)
	transport = openTransport(t, "redis://"+freeAddr(t)+","+old.addr+","+knows.addr+"/logs", opts, nil)
	if _, err := transport.Send(t.Context(), [][]byte{event(0)}); err == nil {
		t.Error("it is there")
	}
	eventually(t, "the other one is heard", func() bool { return knows.count("sentinel") > 1 })
	if acked, err := transport.Send(t.Context(), [][]byte{event(0)}); acked != 1 {
		t.Errorf("Send: %d, %v", acked, err)
	}
}

// guide is a sentinel that names whatever master it is told to, or none.
type guide struct {
	*fake

	names atomic.Pointer[fake]
}

// newGuide starts a guide that answers when each of the others has been asked twice, and so has been heard.
func newGuide(t testing.TB, names *fake, others ...*guide) *guide {
	t.Helper()
	g := new(guide)
	g.names.Store(names)
	g.fake = newFake(t, func(_ int, args []string) action {
		for _, other := range others {
			for is(args, "sentinel") && other.count("sentinel") < 2 && t.Context().Err() == nil {
				<-time.After(time.Millisecond)
			}
		}
		master := g.names.Load()
		switch {
		case !is(args, "sentinel"):
			return action{}
		case master == nil:
			return action{end: true}
		default:
			host, port, _ := net.SplitHostPort(master.addr)
			return action{answer: "*2\r\n" + bulk(host) + bulk(port)}
		}
	})
	return g
}

// A master is left when the sentinels have another one: it may have been cut off from its
// replicas, and from those who read the list. It does not matter whether it works, holds
// events back, or hangs.
func TestSupersededMaster(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]redis.Options{
		"works": {}, "hangs": {}, "is out of reach": {}, "has no replicas": {Replicas: 1}, "is full": {CongestionThreshold: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hangs atomic.Bool
			server := func(replicas, entries string, hangs *atomic.Bool) *fake {
				return newFake(t, func(_ int, args []string) action {
					switch {
					case is(args, "wait"):
						return action{answer: ":" + replicas + "\r\n"}
					case is(args, "llen"):
						return action{answer: ":" + entries + "\r\n"}
					default:
						return action{silent: is(args, "rpush") && hangs.Load()}
					}
				})
			}
			old, heir := server("0", "500", &hangs), server("1", "0", new(atomic.Bool))
			sentinel := newGuide(t, old)
			opts.MasterName = "orders"
			var tried atomic.Bool
			ship := dial(t, addrOf(sentinel.addr+","+freeAddr(t), "logs"), &opts, logstash.DialOptions{
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if name == "is out of reach" && addr == old.addr {
						tried.Store(true)
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return new(net.Dialer).DialContext(ctx, network, addr)
				},
			})
			connections := 1
			switch name {
			case "is out of reach":
				connections = 0
				ship.write(5)
				eventually(t, "it is tried", tried.Load)
			case "works":
				ship.write(1)
				ship.flush()
				old.take("logs")
				ship.sent = 0
			case "hangs":
				hangs.Store(true)
				ship.write(5)
				eventually(t, "it is there", func() bool { return old.count("rpush") > 0 })
			default:
				ship.write(5)
				eventually(t, "it waits", func() bool {
					return ship.told("want Options.Replicas, 1") || ship.told("more than Options.CongestionThreshold")
				})
			}
			watch := testlog.StartStopwatch(t)
			sentinel.names.Store(heir)
			if name == "works" {
				eventually(t, "events go to the heir", func() bool {
					_, err := ship.Write(event(0))
					ship.flush()
					return err != nil || len(heir.list("logs")) > 0
				})
			} else if n := ship.check(func() []string { return heir.list("logs") }); n != 0 {
				t.Errorf("%d duplicates", n)
			}
			if took := watch.Elapsed(); took > 3*time.Second || old.connections() != connections {
				t.Errorf("it took %v, %d connections to the old master", took, old.connections())
			}
			if (name == "hangs" || name == "is out of reach") && !ship.told("the sentinels name another master by now") {
				t.Errorf("errors %q", ship.troubles())
			}
		})
	}
}

// One sentinel that is behind, or ahead, is outvoted, also while the others are away. All are
// asked over one connection each.
func TestSentinelsDisagree(t *testing.T) {
	t.Parallel()
	master, other := newFake(t, nil), newFake(t, nil)
	guides := []*guide{nil, newGuide(t, master), newGuide(t, master)}
	guides[0] = newGuide(t, other, guides[1:]...) // last, or it could be the only one that is heard in time
	hosts := guides[0].addr + "," + guides[1].addr + "," + guides[2].addr
	ship := dial(t, addrOf(hosts, "logs"), &redis.Options{MasterName: "orders"}, logstash.DialOptions{})
	asked := func(times int) {
		t.Helper()
		var before [3]int
		for i, g := range guides {
			before[i] = g.count("sentinel")
		}
		eventually(t, "all are asked again", func() bool {
			ship.write(1)
			ship.flush()
			return guides[0].count("sentinel") >= before[0]+times && guides[1].count("sentinel") >= before[1]+times && guides[2].count("sentinel") >= before[2]+times
		})
	}
	asked(2)
	for i, g := range guides {
		if n := g.connections(); n != 1 {
			t.Errorf("%d connections to the sentinel %d", n, i)
		}
	}
	guides[1].names.Store(nil)
	guides[2].names.Store(nil)
	asked(1)
	if len(other.list("logs")) > 0 || master.connections() != 1 || ship.wasDown() {
		t.Errorf("%d events went elsewhere, %d connections, down: %t", len(other.list("logs")), master.connections(), ship.wasDown())
	}
	guides[1].names.Store(other)
	eventually(t, "it is left", func() bool {
		ship.write(1)
		ship.flush()
		return len(other.list("logs")) > 0
	})
	ship.check(func() []string { return append(master.list("logs"), other.list("logs")...) })
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

// The master is made a replica while it works, and without Replicas. The sentinels name its heir
// long before they tell it so; what it acks meanwhile is lost.
func TestPlannedFailover(t *testing.T) {
	t.Parallel()
	master := newServer(t)
	heir := newServer(t, "--replicaof", "127.0.0.1 "+master.port())
	sentinel := newSentinel(t, master)
	eventually(t, "the replica is known", func() bool {
		return strings.Contains(fmt.Sprint(sentinel.do("sentinel", "master", "orders")), "num-slaves 1") &&
			strings.Contains(fmt.Sprint(heir.do("info", "replication")), "master_link_status:up")
	})
	ship := dial(t, addrOf(sentinel.addr, "logs"), &redis.Options{MasterName: "orders"}, logstash.DialOptions{BatchSize: 100})
	ship.write(100)
	ship.flush()
	admin := sentinel.client()
	eventually(t, "the replica is good enough", func() bool {
		return admin.Do(t.Context(), "sentinel", "failover", "orders").Err() == nil
	})
	asked := time.Now()
	eventually(t, "the heir is named", func() bool {
		ship.write(1)
		return strings.Contains(fmt.Sprint(sentinel.do("sentinel", "get-master-addr-by-name", "orders")), heir.port())
	})
	named, watch, there := time.Now(), testlog.StartStopwatch(t), heir.length()
	eventually(t, "events go to the heir", func() bool {
		ship.write(1)
		return heir.length() > there
	})
	left, late := watch.Elapsed(), ship.sent
	ship.write(1000)
	ship.flush()
	lost := account(heir.list("logs")).Missing(0, ship.sent)
	t.Logf("named after %v, left %v after that, %d of %d events lost", named.Sub(asked), left, len(lost), ship.sent)
	if left > 2*time.Second {
		t.Errorf("it took %v", left)
	}
	if len(lost) > 0 && lost[len(lost)-1] >= late {
		t.Errorf("the event %d is lost, and %d was the first for the heir", lost[len(lost)-1], late)
	}
	if role := fmt.Sprint(master.do("role")); !strings.HasPrefix(role, "[master") {
		t.Errorf("the test shows nothing: the old master is %s by now", role)
	}
}
