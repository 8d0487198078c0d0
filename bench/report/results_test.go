package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{7}, 7},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{9, 1, 5, 7}, 6},
		{"an outlier", []float64{1000, 1, 2}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.values)
			if got := median(tt.values); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff(before, tt.values); diff != "" {
				t.Errorf("the values have changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestRatio has rounds at very different speeds: what counts is who is faster in
// the same round.
func TestRatio(t *testing.T) {
	r := example()
	if got, ok := r.ratio(0, ours, standard); !ok || got != 0.5 {
		t.Errorf("ours against the standard: %v, %v", got, ok)
	}
	for _, names := range [][2]string{{ours, rival}, {rival, ours}, {"nobody", ours}, {ours, "nobody"}} {
		if got, ok := r.ratio(1, names[0], names[1]); ok {
			t.Errorf("%v: %v", names, got)
		}
	}
}

// example has two cases: one with all the figures, and one with none but two.
func example() *results {
	return &results{
		cases: []string{"5 attrs", "a|b <&>"},
		peers: []peer{{standard, "go1.26"}, {ours, "of this tree"}, {rival, "v1.2.3"}, {"slow & <odd>", "v0.1"}},
		cells: [][]cell{
			{
				{samples: []sample{{1000, 0, 0}, {900, 0, 0}, {5000, 0, 0}}},
				{samples: []sample{{500, 0, 0}, {540, 0, 0}, {1000, 0, 0}}},
				{samples: []sample{{625, 16, 1}, {900, 16, 1}, {4000, 16, 1}}},
				{samples: []sample{{12340, 4000, 46}, {13500, 4000, 46}, {50000, 4000, 46}}},
			},
			{
				{samples: []sample{{800, 8, 1}}},
				{samples: []sample{{600, 0, 0}}},
				{},
				{fault: errOdd},
			},
		},
	}
}
