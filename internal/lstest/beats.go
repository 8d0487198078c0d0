package lstest

import (
	"bufio"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/lumber"
)

// BeatsOptions are options for [ListenBeats]. A zero BeatsOptions consists
// entirely of default values.
type BeatsOptions struct {
	// AckHighest makes the server ack the highest sequence number of a window,
	// as the real Beats input does, instead of the number of its events.
	AckHighest bool

	// OnEvent is called with each event in the order of arrival and the number
	// of its connection, counted from 1, before the window is acked.
	// The event must not be changed.
	OnEvent func(conn int, event []byte)

	// ID returns what makes an event unique. Events whose ID was seen before
	// are counted as duplicates. Nil counts none.
	ID func(event []byte) string

	// Forget keeps no events, for long runs.
	Forget bool
}

// Beats is a receiver that stands in for the Beats input of Logstash. It
// starts one goroutine that accepts, and one per connection; Kill and Close
// end them.
type Beats struct {
	server
	opts BeatsOptions

	mu         sync.Mutex
	events     [][]byte
	ids        map[string]struct{}
	ackedIDs   map[string]struct{} // the IDs that acks were sent for
	windows    int
	acked      int
	duplicates int
	lastErr    error
	answer     func(n int) Answer
	stall      *stall
}

// Answer is what a [Beats] server does about a window it has read.
type Answer struct {
	// Refuse receives nothing: the events of the window are not taken.
	Refuse bool
	// Acks are sent in this order.
	Acks []uint32
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
	b := &Beats{ids: make(map[string]struct{}), ackedIDs: make(map[string]struct{})}
	if opts != nil {
		b.opts = *opts
	}
	b.serve = b.read
	if err := b.start(addr); err != nil {
		return nil, err
	}
	return b, nil
}

// read takes windows from c until it ends.
func (b *Beats) read(c *conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		events, highest, err := ReadWindow(r)
		if err != nil {
			b.mu.Lock()
			b.lastErr = err
			b.mu.Unlock()
			reset(c.TCPConn)
			return
		}
		if !b.wait(c) {
			return
		}
		answer := b.answerTo(len(events), highest)
		if !answer.Refuse {
			b.receive(c.number, events)
		}
		var acks []byte
		for _, seq := range answer.Acks {
			acks = lumber.AppendAck(acks, seq)
		}
		b.count(events, answer.Acks)
		if _, err := c.Write(acks); err != nil {
			return
		}
		if answer.Reset {
			reset(c.TCPConn)
			return
		}
	}
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

func (b *Beats) answerTo(n int, highest uint32) Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.windows++
	switch {
	case b.answer != nil:
		return b.answer(n)
	case b.opts.AckHighest:
		return Answer{Acks: []uint32{highest}}
	}
	return Answer{Acks: []uint32{uint32(n)}} //nolint:gosec // at most maxWindow
}

func (b *Beats) receive(number int, events [][]byte) {
	b.mu.Lock()
	if !b.opts.Forget {
		b.events = append(b.events, events...)
	}
	if b.opts.ID != nil {
		for _, event := range events {
			id := b.opts.ID(event)
			if _, seen := b.ids[id]; seen {
				b.duplicates++
			}
			b.ids[id] = struct{}{}
		}
	}
	b.mu.Unlock()
	if b.opts.OnEvent != nil {
		for _, event := range events {
			b.opts.OnEvent(number, event)
		}
	}
}

func (b *Beats) count(events [][]byte, acks []uint32) {
	var highest uint32
	for _, seq := range acks {
		highest = max(highest, seq)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked += int(highest)
	if b.opts.ID == nil {
		return
	}
	for _, event := range events[:min(int(highest), len(events))] {
		b.ackedIDs[b.opts.ID(event)] = struct{}{}
	}
}

// Stall makes the server read windows but ack none until resume is called. A
// keepalive ack of 0 is sent at the given interval, none if it is 0.
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

// UniqueAcked returns how many different IDs acks were sent for.
func (b *Beats) UniqueAcked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ackedIDs)
}

// Acked returns how many events acks were sent for. They may never have
// arrived.
func (b *Beats) Acked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked
}

// Unique returns how many different IDs were received.
func (b *Beats) Unique() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ids)
}

// Duplicates returns how many events had an ID that was received before.
func (b *Beats) Duplicates() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.duplicates
}

// LastError returns why the last connection that ended did so.
func (b *Beats) LastError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastErr
}
