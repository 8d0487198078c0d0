package main

import "github.com/sluicelog/sluice/internal/svg"

// panel is a part of a drawing with axes from 0 to xMax and to yMax.
type panel struct {
	d                     *svg.Drawing
	left, top, wide, high float64
	xMax, yMax            float64
}

// at returns where a point is.
func (p panel) at(x, y float64) [2]float64 {
	return [2]float64{p.left + x/p.xMax*p.wide, p.top + p.high*(1-y/p.yMax)}
}

// axes draws the title, the grid and the labels of the axes. The y axis may be on the
// right as well, with other numbers.
func (p panel) axes(title, xUnit string, yLabel func(v float64) string) {
	p.d.Text(p.left, p.top-10, 13, "start", ink, title)
	for _, v := range svg.Ticks(p.yMax) {
		y := p.at(0, v)[1]
		p.d.Line(p.left, y, p.left+p.wide, y, faint)
		p.d.Text(p.left-6, y+4, 11, "end", ink, yLabel(v))
	}
	for _, v := range svg.Ticks(p.xMax) {
		x := p.at(v, 0)[0]
		p.d.Line(x, p.top+p.high, x, p.top+p.high+4, ink)
		p.d.Text(x, p.top+p.high+16, 11, "middle", ink, svg.Number(v))
	}
	p.d.Line(p.left, p.top+p.high, p.left+p.wide, p.top+p.high, ink)
	p.d.Text(p.left+p.wide, p.top+p.high+30, 11, "end", ink, xUnit)
}

// label names a color inside a panel, so many lines from below.
func (p panel) label(line int, color, text string) {
	y := p.top + p.high - 14*float64(line)
	p.d.Rect(p.left+p.wide-10, y, 8, 8, color)
	p.d.Text(p.left+p.wide-14, y+8, 11, "end", ink, text)
}

// legend names a color above a panel, so many places from the right.
func (p panel) legend(place float64, color, text string) {
	x := p.left + p.wide - place*legendStep
	p.d.Rect(x, p.top-19, 10, 10, color)
	p.d.Text(x+14, p.top-10, 11, "start", ink, text)
}
