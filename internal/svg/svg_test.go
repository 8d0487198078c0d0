package svg_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/svg"
)

func drawn() string {
	var d, part svg.Drawing
	part.Rect(1, 2, 3.04, 4.05, "#112233")
	d.AddFaint(&part, 0.4)
	d.Line(0, 60, 100, 59.25, "#445566")
	d.Path(nil, "#778899")
	d.Path([][2]float64{{10, 20}, {30.33, 40}}, "#778899")
	d.Text(100, 50, 11, "end", "#000000", "a < b & c")
	d.Add(&part)
	return d.File(100, 60, "a <title>")
}

func TestDrawing(t *testing.T) {
	t.Parallel()
	want := `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="60" viewBox="0 0 100 60" role="img" font-family="system-ui, sans-serif">
<title>a &lt;title&gt;</title>
<g opacity="0.4">
<rect x="1" y="2" width="3" height="4.1" fill="#112233"/>
</g>
<line x1="0" y1="60" x2="100" y2="59.3" stroke="#445566"/>
<polyline points="10,20 30.3,40" fill="none" stroke="#778899" stroke-width="1.5"/>
<text x="100" y="50" font-size="11" text-anchor="end" fill="#000000">a &lt; b &amp; c</text>
<rect x="1" y="2" width="3" height="4.1" fill="#112233"/>
</svg>
`
	if diff := cmp.Diff(want, drawn()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}
