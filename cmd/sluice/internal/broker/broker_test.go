package broker_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/cmd/sluice/internal/broker"
	"github.com/sluicelog/sluice/cmd/sluice/internal/brokertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/redis"
	"github.com/sluicelog/sluice/pipeline"
)

// ask asks with settings, nil for those of a configuration, and returns one line for each finding.
func ask(t *testing.T, addr string, opts *logstash.DialOptions, s *broker.Settings) (all []string) {
	t.Helper()
	if opts == nil {
		opts = &logstash.DialOptions{}
	}
	if s == nil {
		s = broker.SettingsOf(addr)
	}
	for _, f := range broker.Ask(t.Context(), addr, opts, s) {
		all = append(all, strings.Join(strings.Fields(f.String()), " "))
	}
	slices.Sort(all)
	return all
}

// expect compares findings with what each of them is to contain, in their order.
func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %q, want %q", got, want)
		return
	}
	for i := range want {
		begin, rest, _ := strings.Cut(want[i], "…")
		if !strings.HasPrefix(got[i], begin) || !strings.Contains(got[i], rest) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	got := make(map[string]string)
	for _, addr := range []string{"kafka://a/b", "KAFKA+TLS://a/b", "redis://a/b", "redis+tls://a", "beats://a", "kafka", "", "kafka+tls+tls://a"} {
		got[addr] = broker.Of(addr)
	}
	want := map[string]string{
		"kafka://a/b": "kafka", "KAFKA+TLS://a/b": "kafka", "redis://a/b": "redis", "redis+tls://a": "redis",
		"beats://a": "", "kafka": "kafka", "": "", "kafka+tls+tls://a": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got)\n%s", diff)
	}
}

// Every form of an address that a configuration may have can be looked at, also those whose rest is in the program.
func TestComplete(t *testing.T) {
	t.Parallel()
	cfg := pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.Console}}}
	for _, addr := range []string{"kafka://a,b/logs", "kafka+tls://a", "redis://a/key", "redis://a,b/key", "redis+tls://me:pw@a:1/key", "beats://a"} {
		cfg.Sinks = append(cfg.Sinks, pipeline.Sink{Type: pipeline.Logstash, Addr: addr})
	}
	broker.Complete(&cfg)
	for i := range cfg.Sinks {
		s := &cfg.Sinks[i]
		if s.Type == pipeline.Console {
			continue
		}
		shipper, err := logstash.Dial(s.Addr, &s.Dial)
		if err != nil {
			t.Errorf("%s: %v", s.Addr, err)
			continue
		}
		_ = shipper.Close()
	}
	if cfg.Sinks[len(cfg.Sinks)-1].Dial.Schemes != nil {
		t.Error("a Logstash gets the schemes of brokers")
	}
}

func TestAskKafka(t *testing.T) {
	testlog.CheckGoroutines(t)
	k := brokertest.NewKafka(t, kfake.SeedTopics(3, "logs"))
	addr := "kafka://" + k.Addr()
	expect(t, ask(t, addr+"/logs", nil, nil),
		"pass topic logs: 3 partitions, led by 1 broker that can be reached",
		"warn topic logs: with one replica, whose broker takes what was acked with it: partition 0, 1, 2")
	expect(t, ask(t, addr+"/other", nil, nil), "fail topic other: is not there -> create it")
	expect(t, ask(t, addr, nil, nil), "pass broker: a Kafka of 1 broker; the program chooses the topics")
	expect(t, ask(t, "kafka://127.0.0.1:1,"+k.Addr()+"/other", nil, nil), "fail topic other: is not there")
	expect(t, ask(t, "kafka://127.0.0.1:1/logs", nil, nil)) // as Probe says
	expect(t, ask(t, "beats://127.0.0.1:1", nil, nil))
	expect(t, ask(t, "kafka://a b/logs", nil, nil)) // as Dial says
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	expect(t, ask(t, addr+"/logs", nil, nil), "fail topic logs: the user may not see it -> give the user the permissions WRITE and DESCRIBE")
}

// A user without the permission to write is found out without an event.
func TestAskKafkaPermissions(t *testing.T) {
	t.Parallel()
	acl := func(op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "logs", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	k := brokertest.NewKafka(t, kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.User("PLAIN", "reader", "s3cret", acl(kmsg.ACLOperationRead)), kfake.User("PLAIN", "writer", "s3cret", acl(kmsg.ACLOperationWrite)))
	addr := "kafka://" + k.Addr() + "/logs"
	got := ask(t, addr, &logstash.DialOptions{Username: "reader", Password: "s3cret"}, nil)
	expect(t, got[:1], "fail topic logs: the user may not write to it -> give the user the permission WRITE")
	got = ask(t, addr, &logstash.DialOptions{Username: "writer", Password: "s3cret"}, nil)
	expect(t, got[:1], "pass topic logs")
	expect(t, ask(t, strings.Replace(addr, "//", "//writer:hunter2@", 1), nil, nil), "fail broker: does not answer as a Kafka does: … -> a broker hangs up so on a wrong password")
	if all := strings.Join(ask(t, strings.Replace(addr, "//", "//writer:hunter2@", 1), nil, nil), "\n"); strings.Contains(all, "hunter2") {
		t.Errorf("says %s", all)
	}
}

// What the cluster tells of its brokers and partitions is looked at, as it is what counts.
func TestAskKafkaOfPartitions(t *testing.T) {
	t.Parallel()
	k := brokertest.NewKafka(t)
	host, port, _ := net.SplitHostPort(k.Addr())
	n, _ := strconv.ParseInt(port, 10, 32)
	partition := func(number, leader int32, replicas, isr []int32) kmsg.MetadataResponseTopicPartition {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader, p.Replicas, p.ISR = number, leader, replicas, isr
		return p
	}
	k.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for i, h := range []string{host, "nowhere.invalid"} {
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host, b.Port = int32(i), h, int32(n)
			resp.Brokers = append(resp.Brokers, b)
		}
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = req.(*kmsg.MetadataRequest).Topics[0].Topic
		both := []int32{0, 1}
		t.Partitions = append(t.Partitions, partition(0, 0, both, both), partition(1, 1, both, both), partition(2, -1, both, nil))
		for i := int32(3); i < 15; i++ {
			t.Partitions = append(t.Partitions, partition(i, 0, both, both[:1]))
		}
		resp.Topics = append(resp.Topics, t)
		return resp, nil, true
	})
	expect(t, ask(t, "kafka://"+k.Addr()+"/logs", nil, nil),
		"fail broker 1: leads partitions, and cannot be reached at nowhere.invalid:"+port+": … -> the cluster tells this name, which the address has not: see to advertised.listeners",
		"fail topic logs: without a leader: partition 2",
		"warn topic logs: with fewer replicas in sync than it has: partition 3, 4, 5, 6, 7, 8, 9, 10 and 4 more")
}

func TestAskRedis(t *testing.T) {
	testlog.CheckGoroutines(t)
	r := brokertest.NewRedis(t, "--requirepass", "s3cret")
	as := &logstash.DialOptions{Password: "s3cret"}
	addr := "redis://" + r.Addr()
	const fine = ", Redis …, appendonly no"
	expect(t, ask(t, addr+"/logstash", as, nil), "pass redis "+r.Addr()+": the list logstash has no entry"+fine)
	r.Do(t, "rpush", "logstash", "1", "2")
	expect(t, ask(t, addr+"/logstash", as, nil), "pass redis "+r.Addr()+": the list logstash has 2 entries"+fine)
	r.Do(t, "xadd", "stream", "*", "event", "1")
	expect(t, ask(t, addr+"/stream", as, nil), "pass redis "+r.Addr()+": the stream stream has 1 entry"+fine) // the program may know
	expect(t, ask(t, addr+"/stream", as, &broker.Settings{}),
		`fail redis `+r.Addr()+`: "stream" is no list, but a stream -> want another key`, "pass redis "+r.Addr()+": Redis …")
	expect(t, ask(t, addr+"/logstash", as, &broker.Settings{Redis: redis.Options{Stream: true}}),
		`fail redis `+r.Addr()+`: "logstash" is no stream, but a list`, "pass redis "+r.Addr()+": Redis …")
	expect(t, ask(t, addr+"/logstash", as, &broker.Settings{Redis: redis.Options{DB: 2}}), "pass redis "+r.Addr()+": the list logstash has no entry"+fine)
	expect(t, ask(t, addr+"/logstash", nil, nil), "fail redis "+r.Addr()+": NOAUTH… -> see to the user and the password")
	expect(t, ask(t, strings.Replace(addr, "//", "//ann:hunter2@", 1)+"/logstash", nil, nil), "fail redis "+r.Addr()+": WRONGPASS… -> see to the user and the password")
	r.Do(t, "acl", "setuser", "ann", "on", ">s3cret", "+rpush", "~logstash")
	expect(t, ask(t, addr+"/logstash", &logstash.DialOptions{Username: "ann", Password: "s3cret"}, nil), "pass redis "+r.Addr()+": answers; the user may not ask for more")
	r.Do(t, "config", "set", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
	expect(t, ask(t, addr+"/logstash", as, nil), "pass redis "+r.Addr()+": …, maxmemory 100 MiB",
		"warn redis "+r.Addr()+": removes the whole key when its memory is full: maxmemory-policy is allkeys-lru -> CONFIG SET maxmemory-policy noeviction")
	r.Kill(t)
	expect(t, ask(t, addr+"/logstash", as, nil)) // as Probe says
}

// Of the sentinels of a configuration it is known which masters they watch; of those of a replay which one is meant.
func TestAskSentinels(t *testing.T) {
	t.Parallel()
	r := brokertest.NewRedis(t)
	s := brokertest.NewSentinel(t, r)
	addr := "redis://" + s.Addr() + ",127.0.0.1:1/logstash"
	expect(t, ask(t, addr, nil, nil), "pass sentinel "+s.Addr()+": is a sentinel, which watches orders: one of these is the MasterName of the program")
	expect(t, ask(t, addr, nil, &broker.Settings{}), "fail sentinel "+s.Addr()+": is a sentinel, which watches orders, and takes no events -> name the master")
	named := func(name string) *broker.Settings { return &broker.Settings{Redis: redis.Options{MasterName: name}} }
	expect(t, ask(t, addr, nil, named("orders")), "pass redis "+r.Addr()+": the list logstash has no entry…", "pass sentinel "+s.Addr()+`: says that "orders" is at `+r.Addr())
	expect(t, ask(t, addr, nil, named("others")), "fail sentinel "+s.Addr()+`: does not tell where "others" is: it watches none of that name`)
	r.Kill(t)
	got := ask(t, addr, nil, named("orders"))
	expect(t, got[:1], "fail redis "+r.Addr()+": is the master, and cannot be reached: …refused")
}

// Each node of a cluster is asked.
func TestAskCluster(t *testing.T) {
	t.Parallel()
	var hosts []string
	for _, slots := range [][]any{{0, 8000}, {8001, 16383}} {
		r := brokertest.NewRedis(t, "--cluster-enabled", "yes", "--cluster-port", brokertest.FreePort(t))
		r.Do(t, append([]any{"cluster", "addslotsrange"}, slots...)...)
		hosts = append(hosts, r.Addr())
	}
	got := strings.Join(ask(t, "redis://"+strings.Join(hosts, ",")+"/logstash", nil, nil), "\n")
	for _, host := range hosts {
		if !strings.Contains(got, "redis "+host+": ") {
			t.Errorf("nothing of %s in %s", host, got)
		}
	}
}

// One that takes a connection and does not answer is given up.
func TestAskOneThatHangs(t *testing.T) {
	testlog.CheckGoroutines(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, addr := range []string{"kafka://" + l.Addr().String() + "/logs", "redis://" + l.Addr().String() + "/logs"} {
		var asked atomic.Bool
		opts := &logstash.DialOptions{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				asked.Store(true)
			}
			return c, err
		}}
		var found []pipeline.Finding
		var took time.Duration
		for range 10 { // where the machine stood still the time was over before anybody was asked
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			watch := testlog.StartStopwatch(t)
			found = broker.Ask(ctx, addr, opts, broker.SettingsOf(addr))
			took = watch.Elapsed()
			cancel()
			if len(found) > 0 || asked.Load() {
				break
			}
		}
		if len(found) != 1 || found[0].Status != pipeline.Fail || !strings.Contains(found[0].Detail, "no answer in time") || took > 2*time.Second {
			t.Errorf("%s: %+v after %v", addr, found, took)
		}
	}
}
