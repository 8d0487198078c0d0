package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

// seesBalance compares the picture with the tables of a page.
func seesBalance(t *testing.T, page, file string) {
	t.Helper()
	rows, _ := look(t, file)
	fleets, spreads := bench.Fleets(), bench.Spreads()
	names := []string{"Shipper"}
	for _, f := range fleets {
		names = append(names, f.Name)
	}
	table := cells(t, page, "| "+strings.Join(names, " | ")+" |")[1:] // below what is possible
	asked := cells(t, page, "| what | compared with | at least | measured |  |")
	if len(rows) != len(fleets)*len(spreads) || len(table) != len(spreads) || len(asked) != len(spreads) {
		t.Fatalf("%d rows in the picture, %d and %d in tables", len(rows), len(table), len(asked))
	}
	for i, r := range rows {
		j, c := i/len(spreads), i%len(spreads)
		one, cell, outcome := rows[c], table[c][j+1], ""
		if fleets[j].Name == fourAlike {
			if outcome = asked[c][4]; outcome == "not measured" {
				outcome = ""
			}
			if !r.near(r.least, leastBalance*one.bar, leastBalance*r.perPixel) {
				t.Errorf("%+v: want the line at %v of %v", r, leastBalance, one.bar)
			}
		} else if r.least != 0 {
			t.Errorf("%+v: this was not asked for", r)
		}
		if r.group != fleets[j].Name || r.other != table[c][0] || r.text != strings.TrimSpace(cell+" "+outcome) || r.missed != (outcome == "missed") {
			t.Errorf("%+v of the picture is %q in the table of %s, %q", r, cell, fleets[j].Name, outcome)
		}
		if want := fleets[j].Capacity() * bench.FleetRate; !r.near(r.most, want, 0) {
			t.Errorf("%+v: want %v as possible", r, want)
		}
		number, err := strconv.ParseFloat(strings.TrimRight(cell, "x/s"), 64)
		unit := 1.0
		if strings.HasSuffix(cell, "x") {
			if unit = 0.01; number >= 10 {
				unit = 1
			}
			number, unit = number*one.bar, unit*one.bar+number*r.perPixel
		}
		if err == nil && !r.near(r.bar, number, unit) || err != nil && r.bar != 0 {
			t.Errorf("%+v: a bar of %v for %s", r, r.bar, cell)
		}
	}
}

func TestBalancePlot(t *testing.T) {
	f := measuredBalance()
	file := balancePlot(f, exampleSetting())
	golden(t, "balance.svg", file)
	seesBalance(t, balanceSummary(f, bench.FullLoad(), exampleSetting()), file)
}
