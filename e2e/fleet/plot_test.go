package main

import (
	"testing"

	"github.com/sluicelog/sluice/e2e/fleet/result"
	"github.com/sluicelog/sluice/internal/svg/svgtest"
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
			if !looked.Has(want) {
				t.Errorf("%s: %q is not among %+v", r.Scenario, want, looked.Texts)
			}
		}
	}
}

// A result without anything makes a plot, too.
func TestPlotOfNothing(t *testing.T) {
	looked := look(t, plot(&result.Result{Series: result.Series{Step: 0.25}}))
	for _, want := range []string{"nothing in spools", "no sender lost its connection"} {
		if !looked.Has(want) {
			t.Errorf("%q is not among %+v", want, looked.Texts)
		}
	}
}

// look reads an SVG, in which everything has to be inside.
func look(t *testing.T, svg string) svgtest.Picture {
	t.Helper()
	p, err := svgtest.Read(svg)
	if err != nil {
		t.Fatalf("%v in\n%s", err, svg)
	}
	return p
}
