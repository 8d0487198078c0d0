package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// report is what is printed.
type report struct {
	Config      string       `json:"config"`
	Time        time.Time    `json:"time"`
	System      string       `json:"system"`
	CPUs        int          `json:"cpus"`
	Goroutines  int          `json:"goroutines"`
	RecordBytes float64      `json:"record_bytes"` // of a record as slog's JSON, the mean
	Notes       []string     `json:"notes,omitempty"`
	Parts       []part       `json:"parts"`
	Steps       []step       `json:"steps,omitempty"`
	Failures    int          `json:"failures"` // while the steps were measured
	Failure     string       `json:"first_failure,omitempty"`
	Baseline    []comparison `json:"baseline,omitempty"`
}

func newReport(b *benchmark) *report {
	return &report{
		Time:        time.Now().UTC(),
		System:      runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version(),
		CPUs:        runtime.GOMAXPROCS(0),
		Goroutines:  b.goroutines,
		RecordBytes: b.size,
		Notes:       b.notes,
	}
}

// meanSize returns how long the records' lines are on average, as log/slog writes them.
func meanSize(records []record) float64 {
	var sum counter
	logger := slog.New(slog.NewJSONHandler(&sum, &slog.HandlerOptions{Level: slog.Level(-1 << 31)}))
	for _, r := range records {
		logger.LogAttrs(context.Background(), r.level, r.message, r.attrs...) //nolint:sloglint // it stands for any
	}
	return float64(sum) / float64(max(len(records), 1))
}

// counter counts the bytes that are written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// part is one part of the benchmark.
type part struct {
	Name      string        `json:"name"`
	Asked     float64       `json:"asked_per_second,omitempty"`
	Behind    time.Duration `json:"behind_ns,omitempty"` // what was asked for, when it ended
	Elapsed   time.Duration `json:"elapsed_ns"`
	Stopped   string        `json:"stopped_by,omitempty"` // what ended it early
	Records   int64         `json:"records"`
	PerSecond float64       `json:"records_per_second"`
	Bytes     uint64        `json:"bytes"` // of all sinks' lines
	PerSecBy  float64       `json:"bytes_per_second"`

	Latency latency `json:"latency_ns"`

	CPU        float64       `json:"cpu_ns_per_record"` // of the whole process
	Allocs     float64       `json:"allocs_per_record"`
	AllocBytes float64       `json:"alloc_bytes_per_record"`
	Flush      time.Duration `json:"flush_ns"`

	Sinks    []account `json:"sinks"`
	Failures int       `json:"failures"`
	Failure  string    `json:"first_failure,omitempty"`
}

// latency is how long callers wait, in nanoseconds.
type latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func newPart(name string, asked float64, d *driven) *part {
	p := &part{Name: name, Asked: asked, Elapsed: d.elapsed, Behind: d.behind, Records: d.count, PerSecond: float64(d.count) / d.elapsed.Seconds()}
	at, err := d.sketch.GetValuesAtQuantiles([]float64{0.5, 0.9, 0.99, 0.999})
	if err == nil { // there was a call
		top := float64(d.longest)
		p.Latency = latency{min(at[0], top), min(at[1], top), min(at[2], top), min(at[3], top), top}
	}
	return p
}

// failures counts what sinks report.
type failures struct {
	mu    sync.Mutex
	count int
	first string
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.count == 1 {
		f.first = cli.Printable(redact.String(err.Error()))
	}
}

// exit returns the error that the report ends the program with.
func (r *report) exit() error {
	for i := range r.Parts {
		p := &r.Parts[i]
		for j := range p.Sinks {
			if !p.Sinks[j].Holds {
				return &cli.ExitError{Code: cli.Partial, Err: fmt.Errorf("%s: the account of %s does not add up, which is a bug", p.Name, p.Sinks[j].Name)}
			}
		}
		if p.Failures > 0 {
			return failed(p.Name, p.Failures, p.Failure)
		}
	}
	if r.Failures > 0 {
		return failed("where the time goes", r.Failures, r.Failure)
	}
	for _, c := range r.Baseline {
		if c.Worse {
			return &cli.ExitError{Code: cli.No}
		}
	}
	return nil
}

func failed(where string, n int, first string) error {
	return &cli.ExitError{Code: cli.Partial, Err: fmt.Errorf("%s: %s, the first: %w", where, plural(n, "failure", "failures"), errors.New(first))}
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
