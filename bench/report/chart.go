package main

import (
	"fmt"
	"math"

	"github.com/sluicelog/sluice/internal/svg"
)

// The chart in pixels. Its colors are read on white and on black alike.
const (
	chartWidth = 860
	chartLeft  = 200 // where the bars begin
	chartScale = 270 // the length of a bar that is 1.00x
	chartMax   = 2   // the ratio from which on a bar is cut off
	chartTop   = 76
	barHeight  = 9
	barPitch   = 11
	groupGap   = 14
	textColor  = "#7d8590"
)

// chart returns the ratios as an SVG of bars, a group for each case.
func chart(r *results, s setting) string {
	palette := []string{"#0072b2", "#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00"}
	colors := make([]string, len(r.peers))
	var legend, bars, grid, whole svg.Drawing
	x, shown := 10.0, 0
	for j, p := range r.peers {
		if p.name == standard {
			continue
		}
		colors[j] = palette[shown%len(palette)]
		shown++
		legend.Rect(x, 46, 10, 10, colors[j])
		legend.Text(x+14, 55, 11, "start", textColor, p.name)
		x += float64(32 + 6*len(p.name))
	}
	y := float64(chartTop)
	for i, name := range r.cases {
		first := y
		for j, p := range r.peers {
			if p.name != standard && r.bar(&bars, i, j, y, colors[j]) {
				y += barPitch
			}
		}
		y = max(y, first+barPitch)
		bars.Text(chartLeft-10, math.Floor((first+y)/2)+3, 12, "end", textColor, name)
		y += groupGap
	}

	title := "The time of a log call, " + standard + " = 1: shorter is faster"
	whole.Text(10, 20, 14, "start", textColor, title)
	whole.Text(10, 36, 10, "start", textColor, fmt.Sprintf("%s, medians of %d rounds, %s", s.machine, s.rounds, s.date))
	for half := range 2*chartMax + 1 {
		x, width := chartLeft+float64(half)*chartScale/2, 1.0
		if half == 2 {
			width = 2
		}
		grid.Rect(x, chartTop-4, width, y-groupGap-chartTop+4, textColor)
		legend.Text(x, chartTop-7, 9, "middle", textColor, fmt.Sprintf("%.1fx", float64(half)/2))
	}
	whole.AddFaint(&grid, 0.4)
	whole.Add(&legend)
	whole.Add(&bars)
	return whole.File(chartWidth, int(y), title)
}

// bar draws one cell at height y. It is false if there is nothing to draw.
func (r *results) bar(d *svg.Drawing, c, p int, y float64, color string) bool {
	name := r.peers[p].name
	if r.cells[c][p].fault != nil {
		d.Text(chartLeft+4, y+barHeight-1, 9, "start", textColor, "invalid: "+name)
		return true
	}
	ratio, ok := r.ratio(c, name, standard)
	if !ok {
		return false
	}
	length, text := math.Floor(ratio*chartScale), times(ratio)
	if ratio > chartMax {
		length, text = chartMax*chartScale, "» "+text
	}
	d.Rect(chartLeft, y, length, barHeight, color)
	d.Text(chartLeft+length+4, y+barHeight-1, 9, "start", textColor, text)
	return true
}
