package lstest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ProxyOptions are options for [ListenProxy]. A zero ProxyOptions consists
// entirely of default values.
type ProxyOptions struct {
	// Script returns what is to happen to a connection, given its number,
	// counted from 1; [Chaos] makes one. Nil lets nothing happen.
	Script func(conn int) Fault

	// Dial connects to the backend. Nil dials TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Proxy passes connections on to a backend, and does to them what its script
// says. Killed, it refuses them.
//
// It starts one goroutine that accepts, and a few per connection; Kill and
// Close end them.
type Proxy struct {
	server
	backend string
	opts    ProxyOptions

	mu     sync.Mutex
	script func(conn int) Fault
	stats  ProxyStats
}

// ProxyStats is what a [Proxy] has done so far.
type ProxyStats struct {
	// Passed counts the connections that reached the backend.
	Passed int
	// Refused counts those that were ended at once as the script said.
	Refused int
	// Unreachable counts those for which the backend could not be reached.
	Unreachable int
	// Cut counts those that the proxy ended as the script said.
	Cut int
	// Stalled counts the stalls, those under way included.
	Stalled int
	// Up and Down count the bytes passed on to the backend and back.
	Up, Down int64
}

// ListenProxy starts a proxy on addr, where port 0 picks a free port, for the
// backend at that address.
func ListenProxy(addr, backend string, opts *ProxyOptions) (*Proxy, error) {
	p := newProxy("tcp", backend, opts)
	if err := p.start(addr); err != nil {
		return nil, err
	}
	return p, nil
}

// NewProxy returns a proxy that only has the connections its Dial makes.
func NewProxy(backend string, opts *ProxyOptions) *Proxy {
	p := newProxy("", backend, opts)
	_ = p.start("") // nothing is there that could fail
	return p
}

func newProxy(network, backend string, opts *ProxyOptions) *Proxy {
	p := &Proxy{backend: backend}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.Dial == nil {
		p.opts.Dial = new(net.Dialer).DialContext
	}
	p.SetScript(p.opts.Script)
	p.server.opts = serverOptions{network: network}
	p.serve = p.pass
	return p
}

// SetScript gives the connections that come from now on another script.
func (p *Proxy) SetScript(script func(conn int) Fault) {
	if script == nil {
		script = func(int) Fault { return Fault{} }
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = script
}

// Stats returns what the proxy has done so far.
func (p *Proxy) Stats() ProxyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

func (p *Proxy) note(change func(s *ProxyStats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}

// pass connects c to the backend until one of them ends.
func (p *Proxy) pass(c *conn) {
	p.mu.Lock()
	script := p.script
	p.mu.Unlock()
	fault := script(c.number)
	if fault.Refuse {
		p.note(func(s *ProxyStats) { s.Refused++ })
		c.end(fault.End)
		return
	}
	backend, err := p.dial(c)
	if err != nil {
		p.note(func(s *ProxyStats) { s.Unreachable++ })
		c.end(RST)
		return
	}
	p.note(func(s *ProxyStats) { s.Passed++ })
	l := &link{proxy: p, client: c, backend: backend}
	var wg sync.WaitGroup
	wg.Go(func() {
		<-c.gone
		end(backend, c.how)
	})
	wg.Go(func() {
		l.carry(backend, c, fault.Up, fault.End, func(s *ProxyStats, n int) { s.Up += int64(n) })
	})
	l.carry(c, backend, fault.Down, fault.End, func(s *ProxyStats, n int) { s.Down += int64(n) })
	wg.Wait()
}

// dial connects to the backend unless the client goes away meanwhile.
func (p *Proxy) dial(c *conn) (net.Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-c.gone:
			cancel()
		case <-done:
		}
	}()
	return p.opts.Dial(ctx, "tcp", p.backend)
}

// link is one connection of a client with that to the backend, which ends as
// that of the client does.
type link struct {
	proxy   *Proxy
	client  *conn
	backend net.Conn
	halves  atomic.Int32 // how many directions have ended with a FIN
}

// carry passes bytes on, with the faults of the way, until there are no more.
func (l *link) carry(to, from net.Conn, way Way, how End, count func(s *ProxyStats, n int)) {
	buf := make([]byte, 32<<10)
	var passed int64
	stalled := way.For == 0
	for {
		if !stalled && passed == way.Stall {
			stalled = true
			if !l.stall(way.For) {
				return
			}
		}
		if way.Cut > 0 && passed == way.Cut {
			l.proxy.note(func(s *ProxyStats) { s.Cut++ })
			l.client.end(how)
			return
		}
		n, err := from.Read(buf[:way.room(passed, stalled, len(buf))])
		if way.Delay > 0 && n > 0 && !l.client.sleep(way.Delay) {
			return
		}
		if _, failed := to.Write(buf[:n]); failed != nil {
			err = failed
		}
		if err != nil {
			l.finish(to, err)
			return
		}
		passed += int64(n)
		l.proxy.note(func(s *ProxyStats) { count(s, n) })
	}
}

// room returns how many bytes there are before the next fault, limit at most.
func (w Way) room(passed int64, stalled bool, limit int) int64 {
	room := int64(limit)
	if !stalled {
		room = min(room, w.Stall-passed)
	}
	if w.Cut > 0 {
		room = min(room, w.Cut-passed)
	}
	return room
}

// stall waits for d and reports whether the connection is still there.
func (l *link) stall(d time.Duration) bool {
	l.proxy.note(func(s *ProxyStats) { s.Stalled++ })
	if d < 0 {
		<-l.client.gone
		return false
	}
	return l.client.sleep(d)
}

// finish passes on the end of one direction: a FIN leaves the other one open.
func (l *link) finish(to net.Conn, err error) {
	if !errors.Is(err, io.EOF) {
		l.client.end(RST)
		return
	}
	if c, ok := to.(*conn); ok {
		to = c.Conn
	}
	half, ok := to.(interface{ CloseWrite() error })
	if l.halves.Add(1) == 2 || !ok {
		l.client.end(FIN)
		return
	}
	_ = half.CloseWrite() // fails as the other direction will
}
