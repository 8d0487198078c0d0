package logstash

import (
	"errors"
	"net"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// guardedConn is a connection of a dialer that may be the user's. What it panics
// with becomes an error: it is called by goroutines of net/http and of timers, too,
// where nobody else could see to that.
type guardedConn struct{ net.Conn }

// guard makes an error of a panic.
func guard(err *error) {
	if v := recover(); v != nil {
		*err = errors.New("connection of DialContext panicked: " + panics.Text(v))
	}
}

// Read reads from the connection.
func (c *guardedConn) Read(p []byte) (n int, err error) {
	defer guard(&err)
	return c.Conn.Read(p)
}

// Write writes to the connection.
func (c *guardedConn) Write(p []byte) (n int, err error) {
	defer guard(&err)
	return c.Conn.Write(p)
}

// CloseWrite ends what is written, if the connection can do that alone.
func (c *guardedConn) CloseWrite() (err error) {
	defer guard(&err)
	return closeWrite(c.Conn)
}

// Close closes the connection.
func (c *guardedConn) Close() (err error) {
	defer guard(&err)
	return c.Conn.Close()
}

// SetDeadline bounds reads and writes.
func (c *guardedConn) SetDeadline(t time.Time) (err error) {
	defer guard(&err)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline bounds reads.
func (c *guardedConn) SetReadDeadline(t time.Time) (err error) {
	defer guard(&err)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline bounds writes.
func (c *guardedConn) SetWriteDeadline(t time.Time) (err error) {
	defer guard(&err)
	return c.Conn.SetWriteDeadline(t)
}
