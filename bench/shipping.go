package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	client "github.com/elastic/go-lumber/client/v2"
	server "github.com/elastic/go-lumber/server/v2"

	"github.com/sluicelog/sluice/internal/lumber"
	"github.com/sluicelog/sluice/logstash"
)

// EventSize is how long each event is that is shipped.
const EventSize = 320

// underWay is how many windows a client may send before the first is acked.
const underWay = 4

// waiting is how many bytes of events a client with a queue may hold, so that an
// event does not cost new memory each time.
const waiting = 8 << 20

// A Shipping is a way in which events go to a Beats input: the windows that they
// are sent in, and the zlib level of those.
type Shipping struct{ Window, Level int }

// Shippings returns all ways that senders are compared in.
func Shippings() []Shipping {
	return []Shipping{{2048, 0}, {512, 0}, {2048, 3}, {512, 3}}
}

// String returns what it is, as in "windows of 2048, zlib 3".
func (s Shipping) String() string {
	return fmt.Sprintf("windows of %d, zlib %d", s.Window, s.Level)
}

// A Sender is a client of a Beats input.
type Sender struct {
	Name, Version string

	dial func(addr string, s Shipping) (shipment, error)
}

// shipment is a connection that sends events, a window full, so many times, and
// returns when all of them are acked.
type shipment interface {
	send(events [][]byte, times int) error
	Close() error
}

// Senders returns all that are compared: the client that waits for the ack of
// each window first.
func Senders() []Sender {
	lumber := version("github.com/elastic/go-lumber")
	return []Sender{
		{"go-lumber SyncClient", lumber, dialSync},
		{"go-lumber AsyncClient", lumber, dialAsync},
		{"lumber.Conn", "of this tree", dialLumber},
		{"logstash.Shipper", "of this tree", dialShipper},
	}
}

// A Delivery is what an event costs from its sender to its ack.
type Delivery struct {
	Cost

	Bytes  float64 // on the wire
	Allocs float64 // of the whole process
}

// Ship returns what an event costs, when so many are sent one after the other over
// a connection that is there already. The receiver is the server of go-lumber, in
// the same process. An error says that it got other events than those.
func (s Sender) Ship(l Load, how Shipping) (cost Delivery, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %s: %w", s.Name, how, err)
		}
	}()
	r, err := listen()
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	c, err := s.dial(r.addr, how)
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	events := newEvents()[:how.Window]
	cost, times, err := deliver(c, events, l.Shipped)
	if err != nil {
		return cost, err
	}
	cost.Bytes = float64(r.read.Load()) / float64(times*how.Window)
	return cost, r.got(events, times)
}

// deliver sends so many events, a window full each time, and returns what one of them
// costs. It also returns how often each was sent, with those that come first and are
// not timed.
func deliver(c shipment, window [][]byte, events int) (cost Delivery, times int, err error) {
	turns := events / len(window)
	first := max(1, min(turns, 2*waiting/EventSize/len(window))) // fills all buffers
	if err := c.send(window, first); err != nil {
		return cost, 0, err
	}
	var allocsBefore, allocsAfter runtime.MemStats
	runtime.ReadMemStats(&allocsBefore)
	before, _ := cpu()
	begun := time.Now()
	if err := c.send(window, turns); err != nil {
		return cost, 0, err
	}
	n := time.Duration(turns * len(window))
	cost.Wall = time.Since(begun) / n
	after, ok := cpu()
	cost.CPU, cost.HasCPU = (after-before)/n, ok
	runtime.ReadMemStats(&allocsAfter)
	cost.Allocs = float64(allocsAfter.Mallocs-allocsBefore.Mallocs) / float64(n)
	return cost, first + turns, nil
}

// newEvents returns events as package logstash encodes them, of EventSize and
// each different.
func newEvents() [][]byte {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same events each time
	events := make([][]byte, logstash.MaxBatchSize)
	for i := range events {
		event := fmt.Sprintf(`{"@timestamp":"2026-11-22T10:%02d:%02d.%09dZ","@version":"1","message":"request","level":"INFO",`+
			`"level_value":20000,"path":"/api/v1/users/%d","status":%d,"duration_ms":%d.%03d,"trace":"%016x%016x","agent":"`,
			i/60%60, i%60, r.IntN(1e9), r.IntN(1e5), 200+r.IntN(5)*51, r.IntN(900), r.IntN(1000), r.Uint64(), r.Uint64())
		const end = `"}`
		const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0, as ever and again and again"
		events[i] = []byte(event + agent[:EventSize-len(event)-len(end)] + end)
	}
	return events
}

// receiver is the server of go-lumber. It does not decode the events, which takes
// longer than all the rest, but adds them up.
type receiver struct {
	*tally

	addr string
	srv  *server.Server
	done chan struct{}
	read atomic.Int64 // bytes
}

// tally adds up events, so that they can be compared with others. Its methods are
// safe for concurrent use.
type tally struct {
	seed  maphash.Seed
	count atomic.Int64
	sum   atomic.Uint64
}

func newTally() *tally { return &tally{seed: maphash.MakeSeed()} }

func (t *tally) add(event []byte) {
	t.count.Add(1)
	t.sum.Add(maphash.Bytes(t.seed, event))
}

// got returns an error unless what was added is each of the events so many times.
func (t *tally) got(events [][]byte, times int) error {
	if err := counted(int(t.count.Load()), len(events)*times); err != nil {
		return err
	}
	var sum uint64
	for _, event := range events {
		sum += maphash.Bytes(t.seed, event) * uint64(times) //nolint:gosec // never negative
	}
	if sum != t.sum.Load() {
		return errors.New("the events that arrived are others than those that were sent")
	}
	return nil
}

// meter is a listener that counts what its connections read.
type meter struct {
	net.Listener

	read *atomic.Int64
}

func (m meter) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	return metered{c, m.read}, err
}

type metered struct {
	net.Conn

	read *atomic.Int64
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.read.Add(int64(n))
	return n, err
}

func listen() (*receiver, error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{tally: newTally(), addr: ln.Addr().String(), done: make(chan struct{})}
	r.srv, err = server.NewWithListener(meter{ln, &r.read}, server.JSONDecoder(func(event []byte, _ any) error {
		r.add(event)
		return nil
	}))
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	go func() {
		defer close(r.done)
		for batch := range r.srv.ReceiveChan() {
			batch.ACK()
		}
	}()
	return r, nil
}

func (r *receiver) close() error {
	err := r.srv.Close()
	<-r.done
	return err
}

func lumberOptions(s Shipping) []client.Option {
	return []client.Option{
		client.CompressionLevel(s.Level),
		client.JSONEncoder(func(event any) ([]byte, error) {
			b, ok := event.([]byte)
			if !ok {
				return nil, fmt.Errorf("event of type %T", event)
			}
			return b, nil
		}),
	}
}

// anything returns events as go-lumber takes them.
func anything(events [][]byte) []any {
	all := make([]any, len(events))
	for i, event := range events {
		all[i] = event
	}
	return all
}

type syncConn struct{ *client.SyncClient }

func dialSync(addr string, s Shipping) (shipment, error) {
	c, err := client.SyncDial(addr, lumberOptions(s)...)
	if err != nil {
		return nil, err
	}
	return syncConn{c}, nil
}

func (c syncConn) send(events [][]byte, times int) error {
	window := anything(events)
	for range times {
		if _, err := c.Send(window); err != nil {
			return err
		}
	}
	return nil
}

type asyncConn struct{ *client.AsyncClient }

func dialAsync(addr string, s Shipping) (shipment, error) {
	c, err := client.AsyncDial(addr, underWay, lumberOptions(s)...)
	if err != nil {
		return nil, err
	}
	return asyncConn{c}, nil
}

func (c asyncConn) send(events [][]byte, times int) error {
	window, acked := anything(events), make(chan error, times)
	for range times {
		if err := c.Send(func(_ uint32, err error) { acked <- err }, window); err != nil {
			return err
		}
	}
	for range times {
		if err := <-acked; err != nil {
			return err
		}
	}
	return nil
}

// lumberConn is the client that a Shipper has over beats://, without its queue.
type lumberConn struct {
	*lumber.Conn

	news chan struct{}
}

func dialLumber(addr string, s Shipping) (shipment, error) {
	enc, err := lumber.NewEncoder(s.Level)
	if err != nil {
		return nil, err
	}
	nc, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	news := make(chan struct{}, 1)
	return lumberConn{lumber.NewConn(nc, enc, time.Minute, news), news}, nil
}

func (c lumberConn) send(events [][]byte, times int) error {
	left := 0
	for range times {
		if err := c.await(&left, (underWay-1)*len(events)); err != nil {
			return err
		}
		if err := c.Send(context.Background(), events); err != nil {
			return err
		}
		left += len(events)
	}
	return c.await(&left, 0)
}

// await waits until no more than so many events are not acked.
func (c lumberConn) await(left *int, most int) error {
	for *left -= c.Acked(); *left > most; *left -= c.Acked() {
		<-c.news
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (c lumberConn) Close() error {
	c.Conn.Close()
	return nil
}

type shipperConn struct{ *logstash.Shipper }

func dialShipper(addr string, s Shipping) (shipment, error) {
	c, err := logstash.Dial("beats://"+addr, &logstash.DialOptions{
		BatchSize: s.Window, Pipeline: underWay, CompressionLevel: s.Level,
		Policy: logstash.Block, BlockTimeout: -1, Size: waiting,
	})
	if err != nil {
		return nil, err
	}
	return shipperConn{c}, nil
}

func (c shipperConn) send(events [][]byte, times int) error {
	for range times {
		for _, event := range events {
			if _, err := c.Write(event); err != nil {
				return err
			}
		}
	}
	return c.Flush(context.Background())
}
