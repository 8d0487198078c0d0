package kafka_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/logstash"
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
	p := openTransport(t, c.Cluster, nil)
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if acked, err := p.Send(ctx, [][]byte{[]byte("a")}); acked != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send: %d, %v", acked, err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Send took %v", took)
	}
	if acked, err := p.Send(ctx, [][]byte{[]byte("a")}); acked != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send with a context that is done: %d, %v", acked, err)
	}
	fault.Remove()
	if acked, err := p.Send(t.Context(), [][]byte{[]byte("a")}); acked != 1 || err != nil {
		t.Errorf("Send: %d, %v", acked, err)
	}
	if n := len(c.records(t, "logs")); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

// No goroutine is left behind by Close, whatever is under way.
func TestNoGoroutineIsLeft(t *testing.T) {
	c := newCluster(t)
	before := runtime.NumGoroutine()
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
	await(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before+1 })
}

// What a batch costs does not grow with its events.
func TestAllocs(t *testing.T) {
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
	if perEvent > 0.2 { // of the client and of the broker, which is in this program, too
		t.Errorf("%.3f allocations for an event, want at most 0.2", perEvent)
	}
	t.Logf("%.3f allocations for an event", perEvent)
}
