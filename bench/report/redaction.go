package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

// The names of the redactors and scanners that are set against others, and of
// the cases for the README.
const (
	masking     = "redact → slog.JSONHandler"
	maskingOurs = "redact → handler.JSONHandler"
	fewNames    = "masq, 2 names → slog.JSONHandler"
	manyNames   = "masq, 10 names → slog.JSONHandler"
	scanning    = "redact.String"
	oneByOne    = "its patterns, one by one"
	fiveAttrs   = "5 attrs"
	kilobyte    = "a message of 1 KB"
)

// redaction holds what was measured of redactors, and of scanners, whose cases are
// texts.
type redaction struct {
	calls, scans *results
	lengths      []int // of the texts
}

// measureRedaction measures each redactor and each scanner once a round, in turn
// as measure does.
func measureRedaction(rounds int, progress io.Writer) *redaction {
	return &redaction{
		scans:   measureScans(bench.Texts(), bench.Scanners(), rounds),
		calls:   measure(bench.RedactionCases(), bench.Redactors(), rounds, progress),
		lengths: lengths(bench.Texts()),
	}
}

func lengths(texts []bench.Text) []int {
	all := make([]int, len(texts))
	for i, t := range texts {
		all[i] = len(t.Text)
	}
	return all
}

func measureScans(texts []bench.Text, scanners []bench.Scanner, rounds int) *results {
	r := &results{}
	for _, s := range scanners {
		r.peers = append(r.peers, peer{name: s.Name, version: s.Version})
	}
	for _, t := range texts {
		row := make([]cell, len(scanners))
		for j, s := range scanners {
			row[j].fault = s.Check(t)
		}
		r.cases, r.cells = append(r.cases, t.Name), append(r.cells, row)
	}
	for round := range rounds {
		for i, t := range texts {
			for _, j := range turns(len(scanners), round) {
				if cell := &r.cells[i][j]; cell.fault == nil {
					cell.samples = append(cell.samples, sampleOf(testing.Benchmark(func(b *testing.B) { scanners[j].Run(b, t) })))
				}
			}
		}
	}
	return r
}

// redactSummary returns the tables for the page of figures.
func redactSummary(f *redaction, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "The time of a log call: that of `%s` and of `%s` is in nanoseconds, any other a multiple of that "+
		"of the one whose lines are kept clean, in the same round; in brackets its allocations. "+
		"Where the case names no password and no token, there is nothing to redact.\n",
		standard, ours)
	fmt.Fprintf(&out, "Medians of %d rounds of %s each; %s; %s.\n\n", s.rounds, s.time, s.machine, s.date)
	f.callsTable(&out)
	fmt.Fprintf(&out, "\nLooking through a text without a secret, in MB/s, and how many times as fast `%s` is.\n\n", scanning)
	f.scansTable(&out)

	var versions []string
	for _, p := range slices.Concat(f.calls.peers, f.scans.peers) {
		if name := p.name + " " + p.version; !slices.Contains(versions, name) {
			versions = append(versions, name)
		}
	}
	fmt.Fprintf(&out, "\n%s.\n", strings.Join(versions, ", "))
	out.WriteString("\"leaks\": the secret is in its line. \"invalid\": its line is not JSON, or not what was logged. Neither was timed.\n")
	return out.String()
}

func (f *redaction) callsTable(out *strings.Builder) {
	r := f.calls
	names := make([]string, len(r.peers))
	for j, p := range r.peers {
		names[j] = p.name
	}
	rows := make([][]string, len(r.cases))
	for i, name := range r.cases {
		rows[i] = append(rows[i], name)
		for j := range r.peers {
			rows[i] = append(rows[i], r.textAgainst(i, j, base(names[j])))
		}
		rows[i] = append(rows[i], r.multiple(i, masking, fewNames), r.multiple(i, masking, manyNames))
	}
	table(out, slices.Concat([]string{"case"}, names, []string{"redact against masq, 2 names", "10 names"}), rows)
}

// base returns the handler whose lines a redactor keeps clean.
func base(redactor string) string {
	if strings.HasSuffix(redactor, ours) {
		return ours
	}
	return standard
}

// multiple returns the time of one as a multiple of that of another.
func (r *results) multiple(c int, one, other string) string {
	if ratio, ok := r.ratio(c, one, other); ok {
		return times(ratio)
	}
	return "–"
}

func (f *redaction) scansTable(out *strings.Builder) {
	r := f.scans
	names, against := make([]string, len(r.peers)), make([]string, len(r.peers))
	for j, p := range r.peers {
		names[j], against[j] = p.name, "against "+p.name
	}
	rows := make([][]string, len(r.cases))
	for i, name := range r.cases {
		rows[i] = append(rows[i], name)
		for j := range r.peers {
			rows[i] = append(rows[i], f.speed(i, j))
		}
		for _, p := range r.peers[1:] {
			rows[i] = append(rows[i], r.multiple(i, p.name, scanning))
		}
	}
	table(out, slices.Concat([]string{"text"}, names, against[1:]), rows)
}

// speed returns the MB/s of a scanner.
func (f *redaction) speed(text, scanner int) string {
	cell := f.scans.cells[text][scanner]
	switch {
	case cell.fault != nil:
		return "invalid"
	case len(cell.samples) == 0:
		return "–"
	}
	speed := float64(f.lengths[text]) / median(cell.figures(nanoseconds)) * 1e3
	if speed < 10 {
		return fmt.Sprintf("%.1f MB/s", speed)
	}
	return fmt.Sprintf("%.0f MB/s", speed)
}

// redactShort returns the rows for the README.
func redactShort(f *redaction, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Medians of %d rounds of %s each; %s; %s.\n\n", s.rounds, s.time, s.machine, s.date)
	five, text := slices.Index(f.calls.cases, fiveAttrs), slices.Index(f.scans.cases, kilobyte)
	rows := [][]string{
		append([]string{"a log call with 5 attrs through redaction", "the same without"}, f.calls.pair(five, masking, standard)...),
		append([]string{"the same", "masq with the names of 2 fields"}, f.calls.pair(five, masking, fewNames)...),
		append([]string{
			"looking through a message of 1 KB, at " + f.speed(text, 0), "the patterns of the rules, one by one",
		}, f.scans.pair(text, scanning, oneByOne)...),
	}
	table(&out, []string{"nothing to redact, default rules", "compared with", "ratio", "ns", "allocs"}, rows)
	return out.String()
}

// pair returns how one compares with another: the ratio, the times and the
// allocations.
func (r *results) pair(c int, one, other string) []string {
	a, b := r.cell(c, one), r.cell(c, other)
	ratio, ok := r.ratio(c, one, other)
	if !ok {
		return []string{"–", "–", "–"}
	}
	text := times(ratio)
	if ratio < 0.1 {
		text = fmt.Sprintf("%.4fx", ratio)
	}
	both := func(figure func(sample) float64) string {
		return fmt.Sprintf("%.0f against %.0f", median(a.figures(figure)), median(b.figures(figure)))
	}
	return []string{text, both(nanoseconds), both(allocs)}
}

// redactDetails returns a table of all times, and the reasons for all faults.
func redactDetails(f *redaction) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"a log call", f.calls}, {"looking through", f.scans}})
	table(&out, []string{"what", "of", "by", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}
