package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
	}
}

func TestBar(t *testing.T) {
	part := func(v float64, tone chart.Tone) chart.Part { return chart.Part{Value: v, Tone: tone} }
	for _, test := range []struct {
		name    string
		style   chart.Style
		columns int
		full    float64
		parts   []chart.Part
		want    string
	}{
		{"nothing", chart.Style{}, 4, 8, nil, "    "},
		{"zero", chart.Style{}, 4, 8, []chart.Part{part(0, chart.Plain)}, "    "},
		{"all", chart.Style{}, 4, 8, []chart.Part{part(8, chart.Plain)}, "████"},
		{"eighths", chart.Style{}, 4, 32, []chart.Part{part(11, chart.Plain)}, "█▍  "},
		{"next to nothing is seen", chart.Style{}, 4, 1e9, []chart.Part{part(1, chart.Plain)}, "▏   "},
		{"more than full", chart.Style{}, 4, 8, []chart.Part{part(100, chart.Plain)}, "████"},
		{"below zero", chart.Style{}, 4, 8, []chart.Part{part(-3, chart.Plain)}, "    "},
		{"full is zero", chart.Style{}, 4, 0, []chart.Part{part(0, chart.Plain)}, "    "},
		{"not a number", chart.Style{}, 4, math.NaN(), []chart.Part{part(1, chart.Plain)}, "    "},
		{"no room", chart.Style{}, 0, 8, []chart.Part{part(8, chart.Plain)}, ""},
		{"patterns", chart.Style{}, 8, 8, []chart.Part{part(2, chart.Error), part(3, chart.Warning), part(2, chart.Faint)}, "██▒▒▒░░ "},
		{"one error among many", chart.Style{}, 4, 1e6, []chart.Part{part(1, chart.Error), part(1e6, chart.Faint)}, "█░░░"},
		{"small parts at the end", chart.Style{}, 4, 1e6, []chart.Part{part(1e6, chart.Error), part(1, chart.Warning), part(1, chart.Faint)}, "██▒░"},
		{"more parts than room", chart.Style{}, 1, 3, []chart.Part{part(1, chart.Error), part(1, chart.Warning), part(1, chart.Faint)}, "█"},
		{"ASCII", chart.Style{ASCII: true}, 8, 8, []chart.Part{part(2, chart.Error), part(3, chart.Warning), part(2, chart.Plain)}, "##+++== "},
		{"color", chart.Style{Color: true}, 4, 32, []chart.Part{part(11, chart.Plain)}, "\x1b[36m█▍\x1b[0m  "},
		{
			"two colors in a column",
			chart.Style{Color: true},
			4, 32,
			[]chart.Part{part(12, chart.Error), part(12, chart.Warning)},
			"\x1b[31m█\x1b[0m\x1b[31;43m▌\x1b[0m\x1b[33m█\x1b[0m ",
		},
		{"two colors and the end in a column", chart.Style{Color: true}, 2, 16, []chart.Part{part(2, chart.Error), part(3, chart.Warning)}, "\x1b[31m▋\x1b[0m "},
		{
			"color in ASCII",
			chart.Style{ASCII: true, Color: true},
			4, 4,
			[]chart.Part{part(1, chart.Error), part(2, chart.Warning)},
			"\x1b[31m#\x1b[0m\x1b[33m++\x1b[0m ",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.style.Bar(test.columns, test.full, test.parts...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzBarHasItsWidth(f *testing.F) {
	f.Add(8, 10.0, 1.0, 2.0, 3.0, false, true)
	f.Add(1, 3.0, 1.0, 1.0, 1.0, true, false)
	f.Add(3, math.Inf(1), 1e300, math.NaN(), -1.0, false, true)
	f.Fuzz(func(t *testing.T, columns int, full, a, b, c float64, ascii, color bool) {
		columns = min(max(columns, 0), 500)
		bar := chart.Style{ASCII: ascii, Color: color}.Bar(columns, full, chart.Part{Value: a, Tone: chart.Error},
			chart.Part{Value: b, Tone: chart.Warning}, chart.Part{Value: c, Tone: chart.Faint})
		plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(bar, "")
		if n := runewidth.StringWidth(plain); n != columns {
			t.Errorf("%q has %d columns, want %d", bar, n, columns)
		}
	})
}

func rows() []chart.Row {
	return []chart.Row{
		{Label: "redaction", Parts: []chart.Part{{Value: 410}}, Text: "410 ns"},
		{Label: "encoding", Parts: []chart.Part{{Value: 1250}}, Text: "1.25 µs"},
		{Label: "größter Wert <&>", Parts: []chart.Part{{Value: 12, Tone: chart.Error}, {Value: 600, Tone: chart.Warning}}, Text: "612 ns"},
		{Label: "nothing", Text: "0"},
	}
}

func TestRows(t *testing.T) {
	var b bytes.Buffer
	for _, style := range []chart.Style{{}, {ASCII: true}, {Color: true}} {
		for _, columns := range []int{60, 20} {
			fmt.Fprintf(&b, "# %+v, %d columns\n", style, columns)
			if err := style.Rows(&b, columns, 0, rows()); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "rows.golden", b.Bytes())
}

func TestRowsReturnsTheErrorOfTheWriter(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := (chart.Style{}).Rows(w, 80, 0, rows()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
	}
}

func picture() *chart.Picture {
	p := &chart.Picture{Title: "app.log <&> \x1b[31m", Note: "248 lines", Text: "45 errors between 08:30 and 09:30."}
	columns := chart.Panel{Title: "Errors and warnings", Legend: []chart.Key{{Tone: chart.Error, Name: "errors"}, {Tone: chart.Warning, Name: "warnings"}}}
	for i := range 40 {
		columns.Columns = append(columns.Columns, chart.Column{
			Label: fmt.Sprintf("%02d:00", i), Text: fmt.Sprintf("%d errors", i),
			Parts: []chart.Part{{Value: float64(i), Tone: chart.Error}, {Value: float64(i * i % 7), Tone: chart.Warning}},
		})
	}
	columns.Marks = []chart.Mark{{At: 12.5, Label: "p50 3.1"}, {At: 13, Label: "p90 4.5"}, {At: 40, Label: "p99 17"}}
	p.Panels = []chart.Panel{columns, {Title: "Where the time goes", Rows: rows()}, {Title: "Empty", Columns: []chart.Column{{}}}}
	return p
}

func TestPicture(t *testing.T) {
	var b bytes.Buffer
	n, err := picture().WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v; wrote %d", n, err, b.Len())
	}
	golden(t, "picture.svg", b.Bytes())

	names := map[string]int{}
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal("not XML:", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			names[e.Name.Local]++
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.HasPrefix(a.Value, "-") {
					t.Errorf("%s has %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
	for _, name := range []string{"title", "desc"} {
		if names[name] == 0 {
			t.Errorf("no %s", name)
		}
	}
	for _, name := range []string{"script", "image", "foreignObject", "a"} {
		if names[name] > 0 {
			t.Errorf("has %s", name)
		}
	}
}

// The contrast of texts is that of WCAG 2 AA, 4.5, and that of bars 3, on light and on dark.
func TestPictureHasContrast(t *testing.T) {
	var b bytes.Buffer
	if _, err := picture().WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(b.String(), "@media(prefers-color-scheme:dark)")
	if !ok {
		t.Fatal("nothing for the dark")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		color := func(class string) float64 {
			m := regexp.MustCompile(`\.` + class + `\{(?:fill|stroke):#([0-9a-f]{6})\}`).FindStringSubmatch(css)
			if m == nil {
				t.Fatalf("%s: no %s", scheme, class)
			}
			return luminance(t, m[1])
		}
		back := color("back")
		for class, want := range map[string]float64{"text": 4.5, "dim": 4.5, "mark": 3, "plain": 3, "faint": 3, "warning": 3, "error": 3} {
			c := color(class)
			if got := (max(c, back) + 0.05) / (min(c, back) + 0.05); got < want {
				t.Errorf("%s: %s has a contrast of %.2f, want %.1f", scheme, class, got, want)
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.5: "0.5", 12.345: "12.3", 999: "999", 1000: "1k", 1500: "1.5k", 20000: "20k", 1234567: "1.23M", -2500: "-2.5k", 0.00042: "0.00042", 4.2e-9: "4.2e-09",
	} {
		if got := chart.Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}
