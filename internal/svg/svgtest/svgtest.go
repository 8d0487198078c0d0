// Package svgtest reads what package svg has drawn, for tests.
package svgtest

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// A Picture is what a file holds, each in the order in which it is drawn.
type Picture struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Title  string  `xml:"title"`
	Texts  []Text  `xml:"text"`
	Rects  []Rect  `xml:"rect"`
	Faint  []Rect  `xml:"g>rect"` // those of svg.Drawing.AddFaint
	Lines  []Line  `xml:"line"`
	Paths  []Path  `xml:"polyline"`
}

// A Text is where svg.Drawing.Text has written it.
type Text struct {
	X    float64 `xml:"x,attr"`
	Y    float64 `xml:"y,attr"`
	Fill string  `xml:"fill,attr"`
	Text string  `xml:",chardata"`
}

// A Rect is where svg.Drawing.Rect has drawn it.
type Rect struct {
	X      float64 `xml:"x,attr"`
	Y      float64 `xml:"y,attr"`
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Fill   string  `xml:"fill,attr"`
}

// A Line is where svg.Drawing.Line has drawn it.
type Line struct {
	X1 float64 `xml:"x1,attr"`
	Y1 float64 `xml:"y1,attr"`
	X2 float64 `xml:"x2,attr"`
	Y2 float64 `xml:"y2,attr"`
}

// A Path is where svg.Drawing.Path has drawn it, as in "10,20 30.3,40".
type Path struct {
	Points string `xml:"points,attr"`
}

// Read reads a file. An error says that it is no SVG, that a number is none, or that
// something begins or ends outside of the picture.
func Read(file string) (p Picture, err error) {
	if err := xml.Unmarshal([]byte(file), &p); err != nil {
		return p, err
	}
	inside := func(what any, x, y float64) {
		// Numbers are rounded to a tenth of a pixel. NaN is outside, too.
		if in := x >= 0 && y >= 0 && x <= p.Width+0.1 && y <= p.Height+0.1; !in && err == nil {
			err = fmt.Errorf("%+v: it is at %v, %v of %v, %v", what, x, y, p.Width, p.Height)
		}
	}
	for _, t := range p.Texts {
		inside(t, t.X, t.Y)
	}
	for _, r := range slices.Concat(p.Rects, p.Faint) {
		inside(r, r.X, r.Y)
		inside(r, r.X+r.Width, r.Y+r.Height)
	}
	for _, l := range p.Lines {
		inside(l, l.X1, l.Y1)
		inside(l, l.X2, l.Y2)
	}
	for _, path := range p.Paths {
		for point := range strings.FieldsSeq(path.Points) {
			var x, y float64
			if _, err := fmt.Sscanf(point, "%g,%g", &x, &y); err != nil {
				return p, fmt.Errorf("%+v: %w", path, err)
			}
			inside(path, x, y)
		}
	}
	return p, err
}

// Has reports whether there is such a text.
func (p Picture) Has(text string) bool {
	return slices.ContainsFunc(p.Texts, func(t Text) bool { return t.Text == text })
}
