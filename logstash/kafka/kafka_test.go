package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

func TestShips(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s, err := kafka.Dial(c.addr("logs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, 0, 10_000)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // Close gives it less, whatever the machine does
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	balance(t, s, 10_000, 0)
	c.account(t, "logs", 10_000)
	if h := s.Health(); h.State != logstash.Closed {
		t.Errorf("Health %+v", h)
	}
}

// Events with the same key are in one partition, in their order.
func TestKey(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(6, "logs"))
	key := make([]byte, 0, 8) // a function may have one buffer for all keys
	s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{Key: func(event []byte) []byte {
		n := id(event) % 10
		if n == 9 {
			return nil
		}
		key = fmt.Appendf(key[:0], "k%d", n)
		return key
	}})
	write(t, s, 0, 9000)
	flush(t, s)
	c.account(t, "logs", 9000)
	where := make(map[string]int32)
	for _, r := range c.records(t, "logs") {
		want := ""
		if n := id(r.Value) % 10; n != 9 {
			want = fmt.Sprintf("k%d", n)
		}
		if string(r.Key) != want {
			t.Fatalf("key %q of %s, want %q", r.Key, r.Value, want)
		}
		if at, ok := where[want]; ok && want != "" && at != r.Partition {
			t.Fatalf("key %s in partitions %d and %d", want, at, r.Partition)
		}
		where[want] = r.Partition
	}
}

func TestTopicAndHeaders(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.SeedTopics(1, "even", "odd"))
	opts := &kafka.Options{
		Topic: func(event []byte) string {
			switch n := id(event); {
			case n%4 == 0:
				return "even"
			case n%2 == 0:
				return "" // the path
			default:
				return "odd"
			}
		},
		Headers: func(event []byte) []kgo.RecordHeader {
			return []kgo.RecordHeader{{Key: "id", Value: fmt.Append(nil, id(event))}}
		},
	}
	s := c.dial(t, c.addr("logs"), opts, logstash.DialOptions{})
	write(t, s, 0, 1000)
	flush(t, s)
	balance(t, s, 1000, 0)
	for topic, want := range map[string]int{"even": 250, "logs": 250, "odd": 500} {
		got := c.records(t, topic)
		if len(got) != want {
			t.Errorf("%d records in %s, want %d", len(got), topic, want)
		}
		for _, r := range got {
			want := []kgo.RecordHeader{{Key: "id", Value: fmt.Append(nil, id(r.Value))}}
			if diff := cmp.Diff(want, r.Headers); diff != "" {
				t.Fatalf("headers mismatch (-want +got):\n%s", diff)
			}
		}
	}
}

// codecs returns all kinds of compression.
func codecs() map[string]kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	for name, codec := range codecs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.dial(t, c.addr("logs"), &kafka.Options{Client: []kgo.Opt{kgo.ProducerBatchCompression(codec)}}, logstash.DialOptions{})
			write(t, s, 0, 3000)
			flush(t, s)
			c.account(t, "logs", 3000)
			types := map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
			seen := make(map[uint8]int)
			for _, r := range c.records(t, "logs") {
				seen[r.Attrs.CompressionType()]++
			}
			// The client leaves a small batch as it is when that is shorter.
			if seen[types[name]] < 2000 || seen[0]+seen[types[name]] < 3000 {
				t.Errorf("records by compression type: %v, want nearly all of 3000 of type %d", seen, types[name])
			}
		})
	}
}

// Brokers that speak older versions of the protocol do as well, from the first one that knows an idempotent
// producer.
func TestVersions(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]*kversion.Versions{
		"0.11": kversion.V0_11_0(), "1.0": kversion.V1_0_0(), "2.0": kversion.V2_0_0(), "2.8": kversion.V2_8_0(), "3.9": kversion.V3_9_0(), "4.0": kversion.V4_0_0(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.MaxVersions(v))
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{})
			write(t, s, 0, 1000)
			flush(t, s)
			balance(t, s, 1000, 0)
			c.account(t, "logs", 1000)
		})
	}
	none := kversion.V2_3_0()
	none.SetMaxKeyVersion(int16(kmsg.InitProducerID), -1)
	for name, v := range map[string]*kversion.Versions{"0.10": kversion.V0_10_2(), "without producers": none} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.MaxVersions(v))
			s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{})
			write(t, s, 0, 10)
			awaitDown(t, s, "the brokers have no idempotent producers: want Kafka 0.11 or newer")
			if st := s.Stats(); st.Written != 0 || st.Queued != 10 {
				t.Errorf("stats %+v; want the events to be queued", st)
			}
		})
	}
}

func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	client := func(opts ...kgo.Opt) *kafka.Options { return &kafka.Options{Client: opts} }
	mechanism := kgo.SASL(plain.Auth{User: "u", Pass: "p"}.AsMechanism())
	for _, tt := range []struct {
		name, addr string
		opts       *kafka.Options
		do         logstash.DialOptions
		want       string
	}{
		{"no topic", "kafka://a", nil, logstash.DialOptions{}, "address without a topic: want one, as in kafka://host/topic, or Options.Topic"},
		{"bad topic", "kafka://a/b%20c", nil, logstash.DialOptions{}, `topic "b c": want 1 to 249 letters`},
		{"two topics", "kafka://a/b/c", nil, logstash.DialOptions{}, `topic "b/c": want`},
		{"password alone", "kafka://a/b", nil, logstash.DialOptions{Password: "p"}, "Password: want a Username with it"},
		{"two mechanisms", "kafka://u:p@a/b", client(mechanism), logstash.DialOptions{}, "a Username and kgo.SASL in Options.Client: want one of the two"},
		{"not idempotent", "kafka://a/b", client(kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.NoAck())), logstash.DialOptions{}, "Options.Client: DisableIdempotentWrite: want none"},
		{"cancellation", "kafka://a/b", client(kgo.AllowIdempotentProduceCancellation()), logstash.DialOptions{}, "AllowIdempotentProduceCancellation: want none"},
		{"stop", "kafka://a/b", client(kgo.StopProducerOnDataLossDetected()), logstash.DialOptions{}, "StopProducerOnDataLossDetected: want none"},
		{"manual", "kafka://a/b", client(kgo.ManualFlushing()), logstash.DialOptions{}, "ManualFlushing: want none"},
		{"transactions", "kafka://a/b", client(kgo.TransactionalID("x")), logstash.DialOptions{}, "TransactionalID: want none"},
		{"one topic", "kafka://a/b", client(kgo.DefaultProduceTopic("x"), kgo.DefaultProduceTopicAlways()), logstash.DialOptions{}, "DefaultProduceTopicAlways: want none"},
		{"consumer", "kafka://a/b", client(kgo.ConsumeTopics("x"), kgo.ConsumerGroup("y")), logstash.DialOptions{}, "ConsumeTopics, ConsumerGroup: want none"},
		{"bad option", "kafka://a/b", client(kgo.ConnIdleTimeout(1)), logstash.DialOptions{}, "Options.Client: conn"},
		{"old versions", "kafka://a/b", client(kgo.MaxVersions(kversion.V0_10_2())), logstash.DialOptions{}, "Options.Client: MaxVersions without InitProducerID: want those of Kafka 0.11 or newer"},
		{"nothing", "kafka://a/b", client(kgo.ClientID("x"), nil), logstash.DialOptions{}, "Options.Client[1] is nil: want an option"},
		{"partitioner", "kafka://a/b", client(kgo.RecordPartitioner(partitioner{})), logstash.DialOptions{}, "RecordPartitioner of type kafka_test.partitioner: want one of kgo's own"},
		{"partitioner by pointer", "kafka://a/b", client(kgo.RecordPartitioner(&partitioner{})), logstash.DialOptions{}, "of type *kafka_test.partitioner: want"},
		{"function", "kafka://a/b", client(kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(nil))), logstash.DialOptions{}, "RecordPartitioner of type *kgo.basicPartitioner: want"},
		{"no partitioner", "kafka://a/b", client(kgo.RecordPartitioner(nil)), logstash.DialOptions{}, "RecordPartitioner of type <nil>: want"},
		{"manual partitions", "kafka://a/b", client(kgo.RecordPartitioner(kgo.ManualPartitioner())), logstash.DialOptions{}, "want"},
		{"two TLS", "kafka+tls://a/b", client(kgo.DialTLS()), logstash.DialOptions{}, "Options.Client: "},
	} {
		tt.do.Schemes = []logstash.Scheme{kafka.Scheme(tt.opts)}
		s, err := logstash.Dial(tt.addr, &tt.do)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Dial: %v; want %s", tt.name, err, tt.want)
		}
	}
}

// partitioner is one of the user's.
type partitioner struct{ kgo.Partitioner }

// The partitioners of kgo can be chosen among.
func TestPartitioners(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]kgo.Partitioner{
		"sticky": kgo.StickyPartitioner(), "by key": kgo.StickyKeyPartitioner(kgo.SaramaHasher(func(key []byte) uint32 { return uint32(len(key)) })),
		"uniform": kgo.UniformBytesPartitioner(1<<10, false, false, nil), "in turn": kgo.RoundRobinPartitioner(), "least": kgo.LeastBackupPartitioner(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, kfake.SeedTopics(4, "logs"))
			s := c.dial(t, c.addr("logs"), &kafka.Options{Client: []kgo.Opt{kgo.RecordPartitioner(p)}}, logstash.DialOptions{})
			write(t, s, 0, 3000)
			flush(t, s)
			c.account(t, "logs", 3000)
		})
	}
}

// What the guarantees rest on cannot be had otherwise.
func TestClientOptionsAreOverruled(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	type seen struct {
		acks int16
		pid  bool
	}
	got := make(chan seen, 100)
	c.onProduce(func(acks int16, records []byte) {
		pid := len(records) > 50 && !bytes.Equal(records[43:51], bytes.Repeat([]byte{0xff}, 8))
		got <- seen{acks, pid}
	})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	s := c.dial(t, c.addr("logs"), &kafka.Options{Client: []kgo.Opt{
		kgo.WithContext(over), kgo.RequiredAcks(kgo.LeaderAck()), kgo.ProducerLinger(time.Minute),
		kgo.MaxBufferedRecords(1), kgo.MaxBufferedBytes(1 << 10), kgo.RecordRetries(1), kgo.RecordDeliveryTimeout(1e9),
		kgo.SeedBrokers("127.0.0.1:1"), kgo.UnknownTopicRetries(1), kgo.ProducerBatchCompression(kgo.NoCompression()),
	}}, logstash.DialOptions{})
	write(t, s, 0, 1)
	flush(t, s)
	write(t, s, 1, 5000)
	flush(t, s)
	c.account(t, "logs", 5000)
	if diff := cmp.Diff(seen{-1, true}, <-got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("acks and a producer id mismatch (-want +got):\n%s", diff)
	}
}
