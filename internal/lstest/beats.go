package lstest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// ErrPoison is why a connection was reset on which a poison event came.
var ErrPoison = errors.New("poison event")

// BeatsOptions are options for [ListenBeats]. A zero BeatsOptions consists
// entirely of default values.
type BeatsOptions struct {
	// TLS makes the server speak TLS. It needs a certificate. Nil is plain TCP.
	TLS *tls.Config

	// AckHighest makes the server behave as the real Beats input: it acks the
	// highest sequence number of a window, and resets a connection that breaks
	// the protocol, when events in front of the break have been taken. Without
	// it the server behaves as that of go-lumber: it acks the number of events,
	// and closes such a connection without having taken any of the window.
	AckHighest bool

	// Inactivity is how long nothing may come on a connection before it is
	// reset; an ack of 0 comes first when that is inside a window. The real
	// input has 60 s. 0 is for ever.
	Inactivity time.Duration

	// Poison reports whether an event is one that breaks the pipeline. As the
	// real input does, the server takes the events of the window in front of
	// it, and then resets the connection without an ack. Nil is none.
	Poison func(event []byte) bool

	// OnEvent is called with each event in the order of arrival and the number
	// of its connection, counted from 1, before the window is acked.
	// The event must not be changed. [Ledger.Receiver] makes one.
	OnEvent func(conn int, event []byte)

	// Forget keeps no events, for long runs.
	Forget bool

	// ReadBuffer is the size of the kernel's buffer of a connection, in bytes.
	// A small one makes a sender feel early that nobody reads. 0 leaves it to
	// the kernel.
	ReadBuffer int
}

// Beats is a receiver that stands in for the Beats input of Logstash. It
// starts one goroutine that accepts, and one per connection; Kill and Close
// end them.
type Beats struct {
	server
	opts BeatsOptions

	mu      sync.Mutex
	events  [][]byte
	windows int
	acked   int
	lastErr error
	answer  func(n int) Answer
	stall   *stall
}

// Answer is what a [Beats] server does about a window it has read.
type Answer struct {
	// Refuse receives nothing: the events of the window are not taken.
	Refuse bool
	// Delay is how long the acks are held back.
	Delay time.Duration
	// Acks are sent in this order.
	Acks []uint32
	// Cut leaves out so many bytes at the end of the acks, of which each has
	// six, and resets the connection.
	Cut int
	// Reset resets the connection afterwards.
	Reset bool
}

// stall is one time in which nothing is acked.
type stall struct {
	keepalive time.Duration
	over      chan struct{}
}

// ListenBeats starts a receiver on addr, where port 0 picks a free port.
func ListenBeats(addr string, opts *BeatsOptions) (*Beats, error) {
	b := newBeats("tcp", opts)
	if err := b.start(addr); err != nil {
		return nil, err
	}
	return b, nil
}

// NewBeats returns a receiver that only has the connections its Dial makes.
func NewBeats(opts *BeatsOptions) *Beats {
	b := newBeats("", opts)
	_ = b.start("") // nothing is there that could fail
	return b
}

func newBeats(network string, opts *BeatsOptions) *Beats {
	b := new(Beats)
	if opts != nil {
		b.opts = *opts
	}
	b.server.opts = serverOptions{network: network, tls: b.opts.TLS, readBuffer: b.opts.ReadBuffer}
	b.serve = b.read
	return b
}

// read takes windows from c until it ends.
func (b *Beats) read(c *conn) {
	c.idle = b.opts.Inactivity
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		w, err := readWindow(r)
		if err != nil {
			b.fail(c, w, err)
			return
		}
		if !b.wait(c) {
			return
		}
		if i := b.poisoned(w.events); i >= 0 {
			b.receive(c.number, w.events[:i])
			b.end(c, RST, fmt.Errorf("%w, %d of %d", ErrPoison, i+1, len(w.events)))
			return
		}
		if !b.reply(c, w) {
			return
		}
	}
}

// reply does about a whole window what is to be done, and reports whether the
// connection goes on.
func (b *Beats) reply(c *conn, w window) bool {
	answer := b.answerTo(w)
	if !answer.Refuse {
		b.receive(c.number, w.events)
	}
	if answer.Delay > 0 && !c.sleep(answer.Delay) {
		return false
	}
	var acks []byte
	for _, seq := range answer.Acks {
		acks = lumber.AppendAck(acks, seq)
	}
	acks = acks[:max(len(acks)-answer.Cut, 0)]
	b.count(answer.Acks[:len(acks)/lumber.AckLen])
	if len(acks) > 0 {
		if _, err := c.Write(acks); err != nil {
			b.end(c, RST, err)
			return false
		}
	}
	if answer.Reset || answer.Cut > 0 {
		c.end(RST)
		return false
	}
	return true
}

// fail ends a connection behind the last whole window, of which w is the next.
func (b *Beats) fail(c *conn, w window, err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if w.want > 0 {
			_, _ = c.Write(lumber.AppendAck(nil, 0)) // the connection is over either way
		}
	case errors.Is(err, ErrFrame) && b.opts.AckHighest:
		b.receive(c.number, w.events)
	case errors.Is(err, ErrFrame):
		b.end(c, FIN, err)
		return
	}
	b.end(c, RST, err)
}

// end ends a connection and remembers why.
func (b *Beats) end(c *conn, how End, err error) {
	b.mu.Lock()
	b.lastErr = err
	b.mu.Unlock()
	c.end(how)
}

// poisoned returns the index of the first poison event, -1 if there is none.
func (b *Beats) poisoned(events [][]byte) int {
	if b.opts.Poison == nil {
		return -1
	}
	return slices.IndexFunc(events, b.opts.Poison)
}

// wait returns when the server is not stalled, and reports whether the
// connection is still there.
func (b *Beats) wait(c *conn) bool {
	b.mu.Lock()
	s := b.stall
	b.mu.Unlock()
	if s == nil {
		return true
	}
	var keepalive <-chan time.Time
	if s.keepalive > 0 {
		ticker := time.NewTicker(s.keepalive)
		defer ticker.Stop()
		keepalive = ticker.C
	}
	for {
		select {
		case <-s.over:
			return true
		case <-c.gone:
			return false
		case <-keepalive:
			if _, err := c.Write(lumber.AppendAck(nil, 0)); err != nil {
				return false
			}
		}
	}
}

func (b *Beats) answerTo(w window) Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.windows++
	switch {
	case b.answer != nil:
		return b.answer(len(w.events))
	case b.opts.AckHighest:
		return Answer{Acks: []uint32{w.highest}}
	case len(w.events) == 0:
		return Answer{} // go-lumber does not answer an empty window
	}
	return Answer{Acks: []uint32{uint32(len(w.events))}} //nolint:gosec // at most maxWindow
}

func (b *Beats) receive(number int, events [][]byte) {
	b.mu.Lock()
	if !b.opts.Forget {
		b.events = append(b.events, events...)
	}
	b.mu.Unlock()
	if b.opts.OnEvent != nil {
		for _, event := range events {
			b.opts.OnEvent(number, event)
		}
	}
}

// count notes the acks that are sent.
func (b *Beats) count(acks []uint32) {
	if len(acks) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked += int(slices.Max(acks))
}

// Stall makes the server, on each connection, read the window that is due and
// do nothing about it until resume is called. A keepalive ack of 0 is sent at
// the given interval, none if it is 0. The real input has 5 s, that of
// go-lumber 3 s.
func (b *Beats) Stall(keepalive time.Duration) (resume func()) {
	s := &stall{keepalive: keepalive, over: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stall = s
	return sync.OnceFunc(func() {
		b.mu.Lock()
		if b.stall == s {
			b.stall = nil
		}
		b.mu.Unlock()
		close(s.over)
	})
}

// SetAnswer makes the server treat each window of n events as answer says.
// Nil restores what is right.
func (b *Beats) SetAnswer(answer func(n int) Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// Events returns what was received, in order of arrival.
func (b *Beats) Events() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([][]byte(nil), b.events...)
}

// Windows returns how many whole windows were read.
func (b *Beats) Windows() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.windows
}

// Acked returns how many events acks were sent for. They may never have
// arrived.
func (b *Beats) Acked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked
}

// LastError returns why the last connection that ended did so.
func (b *Beats) LastError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastErr
}
