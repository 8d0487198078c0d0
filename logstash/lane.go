package logstash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

const (
	// maxDeaths is how often in a row the peer may close the connection over a
	// batch before the batch is divided.
	maxDeaths = 3
	// maxParts is into how many parts at most.
	maxParts = 8
	// probeAfter is after how many deaths in a row a single event is put aside, to find
	// out whether the peer is dead or cannot bear that event. By the default backoff
	// this takes two minutes, in which most outages are over.
	probeAfter = 8
	// namedAfter is how many events in a row may be rejected without a pause, where the
	// Transport says which one it is. There are more when all are, as in an outage.
	namedAfter = 64
	// strikesOfDeath and strikesOfRejection are how often that must happen over a
	// single event, with acks of others in between, before it goes to quarantine.
	strikesOfDeath     = 6
	strikesOfRejection = 2
	// calmAcks is how many acks must come after a timeout before batches grow beyond
	// half of what was too much: a receiver that is slow will stay so for a while.
	calmAcks = 100
	// firstWindow is how many events a new connection gets until it has acked something,
	// with an order.
	firstWindow = 32
	// maxHasty is how many attempts in a row may fail without a pause.
	maxHasty = 3
)

// mender is a Transport that may have to send again what it had counted as written.
type mender interface {
	// broke returns a channel, always the same, that receives when Send without
	// events is to do that. It has room for one.
	broke() <-chan struct{}
	// connected reports whether there was a connection when Send returned.
	connected() bool
	// closeWithin is Close with the time that ctx has. After an error there is
	// something to send again, which a further call does.
	closeWithin(ctx context.Context) error
	// owed returns how many events that is.
	owed() int
}

// dialer is a Transport that can make its connection before there is anything to send.
type dialer interface {
	// connect makes a connection where there is none, or where it is to end and nothing
	// is under way, as Send and Start do.
	connect(ctx context.Context) error
}

// errEnded is what a Transport has failed with that ended its goroutine.
var errEnded = errors.New("logstash: transport ended its goroutine")

// lane sends events over one Transport. All of it but wake belongs to one
// goroutine.
type lane struct {
	s      *Shipper
	number int
	t      Transport
	pipe   Pipeliner       // t, where it is one
	mender mender          // t, where it is one
	dialer dialer          // t, where it is one, and there are other lanes
	breaks <-chan struct{} // of the mender
	wake   chan struct{}   // has room for one: there is something to look at
	timer  *time.Timer
	pace   backoff

	flights []*piece  // under way, the oldest first
	events  [][]byte  // of a batch, used again for each
	window  int       // how many events the next batch may have
	ceiling int       // up to which the window doubles
	calm    int       // how many acks must come before window passes ceiling
	limit   int       // how many batches may be under way
	stale   bool      // the last attempt met a stale connection
	hasty   int       // attempts that failed without a pause since the last ack
	deaths  int       // how often the peer did not bear what it was sent since the last ack
	closing bool      // the beginning of Shutdown has cut a pause short
	retryAt time.Time // when a suspect may be tried again while nothing else is acked
	torn    bool      // the Transport is to send again what a break may have lost
}

func newLane(s *Shipper, number int, t Transport) *lane {
	l := &lane{
		s: s, number: number, t: t,
		wake:   make(chan struct{}, 1),
		timer:  time.NewTimer(0),
		pace:   backoff{least: s.opts.MinBackoff, most: s.opts.MaxBackoff},
		window: s.opts.BatchSize, ceiling: s.opts.BatchSize,
		limit: 1,
	}
	l.timer.Stop()
	if l.pipe, _ = t.(Pipeliner); l.pipe != nil {
		l.limit = s.opts.Pipeline
	}
	if b, ok := t.(*beats); ok && s.queue.order != nil {
		b.heldUp = func() bool { return s.queue.isHeldUp(number) }
	}
	if l.mender, _ = t.(mender); l.mender != nil {
		l.breaks = l.mender.broke()
	}
	if s.opts.Strategy == LoadBalance {
		l.dialer, _ = t.(dialer)
	}
	return l
}

// run sends until the Shipper is closed and its queue empty, or time is up.
func (l *lane) run() {
	over := false
	defer func() {
		if !over { // a Transport of the user's has ended this goroutine
			l.broke(errEnded)
			go l.run()
			return
		}
		l.end()
	}()
	l.loop()
	over = true
}

func (l *lane) loop() {
	for l.s.ctx.Err() == nil {
		if err := l.collect(); err != nil {
			l.broke(err)
			continue
		}
		if l.isTorn() {
			l.mend()
			continue
		}
		if err := l.connect(); err != nil {
			if l.s.work.Err() == nil {
				l.broke(err)
			}
			continue
		}
		p, idle := l.next()
		switch {
		case p != nil:
			if err := l.send(p); err != nil {
				l.broke(err)
			}
		case idle.over:
			l.s.finish()
			return
		case idle.err != nil:
			l.s.report.spoolFailed(idle.err)
			l.sleep(l.pace.next())
		default:
			l.wait(idle.wait)
		}
	}
}

// isTorn reports whether a break may have lost something. That must not wait for the
// next events: others may have taken those, and there may be no more.
func (l *lane) isTorn() bool {
	select {
	case <-l.breaks:
		l.torn = true
	default:
	}
	return l.torn
}

// mend lets the Transport send again what a break may have lost.
func (l *lane) mend() {
	if _, err := l.sendAll(nil); err != nil {
		l.broke(err)
		return
	}
	l.torn = false
	if l.mender.connected() {
		l.s.report.sendWorked(l.number)
		l.pace.reset()
		l.hasty = 0
	}
}

// collect settles what has been acked.
func (l *lane) collect() error {
	if l.pipe == nil {
		return nil
	}
	acked, err := l.progress()
	l.settle(acked)
	if stillUnderWay(err) {
		l.s.report.sendFailed(l.number, err, false)
		return nil
	}
	return err
}

// connect sees to a connection before the lane takes events, so that none waits for it
// that another lane could send.
func (l *lane) connect() (err error) {
	if l.dialer == nil || len(l.flights) > 0 || !l.s.queue.hasWork() {
		return nil
	}
	defer l.survive(&err)
	return l.dialer.connect(l.s.work)
}

// next returns what is to be sent now, if anything is.
func (l *lane) next() (*piece, pause) {
	busy := len(l.flights) > 0
	most, isNew := l.window, l.isNew()
	if isNew {
		most = min(most, firstWindow)
	}
	if len(l.flights) >= l.limit || busy && (isNew || l.flights[0].strikes > 0 || l.expired()) {
		return nil, pause{}
	}
	p, idle := l.s.queue.take(l.s.ctx, l.number, l.s.opts.FlushInterval, most, !busy, l.retryAt)
	idle.over = idle.over && !busy
	return p, idle
}

// isNew reports whether the connection has acked nothing yet: it may never do so, and what
// it is sent holds up others of the same keys.
func (l *lane) isNew() bool {
	t, ok := l.t.(*beats)
	return ok && l.s.queue.order != nil && (t.conn == nil || !t.turn.isProven())
}

// expired reports whether the connection is to end before anything else is sent.
func (l *lane) expired() bool {
	e, ok := l.pipe.(expirer)
	return ok && e.expired()
}

// send sends a piece, or begins to.
func (l *lane) send(p *piece) error {
	events := p.appendTo(l.events[:0])
	l.events = events
	defer clear(events)
	l.flights = append(l.flights, p)
	again := p.sent
	var (
		acked int
		err   error
	)
	if l.pipe != nil {
		err = l.start(events)
	} else {
		acked, err = l.sendAll(events)
	}
	if again {
		n := len(events)
		if sentNothing(err) {
			n = acked // of the first part of them
		}
		l.s.resent.Add(uint64(n))
	}
	l.settle(acked)
	return err
}

// sendAll is Send of the transport, held to its contract.
func (l *lane) sendAll(events [][]byte) (acked int, err error) {
	defer l.survive(&err)
	acked, err = l.t.Send(l.s.ctx, events)
	examine(err)
	switch {
	case acked < 0 || acked > len(events):
		return 0, errors.Join(fmt.Errorf("logstash: transport acked %d of %d events", acked, len(events)), err)
	case acked < len(events) && err == nil:
		return acked, fmt.Errorf("logstash: transport acked only %d of %d events, without an error", acked, len(events))
	case acked == len(events) && acked > 0:
		return acked, nil
	}
	return acked, err
}

// start is Start of the Pipeliner.
func (l *lane) start(events [][]byte) (err error) {
	defer l.survive(&err)
	err = l.pipe.Start(l.s.ctx, events)
	examine(err)
	return err
}

// examine asks an error all that it will be asked: that of a Transport of the user's may panic,
// which then is here.
func examine(err error) {
	if err != nil {
		_, _ = err.Error(), errors.Is(err, ErrRejected)
		_, _ = retryAfter(err)
		_, _, _, _ = sentNothing(err), isDeath(err), isOfFirst(err), stillUnderWay(err)
	}
}

// progress is Progress of the Pipeliner, held to its contract.
func (l *lane) progress() (acked int, err error) {
	defer l.survive(&err)
	acked, err = l.pipe.Progress()
	examine(err)
	most := 0
	for _, p := range l.flights {
		most += p.len()
	}
	if acked < 0 || acked > most {
		return 0, errors.Join(fmt.Errorf("logstash: transport acked %d of %d events under way", acked, most), err)
	}
	return acked, err
}

// survive makes an error of a panic of the transport. Nothing is under way any
// more then, whatever state it was in.
func (l *lane) survive(err *error) {
	v := recover()
	if v == nil {
		return
	}
	*err = errors.New("logstash: transport panicked: " + panics.Text(v))
	if l.pipe != nil {
		defer func() { _ = recover() }()
		_ = l.pipe.Close() // what is wrong is known
	}
}

// settle notes that the next events under way have been acked.
func (l *lane) settle(acked int) {
	if acked == 0 {
		return
	}
	l.s.report.sendWorked(l.number) // before a Flush learns of it
	for acked > 0 {
		p := l.flights[0]
		n := min(acked, p.len())
		l.s.queue.settle(p, n, wasWritten)
		acked -= n
		if p.deaths = 0; p.len() > 0 {
			break
		}
		l.flights[0] = nil
		l.flights = l.flights[1:]
	}
	l.pace.reset()
	l.stale, l.hasty, l.deaths = false, 0, 0
	l.widen()
	if l.pipe != nil {
		l.limit = min(l.limit+1, l.s.opts.Pipeline)
	}
	l.s.checkRoom()
}

// widen lets the next batch have more events: after trouble, slowly from half of
// what the trouble came with.
func (l *lane) widen() {
	switch {
	case l.window < l.ceiling:
		l.window = min(2*l.window, l.ceiling)
	case l.calm > 0:
		l.calm--
	default:
		l.window = min(l.window+max(l.window/8, 1), l.s.opts.BatchSize)
	}
}

// broke sees to what is under way after a failure, and waits before the next
// attempt.
func (l *lane) broke(err error) {
	if l.pipe != nil {
		acked, _ := l.progress() // of a connection that has ended there is no more to tell
		l.settle(acked)
	}
	retried := len(l.flights) == 1 && l.flights[0].strikes > 0
	l.giveBack(err)
	l.limit = 1
	if !sentNothing(err) && !errors.Is(err, ErrRejected) {
		l.ceiling = max(l.window/2, 1)
		l.window = l.ceiling
		if isTimeout(err) {
			l.calm = calmAcks
		}
	}
	if l.s.ctx.Err() != nil {
		return
	}
	stale := isStale(err) && !l.stale
	l.stale = stale
	// That events are rejected among others that are not says nothing of the peer.
	quiet := stale || errors.Is(err, ErrRejected) && l.hasty == 0
	l.s.report.sendFailed(l.number, err, quiet)
	switch {
	case stale, errors.Is(err, ErrRejected) && (l.deaths <= probeAfter || isOfFirst(err) && l.deaths <= namedAfter):
		// There is something else to send at once.
	case errors.Is(err, ErrRejected) && retried:
		l.retryAt = time.Now().Add(l.pace.next()) // others need not wait
	default:
		l.rest(err)
	}
}

// giveBack puts what is under way back into the queue.
func (l *lane) giveBack(err error) {
	// An error of the user's may end the goroutine, which must leave all as it is.
	rejected, died, sent, first := errors.Is(err, ErrRejected), isDeath(err), !sentNothing(err), isOfFirst(err)
	for _, p := range l.flights {
		p.sent = p.sent || sent
	}
	if len(l.flights) > 0 && (rejected || died) {
		l.s.queue.giveBack(l.flights[1:]...)
		if rejected && first {
			l.s.queue.isolate(l.flights[0])
		}
		l.blame(l.flights[0], rejected, err)
	} else {
		l.s.queue.giveBack(l.flights...)
	}
	clear(l.flights)
	l.flights = l.flights[:0]
}

// blame sees to a piece that the peer does not bear. While there are no acks at all
// the peer is more likely to be down than to be offended, so that everything keeps
// its place for a while.
func (l *lane) blame(p *piece, rejected bool, err error) {
	p.deaths++
	l.deaths++
	strikes := strikesOfDeath
	if rejected {
		p.deaths, strikes = maxDeaths, strikesOfRejection
	}
	switch {
	case p.deaths < maxDeaths:
		l.s.queue.giveBack(p)
	case p.len() > 1:
		p.deaths = maxDeaths - 1 // one more divides the parts
		l.s.queue.divide(p)
	case errors.Is(err, ErrTooLarge), l.s.queue.accuse(p) >= strikes:
		l.s.quarantine(p, err)
	case rejected, l.isSuspect(p):
		l.s.queue.park(p)
	default:
		l.s.queue.giveBack(p)
	}
}

// isSuspect reports whether a single event is to be put aside, as the peer dies of it
// rather than of something else. Others of its key would overtake it then, so that there
// more is asked for, over all connections: acks of others between its deaths, or many of these.
func (l *lane) isSuspect(p *piece) bool {
	if p.chain != nil {
		return p.strikes > 2 || p.deaths%probeAfter == 0
	}
	return l.deaths < maxDeaths || l.deaths%probeAfter == 0
}

// rest waits before the next attempt: as long as the error says; otherwise, where
// the endpoints do not keep their own pace, for the backoff.
func (l *lane) rest(err error) {
	if d, ok := retryAfter(err); ok && d > 0 {
		l.sleep(d)
		return
	}
	if l.hasty++; l.s.peers == nil || l.hasty > maxHasty {
		l.sleep(l.pace.next())
	}
}

// sleep waits. The beginning of Shutdown cuts a wait short, because the peer may be
// back by now, and so does the end of all work, but for what a break may have lost.
func (l *lane) sleep(d time.Duration) {
	closing := l.s.closing
	if l.closing {
		closing = nil
	}
	over := l.s.work.Done()
	if l.torn {
		over = l.s.ctx.Done()
	}
	l.timer.Reset(d)
	defer l.timer.Stop()
	select {
	case <-l.timer.C:
	case <-closing:
		l.closing = true
		l.pace.reset()
		if l.s.peers != nil {
			l.s.peers.hurry()
		}
	case <-over:
	}
}

// wait returns when there may be something to do, after d at the latest unless that
// is 0.
func (l *lane) wait(d time.Duration) {
	var late <-chan time.Time
	if d > 0 {
		l.timer.Reset(d)
		late = l.timer.C
		defer l.timer.Stop()
	}
	var news <-chan struct{}
	if l.pipe != nil {
		news = l.pipe.News()
	}
	select {
	case <-l.wake:
	case <-news:
	case <-l.breaks:
		l.torn = true
	case <-late:
	case <-l.s.ctx.Done():
	}
}

// end closes the transport and leaves what is under way to others.
func (l *lane) end() {
	if l.pipe != nil {
		acked, _ := l.progress() // the last words
		l.settle(acked)
	}
	l.giveBack(context.Canceled)
	l.timer.Stop()
	defer l.s.laneEnded()
	defer func() { _ = recover() }() // a Transport of the user's may do anything
	if l.mender == nil {
		_ = l.t.Close() // everything is settled, so nothing depends on it
		return
	}
	for {
		err := l.mender.closeWithin(l.s.ctx)
		if err == nil {
			return
		}
		if l.torn = true; l.s.ctx.Err() != nil {
			l.s.owed.Add(uint64(l.mender.owed())) //nolint:gosec // not negative
			return
		}
		l.broke(err)
	}
}
