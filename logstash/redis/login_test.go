package redis_test

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
)

// A user with the least permissions can ship.
func TestACL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("acl", "setuser", "lister", "on", ">s3cret@/", "~logs", "+rpush", "+llen")
	s.do("acl", "setuser", "streamer", "on", ">s3cret@/", "~logs2", "+xadd", "+multi", "+exec", "+xlen")
	for _, tt := range []struct {
		user, key string
		opts      redis.Options
	}{
		{"lister", "logs", redis.Options{CongestionThreshold: 1e6}},
		{"streamer", "logs2", redis.Options{CongestionThreshold: 1e6, Stream: true}},
	} {
		ship := dial(t, "redis://"+tt.user+":s3cret%40%2F@"+s.addr+"/"+tt.key, &tt.opts, logstash.DialOptions{})
		ship.write(100)
		ship.flush()
		if ship.wasDown() {
			t.Errorf("%s: %q", tt.user, ship.troubles())
		}
	}
	denied := dial(t, "redis://lister:s3cret%40%2F@"+s.addr+"/other", nil, logstash.DialOptions{})
	denied.write(10)
	denied.awaitError("NOPERM", "rpush for a list", `"other"`)
	s.do("acl", "setuser", "lister", "~other")
	if n := denied.check(func() []string { return s.list("other") }); n != 0 {
		t.Errorf("%d duplicates", n)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("config", "set", "requirepass", "s3cret")
	none := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{})
	none.write(1)
	none.awaitError("NOAUTH", "Username and Password in the DialOptions")
	many := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{FlushInterval: time.Minute, BatchSize: 500})
	many.write(500)
	many.awaitError("unauthenticated", "Username and Password in the DialOptions")
	wrong := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{Password: "other"})
	wrong.write(1)
	wrong.awaitError("WRONGPASS", "does not know this user")
	if wrong.Stats().Resent+none.Stats().Resent+many.Stats().Resent != 0 {
		t.Error("what nobody took counts as resent")
	}
	right := dial(t, addrOf(":s3cret@"+s.addr, "logs"), nil, logstash.DialOptions{})
	right.write(100)
	right.flush()
	if right.wasDown() {
		t.Errorf("errors %q", right.troubles())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	probe := newServer(t)
	cert, key := certificate(t, probe.dir)
	s := prepare(t, "redis-server")
	s.args = []string{
		"--port", "0", "--tls-port", s.port(), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "yes",
		"--appendonly", "yes", "--appendfsync", "always",
	}
	s.start()
	ship := dial(t, "redis+tls://"+s.addr+"/logs", nil, logstash.DialOptions{
		CAFile: cert, CertFile: cert, KeyFile: key, BatchSize: 100,
	})
	ship.write(1000)
	ship.flush()
	if ship.wasDown() {
		t.Errorf("errors %q", ship.troubles())
	}
	s.kill()
	ship.write(1000)
	ship.awaitError("connection refused")
	s.start()
	ship.flush()

	plain := dial(t, addrOf(s.addr, "logs"), nil, logstash.DialOptions{Timeout: time.Second})
	plain.write(1)
	plain.awaitError("redis: " + s.addr)
	foreign := dial(t, "redis+tls://"+s.addr+"/logs", nil, logstash.DialOptions{})
	foreign.write(1)
	foreign.awaitError("certificate")
	nobody := dial(t, "redis+tls://"+s.addr+"/logs", nil, logstash.DialOptions{CAFile: cert})
	nobody.write(1)
	nobody.awaitError("redis: "+s.addr, "want a client certificate", "tls-auth-clients no")

	// The sentinels are asked over TLS as well, and the certificate of the master has to name
	// the host that they tell.
	for host, want := range map[string]string{"127.0.0.1": "", "localhost": "certificate"} {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", testTLS(t, cert, key))
		if err != nil {
			t.Fatal(err)
		}
		sentinel := serve(ln, func(_ int, args []string) action {
			if is(args, "sentinel") {
				return action{answer: "*2\r\n" + bulk(host) + bulk(s.port())}
			}
			return action{}
		})
		t.Cleanup(sentinel.close)
		guided := dial(t, "redis+tls://"+sentinel.addr+"/guided", &redis.Options{MasterName: "orders"}, logstash.DialOptions{
			CAFile: cert, CertFile: cert, KeyFile: key,
		})
		guided.write(10)
		if want == "" {
			guided.flush()
		} else {
			guided.awaitError(want, host)
		}
	}

	reader := s.client(func(o *client.Options) { o.TLSConfig = testTLS(t, cert, key) })
	ship.check(func() []string {
		entries, err := reader.LRange(context.Background(), "logs", 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		return entries
	})
}
