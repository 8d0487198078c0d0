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

// briefLife is how long a connection must last for its end to be no failure:
// a proxy without a backend takes connections only to close them.
const briefLife = time.Second

// tcp carries events as JSON lines. Nothing is acked: a batch is done when
// the kernel has taken all of it.
type tcp struct {
	*endpoints
	buf  []byte    // the batch as lines
	conn *lineConn // nil when there is none
}

// Send writes events as lines, over a new connection where the last one has
// ended.
func (t *tcp) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if t.conn != nil && t.conn.ended() != nil {
		err, brief := t.conn.ended(), t.conn.brief()
		t.drop()
		if brief {
			return 0, &dialError{fmt.Errorf("logstash: connection closed just after it was made: %w", err)}
		}
	}
	if t.conn == nil {
		nc, err := t.connect(ctx)
		if err != nil {
			return 0, err
		}
		t.conn = newLineConn(nc)
	}
	t.buf = t.buf[:0]
	for _, event := range events {
		t.buf = append(append(t.buf, event...), '\n')
	}
	conn := t.conn
	stop := context.AfterFunc(ctx, func() { conn.fail(ctx.Err()) })
	defer stop()
	if err := conn.write(t.buf); err != nil {
		err = fmt.Errorf("logstash: send %d events to %s: %w", len(events), t.addrs[t.next], err)
		t.drop()
		return 0, err
	}
	return len(events), nil
}

// drop forgets the connection, whatever was written of the last line.
func (t *tcp) drop() {
	t.conn.close()
	t.lost(!t.conn.brief())
	t.conn = nil
}

// Close closes the connection. The kernel goes on sending what it has taken.
func (t *tcp) Close() error {
	if t.conn != nil {
		t.drop()
	}
	return nil
}

// lineConn is a connection on which the peer has nothing to say. One goroutine
// reads from it all the same, because only a reader learns that the peer has
// closed; close ends it.
type lineConn struct {
	nc    net.Conn
	since time.Time
	done  chan struct{} // closed when the reader has ended

	mu   sync.Mutex
	err  error         // the first failure
	life time.Duration // until then
}

func newLineConn(nc net.Conn) *lineConn {
	c := &lineConn{nc: nc, since: time.Now(), done: make(chan struct{})}
	go c.read()
	return c
}

// read throws away what the peer says until the connection ends.
func (c *lineConn) read() {
	defer close(c.done)
	_, err := io.Copy(io.Discard, c.nc)
	if err == nil {
		err = io.EOF
	}
	c.fail(err)
}

// write writes whole lines. A connection that ended meanwhile has lost some of
// them, even if the kernel took them all.
func (c *lineConn) write(lines []byte) error {
	if _, err := c.nc.Write(lines); err != nil {
		c.fail(err)
	}
	return c.ended()
}

// fail keeps the first error and closes the connection.
func (c *lineConn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err, c.life = err, time.Since(c.since)
		_ = c.nc.Close() // err says all there is to say
	}
}

// ended returns why the connection has ended, nil while it has not.
func (c *lineConn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// brief reports whether the connection that ended was hardly there.
func (c *lineConn) brief() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life < briefLife
}

// close closes the connection and returns when the reader has ended.
func (c *lineConn) close() {
	c.fail(errors.New("closed"))
	<-c.done
}
