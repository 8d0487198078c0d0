package fanout_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
)

// noop is the cheapest handler there is.
type noop struct{}

func (*noop) Enabled(context.Context, slog.Level) bool  { return true }
func (*noop) Handle(context.Context, slog.Record) error { return nil }
func (n *noop) WithAttrs([]slog.Attr) slog.Handler      { return n }
func (n *noop) WithGroup(string) slog.Handler           { return n }

func newNoop() slog.Handler { return new(noop) }

func newJSON() slog.Handler { return slog.NewJSONHandler(io.Discard, nil) }

func several(n int, newHandler func() slog.Handler) []slog.Handler {
	handlers := make([]slog.Handler, n)
	for i := range handlers {
		handlers[i] = newHandler()
	}
	return handlers
}

// against measures ours beside theirs, in turns of a few microseconds, so that
// what else the machine does hits both. It reports the medians of the turns.
func against(b *testing.B, theirs, ours func(*slog.Logger), theirHandler, ourHandler slog.Handler) {
	b.Helper()
	const calls = 64
	their, our := slog.New(theirHandler), slog.New(ourHandler)
	turn := func(log func(*slog.Logger), l *slog.Logger) float64 {
		start := time.Now()
		for range calls {
			log(l)
		}
		return float64(time.Since(start)) / calls
	}
	var a, o []float64
	b.ReportAllocs()
	for b.Loop() {
		a = append(a, turn(theirs, their))
		o = append(o, turn(ours, our))
	}
	slices.Sort(a)
	slices.Sort(o)
	b.ReportMetric(a[len(a)/2], "theirs-ns")
	b.ReportMetric(o[len(o)/2], "ours-ns")
	b.ReportMetric(o[len(o)/2]/a[len(a)/2], "ratio")
}

func logTwo(l *slog.Logger) {
	l.LogAttrs(context.Background(), slog.LevelInfo, "request done", slog.String("method", "GET"), slog.Int("status", 200))
}

func logDebug(l *slog.Logger) {
	l.LogAttrs(context.Background(), slog.LevelDebug, "request done", slog.String("method", "GET"))
}

// BenchmarkHandler sets a Handler beside slog.MultiHandler.
func BenchmarkHandler(b *testing.B) {
	for name, newHandler := range map[string]func() slog.Handler{"noop": newNoop, "json": newJSON} {
		for _, n := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				against(b, logTwo, logTwo,
					slog.NewMultiHandler(several(n, newHandler)...), fanout.NewHandler(nil, several(n, newHandler)...))
			})
		}
	}
}

// BenchmarkWhen sets a Handler of which every branch has a condition that holds
// beside slog.MultiHandler, which knows none.
func BenchmarkWhen(b *testing.B) {
	for name, match := range map[string]fanout.Match{
		"HasAttr":   fanout.HasAttr("status"),
		"AttrIs":    fanout.AttrIs("status", 200),
		"LevelIn":   fanout.LevelIn(slog.LevelInfo, nil),
		"InPackage": fanout.InPackage("github.com/sluicelog/*"),
		"And": fanout.And(fanout.LevelIn(slog.LevelInfo, nil), fanout.AttrIs("status", 200),
			fanout.Not(fanout.HasTag("security"))),
	} {
		when := func(newHandler func() slog.Handler) func() slog.Handler {
			return func() slog.Handler { return fanout.When(match, newHandler()) }
		}
		for sink, newHandler := range map[string]func() slog.Handler{"noop": newNoop, "json": newJSON} {
			b.Run(fmt.Sprintf("%s/%s/4", name, sink), func(b *testing.B) {
				against(b, logTwo, logTwo, slog.NewMultiHandler(several(4, newHandler)...),
					fanout.NewHandler(nil, several(4, when(newHandler))...))
			})
		}
	}
}

// BenchmarkBound is BenchmarkWhen with the attr bound by With, under groups.
func BenchmarkBound(b *testing.B) {
	derive := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("service", "api"), slog.Int("pid", 1)}).WithGroup("http").
			WithAttrs([]slog.Attr{slog.String("id", "x")})
	}
	match := fanout.AttrIs("service", "api")
	against(b, logTwo, logTwo, derive(slog.NewMultiHandler(several(4, newJSON)...)),
		derive(fanout.NewHandler(nil, several(4, func() slog.Handler { return fanout.When(match, newJSON()) })...)))
}

// BenchmarkDisabled is the cost of a record that nobody wants.
func BenchmarkDisabled(b *testing.B) {
	gates := several(4, func() slog.Handler { return handler.NewGate(newJSON(), nil) })
	against(b, logDebug, logDebug, slog.NewMultiHandler(gates...), fanout.NewHandler(nil, gates...))
}

// BenchmarkFailover is the cost of a Failover whose first handler works, and of one
// whose first is down, beside the handler itself.
func BenchmarkFailover(b *testing.B) {
	b.Run("up", func(b *testing.B) {
		against(b, logTwo, logTwo, newJSON(), fanout.NewFailover(nil, newJSON(), newJSON()))
	})
	b.Run("down", func(b *testing.B) {
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Hour},
			&faulty{newJSON(), io.ErrClosedPipe, nil}, newJSON())
		against(b, logTwo, logTwo, newJSON(), f)
	})
}

// BenchmarkFirstMatch is the cost of a switch with four cases, of which the last
// but one holds, beside the handler itself.
func BenchmarkFirstMatch(b *testing.B) {
	f := fanout.NewFirstMatch(nil, fanout.When(fanout.AttrIs("status", 500), newJSON()),
		fanout.When(fanout.MessageIs("x"), newJSON()), fanout.When(fanout.AttrIs("method", "GET"), newJSON()), newJSON())
	against(b, logTwo, logTwo, newJSON(), f)
}

// BenchmarkParallel is BenchmarkHandler on all processors.
func BenchmarkParallel(b *testing.B) {
	for _, h := range []slog.Handler{slog.NewMultiHandler(several(4, newJSON)...), fanout.NewHandler(nil, several(4, newJSON)...)} {
		b.Run(fmt.Sprintf("%T", h), func(b *testing.B) {
			logger := slog.New(h)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					logTwo(logger)
				}
			})
		})
	}
}
