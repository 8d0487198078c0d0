package lumber

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// lastWords is how long a Conn that cannot write any more waits for its reader
// to find out what the peer said before it closed the connection.
const lastWords = 100 * time.Millisecond

// Conn sends windows over one connection, any number of them before the first
// is acked, and counts what is acked. Its methods are for one goroutine at a
// time, but for Close.
//
// One goroutine of its own reads acks from NewConn until the connection ends,
// also while nothing is sent, so that a Conn knows at once when the peer has
// gone, and a peer never waits for its acks to be read. Close ends it.
type Conn struct {
	nc      net.Conn
	enc     *Encoder
	silence time.Duration
	news    chan<- struct{}
	ended   chan struct{} // closed when the reader has ended

	mu      sync.Mutex
	windows []uint32    // how many events each window under way has, the oldest first
	writing bool        // the last of them is not written to its end
	part    uint32      // events acked of the first of them
	acked   int         // events acked that Acked has not told of
	early   int         // those of them that are of the window being written
	worked  bool        // something was acked since NewConn
	fresh   bool        // nothing was acked since nothing was under way
	moved   time.Time   // when something was acked last, or came under way while nothing was
	leave   func() bool // see LeaveIf
	timer   *time.Timer // calls timeout
	due     time.Time   // when the silence is too long; zero while no ack is owed
	err     error       // the first failure
}

// NewConn returns a Conn over nc that owns it and encodes with enc. A peer
// that owes an ack and sends nothing at all for the given silence is given up.
// Writes are bounded by nc itself, and by that silence from each keepalive on.
//
// Whenever events are acked, and when the connection ends, news receives,
// unless it is full.
func NewConn(nc net.Conn, enc *Encoder, silence time.Duration, news chan<- struct{}) *Conn {
	c := &Conn{nc: nc, enc: enc, silence: silence, news: news, ended: make(chan struct{})}
	c.timer = time.AfterFunc(silence, c.timeout)
	c.timer.Stop()
	go c.read()
	return c
}

// LeaveIf makes c give up a peer that sends keepalives, but has acked nothing for the silence, if
// wanted reports that this is to be. It is asked by the goroutine that reads, at each
// keepalive from then on, while others of its methods may be called, and must not call those of c.
func (c *Conn) LeaveIf(wanted func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave = wanted
}

// Send writes events as one window behind those under way. It returns when the
// window is written; the acks come later. After an error the connection is
// closed. When ctx is done before, the error is ctx.Err().
func (c *Conn) Send(ctx context.Context, events [][]byte) error {
	if err := c.Err(); err != nil || len(events) == 0 {
		return err
	}
	window, err := c.enc.Encode(events)
	if err != nil {
		return err
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.fail(ctx.Err()) })
		defer stop()
	}
	c.begin(len(events))
	n, err := c.nc.Write(window)
	if err != nil {
		c.hearOut(err)
	}
	return c.written(n, err)
}

// begin puts a window of n events behind those under way.
func (c *Conn) begin(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.windows) == 0 {
		c.fresh, c.moved = true, time.Now()
	}
	c.windows = append(c.windows, uint32(n)) //nolint:gosec // a window is at most a few thousand
	c.writing, c.early = true, 0
}

// written notes that n bytes of the last window are written, which are all unless
// err says why not.
func (c *Conn) written(n int, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.takeBack(n)
		return c.err
	}
	c.writing = false
	if c.due.IsZero() {
		c.listen()
	}
	return c.err
}

// takeBack forgets what was acked of the last window, of which n bytes are written
// and the rest never will be: the peer cannot have all that it said it has. The lock
// is held.
func (c *Conn) takeBack(n int) {
	c.acked -= c.early
	switch {
	case c.early > 0 && (n == 0 || len(c.windows) == 0): // of nothing, or all of it
		if closedByPeer(c.err) {
			c.err = fmt.Errorf("%w: ack of a window before it was written", ErrProtocol)
		}
	case n == 0 && len(c.windows) > 0:
		c.windows = c.windows[:len(c.windows)-1] // the peer has not seen it
	case c.early > 0:
		c.part = 0
	}
}

// hearOut closes the connection after a failed write. A peer that has closed
// it may have acked or answered something before, which the reader then finds.
func (c *Conn) hearOut(err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
		}
	}
	c.fail(err)
}

// read takes acks until the connection ends.
func (c *Conn) read() {
	defer close(c.ended)
	var frame [AckLen]byte
	r := bufio.NewReaderSize(c.nc, 128)
	for {
		seq, err := ReadAck(r, frame[:])
		if err == nil {
			err = c.ack(seq)
		}
		if err != nil {
			c.fail(err)
			return
		}
		if seq > 0 {
			c.tell()
		}
	}
}

// ack notes an ack of the first window under way. An ack of no more than is
// acked already says that the peer is alive.
func (c *Conn) ack(seq uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return c.err
	case seq > 0 && len(c.windows) == 0:
		return fmt.Errorf("%w: ack of %d while none is due", ErrProtocol, seq)
	case seq > 0 && seq > c.windows[0]:
		return fmt.Errorf("%w: ack of %d for a window of %d", ErrProtocol, seq, c.windows[0])
	case seq > 0 && seq < c.part:
		return fmt.Errorf("%w: ack of %d after one of %d", ErrProtocol, seq, c.part)
	case seq > c.part:
		c.acked += int(seq - c.part)
		if c.writing && len(c.windows) == 1 {
			c.early += int(seq - c.part)
		}
		c.part, c.worked, c.fresh, c.moved = seq, true, false, time.Now()
		if seq == c.windows[0] {
			c.part = 0
			c.windows = c.windows[:copy(c.windows, c.windows[1:])]
		}
	case len(c.windows) > 0 && c.leave != nil && time.Since(c.moved) >= c.silence && c.leave():
		return fmt.Errorf("no ack for %v, but keepalives, and other connections wait for it: %w", c.silence, os.ErrDeadlineExceeded)
	}
	c.listen()
	if c.writing {
		// A peer that is busy reads nothing for as long as it takes.
		_ = c.nc.SetWriteDeadline(time.Now().Add(c.silence)) // a failure shows in Write
	}
	return nil
}

// listen lets the silence begin anew while an ack of a whole window is owed.
// The lock is held.
func (c *Conn) listen() {
	whole := len(c.windows)
	if c.writing {
		whole--
	}
	if whole <= 0 || c.err != nil {
		c.due = time.Time{}
		c.timer.Stop()
		return
	}
	c.due = time.Now().Add(c.silence)
	c.timer.Reset(c.silence)
}

// timeout gives up a peer that was silent for too long.
func (c *Conn) timeout() {
	c.mu.Lock()
	late := !c.due.IsZero() && !time.Now().Before(c.due) // otherwise an ack came just now
	c.mu.Unlock()
	if late {
		c.fail(fmt.Errorf("no ack and no keepalive for %v: %w", c.silence, os.ErrDeadlineExceeded))
	}
}

// fail keeps the first error and closes the connection. It does not wait for
// the reader, which calls it too.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
		c.listen()
	}
	c.mu.Unlock()
	if first {
		_ = c.nc.Close() // the connection has failed already, and err says why
	}
	c.tell()
}

func (c *Conn) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// Acked returns how many events were acked since the last call, over all
// windows in their order. Once Err has told of the end none is added.
func (c *Conn) Acked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.acked
	c.acked = 0
	return n
}

// Idle reports whether all that was sent is acked.
func (c *Conn) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.windows) == 0
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

// Fate says in which state of things the peer closed a connection.
type Fate int

// The fates of a connection.
const (
	// Broken is every end that is none of the others, and no end at all.
	Broken Fate = iota
	// Stale is a connection that had worked, and that the peer closed while it
	// was idle or without an ack since. The Beats input closes idle
	// connections, and a window may be on its way just then.
	Stale
	// Died is a connection that the peer closed after it had been given the
	// beginning of a window, or all of it, without an ack of any of it.
	Died
)

// Fate returns how the connection has ended.
func (c *Conn) Fate() Fate {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !closedByPeer(c.err):
		return Broken
	case c.worked && (c.fresh || len(c.windows) == 0):
		return Stale
	case len(c.windows) > 0 && c.part == 0:
		return Died
	}
	return Broken
}

// closedByPeer reports whether err is how a connection ends that the peer has
// closed, be it in the middle of an ack.
func closedByPeer(err error) bool {
	switch {
	case err == nil, errors.Is(err, ErrProtocol), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, os.ErrClosed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return true
}

// Close closes the connection and returns when the reader has ended. A Send
// under way fails.
func (c *Conn) Close() {
	c.fail(os.ErrClosed)
	<-c.ended
}
