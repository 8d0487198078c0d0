package replay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/replay"
	"github.com/sluicelog/sluice/internal/lstest"
)

// A target is a broker, and how to look at what it has got.
type target struct {
	to     string
	flags  []string
	events func(t *testing.T) [][]byte
	count  func() int
	kill   func(t *testing.T)
	start  func(t *testing.T)
}

// A target that keeps what it has acked, also when it is killed.
func kafkaTarget(t *testing.T) *target {
	t.Helper()
	k := brokertest.NewKafka(t, kfake.DataDir(t.TempDir()), kfake.SyncWrites())
	return &target{
		to:     "kafka://" + k.Addr() + "/logs",
		events: func(t *testing.T) [][]byte { t.Helper(); return values(t, k) },
		count:  func() int { return k.Count("logs") },
		kill:   func(*testing.T) { k.Close() },
		start:  func(t *testing.T) { t.Helper(); k.Start(t) },
	}
}

func redisTarget(t *testing.T) *target {
	t.Helper()
	r := brokertest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	return &target{
		to:     "redis://" + r.Addr() + "/logstash",
		events: func(t *testing.T) [][]byte { t.Helper(); return r.List(t, 0, "logstash") },
		count:  func() int { return r.Length(t, "logstash") },
		kill:   func(t *testing.T) { t.Helper(); r.Kill(t) },
		start:  func(t *testing.T) { t.Helper(); r.Start(t) },
	}
}

func values(t *testing.T, k *brokertest.Kafka) (all [][]byte) {
	t.Helper()
	for _, r := range k.Records(t, "logs") {
		all = append(all, r.Value)
	}
	return all
}

// arrived returns the account of what a broker has.
func arrived(events [][]byte) *lstest.Ledger {
	var ledger lstest.Ledger
	count := ledger.Receiver()
	for _, e := range events {
		count(0, e)
	}
	return &ledger
}

// eachTarget runs a test with a Kafka and with a Redis.
func eachTarget(t *testing.T, test func(t *testing.T, to *target)) {
	t.Helper()
	t.Run("kafka", func(t *testing.T) { t.Parallel(); test(t, kafkaTarget(t)) })
	t.Run("redis", func(t *testing.T) { t.Parallel(); test(t, redisTarget(t)) })
}

// Whatever the address and the flags, all events arrive, each once and in order, the account is exact, and a second run
// has nothing to do.
func TestBrokers(t *testing.T) {
	t.Parallel()
	const n = 3000
	redisWith := func(path string, events func(t *testing.T, r *brokertest.Redis) [][]byte, flags ...string) func(t *testing.T) *target {
		return func(t *testing.T) *target {
			t.Helper()
			r := brokertest.NewRedis(t)
			return &target{to: "REDIS://" + r.Addr() + path, flags: flags, events: func(t *testing.T) [][]byte { t.Helper(); return events(t, r) }}
		}
	}
	for name, open := range map[string]func(t *testing.T) *target{
		"kafka": kafkaTarget,
		"kafka, compressed": func(t *testing.T) *target {
			t.Helper()
			to := kafkaTarget(t)
			to.flags = []string{"--compress", "6"}
			return to
		},
		"kafka, a broker of several that is away": func(t *testing.T) *target {
			t.Helper()
			to := kafkaTarget(t)
			to.to = strings.Replace(to.to, "://", "://127.0.0.1:1,", 1)
			return to
		},
		"redis": redisTarget,
		"redis, another database": redisWith("/logstash", func(t *testing.T, r *brokertest.Redis) [][]byte {
			t.Helper()
			return r.List(t, 3, "logstash")
		}, "--redis", "db=3,threshold=100000"),
		"redis, a stream": redisWith("/logstash", func(t *testing.T, r *brokertest.Redis) [][]byte {
			t.Helper()
			return r.Stream(t, "logstash", "event")
		}, "--redis=stream"),
		"redis, a field of a stream": redisWith("/logstash", func(t *testing.T, r *brokertest.Redis) [][]byte {
			t.Helper()
			return r.Stream(t, "logstash", "line")
		}, "--redis=stream=line"),
		"redis, an escaped key": redisWith("/logs%3Aa%40b", func(t *testing.T, r *brokertest.Redis) [][]byte {
			t.Helper()
			return r.List(t, 0, "logs:a@b")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := open(t)
			log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
			args := append([]string{log, "--to", to.to, "-q"}, to.flags...)
			if diff := cmp.Diff(counts{End: "completed", Read: n, Sent: n}, account(t, 0, args...)); diff != "" {
				t.Errorf("account mismatch (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(counts{End: "completed"}, account(t, 0, args...)); diff != "" {
				t.Errorf("the second time, account mismatch (-want +got)\n%s", diff)
			}
			if l := arrived(to.events(t)); l.Unique() != n || l.Total() != n || l.OrderBreaks() != 0 {
				t.Errorf("%d arrived, %d of them different, %d out of order; want %d", l.Total(), l.Unique(), l.OrderBreaks(), n)
			}
		})
	}
}

// Who sends is proved by what the file has, over TLS; with something else nothing is sent, and why is told.
func TestBrokersKnowWhoSends(t *testing.T) {
	t.Parallel()
	const n = 100
	pair, ca, key := certificate(t, "broker")
	_, otherCA, _ := certificate(t, "broker")
	k := brokertest.NewKafka(t, kfake.TLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "ann", "s3cret"), kfake.Superuser("SCRAM-SHA-256", "bob", "s3cret"), kfake.Superuser("SCRAM-SHA-512", "eve", "s3cret"))
	port := brokertest.FreePort(t)
	secure := net.JoinHostPort("127.0.0.1", port)
	r := brokertest.NewRedis(t, "--requirepass", "s3cret", "--tls-port", port, "--tls-cert-file", ca, "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
	r.Do(t, "acl", "setuser", "ann", "on", ">s3cret", "+rpush", "~logstash")
	onKafka, onRedis := "kafka+tls://"+k.Addr()+"/logs", "redis+tls://"+secure+"/logstash"
	type run struct {
		name, to, who string
		flags         []string
		want, dry     string // of what is told; empty if it works

		sent, tried result
	}
	runs := []*run{
		{name: "PLAIN", to: onKafka, who: "ann:s3cret"},
		{name: "PLAIN by name", to: onKafka, who: "ann:s3cret", flags: []string{"--sasl", "plain"}},
		{name: "SCRAM-SHA-256", to: onKafka, who: "bob:s3cret", flags: []string{"--sasl", "scram-sha-256"}},
		{name: "SCRAM-SHA-512", to: onKafka, who: "eve:s3cret", flags: []string{"--sasl", "scram-sha-512"}},
		{name: "a wrong password", to: onKafka, who: "ann:hunter2", want: "it hung up", dry: "a broker hangs up so on a wrong password"},
		{name: "a wrong mechanism", to: onKafka, who: "ann:s3cret", flags: []string{"--sasl", "scram-sha-512"}, want: "it hung up", dry: "a broker hangs up so on a wrong password"},
		{name: "no user", to: onKafka, want: "EOF", dry: "a broker hangs up so"},
		{name: "an unknown authority", to: onKafka, who: "ann:s3cret", flags: []string{"--ca", otherCA}, want: "unknown authority", dry: "unknown authority"},
		{name: "the default user", to: onRedis, who: ":s3cret"},
		{name: "a user that may do no more", to: onRedis, who: "ann:s3cret"},
		{name: "a wrong password of Redis", to: onRedis, who: "ann:hunter2", want: "does not know this user, or not with this password", dry: "WRONGPASS"},
		{name: "no password", to: onRedis, want: "--credentials", dry: "NOAUTH"},
		{name: "an unknown authority of Redis", to: onRedis, who: ":s3cret", flags: []string{"--ca", otherCA}, want: "unknown authority", dry: "unknown authority"},
	}
	var all sync.WaitGroup
	for _, r := range runs {
		dir := t.TempDir()
		args := append([]string{writeFile(t, dir, "app.log", numbered(0, n)), "--to", r.to, "--ca", ca, "--server-name", "broker", "--no-state"}, r.flags...)
		if r.want != "" {
			args = append(args, "--give-up", "4s")
		}
		if r.who != "" {
			args = append(args, "--credentials", writeFile(t, dir, "credentials", r.who+"\n"))
		}
		all.Go(func() { // most of them wait most of the time
			r.sent = start(t.Context(), "", append(args, "--json")...)
			r.tried = start(t.Context(), "", append(args, "--dry-run")...)
		})
	}
	all.Wait()
	for _, r := range runs {
		code, sent := 0, n
		if r.want != "" {
			code, sent = cli.Partial, 0
		}
		if c := parse(t, r.sent); r.sent.code != code || c.Sent != sent || c.NotSent != n-sent || !strings.Contains(c.Reason+r.sent.errs, r.want) {
			t.Errorf("%s: exit code %d, account %+v, want %q, %s", r.name, r.sent.code, c, r.want, r.sent.errs)
		}
		if r.tried.code != code || !strings.Contains(r.tried.out, r.dry) {
			t.Errorf("%s: a dry run ends with %d and says\n%s", r.name, r.tried.code, r.tried.out)
		}
		for _, text := range []string{r.sent.out, r.sent.errs, r.tried.out, r.tried.errs} {
			if strings.Contains(text, "s3cret") || strings.Contains(text, "hunter2") || strings.Contains(text, "Options") {
				t.Errorf("%s: says %s", r.name, text)
			}
		}
	}
}

// What a broker has acked is removed from a spool, and no more.
func TestBrokerTakesASpool(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, to *target) {
		t.Helper()
		const n = 3000
		dir := leaveSpool(t, n)
		to.kill(t)
		if c := account(t, cli.Partial, dir, "--to", to.to, "--give-up", "300ms", "-q"); c.Sent != 0 || c.NotSent == 0 {
			t.Errorf("without a broker %+v", c)
		}
		to.start(t)
		for _, want := range []int{n, 0} {
			if c := account(t, 0, dir, "--to", to.to, "-q"); c.Read != want || c.Sent != want {
				t.Errorf("account %+v, want %d", c, want)
			}
		}
		if l := arrived(to.events(t)); l.Unique() != n || l.Total() != n || l.OrderBreaks() != 0 {
			t.Errorf("%d arrived, %d of them different, %d out of order; want %d", l.Total(), l.Unique(), l.OrderBreaks(), n)
		}
	})
}

// A token goes to Kafka by OAUTHBEARER.
func TestKafkaToken(t *testing.T) {
	t.Parallel()
	k := brokertest.NewKafka(t)
	var mechanism, said atomic.Value
	k.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		mechanism.Store(req.(*kmsg.SASLHandshakeRequest).Mechanism)
		return req.ResponseKind(), nil, true
	})
	k.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		said.Store(string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		return req.ResponseKind(), nil, true
	})
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", numbered(0, 10))
	c := account(t, 0, log, "--to", "kafka://"+k.Addr()+"/logs", "--credentials", writeFile(t, dir, "token", "Bearer t0ken\n"))
	if text, _ := said.Load().(string); c.Sent != 10 || mechanism.Load() != "OAUTHBEARER" || !strings.Contains(text, "auth=Bearer t0ken") {
		t.Errorf("account %+v; %v said %q", c, mechanism.Load(), text)
	}
}

// A broker that is away is told as a Logstash that is, and another run goes on.
func TestBrokerIsAway(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, to *target) {
		t.Helper()
		to.kill(t)
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
		r := must(t, cli.Partial, log, "--to", to.to, "--give-up", "1s")
		for _, want := range []string{"10  not sent", "gave up: the receiver has taken nothing for [1-9][0-9]*s", "connection refused", "to go on: replay "} {
			if !regexp.MustCompile(want).MatchString(r.out) {
				t.Errorf("%q is not in\n%s", want, r.out)
			}
		}
		if r := must(t, cli.Partial, log, "--to", to.to, "--dry-run"); !strings.Contains(r.out, "cannot be reached") {
			t.Errorf("a dry run says %s", r.out)
		}
		to.start(t)
		if r := must(t, 0, log, "--to", to.to, "--dry-run"); !strings.Contains(r.out, "is there (") {
			t.Errorf("a dry run says %s", r.out)
		}
		if c := account(t, 0, log, "--to", to.to); c.Sent != 10 {
			t.Errorf("the second time %+v", c)
		}
		if l := arrived(to.events(t)); l.Unique() != 10 || l.Duplicates() > 0 {
			t.Errorf("%d arrived, %d twice", l.Unique(), l.Duplicates())
		}
	})
}

// A broker that is killed and started again while it is sent to loses nothing. Kafka has each event once; Redis has a batch twice
// at most, which is counted.
func TestBrokerIsRestarted(t *testing.T) {
	t.Parallel()
	const n, batch = 6000, 200
	eachTarget(t, func(t *testing.T, to *target) {
		t.Helper()
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
		ended := make(chan result, 1)
		go func() {
			ended <- start(t.Context(), "", log, "--to", to.to, "--batch", "200", "--rate", "5000", "--json", "-q")
		}()
		brokertest.Await(t, "some arrive", func() bool { return to.count() > 1000 })
		to.kill(t)
		to.start(t)
		r := <-ended
		c := parse(t, r)
		if r.code != 0 || c.Sent != n {
			t.Errorf("exit code %d, account %+v, %s", r.code, c, r.errs)
		}
		l := arrived(to.events(t))
		if l.Unique() != n || l.Duplicates() > batch || l.Duplicates() > c.Resent {
			t.Errorf("%d arrived, %d twice, %d sent again; want %d", l.Unique(), l.Duplicates(), c.Resent, n)
		}
	})
}

// A replay that is interrupted anywhere goes on there, and nothing arrives twice.
func TestBrokerInterrupted(t *testing.T) {
	t.Parallel()
	const n = 6000
	eachTarget(t, func(t *testing.T, to *target) {
		t.Helper()
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
		args := []string{log, "--to", to.to, "--batch", "200", "--json"}
		sent := 0
		for _, after := range []int{1, 1500, 4000} {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan result, 1)
			go func() { ended <- start(ctx, "", append(args, "--rate", "1000")...) }() // which leaves it two seconds to be interrupted in
			brokertest.Await(t, "some arrive", func() bool { return to.count() >= after })
			cancel()
			r := <-ended
			if r.code != cli.Interrupted {
				t.Errorf("exit code %d: %s%s", r.code, r.out, r.errs)
			}
			sent += parse(t, r).Sent
		}
		sent += parse(t, must(t, 0, append(args, "--rate", "10000")...)).Sent
		if l := arrived(to.events(t)); l.Unique() != n || l.Duplicates() > 0 || sent != n {
			t.Errorf("%d arrived, %d twice; %d sent, want %d", l.Unique(), l.Duplicates(), sent, n)
		}
	})
}

// isPoisoned reports whether a request has a record that is refused.
func isPoisoned(req kmsg.Request) bool {
	r, ok := req.(*kmsg.ProduceRequest)
	if !ok {
		return false
	}
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			if bytes.Contains(p.Records, []byte("poison")) { // compressed by snappy, which leaves the first of a kind as it is
				return true
			}
		}
	}
	return false
}

// What Kafka refuses is counted with its reason and kept, wherever it stands, also as the last events, of which nothing
// that comes after could tell that it was them.
func TestBrokerRefuses(t *testing.T) {
	t.Parallel()
	for name, at := range map[string][]int{"first": {0}, "in the middle": {50}, "last": {99}, "the last three": {97, 98, 99}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := brokertest.NewKafka(t)
			k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: isPoisoned})
			dir := t.TempDir()
			all := strings.SplitAfter(numbered(0, 100), "\n")
			for _, i := range at {
				all[i] = strings.Replace(all[i], "request", "poison", 1)
			}
			log, kept := writeFile(t, dir, "app.log", strings.Join(all, "")), filepath.Join(dir, "kept.json")
			args := []string{log, "--to", "kafka://" + k.Addr() + "/logs", "--rejects", kept, "-q"}
			c := account(t, cli.No, args...)
			if c.End != "completed" || c.Sent != 100-len(at) || c.Refused != len(at) || k.Count("logs") != c.Sent {
				t.Errorf("account %+v; %d arrived", c, k.Count("logs"))
			}
			if len(c.Reasons) != 1 || c.Reasons[0].Events != len(at) || !strings.Contains(c.Reasons[0].Text, "does not take an event") {
				t.Errorf("reasons %+v", c.Reasons)
			}
			text, err := os.ReadFile(kept)
			if err != nil || bytes.Count(text, []byte("poison")) != len(at) || bytes.Count(text, []byte("\n")) != len(at) {
				t.Errorf("kept %q, %v", text, err)
			}
			if c := account(t, 0, args...); c.Read != 0 {
				t.Errorf("the second time %+v", c)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		k := brokertest.NewKafka(t)
		k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1})
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, 3))
		c := account(t, cli.Partial, log, "--to", "kafka://"+k.Addr()+"/logs", "-q")
		if c.End != "gave up" || c.NotSent != 3 || !strings.Contains(c.Reason, "refuses everything") {
			t.Errorf("account %+v", c)
		}
	})
	t.Run("too large for the topic", func(t *testing.T) {
		t.Parallel()
		k := brokertest.NewKafka(t)
		if err := k.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
			t.Fatal(err)
		}
		large := fmt.Sprintf(`{"msg":%q,"id":7}`, strings.Repeat(t.Name(), 1000)) + "\n"
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, 7)+strings.Replace(large, "TestBroker", randomText(8000), 1)+numbered(8, 7))
		c := account(t, cli.No, log, "--to", "kafka://"+k.Addr()+"/small", "-q")
		if c.Sent != 14 || c.Refused != 1 || !strings.Contains(c.Reasons[0].Text, "see its max.message.bytes") {
			t.Errorf("account %+v", c)
		}
	})
}

// randomText returns text that no compression makes small.
func randomText(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%x", x>>16)
	}
	return b.String()
}

// A key that holds something else, and a topic that is not there, are no fault of the events: nothing is lost, and a dry run
// says so before.
func TestBrokerIsNotReady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reason, dry string
		open              func(t *testing.T) (to string, mend func())
	}{
		{"a key of something else", `WRONGTYPE`, `"logstash" is no list, but a string`, func(t *testing.T) (string, func()) {
			t.Helper()
			r := brokertest.NewRedis(t)
			r.Do(t, "set", "logstash", "x")
			return "redis://" + r.Addr() + "/logstash", func() { r.Do(t, "del", "logstash") }
		}},
		{"a replica", "this is a replica; name the master, or the sentinels with --redis master=name", "is a replica, which takes no events", func(t *testing.T) (string, func()) {
			t.Helper()
			master := brokertest.NewRedis(t)
			host, port, _ := net.SplitHostPort(master.Addr())
			r := brokertest.NewRedis(t, "--replicaof", host+" "+port)
			brokertest.Await(t, "the replica is one", func() bool {
				return strings.Contains(fmt.Sprint(r.Do(t, "info", "replication")), "master_link_status:up")
			})
			return "redis://" + r.Addr() + "/logstash", func() { r.Do(t, "replicaof", "no", "one") }
		}},
		{"a topic that is not there", `topic "other": create it`, "topic other: is not there", func(t *testing.T) (string, func()) {
			t.Helper()
			k := brokertest.NewKafka(t)
			return "kafka://" + k.Addr() + "/other", func() {
				if err := k.CreateTopic("other", 1, nil); err != nil {
					t.Error(err)
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			to, mend := tt.open(t)
			log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
			if r := must(t, cli.Partial, log, "--to", to, "--dry-run"); !strings.Contains(r.out, tt.dry) {
				t.Errorf("a dry run says\n%s", r.out)
			}
			c := account(t, cli.Partial, log, "--to", to, "--give-up", "4s")
			if c.End != "gave up" || c.NotSent != 10 || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("account %+v", c)
			}
			mend()
			if c := account(t, 0, log, "--to", to); c.Sent != 10 {
				t.Errorf("the second time %+v", c)
			}
		})
	}
}

// Nothing is sent while a list is longer than the threshold, and the rest when somebody reads.
func TestRedisThreshold(t *testing.T) {
	t.Parallel()
	const n = 300
	r := brokertest.NewRedis(t)
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, n))
	args := []string{log, "--to", "redis://" + r.Addr() + "/logstash", "--redis", "threshold=150", "--batch", "100"}
	first := account(t, cli.Partial, append(args, "--give-up", "4s")...)
	if first.Sent != 200 || first.NotSent == 0 || !strings.Contains(first.Reason, "has 200 entries, more than --redis threshold, 150") {
		t.Errorf("account %+v", first)
	}
	ended := make(chan result, 1)
	go func() { ended <- start(t.Context(), "", append(args, "--json")...) }()
	select {
	case r := <-ended:
		t.Errorf("has not waited: %+v", r)
	case <-time.After(100 * time.Millisecond): // it waits for as long as nobody reads
	}
	r.Do(t, "ltrim", "logstash", 100, -1)
	if c := parse(t, <-ended); c.Sent != n-200 || r.Length(t, "logstash") != 200 {
		t.Errorf("the second time %+v", c)
	}
}

// The sentinels say where the master is; they have a password of their own.
func TestRedisSentinels(t *testing.T) {
	t.Parallel()
	r := brokertest.NewRedis(t)
	s := brokertest.NewSentinel(t, r, "requirepass guard")
	log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
	file := writeFile(t, t.TempDir(), "sentinel", ":guard")
	args := []string{log, "--to", "redis://127.0.0.1:1," + s.Addr() + "/logstash", "--no-state", "--redis", "master=orders", "--give-up", "4s"}
	if c := account(t, 0, append(args, "--sentinel-credentials", file)...); c.Sent != 10 || r.Length(t, "logstash") != 10 {
		t.Errorf("account %+v; %d arrived", c, r.Length(t, "logstash"))
	}
	if c := account(t, cli.Partial, args...); c.Sent != 0 || !strings.Contains(c.Reason, "--sentinel-credentials") {
		t.Errorf("without a password %+v", c)
	}
	dry := must(t, cli.Partial, append(args, "--sentinel-credentials", file, "--dry-run")...).out
	for _, want := range []string{"127.0.0.1:1 cannot be reached", `says that "orders" is at ` + r.Addr(), "the list logstash has 10 entries"} {
		if !strings.Contains(dry, want) {
			t.Errorf("%q is not in\n%s", want, dry)
		}
	}
	args[len(args)-3] = "master=others"
	if c := account(t, cli.Partial, append(args, "--sentinel-credentials", file)...); !strings.Contains(c.Reason, "it watches none of that name") {
		t.Errorf("another name %+v", c)
	}
}

// Events with the same value of a field are in one partition of Kafka, in order, and come in order over several connections to Logstash.
func TestKeepOrder(t *testing.T) {
	t.Parallel()
	const n, users = 4000, 40
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"request","shop":{"buyer":"u%d"},"n":%d}`+"\n", i%users, i)
	}
	log := writeFile(t, t.TempDir(), "app.log", text.String())
	inOrder := func(t *testing.T, events [][]byte) {
		t.Helper()
		last := make(map[string]int)
		for _, e := range events {
			var n int
			_, name, _ := strings.Cut(string(e), `"buyer":"`)
			name, rest, _ := strings.Cut(name, `"`)
			_, rest, _ = strings.Cut(rest, `"n":`)
			if _, err := fmt.Sscan(strings.TrimRight(rest, "}\n"), &n); err != nil {
				t.Fatalf("%v in %s", err, e)
			}
			if n+1 <= last[name] {
				t.Errorf("%s: %d behind %d", name, n, last[name]-1)
			}
			last[name] = n + 1
		}
		if len(events) != n || len(last) != users {
			t.Errorf("%d events of %d users", len(events), len(last))
		}
	}
	t.Run("kafka", func(t *testing.T) {
		t.Parallel()
		k := brokertest.NewKafka(t, kfake.SeedTopics(4, "logs"))
		account(t, 0, log, "--to", "kafka://"+k.Addr()+"/logs", "--keep-order", "shop.buyer")
		var events [][]byte
		partitions := make(map[string]int32)
		used := make(map[int32]bool)
		for _, r := range k.Records(t, "logs") {
			events = append(events, r.Value)
			if p, ok := partitions[string(r.Key)]; ok && p != r.Partition || len(r.Key) == 0 {
				t.Errorf("key %q in partition %d and %d", r.Key, p, r.Partition)
			}
			partitions[string(r.Key)], used[r.Partition] = r.Partition, true
		}
		if len(used) != 4 {
			t.Errorf("%d partitions are used", len(used))
		}
		inOrder(t, events)
	})
	t.Run("beats", func(t *testing.T) {
		t.Parallel()
		b := beats(t, nil)
		account(t, 0, log, "--to", "beats://"+b.Addr(), "--connections", "4", "--batch", "50", "--keep-order", "shop.buyer")
		inOrder(t, b.Events())
		if b.Connections() < 2 {
			t.Errorf("%d connections", b.Connections())
		}
	})
}

// What was sent to one database was not sent to another.
func TestStateOfADatabase(t *testing.T) {
	t.Parallel()
	r := brokertest.NewRedis(t)
	dir := t.TempDir()
	log := writeFile(t, dir, "app.log", numbered(0, 10))
	to := []string{log, "--to", "redis://" + r.Addr() + "/logstash"}
	for _, tt := range []struct {
		redis string
		sent  int
	}{{"db=0", 10}, {"threshold=1000", 0}, {"db=1", 10}, {"stream=x,db=2", 10}} {
		if c := account(t, 0, append(to, "--redis", tt.redis)...); c.Sent != tt.sent {
			t.Errorf("%s: %+v", tt.redis, c)
		}
	}
	if c := account(t, 0, append(to, "--redis=db=2", "--redis=stream=x")...); c.Sent != 0 {
		t.Errorf("the same in another order: %+v", c)
	}
	state := filepath.Join(dir, "state")
	account(t, 0, append(to, "--redis", "db=3", "--state", state)...)
	if r := must(t, cli.Usage, append(to, "--redis", "db=4", "--state", state)...); !strings.Contains(r.errs, "with db=3, not to") {
		t.Errorf("says %s", r.errs)
	}
}

// Nobody waits for the acks of a broker that is away.
func TestInterruptedWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	eachTarget(t, func(t *testing.T, to *target) {
		t.Helper()
		to.kill(t)
		log := writeFile(t, t.TempDir(), "app.log", numbered(0, 10))
		code, out, took, err := replay.InterruptRead(t.Context(), log, "--to", to.to, "-q")
		if err != nil || code != cli.Interrupted || took > 5*time.Second || !strings.Contains(out, "10  not sent") { // or it waits for acks
			t.Errorf("exit code %d after %v, %v: %s", code, took, err, out)
		}
	})
}
