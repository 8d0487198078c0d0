package handler_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/attrs"
)

// A volumeSink keeps the records that it is given, with what was bound in them.
type volumeSink struct {
	*volumeKept

	bound *attrs.Bound
}

type volumeKept struct {
	level slog.Leveler
	fault func(slog.Record) error // may panic, or not return

	mu      sync.Mutex
	records []slog.Record
	ctxs    []context.Context
}

func newVolumeSink() *volumeSink {
	return &volumeSink{volumeKept: &volumeKept{level: slog.Level(-100)}}
}

func (s *volumeSink) Enabled(_ context.Context, level slog.Level) bool {
	return level >= s.level.Level()
}

func (s *volumeSink) Handle(ctx context.Context, r slog.Record) error {
	if s.fault != nil {
		if err := s.fault(r); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records, s.ctxs = append(s.records, s.bound.Record(r)), append(s.ctxs, ctx)
	return nil
}

func (s *volumeSink) WithAttrs(as []slog.Attr) slog.Handler {
	return &volumeSink{s.volumeKept, s.bound.WithAttrs(as)}
}

func (s *volumeSink) WithGroup(name string) slog.Handler {
	return &volumeSink{s.volumeKept, s.bound.WithGroup(name)}
}

// take returns what was kept, as text, and forgets it.
func (s *volumeSink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for i := range s.records {
		r := &s.records[i]
		var b strings.Builder
		fmt.Fprintf(&b, "%v %s", r.Level, r.Message)
		r.Attrs(func(a slog.Attr) bool {
			fmt.Fprintf(&b, " %v", a)
			return true
		})
		out = append(out, b.String())
	}
	s.records, s.ctxs = nil, nil
	return out
}

// volumeErrors keeps what OnError is told.
type volumeErrors struct {
	mu   sync.Mutex
	errs []error
}

func (e *volumeErrors) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.errs = append(e.errs, err)
}

func (e *volumeErrors) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.errs)
}

// noSummary keeps summaries out of what is counted.
func noSummary(handler.Suppressed) slog.Record { return slog.Record{} }

func volumeRecord(level slog.Level, msg string) slog.Record {
	return slog.NewRecord(time.Time{}, level, msg, 0)
}

func TestSamplePolicies(t *testing.T) {
	t.Parallel()
	never := slog.Level(math.MaxInt)
	tests := []struct {
		name  string
		opts  *handler.SampleOptions
		n     int           // records of one key
		pause time.Duration // between them
		want  string        // which pass, from 1
	}{
		{"nil options are 100 and then every 100th", nil, 450, 0, "1-100 200 300 400"},
		{"each interval begins again", nil, 250, 5 * time.Millisecond, "1-100 200 201-250"},
		{"First alone", &handler.SampleOptions{First: 3}, 10, 0, "1-3"},
		{"First below zero", &handler.SampleOptions{First: -1}, 10, 0, ""},
		{"First and Thereafter", &handler.SampleOptions{First: 2, Thereafter: 3}, 12, 0, "1-2 5 8 11"},
		{"Thereafter 1 passes all", &handler.SampleOptions{First: 2, Thereafter: 1}, 5, 0, "1-5"},
		{"Thereafter alone", &handler.SampleOptions{Thereafter: 4}, 9, 0, "4 8"},
		{
			"the first of every 4, forever", &handler.SampleOptions{First: 1, Thereafter: 4, Interval: -1},
			12, time.Hour, "1 5 9",
		},
		{"an Interval", &handler.SampleOptions{First: 1, Interval: time.Minute}, 5, 30 * time.Second, "1 3 5"},
		{"a tiny Interval", &handler.SampleOptions{First: 1, Interval: 1}, 4, 500 * time.Microsecond, "1 3"},
		{"a key that rests", &handler.SampleOptions{First: 1, Interval: 1}, 4, 50 * time.Hour, "1-4"},
		{
			"a burst, then every 10th",
			&handler.SampleOptions{By: handler.ByNothing, First: 5, Thereafter: 10, Interval: time.Minute}, 40, 0, "1-5 15 25 35",
		},
		{"Rate with a Burst", &handler.SampleOptions{Rate: 10, Burst: 3}, 8, 50 * time.Millisecond, "1-5 7"},
		{"Rate has a Burst of a second", &handler.SampleOptions{Rate: 2.5}, 9, 0, "1-3"},
		{"a Rate below one", &handler.SampleOptions{Rate: 0.5}, 5, time.Second, "1 3 5"},
		{"a tiny Rate", &handler.SampleOptions{Rate: 1e-300}, 5, time.Hour, "1"},
		{"a huge Rate", &handler.SampleOptions{Rate: math.Inf(1), Burst: math.MaxInt}, 5, 0, "1-5"},
		{"a Rate that is no number", &handler.SampleOptions{Rate: math.NaN(), First: 1}, 5, 0, "1"},
		{"Rate after First", &handler.SampleOptions{First: 4, Rate: 1, Burst: 2}, 8, 0, "1-2"},
		{"Probability 1", &handler.SampleOptions{Probability: 1}, 5, 0, "1-5"},
		{"Probability above 1", &handler.SampleOptions{Probability: 7}, 5, 0, "1-5"},
		{"Probability below 0", &handler.SampleOptions{Probability: -1}, 5, 0, ""},
		{"Probability that is no number", &handler.SampleOptions{Probability: math.NaN()}, 5, 0, ""},
		{"Keep", &handler.SampleOptions{First: 1, Keep: slog.LevelInfo}, 5, 0, "1-5"},
		{"Keep nothing", &handler.SampleOptions{First: 1, Keep: never}, 5, 0, "1"},
		{
			"Chance by the context",
			&handler.SampleOptions{Chance: func(ctx context.Context, _ slog.Record) float64 {
				n, _ := ctx.Value(volumeNumber{}).(int)
				return float64(n % 2)
			}}, 6, 0, "1 3 5",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sink := newVolumeSink()
				opts := handler.SampleOptions{}
				if tt.opts != nil {
					opts = *tt.opts
				}
				opts.Summary = noSummary
				h := handler.NewSample(sink, &opts)
				passed := make([]bool, tt.n+2)
				for i := 1; i <= tt.n; i++ {
					ctx := context.WithValue(t.Context(), volumeNumber{}, i)
					if err := h.Handle(ctx, volumeRecord(slog.LevelInfo, "m")); err != nil {
						t.Fatal(err)
					}
					passed[i] = len(sink.take()) > 0
					time.Sleep(tt.pause)
				}
				if diff := cmp.Diff(tt.want, volumeRanges(passed)); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

type volumeNumber struct{}

// volumeRanges writes down runs of two or more as in "1-3 7", but for runs that a
// new interval divides.
func volumeRanges(set []bool) string {
	var parts []string
	for i := 0; i < len(set); i++ {
		if !set[i] {
			continue
		}
		from := i
		for set[i+1] && i+1 != 201 {
			i++
		}
		if from == i {
			parts = append(parts, strconv.Itoa(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, i))
		}
	}
	return strings.Join(parts, " ")
}

func TestSampleProbability(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	h := handler.NewSample(sink, &handler.SampleOptions{First: 5, Probability: 0.25, Summary: noSummary})
	const n = 20_000
	for range n {
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
	}
	// Beyond 10 standard deviations, once in 10^23 runs.
	if got, want, far := float64(len(sink.take())), 0.25*n, 10*math.Sqrt(n*0.25*0.75); math.Abs(got-want) > far+100 {
		t.Errorf("%v passed, want about %v", got, want)
	}
}

func TestSampleKeys(t *testing.T) {
	t.Parallel()
	// Each record passes that is the first of its key.
	log := func(h slog.Handler) {
		logger := slog.New(h)
		for range 2 {
			logger.Info("a", "n", 1) // the first place
		}
		logger.Info("a", "n", 2) // the second
		logger.Info("b", "n", 3)
		logger.Warn("a", "n", 4)
		logger.With("tenant", "x").WithGroup("g").Info("b", "n", 5)
		for _, msg := range []string{"a", "b"} {
			r := volumeRecord(slog.LevelInfo, msg)
			r.AddAttrs(slog.Int("n", 6))
			_ = h.Handle(context.Background(), r) // without a place
		}
	}
	tenant := func(_ context.Context, r slog.Record) string {
		found := "none"
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "tenant" {
				found = a.Value.String()
			}
			return true
		})
		return found
	}
	tests := []struct {
		name string
		opts handler.SampleOptions
		want []string
	}{
		{"message", handler.SampleOptions{}, []string{"INFO a n=1", "INFO b n=3", "WARN a n=4"}},
		{"source", handler.SampleOptions{By: handler.BySource}, []string{
			"INFO a n=1", "INFO a n=2", "INFO b n=3", "WARN a n=4", "INFO b tenant=x g=[n=5]", "INFO a n=6", "INFO b n=6",
		}},
		{"level", handler.SampleOptions{By: handler.ByLevel}, []string{"INFO a n=1", "WARN a n=4"}},
		{"nothing", handler.SampleOptions{By: handler.ByNothing}, []string{"INFO a n=1"}},
		{"bound attr", handler.SampleOptions{Key: tenant}, []string{"INFO a n=1", "INFO b tenant=x g=[n=5]"}},
		{"panic", handler.SampleOptions{
			Key: func(context.Context, slog.Record) string { panic("no key") },
			By:  handler.ByLevel,
		}, []string{"INFO a n=1", "WARN a n=4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink := newVolumeSink()
			tt.opts.First, tt.opts.Interval, tt.opts.Summary = 1, -1, noSummary
			log(handler.NewSample(sink, &tt.opts))
			if diff := cmp.Diff(tt.want, sink.take()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSampleKeepTurnsSamplingOff(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	keep := new(slog.LevelVar)
	keep.Set(slog.LevelWarn)
	h := handler.NewSample(sink, &handler.SampleOptions{First: -1, Keep: keep, Summary: noSummary})
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelDebug} {
		keep.Set(level)
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, level.String()))
	}
	if diff := cmp.Diff([]string{"INFO DEBUG"}, sink.take()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestSampleSummary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		h := handler.NewSample(sink, &handler.SampleOptions{First: 1})
		bound := h.WithAttrs([]slog.Attr{slog.Int("k", 1)}) // no attr of the summary
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "of one record"))
		cancel()
		start := time.Now()
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelInfo, slog.LevelInfo, slog.LevelWarn} {
			_ = bound.Handle(ctx, volumeRecord(level, "m"))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(699 * time.Millisecond)
		_ = bound.Handle(ctx, volumeRecord(slog.LevelError, "not yet")) // 999 ms after the first one was suppressed
		if got := len(sink.take()); got != 3 {
			t.Fatalf("%d records, want 3", got)
		}
		time.Sleep(time.Millisecond)
		_ = bound.Handle(ctx, volumeRecord(slog.LevelError, "next"))
		if ctx := sink.ctxs[0]; ctx.Value(key{}) != nil || ctx.Err() != nil {
			t.Error("the summary has the context of a record")
		}
		if got, want := sink.records[0].Time, start.Add(400*time.Millisecond); !got.Equal(want) {
			t.Errorf("the summary is of %v, want %v", got, want)
		}
		want := []string{
			fmt.Sprintf("WARN log records suppressed suppressed=3 levels=[INFO=2 WARN=1] since=%v until=%v",
				start.Add(200*time.Millisecond), start.Add(400*time.Millisecond)),
			"ERROR next k=1",
		}
		if diff := cmp.Diff(want, volumeNoMonotonic(sink.take())); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if s := h.Stats(); s.Untold != 0 || s.DroppedByKey != 3 {
			t.Errorf("%+v", s)
		}
		// Nothing is told twice, and nothing at all when nothing was suppressed.
		time.Sleep(time.Hour)
		if err := h.Flush(t.Context()); err != nil || len(sink.take()) > 0 {
			t.Error("told again", err)
		}
	})
}

// volumeNoMonotonic takes the reading of the monotonic clock out of printed times.
func volumeNoMonotonic(lines []string) []string {
	for i, line := range lines {
		for {
			from := strings.Index(line, " m=")
			if from < 0 {
				break
			}
			end := from + 3
			for end < len(line) && line[end] != ' ' {
				end++
			}
			line = line[:from] + line[end:]
		}
		lines[i] = line
	}
	return lines
}

// A record with a time that is not now must not keep others back. Not in a bubble,
// where times have no reading of the monotonic clock.
func TestSampleGoesByTheClock(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, opts := range map[string]handler.SampleOptions{
		"key":  {First: 1, Interval: time.Millisecond},
		"rate": {Rate: 1000, Burst: 1},
	} {
		sink := newVolumeSink()
		opts.Summary = noSummary
		h := handler.NewSample(sink, &opts)
		for _, off := range []time.Duration{0, day, -day, 2 * day, day, 50 * time.Millisecond} {
			r := volumeRecord(slog.LevelInfo, "m")
			r.Time = time.Now().Add(off)
			_ = h.Handle(t.Context(), r)
			sink.take()
			for end := time.Now().Add(time.Minute); ; {
				r.Time = time.Now()
				_ = h.Handle(t.Context(), r)
				if len(sink.take()) > 0 {
					break
				}
				if r.Time.After(end) {
					t.Fatalf("%s: nothing passes after a record %v from now", name, off)
				}
			}
		}
	}
}

// Nor must many records, each a little ahead of the one before, as when a log is played
// again.
func TestSampleAndDedupDoNotFollowIntoTheFuture(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	for name, h := range map[string]slog.Handler{
		"key":   handler.NewSample(sink, &handler.SampleOptions{First: 1, Interval: time.Millisecond, Summary: noSummary}),
		"rate":  handler.NewSample(sink, &handler.SampleOptions{Rate: 1000, Burst: 1, Summary: noSummary}),
		"dedup": handler.NewDedup(sink, &handler.DedupOptions{Window: time.Millisecond}),
	} {
		r := volumeRecord(slog.LevelInfo, "m")
		start := time.Now()
		for i := range 20_000 {
			r.Time = start.Add(time.Duration(i) * 5 * time.Millisecond)
			_ = h.Handle(t.Context(), r)
		}
		sink.take()
		for r.Time = time.Now(); len(sink.take()) == 0; r.Time = time.Now() {
			if r.Time.Sub(start) > 5*time.Second {
				t.Errorf("%s: nothing passes after records that ran ahead", name)
				break
			}
			_ = h.Handle(t.Context(), r)
		}
	}
}
