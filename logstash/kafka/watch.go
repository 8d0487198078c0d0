package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/logstash"
)

const (
	// leastBeat and mostBeat bound how often acks are looked for, of which MinBackoff says
	// the rest.
	leastBeat = 50 * time.Millisecond
	mostBeat  = time.Second
	// graceBeats is after how many beats without an ack the cluster is asked how it is. The
	// next time comes as late, and while there is trouble, after the backoff at the earliest.
	graceBeats = 2
	// patience is after how long without an ack there is trouble, although all that can
	// be asked is well. Timeout is when that is shorter.
	patience = 10 * time.Second
	// maxTopics is how many topics the cluster is asked for.
	maxTopics = 100
)

// watch looks after a client while something is under way: why is nothing acked? It is a hook
// of the client.
type watch struct {
	hosts  string // of the address
	beat   time.Duration
	limit  time.Duration // without an ack
	pace   func(fails int) time.Duration
	ring   func()
	acks   atomic.Int64  // events that Kafka has
	start  chan struct{} // has room for one: something is under way
	cancel context.CancelFunc
	ctx    context.Context //nolint:containedctx // of the goroutine, which ends with it
	done   chan struct{}
	asking sync.WaitGroup

	mu     sync.Mutex
	under  int                 // events under way
	topics map[string]struct{} // that they are for
	broker error               // what the last connection that failed has failed with, since the last ack
	news   error               // what Progress is to tell
}

func newWatch(to *logstash.Remote, ring func()) *watch {
	o := &to.Options
	w := &watch{
		hosts: strings.Join(to.Hosts, ","),
		beat:  min(max(o.MinBackoff, leastBeat), mostBeat), limit: min(patience, o.Timeout), ring: ring,
		pace:  backoff(o.MinBackoff, o.MaxBackoff),
		start: make(chan struct{}, 1), done: make(chan struct{}), topics: make(map[string]struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// stop ends all goroutines, that of a client that is closed, and waits for that.
func (w *watch) stop() {
	w.cancel()
	<-w.done
	w.asking.Wait()
}

// begun notes that n more events are under way.
func (w *watch) begun(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under += n; w.under == n {
		select {
		case w.start <- struct{}{}:
		default:
		}
	}
}

// ended notes that n events are not under way any more.
func (w *watch) ended(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under -= n; w.under == 0 {
		clear(w.topics)
	}
}

// reset notes that nothing is under way any more.
func (w *watch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under, w.news = 0, nil
	clear(w.topics)
}

// writesTo notes a topic that something under way is for.
func (w *watch) writesTo(topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.topics) < maxTopics {
		w.topics[topic] = struct{}{}
	}
}

// told returns trouble that nobody has been told of.
func (w *watch) told() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.news
	w.news = nil
	return err
}

// run looks for trouble while something is under way.
func (w *watch) run(c *kgo.Client) {
	defer close(w.done)
	ticker := time.NewTicker(w.beat)
	defer ticker.Stop()
	for {
		ticker.Stop()
		select {
		case <-w.start:
		case <-w.ctx.Done():
			return
		}
		ticker.Reset(w.beat)
		w.calm() // what failed while nothing was under way does not matter
		since, fails, acks := time.Now(), 0, w.acks.Load()
		next := since.Add(w.grace())
		for w.busy() {
			select {
			case <-ticker.C:
			case <-w.ctx.Done():
				return
			}
			if now := w.acks.Load(); now != acks {
				since, fails, acks = time.Now(), 0, now
				next = since.Add(w.grace())
				w.calm()
			} else if time.Now().After(next) {
				wait := w.grace()
				if w.look(c, since) {
					fails++
					wait = max(wait, w.pace(fails))
				}
				next = time.Now().Add(wait)
			}
		}
	}
}

// grace is for how long nothing need be acked.
func (w *watch) grace() time.Duration { return graceBeats*w.beat - w.beat/2 } // in between two beats

// busy reports whether something is under way.
func (w *watch) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.under > 0
}

// calm notes that there are acks.
func (w *watch) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broker, w.news = nil, nil
}

// look finds out why nothing is acked, tells it, and reports whether there was something to tell.
func (w *watch) look(c *kgo.Client, since time.Time) bool {
	acks := w.acks.Load()
	err := w.ask(c)
	quiet := time.Since(since).Round(100 * time.Millisecond)
	w.mu.Lock()
	if err == nil {
		err = w.broker
	}
	if err == nil && quiet >= w.limit {
		err = errors.New("the brokers answer, but none acks; fewer replicas than min.insync.replicas may be in sync")
	}
	if err == nil || w.under == 0 || w.acks.Load() != acks || w.ctx.Err() != nil {
		w.mu.Unlock()
		return false
	}
	w.news = &trouble{fmt.Errorf("kafka: nothing acked for %v: %w", quiet, err)}
	w.mu.Unlock()
	w.ring()
	return true
}

// ask asks the cluster whether the topics can be written to.
func (w *watch) ask(c *kgo.Client) error {
	ctx, cancel := context.WithTimeout(w.ctx, max(graceBeats*w.beat, mostBeat))
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	w.mu.Lock()
	for topic := range w.topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(topic)
		req.Topics = append(req.Topics, t)
	}
	w.mu.Unlock()
	if len(req.Topics) == 0 {
		return nil // that would be all topics
	}
	type answer struct {
		resp *kmsg.MetadataResponse
		err  error
	}
	answers := make(chan answer, 1)
	w.asking.Go(func() { // longer than ctx, where a broker takes connections and does not answer
		resp, err := req.RequestWith(ctx, c)
		answers <- answer{resp, err}
	})
	var got answer
	select {
	case got = <-answers:
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	if got.err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.broker != nil {
			return w.broker
		}
		return fmt.Errorf("no broker of %s has an answer: %w", w.hosts, got.err)
	}
	for _, t := range got.resp.Topics {
		name := ""
		if t.Topic != nil {
			name = *t.Topic
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return hint(name, err)
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("topic %q: partition %d has no leader", name, p.Partition)
			}
		}
	}
	return nil
}

// failed notes that a connection to a broker has failed.
func (w *watch) failed(meta kgo.BrokerMetadata, doing string, err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	if doing == "connect" && errors.Is(err, io.EOF) {
		doing = "connect: it hung up; a broker does so to a wrong password, and without TLS where it wants that"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broker = fmt.Errorf("broker %s: %s: %w", net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port))), doing, err)
}

// OnBrokerConnect is told of a connection, or of one that could not be made.
func (w *watch) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	w.failed(meta, "connect", err)
}

// OnBrokerWrite is told of a request that was written.
func (w *watch) OnBrokerWrite(meta kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	w.failed(meta, "write", err)
}

// OnBrokerRead is told of an answer that was read.
func (w *watch) OnBrokerRead(meta kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	w.failed(meta, "read", err)
}
