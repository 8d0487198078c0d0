package lumber

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Conn sends windows over one connection and waits for their acks. Send is for
// one goroutine at a time.
//
// One goroutine of its own reads acks from NewConn until the connection ends,
// also while nothing is sent, so that a Conn knows at once when the peer has
// gone. Close ends it.
type Conn struct {
	rwc     io.ReadWriteCloser
	enc     *Encoder
	silence time.Duration
	timer   *time.Timer   // of the silence; used by Send only
	news    chan struct{} // has room for one: something below has changed
	ended   chan struct{} // closed when the reader has ended

	mu     sync.Mutex
	window uint32 // events of the window in flight, 0 when there is none
	acked  uint32 // how many of them are acked
	err    error  // the first failure
}

// NewConn returns a Conn over rwc that owns it and encodes with enc. A peer
// that owes an ack and sends nothing at all for the given silence is given
// up. Writes are bounded by rwc itself.
func NewConn(rwc io.ReadWriteCloser, enc *Encoder, silence time.Duration) *Conn {
	c := &Conn{
		rwc:     rwc,
		enc:     enc,
		silence: silence,
		timer:   time.NewTimer(silence),
		news:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	c.timer.Stop()
	go c.read()
	return c
}

// Send sends events as one window and waits until they are all acked. If that
// fails the result is how many of them, from the first on, the peer has acked,
// and the Conn is closed. An ack of 0 says that the peer is alive but busy:
// Send then goes on waiting, however long it takes, until ctx is done.
func (c *Conn) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if err := c.Err(); err != nil || len(events) == 0 {
		return 0, err
	}
	window, err := c.enc.Encode(events)
	if err != nil {
		return 0, err
	}
	c.begin(len(events))
	stop := context.AfterFunc(ctx, func() { c.fail(ctx.Err()) })
	defer stop()
	if _, err := c.rwc.Write(window); err != nil {
		c.fail(err)
	} else {
		c.await()
	}
	return c.end()
}

// begin opens a window of n events.
func (c *Conn) begin(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window, c.acked = uint32(n), 0 //nolint:gosec // a window is at most a few thousand
}

// await returns when the window is acked or the connection has failed.
func (c *Conn) await() {
	c.timer.Reset(c.silence)
	defer c.timer.Stop()
	for {
		c.mu.Lock()
		over := c.err != nil || c.acked == c.window
		c.mu.Unlock()
		if over {
			return
		}
		select {
		case <-c.news:
			c.timer.Reset(c.silence)
		case <-c.timer.C:
			c.fail(fmt.Errorf("no ack and no keepalive for %v: %w", c.silence, os.ErrDeadlineExceeded))
		}
	}
}

// end closes the window and returns what became of it.
func (c *Conn) end() (acked int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	acked = int(c.acked)
	if c.acked < c.window {
		err = c.err
	}
	c.window, c.acked = 0, 0
	return acked, err
}

// read takes acks until the connection ends.
func (c *Conn) read() {
	defer close(c.ended)
	var frame [AckLen]byte
	r := bufio.NewReaderSize(c.rwc, 64)
	for {
		seq, err := ReadAck(r, frame[:])
		if err == nil {
			err = c.ack(seq)
		}
		if err != nil {
			c.fail(err)
			return
		}
		c.tell()
	}
}

// ack notes an ack of the window in flight.
func (c *Conn) ack(seq uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case seq == 0:
		return nil
	case seq > c.window:
		return fmt.Errorf("%w: ack of %d for a window of %d", ErrProtocol, seq, c.window)
	case seq < c.acked:
		return fmt.Errorf("%w: ack of %d after one of %d", ErrProtocol, seq, c.acked)
	}
	c.acked = seq
	return nil
}

// fail keeps the first error and closes the connection. It does not wait for
// the reader, which calls it too.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if first {
		_ = c.rwc.Close() // the connection has failed already, and err says why
	}
	c.tell()
}

func (c *Conn) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// Err returns why the connection has ended, nil while it has not: io.EOF when
// the peer closed it, an error that Is [ErrProtocol] when the peer broke the
// protocol, os.ErrDeadlineExceeded when it was silent for too long, os.ErrClosed
// after Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close closes the connection and returns when the reader has ended. A Send
// under way fails.
func (c *Conn) Close() {
	c.fail(os.ErrClosed)
	<-c.ended
}
