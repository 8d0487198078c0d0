package logstash

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// lookupTime is how long an address of a name is used for datagrams, where
// ConnectionTTL does not say otherwise.
const lookupTime = time.Minute

// rejectPause is the pause before the next attempt when an event was too long for
// a datagram. That the receiver is there does not depend on it.
const rejectPause = 10 * time.Millisecond

// datagrams carries each event as one UDP datagram. Nothing is acked: an event
// counts as written when the kernel has taken it. It is lost without a word where
// the network or the receiver has no room for it, or is not there.
//
// A receiver that has ended is noticed where its host says so. Events are then
// held back until the backoff is over, and one is sent to see: it counts when
// nobody has refused it within settleTime, and none is sent behind it before.
// Events that were under way when the receiver ended are lost. None arrives
// twice, but for those that the network doubles. See TestDatagramsRefused.
//
// Events go out in bursts of burstEvents or burstBytes, with burstTime for each,
// so that 64,000 in a second are the most, and a batch does not drown a receiver
// whose socket has room for a few hundred: see TestDatagramsInBursts.
type datagrams struct {
	peers  *endpoints
	lookup time.Duration
	pace   pacer
	conn   *wire     // nil when there is none
	renew  time.Time // when names are to be looked up again
	kept   bool      // conn could not be replaced the last time
}

// newDatagrams returns a Transport over UDP.
func newDatagrams(peers *endpoints, o *DialOptions) Transport {
	lookup := o.ConnectionTTL
	if lookup == 0 {
		lookup = lookupTime
	}
	return &datagrams{peers: peers, lookup: lookup}
}

// Send sends each event as one datagram.
func (t *datagrams) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	conn := t.conn
	stop := context.AfterFunc(ctx, func() { conn.fail(ctx.Err()) })
	defer stop()
	for _, event := range events {
		t.pace.wait(len(event))
		if err = t.send(event); err != nil {
			break
		}
		acked++
	}
	if acked > 0 {
		_ = conn.written()
	}
	switch {
	case err == nil:
		conn.worked()
		return acked, nil
	case isTooLong(err):
		err = fmt.Errorf("logstash: send to %s: event of %d bytes: %w: %w: %w",
			conn.addr(), len(events[acked]), ErrRejected, ErrTooLarge, err)
		return acked, &retryError{err, rejectPause} // the others need not wait long for this one
	}
	err = fmt.Errorf("logstash: send event %d of %d to %s: %w", acked+1, len(events), conn.addr(), err)
	t.drop(ctx, err)
	return acked, err
}

// send sends one event. The first over a socket has to wait until it counts.
func (t *datagrams) send(event []byte) error {
	if _, err := t.conn.Write(event); err != nil {
		if ended := t.conn.ended(); ended != nil {
			return ended
		}
		return err
	}
	if t.conn.used {
		return nil
	}
	return t.conn.settle(settleTime)
}

// ready sees to it that there is a socket, to an address that is not too old. The
// one there is stays while a new one cannot be made, as when names cannot be
// looked up.
func (t *datagrams) ready(ctx context.Context) error {
	if t.conn != nil && t.conn.ended() != nil {
		err := fmt.Errorf("logstash: %s takes no datagrams: %w", t.conn.addr(), t.conn.ended())
		t.drop(ctx, err)
		return &dialError{err}
	}
	if t.conn != nil && time.Now().Before(t.renew) && (t.kept || !t.conn.expired()) {
		return nil
	}
	t.renew = time.Now().Add(t.lookup)
	l, err := t.peers.connect(ctx, "udp", nil)
	t.kept = err != nil && t.conn != nil
	switch {
	case err == nil && t.conn != nil:
		t.drop(ctx, nil)
	case t.kept:
		return nil
	case err != nil:
		return err
	}
	t.conn = newWire(l, nil)
	return nil
}

// drop forgets the socket. The peer is not to blame for an end that ctx asked for.
func (t *datagrams) drop(ctx context.Context, err error) {
	if ctx.Err() != nil {
		err = nil
	}
	t.conn.release(err)
	t.conn = nil
}

// Close closes the socket. The kernel goes on sending what it has taken.
func (t *datagrams) Close() error {
	if t.conn != nil {
		t.drop(context.Background(), nil)
	}
	return nil
}

// isTooLong reports whether err says that a datagram is longer than the network
// takes.
func isTooLong(err error) bool {
	const wsaEMSGSIZE = syscall.Errno(10040)
	return errors.Is(err, syscall.EMSGSIZE) || runtime.GOOS == "windows" && errors.Is(err, wsaEMSGSIZE)
}
