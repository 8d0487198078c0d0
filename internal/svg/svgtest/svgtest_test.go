package svgtest_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/svg"
	"github.com/sluicelog/sluice/internal/svg/svgtest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	var d, part svg.Drawing
	d.Rect(1, 2, 30, 40, "#112233")
	part.Rect(5, 6, 7, 8, "#000000")
	d.AddFaint(&part, 0.5)
	d.Line(0, 60, 100, 60, "#445566")
	d.Path([][2]float64{{10, 20}, {30, 40}}, "#778899")
	d.Text(100, 50, 11, "end", "#000000", "a < b & c")
	got, err := svgtest.Read(d.File(100, 60, "<title>"))
	want := svgtest.Picture{
		Width: 100, Height: 60, Title: "<title>",
		Texts: []svgtest.Text{{100, 50, "#000000", "a < b & c"}},
		Rects: []svgtest.Rect{{1, 2, 30, 40, "#112233"}},
		Faint: []svgtest.Rect{{5, 6, 7, 8, "#000000"}},
		Lines: []svgtest.Line{{0, 60, 100, 60}},
		Paths: []svgtest.Path{{"10,20 30,40"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, mismatch (-want +got):\n%s", err, diff)
	}
	if !got.Has("a < b & c") || got.Has("a < b") {
		t.Error("Has looks for something else than a whole text")
	}
}

func TestReadFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, draw := range map[string]func(d *svg.Drawing){
		"a rectangle that is too long":  func(d *svg.Drawing) { d.Rect(90, 0, 11, 10, "#000000") },
		"a rectangle that is too high":  func(d *svg.Drawing) { d.Rect(0, 50, 1, 11, "#000000") },
		"a line from the left":          func(d *svg.Drawing) { d.Line(-1, 0, 10, 10, "#000000") },
		"a path to nowhere":             func(d *svg.Drawing) { d.Path([][2]float64{{0, 0}, {math.NaN(), 0}}, "#000000") },
		"a path to the far end":         func(d *svg.Drawing) { d.Path([][2]float64{{0, 0}, {0, math.Inf(1)}}, "#000000") },
		"a text below the picture":      func(d *svg.Drawing) { d.Text(0, 61, 11, "start", "#000000", "a") },
		"a rectangle without an extent": func(d *svg.Drawing) { d.Rect(0, 0, math.NaN(), 10, "#000000") },
	} {
		var d svg.Drawing
		draw(&d)
		if p, err := svgtest.Read(d.File(100, 60, "")); err == nil {
			t.Errorf("%s: no error, but %+v", name, p)
		}
	}
	var d svg.Drawing
	whole := d.File(100, 60, "")
	for _, broken := range []string{strings.TrimSuffix(whole, "</svg>\n"), strings.Replace(whole, `"100"`, `"wide"`, 1)} {
		if _, err := svgtest.Read(broken); err == nil {
			t.Errorf("no error for %s", broken)
		}
	}
}
