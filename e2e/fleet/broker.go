package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
	"github.com/sluicelog/sluice/logstash/redis"
)

// broker is what the senders ship to in place of receivers, which then read from it.
type broker interface {
	address() string // for logstash.Dial
	kill() error
	restart() error
	accepts() []time.Time // when senders, and perhaps receivers, connected
	close()
}

// schemes are what the senders can ship over besides beats://.
func schemes() []logstash.Scheme { return []logstash.Scheme{kafka.Scheme(nil), redis.Scheme(nil)} }

// openBroker starts the broker that the options want on addr, where port 0 picks one,
// and the receivers behind it.
func openBroker(o options, addr, dir string, b *book) (broker, error) {
	if o.over == overRedis {
		return openRedis(o, addr, dir, b)
	}
	return openKafka(o, addr, b)
}

// readers are the receivers behind a broker, each with a gate.
type readers struct {
	gates []gate
	enter []func(conn int, events [][]byte)
	wg    sync.WaitGroup
	ctx   context.Context //nolint:containedctx // that of their life
	end   context.CancelFunc
}

func newReaders(o options, b *book) *readers {
	r := &readers{gates: make([]gate, o.receivers), enter: make([]func(int, [][]byte), o.receivers)}
	r.ctx, r.end = context.WithCancel(context.Background())
	for i := range r.gates {
		r.gates[i].set(o.capacity)
		r.enter[i] = b.clerk(i)
	}
	return r
}

// take lets events through the gate of a receiver, until the end.
func (r *readers) take(receiver, conn int, events [][]byte) {
	for len(events) > 0 {
		n := min(turn, len(events))
		g := &r.gates[receiver]
		if _, there := g.wait(g.come(n), time.Time{}, r.ctx.Done()); !there {
			return
		}
		r.enter[receiver](conn, events[:n])
		events = events[n:]
	}
}

// rest waits for d, and reports whether it goes on.
func (r *readers) rest(d time.Duration) bool {
	if d <= 0 {
		return r.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *readers) close() {
	r.end()
	r.wg.Wait()
}

// topic is where events are in Kafka, and the key in Redis.
const topic = "events"

// partitions is how many of them there are for each receiver.
const partitions = 2

// kafkaBroker is a Kafka of one broker behind a door. What it has it keeps while it is
// away, as one with disks does.
type kafkaBroker struct {
	*readers
	door    *door
	cluster *kfake.Cluster
}

func openKafka(o options, addr string, b *book) (broker, error) {
	d, err := openDoor(addr)
	if err != nil {
		return nil, err
	}
	k := &kafkaBroker{readers: newReaders(o, b), door: d}
	k.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1), kfake.SeedTopics(int32(partitions*o.receivers), topic), //nolint:gosec // up to 16
		kfake.ListenFn(func(string, string) (net.Listener, error) { return d, nil }),
	)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	for i := range o.receivers {
		mine := make(map[int32]kgo.Offset)
		for p := range partitions {
			mine[int32(p*o.receivers+i)] = kgo.NewOffset().AtStart() //nolint:gosec // up to 16
		}
		client, err := kgo.NewClient(
			kgo.SeedBrokers(d.Addr().String()), kgo.DisableClientMetrics(),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: mine}),
			kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
			kgo.FetchMaxWait(250*time.Millisecond), kgo.FetchMaxBytes(1<<20),
		)
		if err != nil {
			k.close()
			return nil, err
		}
		k.wg.Go(func() {
			defer client.Close()
			k.read(i, client)
		})
	}
	return k, nil
}

// read reads what there is for a receiver until its end.
func (k *kafkaBroker) read(receiver int, client *kgo.Client) {
	for k.ctx.Err() == nil {
		fetches := client.PollRecords(k.ctx, 512) // an error is one that it goes on after
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			events := make([][]byte, len(p.Records))
			for i, record := range p.Records {
				events[i] = record.Value
			}
			k.take(receiver, int(p.Partition), events)
		})
	}
}

func (k *kafkaBroker) address() string { return fmt.Sprintf("kafka://%s/%s", k.door.Addr(), topic) }

func (k *kafkaBroker) kill() error {
	k.door.shut()
	return nil
}

func (k *kafkaBroker) restart() error { return k.door.open() }

func (k *kafkaBroker) accepts() []time.Time { return k.door.arrivals() }

func (k *kafkaBroker) close() {
	k.readers.close()
	k.cluster.Close()
	_ = k.door.Close() // never fails
}
