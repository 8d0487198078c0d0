package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// markdown returns a run as a part of a page.
func markdown(run result.Run) string {
	var b strings.Builder
	where := ""
	if run.Namespaces {
		where = ", each in a network namespace of its own"
	}
	fmt.Fprintf(&b, "Senders are %s%s; %s.\n\n", run.As, where, run.System)
	if len(run.Results) == 0 {
		return b.String()
	}
	results := run.Results
	table(&b, append([]string{"set"}, names(results)...), settings(results))
	table(&b, append([]string{"events and accounts"}, names(results)...), accounts(results))
	table(&b, append([]string{"most of"}, names(results)...), peaks(results))
	outages(&b, results)
	for i := range results {
		r := &results[i]
		fmt.Fprintf(&b, "\n![%s: arrivals, backlog, reconnects and recovery](img/%s)\n", r.Scenario, plotFile(r.Scenario))
	}
	return b.String()
}

func names(results []result.Result) []string {
	cells := make([]string, len(results))
	for i := range results {
		cells[i] = results[i].Scenario
	}
	return cells
}

// line is a row of a table, with what its cells are.
type line struct {
	name string
	cell func(r *result.Result) string
}

func rows(results []result.Result, lines []line) [][]string {
	all := make([][]string, len(lines))
	for i, l := range lines {
		all[i] = []string{l.name}
		for k := range results {
			all[i] = append(all[i], l.cell(&results[k]))
		}
	}
	return all
}

func settings(results []result.Result) [][]string {
	return rows(results, []line{
		{"senders, receivers", func(r *result.Result) string {
			return fmt.Sprintf("%d, %d over %s", r.Senders, r.Receivers, r.Over)
		}},
		{"events a second of each sender", func(r *result.Result) string { return fmt.Sprintf("%v of %d bytes", r.Rate, r.EventBytes) }},
		{"capacity of each receiver", func(r *result.Result) string { return fmt.Sprintf("%v a second", r.Capacity) }},
		{"times are divided by", func(r *result.Result) string { return fmt.Sprint(r.Compress) }},
		{"backoff", func(r *result.Result) string {
			return fmt.Sprintf("%s to %s", text(r.Options.MinBackoff), text(r.Options.MaxBackoff))
		}},
		{"Timeout, ConnectionTTL", func(r *result.Result) string {
			if r.Over != overBeats {
				return text(r.Options.Timeout) + ", –"
			}
			return text(r.Options.Timeout) + ", " + text(r.Options.ConnectionTTL)
		}},
		{"BatchSize, Pipeline", func(r *result.Result) string { return fmt.Sprintf("%d, %d", r.Options.BatchSize, r.Options.Pipeline) }},
		{"Size of each sender", func(r *result.Result) string { return size(r.Options.Size) }},
	})
}

func accounts(results []result.Result) [][]string {
	return rows(results, []line{
		{"sent", func(r *result.Result) string { return strconv.Itoa(r.Sent) }},
		{"**lost**", func(r *result.Result) string { return fmt.Sprintf("**%d**", r.Lost) }},
		{"dropped", func(r *result.Result) string { return strconv.Itoa(r.Dropped) }},
		{"arrived twice", func(r *result.Result) string { return strconv.Itoa(r.Duplicates) }},
		{"may arrive twice: breaks × Pipeline × BatchSize, never over Kafka", func(r *result.Result) string {
			return fmt.Sprintf("%d, after %d breaks", r.DuplicateBound, r.Breaks)
		}},
		{"not as they were written", func(r *result.Result) string { return strconv.Itoa(r.Strange) }},
		{"out of order on their connection, or in their partition", func(r *result.Result) string {
			if r.Over == overRedis {
				return "–"
			}
			return strconv.Itoa(r.Disorder)
		}},
		{"accounts that were not exact", func(r *result.Result) string { return strconv.Itoa(r.Inexact) }},
		{"senders that died", func(r *result.Result) string { return strconv.Itoa(r.Died) }},
		{"connections made", func(r *result.Result) string { return strconv.Itoa(r.Connections) }},
		{"connections that broke without an outage", func(r *result.Result) string { return strconv.Itoa(r.Unprovoked) }},
		{"spread of those that were back: from what jitter gives, at most", spread},
		{"fairness among senders, receivers", func(r *result.Result) string {
			return fmt.Sprintf("%.3f, %.3f", r.Fairness.Senders, r.Fairness.Receivers)
		}},
		{"that among receivers must be at least", func(r *result.Result) string {
			bound := r.ReceiversBound()
			return orNone(bound > 0, fmt.Sprintf("%.3f", bound))
		}},
		{"senders beside the slow one: arrived meanwhile, at least", func(r *result.Result) string {
			f := r.Fairness
			return orNone(f.Spared > 0, fmt.Sprintf("%d: %.0f %%, %.0f %%", f.Spared, 100*f.SparedShare, 100*r.SparedBound()))
		}},
		{"the scenario took", func(r *result.Result) string { return text(r.Lasted) }},
	})
}

// spread returns how far the senders of a herd were from what the jitter makes of it.
func spread(r *result.Result) string {
	if !r.Herd() || len(r.Outages) == 0 {
		return "–"
	}
	switch s := r.SpreadOf(&r.Outages[0]); {
	case !s.Judged:
		return "not judged: too few senders, or too short a backoff"
	default:
		return fmt.Sprintf("%.2f, %.2f", max(s.Early, s.Late), s.Limit)
	}
}

// orNone returns a text if there is one.
func orNone(known bool, text string) string {
	if !known {
		return "–"
	}
	return text
}

func peaks(results []result.Result) [][]string {
	return rows(results, []line{
		{"events that waited", func(r *result.Result) string { return fmt.Sprintf("%d, %s", r.BacklogEvents, size(r.BacklogBytes)) }},
		{"all spools on disk", func(r *result.Result) string { return size(r.SpoolBytes) }},
		{"all spools on disk when they were empty again", func(r *result.Result) string { return size(r.SpoolBytesAtEnd) }},
		{"one spool", func(r *result.Result) string { return size(r.SpoolBytesOfOne) }},
		{"resident memory of all senders", func(r *result.Result) string { return orNone(r.Resident > 0, size(r.Resident)) }},
		{"resident memory of one", func(r *result.Result) string { return orNone(r.ResidentOfOne > 0, size(r.ResidentOfOne)) }},
		{"heap of one", func(r *result.Result) string { return orNone(r.Heap > 0, size(r.Heap)) }},
		{"heap of one when all was acked", func(r *result.Result) string { return orNone(r.HeapAtEnd > 0, size(r.HeapAtEnd)) }},
		{"goroutines of one, 2 of the harness", func(r *result.Result) string { return orNone(r.Goroutines > 0, strconv.Itoa(r.Goroutines)) }},
		{"seconds of a CPU for a million events", func(r *result.Result) string {
			return orNone(r.CPUPerMillion > 0, fmt.Sprintf("%.1f", r.CPUPerMillion))
		}},
	})
}

// outages writes the table of what went wrong.
func outages(b *strings.Builder, results []result.Result) {
	var lines [][]string
	for i := range results {
		r := &results[i]
		for k := range r.Outages {
			o := &r.Outages[k]
			busiest := 0
			if len(o.Accepts) > 0 {
				busiest = slices.Max(o.Accepts)
			}
			back := []string{"–", "–", "–", "–"}
			if len(o.Recovery.All) > 0 {
				back = []string{text(o.Recovery.First), text(o.Recovery.Median), text(o.Recovery.P99), text(o.Recovery.Last)}
			}
			l := []string{r.Scenario + ": " + o.What, text(o.End - o.Begin), strconv.Itoa(o.Affected)}
			l = append(append(l, back...), text(o.CaughtUp), strconv.Itoa(o.Backlog), strconv.Itoa(busiest), counts(o.Went))
			lines = append(lines, l)
		}
	}
	table(b, []string{
		"what goes wrong", "for", "senders affected", "first back", "median", "99 %", "last back",
		"caught up", "events that waited", "connections in the busiest 100 ms", "first to receiver 1, 2, …",
	}, lines)
}

// counts returns numbers with commas, or that there is nothing to count.
func counts(numbers []int) string {
	texts := make([]string, len(numbers))
	sum := 0
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
		sum += n
	}
	return orNone(sum > 0, strings.Join(texts, ", "))
}

func table(b *strings.Builder, head []string, rows [][]string) {
	if !strings.HasSuffix(b.String(), "\n\n") {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, r := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(r, " | "))
	}
}

// text returns a time with its unit.
func text(s result.Seconds) string {
	switch v := float64(s); {
	case v == 0:
		return "0"
	case math.Abs(v) < 1:
		return fmt.Sprintf("%.0f ms", 1000*v)
	case math.Abs(v) < 10:
		return fmt.Sprintf("%.2f s", v)
	default:
		return fmt.Sprintf("%.1f s", v)
	}
}

// size returns a number of bytes with its unit.
func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%.0f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}
