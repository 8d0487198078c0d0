package bench

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// number returns a number with commas, of three digits at least.
func number(v float64) string {
	if v < 100 && v != math.Trunc(v) {
		return digits(v)
	}
	return humanize.Comma(int64(v + 0.5))
}

// digits returns a number below a thousand with three digits.
func digits(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// nanos returns a duration in nanoseconds with three digits.
func nanos(v float64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if v >= unit.size {
			return sign + digits(v/unit.size) + " " + unit.name
		}
	}
	return fmt.Sprintf("%s%.0f ns", sign, v)
}

func seconds(d time.Duration) string { return nanos(float64(d)) }

// writeText prints the report for people.
func (r *report) writeText(w io.Writer) error {
	b := new(strings.Builder)
	style := chart.Style{Color: cli.IsTerminal(w)}
	fmt.Fprintf(b, "%s on %s, %s; %s, records of %.0f bytes\n", r.Config, plural(r.CPUs, "CPU", "CPUs"), r.System,
		plural(r.Goroutines, "goroutine logs", "goroutines log"), r.RecordBytes)
	for _, n := range r.Notes {
		fmt.Fprintln(b, "  "+n)
	}
	for i := range r.Parts {
		r.Parts[i].writeText(b)
	}
	if len(r.Steps) > 0 {
		fmt.Fprintf(b, "\nWhere the time goes: what each part adds to a call, one goroutine, the median of %d rounds\n", rounds)
		if err := style.Rows(b, min(cli.Width(w), 100), 0, stepRows(r.Steps)); err != nil {
			return err
		}
	}
	if r.Failures > 0 {
		fmt.Fprintf(b, "\nWhere the time goes was not measured: %s, the first: %s\n", plural(r.Failures, "failure", "failures"), r.Failure)
	}
	if len(r.Baseline) > 0 {
		writeBaseline(b, r.Baseline)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", humanize.Comma(int64(n)), more)
}

func stepRows(steps []step) []chart.Row {
	rows := make([]chart.Row, 0, len(steps))
	for i, s := range steps {
		tone := chart.Plain
		if i == len(steps)-1 { // the whole
			tone = chart.Faint
		}
		rows = append(rows, chart.Row{Label: s.Name, Parts: []chart.Part{{Value: max(s.Nanos, 0), Tone: tone}}, Text: nanos(s.Nanos) + " ± " + nanos(s.Noise)})
	}
	return rows
}

func (p *part) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s, for %s\n", p.Name, seconds(p.Elapsed))
	if p.Stopped != "" {
		fmt.Fprintf(b, "  ended early by %s\n", p.Stopped)
	}
	rate := number(p.PerSecond)
	if p.Asked > 0 {
		rate += " of " + number(p.Asked)
	}
	fmt.Fprintf(b, "  %s records/s, %s/s of lines\n%s", rate, humanize.Bytes(uint64(p.PerSecBy)), p.short())
	fmt.Fprintf(b, "  a caller waits: p50 %s, p90 %s, p99 %s, p99.9 %s, max %s\n",
		nanos(p.Latency.P50), nanos(p.Latency.P90), nanos(p.Latency.P99), nanos(p.Latency.P999), nanos(p.Latency.Max))
	if p.Asked == 0 { // to wait and wake up takes more than the records
		fmt.Fprintf(b, "  a record takes: %s of CPU, %s allocations of %s together\n", nanos(p.CPU), digits(p.Allocs), humanize.Bytes(uint64(p.AllocBytes)))
	}
	fmt.Fprintf(b, "  at the end: %s to flush and sync\n", seconds(p.Flush))

	table := make([][]string, 0, 1+len(p.Sinks))
	table = append(table, []string{"", "accepted", "= written", "+ dropped", "+ left", ""})
	for i := range p.Sinks {
		a := &p.Sinks[i]
		table = append(table, []string{
			a.Name, comma(a.Accepted), comma(a.Written), comma(a.Dropped), comma(a.Left), a.remarks(),
		})
	}
	writeTable(b, table)
	if p.Failures > 0 {
		fmt.Fprintf(b, "  %s, the first: %s\n", plural(p.Failures, "failure", "failures"), p.Failure)
	}
}

// short says why there are fewer records than were asked for.
func (p *part) short() string {
	if p.Asked == 0 || p.PerSecond >= 0.95*p.Asked || p.Stopped != "" {
		return ""
	}
	if lost := float64(p.Elapsed) * (1 - p.PerSecond/p.Asked); float64(p.Behind) > lost/2 {
		return "  fewer than asked for: the pipeline took no more\n"
	}
	return "  fewer than asked for: the machine was busy, and woke this program too late\n"
}

func comma(n uint64) string { return number(float64(n)) }

// remarks says what else there is to say of a sink.
func (a *account) remarks() string {
	parts := []string{humanize.Bytes(a.Bytes)}
	if a.Rotations > 0 {
		parts = append(parts, plural(int(a.Rotations), "rotation", "rotations")) //nolint:gosec // a count
	}
	if a.Writes > 0 {
		parts = append(parts, comma(a.Writes)+" writes")
	}
	if a.Synced {
		parts = append(parts, "each line synced")
	}
	for _, reason := range slices.Sorted(maps.Keys(a.Reasons)) {
		parts = append(parts, comma(a.Reasons[reason])+" "+reason)
	}
	if a.Accepted == 0 {
		parts = []string{"no record is for it"}
	}
	if !a.Holds {
		parts = append(parts, "DOES NOT ADD UP")
	}
	return strings.Join(parts, ", ")
}

// writeTable prints columns: the first and the last to the left, the others to the right.
func writeTable(b *strings.Builder, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for _, row := range table {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell))
			switch i {
			case 0:
				line = cell + pad
			case len(row) - 1:
				line += "  " + cell
			default:
				line += "  " + pad + cell
			}
		}
		fmt.Fprintln(b, "  "+strings.TrimRight(line, " "))
	}
}

// writeBaseline prints how it was and how it is.
func writeBaseline(b *strings.Builder, all []comparison) {
	fmt.Fprintln(b, "\nBeside the baseline")
	table := make([][]string, 0, 1+len(all))
	table = append(table, []string{"", "before", "now", "ratio", ""})
	for _, c := range all {
		mark := ""
		if c.Worse {
			mark = "worse"
		}
		table = append(table, []string{c.Figure, c.text(c.Before), c.text(c.Now), fmt.Sprintf("%.2f", c.Ratio), mark})
	}
	writeTable(b, table)
	if !slices.ContainsFunc(all, func(c comparison) bool { return c.Worse }) {
		fmt.Fprintln(b, "  nothing is worse")
	}
}

func (c *comparison) text(v float64) string {
	return cmp.Or(map[bool]string{true: nanos(v)}[c.Time], number(v))
}
