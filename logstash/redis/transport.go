package redis

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"strings"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// superseded begins the error of a connection that was ended because of it.
const superseded = "the sentinels name another master by now: %w"

// maxRedirects is how often a cluster may send a batch elsewhere.
const maxRedirects = 3

// transport carries events to a list or a stream.
type transport struct {
	opts Options
	to   logstash.Remote
	load load

	conn      *conn      // nil when there is none
	node      string     // where a cluster has sent us, "" for nowhere
	asking    bool       // that node is about to get the key, and wants to be asked
	turn      int        // which of the servers is the next to try
	bare      bool       // the next server is not greeted with HELLO
	sentinels *sentinels // nil until the first Send, and without a MasterName
}

func newTransport(opts Options, to logstash.Remote) *transport {
	return &transport{opts: opts, to: to, load: load{key: to.Path, opts: opts, seed: maphash.MakeSeed()}}
}

// Send sends events as one batch, and goes where a cluster sends it.
func (t *transport) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if len(events) == 0 || ctx.Err() != nil {
		return 0, ctx.Err()
	}
	for range maxRedirects {
		acked, err = t.attempt(ctx, events)
		node, asking := redirect(err)
		if node == "" || acked > 0 {
			break
		}
		t.node, t.asking, t.turn = node, asking, 0
	}
	return acked, err
}

// attempt sends events to the server that is the right one as far as it is known.
func (t *transport) attempt(ctx context.Context, events [][]byte) (acked int, err error) {
	if t.conn != nil && (t.conn.link.isOver() || t.isSuperseded()) {
		t.drop() // a server that closes idle connections is no trouble
	}
	if t.conn == nil {
		if err := t.connect(ctx); err != nil {
			return 0, err
		}
	}
	stop := context.AfterFunc(ctx, t.conn.cut)
	acked, err = t.push(ctx, events)
	switch {
	case !stop() || ctx.Err() != nil:
		t.drop()
		if err != nil {
			err = context.Cause(ctx)
		}
	case err != nil && !isWait(err): // replicas tell a new connection nothing of the batch they are behind with
		t.explain(err)
		t.conn.cut()
		t.drop()
		t.lookElsewhere()
	}
	return acked, err
}

// explain adds to the error of a connection what the sentinels know, and learns what the next
// one is to begin with.
func (t *transport) explain(err error) {
	var e *sendError
	if errors.As(err, &e) && t.isSuperseded() {
		e.err, e.died = fmt.Errorf(superseded, e.err), false
	}
	if l := t.conn.link; !t.conn.greeted {
		t.bare = !t.bare && l.gone && l.words == ""
	}
}

// connect opens the connection.
func (t *transport) connect(ctx context.Context) error {
	servers, err := t.servers(ctx)
	if err == nil {
		addr := servers[t.turn%len(servers)]
		dialing, stop := context.WithCancel(ctx)
		defer stop()
		t.use(addr, stop)
		t.conn, err = open(dialing, &t.to, addr, login{t.to.Username, t.to.Password, t.opts.DB, t.bare})
	}
	if err == nil {
		t.use(t.conn.addr, t.conn.cut)
		return nil
	}
	if t.isSuperseded() {
		err = fmt.Errorf(superseded, err)
	}
	t.use("", nil)
	t.lookElsewhere()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &sendError{err: err, unsent: true}
}

// use says to those who watch the sentinels which server is in use, and how to end that.
func (t *transport) use(addr string, cut func()) {
	if t.sentinels != nil {
		t.sentinels.use(addr, cut)
	}
}

// servers returns where the events may go.
func (t *transport) servers(ctx context.Context) ([]string, error) {
	switch {
	case t.opts.MasterName != "":
		if t.sentinels == nil {
			t.sentinels = newSentinels(&t.to, t.opts)
		}
		return t.sentinels.masters(ctx)
	case t.node != "":
		return append([]string{t.node}, t.to.Hosts...), nil
	default:
		return t.to.Hosts, nil
	}
}

// lookElsewhere makes the next connection go to another server, if there is one.
func (t *transport) lookElsewhere() {
	t.turn++
	t.asking = false
}

// isSuperseded reports whether the sentinels name another master than that of the connection.
func (t *transport) isSuperseded() bool { return t.sentinels != nil && t.sentinels.isSuperseded() }

// push sends events over the connection that there is, unless they have to wait.
func (t *transport) push(ctx context.Context, events [][]byte) (acked int, err error) {
	c := t.conn
	if t.opts.Replicas > 0 && c.doubt {
		// Those that are away would make a duplicate of each attempt.
		if err := t.await(ctx); err != nil {
			return 0, t.failed(err, true)
		}
	}
	arrived := t.load.match(events, c.late) // replicas have these by now
	c.late = c.late[arrived:]
	if events = events[arrived:]; len(events) == 0 {
		return arrived, nil
	}
	if err := t.prepare(ctx); err != nil {
		return arrived, t.failed(err, true)
	}
	acked, refused, err := t.load.send(ctx, c, events)
	switch {
	case err != nil && acked == 0:
		err = t.lost(err, refused, events)
	case err != nil:
		err = t.failed(err, false)
	}
	c.late = nil
	if acked > 0 && t.opts.Replicas > 0 {
		if short := t.await(ctx); short != nil {
			c.late = t.load.sums(events[:acked])
			return arrived, t.failed(short, false)
		}
	}
	return arrived + acked, err
}

// prepare does what has to go ahead of a batch, and reports why there cannot be one.
func (t *transport) prepare(ctx context.Context) error {
	if t.opts.Stream && !t.conn.transacts {
		if err := t.conn.tryTransaction(ctx); err != nil {
			return err
		}
	}
	if err := t.checkCongestion(ctx); err != nil {
		return err
	}
	return t.ask(ctx)
}

// ask makes a node take the next command although another one still has the key.
func (t *transport) ask(ctx context.Context) error {
	if !t.asking {
		return nil
	}
	return t.conn.client.Do(ctx, "asking").Err()
}

// await waits until enough replicas have what was sent over the connection.
func (t *transport) await(ctx context.Context) error {
	t.conn.doubt = true
	n, err := t.conn.client.Wait(ctx, t.opts.Replicas, t.patience()).Result()
	if err != nil {
		return err
	}
	if n < int64(t.opts.Replicas) {
		return &waitError{text: fmt.Sprintf("%d replicas have the events, want Options.Replicas, %d", n, t.opts.Replicas)}
	}
	t.conn.doubt = false
	return nil
}

// patience is how long replicas have for a batch. The answer has to come within the
// Timeout.
func (t *transport) patience() time.Duration {
	return max(t.to.Options.Timeout/2, time.Millisecond)
}

// congestionPause is the time between two looks at a list that is too long.
const congestionPause = time.Second

// checkCongestion reports an error while there are too many entries.
func (t *transport) checkCongestion(ctx context.Context) error {
	limit := t.opts.CongestionThreshold
	if limit == 0 || t.conn.entries <= limit {
		return nil
	}
	if err := t.ask(ctx); err != nil {
		return err
	}
	count := t.conn.client.LLen
	if t.opts.Stream {
		count = t.conn.client.XLen
	}
	n, err := count(ctx, t.to.Path).Result()
	if err == nil && n > limit {
		err = &waitError{
			text:  fmt.Sprintf("%q has %d entries, more than Options.CongestionThreshold, %d", t.to.Path, n, limit),
			after: congestionPause,
		}
	}
	return err
}

// drop closes the connection, if there is one.
func (t *transport) drop() {
	if t.conn == nil {
		return
	}
	t.use("", nil)
	t.conn.close()
	t.conn = nil
}

// Close closes the connections, and ends the goroutines of the sentinels.
func (t *transport) Close() error {
	t.drop()
	if t.sentinels != nil {
		t.sentinels.stop()
	}
	return nil
}

// redirect returns the address that a cluster names in an error, or "", and whether the node
// there has to be asked.
func redirect(err error) (node string, asking bool) {
	var e *sendError
	if !errors.As(err, &e) {
		return "", false
	}
	words := strings.Fields(answerOf(e.err))
	if len(words) != 3 || words[0] != "MOVED" && words[0] != "ASK" {
		return "", false
	}
	colon := strings.LastIndexByte(words[2], ':') // an IPv6 address has no brackets
	if colon < 0 {
		return "", false
	}
	host, port := words[2][:colon], words[2][colon+1:]
	if host == "" || host == "?" { // that of the node which says so
		host, _, _ = net.SplitHostPort(e.addr)
	}
	return net.JoinHostPort(host, port), words[0] == "ASK"
}
