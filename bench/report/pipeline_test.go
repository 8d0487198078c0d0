package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestMain makes the test a part of what is measured if it has been started to be one.
func TestMain(m *testing.M) {
	var err error
	switch {
	case bench.IsInbox():
		err = bench.ServeInbox(os.Stdin, os.Stdout)
	case isToolPart():
		err = doToolPart(os.Args[1:], os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestWholesAreThere finds the name of something that is none.
func TestWholesAreThere(t *testing.T) {
	for _, name := range []string{writesAtOnce, whole} {
		if !slices.ContainsFunc(bench.Wholes(), func(w bench.Whole) bool { return w.Name == name }) {
			t.Errorf("no %q", name)
		}
	}
	c := bench.WatchChapter()
	if c.Name != watching || len(c.Tasks) != 1 || c.Tasks[0].Name != aRecord {
		t.Fatalf("no chapter %q with %q", watching, aRecord)
	}
	for _, name := range []string{unwatched, passesOn, monitored, pageShut, pageOpen} {
		if !slices.ContainsFunc(c.Tasks[0].Ways, func(w bench.Way) bool { return w.Name == name }) {
			t.Errorf("no %q", name)
		}
	}
}

func exampleWholes() *wholeFigures {
	f := newWholeFigures([]bench.Whole{{Name: writesAtOnce, Version: "go1.26"}, {Name: whole, Version: "of this tree"}, {Name: "odd", Version: "v1"}})
	for c := range bench.Streams() {
		for range 3 {
			f.add(c, 0, bench.Toll{Call: 2000, CPU: 2500, HasCPU: true}, nil)
			f.add(c, 1, bench.Toll{Call: time.Duration(1200 + 1000*c), CPU: 2000, HasCPU: true, Allocs: 0.02}, nil)
		}
		f.add(c, 2, bench.Toll{}, errors.New("torn"))
	}
	f.opening.add(0, 0, 800*time.Microsecond, nil)
	f.opening.add(0, 0, 6*time.Millisecond, nil)
	f.opening.add(0, 0, 900*time.Microsecond, nil)
	ns := func(figures ...float64) cell {
		var c cell
		for _, ns := range figures {
			c.samples = append(c.samples, sample{ns: ns})
		}
		return c
	}
	f.watch = []chapter{{
		name: watching, form: bench.Difference,
		results: &results{
			cases: []string{aRecord},
			peers: []peer{{unwatched, "go1.26"}, {passesOn, "go1.26"}, {monitored, "of this tree"}, {pageShut, "of this tree"}},
			cells: [][]cell{{ns(500, 510), ns(515, 525), ns(523, 533), ns(540, 550)}},
		},
		against: [][]string{{unwatched, unwatched, unwatched, unwatched}},
	}}
	return f
}

func TestWholeSummary(t *testing.T) {
	got := wholeSummary(exampleWholes(), bench.FullLoad(), exampleSetting())
	_, tables, _ := strings.Cut(got, "Medians of 3 rounds; plan9/arm, 1 CPU; 2026-11-22.\n")
	want := `
|  | all INFO | CPU | 90 % INFO, 8 % WARN, 2 % ERROR | CPU |
| --- | --- | --- | --- | --- |
| slog.JSONHandler → os.File | 2000 ns (0) | 2.5 µs | 2000 ns (0) | 2.5 µs |
| pipeline | 0.60x (0) | 0.80x | 1.10x (0) | 0.80x |
| odd | invalid | invalid | invalid | invalid |

What the monitor costs a record that is handed to the handler, without what a logger takes; with a sign the difference from the first column:

|  | nothing | a handler that passes on | monitor.Handler | with a Page that nobody has open |
| --- | --- | --- | --- | --- |
| a record | 505 ns (0) | +15.0 ns (0) | +23.0 ns (0) | +40.0 ns (0) |

What was asked for:

| what | compared with | at most | measured | allocs |  |
| --- | --- | --- | --- | --- | --- |
| the pipeline, all INFO | slog.JSONHandler → os.File | 1.00x | 0.60x | 0 | holds |
| the pipeline, 90 % INFO, 8 % WARN, 2 % ERROR | slog.JSONHandler → os.File | 1.00x | 1.10x | 0 | missed |
| ` + "`monitor.Handler`" + ` | nothing | +15.0 ns | +23.0 ns | 0 | missed |
| ` + "`monitor.Handler`" + `, what it does besides passing on | a handler that passes on | +15.0 ns | +8.0 ns | 0 | holds |
| a Page that nobody has open | monitor.Handler | +5.0 ns | +17.0 ns | 0 | missed |
| ` + "`pipeline.Open`" + ` with five sinks | – | 5.0 ms | 900 µs, at worst 6.0 ms | – | holds |

slog.JSONHandler → os.File go1.26, pipeline of this tree, odd v1.
`
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if !strings.Contains(got, "in bursts of 4000") {
		t.Errorf("no size of the bursts in\n%s", got)
	}
}

// TestWholesNotMeasured has nothing that could be said to hold.
func TestWholesNotMeasured(t *testing.T) {
	f := newWholeFigures([]bench.Whole{{Name: writesAtOnce}, {Name: whole}})
	for _, row := range f.asked() {
		if row[len(row)-1] != "not measured" {
			t.Errorf("got %q", row)
		}
	}
}

func TestWholeDetails(t *testing.T) {
	got := wholeDetails(exampleWholes())
	for _, want := range []string{
		"| call | all INFO | pipeline | 1200 | 1200 | 1200 |\n", "| CPU | all INFO | slog.JSONHandler → os.File | 2500 | 2500 | 2500 |\n",
		"| five sinks | open | pipeline | 900000 | 800000 | 6000000 |\n", "\ncall, all INFO: torn\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestReportWholes(t *testing.T) {
	block := wholeBlock.begin() + "\n" + wholeBlock.end() + "\n"
	readme, _ := repository(t, "")
	page := filepath.Join(filepath.Dir(readme), wholeBlock.page())
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	small := shortest
	small.write, small.pipeline, small.load = true, true, bench.Load{Bursts: 1, Flood: 100}
	var out, progress strings.Builder
	if err := report(small, &out, &progress); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(got), wholeBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, wholeBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", got, &out)
	}
	if strings.Contains(text, "invalid") || strings.Contains(text, "not measured") {
		t.Errorf("something was not measured:\n%s", &out)
	}
}
