package lstest

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// conn is one connection of a server, numbered from 1.
type conn struct {
	net.Conn          // what is read and written, behind TLS where there is TLS
	raw      net.Conn // what is reset
	srv      *server
	number   int
	idle     time.Duration // how long reading may wait, 0 for ever

	once sync.Once
	gone chan struct{} // closed when the connection ends
	how  End           // that it ended; to be read after gone
}

func newConn(s *server, raw net.Conn, number int) *conn {
	c := &conn{Conn: raw, raw: raw, srv: s, number: number, gone: make(chan struct{})}
	if s.opts.tls != nil {
		c.Conn = tls.Server(raw, s.opts.tls)
	}
	return c
}

// Read reads as the server was told: not at all while it is paused, at its
// rate, and no further than CutAfter allows.
func (c *conn) Read(p []byte) (int, error) {
	paused, rate := c.srv.pace()
	if paused != nil {
		select {
		case <-paused:
		case <-c.gone:
		}
	}
	if rate > 0 {
		p = p[:min(len(p), rate/100+1)]
	}
	if c.idle > 0 {
		_ = c.SetReadDeadline(time.Now().Add(c.idle)) // fails as the Read will
	}
	n, err := c.Conn.Read(p)
	n, cut := c.srv.spend(n)
	if cut {
		c.end(RST)
		return n, errCut
	}
	if rate > 0 && n > 0 {
		c.sleep(time.Duration(n) * time.Second / time.Duration(rate))
	}
	return n, err
}

// sleep waits for d and reports whether the connection is still there.
func (c *conn) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.gone:
		return false
	}
}

// end ends the connection, once.
func (c *conn) end(how End) {
	c.once.Do(func() {
		c.how = how
		close(c.gone)
		if how == FIN {
			_ = c.Close() // says goodbye, where there is TLS
		}
		end(c.raw, how)
	})
}

// end ends nc. An error says that it has ended already.
func end(nc net.Conn, how End) {
	if tcp, ok := nc.(*net.TCPConn); ok && how == RST {
		_ = tcp.SetLinger(0)
	}
	_ = nc.Close()
}
