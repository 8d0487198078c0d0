package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// seriesStep is the time between two values of a plot.
const seriesStep = 250 * time.Millisecond

// count says what became of the world.
func (w *world) count(s scenario) result.Result {
	r := result.Result{
		Scenario: s.name, Over: w.o.over, Senders: w.o.senders, Receivers: w.o.receivers,
		Rate: w.o.rate, EventBytes: w.o.bytes, Capacity: w.o.capacity, Compress: w.o.compress, Options: w.options(),
		Lasted: w.at(time.Now()), NotDrained: w.notDrained, SpoolBytesAtEnd: w.left,
	}
	calls := w.calls()
	w.countEvents(&r, calls)
	w.countSenders(&r)
	for i := range w.episodes {
		next := w.settled.Add(watchInterval)
		if i+1 < len(w.episodes) {
			next = w.episodes[i+1].begin
		}
		r.Outages = append(r.Outages, w.countOutage(&w.episodes[i], next, calls))
	}
	for _, sm := range w.samples {
		r.BacklogEvents = max(r.BacklogEvents, sm.waiting)
		r.SpoolBytes, r.Resident = max(r.SpoolBytes, sm.spool), max(r.Resident, sm.resident)
	}
	r.BacklogBytes = int64(r.BacklogEvents) * int64(r.EventBytes)
	r.Fairness = w.countFairness()
	w.countSpared(&r.Fairness)
	r.Series = w.series()
	return r
}

// options returns what the senders' options are in the result.
func (w *world) options() result.Options {
	o := w.o.senderOptions()
	return result.Options{
		MinBackoff: seconds(o.MinBackoff), MaxBackoff: seconds(o.MaxBackoff), Timeout: seconds(o.Timeout),
		ConnectionTTL: seconds(o.TTL), Connections: 1, BatchSize: o.BatchSize, Pipeline: o.Pipeline,
		Size: o.Size, SpoolMaxBytes: o.SpoolMaxBytes,
	}
}

// calls returns what is known of all connections to receivers.
func (w *world) calls() (all []call) {
	for i, r := range w.receivers {
		for _, c := range r.all() {
			c.receiver = i
			all = append(all, c)
		}
	}
	return all
}

// countEvents counts what arrived of what was sent.
func (w *world) countEvents(r *result.Result, calls []call) {
	breaks := make([]int, w.o.senders) // of each
	if w.broker != nil {
		for i := range breaks {
			breaks[i] = len(w.episodes)
		}
		r.Connections, r.Breaks = len(w.broker.accepts()), len(w.episodes)*w.o.senders
	} else {
		r.Connections = len(calls)
		for _, c := range calls {
			if c.broken {
				r.Breaks++
			}
			if c.broken && !c.caused {
				r.Unprovoked++
			}
			if c.broken && c.sender >= 0 {
				breaks[c.sender]++
			}
		}
	}
	window := r.Options.Pipeline * r.Options.BatchSize
	if r.Over == overKafka {
		window = 0 // its producers are idempotent
	}
	if r.Over != overRedis { // where a batch that is sent again comes behind later ones
		r.Disorder = w.book.ledger.OrderBreaks()
	}
	r.DuplicateBound = r.Breaks * window
	r.Duplicates = w.book.ledger.Duplicates()
	totals, _ := w.book.totals()
	written := make([]int, len(w.senders))
	for i, s := range w.senders {
		st := s.state()
		written[i] = st.Written
		r.Sent += st.Written
		r.Lost += len(w.book.ledger.Missing(i, st.Written))
		r.Dropped += max(st.Dropped, st.Refused) // a refused event is dropped
		r.Excess += max(totals[i]-w.book.ledger.UniqueOf(i)-breaks[i]*window, 0)
	}
	r.Strange = w.book.unwritten(written)
}

// countSenders counts what the senders needed, and whether they ended as they should.
func (w *world) countSenders(r *result.Result) {
	var cpu time.Duration
	for _, s := range w.senders {
		st, most := s.state(), s.most()
		r.Inexact += st.Inexact
		if s.err != nil || !st.Done {
			r.Died++
		}
		r.SpoolBytesOfOne = max(r.SpoolBytesOfOne, most.SpoolBytes)
		r.ResidentOfOne, r.Heap = max(r.ResidentOfOne, most.Resident), max(r.Heap, most.Heap)
		r.HeapAtEnd = max(r.HeapAtEnd, st.HeapAtEnd)
		r.Goroutines = max(r.Goroutines, most.Goroutines)
		cpu += s.cpu()
	}
	if r.Sent > 0 {
		r.CPUPerMillion = round(cpu.Seconds()*1e6/float64(r.Sent), 100)
	}
}

// countOutage counts what became of an outage, until the next one.
func (w *world) countOutage(e *episode, next time.Time, calls []call) result.Outage {
	out := result.Outage{What: e.what, Begin: w.at(e.begin), End: w.at(e.end), Since: w.at(e.since), Meanwhile: e.meanwhile}
	for _, at := range e.returns {
		out.Returns = append(out.Returns, seconds(at.Sub(e.since)))
	}
	peak := e.begin
	for _, sm := range w.samples {
		if sm.at.After(e.begin) && sm.at.Before(next) && sm.waiting > out.Backlog {
			out.Backlog, peak = sm.waiting, sm.at
		}
	}
	if out.Backlog > w.o.usual() {
		i := slices.IndexFunc(w.samples, func(sm sample) bool { return sm.at.After(peak) && sm.waiting <= w.o.usual() })
		if i >= 0 {
			out.CaughtUp = max(seconds(w.samples[i].at.Sub(e.since)), 0)
		}
	}
	affected := e.all
	if affected == nil {
		affected = lostOne(calls, e)
	}
	out.Affected = len(affected)
	var back, again []result.Seconds
	if w.broker == nil {
		out.Went = make([]int, w.o.receivers)
	}
	for _, s := range affected {
		came, first, to := w.back(s, e, calls)
		if !came.IsZero() {
			again = append(again, seconds(came.Sub(e.since)))
			out.Went[to]++
		}
		if !first.IsZero() {
			back = append(back, seconds(first.Sub(e.since)))
		}
	}
	out.Recovery = result.RecoveryOf(back)
	slices.Sort(again)
	out.Reconnects = again
	came := w.accepts(calls)
	accepts := make([]result.Seconds, len(came))
	for i, at := range came {
		accepts[i] = seconds(at.Sub(e.since))
	}
	out.Accepts = result.PerStep(accepts, result.AcceptStep, max(out.Recovery.Last, 1))
	return out
}

// lostOne returns the senders that lost a connection in an outage.
func lostOne(calls []call, e *episode) (senders []int) {
	for _, c := range calls {
		if c.broken && c.sender >= 0 && !c.ended.Before(e.begin) && !c.ended.After(e.end) && !slices.Contains(senders, c.sender) {
			senders = append(senders, c.sender)
		}
	}
	return senders
}

// back returns when a sender made a new connection after an outage, to which receiver, and when
// the first event came that way, or, over a broker, when the first was acked.
func (w *world) back(sender int, e *episode, calls []call) (came, first time.Time, to int) {
	earliest := func(t *time.Time, at time.Time) {
		if !at.Before(e.since) && (t.IsZero() || at.Before(*t)) {
			*t = at
		}
	}
	if w.broker != nil {
		for _, at := range w.senders[sender].resumes() {
			earliest(&first, at)
		}
		return came, first, 0
	}
	for _, c := range calls {
		if c.sender == sender && !c.came.Before(e.begin) && !c.first.IsZero() {
			before := came
			earliest(&came, c.came)
			earliest(&first, c.first)
			if came != before {
				to = c.receiver
			}
		}
	}
	return came, first, to
}

// accepts returns when connections were made.
func (w *world) accepts(calls []call) []time.Time {
	if w.broker != nil {
		return w.broker.accepts()
	}
	times := make([]time.Time, len(calls))
	for i, c := range calls {
		times[i] = c.came
	}
	return times
}

// countFairness measures in the time that the scenario has set, or else from the end of
// the last outage until half of what waited then has arrived.
func (w *world) countFairness() result.Fairness {
	span := w.even
	if span[0].IsZero() {
		span[0] = w.episodes[len(w.episodes)-1].end
		i := w.sampleAt(span[0])
		j := i
		for j < len(w.samples)-1 && w.samples[j].waiting > w.samples[i].waiting/2 {
			j++
		}
		span[1] = w.samples[j].at
	}
	from, to := w.samples[w.sampleAt(span[0])], w.samples[w.sampleAt(span[1])]
	f := result.Fairness{From: w.at(from.at), To: w.at(to.at)}
	f.Senders = round(result.Jain(difference(to.senders, from.senders)), 1000)
	f.Receivers = round(result.Jain(difference(to.receivers, from.receivers)), 1000)
	return f
}

// countSpared counts what became of the events of senders that had no connection to the receiver that was
// slow.
func (w *world) countSpared(f *result.Fairness) {
	if w.held == nil {
		return
	}
	from, to := w.samples[w.sampleAt(w.even[0])], w.samples[w.sampleAt(w.even[1])]
	spared := make([]bool, w.o.senders)
	for i := range spared {
		spared[i] = true
	}
	for _, c := range w.held.all() {
		if c.sender >= 0 && c.came.Before(to.at) && (c.ended.IsZero() || c.ended.After(from.at)) {
			spared[c.sender] = false
		}
	}
	arrived := 0
	for i, n := range difference(to.senders, from.senders) {
		if spared[i] {
			f.Spared++
			arrived += n
		}
	}
	if f.Spared > 0 {
		f.SparedShare = round(float64(arrived)/(float64(f.Spared)*w.o.rate*to.at.Sub(from.at).Seconds()), 1000)
	}
}

// sampleAt returns the index of the first sample from a time on, of the last one at the
// latest.
func (w *world) sampleAt(t time.Time) int {
	i := slices.IndexFunc(w.samples, func(sm sample) bool { return !sm.at.Before(t) })
	if i < 0 {
		return len(w.samples) - 1
	}
	return i
}

func difference(a, b []int) []int {
	d := make([]int, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// series returns the samples as values over time.
func (w *world) series() result.Series {
	s := result.Series{Step: seconds(seriesStep), Arrivals: make([][]int, w.o.receivers)}
	before := make([]int, w.o.receivers)
	last := w.samples[len(w.samples)-1].at
	for at := w.begin.Add(seriesStep); !at.After(last); at = at.Add(seriesStep) {
		sm := w.samples[w.sampleAt(at)]
		for i, n := range difference(sm.receivers, before) {
			s.Arrivals[i] = append(s.Arrivals[i], n)
		}
		before = sm.receivers
		s.Backlog = append(s.Backlog, sm.waiting)
		s.Spooled = append(s.Spooled, sm.spooled)
		s.SpoolBytes = append(s.SpoolBytes, sm.spool)
	}
	return s
}

// at returns when a time is in the scenario.
func (w *world) at(t time.Time) result.Seconds { return seconds(t.Sub(w.begin)) }

// seconds returns a time in seconds, to the millisecond.
func seconds(d time.Duration) result.Seconds { return result.Seconds(round(d.Seconds(), 1000)) }

// round rounds to a part of one.
func round(x, part float64) float64 { return math.Round(x*part) / part }

// plotFile returns the name of the file with the plot of a scenario.
func plotFile(scenario string) string { return fmt.Sprintf("fleet-%s.svg", scenario) }
