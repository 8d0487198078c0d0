package handler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestConsoleHandlerPrints(t *testing.T) {
	t.Parallel()
	type point struct {
		X, Y int
		Tag  string
	}
	when := time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.UTC)
	tests := []struct {
		name string
		opts handler.ConsoleOptions
		with func(slog.Handler) slog.Handler
		msg  string
		args []any
		zone *time.Location
		want string
	}{
		{name: "a plain record", msg: "listening", args: []any{"port", 8080, "tls", false}, want: "23:30:00.123 INF listening port=8080 tls=false"},
		{name: "groups with dots", with: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)})
		}, msg: "m", args: []any{slog.Group("h", "c", 3)}, want: "23:30:00.123 INF m a=1 g.b=2 g.h.c=3"},
		{name: "values", msg: "m", args: []any{
			"s", "two words", "d", 1500 * time.Millisecond, "t", when, "e", errors.New("no such file"), "n", nil,
			"p",
			point{1, 2, "x"},
			"pp", &point{1, 2, ""}, "m",
			map[string]int{"a": 1},
			"b", []byte("raw"), "l", slog.LevelWarn + 1,
		}, want: `23:30:00.123 INF m s="two words" d=1.5s t=2026-11-21T23:30:00.123456789Z e="no such file" n=<nil>` +
			` p="{X:1 Y:2 Tag:x}" pp="&{X:1 Y:2 Tag:}" m=map[a:1] b=raw l=WARN+1`},
		{
			name: "control characters in the message as escapes", msg: "a\nb\r\tc\x1b[31m\a\x7f\u009b31m\u202edlrow\u2028x",
			want: `23:30:00.123 INF a\nb\r\tc\x1b[31m\x07\x7f\u009b31m\u202edlrow\u2028x`,
		},
		{
			name: "control characters in values quoted", msg: "m", args: []any{"k", "a\nb", "l", "\x1b[31mred", "n", "c\u009b d", "o", "\x7f"},
			want: `23:30:00.123 INF m k="a\nb" l="\x1b[31mred" n="c\u009b d" o="\x7f"`,
		},
		{
			name: "control characters in keys and groups", msg: "m", args: []any{slog.Group("g\n", "k\x1b", 1)},
			want: `23:30:00.123 INF m "g\n.k\x1b"=1`,
		},
		{
			name: "a written escape", msg: "m", args: []any{"k", `a \x1b[31m`},
			want: `23:30:00.123 INF m k="a \\x1b[31m"`,
		},
		{
			name: "invalid UTF-8 and U+FFFD", msg: "a\xffb\ufffdc", args: []any{"k", "a\xffb\ufffdc d"},
			want: "23:30:00.123 INF a\ufffdb\ufffdc k=\"a\\xffb\ufffdc d\"",
		},
		{name: "a backslash is no reason to quote", msg: "m", args: []any{"k", `C:\x1b2\file`}, want: `23:30:00.123 INF m k=C:\x1b2\file`},
		{
			name: "values that fmt would print without an end", msg: "m", args: []any{"a", cyclicAttr(), "p", cyclicPointer(), "r", cyclicReflect(), "k", 1},
			want: `23:30:00.123 INF m a="!ERROR:value too deep or too large" p="!ERROR:value too deep or too large" r="!ERROR:value too deep or too large" k=1`,
		},
		{
			name: "values of log/slog in values", msg: "m", args: []any{"v", []slog.Value{slog.AnyValue([]int{1, 2}), slog.IntValue(3)}},
			want: `23:30:00.123 INF m v="[[1 2] 3]"`,
		},
		{name: "attrs as values", msg: "m", args: []any{"a", slog.Group("g", "x", 1)}, want: `23:30:00.123 INF m a="g=[x=1]"`},
		{name: "sources from ReplaceAttr", opts: handler.ConsoleOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.LevelKey:
				return slog.Any("level", (*slog.Source)(nil))
			case slog.MessageKey:
				return slog.Any("msg", &slog.Source{File: "/a/\x1b]0;t\a\nERR.go", Line: 7})
			}
			return a
		}}, want: `23:30:00.123 <nil> /a/\x1b]0;t\x07\nERR.go:7`},
		{
			name: "a zone with a hostile name", opts: handler.ConsoleOptions{TimeFormat: "15:04 MST"}, zone: time.FixedZone("\x1b[31m\n", 0),
			msg: "m", want: `23:30 \x1b[31m\n INF m`,
		},
		{name: "a time layout", opts: handler.ConsoleOptions{TimeFormat: time.DateTime}, msg: "m", want: "2026-11-21 23:30:00 INF m"},
		{
			name: "what ReplaceAttr makes", opts: handler.ConsoleOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				switch a.Key {
				case slog.TimeKey:
					return slog.Attr{}
				case slog.LevelKey:
					return slog.String("level", "<"+a.Value.String()+">\n")
				case slog.MessageKey:
					return slog.String("msg", a.Value.String()+"\x1b!")
				case "drop":
					return slog.Attr{}
				case "panic":
					panic("no")
				}
				a.Value = slog.StringValue(strings.Join(groups, "/") + ":" + a.Value.String())
				return a
			}}, with: func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
			msg: "m", args: []any{"a", 1, "drop", 2, "panic", 3, slog.Group("h", "msg2", 4)},
			want: `<INFO>\n m\x1b! g.a=g:1 g.panic="!PANIC: no" g.h.msg2=g/h:4`,
		},
		{
			name: "colors", opts: handler.ConsoleOptions{Color: handler.ColorAlways}, msg: "m", args: []any{"k", "v w"},
			want: "\x1b[2m23:30:00.123\x1b[0m \x1b[32mINF\x1b[0m m \x1b[2mk=\x1b[0m\"v w\"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			if tt.opts.Color == handler.ColorAuto {
				tt.opts.Color = handler.ColorNever
			}
			var h slog.Handler = handler.NewConsoleHandler(&buf, &tt.opts)
			if tt.with != nil {
				h = tt.with(h)
			}
			at := when
			if tt.zone != nil {
				at = when.In(tt.zone)
			}
			r := slog.NewRecord(at, slog.LevelInfo, tt.msg, 0)
			r.Add(tt.args...)
			for range 2 { // the second time with what the first has left behind
				buf.Reset()
				if err := h.Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want+"\n", buf.String()); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func cyclicAttr() slog.Attr {
	cyclic := make([]slog.Attr, 1)
	cyclic[0] = slog.Attr{Key: "g", Value: slog.GroupValue(cyclic...)}
	return cyclic[0]
}

func cyclicPointer() *slog.Attr {
	a := &slog.Attr{Key: "p"}
	a.Value = slog.AnyValue(a)
	return a
}

func cyclicReflect() reflect.Value {
	m := map[string]any{}
	m["m"] = m
	return reflect.ValueOf(m)
}

// cache has a String that takes its lock, as that of a context does.
type cache struct {
	mu sync.Mutex
	m  map[int]int
}

func (c *cache) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strconv.FormatBool(c.m != nil)
}

func (c *cache) put(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[i%100] = i
}

func TestConsoleHandlerDoesNotLookBehindAString(t *testing.T) {
	t.Parallel()
	c := &cache{m: map[int]int{}}
	var buf testlog.Buffer
	logger := slog.New(handler.NewConsoleHandler(&buf, nil))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 10_000 {
			c.put(i)
		}
	}()
	for range 300 {
		logger.Info("m", "cache", c, "in", struct{ C *cache }{c}, "list", []fmt.Stringer{c})
	}
	<-done
	lines, _ := buf.Lines()
	if len(lines) != 300 || !strings.Contains(lines[0], "cache=true") || !strings.Contains(lines[0], "list=[true]") {
		t.Errorf("%d lines, %q", len(lines), lines[0])
	}
}

// terminal is a writer with a file descriptor.
type terminal struct {
	bytes.Buffer
	fd uintptr
}

func (t *terminal) Fd() uintptr { return t.fd }

func TestConsoleHandlerChoosesColor(t *testing.T) {
	tests := []struct {
		name  string
		color handler.Color
		env   map[string]string
		want  bool
	}{
		{name: "not for what is no terminal"},
		{name: "NO_COLOR", env: map[string]string{"NO_COLOR": "1", "FORCE_COLOR": "1"}},
		{name: "an empty NO_COLOR means nothing", env: map[string]string{"NO_COLOR": "", "FORCE_COLOR": "1"}, want: true},
		{name: "FORCE_COLOR", env: map[string]string{"FORCE_COLOR": "1", "TERM": "dumb"}, want: true},
		{name: "FORCE_COLOR=0 means nothing", env: map[string]string{"FORCE_COLOR": "0"}},
		{name: "ColorAlways over NO_COLOR", color: handler.ColorAlways, env: map[string]string{"NO_COLOR": "1"}, want: true},
		{name: "ColorNever over FORCE_COLOR", color: handler.ColorNever, env: map[string]string{"FORCE_COLOR": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "TERM"} {
				t.Setenv(name, tt.env[name])
			}
			null, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			defer null.Close()
			w := &terminal{fd: null.Fd()}
			slog.New(handler.NewConsoleHandler(w, &handler.ConsoleOptions{Color: tt.color})).Info("m")
			if got := strings.Contains(w.String(), "\x1b["); got != tt.want {
				t.Errorf("color is %t, want %t: %q", got, tt.want, w.String())
			}
		})
	}
}

func TestConsoleHandlerReportsAFailingWriter(t *testing.T) {
	t.Parallel()
	w := &testlog.FaultWriter{W: &testlog.Buffer{}}
	w.Fail(testlog.ErrInjected)
	var reported error
	h := handler.NewConsoleHandler(w, &handler.ConsoleOptions{OnError: func(err error) { reported = err }})
	err := h.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0))
	if !errors.Is(err, testlog.ErrInjected) || !errors.Is(reported, testlog.ErrInjected) {
		t.Errorf("returned %v, reported %v", err, reported)
	}
	if diff := cmp.Diff(handler.Stats{Accepted: 1, Dropped: 1}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// ownColors takes the sequences of the handler's own out of its output.
var ownColors = strings.NewReplacer("\x1b[0m", "", "\x1b[2m", "", "\x1b[90m", "", "\x1b[36m", "", "\x1b[32m", "", "\x1b[1;36m", "",
	"\x1b[1;32m", "", "\x1b[1;33m", "", "\x1b[33m", "", "\x1b[1;91m", "", "\x1b[91m", "", "\x1b[1;97;41m", "", "\x1b[1;97;45m", "", "\x1b[1;95m", "")

// consoleIsClean checks that a line has nothing that acts on a terminal.
func consoleIsClean(t *testing.T, line string) {
	t.Helper()
	for _, c := range line {
		if c < ' ' || 0x7f <= c && c <= 0x9f || c == '\u2028' || c == '\u2029' || 0x202a <= c && c <= 0x202e || 0x2066 <= c && c <= 0x2069 {
			t.Fatalf("control character %U in %q", c, line)
		}
	}
	if !utf8.ValidString(line) {
		t.Fatalf("invalid UTF-8: %q", line)
	}
}

// FuzzConsoleHandlerPrintsOneCleanLine looks for text that forges a line or
// reaches the terminal as a control sequence, with color and without.
func FuzzConsoleHandlerPrintsOneCleanLine(f *testing.F) {
	for _, s := range []string{"\n", "\x1b[31m", `\x1b`, ` \x1b`, "\xff", "\ufffd", "\u009b", `\\x1b "`, "=", "m\x1b"} {
		f.Add(uint64(len(s)), s, s)
	}
	f.Fuzz(func(t *testing.T, seed uint64, key, value string) {
		same := func(_ []string, a slog.Attr) slog.Attr { return a }
		for _, opts := range []*handler.ConsoleOptions{
			{Color: handler.ColorNever},
			{Color: handler.ColorAlways},
			{Color: handler.ColorNever, AddSource: true, ReplaceAttr: same, TimeFormat: value},
			{Color: handler.ColorAlways, AddSource: true, ReplaceAttr: same},
		} {
			r := testlog.NewRandom(seed)
			r.Hostile = true
			var buf testlog.Buffer
			h := r.Derive(handler.NewConsoleHandler(&buf, opts))[0]
			rec := r.Record()
			rec.Message += value
			rec.AddAttrs(slog.String(key, value), slog.Any(value, errors.New(key)), slog.Group(key, slog.String("k", value)))
			if err := testlog.Log(rec, h.WithGroup(value)); err != nil {
				t.Fatal(err)
			}
			lines, rest := buf.Lines()
			if len(lines) != 1 || rest != "" {
				t.Fatalf("not one line: %q %q", lines, rest)
			}
			line := lines[0]
			if opts.Color == handler.ColorAlways {
				line = ownColors.Replace(line)
			}
			consoleIsClean(t, line)
		}
	})
}
