package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

func TestPlot(t *testing.T) {
	run := example()
	for i := range run.Results {
		r := &run.Results[i]
		svg := plot(r)
		golden(t, plotFile(r.Scenario), svg)
		if again := plot(r); svg != again {
			t.Errorf("%s: the same result makes two plots", r.Scenario)
		}
		looked := look(t, svg)
		for _, want := range []string{
			"Events that arrived per second, by receiver", "Events that waited", "seconds since the beginning",
			"New connections per 100 ms", "Senders that were back, of those affected", "receiver 1",
		} {
			if !slices.Contains(looked, want) {
				t.Errorf("%s: %q is not among %q", r.Scenario, want, looked)
			}
		}
	}
}

// A result without anything makes a plot, too.
func TestPlotOfNothing(t *testing.T) {
	texts := look(t, plot(&result.Result{Series: result.Series{Step: 0.25}}))
	for _, want := range []string{"nothing in spools", "no sender lost its connection"} {
		if !slices.Contains(texts, want) {
			t.Errorf("%q is not among %q", want, texts)
		}
	}
}

// look reads an SVG, sees that everything is inside, and returns its texts.
func look(t *testing.T, svg string) (texts []string) {
	t.Helper()
	within := func(e xml.StartElement, name string, limit float64) {
		for _, a := range e.Attr {
			if a.Name.Local != name {
				continue
			}
			if v, err := strconv.ParseFloat(a.Value, 64); err != nil || v < 0 || v > limit {
				t.Errorf("%s %s=%q, want 0 to %v", e.Name.Local, name, a.Value, limit)
			}
		}
	}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			for _, name := range []string{"x", "x1", "x2", "width"} {
				within(token, name, plotWidth)
			}
			for _, name := range []string{"y", "y1", "y2", "height"} {
				within(token, name, plotHeight)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "points" && strings.ContainsAny(a.Value, "NI") {
					t.Errorf("a line has points that are no numbers: %s", a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		limit float64
		want  []float64
	}{
		{1, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{100, []float64{0, 20, 40, 60, 80, 100}},
		{4200, []float64{0, 1000, 2000, 3000, 4000}},
		{37, []float64{0, 10, 20, 30}},
	} {
		got := ticks(tt.limit)
		for i := range got {
			got[i] = float64(int(got[i]*1000+0.5)) / 1000
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("up to %v: mismatch (-want +got):\n%s", tt.limit, diff)
		}
	}
}
