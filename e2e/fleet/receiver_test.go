package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/lumber"
)

// A gate lets through what it is set to, whoever comes, and keeps no more than its
// slack for later.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.set(1000)
		takes := func(what string, place float64, want time.Duration) {
			t.Helper()
			begin := time.Now()
			if through, there := g.wait(place, time.Time{}, nil); !through || !there {
				t.Errorf("%s: through %v, there %v", what, through, there)
			}
			if took := time.Since(begin); took < want-time.Microsecond || took > want+time.Microsecond {
				t.Errorf("%s: through after %v, want %v", what, took, want)
			}
		}
		var last float64
		for range 10 {
			last = g.come(100)
		}
		takes("a thousand events", last, time.Second)
		<-time.After(time.Hour)
		takes("a hundred after an hour", g.come(100), 100*time.Millisecond-slack)
		last = g.come(100)
		if through, there := g.wait(last, time.Now().Add(50*time.Millisecond), nil); through || !there {
			t.Errorf("half of the time: through %v, there %v, want no and yes", through, there)
		}
		takes("the other half", last, 50*time.Millisecond)
		gone := make(chan struct{})
		close(gone)
		if _, there := g.wait(g.come(100), time.Time{}, gone); there {
			t.Error("somebody is there who has gone")
		}
		g.clear()
		takes("behind the dead", g.come(100), 100*time.Millisecond)
	})
}

// Who waits while the capacity changes goes through with the new one, and nobody beyond it.
func TestGateChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after float64
		want          time.Duration // until all of 2000 are through, of which 500 ms have passed with before
	}{
		"faster": {100, 1000, 500*time.Millisecond + 1950*time.Millisecond},
		"slower": {2000, 200, 500*time.Millisecond + 5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g gate
				g.set(tt.before)
				begin := time.Now()
				first, last := g.come(1000), g.come(1000)
				done := make(chan time.Duration, 2)
				for _, place := range []float64{first, last} {
					go func() {
						g.wait(place, time.Time{}, nil)
						done <- time.Since(begin)
					}()
				}
				<-time.After(500 * time.Millisecond)
				g.set(tt.after)
				half, all := <-done, <-done
				if d := all - tt.want; d < -time.Microsecond || d > time.Microsecond {
					t.Errorf("all are through after %v, want %v", all, tt.want)
				}
				if most := time.Duration(1000 / tt.after * float64(time.Second)); all-half > most+time.Microsecond {
					t.Errorf("the second half took %v, want %v at most", all-half, most)
				}
			})
		})
	}
}

// window returns a window of n events of sender 3, from an id on.
func window(id, n int) []byte {
	b := lumber.AppendWindow(nil, uint32(n))
	for i := range n {
		b = lumber.AppendJSON(b, uint32(i+1), event(3, id+i))
	}
	return b
}

func open(t *testing.T, capacity float64, keepalive time.Duration) (*receiver, *book) {
	t.Helper()
	b := newBook(options{senders: 4, receivers: 1, bytes: eventBytes})
	r, err := openReceiver(freeAddr(t), capacity, keepalive, b.clerk(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r, b
}

// freeAddr returns an address that nobody is given while the receiver is away.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := lstest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func connect(t *testing.T, r *receiver) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// acks reads acks until one is not 0, and returns how many were, and it.
func acks(t *testing.T, r io.Reader) (zeros int, seq uint32) {
	t.Helper()
	for {
		seq, err := lumber.ReadAck(r, make([]byte, lumber.AckLen))
		if err != nil {
			t.Fatal(err)
		}
		if seq > 0 {
			return zeros, seq
		}
		zeros++
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for begun := time.Now(); !so(); <-ticker.C {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// A window is acked when all of its events are through, and not before, with acks of 0
// meanwhile.
func TestReceiverIsAsFastAsItsGate(t *testing.T) {
	r, b := open(t, 60, 50*time.Millisecond)
	conn := connect(t, r)
	begun := time.Now()
	if _, err := conn.Write(slices.Concat(window(0, 80), window(80, 40))); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	zeros, seq := acks(t, in)
	if _, next := acks(t, in); seq != 80 || next != 40 {
		t.Errorf("acks %d and %d, want 80 and 40", seq, next)
	}
	if took, least := time.Since(begun), 2*time.Second-slack; took < least {
		t.Errorf("120 events took %v, want at least %v", took, least)
	}
	if zeros == 0 {
		t.Error("there was no ack of 0 in more than a second, want one each 50 ms")
	}
	if got := b.ledger.UniqueOf(3); got != 120 {
		t.Errorf("%d events arrived, want 120", got)
	}
	senders, receivers := b.totals()
	if senders[3] != 120 || receivers[0] != 120 {
		t.Errorf("the book has %v of the senders and %v of the receivers, want 120", senders, receivers)
	}
}

// A receiver that is killed takes no more of what it has begun with, resets its
// connections, and is there again after a restart.
func TestReceiverKilled(t *testing.T) {
	r, b := open(t, 100, time.Second)
	conn := connect(t, r)
	if _, err := conn.Write(window(0, 1000)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an event arrives", func() bool { return b.ledger.UniqueOf(3) > 0 })
	if err := r.kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection ends", func() bool { return r.all()[0].broken })
	if _, err := lumber.ReadAck(conn, make([]byte, lumber.AckLen)); err == nil {
		t.Error("a window is acked that the receiver did not take")
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.addr()); err == nil {
		_ = c.Close()
		t.Error("a receiver that is dead takes connections")
	}
	arrived := b.ledger.UniqueOf(3)
	if err := r.restart(1e6); err != nil {
		t.Fatal(err)
	}
	again := connect(t, r)
	if _, err := again.Write(window(0, 20)); err != nil {
		t.Fatal(err)
	}
	if _, seq := acks(t, again); seq != 20 {
		t.Errorf("ack %d, want 20", seq)
	}
	if got := b.ledger.UniqueOf(3); got != max(arrived, 20) || arrived == 1000 {
		t.Errorf("%d events arrived in all and %d before the kill, want no more", got, arrived)
	}
	calls := r.all()
	if len(calls) != 2 || calls[0].sender != 3 || !calls[0].broken || calls[1].broken {
		t.Errorf("connections %+v, want one of sender 3 that is broken, and one that is not", calls)
	}
}

// A connection that ends with nothing under way is not broken, one that ends inside a
// window is.
func TestReceiverTellsBreaksFromEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		send   []byte
		broken bool
	}{
		"between windows": {window(0, 2), false},
		"in a window":     {window(0, 2)[:20], true},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := open(t, 1e6, time.Second)
			conn := connect(t, r)
			if _, err := conn.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			if !tt.broken {
				acks(t, conn)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the connection ends", func() bool { return len(r.all()) > 0 && !r.all()[0].ended.IsZero() })
			if got := r.all()[0].broken; got != tt.broken {
				t.Errorf("broken: %v, want %v", got, tt.broken)
			}
		})
	}
}

// Who waits at a door that is shut is let in when it opens, and sent away when it is
// closed.
func TestDoor(t *testing.T) {
	d, err := openDoor(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	d.shut()
	accepted := make(chan error, 1)
	accept := func() {
		conn, err := d.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}
	go accept()
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := <-accepted; err != nil {
		t.Errorf("accept: %v", err)
	}
	if got := len(d.arrivals()); got != 1 {
		t.Errorf("%d came, want 1", got)
	}
	go accept()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept at a closed door: %v, want net.ErrClosed", err)
	}
}

// eventBytes is how long the events of these tests are.
const eventBytes = 64

// event returns the event of a number as its sender writes it.
func event(sender, id int) []byte {
	return lstest.AppendEvent(nil, sender, id, message(sender, eventBytes))
}

// A ledger with a hole is a loss.
func TestBookFindsALoss(t *testing.T) {
	b := newBook(options{senders: 1, receivers: 1, bytes: eventBytes})
	enter := b.clerk(0)
	for id := range 10 {
		if id != 4 {
			enter(1, [][]byte{event(0, id)})
		}
	}
	if got := b.ledger.Missing(0, 10); !slices.Equal(got, []int{4}) {
		t.Errorf("missing %v, want 4", got)
	}
	if n := b.unwritten([]int{10}); n != 0 {
		t.Errorf("%d events that nobody has written, want 0", n)
	}
}

// What arrives has to be what was written, to the last byte.
func TestBookFindsWhatIsStrange(t *testing.T) {
	for name, text := range map[string][]byte{
		"half of it":              event(1, 2)[:eventBytes/2],
		"half of it, and the end": append(event(1, 2)[:eventBytes/2:eventBytes/2], `"}`...),
		"a byte is another":       bytes.Replace(event(1, 2), []byte("xx"), []byte("yx"), 1),
		"longer":                  append(event(1, 2), ' '),
		"of somebody else":        event(2, 0),
		"of nobody":               []byte(`{"id":1}`),
		"of a word":               []byte(`{"sender":"a","id":1,"message":"x"}`),
		"without an id":           []byte(`{"sender":1}`),
		"with an id below 0":      []byte(`{"sender":1,"id":-1,"message":"x"}`),
		"not written yet":         event(1, 3),
		"empty":                   {},
	} {
		b := newBook(options{senders: 2, receivers: 1, bytes: eventBytes})
		enter := b.clerk(0)
		for id := range 2 {
			enter(1, [][]byte{event(0, id), event(1, id)})
		}
		enter(1, [][]byte{event(1, 2)})
		if n := b.unwritten([]int{2, 3}); n != 0 {
			t.Errorf("%s: %d of the good ones are strange", name, n)
		}
		enter(1, [][]byte{text})
		if n := b.unwritten([]int{2, 3}); n != 1 {
			t.Errorf("%s: %d are strange, want 1", name, n)
		}
	}
}
