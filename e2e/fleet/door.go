package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// door is a listener that can be shut and opened again on the same address, as
// that of a server that is killed and restarted. It remembers who came.
type door struct {
	addr string

	mu     sync.Mutex
	inner  net.Listener // nil while it is shut
	opened chan struct{}
	closed bool
	guests map[*guest]struct{}
	came   []time.Time
}

// guest is a connection that came through a door.
type guest struct {
	net.Conn
	door *door
	came time.Time
	gone chan struct{} // closed when it has ended

	once  sync.Once
	shown bool // the door was shut behind it; to be read after gone
}

// openDoor listens on addr, where port 0 picks one that stays.
func openDoor(addr string) (*door, error) {
	d := &door{addr: addr, opened: make(chan struct{}), guests: make(map[*guest]struct{})}
	if err := d.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// open opens a door that is shut.
func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", d.addr)
	if err != nil {
		return err
	}
	d.inner, d.addr = ln, ln.Addr().String()
	close(d.opened)
	return nil
}

// shut closes the door and resets the connections of all who came through it.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != nil {
		_ = d.inner.Close() // nobody listens any more, whatever it says
		d.inner = nil
		d.opened = make(chan struct{})
	}
	for g := range d.guests {
		g.end(true)
	}
}

// Accept returns the next connection. It waits while the door is shut.
func (d *door) Accept() (net.Conn, error) {
	for {
		d.mu.Lock()
		ln, opened, closed := d.inner, d.opened, d.closed
		d.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case ln == nil:
			<-opened
			continue
		}
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if g := d.admit(ln, conn); g != nil {
			return g, nil
		}
	}
}

// admit lets a connection in, or returns nil if the door has been shut meanwhile.
func (d *door) admit(ln net.Listener, conn net.Conn) *guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != ln {
		reset(conn)
		return nil
	}
	g := &guest{Conn: conn, door: d, came: time.Now(), gone: make(chan struct{})}
	d.guests[g] = struct{}{}
	d.came = append(d.came, g.came)
	return g
}

// Addr returns the address of the door, open or shut.
func (d *door) Addr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", d.addr) // of numbers
	if err != nil {
		return nil
	}
	return addr
}

// Close shuts the door for good.
func (d *door) Close() error {
	d.shut()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.opened)
	}
	return nil
}

// arrivals returns when connections came.
func (d *door) arrivals() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Time(nil), d.came...)
}

// Close ends the connection.
func (g *guest) Close() error {
	g.end(false)
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	delete(g.door.guests, g)
	return nil
}

// end ends the connection: shown the door, it is reset.
func (g *guest) end(shown bool) {
	g.once.Do(func() {
		g.shown = shown
		close(g.gone)
		if shown {
			reset(g.Conn)
			return
		}
		_ = g.Conn.Close() // it has ended, whatever it says
	})
}

// reset ends a connection as the death of its process does.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails if it has ended
	}
	_ = conn.Close()
}
