package asyncbuf_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
)

// BenchmarkHandle is what a Handler adds to a handler that costs nothing.
func BenchmarkHandle(b *testing.B) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "request served", 1)
	r.AddAttrs(slog.String("method", "GET"), slog.String("path", "/orders"), slog.Int("status", 200),
		slog.Duration("duration", time.Millisecond), slog.String("id", "0190f3a4"))
	h := asyncbuf.NewHandler(slog.DiscardHandler, nil)
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Handle(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}
