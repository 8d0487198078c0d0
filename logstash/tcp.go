package logstash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// finishTime is how long the peer may take to read what it was sent when we end
	// a connection.
	finishTime = 500 * time.Millisecond

	// maxGoodbyes is how often Close ends a connection in good order and has it
	// broken by the peer, which may be its way to end all of them.
	maxGoodbyes = 3
)

// stream carries events as JSON lines over a byte stream: tcp, TLS, or a unix
// socket. Nothing is acked: an event counts as written when the kernel has taken
// the whole batch it is in.
//
// No connection begins inside a line. After a break:
//
//   - The batch that was being written is sent again from its first line, see
//     TestStreamBrokenWriteStartsAgain. Of its lines, the peer may have some
//     already, which then arrive twice, and the beginning of one, which Logstash
//     makes an event tagged _jsonparsefailure.
//   - Of what was written before, all is lost that was in a buffer still, here, on
//     the way or there. ResendBytes keeps that much of it, in whole lines, and
//     writes it again as soon as there is a connection, whether there are further
//     events or not, see TestStreamMendsWithoutEvents. If that is no less than what
//     the buffers hold, nothing is lost, and up to that much arrives twice with
//     each break, see TestStreamLossOverCuts.
//   - A connection that breaks when nothing has been written for a second may have
//     lost something as well, as its peer may have been too busy to read. But
//     something on the way may also end every connection that is idle, so that a
//     line is written again after one such break, and not after the next: see
//     TestStreamIdleBreaks.
//
// A connection that is closed as soon as it has been made, as a proxy does that has
// no backend, or a receiver that refuses our certificate, loses nothing, see
// TestStreamTakenAndClosed and TestStreamRefusedLate: the first batch counts only
// when its connection has lasted for settleTime, for twice the time that it took
// to make it, and for twice the time that the last one lasted which never worked.
// One that is closed later than that loses what was written to it. If the peer has
// read the first batch all the same, it arrives twice. When we end a connection ourselves, we half
// close it and wait for the peer to close it, too, which tells that it has read
// everything, see TestStreamEndInGoodOrder.
//
// Besides the goroutine of the wire, there is one for a moment for each keepalive.
type stream struct {
	peers     *endpoints
	network   string
	files     *tlsFiles
	keepAlive time.Duration
	patience  time.Duration // finishTime, but in tests

	tail   tail
	out    *bufio.Writer
	conn   *wire // nil when there is none
	again  atomic.Uint64
	breaks chan struct{} // has room for one
}

// newStream returns a Transport over connections of a network, "tcp" or "unix",
// with TLS if there are files.
func newStream(peers *endpoints, network string, files *tlsFiles, o *DialOptions) Transport {
	return &stream{
		peers:     peers,
		network:   network,
		files:     files,
		keepAlive: o.KeepAlive,
		patience:  finishTime,
		tail:      tail{limit: o.ResendBytes},
		out:       bufio.NewWriterSize(nil, 64<<10),
		breaks:    make(chan struct{}, 1),
	}
}

// Send writes events as lines, over a new connection where the last one has
// ended. Without events it only writes again what a break may have lost.
func (t *stream) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if err := t.leave(ctx); err != nil {
		return 0, err
	}
	if len(events) == 0 && (t.tail.lines == 0 || t.conn != nil && t.conn.used) {
		return 0, nil
	}
	if err := t.dial(ctx); err != nil {
		return 0, err
	}
	if err := t.write(ctx, events); err != nil {
		err = fmt.Errorf("logstash: send %d events to %s: %w", len(events), t.conn.addr(), err)
		t.drop(ctx, err)
		return 0, err
	}
	t.tail.add(events)
	t.conn.prove()
	return len(events), nil
}

// leave lets go of a connection that has ended, or is to end. It returns an error
// if that is trouble which somebody should know of.
func (t *stream) leave(ctx context.Context) error {
	switch {
	case t.conn == nil:
	case t.conn.ended() != nil:
		if t.conn.age() >= briefLife && t.conn.idle() {
			t.tail.calm()
			t.drop(ctx, nil)
			return nil
		}
		err := fmt.Errorf("logstash: connection to %s closed while in use: %w", t.conn.addr(), t.conn.ended())
		t.drop(ctx, err)
		return &dialError{err}
	case t.conn.expired():
		if l := t.peers.move(ctx, t.network, t.files, t.conn.turn); l != nil {
			_ = t.finish(ctx) // tail keeps what it must
			t.use(l)
		}
	}
	return nil
}

// connect opens a connection where the last one has ended, or is to end.
func (t *stream) connect(ctx context.Context) error {
	if err := t.leave(ctx); err != nil {
		return err
	}
	return t.dial(ctx)
}

// dial opens a connection where there is none.
func (t *stream) dial(ctx context.Context) error {
	if t.conn != nil {
		return nil
	}
	l, err := t.peers.connect(ctx, t.network, t.files)
	if err != nil {
		if t.network == "unix" {
			err = explainUnix(err)
		}
		return err
	}
	t.use(l)
	return nil
}

// use takes a new connection.
func (t *stream) use(l *link) {
	t.conn = newWire(l, t.broken)
	t.out.Reset(l)
	if t.keepAlive > 0 {
		t.conn.startKeepAlive(t.keepAlive)
	}
}

// broken notes that a connection has ended.
func (t *stream) broken() {
	select {
	case t.breaks <- struct{}{}:
	default:
	}
}

// write writes events, and in front of them, if the connection is new, what a
// break may have lost.
func (t *stream) write(ctx context.Context, events [][]byte) error {
	conn := t.conn
	stop := context.AfterFunc(ctx, func() { conn.fail(ctx.Err()) })
	defer stop()
	conn.lock()
	defer conn.unlock()
	if !conn.used {
		t.again.Add(uint64(t.tail.lines)) //nolint:gosec // not negative
		t.tail.wroteAgain()
		first, second := t.tail.parts()
		_, _ = t.out.Write(first) // Flush returns the first error
		_, _ = t.out.Write(second)
	}
	for _, event := range events {
		_, _ = t.out.Write(event)
		_ = t.out.WriteByte('\n')
	}
	if err := t.out.Flush(); err != nil {
		conn.fail(err)
	}
	if err := conn.written(); err != nil || conn.used {
		return err
	}
	return conn.settle(conn.trial)
}

// finish ends the connection in good order, within finishTime. What was written is
// not kept any longer if the peer has read it all; otherwise the error says why that
// is not known.
func (t *stream) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	err := t.conn.finish(ctx)
	if err == nil {
		t.tail.reset()
	}
	t.drop(ctx, nil)
	return err
}

// drop forgets the connection. The peer is not to blame for an end that ctx
// asked for.
func (t *stream) drop(ctx context.Context, err error) {
	if ctx.Err() != nil {
		err = nil
	}
	t.conn.release(err)
	t.conn = nil
}

// Close ends the connection when the peer has read everything, or finishTime is
// over. What a break may have lost it writes again, if that is possible at once.
func (t *stream) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), t.patience)
	defer cancel()
	return t.closeWithin(ctx)
}

func (t *stream) closeWithin(ctx context.Context) error {
	for range maxGoodbyes {
		if t.conn == nil {
			if t.tail.lines == 0 {
				return nil
			}
			if _, err := t.Send(ctx, nil); err != nil {
				return err
			}
		}
		err := t.finish(ctx)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errors.ErrUnsupported) {
			return nil // what can be known is known
		}
	}
	return nil
}

func (t *stream) broke() <-chan struct{} { return t.breaks }

func (t *stream) owed() int { return t.tail.lines }

func (t *stream) connected() bool { return t.conn != nil }

// resent returns how many events were written again.
func (t *stream) resent() uint64 { return t.again.Load() }
