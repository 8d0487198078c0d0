package handler_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

func five() []slog.Attr {
	return []slog.Attr{
		slog.String("method", "GET"), slog.String("path", "/api/v1/users/42/orders"), slog.Int("status", 200),
		slog.Duration("duration", 1234567), slog.String("request_id", "0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f"),
	}
}

func ten() []slog.Attr {
	return append(five(), slog.Float64("ratio", 0.734), slog.Bool("cached", true), slog.Uint64("bytes", 18234),
		slog.Time("at", time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.UTC)), slog.String("agent", "curl/8.5.0"))
}

// BenchmarkJSON sets JSONHandler beside the standard library's, in one run.
func BenchmarkJSON(b *testing.B) {
	handlers := []struct {
		name string
		new  func(opts *slog.HandlerOptions) slog.Handler
	}{
		{"slog", func(o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(io.Discard, o) }},
		{"sluice", func(o *slog.HandlerOptions) slog.Handler { return handler.NewJSONHandler(io.Discard, o) }},
	}
	keep := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}
	cases := []struct {
		name  string
		opts  *slog.HandlerOptions
		bound []slog.Attr
		attrs []slog.Attr
	}{
		{"5attrs", nil, nil, five()},
		{"10attrs", nil, nil, ten()},
		{"With10+5", nil, ten(), five()},
		{"Error", nil, nil, []slog.Attr{slog.Any("err", errors.New("connection refused"))}},
		{"Group", nil, nil, []slog.Attr{{Key: "http", Value: slog.GroupValue(five()...)}}},
		{"AddSource", &slog.HandlerOptions{AddSource: true}, nil, five()},
		{"ReplaceAttr", keep, nil, five()},
	}
	for _, c := range cases {
		for _, h := range handlers {
			b.Run(c.name+"/"+h.name, func(b *testing.B) {
				logger := slog.New(h.new(c.opts).WithAttrs(c.bound))
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					logger.LogAttrs(ctx, slog.LevelInfo, "request served", c.attrs...)
				}
			})
		}
	}
	for _, h := range handlers {
		b.Run("HandleOnly/"+h.name, func(b *testing.B) {
			h := h.new(nil)
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "request served", 0)
			r.AddAttrs(five()...)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(ctx, r)
			}
		})
		b.Run("Parallel/"+h.name, func(b *testing.B) {
			logger := slog.New(h.new(nil))
			attrs := five()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx := context.Background()
				for pb.Next() {
					logger.LogAttrs(ctx, slog.LevelInfo, "request served", attrs...)
				}
			})
		})
	}
}

func TestAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	attrs := five()
	group := []slog.Attr{{Key: "http", Value: slog.GroupValue(five()...)}, slog.Any("err", errors.New("refused"))}
	json := slog.New(handler.NewJSONHandler(io.Discard, nil))
	source := slog.New(handler.NewJSONHandler(io.Discard, &slog.HandlerOptions{AddSource: true}))
	gated := slog.New(handler.NewGate(handler.NewJSONHandler(io.Discard, nil), nil))
	tests := []struct {
		name string
		max  float64
		log  func()
	}{
		{"disabled", 0, func() { gated.LogAttrs(ctx, slog.LevelDebug, "m", attrs...) }},
		{"five attrs", 0, func() { json.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }},
		{"a group and an error", 0, func() { json.LogAttrs(ctx, slog.LevelInfo, "m", group...) }},
		{"source", 0, func() { source.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }},
		{"a gate", 0, func() { gated.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }},
		{"WithGroup", 0, func() func() {
			l := slog.New(json.Handler().WithAttrs(attrs).WithGroup("g"))
			return func() { l.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }
		}()},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(200, tt.log); got > tt.max {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.max)
		}
	}
}
