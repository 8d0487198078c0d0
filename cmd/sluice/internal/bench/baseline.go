package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// comparison is a figure before and now.
type comparison struct {
	Figure string  `json:"figure"`
	Before float64 `json:"before"`
	Now    float64 `json:"now"`
	Ratio  float64 `json:"ratio"` // of now to before
	Worse  bool    `json:"worse"` // by more than is tolerated
	Time   bool    `json:"-"`     // the figure is in nanoseconds
}

// readBaseline reads what --json has printed before.
func readBaseline(path string) (*report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cli.Usagef("--baseline: %w", err)
	}
	r := new(report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, cli.Usagef("--baseline: %s is not what sluice bench --json prints: %w", cli.Printable(path), err)
	}
	if len(r.Parts) == 0 {
		return nil, cli.Usagef("--baseline: %s is not what sluice bench --json prints: it has no parts", cli.Printable(path))
	}
	return r, nil
}

// rate returns the records a second of the part that was paced, 0 if none was.
func (r *report) rate() float64 {
	for i := range r.Parts {
		if rate := r.Parts[i].Asked; rate > 0 && rate <= mostRate {
			return rate
		}
	}
	return 0
}

// comparable returns all that makes this benchmark another one than that of the baseline.
func (b *benchmark) comparable(before *report) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("--baseline: "+format, args...)) }
	if b.goroutines != before.Goroutines {
		wrong("it was made with %s: want as many, not %d", plural(before.Goroutines, "goroutine", "goroutines"), b.goroutines)
	}
	if math.Abs(b.size-before.RecordBytes) > 1 {
		wrong("its records are of %.0f bytes, and these of %.0f: want those of the same --like", before.RecordBytes, b.size)
	}
	if rate := before.rate(); b.rate > 0 && b.rate != rate {
		wrong("it has no part at --rate %v: want %v, or none", b.rate, rate)
	}
	was, is := make([]string, 0, len(before.Parts[0].Sinks)), make([]string, 0, len(b.cfg.Sinks))
	for i := range before.Parts[0].Sinks {
		was = append(was, cli.Printable(before.Parts[0].Sinks[i].Type))
	}
	for i := range b.cfg.Sinks {
		is = append(is, b.cfg.Sinks[i].Type.String())
	}
	if !slices.Equal(was, is) {
		wrong("its sinks are %s, and these %s: want sinks of the same types", strings.Join(was, ", "), strings.Join(is, ", "))
	}
	if err := errors.Join(errs...); err != nil {
		return &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return nil
}

// compare compares the parts that both have: at the same rate. The slowest calls of all are left to chance, so that these
// are not compared.
func (r *report) compare(before *report, tolerance float64) {
	for i := range r.Parts {
		now := &r.Parts[i]
		for j := range before.Parts {
			old := &before.Parts[j]
			if old.Asked != now.Asked {
				continue
			}
			if now.Asked == 0 {
				r.add(now.Name+": records/s", old.PerSecond, now.PerSecond, false, true, tolerance)
				r.add(now.Name+": CPU a record", old.CPU, now.CPU, true, false, tolerance)
				if now.Allocs-old.Allocs > 0.1 || old.Allocs >= 1 { // what is below comes and goes with the garbage collection
					r.add(now.Name+": allocations a record", old.Allocs, now.Allocs, false, false, tolerance)
				}
			}
			r.add(now.Name+": p50", old.Latency.P50, now.Latency.P50, true, false, tolerance)
			r.add(now.Name+": p99", old.Latency.P99, now.Latency.P99, true, false, tolerance)
		}
	}
	if r.System != before.System || r.CPUs != before.CPUs {
		r.Notes = append(r.Notes, fmt.Sprintf("the baseline was made on another system: %s, %s", plural(before.CPUs, "CPU", "CPUs"), cli.Printable(before.System)))
	}
}

func (r *report) add(figure string, before, now float64, isTime, moreIsBetter bool, tolerance float64) {
	if before <= 0 {
		return // nothing to compare with
	}
	c := comparison{Figure: figure, Before: before, Now: now, Ratio: now / before, Time: isTime}
	c.Worse = c.Ratio > 1+tolerance
	if moreIsBetter {
		c.Worse = c.Ratio < 1/(1+tolerance)
	}
	r.Baseline = append(r.Baseline, c)
}

// share reads a share: "20%" and 0.2.
func share(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0) || v > 100 {
		return 0, fmt.Errorf("%q: want a share such as 20%% or 0.2", text)
	}
	return v, nil
}
