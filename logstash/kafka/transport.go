package kafka

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/logstash"
)

// transport carries events to Kafka. It is a logstash.Pipeliner: the client has several
// batches under way, and acks are told in the order of the events.
//
// What fails is settled when all that is under way is decided, one way or the other. Events
// that Kafka has already, behind one that has failed, are kept in mind: they come again
// with the failed one, and must not be written again.
type transport struct {
	to   logstash.Remote
	opts Options
	log  kgo.Logger    // the user's, if there is one
	news chan struct{} // has room for one: Progress has something to tell

	client  *kgo.Client // nil when there is none
	watch   *watch      // that of client
	promise func(*kgo.Record, error)
	flights []*batch       // under way, the oldest first
	spare   []*batch       // to be used again
	room    int            // bytes that may be added to spare
	trials  [][]*place     // rejected together: to be sent again, the first one is under way
	kept    map[string]int // events that Kafka has, and that will be given again
	acked   int            // events of which Progress has not told
}

func newTransport(to logstash.Remote, o Options, log kgo.Logger) *transport {
	return &transport{to: to, opts: o, log: log, news: make(chan struct{}, 1), room: maxSpare, kept: make(map[string]int)}
}

// Start gives events to the client as one more batch.
func (t *transport) Start(ctx context.Context, events [][]byte) error {
	whole := false
	defer t.unless(&whole)
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.client == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	b, err := t.load(ctx, events)
	if err != nil {
		return err
	}
	b.held = !t.watch.ready.Load() || t.hurt() || len(t.flights) > 0 && t.flights[len(t.flights)-1].held
	t.flights = append(t.flights, b)
	if !b.held {
		t.send(b)
	}
	t.watch.begun(len(events))
	t.point()
	whole = true
	return nil
}

// open makes a client.
func (t *transport) open() error {
	w := newWatch(&t.to, t.ring)
	opts := clientOptions(&t.to, t.opts.Client, w.retry)
	c, err := kgo.NewClient(append(opts, kgo.WithHooks(w), kgo.WithLogger(&ear{watch: w, own: t.log}))...)
	if err != nil {
		return err
	}
	t.client, t.watch, t.promise = c, w, func(r *kgo.Record, err error) {
		if p, ok := r.Context.Value(placeKey{}).(*place); ok && t.settle(p, err) == nil {
			w.acks.Add(1)
		}
	}
	go w.run(c)
	return nil
}

// load makes a batch of events, unless ctx is done before. Those that Kafka has already are decided,
// as are those that can be no record.
func (t *transport) load(ctx context.Context, events [][]byte) (*batch, error) {
	b := &batch{}
	if n := len(t.spare); n > 0 {
		b, t.spare = t.spare[n-1], t.spare[:n-1]
		t.room += b.size()
	}
	b.fill(events, t.to.Path)
	for i := 0; len(t.kept) > 0 && i < len(b.places); i++ {
		p := &b.places[i]
		if n := t.kept[string(p.record.Value)]; n > 1 {
			t.kept[string(p.record.Value)]--
		} else if n == 1 {
			delete(t.kept, string(p.record.Value))
		} else {
			continue
		}
		p.decide(nil)
	}
	if key := t.to.Options.Key; key != nil {
		if err := b.each(ctx, func(p *place) { p.setKey(key) }); err != nil {
			return nil, err
		}
	}
	if t.opts.Topic != nil || t.opts.Headers != nil {
		if err := b.each(ctx, func(p *place) { p.ask(&t.opts) }); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// send gives the client what is not decided of a batch.
func (t *transport) send(b *batch) {
	b.held = false
	sent := false
	for i := range b.places {
		p := &b.places[i]
		if p.is(pending) {
			sent = true
			t.client.Produce(context.Background(), &p.record, t.promise)
		}
	}
	if !sent { // there is nothing to be acked
		t.ring()
		return
	}
	t.flush()
}

// try gives the client events that were rejected once more.
func (t *transport) try(places []*place) {
	for _, p := range places {
		p.err = nil
		p.state.Store(pending)
		p.batch.left.Add(1)
	}
	for _, p := range places {
		p.record.Context = p //nolint:fatcontext // of a record of its own
		t.client.Produce(context.Background(), &p.record, t.promise)
	}
	t.flush()
}

// flush makes the client send what it has, as more may not come for a while. It does
// not wait for it.
func (t *transport) flush() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = t.client.Flush(ctx) // ctx is done
}

// settle notes what the client says of an event, in one goroutine at a time.
func (t *transport) settle(p *place, err error) error {
	if err != nil {
		err = explain(&p.record, err)
	}
	if p.decide(err) {
		t.ring()
	}
	return err
}

// ring says that there is something to tell.
func (t *transport) ring() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// News receives when Progress has something to tell.
func (t *transport) News() <-chan struct{} { return t.news }

// Progress tells of acks, of failures once all that is under way is decided, and of trouble.
func (t *transport) Progress() (acked int, err error) {
	whole := false
	defer t.unless(&whole)
	t.count()
	if err := t.judge(); err != nil {
		t.forget()
		acked, t.acked = t.acked, 0
		whole = true
		return acked, err
	}
	t.count()
	acked, t.acked = t.acked, 0
	if len(t.flights) > 0 {
		t.point()
		if acked == 0 {
			err = t.watch.told()
		}
	}
	whole = true
	return acked, err
}

// point tells the watch which topic is waited for.
func (t *transport) point() {
	for _, b := range t.flights {
		for i := b.told; i < len(b.places); i++ {
			if p := &b.places[i]; p.is(pending) {
				t.watch.waitsFor(p.record.Topic)
				return
			}
		}
	}
}

// unless ends what is under way, unless the call has come to its end: a hook of the user's may do anything, such
// as end the goroutine.
func (t *transport) unless(whole *bool) {
	if !*whole {
		t.abort()
	}
}

// count moves on to the first event that Kafka does not have.
func (t *transport) count() {
	n := 0
	for len(t.flights) > 0 {
		b := t.flights[0]
		for b.told < len(b.places) && b.places[b.told].is(delivered) {
			b.told++
			n++
		}
		if b.told < len(b.places) || b.left.Load() > 0 {
			break
		}
		t.flights = slices.Delete(t.flights, 0, 1)
		if size := b.size(); size <= t.room && !b.worn && !b.failed.Load() {
			t.spare = append(t.spare, b)
			t.room -= size
		}
	}
	if t.acked += n; n > 0 {
		t.watch.ended(n)
	}
}

// hurt reports whether something under way has failed.
func (t *transport) hurt() bool {
	return len(t.trials) > 0 || slices.ContainsFunc(t.flights, func(b *batch) bool { return b.failed.Load() })
}

// judge sends what was held back until the client has an id, and sees to what has failed, once all that is
// under way is decided. An error is for the Shipper to see to.
func (t *transport) judge() error {
	if t.watch == nil {
		return nil
	}
	if err := t.watch.unfit(); err != nil {
		t.stop()
		return err
	}
	undecided := func(b *batch) bool { return !b.held && b.left.Load() > 0 }
	switch {
	case !t.watch.ready.Load():
		return nil
	case !t.hurt():
		for _, b := range t.flights {
			if b.held {
				t.send(b)
			}
		}
		return nil
	case slices.ContainsFunc(t.flights, undecided):
		return nil
	}
	var first *place
	var rejected []*place
	for _, b := range t.flights {
		for i := range b.places {
			p := &b.places[i]
			if b.held || !p.is(failed) {
				continue
			}
			b.worn = true
			if !isRejection(p.err) {
				wrote := t.watch.wrote.Load()
				t.stop() // the client may be of no use any more
				if !wrote {
					return &refusal{p.err}
				}
				return p.err
			}
			if first == nil {
				first = p
			}
			rejected = append(rejected, p)
		}
	}
	t.sift(rejected)
	switch {
	case first == nil:
		t.release()
		return nil
	case first.final:
		return first.err
	}
	t.try(t.trials[0])
	return nil
}

// sift works out what is to be sent again: what was rejected together, in halves, until
// there is one that is rejected alone.
func (t *transport) sift(rejected []*place) {
	if len(t.trials) == 0 {
		t.trials = halves(slices.DeleteFunc(rejected, func(p *place) bool { return p.final }))
		return
	}
	tried := t.trials[0]
	t.trials = t.trials[1:]
	bad := slices.DeleteFunc(slices.Clone(tried), func(p *place) bool { return !p.is(failed) })
	if len(tried) == 1 && len(bad) == 1 {
		bad[0].final = true
		return
	}
	t.trials = append(halves(bad), t.trials...)
}

// halves divides events in two, as far as that goes.
func halves(places []*place) (out [][]*place) {
	n := (len(places) + 1) / 2
	for part := range slices.Chunk(places, max(n, 1)) {
		out = append(out, part)
	}
	return out
}

// release sends what was held back while others were sent again.
func (t *transport) release() {
	t.trials = nil
	for _, b := range t.flights {
		if b.held {
			t.send(b)
		} else {
			b.failed.Store(false)
		}
	}
}

// forget leaves all that is under way to the Shipper, and keeps in mind what Kafka has
// of it.
func (t *transport) forget() {
	t.count()
	for _, b := range t.flights {
		for i := b.told; i < len(b.places); i++ {
			if p := &b.places[i]; p.is(delivered) {
				t.kept[string(p.record.Value)]++
			}
		}
	}
	t.flights, t.trials = nil, nil
	if t.watch != nil {
		t.watch.reset()
	}
}

// stop ends the client, and with it what is under way.
func (t *transport) stop() {
	if t.client == nil {
		return
	}
	t.client.Close()
	t.watch.stop()
	t.client, t.watch = nil, nil
}

// abort ends what is under way.
func (t *transport) abort() {
	t.stop()
	t.forget()
}

// Send sends events and waits for the acks.
func (t *transport) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	if err := t.Start(ctx, events); err != nil {
		return 0, err
	}
	for acked < len(events) {
		select {
		case <-t.news:
		case <-ctx.Done():
			t.abort()
			n := t.acked
			t.acked = 0
			return acked + n, ctx.Err()
		}
		n, err := t.Progress()
		if acked += n; err != nil && !isTrouble(err) {
			return acked, err
		}
	}
	return acked, nil
}

// Close ends the client and all its goroutines.
func (t *transport) Close() error {
	t.abort()
	return nil
}
