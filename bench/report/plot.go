package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/sluicelog/sluice/internal/svg"
)

// The measures of a plot, in pixels, and its colors: on a light ground, so that they are
// read on any page.
const (
	plotWidth  = 860
	plotMargin = 10
	plotRight  = 110 // for the texts at the ends of rows
	rowPitch   = 18
	rowBar     = 11 // how high a bar is
	charWidth  = 5.8

	plotGround = "#ffffff"
	plotInk    = "#24292f"
	plotDim    = "#57606a"
	plotGrid   = "#d0d7de"
	plotAsked  = "#cf222e"
	firstColor = "#80bfea"
	otherColor = "#f3c669"
)

// plot is rows of bars over axes from 0 on.
type plot struct {
	title  string
	what   string // below it
	legend []key
	left   float64 // of the bars
	panels []panel
}

// key says what a color stands for.
type key struct{ color, text string }

// panel has an axis of its own.
type panel struct {
	title, note string
	groups      []group
}

type group struct {
	title, note string
	rows        []row
}

// row is a bar as long as the median of the rounds, with their spread over it.
type row struct {
	one, other string    // what it is of, the first far left
	rounds     []float64 // none if nothing was measured
	text       string    // at the end
	color      string
	missed     bool
	least      float64 // what was asked for; 0 if nothing was
	most       float64 // what is possible; 0 if that is unknown
}

// draw returns the plot as an SVG.
func (p *plot) draw(s setting) string {
	var over, whole svg.Drawing
	over.Text(plotMargin, 22, 15, "start", plotInk, p.title)
	over.Text(plotMargin, 40, 11, "start", plotDim, p.what)
	over.Text(plotWidth-plotMargin, 40, 11, "end", plotDim, s.machine+"; "+s.date)
	over.Text(plotMargin, 56, 11, "start", plotDim,
		fmt.Sprintf("A bar is the median of %d rounds, the thin line on it all of them (» beyond the edge), the thick one the middle half.", s.rounds))
	x := float64(plotMargin)
	for _, k := range p.legend {
		over.Rect(x, 66, 10, 10, k.color)
		over.Text(x+14, 75, 11, "start", plotInk, k.text)
		x += 34 + charWidth*float64(len(k.text))
	}
	y := 84.0
	for i := range p.panels {
		y = p.panel(&over, &p.panels[i], y+24)
	}
	y += plotMargin
	whole.Rect(0, 0, plotWidth, y, plotGround)
	whole.Add(&over)
	return whole.File(plotWidth, int(y), p.title)
}

// panel draws a panel with its title at y, and returns where it ends.
func (p *plot) panel(d *svg.Drawing, part *panel, y float64) float64 {
	d.Text(plotMargin, y, 14, "start", plotInk, part.title)
	if part.note != "" {
		y += 16
		d.Text(plotMargin, y, 11, "start", plotDim, part.note)
	}
	if len(part.groups) == 0 {
		return y
	}
	y += 16
	a := axis{left: p.left, wide: plotWidth - plotRight - p.left, limit: part.limit()}
	for _, v := range svg.Ticks(a.limit) {
		d.Text(a.at(v), y, 11, "middle", plotDim, svg.Number(v))
	}
	for i := range part.groups {
		y = a.group(d, &part.groups[i], y)
	}
	return y
}

// limit returns where the axis ends: what has been an outlier in a round is cut off.
func (p *panel) limit() float64 {
	all, most := 0.0, 0.0
	for _, g := range p.groups {
		for i := range g.rows {
			r := &g.rows[i]
			most = max(most, median(r.rounds), r.least, r.most)
			all = max(all, slices.Max(append([]float64{0}, r.rounds...)))
		}
	}
	if most == 0 {
		return 1
	}
	return 1.03 * max(most, min(all, 1.4*most))
}

// axis is where numbers are, from 0 to a limit.
type axis struct{ left, wide, limit float64 }

func (a axis) at(v float64) float64 { return a.left + min(v/a.limit, 1)*a.wide }

// group draws a group below y, and returns where it ends.
func (a axis) group(d *svg.Drawing, g *group, y float64) float64 {
	y += rowPitch
	d.Text(plotMargin, y, 12, "start", plotInk, g.title)
	if g.note != "" {
		d.Text(plotWidth-plotMargin, y, 10, "end", plotDim, g.note)
	}
	y += 6
	for _, v := range svg.Ticks(a.limit) {
		d.Line(a.at(v), y, a.at(v), y+rowPitch*float64(len(g.rows)), plotGrid)
	}
	for i := range g.rows {
		r := &g.rows[i]
		if r.one != "" && (i == 0 || r.one != g.rows[i-1].one) {
			d.Text(plotMargin, y+12, 11, "start", plotInk, r.one)
		}
		a.row(d, r, y)
		y += rowPitch
	}
	return y
}

// row draws a row below y.
func (a axis) row(d *svg.Drawing, r *row, y float64) {
	middle := y + rowPitch/2.0
	d.Text(a.left-8, y+12, 11, "end", plotInk, r.other)
	color := plotInk
	if r.missed {
		color = plotAsked
	}
	d.Text(plotWidth-plotMargin, y+12, 11, "end", color, r.text)
	if len(r.rounds) > 0 {
		d.Rect(a.left, middle-rowBar/2.0, a.at(median(r.rounds))-a.left, rowBar, r.color)
	}
	if r.least > 0 {
		d.Rect(a.at(r.least)-1, y, 2, rowPitch, plotAsked)
	}
	if r.most > 0 {
		d.Rect(a.at(r.most)-1, y+1, 2, rowPitch-2, plotInk)
	}
	if len(r.rounds) > 1 {
		a.spread(d, r.rounds, middle)
	}
}

// spread draws where the rounds were.
func (a axis) spread(d *svg.Drawing, values []float64, middle float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	low, high := a.at(sorted[0]), a.at(sorted[n-1])
	d.Line(low, middle, high, middle, plotInk)
	d.Line(low, middle-3, low, middle+3, plotInk)
	if sorted[n-1] > a.limit {
		d.Text(high+2, middle+4, 11, "start", plotInk, "»")
	} else {
		d.Line(high, middle-3, high, middle+3, plotInk)
	}
	from, to := a.at(sorted[n/4]), a.at(sorted[n-1-n/4])
	d.Rect(from, middle-1.5, math.Max(to-from, 1), 3, plotInk)
}
