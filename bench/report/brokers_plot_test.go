package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// seesBrokers compares the picture with the table of what was asked for.
func seesBrokers(t *testing.T, page, file string) {
	t.Helper()
	rows, _ := look(t, file)
	var table [][]string
	for _, row := range cells(t, page, "| ours | the other | events | at least | measured |  |") {
		if row[1] != "–" { // a broker that is not there
			table = append(table, row)
		}
	}
	if len(rows) != len(table) || len(rows) == 0 {
		t.Fatalf("the table has %d rows, the picture %d", len(table), len(rows))
	}
	for i, r := range rows {
		want := append(table[i], "")[:6]
		text := strings.TrimSpace(want[4] + " " + want[5])
		if got := []string{r.one, r.other, r.group, r.text}; !cmp.Equal(got, []string{want[0], want[1], want[2], text}) {
			t.Errorf("row %d of the picture has %q, the table %q", i, got, want)
		}
		if measured, err := strconv.ParseFloat(want[4], 64); err == nil && !r.near(r.bar, measured, 0.01) || err != nil && r.bar != 0 {
			t.Errorf("%q: a bar of %v", want, r.bar)
		}
		if asked, err := strconv.ParseFloat(want[3], 64); err == nil && !r.near(r.least, asked, 0) || err != nil && r.least != 0 {
			t.Errorf("%q: a line at %v", want, r.least)
		}
		if r.missed != (want[5] == "missed") {
			t.Errorf("%q: it is marked as missed: %v", want, r.missed)
		}
	}
}

func TestBrokerPlot(t *testing.T) {
	all := measuredBrokers()
	file := brokerPlot(all, exampleSetting())
	golden(t, "brokers.svg", file)
	seesBrokers(t, brokerSummary(all, bench.FullLoad(), exampleSetting()), file)
	_, p := look(t, file)
	for _, want := range []string{
		"Post (postd 1.2)", "Not on this machine, and left out: no smoked in $PATH.",
		"push 1.25 · push all 2.50 · our transport 2.25 · our Shipper 2.00 million events/s",
	} {
		if !p.Has(want) {
			t.Errorf("no %q", want)
		}
	}
}
