package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestFleetsAreThere finds the name of a fleet that is none.
func TestFleetsAreThere(t *testing.T) {
	names := map[string]bool{}
	for _, f := range bench.Fleets() {
		names[f.Name] = true
	}
	if !names[oneReceiver] || !names[fourAlike] {
		t.Errorf("fleets: %v", names)
	}
}

func measuredBalance() *balanceFigures {
	f := newBalanceFigures(bench.Fleets())
	for c := range f.wall.cases {
		for j, ns := range []time.Duration{40_000, 10_000, 16_000} {
			for round := range 3 {
				if c == 1 && j == 1 {
					ns = 11_440 // 3.497, which is printed as 3.50
				}
				if c == 2 && j == 1 {
					ns = 12_000
				}
				f.wall.add(c, j, ns+time.Duration(round), nil)
				f.cpu.add(c, j, 3000, nil)
			}
		}
		err := &bench.LossError{Lines: 99, Records: 100}
		f.wall.add(c, 3, 0, err)
		f.cpu.add(c, 3, 0, err)
	}
	f.wall.cells[3][1], f.cpu.cells[3][1] = cell{}, cell{}
	return f
}

func TestBalanceSummary(t *testing.T) {
	f := measuredBalance()
	got := balanceSummary(f, bench.FullLoad(), exampleSetting())
	want := "How many events a second a Shipper with `LoadBalance` gets acked that always has more to send, over 1s, by Beats inputs in the same process. " +
		"Each acks 25000 events a second, over all of its connections, so that the receivers are the limit. Multiples are of one receiver in the same round. " +
		"With keys, the option Key is set, and one event after the other has the next of so many. When all is sent, each event has to have arrived once, " +
		"and those of one key in order.\n" +
		"Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n" + `
| Shipper | one receiver | four alike | one of four at a tenth | one of four dead |
| --- | --- | --- | --- | --- |
| what the receivers can ack | 25000/s | 4.00x | 3.10x | 3.00x |
| 4 connections | 24999/s | 4.00x | 2.50x | lost 1 % |
| 8 connections | 24999/s | 3.50x | 2.50x | lost 1 % |
| 4 connections, 10000 keys | 24999/s | 3.33x | 2.50x | lost 1 % |
| 8 connections, 10000 keys | 24999/s | – | 2.50x | lost 1 % |
| 8 connections, 1000 keys | 24999/s | 4.00x | 2.50x | lost 1 % |

What was asked for:

| what | compared with | at least | measured |  |
| --- | --- | --- | --- | --- |
| four alike, 4 connections | one receiver | 3.50x | 4.00x | holds |
| four alike, 8 connections | one receiver | 3.50x | 3.50x | holds |
| four alike, 4 connections, 10000 keys | one receiver | 3.50x | 3.33x | missed |
| four alike, 8 connections, 10000 keys | one receiver | 3.50x | – | not measured |
| four alike, 8 connections, 1000 keys | one receiver | 3.50x | 4.00x | holds |

That kept at most 0.3 processors busy, with the work of the receivers.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if more := balanceDetails(f); !strings.Contains(more, "| wall | 4 connections | one receiver | 40001 | 40000 | 40002 |\n") ||
		!strings.Contains(more, "\nwall, 4 connections: lost 1 %: 99 lines for 100 records\n") {
		t.Errorf("details:\n%s", more)
	}
}

func TestReportBalance(t *testing.T) {
	text, printed := reportBlock(t, balanceBlock, options{rounds: 1, write: true, balance: true, load: bench.Load{Balanced: 60 * time.Millisecond}})
	for _, how := range bench.Spreads() {
		if !strings.Contains(text, "\n| "+how.String()+" | ") {
			t.Errorf("no figures of %s in\n%s", how, text)
		}
	}
	if strings.Contains(text, "invalid |") || strings.Contains(text, "| lost ") {
		t.Errorf("something is wrong in\n%s", printed)
	}
	seesBalance(t, text, writtenPicture(t, balanceBlock))
}
