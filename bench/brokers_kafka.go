package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// kafkaPartitions is how many partitions the topic of events has.
const kafkaPartitions = 4

const kafkaTopic = "logs"

// kafkaBroker is kfake, in this process.
func kafkaBroker() Broker {
	plain := []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}
	path := logstash.Field("path")
	return Broker{
		Name: "Kafka", Server: "kfake", Version: version("github.com/twmb/franz-go/pkg/kfake"),
		Setting: fmt.Sprintf("The broker is kfake, in the same process, whose work and allocations are in the figures of all alike. The topic has %d partitions, in segments of 1 MiB. "+
			"All are idempotent, wait for all replicas and have up to %d batches under way. The first `kgo.Client` does not linger; the second lingers for its default of 10 ms, which a Flush after each batch cuts short. "+
			"Their records are allocated a batch at a time, and snappy is their default. With keys, all ask the same `logstash.Field` for the key of an event.", kafkaPartitions, underWay),
		Cases: []BrokerCase{
			kafkaCase("no compression", plain, nil),
			kafkaCase("no compression, keys", plain, path),
			kafkaCase("snappy", nil, nil),
			kafkaCase("snappy, keys", nil, path),
		},
	}
}

func kafkaCase(name string, client []kgo.Opt, key func([]byte) []byte) BrokerCase {
	scheme := kafka.Scheme(&kafka.Options{Client: client})
	o := logstash.DialOptions{BatchSize: BrokerBatch, Key: key}
	return BrokerCase{
		Name:  name,
		start: func() (store, error) { return startKafka(key) },
		Peers: []BrokerClient{
			{"kgo.Client", version("github.com/twmb/franz-go"), func(addr string) (shipment, error) {
				return dialKafka(addr, key, false, append([]kgo.Opt{kgo.ProducerLinger(0)}, client...))
			}},
			{"kgo.Client, batches flushed", version("github.com/twmb/franz-go"), func(addr string) (shipment, error) {
				return dialKafka(addr, key, true, client)
			}},
		},
		Ours: ours("kafka", scheme, o, func(addr string) string { return "kafka://" + addr + "/" + kafkaTopic }),
	}
}

// producer is franz-go's own client: it produces one record after the other, those of
// a batch out of one allocation, while no more than underWay batches are not acked. By
// default it is idempotent and waits for all replicas. Its own bound never holds it up,
// which would be slower.
type producer struct {
	*kgo.Client

	key     func(event []byte) []byte
	flushes bool // each batch, without waiting for it
}

func dialKafka(addr string, key func([]byte) []byte, flushes bool, opts []kgo.Opt) (shipment, error) {
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(kafkaTopic), kgo.MaxBufferedRecords(2 * underWay * BrokerBatch),
	}, opts...)...)
	if err != nil {
		return nil, err
	}
	return producer{c, key, flushes}, nil
}

func (p producer) send(events [][]byte, times int) error {
	ctx := context.Background()
	atOnce, cancel := context.WithCancel(ctx)
	cancel()
	var failed atomic.Pointer[error]
	room := make(chan struct{}, underWay)
	for range times {
		room <- struct{}{}
		var left atomic.Int64
		left.Store(int64(len(events)))
		promise := func(_ *kgo.Record, err error) {
			if err != nil {
				first := err // or each call would allocate
				failed.CompareAndSwap(nil, &first)
			}
			if left.Add(-1) == 0 {
				<-room
			}
		}
		records := make([]kgo.Record, len(events))
		for i, event := range events {
			records[i].Value = event
			if p.key != nil {
				records[i].Key = p.key(event)
			}
			p.Produce(ctx, &records[i], promise)
		}
		if p.flushes {
			_ = p.Flush(atOnce) // says that it did not wait
		}
	}
	if err := p.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (p producer) Close() error {
	p.Client.Close()
	return nil
}

// kafkaStore is a cluster of one broker in this process.
type kafkaStore struct {
	*kfake.Cluster

	key func(event []byte) []byte
}

func startKafka(key func([]byte) []byte) (store, error) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(kafkaPartitions, kafkaTopic),
		// It copies a segment as it grows: by default up to 100 MiB.
		kfake.BrokerConfigs(map[string]string{"log.segment.bytes": "1048576"}))
	if err != nil {
		return nil, err
	}
	return kafkaStore{c, key}, nil
}

func (s kafkaStore) addr() string { return s.ListenAddrs()[0] }

// each consumes all that was produced. A record with another key than it is to have is
// an error.
func (s kafkaStore) each(f func(event []byte)) error {
	left := int64(0)
	for _, p := range s.PartitionInfos(kafkaTopic) {
		left += p.HighWatermark
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(s.ListenAddrs()...), kgo.ConsumeTopics(kafkaTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer c.Close()
	for left > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		fetches := c.PollFetches(ctx)
		cancel()
		if err := errors.Join(fetches.Err0(), ctx.Err()); err != nil && fetches.Empty() {
			return fmt.Errorf("consume: %w", err)
		}
		left -= int64(fetches.NumRecords())
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if s.key != nil && !bytes.Equal(r.Key, s.key(r.Value)) {
				return fmt.Errorf("the key %q is not that of the event %s", r.Key, r.Value)
			}
			f(r.Value)
		}
	}
	return nil
}

func (s kafkaStore) close() error {
	s.Close()
	return nil
}
