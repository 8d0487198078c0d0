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
	// partitionFactor is for what reads from a broker: not every partition has as much.
	partitionFactor = 1.5
	catchUpSlack    = time.Second            // the watch of the fleet and a busy machine
	busy            = 200 * time.Millisecond // what a busy machine may add to a connection
	// ofProcess is what a sender has in memory besides what it holds, in bytes.
	ofProcess = 24 << 20
	// inBatches is what each batch under way may have of what is read from the spool.
	inBatches = 1 << 20
)

// comparer compares one result.
type comparer struct {
	r   *result.Result
	all []comparison
}

// compare returns what the model says of a result.
func compare(r *result.Result) []comparison {
	c := &comparer{r: r}
	bound := r.Breaks * r.Options.Pipeline * r.Options.BatchSize
	c.add("events twice", number(float64(r.Duplicates)), "at most "+number(float64(bound)), r.Duplicates <= bound)
	switch {
	case r.Over != "beats": // what is in front of the receivers has delays of its own
	case r.Scenario == "herd":
		c.returns()
	case r.Scenario == "rolling":
		breaks, _ := rolled(r.Receivers)
		most := ceil(breaks*float64(r.Senders) + 4*math.Sqrt(float64(r.Senders))) // by chance some more
		c.add("connections broken", number(float64(r.Breaks)), "at most "+number(float64(most))+" with one restart of each", r.Breaks <= most)
	}
	if r.Scenario == "herd" || r.Scenario == "broker" {
		c.backlog()
	}
	if r.ResidentOfOne > 0 { // not of goroutines
		most := r.Options.Size + ofProcess + int64(r.Options.Pipeline)*inBatches
		c.add("memory of a sender", volume(float64(r.ResidentOfOne)), "at most "+volume(float64(most)), r.ResidentOfOne <= most)
	}
	return c.all
}

func (c *comparer) add(what, measured, model string, holds bool) {
	c.all = append(c.all, comparison{c.r.Scenario, what, measured, model, holds})
}

// returns compares when the senders are back after everything was away.
func (c *comparer) returns() {
	b := c.delays()
	for i := range c.r.Outages {
		o := &c.r.Outages[i]
		n := len(o.Reconnects)
		if n == 0 {
			c.add("senders back", "none", number(float64(c.r.Senders)), false)
			continue
		}
		model := b.comeback(duration(o.End-o.Begin), c.r.Receivers)
		back := make([]time.Duration, n)
		for j, at := range o.Reconnects {
			back[j] = duration(at)
		}
		last := duration(o.Recovery.Last)
		c.add("last sender back", span(last), "at most "+span(2*b.most), last <= 2*b.most)

		// As the test of Kolmogorov and Smirnov has it, and a tenth for a busy machine.
		apart, most := model.apart(back), 1.63/math.Sqrt(float64(n))+0.1
		half, reckoned := back[n/2], model.quantile(0.5)
		c.add("half of the senders connected again after", span(half), span(reckoned), within(float64(half+busy), float64(reckoned+busy), backlogFactor))
		c.add("largest difference of the distributions", number(apart), "at most "+number(most), apart <= most)

		const window = 100 * time.Millisecond
		busiest := float64(mostWithin(back, window))
		expected := float64(n) * model.busiest(window)
		c.add("connections in the busiest 100 ms", number(busiest), number(math.Round(expected)), busiest <= expected+4*math.Sqrt(expected)+2)
	}
}

// backlog compares what has waited, and for how long.
func (c *comparer) backlog() {
	for i := range c.r.Outages {
		o := &c.r.Outages[i]
		away := duration(o.End - o.Begin)
		out := outage{c.r.Senders, c.r.Rate, c.r.Capacity * float64(c.r.Receivers), away, c.delays(), c.r.Receivers}
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
	for i := range run.Results {
		r := &run.Results[i]
		if i == 0 {
			_, _ = fmt.Fprintf(t, "%s senders as %s, %s receivers; times as they passed, compressed %s times; %s.\n\n",
				number(float64(r.Senders)), run.As, number(float64(r.Receivers)), number(r.Compress), run.System)
			t.head("scenario", "what", "measured", "model", "")
		}
		for _, c := range compare(r) {
			verdict := "holds"
			if !c.holds {
				verdict = "**off**"
			}
			t.row(c.scenario, c.what, c.measured, c.model, verdict)
		}
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
