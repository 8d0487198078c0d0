package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/sluicelog/sluice/logstash"
)

// transport carries events to a list or a stream.
type transport struct {
	opts Options
	to   logstash.Remote
	load load

	conn     *conn  // nil when there is none
	waiting  bool   // events were held back although the connection works
	node     string // where a cluster has sent us, "" for the host of the address
	other    string // what node was before the last failure
	sentinel int    // which of the hosts is asked next
}

func newTransport(opts Options, to logstash.Remote) *transport {
	return &transport{opts: opts, to: to, load: load{key: to.Path, opts: opts}}
}

// Send sends events as one batch, and goes where a cluster sends it.
func (t *transport) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if len(events) == 0 || ctx.Err() != nil {
		return 0, ctx.Err()
	}
	acked, err = t.attempt(ctx, events)
	if node := nodeOf(err); node != "" && acked == 0 {
		t.node, t.other = node, ""
		acked, err = t.attempt(ctx, events)
	}
	return acked, err
}

// attempt sends events to the server that is the right one as far as it is known.
func (t *transport) attempt(ctx context.Context, events [][]byte) (acked int, err error) {
	if t.conn != nil && t.conn.link.isOver() {
		t.drop() // a server that closes idle connections is no trouble
	}
	if t.conn != nil && t.waiting && t.isSuperseded(ctx) {
		t.drop()
	}
	if t.conn == nil {
		if err := t.connect(ctx); err != nil {
			return 0, err
		}
	}
	stop := context.AfterFunc(ctx, t.conn.cut)
	acked, err = t.push(ctx, events)
	t.waiting = isWait(err)
	switch {
	case !stop() || ctx.Err() != nil:
		t.drop()
		if err != nil {
			err = context.Cause(ctx)
		}
	case err != nil && !t.waiting: // replicas tell a new connection nothing of the batch they are behind with
		t.conn.cut()
		t.drop()
		t.lookElsewhere()
	}
	return acked, err
}

// connect opens the connection.
func (t *transport) connect(ctx context.Context) error {
	addr, err := t.server(ctx)
	if err == nil {
		t.conn, err = open(ctx, &t.to, addr, login{t.to.Username, t.to.Password, t.opts.DB})
	}
	if err == nil {
		return nil
	}
	t.lookElsewhere()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &sendError{err: err, unsent: true}
}

// lookElsewhere makes the next connection go to another server, if there is one.
func (t *transport) lookElsewhere() {
	t.sentinel++                      // this one may not know of the new master yet
	t.node, t.other = t.other, t.node // the cluster may have forgotten it, or the host of the address be away
}

// isSuperseded reports whether a sentinel knows of another master than that of the connection.
func (t *transport) isSuperseded(ctx context.Context) bool {
	if t.opts.MasterName == "" || t.node != "" {
		return false
	}
	t.sentinel++ // the last one may not know of it yet
	addr, err := t.ask(ctx, t.to.Hosts[t.sentinel%len(t.to.Hosts)])
	return err == nil && addr != t.conn.addr
}

// server returns the address of the server.
func (t *transport) server(ctx context.Context) (string, error) {
	switch {
	case t.node != "":
		return t.node, nil
	case t.opts.MasterName != "":
		return t.master(ctx)
	default:
		return t.to.Hosts[0], nil
	}
}

// push sends events over the connection that there is, unless they have to wait.
func (t *transport) push(ctx context.Context, events [][]byte) (acked int, err error) {
	c := t.conn
	if t.opts.Replicas > 0 && c.doubt {
		// Those that are away would make a duplicate of each attempt.
		if err := t.await(ctx); err != nil {
			return 0, t.failed(err, true)
		}
	}
	if err := t.checkCongestion(ctx); err != nil {
		return 0, err
	}
	acked, refused, err := t.load.send(ctx, c, events)
	switch {
	case err != nil && acked == 0:
		err = t.lost(err, refused, events)
	case err != nil:
		err = t.failed(err, false)
	}
	if acked > 0 && t.opts.Replicas > 0 {
		if short := t.await(ctx); short != nil {
			return 0, t.failed(short, false)
		}
	}
	return acked, err
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
	if err != nil {
		return t.failed(err, true)
	}
	return nil
}

// drop closes the connection, if there is one.
func (t *transport) drop() {
	if t.conn != nil {
		t.conn.close()
		t.conn = nil
	}
}

// Close closes the connection.
func (t *transport) Close() error {
	t.drop()
	return nil
}

// nodeOf returns the address that a cluster names in an error, or "".
func nodeOf(err error) string {
	var e *sendError
	if !errors.As(err, &e) {
		return ""
	}
	words := strings.Fields(answerOf(e.err))
	if len(words) != 3 || words[0] != "MOVED" {
		return ""
	}
	host, port, err := net.SplitHostPort(words[2])
	if err != nil {
		return ""
	}
	if host == "" { // that of the node which says so
		host, _, _ = net.SplitHostPort(e.addr)
	}
	return net.JoinHostPort(host, port)
}
