package kafka

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// keyRoom is for how many bytes of keys there is room at a time.
	keyRoom = 4 << 10
	// maxSpare is how many bytes of batches are kept for those to come.
	maxSpare = 6 << 20
)

// batch is the events of one Start.
type batch struct {
	places []place
	buf    []byte       // what the values of records point to
	keys   []byte       // the last of what their keys point to
	told   int          // places of which Progress has told
	left   atomic.Int64 // places that are not decided
	failed atomic.Bool  // one of them has
	worn   bool         // one of them ever had
	held   bool         // not given to the client yet
}

// What can have become of an event.
const (
	pending = iota
	delivered
	failed
)

// place is an event in a batch. It is the context of its record, by which the promise
// finds it, even if a hook has put another one around it.
type place struct {
	record kgo.Record
	batch  *batch
	state  atomic.Int32
	err    error // of failed
	final  bool  // failed alone, so that nobody else is to blame
}

// placeKey is what the context of a record has its place under.
type placeKey struct{}

// Deadline is none: a record is given up only with the client.
func (*place) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done returns nil, as the context never ends.
func (*place) Done() <-chan struct{} { return nil }

// Err returns nil.
func (*place) Err() error { return nil }

// Value returns the place itself for its key.
func (p *place) Value(key any) any {
	if _, ok := key.(placeKey); ok {
		return p
	}
	return nil
}

// decide notes what has become of an event, and reports whether it was the last one of
// its batch to be decided.
func (p *place) decide(err error) (last bool) {
	b := p.batch
	if err == nil {
		p.state.Store(delivered)
	} else {
		p.err = err
		b.failed.Store(true)
		p.state.Store(failed)
	}
	return b.left.Add(-1) == 0 // the batch may be in use again from here on
}

// is reports whether that has become of the event.
func (p *place) is(state int32) bool { return p.state.Load() == state }

// size returns how many bytes b takes.
func (b *batch) size() int {
	return cap(b.buf) + cap(b.places)*int(reflect.TypeFor[place]().Size())
}

// fill makes records of events. What b has is used again where that is not much more than they need.
func (b *batch) fill(events [][]byte, topic string) {
	n, size := len(events), 0
	for _, event := range events {
		size += len(event)
	}
	if room := cap(b.places); room < n || room > 2*n {
		b.places = make([]place, n)
	}
	if room := cap(b.buf); room < size || room > 2*size {
		b.buf = make([]byte, 0, size)
	}
	b.places, b.buf, b.keys, b.told = b.places[:n], b.buf[:0], nil, 0
	b.left.Store(int64(n))
	now := time.Now()
	for i, event := range events {
		from := len(b.buf)
		b.buf = append(b.buf, event...)
		p := &b.places[i]
		p.batch = b
		p.state.Store(pending)
		p.err, p.final = nil, false
		p.record = kgo.Record{Value: b.buf[from:len(b.buf):len(b.buf)], Timestamp: now, Topic: topic, Context: p}
	}
}

// each calls a function for each event that is not decided, unless ctx is done before. The function
// runs in a goroutine that it may end. One that does not return is left behind, and b with it.
func (b *batch) each(ctx context.Context, do func(*place)) error {
	for next := 0; next < len(b.places); {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for next < len(b.places) && ctx.Err() == nil {
				p := &b.places[next]
				if next++; p.is(pending) {
					do(p)
				}
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// setKey asks the user for the key of a record. A panic means none, as everywhere.
func (p *place) setKey(key func([]byte) []byte) {
	defer func() { _ = recover() }()
	k := key(p.record.Value)
	if len(k) == 0 {
		return
	}
	b := p.batch
	if cap(b.keys)-len(b.keys) < len(k) {
		b.keys = make([]byte, 0, max(len(k), keyRoom))
	}
	from := len(b.keys)
	b.keys = append(b.keys, k...) // the user may have it in a buffer
	p.record.Key = b.keys[from:len(b.keys):len(b.keys)]
}

// ask lets the functions of the user's have their say about a record. What fails is the
// event's own fault.
func (p *place) ask(o *Options) {
	doing, ends := "Options.Topic", "ended its goroutine"
	defer func() {
		if v := recover(); v != nil {
			ends = fmt.Sprint("panicked: ", v)
		}
		if doing != "" {
			p.refuse(fmt.Errorf("kafka: %s %s", doing, ends))
		}
	}()
	r := &p.record
	if o.Topic != nil {
		if topic := o.Topic(r.Value); topic != "" {
			r.Topic = topic
		}
	}
	if doing = "Options.Headers"; o.Headers != nil {
		r.Headers = o.Headers(r.Value)
	}
	doing = ""
	switch {
	case r.Topic == "":
		p.refuse(errors.New("kafka: Options.Topic has no topic for an event, and the address has none: want one"))
	case !isTopic(r.Topic):
		p.refuse(fmt.Errorf("kafka: topic %.300q of Options.Topic: want %s", r.Topic, wantTopic))
	}
}

// refuse notes that an event can be no record, which is its own fault.
func (p *place) refuse(err error) {
	p.final = true
	p.decide(&rejection{err: err})
}
