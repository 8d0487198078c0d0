package logstash_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// touchyConn panics in one of its methods.
type touchyConn struct {
	net.Conn

	method string
}

func (c *touchyConn) call(method string) {
	if c.method == method {
		panic("injected")
	}
}

func (c *touchyConn) Read(p []byte) (int, error) {
	c.call("Read")
	return c.Conn.Read(p)
}

func (c *touchyConn) Write(p []byte) (int, error) {
	c.call("Write")
	return c.Conn.Write(p)
}

func (c *touchyConn) Close() error {
	_ = c.Conn.Close()
	c.call("Close")
	return nil
}

func (c *touchyConn) CloseWrite() error {
	c.call("CloseWrite")
	return nil
}

func (c *touchyConn) SetWriteDeadline(t time.Time) error {
	c.call("SetWriteDeadline")
	return c.Conn.SetWriteDeadline(t)
}

// Whatever a connection of the user's panics in, on whatever goroutine, the program
// goes on, and so does the shipping over the next connection.
func TestConnPanics(t *testing.T) {
	testlog.CheckGoroutines(t)
	receivers := map[string]func() (addr string, kill func()){
		"beats": func() (string, func()) { s := listenBeats(t, nil); return s.Addr(), s.Kill },
		"tcp":   func() (string, func()) { s := listenTCP(t); return s.Addr(), s.Kill },
		"http":  func() (string, func()) { s := listenHTTP(t, "127.0.0.1:0", nil); return s.Addr(), s.Kill },
	}
	for scheme, listen := range receivers {
		for _, method := range []string{"Read", "Write", "Close", "CloseWrite", "SetWriteDeadline"} {
			addr, kill := listen()
			var dials atomic.Int64
			s := dialShipper(t, scheme+"://"+addr, logstash.DialOptions{
				KeepAlive: map[string]time.Duration{"tcp": time.Millisecond}[scheme],
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, network, addr)
					if err == nil && dials.Add(1) == 1 {
						conn = &touchyConn{conn, method}
					}
					return conn, err
				},
			})
			writeEvents(t, s, 0, 10)
			if err := s.Flush(within(t)); err != nil {
				t.Errorf("%s: %s panics: Flush: %v", scheme, method, err)
			}
			if st := checkAccounts(t, s); st.Written != 10 {
				t.Errorf("%s: %s panics: written %d, want 10", scheme, method, st.Written)
			}
			if err := s.Close(); err != nil {
				t.Errorf("%s: %s panics: Close: %v", scheme, method, err)
			}
			kill()
		}
	}
}
