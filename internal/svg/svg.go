// Package svg draws pictures as SVG: no script, nothing from elsewhere, the same bytes
// for the same picture.
package svg

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Drawing is shapes and texts, each over those before it, in pixels from the left and
// from the top. The zero value has none.
type Drawing struct{ out strings.Builder }

// Rect draws a rectangle.
func (d *Drawing) Rect(x, y, width, height float64, fill string) {
	fmt.Fprintf(&d.out, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", pixels(x), pixels(y), pixels(width), pixels(height), fill)
}

// Line draws a line of one pixel.
func (d *Drawing) Line(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(&d.out, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`+"\n", pixels(x1), pixels(y1), pixels(x2), pixels(y2), stroke)
}

// Path draws a line through points, if there are any.
func (d *Drawing) Path(points [][2]float64, stroke string) {
	if len(points) == 0 {
		return
	}
	words := make([]string, len(points))
	for i, p := range points {
		words[i] = pixels(p[0]) + "," + pixels(p[1])
	}
	fmt.Fprintf(&d.out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(words, " "), stroke)
}

// Text writes a text of so many pixels whose "start", "middle" or "end" is at x, on the
// line y.
func (d *Drawing) Text(x, y float64, size int, anchor, fill, text string) {
	fmt.Fprintf(&d.out, `<text x="%s" y="%s" font-size="%d" text-anchor="%s" fill="%s">%s</text>`+"\n",
		pixels(x), pixels(y), size, anchor, fill, escaped(text))
}

// Add draws what is in another drawing.
func (d *Drawing) Add(part *Drawing) { d.out.WriteString(part.out.String()) }

// AddFaint draws what is in another drawing with an opacity from 0 to 1.
func (d *Drawing) AddFaint(part *Drawing, opacity float64) {
	fmt.Fprintf(&d.out, "<g opacity=\"%v\">\n%s</g>\n", opacity, &part.out)
}

// File returns the drawing as a file. The title is for those who do not see it.
func (d *Drawing) File(width, height int, title string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`font-family="system-ui, sans-serif">`+"\n<title>%s</title>\n%s</svg>\n", width, height, width, height, escaped(title), &d.out)
}

// pixels returns a number of pixels, to a tenth.
func pixels(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}
