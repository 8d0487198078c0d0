package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/bench"
)

// The names of the tasks, and of the ways to do them, that are set against others.
const (
	fanning        = "fanout.Handler"
	multi          = "slog.MultiHandler"
	routing        = "routing"
	recordAttr     = "an attr of the record, 4 sinks that write JSON"
	unconditional  = "slog.MultiHandler, no condition"
	disabledTask   = "4 sinks, of which none wants it"
	disabledStages = "redact.Handler → fanout.Handler → 4 handler.Gate"
)

// A limit is a figure that was asked for.
type limit struct {
	what          string
	chapter, task string
	one, other    string // the ways to do the task; without the other, it is the time itself
	form          bench.Form
	most          float64 // a ratio, or nanoseconds
}

// measured returns the figure, and the allocations, of the one way. It is false if
// they were not measured.
func (l limit) measured(chapters []chapter) (figure, allocated float64, ok bool) {
	for _, c := range chapters {
		i := slices.Index(c.cases, l.task)
		if c.name != l.chapter || i < 0 {
			continue
		}
		cell := c.cell(i, l.one)
		if len(cell.samples) == 0 {
			return 0, 0, false
		}
		allocated = median(cell.figures(allocs))
		switch l.form {
		case bench.Absolute:
			return median(cell.figures(nanoseconds)), allocated, true
		case bench.Difference:
			figure, ok = c.difference(i, l.one, l.other)
		default:
			figure, ok = c.ratio(i, l.one, l.other)
		}
		return figure, allocated, ok
	}
	return 0, 0, false
}

// beyond reports whether the figure is more than the most, as they are printed.
func (l limit) beyond(figure float64) bool {
	unit := 0.1 // of nanoseconds
	if l.form == bench.Ratio {
		unit = 0.01
	}
	return math.Round(figure/unit) > math.Round(l.most/unit)
}

func (l limit) text(figure float64) string {
	switch l.form {
	case bench.Absolute:
		return nanos(figure)
	case bench.Difference:
		return fmt.Sprintf("%+.*f ns", digits(figure), figure)
	default:
		return times(figure)
	}
}

func (f *handlers) limitsTable(out *strings.Builder) {
	rows := make([][]string, 0, len(f.limits))
	for _, l := range f.limits {
		rows = append(rows, f.limitRow(l))
	}
	table(out, []string{"what", "compared with", "at most", "measured", "allocs", ""}, rows)
}

func (f *handlers) limitRow(l limit) []string {
	other := l.other
	if l.form == bench.Absolute {
		other = "–"
	}
	figure, allocated, ok := l.measured(f.chapters)
	if !ok {
		return []string{l.what, other, l.text(l.most), "–", "–", "not measured"}
	}
	return []string{
		l.what, other, l.text(l.most), l.text(figure), fmt.Sprintf("%.0f", allocated),
		verdict(l.beyond(figure) || allocated > 0),
	}
}

func verdict(missed bool) string {
	if missed {
		return "missed"
	}
	return "holds"
}

// limits returns what was asked for.
func limits() []limit {
	all := make([]limit, 0, 20)
	for _, n := range []int{2, 4, 8} {
		all = append(all, limit{
			fmt.Sprintf("`fanout.Handler`, %d sinks that write JSON", n), "fan-out", fmt.Sprintf("%d sinks that write JSON", n),
			fanning, multi, bench.Ratio, 1.03,
		})
	}
	for _, n := range []int{2, 4, 8} {
		all = append(all, limit{
			fmt.Sprintf("`fanout.Handler`, %d sinks that do nothing", n), "fan-out", fmt.Sprintf("%d sinks that do nothing", n),
			fanning, multi, bench.Ratio, 1.10,
		})
	}
	return append(all,
		limit{"`fanout.When` on an attr of the record", routing, recordAttr, "fanout.When", unconditional, bench.Ratio, 1.30},
		limit{"`fanout.When` on an attr of With", routing, "an attr of With, 4 sinks that write JSON", "fanout.When", unconditional, bench.Ratio, 1.30},
		limit{"a disabled level through redaction, fan-out and 4 gates", "a disabled level", disabledTask, disabledStages, "", bench.Absolute, 20},
		limit{"20 rules for packages in a gate", "rules of a gate", "a record that passes", "20 rules for packages", "handler.Gate", bench.Difference, 15},
	)
}

// A pair is two ways to do a task that are set against each other in the README.
type pair struct {
	what, with    string
	chapter, task string
	one, other    string
}

func pairs() []pair {
	return []pair{
		{"fan-out to 4 JSON handlers", "`slog.MultiHandler`", "fan-out", "4 sinks that write JSON", fanning, multi},
		{"the same, to each only what has an attr", "`slog.MultiHandler`, to each all", routing, recordAttr, "fanout.When", unconditional},
		{"the same", "`Router` of slog-multi", routing, recordAttr, "fanout.When", "slog-multi Router"},
		{
			"a disabled level through redaction, fan-out and 4 gates", "a disabled `slog.JSONHandler`",
			"a disabled level", disabledTask, disabledStages, standard,
		},
		{
			"2 attrs, 2 of the context, inside of a group", "the two bound before",
			"attrs of the context", "2, With 2, WithGroup, and 2 attrs", "handler.Context", "no context, bound by With",
		},
		{
			"5 attrs to a console, in color", "tint",
			"consoles", "5 attrs, color", "handler.ConsoleHandler", "tint",
		},
	}
}

// handlersShort returns the rows for the README.
func handlersShort(f *handlers, s setting) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Medians of %d rounds of %s each; %s; %s.\n\n", s.rounds, s.time, s.machine, s.date)
	rows := make([][]string, 0, len(pairs()))
	for _, p := range pairs() {
		rows = append(rows, append([]string{p.what, p.with}, f.pair(p)...))
	}
	table(&out, []string{"what", "compared with", "ratio", "ns", "allocs"}, rows)
	return out.String()
}

// pair returns how the two compare.
func (f *handlers) pair(p pair) []string {
	for _, c := range f.chapters {
		if i := slices.Index(c.cases, p.task); c.name == p.chapter && i >= 0 {
			return c.pair(i, p.one, p.other)
		}
	}
	return []string{"–", "–", "–"}
}
