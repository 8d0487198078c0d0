// Package brokertest starts brokers for the tests of the commands: a Kafka in this process, and the redis-server of this
// machine.
package brokertest

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience is how long what has to happen may take.
const patience = time.Minute

// Kafka is a Kafka of one broker that can be killed. It keeps its data on disk, if it was made to.
type Kafka struct {
	*kfake.Cluster

	addr string
	opts []kfake.Opt
}

// NewKafka starts a Kafka with the topic logs of one partition, unless the options say something else. It ends with the test.
func NewKafka(tb testing.TB, opts ...kfake.Opt) *Kafka {
	tb.Helper()
	port := FreePort(tb)
	k := &Kafka{addr: net.JoinHostPort("127.0.0.1", port)}
	n, err := strconv.Atoi(port)
	if err != nil {
		tb.Fatal(err)
	}
	k.opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.Ports(n), kfake.SeedTopics(1, "logs")}, opts...)
	k.Start(tb)
	tb.Cleanup(func() { k.Close() })
	return k
}

// Start starts it again at the same address, after Close.
func (k *Kafka) Start(tb testing.TB) {
	tb.Helper()
	var err error
	if k.Cluster, err = kfake.NewCluster(k.opts...); err != nil {
		tb.Fatal(err)
	}
}

// Addr returns host:port.
func (k *Kafka) Addr() string { return k.addr }

// Records returns all records of a topic, those of each partition in order.
func (k *Kafka) Records(tb testing.TB, topic string, opts ...kgo.Opt) (all []*kgo.Record) {
	tb.Helper()
	want := int64(0)
	from := make(map[int32]kgo.Offset)
	for _, p := range k.PartitionInfos(topic) {
		want += p.HighWatermark
		from[p.Partition] = kgo.NewOffset().AtStart()
	}
	if want == 0 {
		return nil
	}
	opts = append(opts, kgo.SeedBrokers(k.addr), kgo.DisableClientMetrics(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	c, err := kgo.NewClient(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for int64(len(all)) < want {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatalf("%d of %d records: %v", len(all), want, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// Count returns how many records a topic has.
func (k *Kafka) Count(topic string) (n int) {
	for _, p := range k.PartitionInfos(topic) {
		n += int(p.HighWatermark)
	}
	return n
}

// Await waits for a condition.
func Await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not within %v", what, patience)
		}
		<-ticker.C
	}
}
