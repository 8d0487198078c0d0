package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/bench"
)

// A setting says where and how results were measured.
type setting struct {
	machine string // "linux/amd64, 2 CPUs, go1.26.8"
	date    string
	rounds  int
	time    string // of each measurement
}

// summary returns the table of ratios for the README.
func summary(r *results, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "The time of a log call as a multiple of that of `%s` in the same round, whose own is in "+
		"nanoseconds; in brackets its allocations.\n", standard)
	fmt.Fprintf(&out, "Medians of %d rounds of %s each; %s; %s.\n\n", s.rounds, s.time, s.machine, s.date)

	names, versions := make([]string, len(r.peers)), make([]string, len(r.peers))
	for j, p := range r.peers {
		names[j], versions[j] = p.name, p.name+" "+p.version
	}
	rows := make([][]string, len(r.cases))
	for i, name := range r.cases {
		rows[i] = append(rows[i], name)
		for j := range r.peers {
			rows[i] = append(rows[i], r.text(i, j))
		}
		against := "–"
		if ratio, ok := r.ratio(i, ours, rival); ok {
			against = times(ratio)
		}
		rows[i] = append(rows[i], against)
	}
	table(&out, slices.Concat([]string{"case"}, names, []string{"ours against " + rival}), rows)

	fmt.Fprintf(&out, "\n%s.\n", strings.Join(versions, ", "))
	out.WriteString("\"–\": has no such option. " +
		"\"invalid\": what it writes is not what was logged, so it was not timed.\n")
	return out.String()
}

// text returns what the summary says of one peer in one case.
func (r *results) text(c, p int) string { return r.textAgainst(c, p, standard) }

// textAgainst is text, with the time as a multiple of that of another peer.
func (r *results) textAgainst(c, p int, other string) string {
	cell, name := r.cells[c][p], r.peers[p].name
	if cell.fault != nil {
		if errors.Is(cell.fault, bench.ErrLeak) {
			return "leaks"
		}
		return "invalid"
	}
	if len(cell.samples) == 0 {
		return "–"
	}
	allocated := median(cell.figures(allocs))
	ratio, ok := r.ratio(c, name, other)
	if !ok || name == other {
		return fmt.Sprintf("%.0f ns (%.0f)", median(cell.figures(nanoseconds)), allocated)
	}
	return fmt.Sprintf("%s (%.0f)", times(ratio), allocated)
}

// details returns a table of all that was measured, and the reason for all that
// was not because of a fault.
func details(r *results) string {
	var (
		rows   [][]string
		faults strings.Builder
	)
	for i, name := range r.cases {
		for j, p := range r.peers {
			cell := r.cells[i][j]
			if cell.fault != nil {
				fmt.Fprintf(&faults, "\ninvalid: %v\n", cell.fault)
			}
			if len(cell.samples) == 0 {
				continue
			}
			spent := cell.figures(nanoseconds)
			row := []string{name, p.name}
			for _, figure := range []float64{
				median(spent), slices.Min(spent), slices.Max(spent),
				median(cell.figures(bytes)), median(cell.figures(allocs)),
			} {
				row = append(row, fmt.Sprintf("%.0f", figure))
			}
			rows = append(rows, row)
		}
	}
	var out strings.Builder
	table(&out, []string{"case", "peer", "ns/op", "lowest", "highest", "B/op", "allocs/op"}, rows)
	return out.String() + faults.String()
}

// table writes a table of Markdown.
func table(out *strings.Builder, head []string, rows [][]string) {
	line := func(cells []string) {
		for _, text := range cells {
			out.WriteString("| " + strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) + " ")
		}
		out.WriteString("|\n")
	}
	line(head)
	line(slices.Repeat([]string{"---"}, len(head)))
	for _, row := range rows {
		line(row)
	}
}

func times(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0fx", ratio)
	}
	return fmt.Sprintf("%.2fx", ratio)
}
