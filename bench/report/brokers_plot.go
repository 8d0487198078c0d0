package main

import (
	"fmt"
	"strings"
)

// brokerPlot returns the table of what was asked for as a picture, with the spread of the rounds.
func brokerPlot(all []*brokerFigures, s setting) string {
	p := plot{
		title: "Clients of brokers: events that ours gets acked while the broker's own client gets one",
		what:  "Each row is one of ours against one of the broker's own. Further right is faster: at 1 both are alike.",
		legend: []key{
			{firstColor, "the Transport alone"},
			{otherColor, "the whole Shipper"},
			{plotAsked, fmt.Sprintf("at least %.2f was asked for", leastShare)},
		},
		left: 355,
	}
	for _, f := range all {
		part := panel{title: fmt.Sprintf("%s (%s %s)", f.Name, f.Server, f.Version)}
		if f.Missing != nil {
			part = panel{title: f.Name, note: fmt.Sprintf("Not on this machine, and left out: %v.", f.Missing)}
		} else {
			for i, c := range f.Cases {
				part.groups = append(part.groups, group{title: c.Name, note: f.speeds(i), rows: f.rows(i)})
			}
		}
		p.panels = append(p.panels, part)
	}
	return p.draw(s)
}

// rows returns a row for each contest of a case.
func (f *brokerFigures) rows(c int) []row {
	contests := f.contests(c)
	rows := make([]row, len(contests))
	for i, c := range contests {
		r := row{
			one: c.ours, other: c.other, rounds: c.shares,
			text: strings.TrimSpace(c.measured() + " " + c.outcome()), color: otherColor, missed: c.missed(),
		}
		if c.asked {
			r.color, r.least = firstColor, leastShare
		}
		rows[i] = r
	}
	return rows
}

// speeds returns how many events a second each client gets acked.
func (f *brokerFigures) speeds(c int) string {
	var texts []string
	for j, p := range f.wall.peers {
		if all := rates(f.wall.cells[c][j]); len(all) > 0 {
			texts = append(texts, fmt.Sprintf("%s %.2f", p.name, median(all)/1e6))
		}
	}
	return strings.Join(texts, " · ") + " million events/s"
}
