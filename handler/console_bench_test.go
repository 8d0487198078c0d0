package handler_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/lmittmann/tint"

	"github.com/sluicelog/sluice/handler"
)

// BenchmarkConsole sets ConsoleHandler beside tint, in one run.
func BenchmarkConsole(b *testing.B) {
	console := func(opts handler.ConsoleOptions) func() slog.Handler {
		return func() slog.Handler { return handler.NewConsoleHandler(io.Discard, &opts) }
	}
	tinted := func(opts tint.Options) func() slog.Handler {
		opts.TimeFormat = "15:04:05.000"
		return func() slog.Handler { return tint.NewTextHandler(io.Discard, &opts) }
	}
	handlers := []struct {
		name string
		new  func() slog.Handler
	}{
		{"plain/tint", tinted(tint.Options{NoColor: true})},
		{"plain/sluice", console(handler.ConsoleOptions{})},
		{"color/tint", tinted(tint.Options{})},
		{"color/sluice", console(handler.ConsoleOptions{Color: handler.ColorAlways})},
		{"wide/sluice", console(handler.ConsoleOptions{Color: handler.ColorAlways, Layout: handler.LayoutWide, Width: 120})},
		{"source/tint", tinted(tint.Options{AddSource: true})},
		{"source/sluice", console(handler.ConsoleOptions{Color: handler.ColorAlways, AddSource: true})},
	}
	cases := []struct {
		name         string
		bound, attrs []slog.Attr
	}{
		{"5attrs", nil, five()},
		{"With10+5", ten(), five()},
		{"Group", nil, []slog.Attr{{Key: "http", Value: slog.GroupValue(five()...)}}},
		{"Error", nil, []slog.Attr{slog.Any("err", errors.New("connection refused"))}},
	}
	for _, c := range cases {
		for _, h := range handlers {
			b.Run(c.name+"/"+h.name, func(b *testing.B) {
				logger := slog.New(h.new().WithAttrs(c.bound))
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					logger.LogAttrs(ctx, slog.LevelInfo, "request served", c.attrs...)
				}
			})
		}
	}
}
