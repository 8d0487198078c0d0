package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/bench"
)

// TestHandlersAreComparedWithWhatThereIs finds the name of a chapter, a task or a
// way that is none.
func TestHandlersAreComparedWithWhatThereIs(t *testing.T) {
	find := func(chapter, task string, ways ...string) {
		t.Helper()
		for _, c := range bench.Chapters() {
			for _, k := range c.Tasks {
				if c.Name != chapter || k.Name != task {
					continue
				}
				for _, name := range ways {
					if name != "" && !slices.ContainsFunc(k.Ways, func(w bench.Way) bool { return w.Name == name }) {
						t.Errorf("%s, %s: no %q", chapter, task, name)
					}
				}
				return
			}
		}
		t.Errorf("no %s, %s", chapter, task)
	}
	for _, l := range limits() {
		find(l.chapter, l.task, l.one, l.other)
	}
	for _, p := range pairs() {
		find(p.chapter, p.task, p.one, p.other)
	}
	for _, c := range bench.Chapters() {
		for _, k := range c.Tasks {
			for _, w := range k.Ways {
				find(c.Name, k.Name, w.Against)
			}
		}
	}
}

func exampleHandlers() *handlers {
	some := func(allocs float64, figures ...float64) cell {
		var c cell
		for _, ns := range figures {
			c.samples = append(c.samples, sample{ns: ns, allocs: allocs})
		}
		return c
	}
	return &handlers{
		keys: 1000,
		chapters: []chapter{
			{
				name: "fan-out", form: bench.Ratio,
				results: &results{
					cases: []string{"2 sinks that write JSON"},
					peers: []peer{{multi, "go1.26"}, {fanning, "of this tree"}, {"other", "v1"}},
					cells: [][]cell{{some(0, 1000, 5000, 900), some(0, 1020, 5100, 918), {fault: errors.New("lost")}}},
				},
				against: [][]string{{multi, multi, multi}},
			},
			{
				name: "a disabled level", form: bench.Absolute,
				results: &results{
					cases: []string{disabledTask},
					peers: []peer{{standard, "go1.26"}, {disabledStages, "of this tree"}},
					cells: [][]cell{{some(0, 5), some(0, 24.04)}},
				},
				against: [][]string{{standard, standard}},
			},
			{
				name: "rules of a gate", form: bench.Difference,
				results: &results{
					cases: []string{"a record that passes", "another"},
					peers: []peer{{"handler.Gate", "of this tree"}, {"20 rules for packages", "of this tree"}, {"far", "v2"}},
					cells: [][]cell{
						{some(0, 600), some(1, 612.5), {}},
						{some(0, 600), some(0, 480), some(3, 880)},
					},
				},
				against: [][]string{
					{"handler.Gate", "handler.Gate", ""},
					{"handler.Gate", "handler.Gate", "20 rules for packages"},
				},
			},
		},
		hoards: []hoard{{"handler.Sample", "of this tree", bench.Filled{Arrived: 1000, Heap: 70_000, Took: 123 * time.Nanosecond}}},
		limits: []limit{
			{"two", "fan-out", "2 sinks that write JSON", fanning, multi, bench.Ratio, 1.03},
			{"off", "a disabled level", disabledTask, disabledStages, "", bench.Absolute, 20},
			{"rules", "rules of a gate", "a record that passes", "20 rules for packages", "handler.Gate", bench.Difference, 15},
			{"nothing", "fan-out", "none", fanning, multi, bench.Ratio, 1.1},
		},
	}
}

func TestHandlersSummary(t *testing.T) {
	got := handlersSummary(exampleHandlers(), exampleSetting())
	want := "The time of a log call; in brackets its allocations. With an x it is a multiple of, and with a sign the difference from, " +
		`that of the first column, or of the one that is named, in the same round.
Medians of 3 rounds of 20ms each; plan9/arm, 1 CPU; 2026-11-22.

### Fan-out

|  | slog.MultiHandler | fanout.Handler | other |
| --- | --- | --- | --- |
| 2 sinks that write JSON | 1000 ns (0) | 1.02x (0) | invalid |

### A disabled level

|  | slog.JSONHandler | redact.Handler → fanout.Handler → 4 handler.Gate |
| --- | --- | --- |
| 4 sinks, of which none wants it | 5.0 ns (0) | 24.0 ns (0) |

### Rules of a gate

|  | handler.Gate | 20 rules for packages | far |
| --- | --- | --- | --- |
| a record that passes | 600 ns (0) | +12.5 ns (1) | – |
| another | 600 ns (0) | -120 ns (0) | +400 ns of 20 rules for packages (3) |

### Many keys

1000 records, each with another message, of which the first passes: how many did, what is on the heap then, and what each record took.

|  | passed | heap | a record |
| --- | --- | --- | --- |
| handler.Sample | 1000 | 68 KiB | 123 ns |

### What was asked for

| what | compared with | at most | measured | allocs |  |
| --- | --- | --- | --- | --- | --- |
| two | slog.MultiHandler | 1.03x | 1.02x | 0 | holds |
| off | – | 20.0 ns | 24.0 ns | 0 | missed |
| rules | handler.Gate | +15.0 ns | +12.5 ns | 1 | missed |
| nothing | slog.MultiHandler | 1.10x | – | – | not measured |

slog.MultiHandler go1.26, fanout.Handler of this tree, other v1, slog.JSONHandler go1.26, redact.Handler → fanout.Handler → 4 handler.Gate of this tree, handler.Gate of this tree, 20 rules for packages of this tree, far v2, handler.Sample of this tree.
"invalid": what arrives is not what was logged, so it was not timed. "–": it is not for this.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestALimitIsWhatIsPrinted(t *testing.T) {
	for _, tt := range []struct {
		form   bench.Form
		figure float64
		want   bool
	}{
		{bench.Ratio, 1.104, false},
		{bench.Ratio, 1.106, true},
		{bench.Ratio, 0.9, false},
		{bench.Absolute, 1.14, false},
		{bench.Absolute, 1.16, true},
		{bench.Difference, -20, false},
		{bench.Difference, 1.16, true},
	} {
		if got := (limit{form: tt.form, most: 1.10}).beyond(tt.figure); got != tt.want {
			t.Errorf("%v, %v: %v", tt.form, tt.figure, got)
		}
	}
}

func TestHandlersShort(t *testing.T) {
	got := handlersShort(exampleHandlers(), exampleSetting())
	if want := "| a disabled level through redaction, fan-out and 4 gates | a disabled `slog.JSONHandler` | 4.81x | 24 against 5 | 0 against 0 |\n"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if want := "| fan-out to 4 JSON handlers | `slog.MultiHandler` | – | – | – |\n"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

func TestHandlersDetails(t *testing.T) {
	got := handlersDetails(exampleHandlers())
	for _, want := range []string{
		"| fan-out | 2 sinks that write JSON | fanout.Handler | 1020 | 918 | 5100 |\n",
		"\nfan-out, 2 sinks that write JSON: lost\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestReportHandlers(t *testing.T) {
	readme, _ := repository(t, handlerRows.begin()+"\n"+handlerRows.end()+"\n")
	page := filepath.Join(filepath.Dir(readme), handlerBlock.page())
	write := shortest
	write.write, write.handlers, write.keys = true, true, 100
	var out, progress strings.Builder
	if err := report(write, &out, &progress); !errors.Is(err, os.ErrNotExist) || progress.Len() > 0 {
		t.Errorf("without the page: %v, %s", err, &progress)
	}
	block := handlerBlock.begin() + "\n" + handlerBlock.end() + "\n"
	if err := errors.Join(os.Mkdir(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(block), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := report(write, &out, &progress); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(whole), handlerBlock.begin()+"\n")
	text, ok2 := strings.CutSuffix(text, handlerBlock.end()+"\n")
	if !ok || !ok2 || !strings.HasPrefix(out.String(), text) {
		t.Errorf("page:\n%s\nprinted:\n%s", whole, &out)
	}
	for _, c := range bench.Chapters() {
		for _, k := range c.Tasks {
			if !strings.Contains(text, "\n| "+k.Name+" | ") {
				t.Errorf("no figures of %s in\n%s", k.Name, text)
			}
		}
	}
	if strings.Contains(text, "not measured") {
		t.Errorf("not all that was asked for was measured:\n%s", text)
	}
	if rows, err := os.ReadFile(readme); err != nil || strings.Count(string(rows), " against ") != 2*len(pairs()) {
		t.Errorf("README:\n%s\n%v", rows, err)
	}
}
