package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG in the making, in pixels, on a light ground.
type drawing struct{ b strings.Builder }

const (
	ink   = "#24292f"
	faint = "#d0d7de"
	shade = "#fbe3dc"
)

func newDrawing(width, height int, title string) *drawing {
	d := new(drawing)
	fmt.Fprintf(&d.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`font-family="system-ui, sans-serif">`+"\n<title>%s</title>\n", width, height, width, height, escaped(title))
	d.rect(0, 0, float64(width), float64(height), "#ffffff")
	return d
}

func (d *drawing) String() string { return d.b.String() + "</svg>\n" }

func (d *drawing) rect(x, y, width, height float64, fill string) {
	fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", px(x), px(y), px(width), px(height), fill)
}

func (d *drawing) line(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(&d.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`+"\n", px(x1), px(y1), px(x2), px(y2), stroke)
}

// path draws a line through points.
func (d *drawing) path(points [][2]float64, stroke string) {
	if len(points) == 0 {
		return
	}
	words := make([]string, len(points))
	for i, p := range points {
		words[i] = px(p[0]) + "," + px(p[1])
	}
	fmt.Fprintf(&d.b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(words, " "), stroke)
}

func (d *drawing) text(x, y float64, size int, anchor, fill, text string) {
	fmt.Fprintf(&d.b, `<text x="%s" y="%s" font-size="%d" text-anchor="%s" fill="%s">%s</text>`+"\n",
		px(x), px(y), size, anchor, fill, escaped(text))
}

// px returns a number of pixels, to a tenth.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}

// panel is a part of a drawing with axes from 0 to xMax and to yMax.
type panel struct {
	d                     *drawing
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
	p.d.text(p.left, p.top-10, 13, "start", ink, title)
	for _, v := range ticks(p.yMax) {
		y := p.at(0, v)[1]
		p.d.line(p.left, y, p.left+p.wide, y, faint)
		p.d.text(p.left-6, y+4, 11, "end", ink, yLabel(v))
	}
	for _, v := range ticks(p.xMax) {
		x := p.at(v, 0)[0]
		p.d.line(x, p.top+p.high, x, p.top+p.high+4, ink)
		p.d.text(x, p.top+p.high+16, 11, "middle", ink, number(v))
	}
	p.d.line(p.left, p.top+p.high, p.left+p.wide, p.top+p.high, ink)
	p.d.text(p.left+p.wide, p.top+p.high+30, 11, "end", ink, xUnit)
}

// ticks returns round numbers from 0 to limit, about five of them.
func ticks(limit float64) (all []float64) {
	step := math.Pow(10, math.Floor(math.Log10(limit/5)))
	for _, m := range []float64{1, 2, 5, 10} {
		if limit/(m*step) <= 6 {
			step *= m
			break
		}
	}
	for i := 0; float64(i)*step <= limit*1.0001; i++ {
		all = append(all, float64(i)*step)
	}
	return all
}

// number returns a number without digits that say nothing.
func number(v float64) string {
	switch {
	case math.Abs(v) >= 10_000:
		return strconv.FormatFloat(v/1000, 'f', -1, 64) + "k"
	default:
		return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	}
}
