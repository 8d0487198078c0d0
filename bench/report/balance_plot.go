package main

import (
	"fmt"
	"time"

	"github.com/sluicelog/sluice/bench"
)

// balancePlot returns the table of rates as a picture, with the spread of the rounds.
func balancePlot(f *balanceFigures, s setting) string {
	p := plot{
		title: "Events a second that a Shipper with LoadBalance gets acked",
		what:  "At the right end are multiples of one receiver in the same round.",
		legend: []key{
			{firstColor, "without keys"},
			{otherColor, "those of a key in order"},
			{plotInk, "what the receivers can ack"},
			{plotAsked, fmt.Sprintf("at least %s one receiver was asked for", times(leastBalance))},
		},
		left: 165,
	}
	all := panel{title: fmt.Sprintf("Receivers that ack %d events a second each", bench.FleetRate)}
	for j, fleet := range f.fleets {
		all.groups = append(all.groups, group{title: fleet.Name, rows: f.rows(j)})
	}
	p.panels = append(p.panels, all)
	return p.draw(s)
}

// rows returns a row for each kind of Shipper.
func (f *balanceFigures) rows(j int) []row {
	rows := make([]row, len(f.wall.cases))
	for c, how := range bench.Spreads() {
		r := row{
			other: how.String(), rounds: rates(f.wall.cells[c][j]), text: f.rate(c, j),
			color: firstColor, most: f.fleets[j].Capacity() * bench.FleetRate,
		}
		if how.Keys > 0 {
			r.color = otherColor
		}
		if f.fleets[j].Name == fourAlike {
			r.least = leastBalance * median(rates(f.wall.cell(c, oneReceiver)))
			if ratio, ok := f.wall.ratio(c, oneReceiver, fourAlike); ok {
				r.missed = below(ratio, leastBalance)
				r.text += " " + verdict(r.missed)
			}
		}
		rows[c] = r
	}
	return rows
}

// rates returns events in a second, by the round.
func rates(c cell) []float64 {
	all := c.figures(nanoseconds)
	for i, ns := range all {
		all[i] = float64(time.Second) / ns
	}
	return all
}
