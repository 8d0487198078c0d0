package snapshot_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/snapshot"
)

func record(attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Unix(1, 0), slog.LevelInfo, "request done", 0)
	r.AddAttrs(attrs...)
	return r
}

func fiveScalars() []slog.Attr {
	return []slog.Attr{
		slog.String("method", "GET"), slog.String("path", "/api/v1/users"), slog.Int("status", 200),
		slog.Duration("took", time.Second), slog.Bool("ok", true),
	}
}

// BenchmarkRecord compares with what copies nothing, and with what would print
// the value at once.
func BenchmarkRecord(b *testing.B) {
	req, _ := http.NewRequest(http.MethodGet, "https://example.com/", http.NoBody)
	tests := []struct {
		name  string
		attrs []slog.Attr
	}{
		{"5 scalars", fiveScalars()},
		{"10 scalars", append(fiveScalars(), fiveScalars()...)},
		{"4 scalars and an error", append(fiveScalars()[:4], slog.Any("err", io.EOF))},
		{"4 scalars and a wrapped error", append(fiveScalars()[:4], slog.Any("err", fmt.Errorf("read: %w", io.EOF)))},
		{"a group of 2", append(fiveScalars()[:4], slog.Group("g", "a", 1, "b", "c"))},
		{"[]string", []slog.Attr{slog.Any("k", []string{"a", "b"})}},
		{"map[string]any", []slog.Attr{slog.Any("k", map[string]any{"a": 1, "b": []any{"c"}})}},
		{"*fs.PathError", []slog.Attr{slog.Any("err", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})}},
		{"wrapped *fs.PathError", []slog.Attr{
			slog.Any("err", fmt.Errorf("a: %w", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})),
		}},
		{"*http.Request", []slog.Attr{slog.Any("req", req)}},
	}
	for _, tt := range tests {
		r := record(tt.attrs...)
		b.Run(tt.name+"/Clone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				keep(r.Clone(), 0)
			}
		})
		b.Run(tt.name+"/Taker", func(b *testing.B) {
			b.ReportAllocs()
			var taker snapshot.Taker
			for b.Loop() {
				keep(taker.Record(r))
			}
		})
		b.Run(tt.name+"/slog.JSONHandler", func(b *testing.B) {
			b.ReportAllocs()
			h := slog.NewJSONHandler(io.Discard, nil)
			for b.Loop() {
				_ = h.Handle(context.Background(), r)
			}
		})
	}
}

//go:noinline
func keep(slog.Record, int64) {}
