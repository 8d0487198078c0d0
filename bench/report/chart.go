package main

import (
	"encoding/xml"
	"fmt"
	"strings"
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
	var legend, bars, grid, out strings.Builder
	x, shown := 10, 0
	for j, p := range r.peers {
		if p.name == standard {
			continue
		}
		colors[j] = palette[shown%len(palette)]
		shown++
		rect(&legend, x, 46, 10, 10, colors[j])
		label(&legend, x+14, 55, 11, "start", p.name)
		x += 32 + 6*len(p.name)
	}
	y := chartTop
	for i, name := range r.cases {
		first := y
		for j, p := range r.peers {
			if p.name != standard && r.bar(&bars, i, j, y, colors[j]) {
				y += barPitch
			}
		}
		y = max(y, first+barPitch)
		label(&bars, chartLeft-10, (first+y)/2+3, 12, "end", name)
		y += groupGap
	}

	title := "The time of a log call, " + standard + " = 1: shorter is faster"
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`font-family="system-ui, sans-serif">`+"\n<title>%s</title>\n", chartWidth, y, chartWidth, y, escaped(title))
	label(&out, 10, 20, 14, "start", title)
	label(&out, 10, 36, 10, "start", fmt.Sprintf("%s, medians of %d rounds, %s", s.machine, s.rounds, s.date))
	for half := range 2*chartMax + 1 {
		x, width := chartLeft+half*chartScale/2, 1
		if half == 2 {
			width = 2
		}
		rect(&grid, x, chartTop-4, width, y-groupGap-chartTop+4, textColor)
		label(&legend, x, chartTop-7, 9, "middle", fmt.Sprintf("%.1fx", float64(half)/2))
	}
	fmt.Fprintf(&out, "<g opacity=\"0.4\">\n%s</g>\n", &grid)
	out.WriteString(legend.String())
	out.WriteString(bars.String())
	out.WriteString("</svg>\n")
	return out.String()
}

// bar draws one cell at height y. It is false if there is nothing to draw.
func (r *results) bar(out *strings.Builder, c, p, y int, color string) bool {
	name := r.peers[p].name
	if r.cells[c][p].fault != nil {
		label(out, chartLeft+4, y+barHeight-1, 9, "start", "invalid: "+name)
		return true
	}
	ratio, ok := r.ratio(c, name, standard)
	if !ok {
		return false
	}
	length, text := int(ratio*chartScale), times(ratio)
	if ratio > chartMax {
		length, text = chartMax*chartScale, "» "+text
	}
	rect(out, chartLeft, y, length, barHeight, color)
	label(out, chartLeft+length+4, y+barHeight-1, 9, "start", text)
	return true
}

func rect(out *strings.Builder, x, y, width, height int, color string) {
	fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", x, y, width, height, color)
}

func label(out *strings.Builder, x, y, size int, anchor, text string) {
	fmt.Fprintf(out, `<text x="%d" y="%d" font-size="%d" text-anchor="%s" fill="%s">%s</text>`+"\n",
		x, y, size, anchor, textColor, escaped(text))
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}
