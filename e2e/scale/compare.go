package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// comparison is a figure of a run of e2e/fleet beside what the model says of it.
type comparison struct {
	scenario, what  string
	measured, model string
	holds           bool
}

// How far the model may be off.
const (
	backlogFactor = 1.3
	catchUpFactor = 1.3
	halfFactor    = 1.5
	// partitionFactor is for what reads from a broker: not every partition has as much.
	partitionFactor = 1.5
	catchUpSlack    = time.Second            // the watch of the fleet and a busy machine
	busy            = 200 * time.Millisecond // what a busy machine may add to a connection
	// lateShare is how much of a fleet a busy machine may bring together.
	lateShare = 0.15
)

// comparer compares one result.
type comparer struct {
	r   *result.Result
	all []comparison
}

// compareAll returns what the model says of a run.
func compareAll(run result.Run) (all []comparison) {
	largest := new(result.Result)
	for i := range run.Results {
		r := &run.Results[i]
		all = append(all, compare(r)...)
		if r.ResidentOfOne > largest.ResidentOfOne {
			largest = r
		}
	}
	if r := largest; r.ResidentOfOne > 0 { // not of goroutines
		most := r.ResidentBound()
		all = append(all, comparison{"all", "memory of a sender", volume(float64(r.ResidentOfOne)), "at most " + volume(float64(most)), r.ResidentOfOne <= most})
	}
	return all
}

// compare returns what the model says of a result.
func compare(r *result.Result) []comparison {
	c := &comparer{r: r}
	if r.Breaks > 0 || r.Duplicates > 0 {
		bound := r.Breaks * perBreak(r)
		c.add("events twice", number(float64(r.Duplicates)), "at most "+number(float64(bound)), r.Duplicates <= bound)
	}
	switch {
	case r.Scenario == "stagger":
		c.returns()
		c.first()
	case r.Herd():
		c.returns()
		c.backlog()
	case r.Scenario == "rolling" && r.Over == "beats":
		breaks, _ := rolled(r.Receivers)
		most := ceil(breaks*float64(r.Senders) + 4*math.Sqrt(float64(r.Senders))) // by chance some more
		c.add("connections broken", number(float64(r.Breaks)), "at most "+number(float64(most))+" with one restart of each", r.Breaks <= most)
	}
	return c.all
}

// perBreak returns how many events may arrive twice after a connection broke.
func perBreak(r *result.Result) int {
	switch r.Over {
	case "kafka": // its producer is idempotent
		return 0
	case "redis": // one batch is under way
		return r.Options.BatchSize
	default:
		return r.Options.Pipeline * r.Options.BatchSize
	}
}

func (c *comparer) add(what, measured, model string, holds bool) {
	c.all = append(c.all, comparison{c.r.Scenario, what, measured, model, holds})
}

// addresses returns how many a sender knows: every receiver, or one broker.
func (c *comparer) addresses() int {
	if c.r.Over == "beats" {
		return c.r.Receivers
	}
	return 1
}

// comeback returns what the model says of an outage of all.
func (c *comparer) comeback(o *result.Outage) (all comeback, first float64) {
	b, away := c.delays(), duration(o.End-o.Begin)
	if len(o.Returns) == 0 {
		n := c.addresses()
		return b.comeback(away, n), 1 / float64(n)
	}
	addresses := make([]time.Duration, len(o.Returns))
	for i, at := range o.Returns {
		addresses[i] = duration(at)
	}
	return b.comeback(duration(o.Since-o.Begin), 1).staggered(addresses)
}

// first compares how many come to the receiver that is back first.
func (c *comparer) first() {
	for i := range c.r.Outages {
		o := &c.r.Outages[i]
		_, share := c.comeback(o)
		n := float64(c.r.Senders)
		expected, chance := n*share, 4*math.Sqrt(n*share*(1-share))+lateShare*n
		got := 0.0
		if len(o.Went) > 0 {
			got = float64(o.Went[0])
		}
		c.add("connections of the first one", number(got), number(math.Round(expected))+", give or take "+number(math.Ceil(chance)), math.Abs(got-expected) <= chance)
	}
}

// returns compares when the senders are back after everything was away. Of a broker it is
// not known who has made a connection, but when each sender had an ack again.
func (c *comparer) returns() {
	b := c.delays()
	for i := range c.r.Outages {
		o := &c.r.Outages[i]
		what, measured := "connected", o.Reconnects
		if c.r.Over != "beats" {
			what, measured = "acked", o.Recovery.All
		}
		n := len(measured)
		if n == 0 {
			c.add("senders back", "none", number(float64(c.r.Senders)), false)
			continue
		}
		model, _ := c.comeback(o)
		back := make([]time.Duration, n)
		for j, at := range measured {
			back[j] = duration(at)
		}
		last := duration(o.Recovery.Last)
		c.add("last sender back", span(last), "at most "+span(2*b.most), last <= 2*b.most)

		// As the test of Kolmogorov and Smirnov has it, and some for a busy machine.
		apart, most := model.apart(back), 1.63/math.Sqrt(float64(n))+lateShare
		half, reckoned := back[n/2], model.quantile(0.5)
		c.add("half of the senders "+what+" again after", span(half), span(reckoned), within(float64(half+busy), float64(reckoned+busy), halfFactor))
		c.add("largest difference of the distributions", number(apart), "at most "+number(most), apart <= most)

		if what == "acked" {
			continue
		}
		const window = 100 * time.Millisecond
		busiest := float64(mostWithin(back, window))
		expected := float64(n) * model.busiest(window)
		limit := math.Ceil(expected + 4*math.Sqrt(expected) + lateShare*float64(n))
		c.add("connections in the busiest 100 ms", number(busiest), number(math.Round(expected))+", at most "+number(limit)+" by chance", busiest <= limit)
	}
}

// backlog compares what has waited, and for how long.
func (c *comparer) backlog() {
	for i := range c.r.Outages {
		o := &c.r.Outages[i]
		away := duration(o.End - o.Begin)
		out := outage{c.r.Senders, c.r.Rate, c.r.Capacity * float64(c.r.Receivers), away, c.delays(), c.addresses()}
		m := out.recovery()
		backlog := float64(o.Backlog)
		c.add("events that waited at most", number(backlog), number(m.backlog), within(backlog, m.backlog, backlogFactor))
		caught := duration(o.CaughtUp)
		soonest, latest, factor, model := m.caught, m.caught, partitionFactor, span(m.caught)
		if c.r.Over == "beats" {
			soonest, latest = c.shuffled(out)
			factor, model = catchUpFactor, span(soonest)+" to "+span(latest)+" by chance, "+model+" if spread evenly"
		}
		holds := float64(caught+catchUpSlack)*factor >= float64(soonest) && float64(caught-catchUpSlack) <= factor*float64(latest)
		c.add("caught up after", span(caught), model, holds)

		// Memory holds the first part. What comes until the end of it goes through the spool,
		// which removes whole segments only.
		h := host{c.r.Rate, float64(c.r.EventBytes)}
		least := max(h.spool(away)-float64(c.r.Options.Size), 0) / backlogFactor
		most := h.spool(away+max(m.caught, caught)) * backlogFactor
		spool := float64(c.r.SpoolBytesOfOne)
		c.add("spool of a sender", volume(spool), volume(least)+" to "+volume(most), least <= spool && spool <= most)
	}
}

func (c *comparer) shuffled(o outage) (least, most time.Duration) {
	return shuffle{o, c.r.Receivers, duration(c.r.Options.ConnectionTTL), float64(c.r.Options.Pipeline * c.r.Options.BatchSize)}.caught()
}

func (c *comparer) delays() backoff {
	return backoff{duration(c.r.Options.MinBackoff), duration(c.r.Options.MaxBackoff)}
}

func duration(s result.Seconds) time.Duration { return seconds(float64(s)) }

// within reports whether two values are no more than a factor apart.
func within(a, b, factor float64) bool { return a <= factor*b && b <= factor*a }

// mostWithin returns how many of the sorted values are within a window at most.
func mostWithin(sorted []time.Duration, window time.Duration) (most int) {
	first := 0
	for i, at := range sorted {
		for at-sorted[first] > window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// compared adds a table of a run beside the model.
func (t *table) compared(run result.Run) {
	t.heading("The model beside the fleet")
	if len(run.Results) == 0 {
		return
	}
	r := &run.Results[0]
	_, _ = fmt.Fprintf(t, "%s senders as %s, %s receivers; times as they passed, compressed %s times; %s.\n\n",
		number(float64(r.Senders)), run.As, number(float64(r.Receivers)), number(r.Compress), run.System)
	t.head("scenario", "what", "measured", "model", "")
	for _, c := range compareAll(run) {
		verdict := "holds"
		if !c.holds {
			verdict = "**off**"
			t.off = append(t.off, fmt.Errorf("%s, %s: measured %s, the model says %s", c.scenario, c.what, c.measured, c.model))
		}
		t.row(c.scenario, c.what, c.measured, c.model, verdict)
	}
}

func readRun(path string) (run result.Run, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if run, err = result.Read(f); err != nil {
		return run, fmt.Errorf("%s: %w", path, err)
	}
	return run, nil
}
