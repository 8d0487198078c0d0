package main

import (
	"testing"

	"github.com/sluicelog/sluice/internal/svg/svgtest"
)

func TestChart(t *testing.T) {
	file := chart(example(), exampleSetting())
	golden(t, "chart.svg", file)
	p, err := svgtest.Read(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	// Three of the legend, three of the first case and one of the second.
	if len(p.Rects) != 7 || len(p.Faint) != 5 {
		t.Errorf("%d bars and %d lines of the grid", len(p.Rects), len(p.Faint))
	}
	for _, want := range []string{
		"a|b <&>", "slow & <odd>", "0.50x", "0.80x", "» 12x", "0.75x", "invalid: slow & <odd>",
	} {
		if !p.Has(want) {
			t.Errorf("%q is not among %+v", want, p.Texts)
		}
	}
}
