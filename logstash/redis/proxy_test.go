package redis_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// A proxy that hangs up over HELLO is greeted with PING from then on.
func TestBareServer(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"", ":s3cret@"} {
		f := newFake(t, func(_ int, args []string) action { return action{end: is(args, "hello")} })
		ship := dial(t, addrOf(user+f.addr, "logs"), nil, logstash.DialOptions{BatchSize: 10})
		ship.write(50)
		ship.flush()
		f.hangUp()
		ship.write(50)
		if n := ship.check(func() []string { return f.list("logs") }); n != 0 || f.count("hello") != 1 || f.count("ping") != 2 {
			t.Errorf("%d duplicates, %d HELLO, %d PING: %q", n, f.count("hello"), f.count("ping"), ship.troubles())
		}
	}
}

// twemproxy passes a list on. It knows no transactions, and says so by hanging up.
func TestTwemproxy(t *testing.T) {
	t.Parallel()
	proxy := prepare(t, "nutcracker")
	s := newServer(t)
	_, stats, _ := net.SplitHostPort(freeAddr(t))
	path := filepath.Join(proxy.dir, "proxy.yml")
	config := fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  servers:\n   - %s:1\n", proxy.addr, s.addr)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy.args = []string{"-c", path, "-s", stats, "-a", "127.0.0.1"}
	proxy.start()
	ship := dial(t, addrOf(proxy.addr, "logs"), &redis.Options{CongestionThreshold: 1000}, logstash.DialOptions{BatchSize: 20})
	ship.write(100)
	if n := ship.check(func() []string { return s.list("logs") }); n != 0 {
		t.Errorf("%d duplicates", n)
	}
	stream := dial(t, addrOf(proxy.addr, "stream"), &redis.Options{Stream: true}, logstash.DialOptions{})
	stream.write(1)
	stream.awaitError("in answer to MULTI", "a proxy")
}
