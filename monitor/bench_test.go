package monitor_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/monitor"
)

// What a record costs more behind a Handler. A record's time is near now, as that
// of a logger is: the same one for each thousand, so that reading the clock is no
// part of what is measured.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name string
		h    slog.Handler
	}{
		{"without", enabled{}},
		{"with", monitor.NewHandler(enabled{}, nil)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, r := context.Background(), slog.Record{}
			for i := 0; b.Loop(); i++ {
				if i%1000 == 0 {
					r = record(time.Now(), slog.LevelInfo, "m")
				}
				_ = c.h.Handle(ctx, r)
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx, r := context.Background(), slog.Record{}
				for i := 0; pb.Next(); i++ {
					if i%1000 == 0 {
						r = record(time.Now(), slog.LevelInfo, "m")
					}
					_ = c.h.Handle(ctx, r)
				}
			})
		})
	}
}

func BenchmarkWith(b *testing.B) {
	attrs := []slog.Attr{slog.String("request_id", "4711"), slog.Int("user", 7)}
	h := monitor.NewHandler(enabled{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.WithAttrs(attrs)
	}
}

// A storm of errors, of which only so many a second are kept.
func BenchmarkErrors(b *testing.B) {
	h := monitor.NewHandler(enabled{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = h.Handle(context.Background(), record(time.Now(), slog.LevelError, "m"))
	}
}

func BenchmarkRates(b *testing.B) {
	h := monitor.NewHandler(enabled{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.Rates()
	}
}

func BenchmarkHealth(b *testing.B) {
	h := monitor.NewHandler(enabled{}, &monitor.Options{Sinks: func() []monitor.Sink {
		return []monitor.Sink{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	}})
	b.ReportAllocs()
	for b.Loop() {
		h.Health()
	}
}
