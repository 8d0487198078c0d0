package lstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// server is what both receivers are: a listener with its connections, which
// can be killed and restarted on the same address.
type server struct {
	serve func(c *conn) // reads one connection to its end

	wg   sync.WaitGroup
	cut  atomic.Int64 // one more than the bytes left to read before a reset; 0 when there is none
	addr string

	mu     sync.Mutex
	ln     net.Listener // nil while the server is down
	conns  map[*conn]struct{}
	opened int
	paused chan struct{} // closed when reading goes on; nil when it is not paused
}

// conn is one connection of a server, numbered from 1.
type conn struct {
	*net.TCPConn
	srv    *server
	number int
	gone   chan struct{} // closed when the connection ends
}

// start listens on addr, where port 0 picks one that Restart then keeps.
func (s *server) start(addr string) error {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("lstest: listen: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return errors.Join(fmt.Errorf("lstest: %s is running already", s.addr), ln.Close())
	}
	s.ln, s.addr = ln, ln.Addr().String()
	s.conns = make(map[*conn]struct{})
	s.wg.Go(func() { s.accept(ln) })
	return nil
}

func (s *server) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return // the listener is closed
		}
		tcp, ok := nc.(*net.TCPConn)
		if !ok {
			panic("lstest: a TCP listener gave another connection")
		}
		s.mu.Lock()
		if s.ln != ln {
			s.mu.Unlock()
			reset(tcp)
			return
		}
		s.opened++
		c := &conn{TCPConn: tcp, srv: s, number: s.opened, gone: make(chan struct{})}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			defer s.forget(c)
			s.serve(c)
		})
	}
}

func (s *server) forget(c *conn) {
	_ = c.Close() // it is over either way
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Read reads as the server was told: not at all while it is paused, and no
// further than CutAfter allows.
func (c *conn) Read(p []byte) (int, error) {
	c.srv.mu.Lock()
	paused := c.srv.paused
	c.srv.mu.Unlock()
	if paused != nil {
		select {
		case <-paused:
		case <-c.gone:
		}
	}
	n, err := c.TCPConn.Read(p)
	cut := c.srv.cut.Load()
	if cut == 0 {
		return n, err
	}
	if left := cut - 1; int64(n) >= left {
		c.srv.cut.Store(0)
		reset(c.TCPConn)
		return int(left), io.ErrUnexpectedEOF
	}
	c.srv.cut.Add(int64(-n))
	return n, err
}

// reset closes nc with an RST, as a dying process or an idle Beats input does.
func reset(nc *net.TCPConn) {
	_ = nc.SetLinger(0) // a connection that is gone already needs no reset
	_ = nc.Close()
}

// Addr returns the address the server listens on, or did before it was killed.
func (s *server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Connections returns how many connections were accepted so far.
func (s *server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Kill stops the server as a crash would: the listener is closed, every
// connection is reset, and what was not read from them is gone. It returns
// when nothing of the server runs any more. What it has received stays known.
func (s *server) Kill() {
	s.mu.Lock()
	if s.ln != nil {
		_ = s.ln.Close() // only a listener that is closed already fails here
		s.ln = nil
	}
	s.mu.Unlock()
	s.ResetConns()
	s.wg.Wait()
}

// ResetConns resets every connection and goes on listening.
func (s *server) ResetConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.end(reset)
	}
}

// CloseConns closes every connection in the orderly way, with a FIN, and goes
// on listening.
func (s *server) CloseConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.end(func(nc *net.TCPConn) { _ = nc.Close() })
	}
}

// end closes the connection once; the server's lock is held.
func (c *conn) end(how func(*net.TCPConn)) {
	select {
	case <-c.gone:
	default:
		close(c.gone)
		how(c.TCPConn)
	}
}

// Restart listens on the same address again after Kill.
func (s *server) Restart() error { return s.start(s.Addr()) }

// Close is Kill, for callers that want an io.Closer. The error is always nil.
func (s *server) Close() error {
	s.Kill()
	return nil
}

// CutAfter resets the connection on which the n-th further byte is read. What
// was read up to there counts as received. It happens once.
func (s *server) CutAfter(n int64) { s.cut.Store(n + 1) }

// StopReading makes the server accept connections but read nothing, until
// resume is called.
func (s *server) StopReading() (resume func()) {
	paused := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = paused
	return sync.OnceFunc(func() {
		s.mu.Lock()
		if s.paused == paused {
			s.paused = nil
		}
		s.mu.Unlock()
		close(paused)
	})
}
