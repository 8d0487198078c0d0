package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/sluicelog/sluice/e2e/fleet/result"
	"github.com/sluicelog/sluice/internal/svg"
)

// Where the panels of a plot are, in pixels.
const (
	plotWidth  = 860
	plotHeight = 690
	plotLeft   = 62
	plotWide   = 726
	panelHigh  = 140
	halfWide   = 330
	secondLeft = plotLeft + plotWide - halfWide
	firstTop   = 72
	panelPitch = 210
	legendStep = 96
)

// The colors of all but what is measured.
const (
	ground = "#ffffff"
	ink    = "#24292f"
	faint  = "#d0d7de"
	shade  = "#fbe3dc"
)

// sinceUnit is what the times of a Recovery are.
const sinceUnit = "seconds since somebody could be reached"

// plot returns an SVG of a result: arrivals by receiver and what waits over time with
// the outages shaded, when senders connected again, and how many were back when.
func plot(r *result.Result) string {
	title := fmt.Sprintf("%s: %d senders, %d receivers, %v events/s each, over %s", r.Scenario, r.Senders, r.Receivers, r.Rate, r.Over)
	d := new(svg.Drawing)
	d.Rect(0, 0, plotWidth, plotHeight, ground)
	d.Text(10, 22, 15, "start", ink, title)
	d.Text(plotWidth-10, 22, 11, "end", ink, fmt.Sprintf("times are divided by %v; an outage is shaded", r.Compress))
	plotArrivals(d, r)
	plotWaiting(d, r)
	plotConnections(d, r)
	plotRecovery(d, r)
	return d.File(plotWidth, plotHeight, title)
}

func palette(i int) string {
	colors := []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8250df", "#57606a"}
	return colors[i%len(colors)]
}

// overTime returns a panel over the whole scenario, with its outages shaded.
func overTime(d *svg.Drawing, r *result.Result, row int, yMax float64) panel {
	lasts := max(float64(r.Series.Step)*float64(len(r.Series.Backlog)), 1)
	p := panel{d, plotLeft, firstTop + float64(row)*panelPitch, plotWide, panelHigh, lasts, max(yMax*1.05, 1)}
	for i := range r.Outages {
		o := &r.Outages[i]
		from, to := p.at(float64(o.Begin), 0)[0], p.at(min(float64(o.End), p.xMax), 0)[0]
		d.Rect(from, p.top, max(to-from, 1), p.high, shade)
	}
	return p
}

func plotArrivals(d *svg.Drawing, r *result.Result) {
	perSecond := 1 / float64(r.Series.Step)
	most := 0.0
	for _, counts := range r.Series.Arrivals {
		for _, n := range smooth(counts) {
			most = max(most, n*perSecond)
		}
	}
	p := overTime(d, r, 0, most)
	p.axes("Events that arrived per second, by receiver", "seconds since the beginning", svg.Number)
	for i, counts := range r.Series.Arrivals {
		points := make([][2]float64, len(counts))
		for k, n := range smooth(counts) {
			points[k] = p.at(float64(k+1)*float64(r.Series.Step), n*perSecond)
		}
		d.Path(points, palette(i))
		p.legend(float64(len(r.Series.Arrivals)-i), palette(i), fmt.Sprint("receiver ", i+1))
	}
}

// smooth returns the means of two neighbours.
func smooth(counts []int) []float64 {
	means := make([]float64, len(counts))
	for i, n := range counts {
		means[i] = float64(n+counts[max(i-1, 0)]) / 2
	}
	return means
}

func plotWaiting(d *svg.Drawing, r *result.Result) {
	const mib = 1 << 20
	p := overTime(d, r, 1, float64(max(slices.Max(append([]int{0}, r.Series.Backlog...)), 1)))
	p.axes("Events that waited", "seconds since the beginning", svg.Number)
	at := func(i int) float64 { return float64(i+1) * float64(r.Series.Step) }
	curve := func(values []int) [][2]float64 {
		points := make([][2]float64, len(values))
		for i, v := range values {
			points[i] = p.at(at(i), float64(v))
		}
		return points
	}
	p.legend(4.4, palette(0), "all")
	if most := float64(slices.Max(append([]int64{0}, r.Series.SpoolBytes...))) / mib; most > 0 {
		spool := p
		spool.yMax = max(most*1.05, 0.1)
		for _, v := range svg.Ticks(spool.yMax) {
			d.Text(p.left+p.wide+6, spool.at(0, v)[1]+4, 11, "start", palette(1), svg.Number(v))
		}
		disk := make([][2]float64, len(r.Series.SpoolBytes))
		for i, bytes := range r.Series.SpoolBytes {
			disk[i] = spool.at(at(i), float64(bytes)/mib)
		}
		d.Path(disk, palette(1))
		d.Path(curve(r.Series.Spooled), palette(2))
		p.legend(3.6, palette(2), "in spools")
		p.legend(2.4, palette(1), "all spools on disk, MiB (right axis)")
	} else {
		d.Text(p.left+p.wide, p.top-10, 11, "end", ink, "nothing in spools")
	}
	d.Path(curve(r.Series.Backlog), palette(0))
}

// plotConnections adds the outages of a scenario up.
func plotConnections(d *svg.Drawing, r *result.Result) {
	steps := 0
	for i := range r.Outages {
		steps = max(steps, len(r.Outages[i].Accepts))
	}
	counts, all := make([]int, steps), 0
	for i := range r.Outages {
		for k, n := range r.Outages[i].Accepts {
			counts[k] += n
			all += n
		}
	}
	most := slices.Max(append([]int{1}, counts...))
	step := float64(result.AcceptStep)
	p := panel{d, plotLeft, firstTop + 2*panelPitch, halfWide, panelHigh, max(step*float64(len(counts)), 1), float64(most) * 1.05}
	p.axes("New connections per 100 ms", sinceUnit, svg.Number)
	p.sayNobody(r)
	expected := make([][2]float64, 0, 2*len(counts))
	for i, n := range counts {
		from, to := p.at(step*float64(i), float64(n)), p.at(step*float64(i+1), 0)
		if n > 0 {
			d.Rect(from[0], from[1], max(to[0]-from[0]-0.5, 0.5), to[1]-from[1], palette(0))
		}
		at := result.AcceptStep * result.Seconds(i)
		share := r.BackBy(at+result.AcceptStep) - r.BackBy(at)
		y := min(float64(all)*share, p.yMax)
		expected = append(expected, p.at(float64(at), y), p.at(float64(at+result.AcceptStep), y))
	}
	if r.Herd() {
		d.Path(expected, ink)
		p.legend(1.4, ink, "as the jitter makes it")
	}
}

// sayNobody says why there is nothing in a panel, if there is not.
func (p panel) sayNobody(r *result.Result) {
	if !slices.ContainsFunc(r.Outages, func(o result.Outage) bool { return o.Affected > 0 }) {
		p.d.Text(p.left+p.wide/2, p.top+p.high/2, 12, "middle", ink, "no sender lost its connection")
	}
}

func plotRecovery(d *svg.Drawing, r *result.Result) {
	last := 0.0
	for i := range r.Outages {
		o := &r.Outages[i]
		last = max(last, float64(o.Recovery.Last))
	}
	p := panel{d, secondLeft, firstTop + 2*panelPitch, halfWide, panelHigh, max(math.Ceil(last*10)/10, 0.1), 100}
	p.axes("Senders that were back, of those affected", sinceUnit, func(v float64) string { return svg.Number(v) + " %" })
	p.sayNobody(r)
	if r.Herd() {
		expected := make([][2]float64, 101)
		for i := range expected {
			at := p.xMax * float64(i) / 100
			expected[i] = p.at(at, 100*r.BackBy(result.Seconds(at)))
		}
		d.Path(expected, ink)
		p.label(len(r.Outages)+1, ink, "as the jitter makes it")
	}
	for i := range r.Outages {
		o := &r.Outages[i]
		points := append(make([][2]float64, 0, 1+2*len(o.Recovery.All)), p.at(0, 0))
		for k, t := range o.Recovery.All {
			share := 100 / float64(max(o.Affected, 1))
			points = append(points, p.at(float64(t), float64(k)*share), p.at(float64(t), float64(k+1)*share))
		}
		if len(o.Recovery.All) == 0 {
			continue
		}
		d.Path(points, palette(i))
		p.label(len(r.Outages)-i, palette(i), o.What)
	}
}
