package bench

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// The secret of those redaction cases that have one.
const plantedSecret = "hunter2-correct-horse"

type account struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Admin    bool   `json:"admin"`
}

// RedactionCases returns the cases for [Redactors]: first some of [Cases], in
// which there is nothing to redact, and then others.
func RedactionCases() []*Case {
	clean := []string{
		"5 attrs", "5 attrs, parallel", "10 attrs", "With 10, and 5 attrs", "a group of 5", "an error", "a struct",
	}
	cases := slices.DeleteFunc(Cases(), func(c *Case) bool { return !slices.Contains(clean, c.Name) })
	slices.SortFunc(cases, func(a, b *Case) int { return slices.Index(clean, a.Name) - slices.Index(clean, b.Name) })

	attrs := func(value slog.Attr) func(context.Context, *slog.Logger) {
		return func(ctx context.Context, l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("method", "GET"),
				slog.String("path", "/api/v1/customers/4711/orders/18234"), slog.Int("status", 200),
				slog.Int("duration", 1234567), value)
		}
	}
	others := map[string]any{"method": "GET", "status": 200, "duration": 1234567}
	known := account{User: "bob", Password: plantedSecret}
	harmless := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.14.1"}, "X-Request-Id": {"18234"}}
	header := harmless.Clone()
	header.Set("Authorization", "Bearer "+plantedSecret)
	since := time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.UTC)
	return append(cases,
		&Case{
			Name: "5 attrs, one a text",
			log: func(ctx context.Context, l *slog.Logger) {
				l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("path", "/api/v1/users/42"),
					slog.Int("status", 200), slog.Duration("elapsed", 1234567), slog.Bool("cached", true), slog.Time("since", since))
			},
			want: event{message: "request served", attrs: map[string]any{
				"path": "/api/v1/users/42", "status": 200, "elapsed": 1234567, "cached": true, "since": since,
			}},
		},
		&Case{
			Name: "an http.Header",
			log:  attrs(slog.Any("header", harmless)),
			want: event{message: "request served", attrs: merge(others, map[string]any{"header": harmless})},
		},
		&Case{
			Name: "a message of 1 KB",
			log:  func(ctx context.Context, l *slog.Logger) { l.LogAttrs(ctx, slog.LevelInfo, cleanText) },
			want: event{message: cleanText},
		},
		&Case{
			Name:   "5 attrs, one a password",
			log:    attrs(slog.String("password", plantedSecret)),
			want:   event{message: "request served", attrs: others},
			secret: plantedSecret,
		},
		&Case{
			Name:   "a password in a text",
			log:    attrs(slog.String("query", "user=bob&password="+plantedSecret+"&page=2")),
			want:   event{message: "request served", attrs: others},
			secret: plantedSecret,
		},
		&Case{
			Name: "a password in a struct",
			log:  attrs(slog.Any("account", &known)),
			want: event{message: "request served", attrs: merge(others, map[string]any{
				"account": map[string]any{"user": "bob", "admin": false},
			})},
			secret: plantedSecret,
		},
		&Case{
			Name: "a token in an http.Header",
			log:  attrs(slog.Any("header", header)),
			want: event{message: "request served", attrs: merge(others, map[string]any{
				"header": map[string]any{"Accept": []string{"*/*"}, "X-Request-Id": []string{"18234"}},
			})},
			secret: plantedSecret,
		},
	)
}
