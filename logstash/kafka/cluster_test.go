package kafka_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/logstash/kafka"
)

// patience is how long what has to happen may take.
const patience = time.Minute

// cluster is a Kafka behind a gate.
type cluster struct {
	*kfake.Cluster
	gate
}

// newCluster starts a Kafka of a broker with the topic logs of one partition, unless the options
// say something else.
func newCluster(tb testing.TB, opts ...kfake.Opt) *cluster {
	tb.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "logs")}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return &cluster{Cluster: c}
}

// addr returns the address of a topic.
func (c *cluster) addr(topic string) string {
	return "kafka://" + c.ListenAddrs()[0] + "/" + topic
}

// dial returns a Shipper to a topic through the gate. It is in a hurry.
func (g *gate) dial(tb testing.TB, addr string, opts *kafka.Options, do logstash.DialOptions) *logstash.Shipper {
	tb.Helper()
	var o kafka.Options
	if opts != nil {
		o = *opts
	}
	o.Client = append([]kgo.Opt{kgo.MetadataMinAge(20 * time.Millisecond)}, o.Client...)
	do.Schemes = []logstash.Scheme{kafka.Scheme(&o)}
	do.DialContext = g.DialContext
	if do.MinBackoff == 0 {
		do.MinBackoff, do.MaxBackoff = 20*time.Millisecond, 100*time.Millisecond
	}
	if do.FlushInterval == 0 {
		do.FlushInterval = 5 * time.Millisecond
	}
	s, err := logstash.Dial(addr, &do)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx) // what is left does not matter any more
	})
	return s
}

// records returns all records of a topic, those of a partition in their order.
func (c *cluster) records(tb testing.TB, topic string) []*kgo.Record {
	tb.Helper()
	want := int64(0)
	from := make(map[int32]kgo.Offset)
	for _, p := range c.PartitionInfos(topic) {
		want += p.HighWatermark
		from[p.Partition] = kgo.NewOffset().AtStart()
	}
	if want == 0 {
		return nil
	}
	cl, err := kgo.NewClient(append(c.clientOpts(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))...)
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for int64(len(all)) < want {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatalf("%d of %d records: %v", len(all), want, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// do makes the cluster do something.
func (c *cluster) do(tb testing.TB, req kmsg.Request) {
	tb.Helper()
	cl, err := kgo.NewClient(c.clientOpts()...)
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	if _, err := cl.Request(tb.Context(), req); err != nil {
		tb.Fatal(err)
	}
}

func (c *cluster) clientOpts() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.DisableClientMetrics()}
}

// account compares the records of a topic to the ids from 0 to n of sender 0: each once, and each
// partition in order.
func (c *cluster) account(tb testing.TB, topic string, n int) {
	tb.Helper()
	if ledger := c.count(tb, topic, n); ledger.OrderBreaks() > 0 {
		tb.Errorf("%d events out of order: %s", ledger.OrderBreaks(), ledger.FirstOdd())
	}
}

// count is account without the order, and for all but some of the ids.
func (c *cluster) count(tb testing.TB, topic string, n int, without ...int) *lstest.Ledger {
	tb.Helper()
	ledger := c.arrived(tb, topic, n, without...)
	if d := ledger.Duplicates(); d > 0 {
		tb.Errorf("%d duplicates", d)
	}
	return ledger
}

// arrived is count but for the duplicates, of which it tells the first ones.
func (c *cluster) arrived(tb testing.TB, topic string, n int, without ...int) *lstest.Ledger {
	tb.Helper()
	var ledger lstest.Ledger
	arrived := ledger.Receiver()
	first := make(map[int]*kgo.Record)
	for _, r := range c.records(tb, topic) {
		arrived(int(r.Partition), r.Value)
		if before := first[id(r.Value)]; before == nil {
			first[id(r.Value)] = r
		} else if ledger.Duplicates() < 4 {
			tb.Logf("%s twice: %s and %s", r.Value, origin(before), origin(r))
		}
	}
	if missing := ledger.Missing(0, n); !slices.Equal(missing, without) {
		tb.Errorf("%d events missing: %.20v; want %v", len(missing), missing, without)
	}
	return &ledger
}

// origin tells where a record is from.
func origin(r *kgo.Record) string {
	return fmt.Sprintf("partition %d offset %d, producer %d epoch %d, %s", r.Partition, r.Offset, r.ProducerID, r.ProducerEpoch, r.Timestamp.Format("05.000"))
}

// write writes events with the ids from to, to not included.
func write(tb testing.TB, s *logstash.Shipper, from, to int) {
	tb.Helper()
	var line []byte
	for id := from; id < to; id++ {
		line = lstest.AppendEvent(line[:0], 0, id, "a message")
		if _, err := s.Write(line); err != nil {
			tb.Error(err)
			return
		}
	}
}

// flush waits until all is written.
func flush(tb testing.TB, s *logstash.Shipper) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		tb.Fatal(err)
	}
}

// balance checks that the accounts of a Shipper say so, and nothing else.
func balance(tb testing.TB, s *logstash.Shipper, written, rejected uint64) {
	tb.Helper()
	st := s.Stats()
	if st.Written != written || st.DroppedRejected != rejected || st.Dropped != rejected || st.Accepted != written+rejected || st.Queued+st.Spooled != 0 {
		tb.Errorf("stats %+v; want %d written, %d rejected", st, written, rejected)
	}
}

// await waits for a condition.
func await(tb testing.TB, what string, ok func() bool) {
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

// awaitDown waits until the state is Down for a reason with all of the texts. It may be another one first, while brokers
// take long to answer.
func awaitDown(tb testing.TB, s *logstash.Shipper, texts ...string) {
	tb.Helper()
	await(tb, fmt.Sprintf("state Down for %q", texts), func() bool {
		h := s.Health()
		for _, text := range texts {
			if h.Err == nil || !strings.Contains(h.Err.Error(), text) {
				return false
			}
		}
		return h.State == logstash.Down
	})
}

// id returns that of an event.
func id(event []byte) int {
	_, rest, _ := bytes.Cut(event, []byte(`"id":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return -1
	}
	return n
}

// gate is what connections to brokers go through. Its zero value is open.
type gate struct {
	mu      sync.Mutex
	shut    bool
	refused int // how many connections were refused
	cuts    int // how often all connections were ended
	loses   int // how many answers are to be lost
	conns   map[*gated]bool
	routes  map[string]string // where connections to some addresses go
	wrote   func([]byte)      // is told of what is written, unless nil
	dead    string            // the address of a machine that has died without a word

	swallowed int // how many requests to produce that got
}

var errShut = errors.New("the gate is shut")

// DialContext opens a connection, unless the gate is shut.
func (g *gate) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	shut := g.shut
	if shut {
		g.refused++
	}
	dead, cuts := addr == g.dead, g.cuts
	addr = cmp.Or(g.routes[addr], addr)
	g.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if shut {
		return nil, errShut
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cuts != cuts { // this one as well
		g.refused++
		return nil, errors.Join(errShut, conn.Close())
	}
	if g.conns == nil {
		g.conns = make(map[*gated]bool)
	}
	c := &gated{Conn: conn, gate: g, addr: addr}
	g.conns[c] = true
	return c, nil
}

// refusals returns how many connections were refused.
func (g *gate) refusals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// set shuts the gate, and ends all connections, or opens it.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut = shut; shut {
		g.cut()
	}
}

// cut ends all connections. It is called with mu.
func (g *gate) cut() {
	g.cuts++
	for c := range g.conns {
		_ = c.Close() // it may have ended
	}
	clear(g.conns)
}

// kill ends all connections.
func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut()
}

// route makes connections to an address go to another one.
func (g *gate) route(addr, to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.routes == nil {
		g.routes = make(map[string]string)
	}
	g.routes[addr] = to
}

// die makes the machine at an address die without a word: connections take what is written, and answer nothing.
func (g *gate) die(addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = addr
}

// swallows reports whether the machine that died got a request to produce.
func (g *gate) swallows() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.swallowed > 0
}

// lose ends the next n connections on which an answer comes, without the answer.
func (g *gate) lose(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loses = n
}

// gated is a connection through a gate.
type gated struct {
	net.Conn
	gate *gate
	addr string
}

func (c *gated) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if n > 0 && c.gate.loses > 0 {
		c.gate.loses--
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *gated) Write(p []byte) (int, error) {
	if c.gate.wrote != nil {
		c.gate.wrote(p)
	}
	c.gate.mu.Lock()
	dead := c.addr == c.gate.dead
	if dead && len(p) > 5 && binary.BigEndian.Uint16(p[4:]) == uint16(kmsg.Produce) {
		c.gate.swallowed++
	}
	c.gate.mu.Unlock()
	if dead {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// onProduce calls seen for the records of each partition of each request to produce.
func (c *cluster) onProduce(seen func(acks int16, records []byte)) {
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.ProduceRequest)
		for _, topic := range r.Topics {
			for _, p := range topic.Partitions {
				seen(r.Acks, p.Records)
			}
		}
		return nil, nil, false
	})
}
