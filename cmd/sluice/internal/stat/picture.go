package stat

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
)

// picture draws the result.
func (r *result) picture() *chart.Picture {
	p := &chart.Picture{Title: shortPath(r.title()), Text: r.description()}
	if t := r.Time; t != nil {
		p.Note = fmt.Sprintf("%s lines, %s to %s %s", number(r.Lines.Counted), stamp(t.First), stamp(t.Last), zoneName(t.Last))
	} else {
		p.Note = number(r.Lines.Counted) + " lines"
	}
	if len(r.rows) > 0 {
		p.Panels = append(p.Panels, r.timePanels()...)
	}
	sources := chart.Panel{Title: "Errors by source"}
	for _, s := range r.Sources.Top {
		if s.Errors > 0 {
			sources.Rows = append(sources.Rows, chart.Row{
				Label: printable(shortPath(s.Name)), Text: number(s.Errors), Parts: []chart.Part{{Value: float64(s.Errors), Tone: chart.Error}},
			})
		}
	}
	if len(sources.Rows) > 0 {
		p.Panels = append(p.Panels, sources)
	}
	for i := range r.Attrs {
		p.Panels = append(p.Panels, r.Attrs[i].panels()...)
	}
	return p
}

// description says what is to be seen, for those who do not see it.
func (r *result) description() string {
	var all, worst counts
	var worstAt time.Time
	for _, b := range r.rows {
		all.add(b.counts)
		if b.Errors > worst.Errors {
			worst, worstAt = b.counts, time.Unix(b.start, 0).In(r.zone)
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s lines, %s warnings and %s errors with a time.", number(all.Lines), number(all.Warnings), number(all.Errors))
	if worst.Errors > 0 {
		fmt.Fprintf(&text, " Most errors, %s, are in the %s from %s on.", number(worst.Errors), r.by, stamp(worstAt))
	}
	for _, a := range r.Attrs {
		if a.All != nil {
			fmt.Fprintf(&text, " Of %s numbers at %s half are up to %s, 99 %% up to %s.",
				number(a.All.Count), printable(a.Attr), significant(a.All.P50), significant(a.All.P99))
		}
	}
	return text.String()
}

// timePanels are the lines over time, and the errors and warnings, which have a scale of their own.
func (r *result) timePanels() []chart.Panel {
	lines := chart.Panel{
		Title:  "Lines by " + r.by.String(),
		Legend: []chart.Key{{Tone: chart.Error, Name: "errors"}, {Tone: chart.Warning, Name: "warnings"}, {Tone: chart.Plain, Name: "others"}},
	}
	problems := chart.Panel{
		Title:  "Errors and warnings by " + r.by.String(),
		Legend: []chart.Key{{Tone: chart.Error, Name: "errors"}, {Tone: chart.Warning, Name: "warnings"}},
	}
	found := false
	for _, i := range timeline(r.zone, r.rows, r.by) {
		start := time.Unix(i.start, 0).In(r.zone)
		date, clock := label(start, r.by)
		column := chart.Column{Label: clock, Text: fmt.Sprintf("%s %s: %s lines, %s warnings, %s errors",
			date, clock, number(i.Lines), number(i.Warnings), number(i.Errors))}
		switch {
		case i.empty > 0:
			column = chart.Column{Label: "…", Text: i.length() + " without a line"}
		case clock == "" || clock == "00:00":
			column.Label = start.Format("01-02")
			if r.by >= month {
				column.Label = date
			}
		}
		parts := []chart.Part{{Value: float64(i.Errors), Tone: chart.Error}, {Value: float64(i.Warnings), Tone: chart.Warning}}
		column.Parts = parts
		problems.Columns = append(problems.Columns, column)
		column.Parts = append(slices.Clone(parts), chart.Part{Value: float64(i.Lines - i.Errors - i.Warnings)})
		lines.Columns = append(lines.Columns, column)
		found = found || i.Errors+i.Warnings > 0
	}
	if !found {
		lines.Legend = nil
		return []chart.Panel{lines}
	}
	return []chart.Panel{problems, lines}
}

// panels are the distribution of an attr, and how it is in each group.
func (a *attrResult) panels() []chart.Panel {
	if a.All == nil {
		return nil
	}
	name := printable(a.Attr)
	panels := []chart.Panel{{Title: "How many have which " + name, Columns: a.histogram(), Marks: a.marks()}}
	groups := chart.Panel{Title: name + ", 99th percentile"}
	for _, g := range a.Groups {
		groups.Rows = append(groups.Rows, chart.Row{
			Label: printable(g.Name), Parts: []chart.Part{{Value: g.P99}}, Text: fmt.Sprintf("%s of %s", significant(g.P99), number(g.Count)),
		})
	}
	if len(groups.Rows) > 0 {
		panels = append(panels, groups)
	}
	return panels
}

// columns is how many bars a histogram has.
const columns = 48

// scale is where the columns of a histogram are: each as many times as large as the one before, or, where there is zero or
// less, as much larger.
func (a *attrResult) scale() (position func(v float64) float64, value func(column float64) float64) {
	low, high := a.All.Min, a.All.Max
	switch {
	case low == high:
		return func(float64) float64 { return columns / 2 }, func(float64) float64 { return low }
	case low > 0 && high/low > 10:
		l, h := math.Log(low), math.Log(high)
		return func(v float64) float64 { return (math.Log(v) - l) / (h - l) * columns },
			func(c float64) float64 { return math.Exp(l + (h-l)*c/columns) }
	}
	return func(v float64) float64 { return (v - low) / (high - low) * columns },
		func(c float64) float64 { return low + (high-low)*c/columns }
}

func (a *attrResult) histogram() []chart.Column {
	position, value := a.scale()
	out := make([]chart.Column, columns)
	for i := range out {
		from, to := chart.Number(value(float64(i))), chart.Number(value(float64(i+1)))
		out[i] = chart.Column{Label: from, Text: from + " to " + to, Parts: []chart.Part{{}}}
	}
	a.dist.sketch.ForEach(func(v, count float64) bool {
		i := min(max(int(position(v)), 0), columns-1)
		out[i].Parts[0].Value += count
		return false
	})
	for i := range out {
		out[i].Text += ": " + number(int64(out[i].Parts[0].Value))
	}
	return out
}

func (a *attrResult) marks() []chart.Mark {
	position, _ := a.scale()
	marks := make([]chart.Mark, 0, 3)
	for _, m := range []struct {
		name string
		v    float64
	}{{"p50", a.All.P50}, {"p90", a.All.P90}, {"p99", a.All.P99}} {
		marks = append(marks, chart.Mark{At: min(max(position(m.v), 0), columns), Label: m.name + " " + chart.Number(m.v)})
	}
	return marks
}
