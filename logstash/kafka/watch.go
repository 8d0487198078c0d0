package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
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
	// maxTopics is of how many topics it is known how many partitions they had.
	maxTopics = 1000
)

// watch looks after a client while something is under way: why is nothing acked? It is a hook
// of the client.
type watch struct {
	hosts   string // of the address
	beat    time.Duration
	limit   time.Duration // without an ack
	answer  time.Duration // for the answer to a request
	least   time.Duration // MinBackoff
	pace    func(fails int) time.Duration
	ring    func()
	acks    atomic.Int64  // events that Kafka has
	ready   atomic.Bool   // the client has an id, or will be told why not
	wrote   atomic.Bool   // a batch was written
	listens atomic.Bool   // nothing is acked: what the client logs may say why
	start   chan struct{} // has room for one: something is under way
	cancel  context.CancelFunc
	ctx     context.Context //nolint:containedctx // of the goroutine, which ends with it
	done    chan struct{}
	asking  sync.WaitGroup

	mu     sync.Mutex
	under  int            // events under way
	since  time.Time      // when the last ack was, or the first of them began
	topic  string         // of the first of them that is not decided
	broker error          // what the last connection that failed has failed with, since the last ack or answer in said
	said   error          // what a broker has answered, since the last ack
	quota  error          // why a broker wants no requests
	until  time.Time      // that lasts
	news   error          // what Progress is to tell
	end    error          // why the client is of no use
	most   map[string]int // how many partitions a topic had at most
}

func newWatch(to *logstash.Remote, ring func()) *watch {
	o := &to.Options
	w := &watch{
		hosts: strings.Join(to.Hosts, ","),
		beat:  min(max(o.MinBackoff, leastBeat), mostBeat), limit: min(patience, o.Timeout), answer: o.Timeout, ring: ring,
		least: o.MinBackoff, pace: backoff(o.MinBackoff, o.MaxBackoff),
		start: make(chan struct{}, 1), done: make(chan struct{}), most: make(map[string]int),
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
		w.since = time.Now()
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
	w.under -= n
}

// reset notes that nothing is under way any more.
func (w *watch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under, w.news = 0, nil
}

// waitsFor notes the topic of the first event that is not decided: it is what holds up all others.
func (w *watch) waitsFor(topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.topic = topic
}

// retry returns how long the client is to wait before it tries something again. It counts anew after each
// answer, whatever that is; here the pause is about as long as nothing has been acked.
func (w *watch) retry(fails int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under > 0 {
		fails = max(fails, bits.Len64(uint64(time.Since(w.since)/w.least))) //nolint:gosec // neither is negative
	}
	return w.pace(fails)
}

// told returns trouble that nobody has been told of.
func (w *watch) told() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.news
	w.news = nil
	return err
}

// unfit returns why the client is of no use, if it is not.
func (w *watch) unfit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

// giveUp notes that the client is of no use.
func (w *watch) giveUp(err error) {
	w.mu.Lock()
	w.end = err
	w.mu.Unlock()
	w.ring()
}

// meet waits for the id of the client. Without one it would write all the same, and what it sends
// again would be there twice.
func (w *watch) meet(c *kgo.Client) {
	for w.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(w.ctx, w.answer)
		id, _, err := c.ProducerID(ctx)
		cancel()
		var refused *kerr.Error
		switch {
		case err == nil && id < 0:
			w.giveUp(&refusal{errors.New("kafka: the brokers have no idempotent producers: want Kafka 0.11 or newer")})
			return
		case err == nil, errors.As(err, &refused) && !refused.Retriable: // which each record will be told
			w.ready.Store(true)
			w.ring()
			return
		}
		select {
		case <-time.After(w.beat):
		case <-w.ctx.Done():
		}
	}
}

// run looks for trouble while something is under way.
func (w *watch) run(c *kgo.Client) {
	defer close(w.done)
	w.asking.Go(func() { w.meet(c) })
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
		since, fails, acks, beats := time.Now(), 0, w.acks.Load(), 0
		w.calm(since) // what failed while nothing was under way does not matter
		next := since.Add(w.grace())
		for w.busy() {
			select {
			case <-ticker.C:
			case <-w.ctx.Done():
				return
			}
			if now := w.acks.Load(); now != acks {
				since, fails, acks, beats = time.Now(), 0, now, 0
				next = since.Add(w.grace())
				w.calm(since)
			} else if beats++; beats >= graceBeats && time.Now().After(next) { // a beat that is late is still one
				w.listens.Store(true)
				w.ring() // for the topic
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
func (w *watch) calm(now time.Time) {
	w.listens.Store(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.broker, w.said, w.news = now, nil, nil, nil
}

// heard notes what a broker has answered.
func (w *watch) heard(topic string, answer *kerr.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = hint(cmp.Or(topic, w.topic), answer)
	if !errors.Is(w.broker, answer) { // what failed before works again
		w.broker = nil
	}
}

// look finds out why nothing is acked, tells it, and reports whether there was something to tell.
func (w *watch) look(c *kgo.Client, since time.Time) bool {
	acks, begun := w.acks.Load(), time.Now()
	err := w.ask(c)
	quiet := time.Since(since).Round(100 * time.Millisecond)
	w.mu.Lock()
	if err == nil {
		err = w.broker
	}
	if err == nil && quiet >= w.limit {
		switch {
		case w.held(begun):
			err = w.quota
		case w.said != nil:
			err = w.said
		case w.held(begun.Add(-w.limit)): // brokers had less than that since
			err = w.quota
		default:
			err = errors.New("the brokers answer, but none acks")
		}
	}
	if err == nil || w.under == 0 || w.acks.Load() != acks || w.ctx.Err() != nil {
		w.mu.Unlock()
		return false
	}
	w.news = &trouble{fmt.Errorf("kafka: nothing acked for %v: %w", quiet, err)}
	var fewer *shrunk
	if errors.As(err, &fewer) && quiet >= w.limit {
		w.end = fmt.Errorf("kafka: %w: the client begins anew", err)
	}
	w.mu.Unlock()
	w.ring()
	return true
}

// ask asks the cluster whether the topics can be written to.
func (w *watch) ask(c *kgo.Client) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(w.ctx, max(graceBeats*w.beat, mostBeat))
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // nil would be all topics
	w.mu.Lock()
	if w.topic != "" {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(w.topic)
		req.Topics = append(req.Topics, t)
	}
	w.mu.Unlock()
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
		if w.broker != nil || w.held(begun) {
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
		if had := w.had(name, len(t.Partitions)); had > len(t.Partitions) {
			return &shrunk{topic: name, has: len(t.Partitions), had: had}
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("topic %q: partition %d has no leader", name, p.Partition)
			}
		}
	}
	return nil
}

// shrunk is the failure of a topic that was made again with fewer partitions. Brokers that do not tell it from the
// first one leave the client waiting for the others.
type shrunk struct {
	topic    string
	has, had int
}

func (e *shrunk) Error() string {
	return fmt.Sprintf("topic %q has %d partitions, and had %d", e.topic, e.has, e.had)
}

// had notes that a topic has so many partitions, and returns how many it had at most.
func (w *watch) had(topic string, n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	most, ok := w.most[topic]
	if n > most && (ok || len(w.most) < maxTopics) {
		w.most[topic] = n
	}
	return max(most, n)
}

// held reports whether a broker wanted no requests at a time, which the client heeds. It is called with mu.
func (w *watch) held(at time.Time) bool { return at.Before(w.until) }

// failed notes that a connection to a broker has failed.
func (w *watch) failed(meta kgo.BrokerMetadata, doing string, err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	switch {
	case doing == "connect" && errors.Is(err, io.EOF):
		doing = "connect: it hung up; a broker does so to a wrong password, and without TLS where it wants that"
	case doing == "read" && errors.Is(err, io.EOF):
		doing = "read: it hung up; a broker does so when it ends, and to a client without a user where it wants one"
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		doing += ": want another mechanism, with kgo.SASL"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broker = fmt.Errorf("broker %s: %s: %w", hostPort(meta), doing, err)
}

// OnBrokerConnect is told of a connection, or of one that could not be made.
func (w *watch) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	w.failed(meta, "connect", err)
}

// OnBrokerWrite is told of a request that was written.
func (w *watch) OnBrokerWrite(meta kgo.BrokerMetadata, key int16, n int, _, _ time.Duration, err error) {
	if key == kmsg.Produce.Int16() && n > 0 {
		w.wrote.Store(true)
	}
	w.failed(meta, "write", err)
}

// OnBrokerRead is told of an answer that was read.
func (w *watch) OnBrokerRead(meta kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	w.failed(meta, "read", err)
}

// OnProduceBatchWritten is told of a batch that a partition has.
func (w *watch) OnProduceBatchWritten(_ kgo.BrokerMetadata, topic string, partition int32, _ kgo.ProduceBatchMetrics) {
	w.had(topic, int(partition)+1)
}

// OnBrokerThrottle is told of a broker that wants no requests for a while.
func (w *watch) OnBrokerThrottle(meta kgo.BrokerMetadata, pause time.Duration, after bool) {
	if !after { // it is over
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := time.Now().Add(pause); until.After(w.until) {
		w.until = until
		w.quota = fmt.Errorf("broker %s wants no requests for %v: a quota for this user or client id is used up", hostPort(meta), pause)
	}
}

// hostPort returns the address of a broker.
func hostPort(meta kgo.BrokerMetadata) string {
	return net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port)))
}
