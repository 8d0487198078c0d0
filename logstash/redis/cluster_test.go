package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// far is a key in a slot of the second node of a cluster.
const far = "logs"

// newCluster starts a cluster of two masters, and of a replica of the second one.
func newCluster(t testing.TB) []*server {
	t.Helper()
	var nodes []*server
	for range 3 {
		_, bus, _ := strings.Cut(freeAddr(t), ":")
		nodes = append(nodes, newServer(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000",
			"--cluster-allow-replica-migration", "no", "--cluster-require-full-coverage", "no"))
	}
	nodes[0].do("cluster", "addslotsrange", 0, 8191)
	nodes[1].do("cluster", "addslotsrange", 8192, 16383)
	for _, n := range nodes[1:] {
		_, bus, _ := strings.Cut(fmt.Sprint(n.do("config", "get", "cluster-port")), " ")
		nodes[0].do("cluster", "meet", "127.0.0.1", n.port(), strings.TrimSuffix(bus, "]"))
	}
	for _, n := range nodes {
		eventually(t, "the cluster is one", func() bool {
			return strings.Contains(fmt.Sprint(n.do("cluster", "info")), "cluster_state:ok") &&
				strings.Count(fmt.Sprint(n.do("cluster", "nodes")), " connected") == len(nodes)
		})
	}
	nodes[2].do("cluster", "replicate", nodes[1].do("cluster", "myid"))
	eventually(t, "the replica is there", func() bool {
		return strings.Contains(fmt.Sprint(nodes[2].do("info", "replication")), "master_link_status:up")
	})
	return nodes
}

// A cluster sends us to the node that has the key, or is about to get it, and on when that dies.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t)
	for _, opts := range []redis.Options{{}, {Stream: true}} {
		nodes[1].do("del", far)
		ship := dial(t, addrOf(nodes[0].addr, far), &opts, logstash.DialOptions{})
		ship.write(100)
		ship.flush()
		ship.write(100)
		if n := ship.check(func() []string { return nodes[1].entries(far, opts.Stream) }); n != 0 || ship.wasDown() {
			t.Errorf("%+v: %d duplicates, down: %t, %q", opts, n, ship.wasDown(), ship.troubles())
		}
	}
	nodes[1].do("del", far)

	// While the slot of a key moves, a key that is not there any more is at the new node.
	for _, n := range nodes[:2] {
		n.do("acl", "setuser", "bob", "on", ">pw", "~"+far, "+rpush", "+llen", "+xadd", "+multi", "+exec", "+xlen", "+asking")
	}
	slot := nodes[0].do("cluster", "keyslot", far)
	nodes[0].do("cluster", "setslot", slot, "importing", nodes[1].do("cluster", "myid"))
	nodes[1].do("cluster", "setslot", slot, "migrating", nodes[0].do("cluster", "myid"))
	for _, opts := range []redis.Options{{}, {CongestionThreshold: 1000}, {Stream: true}, {Stream: true, CongestionThreshold: 1000}} {
		ship := dial(t, addrOf("bob:pw@"+nodes[1].addr, far), &opts, logstash.DialOptions{BatchSize: 50})
		ship.write(200)
		ship.flush()
		ship.write(200)
		if n := ship.check(func() []string { return asked(nodes[0], far, opts.Stream) }); n != 0 || ship.wasDown() {
			t.Errorf("%+v: %d duplicates, down: %t, %q", opts, n, ship.wasDown(), ship.troubles())
		}
	}
	nodes[0].do("cluster", "setslot", slot, "stable")
	nodes[1].do("cluster", "setslot", slot, "stable")

	// A node of the address that dies is passed over: another one knows who has the key now.
	ship := dial(t, addrOf(nodes[1].addr+","+nodes[0].addr, far), nil, logstash.DialOptions{BatchSize: 50, Timeout: 2 * time.Second})
	ship.write(1)
	ship.flush()
	eventually(t, "the replica has it", func() bool { return fmt.Sprint(nodes[2].do("dbsize")) == "1" })
	nodes[1].kill()
	ship.write(100)
	nodes[2].do("cluster", "failover", "takeover") // one master alone is no majority
	ship.check(func() []string { return nodes[2].list(far) })
	if !ship.wasDown() {
		t.Error("nobody was told")
	}
}

// asked returns the events of a key that a node is about to get, and takes them away.
func asked(s *server, key string, stream bool) []string {
	s.t.Helper()
	ctx := context.Background()
	p := s.client().Pipeline()
	p.Do(ctx, "asking")
	var read func() []string
	if stream {
		all := p.XRange(ctx, key, "-", "+")
		read = func() []string { return eventsOf(all.Val()) }
	} else {
		read = p.LRange(ctx, key, 0, -1).Val
	}
	p.Do(ctx, "asking")
	p.Del(ctx, key)
	if _, err := p.Exec(ctx); err != nil {
		s.t.Fatal(err)
	}
	return read()
}
