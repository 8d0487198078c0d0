package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// stackError has more to say than Error does, as errors with a stack have.
type stackError struct{ msg string }

func (e *stackError) Error() string { return e.msg }

func (e *stackError) Format(s fmt.State, verb rune) {
	_, _ = io.WriteString(s, e.msg)
	if verb == 'v' && s.Flag('+') {
		_, _ = io.WriteString(s, "\nmain.save\n\t/src/app/save.go:42\nmain.main\n\t/src/app/main.go:17")
	}
}

// goldenRecords gives h a record of each kind.
func goldenRecords(t *testing.T, h slog.Handler) {
	t.Helper()
	at := time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC)
	log := func(h slog.Handler, level slog.Level, msg string, args ...any) {
		at = at.Add(1234567 * time.Nanosecond)
		r := slog.NewRecord(at, level, msg, 0)
		r.Add(args...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, level := range []slog.Level{-9, -8, -5, -4, 0, 1, 2, 3, 4, 8, 10, 12, 16, 17} {
		log(h, level, "level "+handler.LevelName(level), "n", int(level))
	}
	grouped := h.WithAttrs([]slog.Attr{slog.String("logger", "db"), slog.String("pool", "primary")}).WithGroup("query")
	log(grouped, 0, "groups", "rows", 3, slog.Group("plan", "cost", 1.5, slog.Group("empty"), slog.Group("", "inlined", true)))
	log(h, 8, "errors", "err", errors.New("refused"), "joined", errors.Join(errors.New("one"), errors.New("two")), "n", 1)
	log(h, 8, "a stack", "err", &stackError{"cannot save"})
	log(h, 4, "panic: boom\ngoroutine 1 [running]:\nmain.main()\n\t/src/app/main.go:17 +0x1d\n", "code", 2)
	log(h, 0, "forged", "agent", "curl\n  │ user=root\n20:15:00.000 INF login succeeded\n\x1b[2J", "user", "eve")
	log(h, 0, "maps", "small", map[string]int{"b": 2, "a": 1}, "large", map[string]any{
		"listen": map[string]any{"addr": ":8080", "tls": true, "evil": "\u202e\x1b\n"}, "cors": []string{"https://a.example", "https://b.example"},
	}, "raw", json.RawMessage(`{"id":7}`), "err", map[string]any{"in": errors.New("kept")}, "struct", struct{ A, b int }{1, 2})
	log(h, 0, "long values", "text", strings.Repeat("lorem ipsum ", 20), "word", strings.Repeat("x", 230), "n", 1)
	log(h, 0, strings.Repeat("a long message ", 16), "n", 1)
	log(h, 0, "日本語のメッセージ", "user", "山田太郎", "mood", "🙂", "accent", "e\u0301", "next", 1)
	log(h, 0, "emoji 🚀 and 한국어", "next", 1)
	log(h, 0, "a message of just forty columns, or more", "next", 1)
	log(h, 0, "", "no", "message")
	log(h, 0, "no attrs")
}

func TestConsoleHandlerGolden(t *testing.T) {
	t.Parallel()
	replace := func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case len(groups) == 0 && a.Key == slog.TimeKey:
			return slog.Attr{}
		case len(groups) == 0 && a.Key == slog.LevelKey:
			level, _ := a.Value.Any().(slog.Level)
			return slog.String(slog.LevelKey, strings.ToLower(handler.LevelName(level)))
		case a.Key == "n":
			return slog.Attr{}
		}
		return a
	}
	tests := []struct {
		name string
		opts handler.ConsoleOptions
	}{
		{"compact", handler.ConsoleOptions{}},
		{"compact_color", handler.ConsoleOptions{Color: handler.ColorAlways}},
		{"compact_padded", handler.ConsoleOptions{MessageWidth: 24}},
		{"compact_replaced", handler.ConsoleOptions{ReplaceAttr: replace, Color: handler.ColorAlways}},
		{"wide_80", handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 80}},
		{"wide_80_color", handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 80, Color: handler.ColorAlways}},
		{"wide_200", handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 200}},
		{"wide_unlimited", handler.ConsoleOptions{Layout: handler.LayoutWide}},
		{"wide_replaced", handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 80, ReplaceAttr: replace}},
		{"wide_names", handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 100, LevelName: handler.LevelName, MessageWidth: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			if tt.opts.Level = handler.LevelTrace - 1; tt.opts.Color == handler.ColorAuto {
				tt.opts.Color = handler.ColorNever
			}
			goldenRecords(t, handler.NewConsoleHandler(&buf, &tt.opts))
			file := filepath.Join("testdata", "console_"+tt.name+".golden")
			if *updateGolden {
				if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), buf.String()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}
