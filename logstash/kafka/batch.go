package kafka

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxSpare is how large the buffer of a batch may be that is kept for the next one.
const maxSpare = 4 << 20

// batch is the events of one Start.
type batch struct {
	places []place
	buf    []byte       // what the records point to
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

// reset makes b one for n events.
func (b *batch) reset(n int) {
	if cap(b.places) < n {
		b.places = make([]place, n)
	}
	b.places, b.buf, b.told = b.places[:0], b.buf[:0], 0
	b.left.Store(int64(n))
}

// set makes a record of an event.
func (p *place) set(b *batch, event []byte, topic string, now time.Time) {
	from := len(b.buf)
	b.buf = append(b.buf, event...)
	event = b.buf[from:len(b.buf):len(b.buf)]
	p.batch = b
	p.state.Store(pending)
	p.err, p.final = nil, false
	p.record = kgo.Record{Value: event, Timestamp: now, Topic: topic, Context: p}
}

// setKey asks the user for the key of a record. A panic means none, as everywhere.
func (p *place) setKey(key func([]byte) []byte) {
	defer func() { _ = recover() }()
	if k := key(p.record.Value); len(k) > 0 {
		b := p.batch
		from := len(b.buf)
		b.buf = append(b.buf, k...) // the user may have it in a buffer
		p.record.Key = b.buf[from:len(b.buf):len(b.buf)]
	}
}

// ask lets the functions of the user's have their say about a record. What fails is the
// event's own fault.
func (p *place) ask(o *Options, key func([]byte) []byte) (err error) {
	if key != nil {
		p.setKey(key)
	}
	if o.Topic == nil && o.Headers == nil {
		return nil
	}
	doing := "Options.Topic"
	defer func() {
		if v := recover(); v != nil {
			err = &rejection{err: fmt.Errorf("kafka: %s panicked: %v", doing, v)}
		}
	}()
	r := &p.record
	if o.Topic != nil {
		if topic := o.Topic(r.Value); topic != "" {
			r.Topic = topic
		}
		switch {
		case r.Topic == "":
			return &rejection{err: errors.New("kafka: Options.Topic has no topic for an event, and the address has none: want one")}
		case !isTopic(r.Topic):
			return &rejection{err: fmt.Errorf("kafka: topic %.300q of Options.Topic: want %s", r.Topic, wantTopic)}
		}
	}
	if doing = "Options.Headers"; o.Headers != nil {
		r.Headers = o.Headers(r.Value)
	}
	return nil
}
