// Package chart draws bars: in a terminal, and as a picture in SVG. What it is given to print has to be
// harmless to a terminal.
package chart

import "math"

// A Tone says what a part of a bar stands for. It is a color, or a pattern where there are none.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Faint      // what there is nothing to say about
	Warning
	Error
)

// A Part is one of the parts of a bar. A value below zero counts as zero.
type Part struct {
	Value float64
	Tone  Tone
}

// A Row is a bar that lies, with a label in front of it and a text behind.
type Row struct {
	Label string
	Parts []Part
	Text  string
}

// total is how long a bar of parts is.
func total(parts []Part) float64 {
	sum := 0.0
	for _, p := range parts {
		sum += max(p.Value, 0)
	}
	return sum
}

// steps returns where each of the parts ends, in steps of which full has as many as given. A part that is not zero has one at
// least, and the last one ends within the steps.
func steps(parts []Part, full float64, count int) []int {
	ends := make([]int, len(parts))
	if count <= 0 || !(full > 0) || math.IsInf(full, 0) {
		return ends
	}
	sum, end := 0.0, 0
	for i, p := range parts {
		if p.Value > 0 {
			sum = min(sum+p.Value, full)
			end = max(end+1, int(sum/full*float64(count)+0.5))
		}
		ends[i] = end
	}
	// What is too long because small parts were made to be seen is taken off from behind, where there is more than one step.
	for limit, i := count, len(ends)-1; i >= 0 && ends[i] > limit; i-- {
		ends[i] = limit
		if parts[i].Value > 0 {
			limit = max(limit-1, 1)
		}
	}
	return ends
}
