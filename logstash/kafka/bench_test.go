package kafka_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

const (
	benchBatch    = 2048
	benchPipeline = 4
)

// benchEvents returns a batch of events of 320 bytes.
func benchEvents() [][]byte {
	events := make([][]byte, benchBatch)
	for i := range events {
		head := lstest.AppendEvent(nil, 0, i, "")
		events[i] = lstest.AppendEvent(nil, 0, i, strings.Repeat("abcdefghij", 40)[:320-len(head)])
	}
	return events
}

// openTransport returns what carries events to the topic logs of a cluster.
func openTransport(tb testing.TB, c *kfake.Cluster, opts *kafka.Options) logstash.Pipeliner {
	tb.Helper()
	t, err := kafka.Scheme(opts).Open(logstash.Remote{
		Hosts: c.ListenAddrs(), Path: "logs", Dial: new(net.Dialer).DialContext,
		Options: logstash.DialOptions{
			Timeout: 30 * time.Second, MinBackoff: time.Second, MaxBackoff: time.Minute,
			BatchSize: benchBatch, Pipeline: benchPipeline,
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	p, ok := t.(logstash.Pipeliner)
	if !ok {
		tb.Fatalf("%T is no Pipeliner", t)
	}
	tb.Cleanup(func() { p.Close() })
	return p
}

// pump sends n batches over p.
func pump(tb testing.TB, p logstash.Pipeliner, events [][]byte, n int) {
	tb.Helper()
	started, left := 0, 0
	for started < n || left > 0 {
		for started < n && left <= (benchPipeline-1)*len(events) {
			if err := p.Start(tb.Context(), events); err != nil {
				tb.Fatal(err)
			}
			left += len(events)
			started++
		}
		<-p.News()
		acked, err := p.Progress()
		if err != nil {
			tb.Fatal(err)
		}
		left -= acked
	}
}

// bare sends n batches as a program would that has only the client, with as many under way.
func bare(cl *kgo.Client, events [][]byte, n int) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, benchPipeline)
	for range n {
		slots <- struct{}{}
		wg.Add(1)
		var batch sync.WaitGroup
		batch.Add(len(events))
		for _, event := range events {
			r := &kgo.Record{Value: append([]byte(nil), event...)}
			cl.Produce(context.Background(), r, func(*kgo.Record, error) { batch.Done() })
		}
		go func() {
			batch.Wait()
			<-slots
			wg.Done()
		}()
	}
	wg.Wait()
}

// BenchmarkTransport is the transport and a bare client of franz-go with the same records, by turns in
// the same run. The figure ratio is that of their speeds. The bare client lingers no longer
// than it must, or for its default time.
func BenchmarkTransport(b *testing.B) {
	for _, bb := range []struct {
		name string
		opts []kgo.Opt
		bare []kgo.Opt
	}{
		{"plain", []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}, []kgo.Opt{kgo.ProducerLinger(0)}},
		{"snappy", nil, []kgo.Opt{kgo.ProducerLinger(0)}},
		{"plain, lingering", []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}, nil},
		{"snappy, lingering", nil, nil},
	} {
		b.Run(bb.name, func(b *testing.B) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "logs"), kfake.BlackholeProduce())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			opts := append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("logs"), kgo.DisableClientMetrics()}, bb.opts...)
			cl, err := kgo.NewClient(append(opts, bb.bare...)...)
			if err != nil {
				b.Fatal(err)
			}
			defer cl.Close()
			p := openTransport(b, c, &kafka.Options{Client: bb.opts})
			events := benchEvents()
			bare(cl, events, benchPipeline)
			pump(b, p, events, benchPipeline)
			const n = 16
			var ours, theirs time.Duration
			for b.Loop() {
				begun := time.Now()
				bare(cl, events, n)
				between := time.Now()
				pump(b, p, events, n)
				theirs += between.Sub(begun)
				ours += time.Since(between)
			}
			sent := float64(b.N * n * benchBatch)
			b.ReportMetric(float64(theirs)/float64(ours), "ratio")
			b.ReportMetric(sent/ours.Seconds(), "events/s")
			b.ReportMetric(sent/theirs.Seconds(), "bare-events/s")
		})
	}
}
