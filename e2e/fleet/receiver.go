package main

import (
	"bufio"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

// turn is how many events of a window go through the gate before those of other
// connections do.
const turn = 16

// receiver takes windows as the Beats input of Logstash does, as fast as its gate
// lets the events through, which all of its connections share. It acks a window
// when all of its events are through, and sends acks of 0 until then. Killed, it
// takes no more of the windows that it has begun with.
type receiver struct {
	door      *door
	gate      gate
	keepalive time.Duration
	enter     func(conn int, events [][]byte)
	wg        sync.WaitGroup

	mu    sync.Mutex
	calls []*call
}

// call is what is known of a connection.
type call struct {
	receiver int
	sender   int       // -1 until an event has come
	came     time.Time // when it was made
	first    time.Time // when the first event was through, zero if none was
	ended    time.Time // zero if it has not
	broken   bool      // with something under way, or as nobody wanted
	caused   bool      // an outage may have broken it
}

// openReceiver starts a receiver on addr, where port 0 picks one.
func openReceiver(addr string, capacity float64, keepalive time.Duration, enter func(conn int, events [][]byte)) (*receiver, error) {
	d, err := openDoor(addr)
	if err != nil {
		return nil, err
	}
	r := &receiver{door: d, keepalive: keepalive, enter: enter}
	r.gate.set(capacity)
	r.wg.Go(r.accept)
	return r, nil
}

func (r *receiver) addr() string { return r.door.Addr().String() }

// kill ends the receiver as a crash would.
func (r *receiver) kill() error {
	r.door.shut()
	return nil
}

// restart starts it again, with a gate at which nobody waits.
func (r *receiver) restart(capacity float64) error {
	r.gate.clear()
	r.gate.set(capacity)
	return r.door.open()
}

// close ends it for good.
func (r *receiver) close() {
	_ = r.door.Close() // never fails
	r.wg.Wait()
}

func (r *receiver) accept() {
	for {
		conn, err := r.door.Accept()
		if err != nil {
			return // it is closed
		}
		g, ok := conn.(*guest)
		if !ok {
			return // never: what comes through a door is a guest
		}
		c := &call{sender: -1, came: g.came}
		r.mu.Lock()
		r.calls = append(r.calls, c)
		number := len(r.calls)
		r.mu.Unlock()
		r.wg.Go(func() {
			clean := r.serve(g, c, number)
			_ = g.Close() // never fails
			r.mu.Lock()
			defer r.mu.Unlock()
			if c.ended.IsZero() {
				c.ended = time.Now()
			}
			c.broken = c.broken || g.shown || !clean
			c.caused = c.caused || g.shown
		})
	}
}

// serve takes windows until the connection ends, and reports whether it ended with
// nothing under way.
func (r *receiver) serve(g *guest, c *call, number int) (clean bool) {
	in := bufio.NewReaderSize(g, 16<<10)
	for {
		if _, err := in.Peek(1); err != nil {
			return true
		}
		events, highest, err := lstest.ReadWindow(in)
		if err != nil || !r.take(g, c, number, events) {
			return false
		}
		if _, err := g.Write(lumber.AppendAck(nil, highest)); err != nil {
			return false
		}
	}
}

// take lets the events of a window through, and reports whether all are.
func (r *receiver) take(g *guest, c *call, number int, events [][]byte) bool {
	beat := time.Now().Add(r.keepalive)
	for len(events) > 0 {
		n := min(turn, len(events))
		place := r.gate.come(n)
		for {
			through, there := r.gate.wait(place, beat, g.gone)
			if !there {
				return false
			}
			if through {
				break
			}
			beat = time.Now().Add(r.keepalive)
			if _, err := g.Write(lumber.AppendAck(nil, 0)); err != nil {
				return false
			}
		}
		select {
		case <-g.gone:
			return false
		default:
		}
		r.enter(number, events[:n])
		r.note(c, events[0])
		events = events[n:]
	}
	return true
}

// note puts down the first event of a connection.
func (r *receiver) note(c *call, event []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.first.IsZero() {
		c.sender, _ = numbersOf(event)
		c.first = time.Now()
	}
}

// cut notes that the connections of some senders are broken, which the receiver
// itself may never learn. Whose a connection is that has brought no event yet is not known.
func (r *receiver) cut(of func(sender int) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if !c.ended.IsZero() {
			continue
		}
		c.caused = c.sender < 0 || of(c.sender)
		if of(c.sender) {
			c.broken, c.ended = true, time.Now()
		}
	}
}

// all returns what is known of all connections.
func (r *receiver) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := make([]call, len(r.calls))
	for i, c := range r.calls {
		calls[i] = *c
	}
	return calls
}
