package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// What the times are without compression.
const (
	realMinBackoff  = time.Second
	realMaxBackoff  = time.Minute
	realTimeout     = 30 * time.Second
	realKeepalive   = 5 * time.Second // between the acks of 0 of the Beats input
	realTTL         = 2 * time.Minute // ConnectionTTL
	realMinConn     = 10 * time.Second
	realCalm        = time.Minute      // at the beginning
	realSpread      = 20 * time.Second // over which the senders begin
	realRestart     = time.Minute      // of a receiver
	realBetween     = 20 * time.Second
	realBrokerAway  = 10 * time.Minute
	realPartition   = 2 * time.Minute
	realSlow        = 2 * time.Minute
	slowness        = 10                     // by what a slow receiver is slower
	killing         = 200 * time.Millisecond // until connections that are killed have handed over what they had
	leastTimeout    = 3 * time.Second        // a machine that is busy with a fleet can be away for that long
	headroom        = 1.2                    // of the receivers that are left when one is away
	fewSenders      = 4                      // may come to one receiver by chance, whatever their share is
	pipeline        = 4
	batchSize       = 128
	leastSpool      = 256 << 10
	mostSpool       = 64 << 20
	overBeats       = "beats"
	overKafka       = "kafka"
	overRedis       = "redis"
	scenarioRolling = "rolling"
	scenarioHerd    = "herd"
	scenarioStagger = "stagger"
	scenarioBroker  = "broker"
	scenarioSlow    = "slow"
	scenarioDead    = "dead"
	scenarioCut     = "partition"
)

// scenario is what goes wrong in one run of the fleet.
type scenario struct {
	name string
	run  func(ctx context.Context, w *world) error
}

// scenarios returns all of them, in the order in which they run.
func scenarios() []scenario {
	return []scenario{
		{scenarioRolling, rolling},
		{scenarioHerd, herd},
		{scenarioStagger, stagger},
		{scenarioSlow, slow},
		{scenarioDead, dead},
		{scenarioCut, partition},
		{scenarioBroker, away},
	}
}

// episode is one outage of a scenario.
type episode struct {
	what       string
	begin, end time.Time
	since      time.Time   // from when on senders can be back
	returns    []time.Time // of the receivers, if not all at once
	meanwhile  int         // events that arrived at receivers that were away
	all        []int       // who is affected; nil for those that lost a connection
}

// outage is what is to happen in an episode.
type outage struct {
	what       string
	lasts      time.Duration
	begin, end func() error
	elsewhere  bool  // there is something else to connect to meanwhile
	away       []int // the receivers that are away
	all        []int
}

// suffer lets an outage happen.
func (w *world) suffer(ctx context.Context, o outage) error {
	e := episode{what: o.what, all: o.all, begin: time.Now()}
	if err := o.begin(); err != nil {
		return err
	}
	killed := min(killing, o.lasts)
	if err := w.pass(ctx, killed); err != nil {
		return err
	}
	_, before := w.book.totals()
	if err := w.pass(ctx, o.lasts-killed); err != nil {
		return err
	}
	_, after := w.book.totals()
	for _, i := range o.away {
		if w.broker != nil {
			break // they have still something to read
		}
		e.meanwhile += after[i] - before[i]
	}
	if err := o.end(); err != nil {
		return err
	}
	e.end = time.Now()
	e.since = e.end
	if o.elsewhere {
		e.since = e.begin
	}
	w.episodes = append(w.episodes, e)
	return nil
}

// rolling restarts one receiver after the other, the next when the last one is back,
// and then waits until every sender has chosen among all of them.
func rolling(ctx context.Context, w *world) error {
	for i, s := range w.servers() {
		o := outage{
			what: s.name + " restarts", lasts: w.o.divided(realRestart), begin: s.kill, end: s.restart,
			elsewhere: len(w.servers()) > 1, away: []int{i},
		}
		if !o.elsewhere {
			o.all = w.everybody()
		}
		if i > 0 {
			if err := w.pass(ctx, w.o.divided(realBetween)); err != nil {
				return err
			}
		}
		if err := w.suffer(ctx, o); err != nil {
			return err
		}
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	return w.measure(ctx, w.o.moved(), w.o.divided(w.o.ttl))
}

// herd kills all receivers at once until every sender is at its largest backoff.
func herd(ctx context.Context, w *world) error {
	return w.allAway(ctx, "all receivers are away", w.o.allAway())
}

// stagger kills all receivers at once, as herd does, but they are back one after the other.
// The first one has those senders that come meanwhile until ConnectionTTL is over.
func stagger(ctx context.Context, w *world) error {
	servers := w.servers()
	o := outage{
		what: "receivers are back one by one", lasts: w.o.allAway(), all: w.everybody(), away: w.all(),
		begin: func() error { return each(servers, func(s server) error { return s.kill() }) },
		end:   servers[0].restart,
	}
	if err := w.suffer(ctx, o); err != nil {
		return err
	}
	e := &w.episodes[0]
	e.returns = []time.Time{e.since}
	for _, s := range servers[1:] {
		if err := w.pass(ctx, w.o.divided(realBetween)); err != nil {
			return err
		}
		if err := s.restart(); err != nil {
			return err
		}
		e.returns = append(e.returns, time.Now())
	}
	e.end = time.Now()
	if err := w.gather(ctx, 2*w.o.divided(realMaxBackoff)); err != nil {
		return err
	}
	return w.measure(ctx, w.o.moved(), w.o.divided(w.o.ttl))
}

// away kills all receivers, or what is in front of them, for ten minutes.
func away(ctx context.Context, w *world) error {
	return w.allAway(ctx, "the broker is away", w.o.divided(realBrokerAway))
}

func (w *world) allAway(ctx context.Context, what string, lasts time.Duration) error {
	o := outage{
		what: what, lasts: lasts, all: w.everybody(), away: w.all(),
		begin: func() error { return each(w.servers(), func(s server) error { return s.kill() }) },
		end:   func() error { return each(w.servers(), func(s server) error { return s.restart() }) },
	}
	if err := w.suffer(ctx, o); err != nil {
		return err
	}
	return w.gather(ctx, 2*w.o.divided(realMaxBackoff))
}

// gather waits as long as senders may take to be back, and then until no more events
// wait than usual.
func (w *world) gather(ctx context.Context, d time.Duration) error {
	if err := w.pass(ctx, d); err != nil {
		return err
	}
	return w.settle(ctx)
}

// slow makes the first receiver slower than its share, for so long that a sender would notice that
// does not take the acks of 0 for a sign of life.
func slow(ctx context.Context, w *world) error {
	r := w.receivers[0]
	o := outage{
		what: fmt.Sprintf("receiver 1 takes a %dth", slowness), elsewhere: true,
		lasts: max(w.o.divided(realSlow), 3*w.o.senderOptions().Timeout),
		begin: func() error { r.gate.set(w.o.capacity / slowness); return nil },
		end:   func() error { r.gate.set(w.o.capacity); return nil },
	}
	begin := time.Now()
	if err := w.suffer(ctx, o); err != nil {
		return err
	}
	// Later, senders that ConnectionTTL has moved have come to it as well.
	w.even, w.held = [2]time.Time{begin, begin.Add(min(o.lasts, w.o.divided(w.o.ttl)))}, r
	return w.settle(ctx)
}

// dead kills the last receiver for good.
func dead(ctx context.Context, w *world) error {
	last := w.servers()[len(w.servers())-1]
	o := outage{
		what: last.name + " dies", elsewhere: true, lasts: w.o.divided(realPartition), away: []int{len(w.servers()) - 1},
		begin: last.kill, end: func() error { return nil },
	}
	if err := w.suffer(ctx, o); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	err := w.measure(ctx, 0, w.o.divided(w.o.ttl))
	w.episodes[0].end = time.Now() // it is dead to the end
	return err
}

// partition cuts the cables of every second sender, for so long that all of them notice.
func partition(ctx context.Context, w *world) error {
	var half []int
	for i := 0; i < w.o.senders; i += 2 {
		half = append(half, i)
	}
	o := outage{
		what: "half of the senders have no network", lasts: max(w.o.divided(realPartition), 2*w.o.senderOptions().Timeout), all: half,
		begin: func() error {
			err := w.net.set(half, "down")
			for _, r := range w.receivers {
				r.cut(func(sender int) bool { return sender%2 == 0 })
			}
			return err
		},
		end: func() error { return w.net.set(half, "up") },
	}
	if err := w.suffer(ctx, o); err != nil {
		return err
	}
	return w.gather(ctx, 2*w.o.divided(realMaxBackoff)+w.o.senderOptions().Timeout)
}

// measure lets fairness be measured for a time, after another one.
func (w *world) measure(ctx context.Context, after, d time.Duration) error {
	if err := w.pass(ctx, after); err != nil {
		return err
	}
	begin := time.Now()
	if err := w.pass(ctx, d); err != nil {
		return err
	}
	w.even = [2]time.Time{begin, time.Now()}
	return nil
}

func (w *world) everybody() []int { return upTo(w.o.senders) }

// all returns the receivers that senders connect to.
func (w *world) all() []int { return upTo(len(w.receivers)) }

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// server is what the senders connect to: a receiver, or a broker.
type server struct {
	name          string
	kill, restart func() error
}

func (w *world) servers() []server {
	if w.broker != nil {
		return []server{{"the broker", w.broker.kill, w.broker.restart}}
	}
	servers := make([]server, len(w.receivers))
	for i, r := range w.receivers {
		servers[i] = server{fmt.Sprint("receiver ", i+1), r.kill, func() error { return r.restart(w.o.capacity) }}
	}
	return servers
}

// each does something to all servers at once.
func each(servers []server, do func(s server) error) error {
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { errs[i] = do(s) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// divided returns what a time is in the run.
func (o options) divided(d time.Duration) time.Duration {
	return time.Duration(float64(d) / o.compress)
}

// largest returns after how long a sender that reaches nobody is at its largest
// backoff, at the latest.
func (o options) largest() (sum time.Duration) {
	for d := realMinBackoff; d < realMaxBackoff; d *= 2 {
		sum += d
	}
	return o.divided(sum)
}

// allAway returns how long everything is away until every sender is at its largest backoff.
func (o options) allAway() time.Duration { return o.largest() + 2*o.divided(realMaxBackoff) }

// moved returns after how long each sender has chosen a receiver again: up to a quarter of
// ConnectionTTL is left to chance.
func (o options) moved() time.Duration { return o.divided(o.ttl + o.ttl/4) }

// usual returns how many events wait when nothing is wrong: those of half a second.
func (o options) usual() int { return int(float64(o.senders)*o.rate/2) + 100 }

// enough returns a capacity with which all receivers but one take what is sent, and one
// what a few senders send that have all come to it, with some room.
func (o options) enough() float64 {
	share := math.Ceil(headroom * float64(o.senders) * o.rate / float64(max(o.receivers-1, 1)))
	return max(share, math.Ceil(headroom*float64(min(o.senders, fewSenders))*o.rate))
}

// spoolMax returns what a spool may have on disk: twice what comes while receivers are away,
// or until all has caught up, also when all senders have come to one receiver, which acks
// what they have under way before they leave. It is no more than that, as segments are a
// quarter of it, and a spool that has been emptied is to be seen.
func (o options) spoolMax() int64 {
	sent, taken := float64(o.senders)*o.rate, float64(o.receivers)*o.capacity
	if taken <= sent {
		return mostSpool
	}
	herd := o.allAway().Seconds() * taken / (taken - sent)
	crowded := (o.allAway() + o.moved()).Seconds() + float64(o.senders*pipeline*batchSize)/o.capacity
	lasts := max(herd, crowded, o.divided(realBrokerAway).Seconds())
	return min(max(int64(2*lasts*o.rate*float64(o.bytes)), leastSpool), mostSpool)
}

func (o options) senderOptions() senderOptions {
	pipeline := pipeline
	if o.over == overRedis {
		pipeline = 1 // there is no other
	}
	return senderOptions{
		Size: 64 << 10, SpoolMaxBytes: o.spoolMax(), BatchSize: batchSize, Pipeline: pipeline,
		MinBackoff: o.divided(realMinBackoff), MaxBackoff: o.divided(realMaxBackoff),
		Timeout: max(o.divided(realTimeout), leastTimeout), TTL: o.divided(o.ttl), MinConnectionTime: o.divided(realMinConn),
	}
}
