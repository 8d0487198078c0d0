package bench

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

type request struct {
	method, path, id, tenant string
	status                   int
	bytes                    uint64
	took                     time.Duration
	ratio                    float64
	cached                   bool
	at                       time.Time
}

type order struct {
	ID    string  `json:"id"`
	Items int     `json:"items"`
	Total float64 `json:"total"`
	Paid  bool    `json:"paid"`
}

// Cases returns all cases. The attrs of a call are made by the call.
func Cases() []*Case {
	r := request{
		method: "GET", path: "/api/v1/customers/4711/orders/18234", id: "0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f",
		tenant: "acme-corp", status: 200, bytes: 18234, took: 1234567, ratio: 0.734, cached: true,
		at: time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.UTC),
	}
	bought := order{ID: "o-18234", Items: 3, Total: 59.97, Paid: true}
	refused := errors.New("dial tcp 10.20.30.40:5432: connect: connection refused")

	log5 := func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("method", r.method), slog.String("path", r.path),
			slog.Int("status", r.status), slog.Duration("duration", r.took), slog.String("request_id", r.id))
	}
	log10 := func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("method", r.method), slog.String("path", r.path),
			slog.Int("status", r.status), slog.Duration("duration", r.took), slog.String("request_id", r.id),
			slog.Float64("ratio", r.ratio), slog.Bool("cached", r.cached), slog.Uint64("bytes", r.bytes),
			slog.Time("at", r.at), slog.String("tenant", r.tenant))
	}
	five := []slog.Attr{
		slog.String("method", r.method), slog.String("path", r.path), slog.Int("status", r.status),
		slog.Duration("duration", r.took), slog.String("request_id", r.id),
	}
	bound := []slog.Attr{
		slog.String("app", "orders"), slog.String("version", "v1.42.0"), slog.String("region", "eu-central-1"),
		slog.Int("instance", 7), slog.Bool("canary", false), slog.String("commit", "543d99e"),
		slog.Float64("share", 0.25), slog.Uint64("generation", 1177), slog.Duration("lease", 30*time.Second),
		slog.Time("since", r.at),
	}
	wantBound := map[string]any{
		"app": "orders", "version": "v1.42.0", "region": "eu-central-1", "instance": 7, "canary": false,
		"commit": "543d99e", "share": 0.25, "generation": 1177, "lease": int64(30_000_000_000), "since": r.at,
	}
	want5 := map[string]any{
		"method": r.method, "path": r.path, "status": r.status, "duration": 1234567, "request_id": r.id,
	}
	want10 := merge(want5, map[string]any{
		"ratio": r.ratio, "cached": r.cached, "bytes": r.bytes, "at": r.at, "tenant": r.tenant,
	})
	served := func(attrs map[string]any) event { return event{message: "request served", attrs: attrs} }

	return []*Case{
		{
			Name: "no attrs",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelInfo, "request served")
			},
			want: served(nil),
		},
		{Name: "5 attrs", log: log5, want: served(want5)},
		{Name: "10 attrs", log: log10, want: served(want10)},
		{
			Name: "With 10, and 5 attrs",
			bind: func(h slog.Handler) slog.Handler { return h.WithAttrs(slices.Clone(bound)) },
			log:  log5,
			want: served(merge(wantBound, want5)),
		},
		{
			Name: "a group of 5",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.GroupAttrs("request",
					slog.String("method", r.method), slog.String("path", r.path), slog.Int("status", r.status),
					slog.Duration("duration", r.took), slog.String("request_id", r.id)))
			},
			want: served(map[string]any{"request": want5}),
		},
		{
			Name: "nested groups",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.GroupAttrs("request",
					slog.String("method", r.method), slog.String("path", r.path),
					slog.GroupAttrs("reply", slog.Int("status", r.status), slog.Uint64("bytes", r.bytes),
						slog.GroupAttrs("cache", slog.Bool("hit", r.cached), slog.Float64("ratio", r.ratio)))))
			},
			want: served(map[string]any{"request": map[string]any{
				"method": r.method, "path": r.path,
				"reply": map[string]any{
					"status": r.status, "bytes": r.bytes,
					"cache": map[string]any{"hit": r.cached, "ratio": r.ratio},
				},
			}}),
		},
		{
			Name: "With in 2 groups",
			bind: func(h slog.Handler) slog.Handler {
				h = h.WithGroup("service").WithAttrs([]slog.Attr{slog.String("name", "orders"), slog.Int("instance", 7)})
				return h.WithGroup("request").WithAttrs([]slog.Attr{slog.String("client", "10.20.30.40")})
			},
			log: log5,
			want: served(map[string]any{"service": map[string]any{
				"name": "orders", "instance": 7,
				"request": merge(want5, map[string]any{"client": "10.20.30.40"}),
			}}),
		},
		{
			Name: "an error",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelError, "request failed",
					slog.String("request_id", r.id), slog.Any("error", refused))
			},
			want: event{
				level: slog.LevelError, message: "request failed", err: refused,
				attrs: map[string]any{"request_id": r.id},
			},
		},
		{
			Name: "a struct",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelInfo, "order placed",
					slog.String("request_id", r.id), slog.Any("order", &bought))
			},
			want: event{message: "order placed", attrs: map[string]any{"request_id": r.id, "order": bought}},
		},
		{Name: "5 attrs, parallel", log: log5, parallel: true, want: served(want5)},
		{
			Name: "5 attrs, ReplaceAttr",
			opts: &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }},
			log:  log5,
			want: served(want5),
		},
		{
			Name: "5 attrs, AddSource",
			opts: &slog.HandlerOptions{AddSource: true},
			log:  log5,
			want: event{message: "request served", attrs: want5, source: true},
		},
		{Name: "5 attrs, Handle only", record: five, want: served(want5)},
	}
}
