package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
)

// FleetRate is how many events a second a receiver of a Fleet acks at most.
const FleetRate = 25_000

const fleetWindow = 128

// A Fleet is receivers that events are spread over. Each acks no more than so many a
// second, over all of its connections: they are the limit, not the machine.
type Fleet struct {
	Name string

	shares []float64 // of FleetRate; a receiver without one is dead
}

// Fleets returns all that events are sent to, one receiver alone first.
func Fleets() []Fleet {
	return []Fleet{
		{"one receiver", []float64{1}},
		{"four alike", []float64{1, 1, 1, 1}},
		{"one of four at a tenth", []float64{1, 1, 1, 0.1}},
		{"one of four dead", []float64{1, 1, 1, 0}},
	}
}

// Capacity returns how many receivers of full speed the fleet is worth.
func (f Fleet) Capacity() float64 {
	sum := 0.0
	for _, share := range f.shares {
		sum += share
	}
	return sum
}

// A Spread is how a Shipper spreads events over a Fleet.
type Spread struct {
	Connections int
	Keys        int // of the events, of which those with one key are to stay in order; 0: there are none
}

// Spreads returns all ways to do it.
func Spreads() []Spread { return []Spread{{4, 0}, {8, 0}, {4, 10_000}, {8, 10_000}, {8, 1000}} }

// String returns what it is, as in "8 connections, 1000 keys".
func (s Spread) String() string {
	name := fmt.Sprintf("%d connections", s.Connections)
	if s.Keys > 0 {
		name += fmt.Sprintf(", %d keys", s.Keys)
	}
	return name
}

// Balance returns what an event costs a Shipper that has always more to send, from one
// ack to the next, in the middle of it. An error says that in the end not each event
// has arrived once, or that those of one key have not arrived in order.
func (f Fleet) Balance(l Load, how Spread) (cost Cost, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %s: %w", f.Name, how, err)
		}
	}()
	got := &arrivals{last: make([]int, how.Keys)}
	addrs, stop, err := f.start(got)
	if err != nil {
		return cost, err
	}
	defer stop()
	queued := f.Capacity() * FleetRate * l.Balanced.Seconds() / 3
	o := logstash.DialOptions{
		Strategy: logstash.LoadBalance, Connections: how.Connections, BatchSize: fleetWindow, Pipeline: underWay,
		Policy: logstash.Block, BlockTimeout: -1, MaxEvents: max(int(queued), how.Connections*underWay*fleetWindow),
	}
	if how.Keys > 0 {
		o.Key = logstash.Field("key")
	}
	s, err := logstash.Dial("beats://"+strings.Join(addrs, ","), &o)
	if err != nil {
		return cost, err
	}
	w := startFlood(s, how.Keys)
	<-time.After(l.Balanced / 3)
	worked, _ := cpu()
	begun, before := time.Now(), s.Stats().Written
	var acked, spent time.Duration
	for acked == 0 && spent < patience { // once, but on a machine that is too busy
		<-time.After(l.Balanced)
		acked, spent = time.Duration(s.Stats().Written-before), time.Since(begun) //nolint:gosec // far less than that
	}
	after, ok := cpu()
	events, err := w.stop()
	if err := errors.Join(err, s.Flush(context.Background()), s.Close()); err != nil {
		return cost, err
	}
	if acked == 0 {
		return cost, fmt.Errorf("no ack in %s", spent)
	}
	cost = Cost{Wall: spent / acked, CPU: (after - worked) / acked, HasCPU: ok}
	return cost, got.check(events)
}

// start starts the receivers.
func (f Fleet) start(got *arrivals) (addrs []string, stop func(), err error) {
	var receivers []*lstest.Beats
	stop = func() {
		for _, b := range receivers {
			_ = b.Close() // nothing of it is on the disk
		}
	}
	for _, share := range f.shares {
		b, err := lstest.ListenBeats("127.0.0.1:0", &lstest.BeatsOptions{OnEvent: got.add, Forget: true})
		if err != nil {
			stop()
			return nil, nil, err
		}
		receivers, addrs = append(receivers, b), append(addrs, b.Addr())
		if share == 0 {
			b.Kill()
			continue
		}
		p := &pacer{each: time.Duration(float64(time.Second) / (share * FleetRate))}
		b.SetAnswer(p.answer)
	}
	return addrs, stop, nil
}

// pacer has the acks of a receiver come at its rate, over all connections.
type pacer struct {
	each time.Duration // of an event

	mu   sync.Mutex
	next time.Time // when what came last is done
}

// answer acks a window when it is done. What is lost while a goroutine wakes up is made
// up for, so that the receiver has its rate, and no more.
func (p *pacer) answer(n int) lstest.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	took, now := time.Duration(n)*p.each, time.Now()
	if latest := now.Add(-2 * took); p.next.Before(latest) {
		p.next = latest
	}
	p.next = p.next.Add(took)
	return lstest.Answer{Delay: p.next.Sub(now), Acks: []uint32{uint32(n)}} //nolint:gosec // at most a window
}

// flood writes events to a Shipper, which are numbered, as fast as it takes them.
type flood struct {
	keys   int
	over   chan struct{}
	done   chan struct{}
	events int
	err    error
}

func startFlood(s *logstash.Shipper, keys int) *flood {
	w := &flood{keys: max(keys, 1), over: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.write(s)
	}()
	return w
}

func (w *flood) write(s *logstash.Shipper) {
	var event []byte
	for ; ; w.events++ {
		select {
		case <-w.over:
			return
		default:
		}
		event = append(event[:0], `{"@timestamp":"2026-11-22T10:00:00.000000000Z","@version":"1","message":"`...)
		event = append(event, strings.Repeat("served ", 30)...)
		event = strconv.AppendInt(append(event, `","key":"`...), int64(w.events%w.keys), 10)
		event = append(strconv.AppendInt(append(event, `","number":`...), int64(w.events), 10), '}')
		if _, w.err = s.Write(event); w.err != nil {
			return
		}
	}
}

// stop ends it, and returns how many events were written.
func (w *flood) stop() (events int, err error) {
	close(w.over)
	<-w.done
	return w.events, w.err
}

// arrivals is what receivers have got of a flood.
type arrivals struct {
	mu      sync.Mutex
	seen    []bool // by the number
	last    []int  // one more than the number that came last, by the key; none without keys
	count   int
	strange error // the first that is wrong
}

// add notes an event. It has the form of an OnEvent.
func (a *arrivals) add(_ int, event []byte) {
	number, _ := numberOf(event)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	var last int
	if len(a.last) > 0 {
		last = a.last[max(number, 0)%len(a.last)]
	}
	switch {
	case a.strange != nil:
	case number < 0:
		a.strange = fmt.Errorf("an event without a number: %s", event)
	case number < len(a.seen) && a.seen[number]:
		a.strange = fmt.Errorf("event %d came twice", number)
	case number < last:
		a.strange = fmt.Errorf("event %d came behind %d, which has the same key", number, last-1)
	default:
		for number >= len(a.seen) {
			a.seen = append(a.seen, false)
		}
		a.seen[number] = true
		if len(a.last) > 0 {
			a.last[number%len(a.last)] = number + 1
		}
	}
}

// check returns an error unless so many events have come, and each once.
func (a *arrivals) check(events int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.strange != nil {
		return a.strange
	}
	return counted(a.count, events)
}
