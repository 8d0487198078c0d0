package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Picture is panels below each other.
type Picture struct {
	Title  string
	Note   string // below the title
	Text   string // what is to be seen, for those who do not see it
	Panels []Panel
}

// A Panel has columns, which stand beside each other over an axis, or rows.
type Panel struct {
	Title   string
	Legend  []Key
	Columns []Column
	Marks   []Mark // across the columns
	Rows    []Row
}

// A Key says what a tone stands for.
type Key struct {
	Tone Tone
	Name string
}

// A Column is a bar that stands.
type Column struct {
	Label string // below it, if there is room
	Parts []Part // from below
	Text  string // for who points at it
}

// A Mark is a line with a label between columns: 0 is where the first begins, 1.5 the middle of the second.
type Mark struct {
	At    float64
	Label string
}

// The measures, in pixels.
const (
	pictureWidth = 860
	margin       = 16
	axisWidth    = 56 // left of columns
	columnHeight = 140
	rowHeight    = 20
	labelWidth   = 200 // left of rows
	letterWidth  = 6.6 // of a text of 12 pixels, about
)

// style has the colors, for a light background and for a dark one.
const style = `<style>
.back{fill:#ffffff}.text{fill:#1f2328}.dim{fill:#59636e}.line{stroke:#d1d9e0}.mark{stroke:#1f2328}
.plain{fill:#0969da}.faint{fill:#818b98}.warning{fill:#b07800}.error{fill:#cf222e}
@media(prefers-color-scheme:dark){
.back{fill:#0d1117}.text{fill:#f0f6fc}.dim{fill:#9198a1}.line{stroke:#3d444d}.mark{stroke:#f0f6fc}
.plain{fill:#4493f8}.faint{fill:#6e7681}.warning{fill:#d29922}.error{fill:#f85149}
}
text{font:12px system-ui,sans-serif}.head{font-size:18px;font-weight:600}.title{font-size:14px;font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}
</style>
`

// WriteTo writes the picture as SVG: no script, nothing from elsewhere, the same bytes for the same picture.
func (p *Picture) WriteTo(w io.Writer) (int64, error) {
	var body drawing
	y := margin + 18
	body.text(margin, y, "head text", p.Title)
	if p.Note != "" {
		y += 20
		body.text(margin, y, "dim", p.Note)
	}
	for i := range p.Panels {
		y = body.panel(&p.Panels[i], y+34)
	}
	y += margin

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+
		"\n<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", pictureWidth, y, pictureWidth, y, escaped(p.Title), escaped(p.Text))
	out.WriteString(style)
	fmt.Fprintf(&out, `<rect class="back" width="%d" height="%d"/>`+"\n", pictureWidth, y)
	out.WriteString(body.out.String())
	out.WriteString("</svg>\n")
	n, err := w.Write(out.Bytes())
	return int64(n), err
}

// A drawing is elements of SVG.
type drawing struct{ out strings.Builder }

func (d *drawing) text(x, y int, class, text string) {
	fmt.Fprintf(&d.out, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, escaped(text))
}

func (d *drawing) rect(x, y, width, height float64, t Tone) {
	fmt.Fprintf(&d.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, toneClass(t), pixels(x), pixels(y), pixels(width), pixels(height))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.out, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, pixels(x1), pixels(y1), pixels(x2), pixels(y2))
}

// panel draws a panel from y on and returns where it ends.
func (d *drawing) panel(p *Panel, y int) int {
	d.text(margin, y, "title text", p.Title)
	x := pictureWidth - margin
	for _, k := range slices.Backward(p.Legend) {
		d.text(x, y, "end dim", k.Name)
		x -= textWidth(k.Name) + 14
		d.rect(float64(x), float64(y-9), 10, 10, k.Tone)
		d.out.WriteByte('\n')
		x -= 14
	}
	y += 10
	if len(p.Columns) > 0 {
		y = d.columns(p, y)
	}
	if len(p.Rows) > 0 {
		y = d.rows(p.Rows, y)
	}
	return y
}

func (d *drawing) columns(p *Panel, y int) int {
	full := 0.0
	for _, c := range p.Columns {
		full = max(full, total(c.Parts))
	}
	tick := tickOf(full)
	full = max(math.Ceil(full/tick), 1) * tick
	top, base := y, y+columnHeight
	if len(p.Marks) > 0 {
		top, base = top+16, base+16
	}
	left, width := float64(margin+axisWidth), float64(pictureWidth-2*margin-axisWidth)
	for v := 0.0; v <= full*1.0001; v += tick {
		at := float64(base) - v/full*columnHeight
		d.line("line", left, at, left+width, at)
		d.text(margin+axisWidth-6, int(at)+4, "end dim", Number(v))
	}
	pitch := width / float64(len(p.Columns))
	gap := min(2, pitch/5)
	wide := 0
	for _, c := range p.Columns {
		wide = max(wide, textWidth(c.Label))
	}
	every := int(math.Ceil(float64(wide+10) / pitch))
	for i, c := range p.Columns {
		x := left + float64(i)*pitch
		d.out.WriteString("<g>")
		if c.Text != "" {
			fmt.Fprintf(&d.out, "<title>%s</title>", escaped(c.Text))
		}
		bottom := float64(base)
		for _, part := range c.Parts {
			if part.Value <= 0 {
				continue
			}
			height := max(part.Value/full*columnHeight, 1)
			d.rect(x+gap/2, bottom-height, pitch-gap, height, part.Tone)
			bottom -= height
		}
		d.out.WriteString("</g>\n")
		if i%every == 0 && c.Label != "" {
			d.text(int(x+pitch/2), base+16, "middle dim", c.Label)
		}
	}
	free := 0 // where the labels of the marks so far end
	for _, m := range p.Marks {
		x := left + m.At*pitch
		d.line("mark", x, float64(top)-2, x, float64(base))
		half := textWidth(m.Label)/2 + 4
		at := min(max(int(x), free+half, margin+half), pictureWidth-margin-half)
		d.text(at, top-6, "middle text", m.Label)
		free = at + half
	}
	return base + 20
}

func (d *drawing) rows(rows []Row, y int) int {
	full, texts := 0.0, 0
	for _, r := range rows {
		full = max(full, total(r.Parts))
		texts = max(texts, textWidth(r.Text))
	}
	left := float64(margin + labelWidth)
	width := float64(pictureWidth-margin-texts-8) - left
	for _, r := range rows {
		middle := y + rowHeight/2 + 4
		d.text(margin+labelWidth-8, middle, "end text", shortened(r.Label, labelWidth-8))
		x := left
		for _, part := range r.Parts {
			if part.Value <= 0 {
				continue
			}
			length := max(part.Value/full*width, 1)
			d.rect(x, float64(y+3), length, rowHeight-6, part.Tone)
			x += length
		}
		d.out.WriteByte('\n')
		d.text(int(x)+6, middle, "dim", r.Text)
		y += rowHeight
	}
	return y + 4
}

// tickOf returns the distance of the lines of an axis up to full: 1, 2 or 5 times a power of ten, for two to five of them.
func tickOf(full float64) float64 {
	if !(full > 0) || math.IsInf(full, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(full)))
	switch n := full / unit; {
	case n <= 2:
		return unit / 2
	case n <= 5:
		return unit
	default:
		return unit * 2
	}
}

// Number returns a number short: three digits, and a letter for thousands, millions and so on.
func Number(v float64) string {
	unit := ""
	for _, u := range []string{"k", "M", "G", "T", "P"} {
		if math.Abs(v) < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	digits := 0
	if a := math.Abs(v); a > 0 && a < 1e-6 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	} else if a > 0 {
		digits = max(0, 2-int(math.Floor(math.Log10(a))))
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + unit
}

func toneClass(t Tone) string { return []string{"plain", "faint", "warning", "error"}[t] }

func textWidth(text string) int { return int(float64(utf8.RuneCountInString(text))*letterWidth + 0.5) }

// shortened cuts the beginning of a text that is too wide: the ends of paths are what tells them apart.
func shortened(text string, width int) string {
	letters := int(float64(width) / letterWidth)
	if r := []rune(text); len(r) > letters {
		return "…" + string(r[len(r)-letters+1:])
	}
	return text
}

func pixels(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
