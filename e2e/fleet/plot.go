package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/sluicelog/sluice/e2e/fleet/result"
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

// sinceUnit is what the times of a Recovery are.
const sinceUnit = "seconds since somebody could be reached"

// plot returns an SVG of a result: arrivals by receiver and what waits over time with
// the outages shaded, when senders connected again, and how many were back when.
func plot(r *result.Result) string {
	title := fmt.Sprintf("%s: %d senders, %d receivers, %v events/s each, over %s", r.Scenario, r.Senders, r.Receivers, r.Rate, r.Over)
	d := newDrawing(plotWidth, plotHeight, title)
	d.text(10, 22, 15, "start", ink, title)
	d.text(plotWidth-10, 22, 11, "end", ink, fmt.Sprintf("times are divided by %v; an outage is shaded", r.Compress))
	plotArrivals(d, r)
	plotWaiting(d, r)
	plotConnections(d, r)
	plotRecovery(d, r)
	return d.String()
}

func palette(i int) string {
	colors := []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8250df", "#57606a"}
	return colors[i%len(colors)]
}

// overTime returns a panel over the whole scenario, with its outages shaded.
func overTime(d *drawing, r *result.Result, row int, yMax float64) panel {
	lasts := max(float64(r.Series.Step)*float64(len(r.Series.Backlog)), 1)
	p := panel{d, plotLeft, firstTop + float64(row)*panelPitch, plotWide, panelHigh, lasts, max(yMax*1.05, 1)}
	for i := range r.Outages {
		o := &r.Outages[i]
		from, to := p.at(float64(o.Begin), 0)[0], p.at(min(float64(o.End), p.xMax), 0)[0]
		d.rect(from, p.top, max(to-from, 1), p.high, shade)
	}
	return p
}

func plotArrivals(d *drawing, r *result.Result) {
	perSecond := 1 / float64(r.Series.Step)
	most := 0.0
	for _, counts := range r.Series.Arrivals {
		for _, n := range smooth(counts) {
			most = max(most, n*perSecond)
		}
	}
	p := overTime(d, r, 0, most)
	p.axes("Events that arrived per second, by receiver", "seconds since the beginning", number)
	for i, counts := range r.Series.Arrivals {
		points := make([][2]float64, len(counts))
		for k, n := range smooth(counts) {
			points[k] = p.at(float64(k+1)*float64(r.Series.Step), n*perSecond)
		}
		d.path(points, palette(i))
		legend(d, p, len(r.Series.Arrivals)-i, palette(i), fmt.Sprint("receiver ", i+1))
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

func plotWaiting(d *drawing, r *result.Result) {
	const mib = 1 << 20
	p := overTime(d, r, 1, float64(max(slices.Max(append([]int{0}, r.Series.Backlog...)), 1)))
	p.axes("Events that waited", "seconds since the beginning", number)
	spool := p
	spool.yMax = max(float64(slices.Max(append([]int64{0}, r.Series.SpoolBytes...)))/mib*1.05, 0.1)
	for _, v := range ticks(spool.yMax) {
		d.text(p.left+p.wide+6, spool.at(0, v)[1]+4, 11, "start", palette(1), number(v))
	}
	steps := len(r.Series.Backlog)
	events, disk := make([][2]float64, 0, steps), make([][2]float64, 0, steps)
	for i := range r.Series.Backlog {
		at := float64(i+1) * float64(r.Series.Step)
		events = append(events, p.at(at, float64(r.Series.Backlog[i])))
		disk = append(disk, spool.at(at, float64(r.Series.SpoolBytes[i])/mib))
	}
	d.path(disk, palette(1))
	d.path(events, palette(0))
	legend(d, p, 3, palette(0), "events")
	legend(d, p, 2, palette(1), "all spools, MiB on disk (right)")
}

// plotConnections adds the outages of a scenario up.
func plotConnections(d *drawing, r *result.Result) {
	steps := 0
	for i := range r.Outages {
		steps = max(steps, len(r.Outages[i].Accepts))
	}
	counts := make([]int, steps)
	for i := range r.Outages {
		for k, n := range r.Outages[i].Accepts {
			counts[k] += n
		}
	}
	most := slices.Max(append([]int{1}, counts...))
	step := float64(result.AcceptStep)
	p := panel{d, plotLeft, firstTop + 2*panelPitch, halfWide, panelHigh, max(step*float64(len(counts)), 1), float64(most) * 1.05}
	p.axes("New connections per 100 ms", sinceUnit, number)
	for i, n := range counts {
		from, to := p.at(step*float64(i), float64(n)), p.at(step*float64(i+1), 0)
		if n > 0 {
			d.rect(from[0], from[1], max(to[0]-from[0]-0.5, 0.5), to[1]-from[1], palette(0))
		}
	}
}

func plotRecovery(d *drawing, r *result.Result) {
	last := 0.0
	for i := range r.Outages {
		o := &r.Outages[i]
		last = max(last, float64(o.Recovery.Last))
	}
	p := panel{d, secondLeft, firstTop + 2*panelPitch, halfWide, panelHigh, max(math.Ceil(last*10)/10, 0.1), 100}
	p.axes("Senders that were back, of those affected", sinceUnit, func(v float64) string { return number(v) + " %" })
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
		d.path(points, palette(i))
		y := p.top + p.high - 14*float64(len(r.Outages)-i)
		d.rect(p.left+p.wide-10, y, 8, 8, palette(i))
		d.text(p.left+p.wide-14, y+8, 11, "end", ink, o.What)
	}
}

// legend names a color above a panel, so many places from the right.
func legend(d *drawing, p panel, place int, color, text string) {
	x := p.left + p.wide - float64(place)*legendStep
	d.rect(x, p.top-19, 10, 10, color)
	d.text(x+14, p.top-10, 11, "start", ink, text)
}
