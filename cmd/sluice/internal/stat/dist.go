package stat

import (
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy is how far a percentile is off at most, relative to what it is.
const accuracy = 0.01

// A dist is the distribution of numbers. Its memory is bounded: 16 KiB a sign.
type dist struct {
	sketch  *ddsketch.DDSketchWithExactSummaryStatistics
	refused int64 // values that are too large
}

func newDist() *dist {
	const bins = 2048 // which hold values that are 10^17 apart
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant that is right
	}
	return &dist{sketch: ddsketch.NewDDSketchWithExactSummaryStatistics(m, func() store.Store { return store.NewCollapsingLowestDenseStore(bins) })}
}

// tooLarge is what is not counted: the sum of many such numbers would be none.
const tooLarge = 1e290

func (d *dist) add(v float64) {
	if math.Abs(v) > tooLarge || d.sketch.Add(v) != nil {
		d.refused++
	}
}

// window returns the whole distribution as a window.
func (d *dist) window() *window {
	return &window{count: d.count(), sum: d.sum(), min: d.min(), max: d.max(), dist: d}
}

func (d *dist) merge(o *dist) {
	_ = d.sketch.MergeWith(o.sketch) // fails for another accuracy only
	d.refused += o.refused
}

func (d *dist) count() int64 { return int64(d.sketch.GetCount()) }

// quantile returns the value that a part of all is not above, 0 if there is none.
func (d *dist) quantile(q float64) float64 {
	v, err := d.sketch.GetValueAtQuantile(q)
	if err != nil {
		return 0
	}
	return v
}

func (d *dist) min() float64 {
	v, err := d.sketch.GetMinValue()
	if err != nil {
		return 0
	}
	return v
}

func (d *dist) max() float64 {
	v, err := d.sketch.GetMaxValue()
	if err != nil {
		return 0
	}
	return v
}

func (d *dist) sum() float64 { return d.sketch.GetSum() }

func (d *dist) mean() float64 {
	if d.count() == 0 {
		return 0
	}
	return d.sum() / float64(d.count())
}
