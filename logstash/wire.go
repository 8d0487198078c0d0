package logstash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// briefLife is how long a connection must last for its end to be no failure
	// of the peer: a proxy without a backend takes connections only to close them.
	briefLife = time.Second

	// settleTime is how long what was written first to a new connection has to
	// wait until it counts, at least. Such a proxy has mostly closed it by then, and
	// the host of a UDP port where nobody listens has said so. It is longer for
	// streams where making the connection took long, because a receiver refuses a
	// client certificate one round trip after the handshake, and where the last
	// connection was closed later than that.
	settleTime = 100 * time.Millisecond

	// maxTrial is the longest that this becomes.
	maxTrial = 5 * time.Second
)

// wire is a connection on which the peer has nothing to say. One goroutine
// reads from it all the same, because only a reader learns that the peer has
// closed, or refuses datagrams; close ends it.
type wire struct {
	*link
	opened time.Time
	done   chan struct{} // closed when the reader has ended
	used   bool          // something was written that counts

	writing   chan struct{} // full while somebody writes, so that a keepalive is never in the middle of a line
	keepAlive *keepAlive    // nil without

	mu    sync.Mutex
	err   error         // the first failure
	life  time.Duration // until then
	wrote time.Time     // the last write that worked
}

// newWire starts the reader. It calls broken, which may be nil, when the connection
// has ended, whoever has noticed that first.
func newWire(l *link, broken func()) *wire {
	now := time.Now()
	w := &wire{link: l, opened: now, wrote: now, done: make(chan struct{}), writing: make(chan struct{}, 1)}
	go w.read(broken)
	return w
}

// read throws away what the peer says until the connection ends. The beginning is
// for the error, as it tells what the peer takes us for.
func (w *wire) read(broken func()) {
	defer close(w.done)
	said := make([]byte, 64)
	n, err := w.Read(said)
	if err == nil {
		_, err = io.Copy(io.Discard, w.Conn)
	}
	if err == nil {
		err = io.EOF
	}
	if n > 0 {
		err = fmt.Errorf("%w (the peer said %q)", err, said[:n])
	}
	w.fail(err)
	if broken != nil {
		broken()
	}
}

// fail keeps the first error and closes the connection. It never waits for the peer,
// as a goodbye of TLS would.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	w.err, w.life = err, time.Since(w.opened)
	_ = innermost(w.Conn).Close() // err says all there is to say
}

// ended returns why the connection has ended, nil while it has not.
func (w *wire) ended() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// written notes a write that worked. A connection that has ended meanwhile has
// lost some of it, even if the kernel took it all.
func (w *wire) written() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote = time.Now()
	return w.err
}

// quietFor returns how long nothing has been written.
func (w *wire) quietFor() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.wrote)
}

// age returns how long the connection has lasted.
func (w *wire) age() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.life
	}
	return time.Since(w.opened)
}

// idle reports whether the connection ended when nothing had been written for
// a while, so that the peer is likely to have read it all.
func (w *wire) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	var timeout net.Error
	late := errors.As(w.err, &timeout) && timeout.Timeout()
	return w.err != nil && !late && w.opened.Add(w.life).Sub(w.wrote) >= briefLife
}

// prove tells the endpoint that the connection is a good one, as soon as it is.
func (w *wire) prove() {
	if w.used && w.age() >= briefLife {
		w.worked()
	}
}

// settle waits until what was written first counts, when the connection has
// lasted for a time, or until it ends.
func (w *wire) settle(least time.Duration) error {
	timer := time.NewTimer(least - w.age())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.done:
	}
	err := w.ended()
	w.used = err == nil
	return err
}

// release ends the turn of the endpoint, with the reason if that is the peer's
// fault, and the connection.
func (w *wire) release(err error) {
	w.close()
	w.prove()
	w.turn.done(err)
}

// lock waits for other writers.
func (w *wire) lock() { w.writing <- struct{}{} }

func (w *wire) unlock() { <-w.writing }

// close ends the connection and returns when its goroutines have ended.
func (w *wire) close() {
	w.fail(net.ErrClosed)
	w.keepAlive.stop()
	<-w.done
}

// finish tells the peer that nothing more will come, and waits until it has
// closed the connection in turn, which it does when it has read everything. The
// error says why that is not known: the connection broke, ctx was done, or, if it
// Is errors.ErrUnsupported, the peer cannot be told.
func (w *wire) finish(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { w.fail(ctx.Err()) })
	defer stop()
	w.keepAlive.stop()
	if err := w.ended(); err != nil {
		return err
	}
	if err := closeWrite(w.Conn); err != nil {
		return err
	}
	<-w.done
	if err := w.ended(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// overTLS is a connection that has another one below.
type overTLS interface {
	CloseWrite() error
	NetConn() net.Conn
}

// closeWrite closes our half of a connection.
func closeWrite(conn net.Conn) error {
	switch c := conn.(type) {
	case *steadyConn:
		return closeWrite(c.Conn)
	case overTLS:
		err := c.CloseWrite()
		if err == nil {
			_ = closeWrite(c.NetConn()) // for a peer that waits for a FIN all the same
		}
		return err
	case interface{ CloseWrite() error }:
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// innermost returns the connection below TLS.
func innermost(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case *steadyConn:
		return innermost(c.Conn)
	case *guardedConn:
		return &guardedConn{innermost(c.Conn)}
	case overTLS:
		return innermost(c.NetConn())
	}
	return conn
}
