package kafka_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// plainly is a client that does not compress, so that a test can look into a request.
func plainly() *kafka.Options {
	return &kafka.Options{Client: []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}}
}

// isPoisoned reports whether a request is to produce poison.
func isPoisoned(req kmsg.Request) bool { return produces(req, "poison") }

// produces reports whether a request is to produce a record with the text, as long as it is not compressed.
func produces(req kmsg.Request, text string) bool {
	r, ok := req.(*kmsg.ProduceRequest)
	if !ok {
		return false
	}
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			if bytes.Contains(p.Records, []byte(text)) {
				return true
			}
		}
	}
	return false
}

// While brokers are away, the state says so and why, what is under way stays so, and the first ack ends
// it. Nothing arrives twice.
func TestBrokersAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.set(true)
	var mu sync.Mutex
	var states []string
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{
		SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolOverflow, MaxEvents: 5000, BatchSize: 500,
		OnState: func(h logstash.Health) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, h.State.String())
		},
	})
	told := func(state logstash.State) {
		t.Helper()
		await(t, fmt.Sprint("OnState is told of ", state), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(states) > 0 && states[len(states)-1] == state.String()
		})
	}
	write(t, s, 0, 20_000)
	awaitDown(t, s, "kafka: nothing acked for", "broker 127.0.0.1:", errShut.Error())
	told(logstash.Down)
	if st := s.Stats(); st.Spooled == 0 || st.Written+st.Dropped > 0 {
		t.Errorf("stats %+v; want events in the spool", st)
	}
	c.set(false)
	flush(t, s)
	told(logstash.Up)
	balance(t, s, 20_000, 0)
	c.account(t, "logs", 20_000)

	c.set(true) // and once more, with connections that were in use
	write(t, s, 20_000, 21_000)
	told(logstash.Down)
	c.set(false)
	flush(t, s)
	told(logstash.Up)
	c.account(t, "logs", 21_000)
	mu.Lock()
	defer mu.Unlock()
	if states[0] != logstash.Down.String() || !slices.Equal(slices.Compact(slices.Clone(states)), states) {
		t.Errorf("states %q, want each other than the one before", states)
	}
	if st := s.Stats(); st.Resent != 0 {
		t.Errorf("%d events resent, want none: they have stayed under way", st.Resent)
	}
}

// With the default options it takes a few seconds to tell that nobody is there, or that who is there says
// nothing.
func TestDownByDefault(t *testing.T) {
	t.Parallel()
	refused, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // connections to it are taken by the system
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	var wg sync.WaitGroup
	defer wg.Wait()
	for want, addr := range map[string]string{"broker %s: connect: ": refused, "no broker of %s has an answer: ": mute.Addr().String()} {
		wg.Go(func() {
			s, err := kafka.Dial("kafka://"+addr+"/logs", nil)
			if err != nil {
				t.Error(err)
				return
			}
			begun, watch := time.Now(), testlog.StartStopwatch(t)
			write(t, s, 0, 1)
			isDown := func() bool { return s.Health().State == logstash.Down }
			for !isDown() && time.Since(begun) < patience {
				<-time.After(5 * time.Millisecond)
			}
			if took := time.Since(begun); took < 2*time.Second || watch.Elapsed() > 5*time.Second {
				t.Errorf("Down after %v, want 2 to 4 seconds", took)
			}
			if err, want := s.Health().Err, fmt.Sprintf(want, addr); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Health.Err %v; want %s", err, want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			watch = testlog.StartStopwatch(t)
			if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown: %v", err)
			}
			if took := watch.Elapsed(); took > time.Second {
				t.Errorf("Shutdown took %v", took)
			}
		})
	}
}

// Attempts to reach brokers that are away become rare, whatever the client wants them for, and whether
// it has reached them before.
func TestAttemptsBecomeRare(t *testing.T) {
	t.Parallel()
	never, later := newCluster(t), newCluster(t)
	var watch *testlog.Stopwatch
	for n, c := range map[int]*cluster{0: never, 1000: later} {
		s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Minute})
		write(t, s, 0, n)
		if n > 0 {
			flush(t, s)
		}
		c.set(true)
		write(t, s, n, n+1)
		await(t, "a connection refused", func() bool { return c.refusals() > 0 })
		watch = testlog.StartStopwatch(t)
	}
	await(t, "some seconds", func() bool { return watch.Elapsed() > 2*time.Second })
	// Half of each pause is left to chance: 25 to 50 ms, 50 to 100 and so on.
	for name, c := range map[string]*cluster{"never there": never, "there before": later} {
		if n := c.refusals(); n < 5 || n > 10 {
			t.Errorf("%s: %d attempts in 2 seconds, want 5 to 10", name, n)
		}
	}
}

// Shutdown does not wait for brokers that are away: what is under way goes to the spool, and from there to
// Kafka in the next life.
func TestShutdownWhileAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	dir := t.TempDir()
	opts := logstash.DialOptions{SpoolDir: dir, SpoolMode: logstash.SpoolOverflow, BatchSize: 100}
	s := c.dial(t, c.addr("logs"), nil, opts)
	write(t, s, 0, 1000)
	flush(t, s)
	c.set(true)
	write(t, s, 1000, 3000)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	watch := testlog.StartStopwatch(t)
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if took := watch.Elapsed(); took > 2*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
	if st := s.Stats(); st.Spooled != 2000 || st.Dropped != 0 {
		t.Errorf("stats %+v; want 2000 in the spool", st)
	}
	c.set(false)
	s = c.dial(t, c.addr("logs"), nil, opts)
	flush(t, s)
	c.account(t, "logs", 3000)
}

// A broker that is restarted with what it has on disk knows the producer, too.
func TestBrokerRestarts(t *testing.T) {
	t.Parallel()
	listen, err := lstest.FreeAddr() // or somebody could be given the port while the broker is away
	if err != nil {
		t.Fatal(err)
	}
	var port int
	if _, err := fmt.Sscanf(listen, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := newCluster(t, kfake.DataDir(dir), kfake.Ports(port))
	addr := c.addr("logs")
	s := c.dial(t, addr, nil, logstash.DialOptions{BatchSize: 100})
	n := 0
	for range 3 {
		done := make(chan struct{})
		from, written := n, s.Stats().Written
		go func() {
			defer close(done)
			write(t, s, from, from+5000)
		}()
		n += 5000
		await(t, "some acks", func() bool { return s.Stats().Written > written+500 })
		c.Close()
		<-done
		again := newCluster(t, kfake.DataDir(dir), kfake.Ports(port))
		c.Cluster = again.Cluster
	}
	flush(t, s)
	balance(t, s, uint64(n), 0)
	c.account(t, "logs", n)
}

// Connections that end, with and without the answer to what was sent, lose nothing and bring nothing twice.
func TestConnectionsBreak(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(2), kfake.SeedTopics(3, "logs"))
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{BatchSize: 200})
	n := 0
	for i := range 10 {
		write(t, s, n, n+2000)
		n += 2000
		if i%2 == 0 {
			c.lose(1 + i%3)
		} else {
			c.kill()
		}
		want := uint64(n - 1000)
		await(t, "acks", func() bool { return s.Stats().Written >= want })
	}
	flush(t, s)
	balance(t, s, uint64(n), 0)
	c.account(t, "logs", n)
}

// Leaders that move under load cost nothing.
func TestLeadersMove(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "logs"))
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{BatchSize: 200})
	n := 0
	for range 8 {
		write(t, s, n, n+2000)
		n += 2000
		c.ShufflePartitionLeaders()
		want := uint64(n - 1500)
		await(t, "acks", func() bool { return s.Stats().Written >= want })
	}
	flush(t, s)
	balance(t, s, uint64(n), 0)
	c.account(t, "logs", n)
}

// A machine that dies without a word holds up its partitions for Timeout, although others lead them now.
func TestMachineDies(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(2))
	lead := c.LeaderFor("logs", 0)
	addrs := c.ListenAddrs()
	s := c.dial(t, "kafka://"+strings.Join(addrs, ",")+"/logs", nil, logstash.DialOptions{Timeout: time.Second})
	write(t, s, 0, 1000)
	flush(t, s)
	c.die(addrs[lead])
	begun, watch := time.Now(), testlog.StartStopwatch(t)
	write(t, s, 1000, 2000)
	await(t, "something is under way to it", c.swallows) // or the client may hear first who leads now
	if err := c.MoveTopicPartition("logs", 0, 1-lead); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	if took := time.Since(begun); took < 900*time.Millisecond || watch.Elapsed() > 5*time.Second {
		t.Errorf("back after %v, want about Timeout", took)
	}
	balance(t, s, 2000, 0)
	c.account(t, "logs", 2000)
}

// Errors that pass are waited for.
func TestErrorsThatPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.NotEnoughReplicas,
		kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID,
		kerr.KafkaStorageError, kerr.CorruptMessage,
	} {
		t.Run(tt.Message, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{BatchSize: 300})
			write(t, s, 0, 1000)
			flush(t, s)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Err: tt, Count: 3})
			write(t, s, 1000, 4000)
			flush(t, s)
			if fault.Hits() == 0 {
				t.Error("there was no error")
			}
			balance(t, s, 4000, 0)
			if tt == kerr.CorruptMessage { // the events of one batch come after others
				c.count(t, "logs", 4000)
				return
			}
			c.account(t, "logs", 4000)
		})
	}
}

// An event that Kafka does not take goes to the quarantine alone. All others arrive, once.
func TestRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []*kerr.Error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
	} {
		t.Run(tt.Message, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.NumBrokers(2), kfake.SeedTopics(3, "logs"))
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: tt, Count: -1, When: isPoisoned})
			file := filepath.Join(t.TempDir(), "quarantine.json")
			var reason error
			s := c.dial(t, c.addr("logs"), plainly(), logstash.DialOptions{
				QuarantineFile: file, OnDrop: func(_ []byte, err error) { reason = err },
			})
			write(t, s, 0, 3000)
			const bad = `{"sender":0,"id":3000,"message":"poison"}`
			if _, err := s.Write([]byte(bad)); err != nil {
				t.Fatal(err)
			}
			write(t, s, 3001, 9000)
			await(t, "the quarantine", func() bool { return s.Stats().DroppedRejected == 1 })
			flush(t, s)
			balance(t, s, 8999, 1)
			c.count(t, "logs", 9000, 3000)
			got, err := os.ReadFile(file)
			if err != nil || string(got) != bad+"\n" {
				t.Errorf("quarantine: %q, %v", got, err)
			}
			large := tt == kerr.MessageTooLarge || tt == kerr.RecordListTooLarge
			if !errors.Is(reason, logstash.ErrRejected) || errors.Is(reason, logstash.ErrTooLarge) != large || !errors.Is(reason, tt) {
				t.Errorf("reason %v", reason)
			}
		})
	}
}

// While every event is rejected, none is to blame: a clock is wrong, say, or a setting of the topic.
func TestAllRejected(t *testing.T) {
	t.Parallel()
	for _, e := range []*kerr.Error{kerr.InvalidTimestamp, kerr.InvalidRecord} {
		t.Run(e.Message, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.SeedTopics(3, "logs"))
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e, Count: -1})
			s := c.dial(t, c.addr("logs"), plainly(), logstash.DialOptions{})
			write(t, s, 0, 5000)
			await(t, "many rejections", func() bool { return fault.Hits() > 60 })
			fault.Remove()
			flush(t, s)
			balance(t, s, 5000, 0)
			c.count(t, "logs", 5000)
		})
	}
}

// Many events that are not taken, among others, one of them twice.
func TestManyRejected(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.SeedTopics(2, "logs"))
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: isPoisoned})
	s := c.dial(t, c.addr("logs"), plainly(), logstash.DialOptions{})
	var without []int
	for i := range 40 {
		write(t, s, i*100, i*100+99)
		without = append(without, i*100+99)
		if _, err := fmt.Fprintf(s, `{"sender":0,"id":%d,"message":"poison"}`, i*100+99); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, s)
	balance(t, s, 3960, 40)
	c.count(t, "logs", 4000, without...)
}

// Too large for the topic are a batch, of which the parts are not, and an event.
func TestTooLargeForTheTopic(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "20000"}))
	opts := plainly()
	opts.Headers = func(event []byte) []kgo.RecordHeader {
		if id(event) != 4001 {
			return nil
		}
		return []kgo.RecordHeader{{Key: "h", Value: make([]byte, 50_000)}}
	}
	var reasons []string
	s := c.dial(t, c.addr("logs"), opts, logstash.DialOptions{MaxEventBytes: 4 << 20, OnDrop: func(_ []byte, err error) {
		reasons = append(reasons, err.Error())
	}})
	write(t, s, 0, 2000)
	if _, err := fmt.Fprintf(s, `{"sender":0,"id":2000,"message":"%s"}`, strings.Repeat("x", 30_000)); err != nil {
		t.Fatal(err)
	}
	write(t, s, 2001, 4000)
	if _, err := fmt.Fprintf(s, `{"sender":0,"id":4000,"message":"%s"}`, strings.Repeat("x", 3_000_000)); err != nil {
		t.Fatal(err) // which the client does not even send
	}
	write(t, s, 4001, 4002) // with a header that is too large
	flush(t, s)
	balance(t, s, 3999, 3)
	c.count(t, "logs", 4002, 2000, 4000, 4001)
	if len(reasons) != 3 || !strings.Contains(reasons[2], "an event of 50045 bytes, with its key and headers") {
		t.Errorf("reasons %q", reasons)
	}
}

// The functions of the user's may do anything.
func TestFunctionsFail(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	fail := func(event []byte, n int) {
		if id(event) == n {
			panic(fmt.Sprint("injected ", n))
		}
	}
	opts := &kafka.Options{
		Topic: func(event []byte) string {
			fail(event, 100)
			switch id(event) {
			case 200:
				return ""
			case 300:
				return "no topic"
			default:
				return "logs"
			}
		},
		Headers: func(event []byte) []kgo.RecordHeader {
			fail(event, 400)
			return nil
		},
	}
	var mu sync.Mutex
	var reasons []string
	s := c.dial(t, strings.TrimSuffix(c.addr(""), "/"), opts, logstash.DialOptions{
		Key: func(event []byte) []byte {
			fail(event, 500)
			return nil
		},
		OnDrop: func(_ []byte, err error) {
			mu.Lock()
			defer mu.Unlock()
			reasons = append(reasons, err.Error())
		},
	})
	write(t, s, 0, 1000)
	await(t, "four rejected", func() bool { return s.Stats().DroppedRejected == 4 })
	flush(t, s)
	balance(t, s, 996, 4)
	c.count(t, "logs", 1000, 100, 200, 300, 400)
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(reasons, "\n")
	for _, want := range []string{
		"Options.Topic panicked: injected 100", "has no topic for an event", `topic "no topic" of Options.Topic: want`,
		"Options.Headers panicked: injected 400",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("reasons without %q:\n%s", want, all)
		}
	}
}

// A topic may be made later.
func TestTopicAppears(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.dial(t, c.addr("later"), nil, logstash.DialOptions{})
	write(t, s, 0, 1000)
	awaitDown(t, s, `topic "later": create it`)
	if err := c.CreateTopic("later", 1, nil); err != nil {
		t.Fatal(err)
	}
	watch := testlog.StartStopwatch(t)
	flush(t, s)
	if took := watch.Elapsed(); took > 6*time.Second {
		t.Errorf("it took %v to find the topic", took)
	}
	balance(t, s, 1000, 0)
	c.account(t, "later", 1000)
}

// A topic that is not there is made where the brokers and the option allow it.
func TestTopicIsMade(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(3))
	s := c.dial(t, c.addr("fresh"), &kafka.Options{Client: []kgo.Opt{kgo.AllowAutoTopicCreation()}}, logstash.DialOptions{})
	write(t, s, 0, 1000)
	flush(t, s)
	balance(t, s, 1000, 0)
	c.account(t, "fresh", 1000)
	s = c.dial(t, c.addr("none"), nil, logstash.DialOptions{})
	write(t, s, 0, 1)
	await(t, "state Down", func() bool { return s.Health().State == logstash.Down })
	if c.TopicInfo("none") != nil {
		t.Error("a topic was made without the option")
	}
}

// A topic may be deleted and made again, with other partitions, while it is written to.
func TestTopicIsMadeAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(2))
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{})
	write(t, s, 0, 1000)
	flush(t, s)
	c.do(t, &kmsg.DeleteTopicsRequest{
		Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: new("logs")}}, TopicNames: []string{"logs"}, TimeoutMillis: 1000,
	})
	write(t, s, 1000, 3000)
	await(t, "state Down", func() bool { return s.Health().State == logstash.Down })
	if err := c.CreateTopic("logs", 3, nil); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	balance(t, s, 3000, 0)
	before := make([]int, 1000) // gone with the first topic
	for i := range before {
		before[i] = i
	}
	c.count(t, "logs", 3000, before...)
}

// A topic that is made again with fewer partitions, by brokers that do not tell it from the first one, is found
// out.
func TestFewerPartitions(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.SeedTopics(4, "logs"), kfake.MaxVersions(kversion.V2_7_0()))
	told := make(chan struct{}, 1)
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{
		BatchSize: 100, Timeout: time.Second, Key: func(event []byte) []byte { return fmt.Append(nil, id(event)) },
		OnError: func(err error) {
			if strings.Contains(err.Error(), `topic "logs" has 2 partitions, and had 4`) {
				select {
				case told <- struct{}{}:
				default:
				}
			}
		},
	})
	write(t, s, 0, 1000)
	flush(t, s)
	if err := errors.Join(c.DeleteTopic("logs"), c.CreateTopic("logs", 2, nil)); err != nil {
		t.Fatal(err)
	}
	write(t, s, 1000, 2000)
	<-told
	flush(t, s) // the client begins anew after Timeout
	balance(t, s, 2000, 0)
	if st := s.Stats(); st.Resent > 4*100 {
		t.Errorf("%d events resent, want at most Pipeline batches", st.Resent)
	}
	before := make([]int, 1000) // gone with the first topic
	for i := range before {
		before[i] = i
	}
	c.count(t, "logs", 2000, before...)
}

// Partitions that are added are used.
func TestMorePartitions(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.dial(t, c.addr("logs"), &kafka.Options{Client: []kgo.Opt{kgo.MetadataMaxAge(50 * time.Millisecond)}}, logstash.DialOptions{
		Key: func(event []byte) []byte { return fmt.Append(nil, id(event)%50) },
	})
	write(t, s, 0, 1000)
	flush(t, s)
	c.do(t, &kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: "logs", Count: 4}}, TimeoutMillis: 1000})
	n := 1000
	await(t, "events in the last partition", func() bool {
		write(t, s, n, n+200)
		n += 200
		flush(t, s)
		return c.PartitionInfo("logs", 3).HighWatermark > 0
	})
	balance(t, s, uint64(n), 0)
	c.count(t, "logs", n)
}

// Brokers that cannot be reached where they say that they are, although the one of the address can, are told of.
func TestAdvertisedElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var g gate
	g.route("kafka:9092", c.ListenAddrs()[0])
	g.route(c.ListenAddrs()[0], "127.0.0.1:1")
	s := g.dial(t, "kafka://kafka/logs", nil, logstash.DialOptions{})
	write(t, s, 0, 1000)
	awaitDown(t, s, "broker "+c.ListenAddrs()[0]+": connect")
	g.route(c.ListenAddrs()[0], c.ListenAddrs()[0])
	flush(t, s)
	balance(t, s, 1000, 0)
	c.account(t, "logs", 1000)
}

// A broker that wants no requests for a while, as a quota is used up, gets none. When that lasts, the state says so.
func TestQuota(t *testing.T) {
	t.Parallel()
	const pause = 4 * time.Second // so long that it is looked at before the end, also when the machine stands still
	c := newCluster(t)
	var mu sync.Mutex
	var begun time.Time
	var reasons []string
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{Timeout: 1500 * time.Millisecond, OnState: func(h logstash.Health) {
		mu.Lock()
		defer mu.Unlock()
		if h.State == logstash.Down && !begun.IsZero() {
			reasons = append(reasons, h.Err.Error())
		}
	}})
	write(t, s, 0, 1) // so that it is connected, which may take a while
	flush(t, s)
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := &kmsg.ProduceResponse{Version: req.GetVersion(), ThrottleMillis: int32(pause / time.Millisecond)}
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			answer := kmsg.ProduceResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				answer.Partitions = append(answer.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition, ErrorCode: kerr.NotEnoughReplicas.Code})
			}
			resp.Topics = append(resp.Topics, answer)
		}
		mu.Lock()
		defer mu.Unlock()
		begun = time.Now()
		return resp, nil, true // once
	})
	write(t, s, 1, 1000)
	flush(t, s)
	balance(t, s, 1000, 0)
	c.account(t, "logs", 1000)
	mu.Lock()
	defer mu.Unlock()
	if took := time.Since(begun); took < pause {
		t.Errorf("acked %v after the broker wanted no requests for %v", took, pause)
	}
	if len(reasons) != 1 || !strings.Contains(reasons[0], "wants no requests for 4s: a quota for this user or client id is used up") {
		t.Errorf("Down for %q, want the quota", reasons)
	}
}

// What Kafka refuses stays with the Shipper, in order, until it is allowed.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault kfake.Fault
		want  string
	}{
		{"topic", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed}, "want the permission WRITE for the user"},
		{"fenced", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.ProducerFenced}, "PRODUCER_FENCED"},
		{"producer", kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed}, "want the permission IDEMPOTENT_WRITE"},
		{"metadata", kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "logs", Err: kerr.TopicAuthorizationFailed}, "want the permission WRITE for the user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			tt.fault.Count = -1
			fault := c.Fault(tt.fault)
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{BatchSize: 100})
			write(t, s, 0, 2000)
			awaitDown(t, s, tt.want)
			fault.Remove()
			flush(t, s)
			balance(t, s, 2000, 0)
			c.account(t, "logs", 2000)
		})
	}
}

// Anything may happen, in any order: nothing is lost, and nothing arrives twice, but for what is under way
// around an event that is rejected: then Kafka finds a gap behind it, and the producer begins anew.
// SLUICE_SEED is the first seed, and with SLUICE_TORTURE there are many.
func TestChaos(t *testing.T) {
	t.Parallel()
	first, err := strconv.ParseUint(cmp.Or(os.Getenv("SLUICE_SEED"), "1"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(4)
	if os.Getenv("SLUICE_TORTURE") != "" {
		n = 60
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			chaos(t, seed, seed%2 == 0)
		})
	}
}

func chaos(t *testing.T, seed uint64, poison bool) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	c := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(5, "logs"))
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: isPoisoned})
	batch, pipeline := 1+rng.IntN(500), 1+rng.IntN(8)
	s := c.dial(t, c.addr("logs"), plainly(), logstash.DialOptions{
		SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolOverflow, MaxEvents: 4000, BatchSize: batch, Pipeline: pipeline,
		Key: func(event []byte) []byte { return fmt.Append(nil, id(event)%50) },
	})
	passing := []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut,
		kerr.KafkaStorageError,
	}
	n := 0
	var without []int
	for range 30 {
		m := 500 + rng.IntN(1500)
		write(t, s, n, n+m)
		n += m
		switch rng.IntN(6) {
		case 0:
			c.kill()
		case 1:
			c.lose(1 + rng.IntN(4))
		case 2:
			c.ShufflePartitionLeaders()
		case 3:
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Err: passing[rng.IntN(len(passing))], Count: 1 + rng.IntN(4)})
		case 4:
			if !poison {
				continue
			}
			if _, err := fmt.Fprintf(s, `{"sender":0,"id":%d,"message":"poison"}`, n); err != nil {
				t.Fatal(err)
			}
			without = append(without, n)
			n++
		case 5:
			c.set(true)
			write(t, s, n, n+1000)
			n += 1000
			c.set(false)
		}
		want := s.Stats().Written + uint64(rng.IntN(m))
		await(t, "acks", func() bool { return s.Stats().Written >= min(want, uint64(n-len(without))) })
	}
	flush(t, s)
	balance(t, s, uint64(n-len(without)), uint64(len(without)))
	ledger := c.arrived(t, "logs", n, without...)
	if d, most := ledger.Duplicates(), len(without)*batch*pipeline; d > most {
		t.Errorf("%d duplicates, want at most %d, of Pipeline batches for each of %d rejections", d, most, len(without))
	}
	if b := ledger.OrderBreaks(); b > 0 && len(without) == 0 {
		t.Errorf("%d events out of order: %s", b, ledger.FirstOdd())
	}
}

// Brokers that answer and do not take anything are trouble, too, and the state says which.
func TestNothingAcked(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(2))
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{Timeout: 300 * time.Millisecond})
	write(t, s, 0, 1000)
	awaitDown(t, s, "fewer replicas than min.insync.replicas are in sync")
	c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp, ok := req.ResponseKind().(*kmsg.MetadataResponse)
		if !ok || len(req.(*kmsg.MetadataRequest).Topics) == 0 {
			return nil, nil, false
		}
		c.KeepControl()
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = new("logs")
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.ErrorCode, partition.Leader = kerr.LeaderNotAvailable.Code, -1
		topic.Partitions = append(topic.Partitions, partition)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	await(t, "the partition without a leader", func() bool {
		err := s.Health().Err
		return err != nil && strings.Contains(err.Error(), `topic "logs": partition 0 has no leader`)
	})
}

// What brokers say while they take nothing is the reason, whatever it is.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key  kmsg.Key
		err  *kerr.Error
		want string
	}{
		{kmsg.Produce, kerr.NotEnoughReplicas, `topic "logs": fewer replicas than min.insync.replicas are in sync: NOT_ENOUGH_REPLICAS`},
		{kmsg.Produce, kerr.NotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"},
		{kmsg.Produce, kerr.KafkaStorageError, "KAFKA_STORAGE_ERROR"},
		{kmsg.Produce, kerr.RequestTimedOut, "REQUEST_TIMED_OUT"},
		{kmsg.Produce, kerr.OutOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER"},
		{kmsg.InitProducerID, kerr.CoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS"},
	} {
		t.Run(tt.err.Message, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, TopLevel: tt.key == kmsg.InitProducerID, Err: tt.err, Count: -1})
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{Timeout: 300 * time.Millisecond})
			write(t, s, 0, 1000)
			reason := func(want string) {
				t.Helper()
				await(t, "the reason", func() bool {
					err := s.Health().Err
					return err != nil && strings.Contains(err.Error(), want)
				})
			}
			reason(tt.want)
			c.set(true) // brokers that are away are the reason for as long as they are
			reason(errShut.Error())
			c.set(false)
			reason(tt.want)
			fault.Remove()
			flush(t, s)
			balance(t, s, 1000, 0)
		})
	}
}

// Of many topics, the one that holds up the others is the reason.
func TestManyTopics(t *testing.T) {
	t.Parallel()
	topics := make([]string, 150)
	for i := range topics {
		topics[i] = fmt.Sprint("t", i)
	}
	c := newCluster(t, kfake.SeedTopics(1, topics...))
	s := c.dial(t, c.addr("t0"), &kafka.Options{Topic: func(event []byte) string {
		if id(event) == 1000 {
			return "gone"
		}
		return topics[id(event)%len(topics)]
	}}, logstash.DialOptions{BatchSize: 500})
	write(t, s, 0, 5000)
	await(t, "the reason", func() bool {
		err := s.Health().Err
		return err != nil && strings.Contains(err.Error(), `topic "gone": create it`)
	})
	if err := c.CreateTopic("gone", 1, nil); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	balance(t, s, 5000, 0)
}

// Attempts to write become rare while nothing is acked, whatever brokers say.
func TestWritesBecomeRare(t *testing.T) {
	t.Parallel()
	for _, e := range []*kerr.Error{kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut} {
		t.Run(e.Message, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Minute})
			write(t, s, 0, 1) // until it is connected nothing is acked either, and the pauses would be long from the first one on
			flush(t, s)
			n := 1
			for again := true; again; {
				fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Err: e, Count: -1})
				begun := time.Now()
				write(t, s, n, n+1000)
				n += 1000
				await(t, "an attempt", func() bool { return fault.Hits() > 0 })
				first := time.Now()
				await(t, "some seconds", func() bool { return time.Since(first) > 2*time.Second })
				hits := fault.Hits()
				again = time.Since(begun) > 2100*time.Millisecond && n < 10_000 // a standstill makes the next pause long
				// Half of each pause is left to chance, and each is about as long as all before it.
				if !again && (hits < 4 || hits > 14) {
					t.Errorf("%d attempts in 2 seconds, want 4 to 14", hits)
				}
				fault.Remove()
				flush(t, s)
			}
			balance(t, s, uint64(n), 0)
			c.account(t, "logs", n)
		})
	}
}

// Events that may be there twice are counted, also when the answer was lost and the next attempt was refused.
func TestResent(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{BatchSize: 100})
	n, twice := 0, 0
	for range 20 { // another answer may be lost than that to a batch
		var first kmsg.Request
		fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Err: kerr.TopicAuthorizationFailed, When: func(req kmsg.Request) bool {
			if first == nil {
				first = req
				c.lose(1)
			}
			return req != first
		}})
		write(t, s, n, n+100)
		n += 100
		flush(t, s)
		fault.Remove()
		if twice = c.arrived(t, "logs", n).Duplicates(); twice > 0 {
			break
		}
	}
	balance(t, s, uint64(n), 0)
	if resent := s.Stats().Resent; twice == 0 || uint64(twice) > resent {
		t.Errorf("%d duplicates, %d resent; want some, and no more than were resent", twice, resent)
	}
}

// A function that does not return holds everything, but not the end: what waits is in the spool then, and nothing
// of it is sent any more.
func TestFunctionBlocks(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	asked, release := make(chan struct{}, 1), make(chan struct{})
	opts := logstash.DialOptions{SpoolDir: t.TempDir(), SpoolMode: logstash.SpoolOverflow}
	s := c.dial(t, c.addr("logs"), &kafka.Options{Topic: func([]byte) string {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-release
		return ""
	}}, opts)
	write(t, s, 0, 100)
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if st := s.Stats(); st.Spooled != 100 || st.Queued != 0 {
		t.Errorf("stats %+v, want 100 events in the spool", st)
	}
	close(release)
	s = c.dial(t, c.addr("logs"), nil, opts)
	flush(t, s)
	if st := s.Stats(); st.Restored != 100 || st.Written != 100 {
		t.Errorf("stats %+v, want 100 events restored", st)
	}
	c.count(t, "logs", 100)
}

// A function that ends its goroutine has failed for that event, and no other.
func TestFunctionsEndTheGoroutine(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	end := func(event []byte, n int) {
		if id(event) == n {
			runtime.Goexit()
		}
	}
	var mu sync.Mutex
	var reasons []string
	s := c.dial(t, c.addr("logs"), &kafka.Options{
		Topic: func(event []byte) string {
			end(event, 100)
			end(event, 101)
			end(event, 2999)
			return ""
		},
		Headers: func(event []byte) []kgo.RecordHeader {
			end(event, 1500)
			return nil
		},
	}, logstash.DialOptions{
		Key: func(event []byte) []byte {
			end(event, 2000)
			return nil
		},
		OnDrop: func(_ []byte, err error) {
			mu.Lock()
			defer mu.Unlock()
			reasons = append(reasons, err.Error())
		},
	})
	write(t, s, 0, 3000)
	await(t, "all but one written", func() bool { return s.Stats().Written >= 2996 })
	write(t, s, 3000, 3001) // its ack shows that the last one is to blame
	flush(t, s)
	balance(t, s, 2997, 4)
	c.count(t, "logs", 3001, 100, 101, 1500, 2999)
	if st := s.Stats(); st.Resent != 0 {
		t.Errorf("%d events resent, want none", st.Resent)
	}
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(reasons, "\n")
	for _, want := range []string{"Options.Topic ended its goroutine", "Options.Headers ended its goroutine"} {
		if !strings.Contains(all, want) {
			t.Errorf("reasons without %q:\n%s", want, all)
		}
	}
}

// hook calls a function for each record that the client has been given.
type hook func(*kgo.Record)

func (h hook) OnProduceRecordBuffered(r *kgo.Record) { h(r) }

// A hook that ends the goroutine costs a second attempt, no more.
func TestHookEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	times := 0
	s := c.dial(t, c.addr("logs"), &kafka.Options{Client: []kgo.Opt{kgo.WithHooks(hook(func(r *kgo.Record) {
		if id(r.Value) == 100 {
			if times++; times <= 2 {
				runtime.Goexit()
			}
		}
	}))}}, logstash.DialOptions{BatchSize: 50})
	write(t, s, 0, 1000)
	flush(t, s)
	balance(t, s, 1000, 0)
	if ledger := c.arrived(t, "logs", 1000); ledger.Duplicates() > 4*50 {
		t.Errorf("%d duplicates, want at most Pipeline batches of them", ledger.Duplicates())
	}
}
