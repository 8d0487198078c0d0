package logstash

import (
	"errors"
	"net"
	"time"
)

// link is a connection to an endpoint, and the turn that it has.
type link struct {
	net.Conn
	*turn
}

// steadyConn is a connection of which every write has to make progress: each
// piece must be taken within the timeout, however long the whole takes.
type steadyConn struct {
	net.Conn
	timeout time.Duration
}

// Write writes p, and fails once the peer has taken nothing for the timeout.
func (c *steadyConn) Write(p []byte) (n int, err error) {
	const piece = 64 << 10
	for n < len(p) && err == nil {
		if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return n, err
		}
		var m int
		m, err = c.Conn.Write(p[n:min(n+piece, len(p))])
		n += m
	}
	return n, err
}

// CloseWrite ends what is written, if the connection can do that alone.
func (c *steadyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
