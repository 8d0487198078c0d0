package redact_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// scalars are five attrs as most records have them.
func scalars() []slog.Attr {
	return []slog.Attr{
		slog.String("path", "/api/v1/users/42"), slog.Int("status", 200), slog.Duration("elapsed", 1500*time.Microsecond),
		slog.Bool("cached", true), slog.Time("since", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)),
	}
}

func TestACleanRecordAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	h := redact.NewHandler(slog.DiscardHandler, nil)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "request done", 0)
	r.AddAttrs(scalars()...)
	more := slog.NewRecord(time.Now(), slog.LevelInfo, "request done", 0)
	more.AddAttrs(ten()...)
	text := slog.NewRecord(time.Now(), slog.LevelInfo, "GET /a?b=1 took 12ms: {ok}", 0)
	text.AddAttrs(slog.Any("error", errors.New("open: no such file")), slog.Group("g", slog.String("k", "v=1")))
	for _, tt := range []struct {
		name string
		r    slog.Record
		max  float64
	}{{"five scalars", r, 0}, {"ten attrs", more, 0}, {"an error and a group", text, 0}} {
		if n := testing.AllocsPerRun(100, func() { _ = h.Handle(ctx, tt.r) }); n > tt.max {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, n, tt.max)
		}
	}
}

// ten are ten attrs: strings, ints and durations.
func ten() []slog.Attr {
	return []slog.Attr{
		slog.String("method", "GET"), slog.String("path", "/api/v1/users/42"), slog.String("host", "web-1.example.com"),
		slog.String("request_id", "7f1f9b8e-3c1c-4d9a-8e8a-0b6f5f1d2c3b"), slog.Int("status", 200), slog.Int("size", 18_423), slog.Int("attempt", 1),
		slog.Duration("elapsed", 1500*time.Microsecond), slog.Duration("queued", 20*time.Microsecond), slog.Bool("cached", true),
	}
}

// Each record plain and redacted, over the JSON handlers of log/slog and of this module.
func BenchmarkHandle(b *testing.B) {
	type payload struct {
		ID   int
		Name string
		Tags []string
	}
	const message = "request done"
	long := strings.Repeat("the connection was closed by the peer before the headers were read, retrying in 12ms; ", 12)
	records := []struct {
		name, message string
		attrs         []slog.Attr
	}{
		{"5 scalars", message, scalars()},
		{"10 attrs", message, ten()},
		{"5 strings", message, []slog.Attr{
			slog.String("method", "GET"), slog.String("url", "https://example.com/a/b?page=2&sort=name"), slog.String("host", "web-1.example.com"),
			slog.String("agent", "Mozilla/5.0 (X11; Linux x86_64)"), slog.String("id", "7f1f9b8e-3c1c-4d9a-8e8a-0b6f5f1d2c3b"),
		}},
		{"a message of 1 KB", long, nil},
		{"a struct", message, []slog.Attr{slog.Any("p", payload{1, "bob", []string{"a", "b"}})}},
		{"one sensitive key", message, append(scalars()[:4:4], slog.String("password", "hunter2"))},
		{"a secret in a text", message, append(scalars()[:4:4], slog.String("q", "token=x"))},
	}
	encoders := []struct {
		name string
		new  func() slog.Handler
	}{
		{"slog", func() slog.Handler { return slog.NewJSONHandler(io.Discard, nil) }},
		{"sluice", func() slog.Handler { return handler.NewJSONHandler(io.Discard, nil) }},
	}
	for _, r := range records {
		for _, e := range encoders {
			for _, h := range []struct {
				name string
				h    slog.Handler
			}{{"plain", e.new()}, {"redact", redact.NewHandler(e.new(), nil)}} {
				b.Run(r.name+"/"+e.name+"/"+h.name, func(b *testing.B) {
					b.ReportAllocs()
					l := slog.New(h.h)
					ctx := context.Background()
					for b.Loop() {
						l.LogAttrs(ctx, slog.LevelInfo, r.message, r.attrs...)
					}
				})
			}
		}
	}
}

func BenchmarkString(b *testing.B) {
	for _, s := range []struct{ name, s string }{
		{"clean", "request for user 5 done in 12ms, 3 rows, cache=hit, at 12:30:45"},
		{"secret", "login failed: user=bob password=hunter2 from 192.0.2.7"},
	} {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s.s)))
			for b.Loop() {
				redact.String(s.s)
			}
		})
	}
}

// Lines without a secret that have a word which rules look for.
func BenchmarkWords(b *testing.B) {
	const prose = "the connection was closed by the peer before the headers were read, retrying in 12ms; " +
		"2026-11-22 10:00:01 - worker 7 - done - 3 rows in the cache, node web-1.example.com, by /api/v1/users/42; "
	for _, words := range []string{
		"nothing", "token expired for user 12", "password reset requested", "SELECT password FROM users", "credentials loaded", "secret synced",
		"machine learning job", "bearer auth failed", "basic checks passed", "curl/8.5.0", "curl is here", "GET /bot/x", "mysql is up", "mongo is up",
		"identified by name", "mailgun is up", "airtable is up", "https://example.com/bob@x", "<html><b>x</b></html>", "client_secret_basic",
		"eyJhbGciOiJIUzI1NiJ9", "AKIA is a prefix", "sig=SIGTERM", "en-us1", "SG.region", "hf_hub", "secret_rotation", "-----BEGIN CERTIFICATE-----", "https://hooks.slack.com/", "v1.0-rc1",
		"User:bob", "--token-file x", "x@/y", "accountkey rotated", "at 10:aa", "id DE89", "4111", "cost $5$",
	} {
		b.Run(words, func(b *testing.B) {
			line := prose + words + "; " + prose
			b.SetBytes(int64(len(line)))
			r, err := redact.New(nil)
			if err != nil {
				b.Fatal(err)
			}
			lines := make([]string, 64) // so that none is known from before
			for i := range lines {
				lines[i] = line + strings.Repeat("x", i)
			}
			i := 0
			for b.Loop() {
				r.String(lines[i%len(lines)])
				i++
			}
		})
	}
}
