package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// The fleets that are set against each other.
const (
	oneReceiver  = "one receiver"
	fourAlike    = "four alike"
	leastBalance = 3.5 // events that four are to ack while one acks one
)

// balanceFigures holds what was measured of fleets of receivers: the time of an event
// from one ack to the next, and what the processors worked for it.
type balanceFigures struct {
	fleets    []bench.Fleet
	wall, cpu *results
}

// measureBalance measures every fleet once a round, in turn as measure does.
func measureBalance(fleets []bench.Fleet, load bench.Load, rounds int, progress io.Writer) *balanceFigures {
	f := newBalanceFigures(fleets)
	begun := time.Now()
	for round := range rounds {
		for c, how := range bench.Spreads() {
			for _, j := range turns(len(fleets), round) {
				if f.wall.cells[c][j].fault != nil {
					continue
				}
				cost, err := fleets[j].Balance(load, how)
				f.wall.add(c, j, cost.Wall, err)
				if cost.HasCPU || err != nil {
					f.cpu.add(c, j, cost.CPU, err)
				}
			}
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d, %.0f s\n", round+1, rounds, time.Since(begun).Seconds())
	}
	return f
}

func newBalanceFigures(fleets []bench.Fleet) *balanceFigures {
	f := &balanceFigures{fleets, &results{}, &results{}}
	for _, r := range []*results{f.wall, f.cpu} {
		for _, fleet := range fleets {
			r.peers = append(r.peers, peer{name: fleet.Name})
		}
		for _, how := range bench.Spreads() {
			r.cases = append(r.cases, how.String())
			r.cells = append(r.cells, make([]cell, len(fleets)))
		}
	}
	return f
}

// balanceSummary returns the tables for the page.
func balanceSummary(f *balanceFigures, load bench.Load, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "How many events a second a Shipper with `LoadBalance` gets acked that always has more to send, over %s, by Beats inputs in the same process. "+
		"Each acks %d events a second, over all of its connections, so that the receivers are the limit. "+
		"Multiples are of one receiver in the same round. With keys, the option Key is set, and one event after the other has the next of so many. "+
		"When all is sent, each event has to have arrived once, and those of one key in order.\n", load.Balanced, bench.FleetRate)
	fmt.Fprintf(&out, "Medians of %d rounds; %s; %s.\n\n", s.rounds, s.machine, s.date)
	head := make([]string, 1, 1+len(f.fleets))
	possible := []string{"what the receivers can ack"}
	head[0] = "Shipper"
	for j, fleet := range f.fleets {
		head = append(head, fleet.Name)
		if j == 0 {
			possible = append(possible, fmt.Sprintf("%.0f/s", fleet.Capacity()*bench.FleetRate))
		} else {
			possible = append(possible, times(fleet.Capacity()))
		}
	}
	rows := append(make([][]string, 0, 1+len(f.wall.cases)), possible)
	for c, name := range f.wall.cases {
		row := append(make([]string, 0, 1+len(f.fleets)), name)
		for j := range f.fleets {
			row = append(row, f.rate(c, j))
		}
		rows = append(rows, row)
	}
	table(&out, head, rows)
	out.WriteString("\nWhat was asked for:\n\n")
	table(&out, []string{"what", "compared with", "at least", "measured", ""}, f.asked())
	if busiest := f.busiest(); busiest > 0 {
		fmt.Fprintf(&out, "\nThat kept at most %.1f processors busy, with the work of the receivers.\n", busiest)
	}
	return out.String()
}

// busiest returns how many processors worked at most, 0 if that is unknown.
func (f *balanceFigures) busiest() (most float64) {
	for c := range f.wall.cells {
		for j := range f.fleets {
			worked, spent := median(f.cpu.cells[c][j].figures(nanoseconds)), median(f.wall.cells[c][j].figures(nanoseconds))
			if spent > 0 {
				most = max(most, worked/spent)
			}
		}
	}
	return most
}

// balanceDetails returns a table of all times, and the reasons for all faults.
func balanceDetails(f *balanceFigures) string {
	var out strings.Builder
	rows, faults := everything([]measured{{"wall", f.wall}, {"CPU", f.cpu}})
	table(&out, []string{"what", "of", "receivers", "ns", "lowest", "highest"}, rows)
	return out.String() + faults
}

// rate returns the figure of a fleet, as a multiple of that of one receiver.
func (f *balanceFigures) rate(c, p int) string {
	cell := f.wall.cells[c][p]
	ratio, ok := f.wall.ratio(c, oneReceiver, f.fleets[p].Name)
	switch {
	case cell.fault != nil:
		return short(cell.fault)
	case len(cell.samples) == 0:
		return "–"
	case !ok || f.fleets[p].Name == oneReceiver:
		return fmt.Sprintf("%.0f/s", float64(time.Second)/median(cell.figures(nanoseconds)))
	}
	return times(ratio)
}

// asked returns the rows of what was asked for.
func (f *balanceFigures) asked() [][]string {
	rows := make([][]string, len(f.wall.cases))
	for c, name := range f.wall.cases {
		rows[c] = []string{fourAlike + ", " + name, oneReceiver, times(leastBalance), "–", "not measured"}
		if ratio, ok := f.wall.ratio(c, oneReceiver, fourAlike); ok {
			rows[c][3], rows[c][4] = times(ratio), verdict(below(ratio, leastBalance))
		}
	}
	return rows
}
