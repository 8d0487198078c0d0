package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The names of what is set against each other.
const (
	writesAtOnce = "slog.JSONHandler → os.File"
	whole        = "pipeline"
	opening      = "open"
	shutting     = "close"
)

// The names of the chapter about the monitor, of its task, and of the ways to do it.
const (
	watching  = "the monitor"
	aRecord   = "a record"
	unwatched = "nothing"
	passesOn  = "a handler that passes on"
	monitored = "monitor.Handler"
	pageShut  = "with a Page that nobody has open"
	pageOpen  = "with a Page that somebody has open"
)

// What was asked for.
const (
	mostRatio   = 1.0
	mostMonitor = 15 // nanoseconds
	mostPage    = 5  // nanoseconds: what is within the error of the measurement
	mostOpening = 5 * time.Millisecond
)

// wholeFigures holds what was measured of all that a service logs through: the time
// of a log call, what the processors worked for a record, how long it takes to open
// and to close five sinks, and what a monitor costs.
type wholeFigures struct {
	call, cpu, opening *results
	watch              []chapter
}

// measureWholes measures all once a round, in turn as measure does.
func measureWholes(wholes []bench.Whole, load bench.Load, rounds int, progress io.Writer) (_ *wholeFigures, err error) {
	inbox, err := bench.OpenInbox()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, inbox.Close()) }()
	f := newWholeFigures(wholes)
	begun := time.Now()
	for round := range rounds {
		for c, s := range bench.Streams() {
			for _, j := range turns(len(wholes), round) {
				if f.call.cells[c][j].fault == nil {
					toll, err := wholes[j].Measure(load, s, inbox)
					f.add(c, j, toll, err)
				}
			}
		}
		open, shut, err := bench.Opening(inbox)
		f.opening.add(0, 0, open, err)
		f.opening.add(1, 0, shut, err)
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	f.watch = measureChapters([]bench.Chapter{bench.WatchChapter()}, rounds, progress)
	return f, nil
}

// newWholeFigures returns figures without any.
func newWholeFigures(wholes []bench.Whole) *wholeFigures {
	f := &wholeFigures{call: &results{}, cpu: &results{}, opening: &results{
		cases: []string{opening, shutting}, peers: []peer{{name: whole}}, cells: [][]cell{make([]cell, 1), make([]cell, 1)},
	}}
	for _, r := range []*results{f.call, f.cpu} {
		for _, w := range wholes {
			r.peers = append(r.peers, peer{w.Name, w.Version})
		}
		for _, s := range bench.Streams() {
			r.cases = append(r.cases, s.Name)
			r.cells = append(r.cells, make([]cell, len(wholes)))
		}
	}
	return f
}

// add notes what was measured of one peer in one case.
func (f *wholeFigures) add(c, p int, t bench.Toll, err error) {
	f.call.add(c, p, t.Call, err)
	if err == nil {
		last := &f.call.cells[c][p].samples[len(f.call.cells[c][p].samples)-1]
		last.allocs, last.bytes = t.Allocs, t.Bytes
	}
	if t.HasCPU || err != nil {
		f.cpu.add(c, p, t.CPU, err)
	}
}

// wholeSummary returns the tables for the page.
func wholeSummary(f *wholeFigures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "What a record with 5 attrs costs a service: until the log call returns, in brackets its allocations, and what the whole process works "+
		"for it until it is where it belongs. Records come in bursts of %d, with time to write and to send in between. Times are multiples of that of `%s` in the "+
		"same round, whose own are in nanoseconds. The pipeline redacts, and has an app.log from WARN on behind a buffer, an errors.log, an audit.log that is "+
		"synced, and a Logstash, which is another process that throws away what it gets. After each measurement all files, and what Logstash got, are looked at: "+
		"each record has to be where it belongs, in order, in a whole line, and without its secret.\n", load.Flood, writesAtOnce)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n\n", s.rounds, s.machine, s.date)
	head := make([]string, 1, 1+2*len(f.call.cases))
	for _, c := range f.call.cases {
		head = append(head, c, "CPU")
	}
	rows := make([][]string, len(f.call.peers))
	for j, p := range f.call.peers {
		rows[j] = []string{p.name}
		for c := range f.call.cases {
			rows[j] = append(rows[j], f.call.textAgainst(c, j, writesAtOnce), f.cpu.against(c, j, writesAtOnce))
		}
	}
	table(&out, head, rows)
	for _, c := range f.watch {
		fmt.Fprintf(&out, "\nWhat %s costs a record that is handed to the handler, without what a logger takes; with a sign the difference from the first column:\n\n", c.name)
		c.table(&out)
	}
	out.WriteString("\nWhat was asked for:\n\n")
	table(&out, []string{"what", "compared with", "at most", "measured", "allocs", ""}, f.asked())
	fmt.Fprintf(&out, "\n%s.\n", strings.Join((&handlers{chapters: []chapter{{results: f.call}}}).versions(), ", "))
	return out.String()
}

// asked returns the rows of what was asked for.
func (f *wholeFigures) asked() [][]string {
	rows := make([][]string, 0, len(f.call.cases)+4)
	for c, name := range f.call.cases {
		rows = append(rows, f.ratioRow(c, "the pipeline, "+name))
	}
	h := handlers{chapters: f.watch}
	monitor := func(what, one, other string, most float64) []string {
		return h.limitRow(limit{what, watching, aRecord, one, other, bench.Difference, most})
	}
	rows = append(rows,
		monitor("`monitor.Handler`", monitored, unwatched, mostMonitor),
		monitor("`monitor.Handler`, what it does besides passing on", monitored, passesOn, mostMonitor),
		monitor("a Page that nobody has open", pageShut, monitored, mostPage),
		f.openingRow(0, "`pipeline.Open` with five sinks", mostOpening),
	)
	return rows
}

func (f *wholeFigures) ratioRow(c int, what string) []string {
	ratio, ok := f.call.ratio(c, whole, writesAtOnce)
	if !ok {
		return []string{what, writesAtOnce, times(mostRatio), "–", "–", "not measured"}
	}
	allocated := median(f.call.cell(c, whole).figures(allocs))
	return []string{
		what, writesAtOnce, times(mostRatio), times(ratio), fmt.Sprintf("%.0f", allocated),
		verdict(limit{form: bench.Ratio, most: mostRatio}.beyond(ratio) || allocated >= 0.5),
	}
}

func (f *wholeFigures) openingRow(c int, what string, most time.Duration) []string {
	spent := f.opening.cells[c][0].figures(nanoseconds)
	if len(spent) == 0 {
		return []string{what, "–", duration(float64(most)), "–", "–", "not measured"}
	}
	middle := median(spent)
	return []string{
		what, "–", duration(float64(most)), fmt.Sprintf("%s, at worst %s", duration(middle), duration(slices.Max(spent))), "–",
		verdict(middle > float64(most)),
	}
}

// wholeDetails returns a table of all times, and the reasons for all faults.
func wholeDetails(f *wholeFigures) string {
	all := append(make([]measured, 0, 3+len(f.watch)),
		measured{"call", f.call}, measured{"CPU", f.cpu}, measured{"five sinks", f.opening})
	for _, c := range f.watch {
		all = append(all, measured{c.name, c.results})
	}
	var out strings.Builder
	rows, faults := everything(all)
	table(&out, []string{"what", "of", "by", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
