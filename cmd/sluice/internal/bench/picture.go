package bench

import (
	"fmt"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
)

// picture returns the report as a picture.
func (r *report) picture() *chart.Picture {
	p := &chart.Picture{
		Title: "sluice bench " + r.Config,
		Note: fmt.Sprintf("%s, %s; %s, records of %.0f bytes", plural(r.CPUs, "CPU", "CPUs"), r.System,
			plural(r.Goroutines, "goroutine logs", "goroutines log"), r.RecordBytes),
	}
	for i := range r.Parts {
		part := &r.Parts[i]
		l := &part.Latency
		panel := chart.Panel{Title: fmt.Sprintf("%s: %s records/s. How long a caller waits", part.Name, number(part.PerSecond))}
		for _, row := range []struct {
			label string
			value float64
			tone  chart.Tone
		}{{"p50", l.P50, chart.Plain}, {"p90", l.P90, chart.Plain}, {"p99", l.P99, chart.Plain}, {"p99.9", l.P999, chart.Faint}} {
			panel.Rows = append(panel.Rows, chart.Row{Label: row.label, Parts: []chart.Part{{Value: row.value, Tone: row.tone}}, Text: nanos(row.value)})
		}
		panel.Rows = append(panel.Rows, chart.Row{Label: "max", Text: nanos(l.Max)})
		p.Panels = append(p.Panels, panel)
		p.Text += fmt.Sprintf("%s: %s records a second; half of the calls take %s or less, 99 %% take %s or less. ",
			part.Name, number(part.PerSecond), nanos(l.P50), nanos(l.P99))
	}
	if len(r.Steps) > 0 {
		p.Panels = append(p.Panels, chart.Panel{Title: "Where the time goes: what each part adds to a call", Rows: stepRows(r.Steps)})
	}
	return p
}
