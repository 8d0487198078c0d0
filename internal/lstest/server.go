package lstest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// End is a way to end a connection.
type End int

const (
	// RST resets a connection, as a process that dies and the idle Beats input
	// do: what is under way is thrown away. Where there are no resets, on unix
	// sockets and in memory, it is a FIN.
	RST End = iota
	// FIN closes a connection in the orderly way.
	FIN
)

// server is what every receiver of connections is: perhaps a listener, and the
// connections, which can be ended, and all of it killed and restarted on the
// same address.
type server struct {
	serve func(c *conn) // reads one connection to its end
	opts  serverOptions

	wg sync.WaitGroup

	mu     sync.Mutex
	up     bool
	addr   string
	ln     net.Listener // nil while the server is down, or takes only what Dial makes
	conns  map[*conn]struct{}
	opened int
	paused chan struct{} // closed when reading goes on; nil when it is not paused
	rate   int           // of reading, in bytes per second; 0 for any
	cut    int64         // one more than the bytes left to read before a reset; 0 for none
	away   int           // how many connections are yet to be turned away
	how    End           // that they end
}

// serverOptions are what the options of all servers have in common.
type serverOptions struct {
	network    string      // "tcp" or "unix"; "" for no listener
	tls        *tls.Config // nil for none
	readBuffer int         // of the kernel, in bytes; 0 for its own choice
}

// start listens on addr, where port 0 picks one that Restart then keeps, or
// only begins to take what Dial makes.
func (s *server) start(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up {
		return fmt.Errorf("lstest: %s is running already", s.addr)
	}
	s.conns = make(map[*conn]struct{})
	if s.opts.network != "" {
		ln, err := s.listen(addr)
		if err != nil {
			return fmt.Errorf("lstest: listen: %w", err)
		}
		s.ln, s.addr = ln, ln.Addr().String()
		s.wg.Go(func() { s.accept(ln) })
	}
	s.up = true
	return nil
}

func (s *server) listen(addr string) (net.Listener, error) {
	if s.opts.network == "unix" {
		if err := removeSocket(addr); err != nil {
			return nil, err
		}
	}
	var ln net.Listener
	err := listenOn(addr, func(addr string) (err error) {
		ln, err = new(net.ListenConfig).Listen(context.Background(), s.opts.network, addr)
		return err
	})
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // nobody cleans up after a process that is killed
	}
	return ln, err
}

// removeSocket removes the socket that a killed server has left, and nothing
// else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return nil //nolint:nilerr // listening says what is wrong with the path
	}
	return os.Remove(path)
}

func (s *server) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return // the listener is closed
		}
		if b, ok := nc.(interface{ SetReadBuffer(n int) error }); ok && s.opts.readBuffer > 0 {
			_ = b.SetReadBuffer(s.opts.readBuffer) // fails only if the connection has ended
		}
		s.mu.Lock()
		if s.ln == ln {
			s.admit(nc)
		} else {
			end(nc, RST)
		}
		s.mu.Unlock()
	}
}

// admit serves nc, or turns it away. The lock is held.
func (s *server) admit(nc net.Conn) {
	s.opened++
	if s.away > 0 {
		s.away--
		end(nc, s.how)
		return
	}
	c := newConn(s, nc, s.opened)
	s.conns[c] = struct{}{}
	s.wg.Go(func() {
		defer s.forget(c)
		s.serve(c)
	})
}

func (s *server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.end(FIN) // unless it has ended already
	delete(s.conns, c)
}

// Dial makes a connection in memory. It has the form of a DialContext, and is
// for tests in a bubble of testing/synctest, where the network is not to be
// had; what it is given is ignored.
func (s *server) Dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
	}
	theirs, ours := net.Pipe()
	s.admit(ours)
	return theirs, nil
}

// Addr returns the address the server listens on, or did before it was killed.
func (s *server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Connections returns how many connections were accepted so far, those turned
// away included.
func (s *server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Kill stops the server as a crash would: nobody listens any more, every
// connection is reset, and what was not read from them is gone. It returns
// when nothing of the server runs any more. What it has received stays known.
func (s *server) Kill() {
	s.mu.Lock()
	s.up = false
	if s.ln != nil {
		_ = s.ln.Close() // only a listener that is closed already fails here
		s.ln = nil
	}
	s.mu.Unlock()
	s.ResetConns()
	s.wg.Wait()
}

// Restart listens on the same address again after Kill.
func (s *server) Restart() error { return s.start(s.Addr()) }

// Close is Kill, and removes what Kill leaves: a unix socket.
func (s *server) Close() error {
	s.Kill()
	if s.opts.network == "unix" {
		return removeSocket(s.Addr())
	}
	return nil
}

// ResetConns resets every connection and goes on listening.
func (s *server) ResetConns() { s.endConns(RST) }

// CloseConns closes every connection with a FIN and goes on listening.
func (s *server) CloseConns() { s.endConns(FIN) }

func (s *server) endConns(how End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.end(how)
	}
}

// TurnAway accepts the next n connections only to end them at once, as a proxy
// does that has lost its backend.
func (s *server) TurnAway(n int, how End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.how = n, how
}

// CutAfter resets the connection on which the n-th further byte is read. What
// was read up to there counts as received. It happens once.
func (s *server) CutAfter(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = n + 1
}

// spend takes n bytes that were read off what CutAfter allows. It returns how
// many of them count, and whether the connection is to be cut behind them.
func (s *server) spend(n int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch left := s.cut - 1; {
	case left < 0:
		return n, false
	case left <= int64(n):
		s.cut = 0
		return int(left), true
	}
	s.cut -= int64(n)
	return n, false
}

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

// ReadRate makes the server read each connection at no more than so many bytes
// per second. 0 restores full speed.
func (s *server) ReadRate(bytesPerSecond int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = max(bytesPerSecond, 0)
}

// pace returns what keeps reading back, and the rate it is to have.
func (s *server) pace() (paused <-chan struct{}, rate int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused, s.rate
}

// errCut is what a connection that CutAfter has cut ends with.
var errCut = errors.New("cut")
