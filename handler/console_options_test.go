package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe" // for a clock that is set

	"github.com/google/go-cmp/cmp"
	"github.com/lmittmann/tint"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// consoleLines returns what a ConsoleHandler prints of the records that log gives it,
// without times.
func consoleLines(opts handler.ConsoleOptions, log func(*slog.Logger)) string {
	var buf bytes.Buffer
	log(slog.New(timeless{handler.NewConsoleHandler(&buf, &opts)}))
	return buf.String()
}

// timeless takes away the time of each record.
type timeless struct{ slog.Handler }

func (h timeless) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h timeless) WithAttrs(as []slog.Attr) slog.Handler { return timeless{h.Handler.WithAttrs(as)} }

func (h timeless) WithGroup(name string) slog.Handler { return timeless{h.Handler.WithGroup(name)} }

func TestConsoleHandlerSource(t *testing.T) {
	t.Parallel()
	_, file, line, _ := runtime.Caller(0)
	got := consoleLines(handler.ConsoleOptions{AddSource: true, Color: handler.ColorNever}, func(l *slog.Logger) { l.Info("m", "k", 1) })
	want := fmt.Sprintf("INF m k=1 (%s:%d)\n", filepath.Base(file), line+1) // the working directory is that of the package
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, want string }{
		{filepath.Join(dir, "db", "pool.go"), "(db/pool.go:7)"},
		{"/home/gopher/go/pkg/mod/github.com/acme/db@v1.2.3/pool.go", "(github.com/acme/db@v1.2.3/pool.go:7)"},
		{"/usr/lib/go/src/net/http/server.go", "(http/server.go:7)"},
		{"main.go", "(main.go:7)"},
		{"/main.go", "(/main.go:7)"},
		{"", "(:7)"},
		{"/a/b\n\x1b]8;;evil\a.go", `(a/b\n\x1b]8;;evil\x07.go:7)`},
	} {
		opts := handler.ConsoleOptions{AddSource: true, Color: handler.ColorNever, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.SourceKey {
				return slog.Any("source", &slog.Source{File: tt.file, Line: 7})
			}
			return a
		}}
		got := consoleLines(opts, func(l *slog.Logger) { l.Info("m") })
		if diff := cmp.Diff("INF m "+tt.want+"\n", got); diff != "" {
			t.Errorf("%q: mismatch (-want +got):\n%s", tt.file, diff)
		}
	}
	for name, tt := range map[string]struct {
		a    slog.Attr
		want string
	}{
		"dropped":    {slog.Attr{}, "INF m\n"},
		"a nil one":  {slog.Any("source", (*slog.Source)(nil)), "INF m\n"},
		"text":       {slog.String("source", "here\n"), "INF m (here\\n)\n"},
		"in a color": {tint.Attr(9, slog.String("source", "here")), "INF m (here)\n"},
	} {
		opts := handler.ConsoleOptions{AddSource: true, Color: handler.ColorNever, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.SourceKey {
				return tt.a
			}
			return a
		}}
		if diff := cmp.Diff(tt.want, consoleLines(opts, func(l *slog.Logger) { l.Info("m") })); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestConsoleHandlerLinksTheSource(t *testing.T) {
	t.Parallel()
	const inColor, plain = "\x1b[32mINF\x1b[0m m \x1b[2m%s\x1b[0m\n", "INF m %s\n"
	for _, tt := range []struct {
		name  string
		url   func(*slog.Source) string
		color handler.Color
		link  string // before the text
		form  string
	}{
		{"a file", func(s *slog.Source) string { return "file:///a/" + filepath.Base(s.File) }, handler.ColorAlways, "file:///a/console_options_test.go", inColor},
		{"an editor", func(s *slog.Source) string { return "vscode://file/x.go:" + strconv.Itoa(min(s.Line, 1)) }, handler.ColorAlways, "vscode://file/x.go:1", inColor},
		{"nothing that ends it", func(*slog.Source) string { return "file:///a b\x1b\\\a\n\u0085" }, handler.ColorAlways, `file:///a%20b%1B\%07%0A%C2%85`, inColor},
		{"none", func(*slog.Source) string { return "" }, handler.ColorAlways, "", inColor},
		{"a function that panics", func(*slog.Source) string { panic("no") }, handler.ColorAlways, "", inColor},
		{"not without color", func(*slog.Source) string { return "file:///a" }, handler.ColorNever, "", plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, line, _ := runtime.Caller(0)
			got := consoleLines(handler.ConsoleOptions{AddSource: true, Color: tt.color, SourceURL: tt.url}, func(l *slog.Logger) { l.Info("m") })
			text := fmt.Sprintf("(console_options_test.go:%d)", line+1)
			if tt.link != "" {
				text = "\x1b]8;;" + tt.link + "\x1b\\" + text + "\x1b]8;;\x1b\\"
			}
			if diff := cmp.Diff(fmt.Sprintf(tt.form, text), got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConsoleHandlerElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for layout, want := range map[handler.Layout]string{
			handler.LayoutCompact: "+0.000s INF a\n+12.345s INF b\n-1.000s INF before\nINF no time\n",
			handler.LayoutWide:    "+0.000s    INF a\n+12.345s   INF b\n-1.000s    INF before\nINF no time\n",
		} {
			var buf bytes.Buffer
			h := handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{Elapsed: true, Layout: layout, Color: handler.ColorNever})
			start := time.Now()
			for _, r := range []struct {
				at  time.Time
				msg string
			}{{start, "a"}, {start.Add(12345 * time.Millisecond), "b"}, {start.Add(-time.Second), "before"}, {time.Time{}, "no time"}} {
				if err := h.Handle(t.Context(), slog.NewRecord(r.at, 0, r.msg, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, buf.String()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		}
	})
}

func TestConsoleHandlerElapsedWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	for _, layout := range []handler.Layout{handler.LayoutCompact, handler.LayoutWide} {
		var buf bytes.Buffer
		h := handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{Elapsed: true, Layout: layout})
		now := time.Now()
		*(*uint64)(unsafe.Pointer(&now)) += 3600 << 30 // the clock, and not the monotonic reading
		if err := h.Handle(t.Context(), slog.NewRecord(now, 0, "m", 0)); err != nil {
			t.Fatal(err)
		}
		if d := time.Until(now.Round(0)); d < 50*time.Minute {
			t.Fatalf("the clock is set by %v: that is not how a time.Time is made any more", d)
		}
		if got := buf.String(); !strings.HasPrefix(got, "+") || strings.HasPrefix(got, "+3") {
			t.Errorf("it printed %q", got)
		}
	}
}

// JSON that is nested so deep that it would be mostly indentation is not indented.
func TestConsoleHandlerWideIndentsOnlySoDeep(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, open, inner, shut string
		depth                   int
		most                    int // times as many bytes
	}{
		{"arrays", "[", "1", "]", 9999, 4},
		{"objects", `{"a":`, "1", "}", 2000, 4},
		{"as deep as is indented", "[", strings.Repeat("1,", 10_000) + "1", "]", 16, 25},
		{"with brackets in text", "[", `"` + strings.Repeat(`\"[`, 100) + `"`, "]", 2, 2},
	} {
		text := strings.Repeat(tt.open, tt.depth) + tt.inner + strings.Repeat(tt.shut, tt.depth)
		var buf bytes.Buffer
		h := handler.NewConsoleHandler(&buf, &handler.ConsoleOptions{Layout: handler.LayoutWide, Width: 80})
		slog.New(h).Info("m", "body", json.RawMessage(text))
		if buf.Len() > tt.most*len(text) {
			t.Errorf("%s: %d bytes became %d", tt.name, len(text), buf.Len())
		}
		if indented := strings.Contains(buf.String(), "  "+tt.open[:1]+"\n"); indented != (tt.depth <= 16) {
			t.Errorf("%s: indented %v", tt.name, indented)
		}
	}
}

// What ReplaceAttr appends to the groups is its own.
func TestConsoleHandlerGroupsHaveNoRoom(t *testing.T) {
	t.Parallel()
	calls := 0
	h := handler.NewConsoleHandler(io.Discard, &handler.ConsoleOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		calls++
		if len(groups) != cap(groups) {
			t.Errorf("%s: %d groups with room for %d", a.Key, len(groups), cap(groups))
		}
		return a
	}})
	l := slog.New(h)
	for range 6 {
		l = l.WithGroup("g")
		l.With("bound", 1).Info("m", "k", 1, slog.Group("h", "a", 1, slog.Group("i", "b", 1)))
	}
	if calls != 6*(3+4) {
		t.Errorf("%d calls", calls)
	}
}

func TestConsoleHandlerNamesAndColorsOfLevels(t *testing.T) {
	t.Parallel()
	log := func(l *slog.Logger) {
		l.Log(context.Background(), 4, "m")
		l.Log(context.Background(), 100, "m")
	}
	for _, tt := range []struct {
		name string
		opts handler.ConsoleOptions
		want string
	}{
		{"whole names", handler.ConsoleOptions{LevelName: handler.LevelName}, "WARN m\nFATAL+84 m\n"},
		{"padded where wide", handler.ConsoleOptions{LevelName: handler.LevelName, Layout: handler.LayoutWide}, "WARN     m\nFATAL+84 m\n"},
		{"hostile names", handler.ConsoleOptions{LevelName: func(slog.Level) string { return "\x1b[31m\n" }}, "\\x1b[31m\\n m\n\\x1b[31m\\n m\n"},
		{"a name that panics", handler.ConsoleOptions{LevelName: func(l slog.Level) string { panic(l.String()) }}, "!PANIC: WARN m\n!PANIC: ERROR+92 m\n"},
		{
			"colors",
			handler.ConsoleOptions{Color: handler.ColorAlways, LevelColor: func(l slog.Level) string { return "1;" + strconv.Itoa(int(l)) }},
			"\x1b[1;4mWRN\x1b[0m\x1b[1;4m m\x1b[0m\n\x1b[1;100mFTL+84\x1b[0m\x1b[1;100m m\x1b[0m\n",
		},
		{"no colors where there are none", handler.ConsoleOptions{LevelColor: func(slog.Level) string { return "1" }}, "WRN m\nFTL+84 m\n"},
		{
			"what is no color",
			handler.ConsoleOptions{Color: handler.ColorAlways, LevelColor: func(slog.Level) string { return "1m\x1b[2J" }},
			"WRN m\nFTL+84 m\n",
		},
		{
			"a color that panics",
			handler.ConsoleOptions{Color: handler.ColorAlways, LevelColor: func(slog.Level) string { panic(1) }},
			"WRN m\nFTL+84 m\n",
		},
		{
			"the colors of tint.Attr", handler.ConsoleOptions{Color: handler.ColorAlways, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				switch l, _ := a.Value.Any().(slog.Level); {
				case a.Key == slog.LevelKey && l == 4:
					return tint.Attr(13, slog.String("level", "WARNING"))
				case a.Key == slog.LevelKey:
					return tint.Attr(2, a)
				case a.Key == slog.MessageKey:
					return tint.Attr(200, a)
				}
				return a
			}}, "\x1b[95mWARNING\x1b[0m \x1b[38;5;200mm\x1b[0m\n\x1b[32mFTL+84\x1b[0m \x1b[38;5;200mm\x1b[0m\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.opts.Color == handler.ColorAuto {
				tt.opts.Color = handler.ColorNever
			}
			if diff := cmp.Diff(tt.want, consoleLines(tt.opts, log)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConsoleHandlerColorsOfAttrs(t *testing.T) {
	t.Parallel()
	got := consoleLines(handler.ConsoleOptions{Color: handler.ColorAlways}, func(l *slog.Logger) {
		l.Info("m", "err", errors.New("x y"), tint.Attr(3, slog.String("k", "v")), tint.Err(io.EOF), tint.Attr(100, slog.Group("g", "a", 1)))
	})
	want := "\x1b[32mINF\x1b[0m m \x1b[91merr=\"x y\"\x1b[0m \x1b[33m\x1b[2mk=\x1b[22mv\x1b[0m" +
		" \x1b[91m\x1b[2merr=\x1b[22mEOF\x1b[0m \x1b[38;5;100m\x1b[2mg.a=\x1b[22m1\x1b[0m\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	plain := consoleLines(handler.ConsoleOptions{Color: handler.ColorNever}, func(l *slog.Logger) { l.Info("m", tint.Err(io.EOF)) })
	if diff := cmp.Diff("INF m err=EOF\n", plain); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestConsoleHandlerColumnOfTheLogger(t *testing.T) {
	t.Parallel()
	log := func(l *slog.Logger) {
		l.With("logger", "db").Info("m", "k", 1)
		l.With("logger", "db").With("a", 1, "logger", "a b\n").Info("m")
		l.WithGroup("g").With("logger", "db").Info("m")
		l.Info("m", "logger", "in the record")
		l.With("logger", 7).Info("m")
	}
	for layout, want := range map[handler.Layout]string{
		handler.LayoutCompact: "INF m logger=db k=1\nINF m logger=db a=1 logger=\"a b\\n\"\nINF m g.logger=db\nINF m logger=\"in the record\"\nINF m logger=7\n",
		handler.LayoutWide:    "INF [db] m k=1\nINF [db] [a b\\n] m a=1\nINF m g.logger=db\nINF m logger=\"in the record\"\nINF m logger=7\n",
	} {
		got := consoleLines(handler.ConsoleOptions{Layout: layout, Color: handler.ColorNever, MessageWidth: -1}, log)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestConsoleHandlerSiblingsShareNothing(t *testing.T) {
	t.Parallel()
	for _, layout := range []handler.Layout{handler.LayoutCompact, handler.LayoutWide} {
		got := consoleLines(handler.ConsoleOptions{Layout: layout, Color: handler.ColorNever, MessageWidth: -1}, func(l *slog.Logger) {
			parent := l.With("a", 1, "b", 2, "c", 3).WithGroup("x").WithGroup("y").WithGroup("z")
			alice, bob := parent.With("who", "alice").WithGroup("alice"), parent.With("who", "bob").WithGroup("bob")
			alice.Info("m", "k", 1)
			bob.Info("m", "k", 2)
		})
		want := "INF m a=1 b=2 c=3 x.y.z.who=alice x.y.z.alice.k=1\nINF m a=1 b=2 c=3 x.y.z.who=bob x.y.z.bob.k=2\n"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

// TestConsoleHandlerOfAWriterIsTheSame compares a line with one that a writer makes
// itself, in all that a handler has found out or begun.
func TestConsoleHandlerOfAWriterIsTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w askingWriter
		h := handler.NewConsoleHandler(&w, &handler.ConsoleOptions{Elapsed: true, Layout: handler.LayoutWide, Color: handler.ColorAlways})
		time.Sleep(time.Minute) // on the clock of the test
		var same bytes.Buffer
		for _, h := range []slog.Handler{h, w.newHandler(&same)} {
			slog.New(h).Warn("m", "k", "a\nb")
		}
		if diff := cmp.Diff(w.String(), same.String()); diff != "" || !strings.Contains(same.String(), "+60.000s") || !strings.Contains(same.String(), "│") {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestConsoleHandlerAllocatesNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	attrs := five()
	group := []slog.Attr{{Key: "http", Value: slog.GroupValue(five()...)}, slog.Any("err", errors.New("refused"))}
	for _, tt := range []struct {
		name string
		opts handler.ConsoleOptions
		most float64
	}{
		{"plain", handler.ConsoleOptions{Color: handler.ColorNever}, 0},
		{"color", handler.ConsoleOptions{Color: handler.ColorAlways}, 0},
		{"source", handler.ConsoleOptions{Color: handler.ColorAlways, AddSource: true}, 0},
		{"wide", handler.ConsoleOptions{Color: handler.ColorAlways, Layout: handler.LayoutWide}, 0},
		{"wrapped", handler.ConsoleOptions{Color: handler.ColorAlways, Layout: handler.LayoutWide, Width: 80}, 0},
		{"elapsed", handler.ConsoleOptions{Elapsed: true}, 1},
	} {
		logger := slog.New(handler.NewConsoleHandler(io.Discard, &tt.opts))
		bound := slog.New(logger.Handler().WithAttrs(attrs).WithGroup("g"))
		for name, log := range map[string]func(){
			"five attrs":           func() { logger.LogAttrs(ctx, slog.LevelDebug+4, "request served", attrs...) },
			"a group and an error": func() { logger.LogAttrs(ctx, slog.LevelError, "request served", group...) },
			"ten, of which With has bound five": func() {
				bound.LogAttrs(ctx, slog.LevelWarn, "request served", attrs...)
			},
		} {
			if got := testing.AllocsPerRun(200, log); got > tt.most {
				t.Errorf("%s, %s: %v allocations, want at most %v", tt.name, name, got, tt.most)
			}
		}
	}
}
