package handler_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// A gateEnd takes all levels and does nothing, so that what is measured is the gate.
type gateEnd struct{}

func (gateEnd) Enabled(context.Context, slog.Level) bool  { return true }
func (gateEnd) Handle(context.Context, slog.Record) error { return nil }
func (e gateEnd) WithAttrs([]slog.Attr) slog.Handler      { return e }
func (e gateEnd) WithGroup(string) slog.Handler           { return e }

// twentyRules are rules for packages, of which the last one is for this one.
func twentyRules() []handler.LevelRule {
	var rules []handler.LevelRule
	for i := range 19 {
		level := slog.LevelError
		if i%2 == 0 {
			level = slog.LevelDebug
		}
		rules = append(rules, handler.LevelRule{Package: fmt.Sprintf("github.com/acme/service/internal/package%d", i), Level: level})
	}
	return append(rules, handler.LevelRule{Package: "github.com/sluicelog/*", Level: slog.LevelInfo})
}

func gateRecord(level slog.Level) slog.Record {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	r := slog.NewRecord(time.Now(), level, "request served", pc[0])
	r.AddAttrs(five()...)
	return r
}

// BenchmarkGate sets the rules of a gate beside a gate without, and both beside no
// gate: the handler behind does nothing.
func BenchmarkGate(b *testing.B) {
	named := append(twentyRules(), handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
	gate := func(l slog.Leveler) slog.Handler { return handler.NewGate(gateEnd{}, &handler.GateOptions{Level: l}) }
	db := []slog.Attr{slog.String("logger", "db")}
	handlers := []struct {
		name string
		h    slog.Handler
	}{
		{"none", gateEnd{}},
		{"Level", gate(slog.LevelInfo)},
		{"LevelVar", gate(new(slog.LevelVar))},
		{"NoRules", gate(handler.NewLevels(slog.LevelInfo))},
		{"20Packages", gate(handler.NewLevels(slog.LevelInfo, twentyRules()...))},
		{"20Packages+Logger", gate(handler.NewLevels(slog.LevelInfo, named...))},
		{"20Packages+Logger/With", gate(handler.NewLevels(slog.LevelInfo, named...)).WithAttrs(db)},
	}
	for _, h := range handlers {
		b.Run("Handle/"+h.name, func(b *testing.B) {
			r, ctx := gateRecord(slog.LevelInfo), context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_ = h.h.Handle(ctx, r)
			}
		})
	}
	for _, h := range handlers {
		b.Run("Disabled/"+h.name, func(b *testing.B) {
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_ = h.h.Enabled(ctx, handler.LevelTrace)
			}
		})
	}
	type key int
	ctx := context.Background()
	for i := range 8 {
		ctx = context.WithValue(ctx, key(i), i) //nolint:fatcontext // what is measured
	}
	for name, follow := range map[string]bool{"Disabled/8 values": false, "Disabled/8 values, followed": true} {
		b.Run(name, func(b *testing.B) {
			h := handler.NewGate(gateEnd{}, &handler.GateOptions{FollowContext: follow})
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Enabled(ctx, handler.LevelTrace)
			}
		})
	}
}
