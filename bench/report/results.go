package main

import "slices"

// The names of the peers that others are set against.
const (
	ours     = "handler.JSONHandler"
	standard = "slog.JSONHandler"
	rival    = "phuslu/log"
)

// results holds what was measured: a row of cells for each case, with a cell for
// each peer.
type results struct {
	cases []string
	peers []peer
	cells [][]cell
}

type peer struct{ name, version string }

// A cell is what was measured of one peer in one case: a sample for each round,
// or none if the peer has not what the case needs or was found to be at fault.
type cell struct {
	fault   error
	samples []sample
}

type sample struct{ ns, bytes, allocs float64 }

// ratio returns the time of one peer as a multiple of that of another in one
// case: the median of the ratios of all rounds, which what else the machine does
// disturbs much less than the ratio of the two medians. It is false if one of the
// two was not measured.
func (r *results) ratio(c int, one, other string) (float64, bool) {
	return r.compare(c, one, other, quotient)
}

// difference is ratio, in nanoseconds.
func (r *results) difference(c int, one, other string) (float64, bool) {
	return r.compare(c, one, other, func(a, b float64) float64 { return a - b })
}

func (r *results) compare(c int, one, other string, round func(a, b float64) float64) (float64, bool) {
	all := r.rounds(c, one, other, round)
	return median(all), len(all) > 0
}

// rounds returns what compares two peers in each round; none if one was not measured.
func (r *results) rounds(c int, one, other string, round func(a, b float64) float64) []float64 {
	a, b := r.cell(c, one).figures(nanoseconds), r.cell(c, other).figures(nanoseconds)
	if len(a) != len(b) {
		return nil
	}
	for i := range a {
		a[i] = round(a[i], b[i])
	}
	return a
}

func quotient(a, b float64) float64 { return a / b }

func (r *results) cell(c int, name string) cell {
	for j, p := range r.peers {
		if p.name == name {
			return r.cells[c][j]
		}
	}
	return cell{}
}

func nanoseconds(s sample) float64 { return s.ns }
func bytes(s sample) float64       { return s.bytes }
func allocs(s sample) float64      { return s.allocs }

// figures returns one figure of all samples.
func (c cell) figures(figure func(sample) float64) []float64 {
	all := make([]float64, len(c.samples))
	for i, s := range c.samples {
		all[i] = figure(s)
	}
	return all
}

// median returns the median, or 0 if there are no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
