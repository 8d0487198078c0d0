package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// bufferSummary returns the tables for the README.
func bufferSummary(f *figures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "A log call with five attrs, to a file, from 1 / 2 / 8 goroutines. Times are multiples of that of `%s`, "+
		"which waits for the file, in the same round; its own are in nanoseconds.\n", standard)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n", s.rounds, s.machine, s.date)
	fmt.Fprintf(&out, "Burst is wall time per call, while %d records go into a queue that has room for %d, or for %d MiB. "+
		"Sustained is wall time per record of %d, logged as fast as they are taken, until all are in the file. "+
		"CPU is what the whole process worked for each of the latter, in it and in the kernel.\n\n",
		load.Burst, bench.QueuedRecords, bench.QueuedBytes>>20, load.Records)
	f.timesTable(&out)
	out.WriteString("\nOne against the other:\n\n")
	f.comparisonsTable(&out)
	fmt.Fprintf(&out, "\nA sink that takes 100 µs for each write and stalls for 80 ms every 4000 lines, while 2 goroutines have "+
		"20,000 lines a second to log, for %v.\nMedians of %d rounds of what a call took; the most that was lost in one.\n\n",
		load.Stall, f.stallRounds())
	f.stallsTable(&out)

	var versions []string
	for _, p := range f.burst.peers {
		if p.name != floor {
			versions = append(versions, p.name+" "+p.version)
		}
	}
	fmt.Fprintf(&out, "\n%s.\n", strings.Join(versions, ", "))
	out.WriteString("\"lost\": so many of the records never were in the file in the first round that lost any; it is not rated for the others. " +
		"\"invalid\": what it wrote is not what was logged. \"–\": not measured.\n")
	return out.String()
}

func (f *figures) timesTable(out *strings.Builder) {
	rows := make([][]string, len(f.burst.peers))
	for j, p := range f.burst.peers {
		rows[j] = []string{p.name, f.burst.row(j), f.wall.row(j), f.cpu.row(j)}
	}
	table(out, []string{"handler → writer", "burst", "sustained", "CPU"}, rows)
}

func (f *figures) comparisonsTable(out *strings.Builder) {
	all := f.comparisons()
	rows := make([][]string, len(all))
	for i, c := range all {
		rows[i] = append([]string{c.what, c.one, c.other}, c.figures[:]...)
	}
	table(out, []string{"what", "of", "against", "1 goroutine", "2", "8"}, rows)
}

func (f *figures) stallsTable(out *strings.Builder) {
	var rows [][]string
	for _, s := range f.stalls {
		if s.fault != nil || len(s.samples) > 0 {
			rows = append(rows, s.row())
		}
	}
	table(out, []string{"handler → writer", "p50", "p99", "p99.9", "longest", "logged of what was due", "lost", "Close"}, rows)
}

// row returns the figures of a buffer for each number of goroutines.
func (r *results) row(p int) string {
	cells := make([]string, len(r.cases))
	for i := range r.cases {
		cell, name := r.cells[i][p], r.peers[p].name
		ratio, ok := r.ratio(i, name, standard)
		switch {
		case cell.fault != nil:
			cells[i] = short(cell.fault)
		case len(cell.samples) == 0:
			cells[i] = "–"
		case !ok || name == standard:
			cells[i] = fmt.Sprintf("%.0f ns", median(cell.figures(nanoseconds)))
		default:
			cells[i] = times(ratio)
		}
	}
	return strings.Join(cells, " / ")
}

// short returns what a table has room for.
func short(fault error) string {
	if loss, ok := errors.AsType[*bench.LossError](fault); ok {
		return loss.Short()
	}
	return "invalid"
}

// A comparison sets one against the other. Its figures are by the number of
// goroutines, and "–" where there is none.
type comparison struct {
	what, one, other string
	figures          [3]string
}

// comparisons returns what a reader may look for first.
func (f *figures) comparisons() []comparison {
	var all []comparison
	add := func(what, one, other string, figure func(goroutines int) (string, bool)) {
		c := comparison{what: what, one: one, other: other}
		for i := range c.figures {
			c.figures[i] = "–"
			if text, ok := figure(i); ok {
				c.figures[i] = text
			}
		}
		all = append(all, c)
	}
	ratio := func(what string, r *results, one, other string) {
		add(what, one, other, func(i int) (string, bool) {
			if i >= len(r.cases) {
				return "", false
			}
			ratio, ok := r.ratio(i, one, other)
			return times(ratio), ok
		})
	}
	ratio("burst", f.burst, records, channel)
	ratio("burst", f.burst, records, standard)
	add("burst, above", records, floor, func(i int) (string, bool) {
		ns, ok := f.burst.difference(i, records, floor)
		return fmt.Sprintf("%+.0f ns", ns), ok
	})
	ratio("CPU", f.cpu, lines, standard)
	ratio("CPU", f.cpu, lines, zap)
	ratio("CPU", f.cpu, lines, phuslu)
	add("longest call to the sink that stalls", lines, zap, func(i int) (string, bool) {
		ratio, ok := f.stallRatio(lines, zap)
		return fmt.Sprintf("%.4fx", ratio), ok && goroutines()[i] == bench.StallCallers
	})
	ratio("a write at ERROR, in the file on return", f.synced, syncedWriter, plainWrite)
	return all
}

// stallRatio returns the longest call of one as a multiple of that of another:
// the median of the ratios of all rounds.
func (f *figures) stallRatio(one, other string) (float64, bool) {
	a, b := f.stall(one).samples, f.stall(other).samples
	if len(a) == 0 || len(a) != len(b) {
		return 0, false
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = float64(a[i].Max) / float64(b[i].Max)
	}
	return median(ratios), true
}

func (f *figures) stall(name string) stalls {
	for _, s := range f.stalls {
		if s.name == name {
			return s
		}
	}
	return stalls{}
}

func (f *figures) stallRounds() int {
	n := 0
	for _, s := range f.stalls {
		n = max(n, len(s.samples))
	}
	return n
}

func (s stalls) row() []string {
	if s.fault != nil {
		return []string{s.name, short(s.fault), "–", "–", "–", "–", "–", "–"}
	}
	middle := func(figure func(bench.Stall) float64) float64 {
		values := make([]float64, len(s.samples))
		for i, sample := range s.samples {
			values[i] = figure(sample)
		}
		return median(values)
	}
	took := func(figure func(bench.Stall) time.Duration) string {
		return duration(middle(func(s bench.Stall) float64 { return float64(figure(s)) }))
	}
	most := slices.MaxFunc(s.samples, func(a, b bench.Stall) int { return a.Lost*b.Logged - b.Lost*a.Logged })
	return []string{
		s.name,
		took(func(s bench.Stall) time.Duration { return s.P50 }),
		took(func(s bench.Stall) time.Duration { return s.P99 }),
		took(func(s bench.Stall) time.Duration { return s.P999 }),
		took(func(s bench.Stall) time.Duration { return s.Max }),
		fmt.Sprintf("%.0f %%", middle(func(s bench.Stall) float64 { return 100 * float64(s.Logged) / float64(s.Due) })),
		bench.Percent(most.Lost, most.Logged),
		took(func(s bench.Stall) time.Duration { return s.Close }),
	}
}

// duration returns a number of nanoseconds with at least two digits.
func duration(ns float64) string {
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		switch {
		case ns >= 10*unit.ns:
			return fmt.Sprintf("%.0f %s", ns/unit.ns, unit.name)
		case ns >= unit.ns:
			return fmt.Sprintf("%.1f %s", ns/unit.ns, unit.name)
		}
	}
	return fmt.Sprintf("%.0f ns", ns)
}

// bufferDetails returns a table of all times, and the reasons for all faults.
func bufferDetails(f *figures) string {
	var out strings.Builder
	rows, wrong := everything([]measured{{"burst", f.burst}, {"sustained", f.wall}, {"CPU", f.cpu}, {"a write at ERROR", f.synced}})
	table(&out, []string{"what", "goroutines", "handler → writer", "ns", "lowest", "highest"}, rows)
	out.WriteString(wrong)
	for _, s := range f.stalls {
		if s.fault != nil {
			fmt.Fprintf(&out, "\nthe sink that stalls: %v\n", s.fault)
		}
	}
	return out.String()
}

// measured is results, and of what they are.
type measured struct {
	name string
	*results
}

// everything returns a row for each case and peer with its name, median, lowest and
// highest time, and what went wrong.
func everything(all []measured) (rows [][]string, faults string) {
	var wrong strings.Builder
	for _, m := range all {
		for i, c := range m.cases {
			for j, p := range m.peers {
				cell := m.cells[i][j]
				if cell.fault != nil {
					fmt.Fprintf(&wrong, "\n%s, %s: %v\n", m.name, c, cell.fault)
				}
				if len(cell.samples) == 0 {
					continue
				}
				spent := cell.figures(nanoseconds)
				whole := func(ns float64) string { return fmt.Sprintf("%.0f", ns) }
				rows = append(rows, []string{
					m.name, c, p.name,
					whole(median(spent)), whole(slices.Min(spent)), whole(slices.Max(spent)),
				})
			}
		}
	}
	return rows, wrong.String()
}
