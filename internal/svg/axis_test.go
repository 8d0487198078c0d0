package svg_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/svg"
)

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit float64
		want  []string
	}{
		{0.1, []string{"0", "0.02", "0.04", "0.06", "0.08", "0.1"}},
		{1, []string{"0", "0.2", "0.4", "0.6", "0.8", "1"}},
		{37, []string{"0", "10", "20", "30"}},
		{100, []string{"0", "20", "40", "60", "80", "100"}},
		{4200, []string{"0", "1000", "2000", "3000", "4000"}},
		{105_000, []string{"0", "20k", "40k", "60k", "80k", "100k"}},
	} {
		var got []string
		for _, v := range svg.Ticks(tt.limit) {
			got = append(got, svg.Number(v))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("up to %v: mismatch (-want +got):\n%s", tt.limit, diff)
		}
	}
}
