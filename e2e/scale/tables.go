package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// table writes a table of Markdown.
type table struct {
	strings.Builder

	off []error // what was measured and the model does not say
}

// heading begins another table.
func (t *table) heading(text string) {
	if t.Len() > 0 {
		_ = t.WriteByte('\n')
	}
	_, _ = fmt.Fprintf(t, "### %s\n\n", text)
}

func (t *table) row(cells ...string) { _, _ = fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | ")) }

func (t *table) head(cells ...string) {
	t.row(cells...)
	t.row(strings.Split(strings.Repeat("---,", len(cells)-1)+"---", ",")...)
}

// tiers are the fleets of the page.
func tiers() []int { return []int{1, 10, 100, 1000, 10_000, 100_000} }

// rates are those of a host in the page, in events a second.
func rates() []float64 { return []float64{1, 10, 100, 1000, 10_000} }

// variant is a plan with a name.
type variant struct {
	name string
	plan plan
}

// variants returns the plan for each number of hosts, and, if there are several, one for
// many hosts that say little, where connections are the limit and not events.
func (p plan) variants(hosts []int) []variant {
	var all []variant
	for _, n := range hosts {
		p.hosts = n
		all = append(all, variant{number(float64(n)), p})
	}
	if len(hosts) > 1 {
		p.rate /= 100
		all = append(all, variant{number(float64(p.hosts)) + " quiet, " + number(p.rate) + "/s each", p})
	}
	return all
}

// sized adds the tables for a plan, with a row for each number of hosts and for each
// rate of one.
func (t *table) sized(p plan, hosts []int, rates []float64) {
	all := p.variants(hosts)
	t.oneHost(p, rates)
	t.perTier(all, "The fleet and its Logstashes", []string{
		"events a second: a day's average; at the peak", "a day; on the network at the peak", "Logstashes: for the peak; for all",
		"connections: all; of each Logstash; of the most crowded", "acks a second of each; an ack takes, while all are behind",
		"`BatchSize` up to",
		"caught up after an outage of " + span(p.away) + ": at the average; at the peak",
	}, func(p plan) []string {
		l, r := p.load(), p.receivers()
		return []string{
			pair(l.average, l.peak), volume(l.day) + "; " + volume(l.wire) + "/s", pair(float64(r.ofPeak), float64(r.n)),
			pair(float64(r.connections), float64(r.each)) + "; " + few(crowd(r.connections, r.n)), few(r.windows) + "; " + span(r.ack), number(float64(r.batchSize)),
			span(r.atAverage) + "; " + span(r.atPeak),
		}
	})
	t.perTier(all, "Restarts and the herd", []string{
		"one Logstash goes: each other gets at once", "all restarted in turn: connections broken; the last one has", "events twice then: likely; at most",
		"after a long outage, in the busiest second: all, behind one address; of each Logstash", "of each Logstash, if senders know every address",
		"the first one back, the others " + span(p.apart) + " apart: its connections; windows under way there",
		"the last sender", "`MaxBackoff` for the handshakes",
	}, func(p plan) []string {
		r := p.receivers()
		s, h := p.restart(r), p.herd(r)
		return []string{
			few(s.moved), pair(s.breaks, s.last), pair(s.twice, s.atMost), pair(h.all, h.each), few(h.known), few(h.first) + "; " + volume(h.windows), span(h.last), span(h.enough),
		}
	})
	t.comesBack(p)
	t.perTier(all, "Kafka or Redis in front", []string{
		fmt.Sprintf("on disk for %s, %d copies", span(p.retention), p.replication), "brokers; partitions",
		"connections of a broker", "requests a second of a broker, of so many events", "producer ids of a broker at most",
		"Redis: `used_memory` after " + span(p.away) + ", " + number(inRedis) + " times the events",
	}, func(p plan) []string {
		b := p.broker(p.receivers())
		both := func(of func(producers) string) string {
			if b.shared.n == b.direct.n {
				return of(b.direct)
			}
			return of(b.direct) + " → " + of(b.shared)
		}
		return []string{
			volume(b.disk), pair(float64(b.n), float64(b.partitions)),
			both(func(p producers) string { return number(float64(p.connections)) }),
			both(func(p producers) string { return few(p.requests) + " of " + number(p.events) }),
			both(func(p producers) string { return number(p.ids) }), volume(b.redis),
		}
	})
}

// few writes how many of something there are.
func few(v float64) string {
	if v > 0 && v < 1 {
		return "under 1"
	}
	return number(math.Round(v))
}

func percent(share float64) string {
	if share >= 0.1 {
		return fmt.Sprintf("%.0f %%", 100*share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}

func pair(a, b float64) string { return few(a) + "; " + few(b) }

func (t *table) assumed(p plan) {
	t.heading("What is assumed")
	t.head("flag", "value", "of what, and why")
	for _, a := range p.assumptions()[1:] { // the first is hosts, of which each row says how many
		what := a.why
		if a.unit != "" {
			what = a.unit + "; " + a.why
		}
		t.row("`-"+a.flag+"`", a.text(), what)
	}
}

func (t *table) oneHost(p plan, rates []float64) {
	t.heading("One host")
	spans := []time.Duration{10 * time.Minute, time.Hour, 8 * time.Hour, 24 * time.Hour}
	t.head("events a second", volume(p.memory)+" of memory hold",
		"spool for "+span(spans[0]), "for "+span(spans[1]), "for "+span(spans[2]), "for "+span(spans[3]))
	for _, rate := range rates {
		h := host{rate, p.eventBytes}
		cells := make([]string, 2, 2+len(spans))
		cells[0], cells[1] = number(rate), span(h.holds(p))
		for _, away := range spans {
			cells = append(cells, volume(h.spool(away)))
		}
		t.row(cells...)
	}
}

// comesBack adds a table of how a fleet of any size comes back to one address.
func (t *table) comesBack(p plan) {
	t.heading("How a fleet comes back")
	t.head("everything was away for", "of the fleet, in the busiest 100 ms", "in the busiest second", "half is back after", "all but one in 10,000")
	for _, away := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour} {
		c := p.backoff.comeback(away, 1)
		t.row(span(away), percent(c.busiest(100*time.Millisecond)), percent(c.busiest(time.Second)), span(c.quantile(0.5)), span(c.last(10_000)))
	}
}

// perTier adds a table with a row for each plan.
func (t *table) perTier(all []variant, heading string, columns []string, cells func(plan) []string) {
	t.heading(heading)
	t.head(append([]string{"hosts"}, columns...)...)
	for i := range all {
		t.row(append([]string{all[i].name}, cells(all[i].plan)...)...)
	}
}
