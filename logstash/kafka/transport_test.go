package kafka_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// Send, which the Shipper does not call, keeps the contract of a Transport.
func TestSend(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := openTransport(t, c.Cluster, plainly())
	if acked, err := p.Send(t.Context(), nil); acked != 0 || err != nil {
		t.Errorf("Send of nothing: %d, %v", acked, err)
	}
	if acked, err := p.Send(t.Context(), [][]byte{[]byte("a"), []byte("b")}); acked != 2 || err != nil {
		t.Errorf("Send: %d, %v", acked, err)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: isPoisoned})
	events := [][]byte{[]byte("c"), []byte("poison"), []byte("d"), []byte("d"), []byte("e")}
	acked, err := p.Send(t.Context(), events)
	if acked != 1 || !errors.Is(err, logstash.ErrRejected) {
		t.Errorf("Send: %d, %v; want 1 and a rejection", acked, err)
	}
	if e := (interface{ First() bool })(nil); !errors.As(err, &e) || !e.First() {
		t.Errorf("%v does not say that it is about the first one", err)
	}
	// Again, without the poison, and one more of the same kind: that one is new.
	if acked, err := p.Send(t.Context(), [][]byte{[]byte("d"), []byte("d"), []byte("d"), []byte("e")}); acked != 4 || err != nil {
		t.Errorf("Send: %d, %v", acked, err)
	}
	got := make(map[string]int)
	for _, r := range c.records(t, "logs") {
		got[string(r.Value)]++
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": 3, "e": 1}, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

// A Send that is broken off returns soon, and the Transport can be used again.
func TestSendIsBrokenOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := openTransport(t, c.Cluster, plainly())
	// A broker may come to a request after who sent it has gone.
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1, When: func(req kmsg.Request) bool {
		return !produces(req, "third")
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	watch := testlog.StartStopwatch(t)
	if acked, err := p.Send(ctx, [][]byte{[]byte("first")}); acked != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send: %d, %v", acked, err)
	}
	if took := watch.Elapsed(); took > 2*time.Second {
		t.Errorf("Send took %v", took)
	}
	if acked, err := p.Send(ctx, [][]byte{[]byte("second")}); acked != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send with a context that is done: %d, %v", acked, err)
	}
	if acked, err := p.Send(t.Context(), [][]byte{[]byte("third")}); acked != 1 || err != nil {
		t.Errorf("Send: %d, %v", acked, err)
	}
	if got := c.records(t, "logs"); len(got) != 1 || string(got[0].Value) != "third" {
		t.Errorf("records %v, want the third one", got)
	}
}

// What a function of the user's holds up until the end of the Shipper is not sent any more.
func TestStartIsBrokenOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	blocks, release := make(chan struct{}, 10), make(chan struct{})
	p := openTransport(t, c.Cluster, &kafka.Options{Topic: func([]byte) string {
		blocks <- struct{}{}
		<-release
		return ""
	}})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	events := [][]byte{[]byte("a"), []byte("b")}
	go func() { result <- p.Start(ctx, events) }()
	<-blocks
	cancel()
	close(release)
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
	if acked, err := p.Send(t.Context(), events); acked != 2 || err != nil {
		t.Errorf("Send: %d, %v", acked, err)
	}
	if n := len(c.records(t, "logs")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

// No goroutine is left behind by Close, whatever is under way.
func TestNoGoroutineIsLeft(t *testing.T) {
	c := newCluster(t)
	before := testlog.Goroutines()
	for _, away := range []bool{false, true} {
		c.set(false)
		s := c.dial(t, c.addr("logs"), nil, logstash.DialOptions{})
		write(t, s, 0, 100)
		flush(t, s)
		c.set(away)
		write(t, s, 0, 100)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = s.Shutdown(ctx) // what is left in the second round is not the matter here
		cancel()
	}
	c.set(true)
	await(t, "as many goroutines as before", func() bool { return testlog.Goroutines() <= before+1 })
}

// What a batch costs does not grow with its events.
func TestAllocs(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector empties pools at random")
	}
	c := newCluster(t, kfake.BlackholeProduce())
	p := openTransport(t, c.Cluster, plainly())
	events := benchEvents()
	pump(t, p, events, 8)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 20
	pump(t, p, events, rounds)
	runtime.ReadMemStats(&after)
	perEvent := float64(after.Mallocs-before.Mallocs) / (rounds * benchBatch)
	if perEvent > 0.1 { // of the client and of the broker, which is in this program, too
		t.Errorf("%.3f allocations for an event, want at most 0.1", perEvent)
	}
	t.Logf("%.3f allocations for an event", perEvent)
}

// What is under way takes little more than the events, and nothing is kept of it.
func TestMemory(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(4, "logs"), kfake.BlackholeProduce())
	opts := plainly()
	opts.Client = append(opts.Client, kgo.MetadataMinAge(20*time.Millisecond))
	p := openTransport(t, c.Cluster, opts)
	pump(t, p, benchEvents(), benchPipeline)
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // for what pools have kept from the first one
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	const batches = 64
	events := make([][]byte, benchBatch)
	size := 0
	for i := range events {
		events[i] = make([]byte, 100+rng.IntN(1900))
		size += batches * len(events[i])
	}
	before := heap()
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	for range batches {
		if err := p.Start(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	const eachMost = 600
	each := (heap() - before - size) / (batches * benchBatch)
	if each > eachMost {
		t.Errorf("an event under way takes %d bytes besides its own, want at most %d", each, eachMost)
	}
	fault.Remove()
	for left := batches * benchBatch; left > 0; {
		<-p.News()
		n, err := p.Progress()
		if err != nil && !isUnderWay(err) {
			t.Fatal(err)
		}
		left -= n
	}
	const most = 6 << 20
	if kept := heap() - before; kept > most {
		t.Errorf("%d bytes are kept, want at most %d", kept, most)
	} else {
		t.Logf("%d bytes for an event under way, %d kept", each, kept)
	}
}

// isUnderWay reports whether an error leaves everything under way.
func isUnderWay(err error) bool {
	var e interface{ UnderWay() bool }
	return errors.As(err, &e) && e.UnderWay()
}
