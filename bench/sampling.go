package bench

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/sluicelog/sluice/handler"
)

// everything is so much that all passes, and window so long that none ends while
// something is timed.
const (
	everything = 1 << 20
	window     = time.Hour
)

// samplingChapter is about records that are too many.
func samplingChapter() Chapter {
	module := version("github.com/sluicelog/sluice")
	none := Way{Name: "nothing", Version: runtime.Version(), all: true, new: func(s []*end) slog.Handler { return s[0].handler() }}
	sample := func(name string, opts handler.SampleOptions) Way {
		return Way{Name: name, Version: module, new: func(s []*end) slog.Handler {
			return handler.NewSample(s[0].handler(), &opts)
		}}
	}
	dedup := Way{Name: "handler.Dedup", Version: module, new: func(s []*end) slog.Handler {
		return handler.NewDedup(s[0].handler(), &handler.DedupOptions{Window: window})
	}}
	counted := func(n int) Way {
		return sample("handler.Sample", handler.SampleOptions{First: n, Interval: window})
	}
	limited := func(n float64, burst int) Way {
		return sample("handler.Sample, Rate", handler.SampleOptions{Rate: n, Burst: burst})
	}
	pass := append([]Way{none, counted(everything), limited(1e9, 1<<30)}, samplersOfOthers(everything)...)
	suppress := append([]Way{none, counted(1), limited(1.0/3600, 1), dedup}, samplersOfOthers(1)...)
	return Chapter{Name: "sampling and repetitions", Form: Difference, Tasks: []*Task{
		{Name: "all pass", Ways: pass, sinks: 1, log: logServed, want: served(nil)},
		{Name: "all pass, each another record", Ways: []Way{none, dedup}, sinks: 1, log: logNumbered(), want: brief(nil)},
		{Name: "the first passes", Ways: suppress, sinks: 1, log: logServed, want: served(nil), arrives: onlyFirst},
		{Name: "the first passes, parallel", Ways: suppress, sinks: 1, parallel: true, log: logServed, want: served(nil), arrives: onlyFirst},
	}}
}

// onlyFirst says that of the calls the first alone arrives.
func onlyFirst(_, call int) bool { return call == 0 }

// samplersOfOthers returns those that let n records pass, and what they stand before.
func samplersOfOthers(n uint32) []Way {
	zerologTimes()
	zapVersion := version("go.uber.org/zap/exp") + " on zap " + version("go.uber.org/zap")
	zeroVersion := version("github.com/rs/zerolog")
	return []Way{
		{Name: "zapslog → zap sampler", Version: zapVersion, new: func(s []*end) slog.Handler {
			return zapslog.NewHandler(zapcore.NewSamplerWithOptions(zapCore{s[0]}, window, int(n), 0))
		}},
		{Name: "zerolog → BurstSampler", Version: zeroVersion, new: func(s []*end) slog.Handler {
			return zerolog.NewSlogHandler(zerolog.New(s[0].w).Sample(&zerolog.BurstSampler{Burst: n, Period: window}))
		}, layout: zerologLayout},
	}
}

// logNumbered logs records of which each has another attr.
func logNumbered() logging {
	var number atomic.Int64
	return func(ctx context.Context, l *slog.Logger, n int) {
		for range n {
			l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.Int("status", servedStatus), slog.Duration("duration", servedTook),
				slog.Int64("number", number.Add(1)))
		}
	}
}

// zapCore hands entries on to a sink.
type zapCore struct{ *end }

func (c zapCore) Enabled(zapcore.Level) bool { return true }

func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	if len(fields) > 0 {
		panic("bench: zapCore: With") // no task binds any
	}
	return c
}

func (c zapCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(e, c)
}

// Write hands the entry on, with what it was made of if the sink looks at that.
func (c zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if !c.encodes {
		fields = nil
	}
	return c.handler().Handle(context.Background(), recordOf(e, fields))
}

func (c zapCore) Sync() error { return nil }

// Memories returns what remembers records, each set up to let the first of a key pass.
func Memories() []Memory {
	module := version("github.com/sluicelog/sluice")
	return []Memory{
		{"nothing", runtime.Version(), func(e *end) slog.Handler { return e.handler() }},
		{"handler.Sample", module, func(e *end) slog.Handler {
			return handler.NewSample(e.handler(), &handler.SampleOptions{First: 1, Interval: window})
		}},
		{"handler.Dedup", module, func(e *end) slog.Handler {
			return handler.NewDedup(e.handler(), &handler.DedupOptions{Window: window})
		}},
		{"zapslog → zap sampler", version("go.uber.org/zap"), func(e *end) slog.Handler {
			return zapslog.NewHandler(zapcore.NewSamplerWithOptions(zapCore{e}, window, 1, 0))
		}},
	}
}
