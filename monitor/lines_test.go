package monitor

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
)

func text(lines []line) (s []string) {
	for _, l := range lines {
		s = append(s, strings.TrimSuffix(string(l.text), "\n"))
	}
	return s
}

func noTime(h *Handler, level slog.Level, msg string, attrs ...slog.Attr) {
	r := slog.NewRecord(time.Time{}, level, msg, 0)
	r.AddAttrs(attrs...)
	_ = h.Handle(context.Background(), r)
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestLastErrorsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(taking{}, &Options{Errors: 3, ReplaceAttr: withoutTime})
		if lines, n := h.lastErrors(); len(lines) != 0 || n != 0 {
			t.Errorf("at first: %d of %d", len(lines), n)
		}
		derived := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").(*Handler)
		noTime(derived, slog.LevelError, "one", slog.Int("b", 2))
		noTime(derived, slog.LevelError-1, "none")
		noTime(h.Before(taking{}), slog.LevelError+4, "two")
		lines, n := h.lastErrors()
		want := []string{`{"level":"ERROR","msg":"one","a":1,"g":{"b":2}}`, `{"level":"ERROR+4","msg":"two"}`}
		if diff := cmp.Diff(want, text(lines)); diff != "" || n != 2 {
			t.Errorf("n is %d, mismatch (-want +got):\n%s", n, diff)
		}
		time.Sleep(time.Second)
		for i := range 5 {
			noTime(h, slog.LevelError, strconv.Itoa(i)) // those beyond the third are too many for a second
		}
		time.Sleep(time.Second)
		noTime(h, slog.LevelError, "last")
		lines, n = h.lastErrors()
		want = []string{`{"level":"ERROR","msg":"1"}`, `{"level":"ERROR","msg":"2"}`, `{"level":"ERROR","msg":"last"}`}
		if diff := cmp.Diff(want, text(lines)); diff != "" || n != 6 {
			t.Errorf("n is %d, mismatch (-want +got):\n%s", n, diff)
		}
	})
}

func TestLastErrorsAreKeptWhateverTimeTheyClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(taking{}, &Options{Errors: 2})
		at := time.Now()
		for i := range 10 {
			_ = h.Handle(t.Context(), slog.NewRecord(at, slog.LevelError, strconv.Itoa(i), 0))
			time.Sleep(time.Second)
		}
		lines, n := h.lastErrors()
		if n != 10 || !strings.Contains(string(lines[1].text), `"msg":"9"`) {
			t.Errorf("kept %d, the last are %q", n, text(lines))
		}
	})
}

func TestErrorsBelowZeroKeepNone(t *testing.T) {
	h := NewHandler(taking{}, &Options{Errors: -1})
	noTime(h, slog.LevelError, "m")
	if lines, n := h.lastErrors(); len(lines) != 0 || n != 0 {
		t.Errorf("%d of %d, want none", len(lines), n)
	}
	if n := len(NewHandler(taking{}, &Options{Errors: math.MaxInt}).shared.lines.errors.kept); n != maxErrors {
		t.Errorf("room for %d, want %d", n, maxErrors)
	}
}

func TestWatchersGetLinesFromTheirLevelOn(t *testing.T) {
	h := NewHandler(taking{}, &Options{Errors: -1, ReplaceAttr: withoutTime})
	all, warnings := h.watch(slog.LevelDebug, 10), h.watch(slog.LevelWarn, 1)
	noTime(h, slog.LevelDebug-1, "below")
	noTime(h, slog.LevelDebug, "one")
	noTime(h, slog.LevelWarn, "two")
	noTime(h, slog.LevelError, "three")
	if got := string((<-all.lines).text) + string((<-all.lines).text) + string((<-all.lines).text); got !=
		`{"level":"DEBUG","msg":"one"}`+"\n"+`{"level":"WARN","msg":"two"}`+"\n"+`{"level":"ERROR","msg":"three"}`+"\n" {
		t.Errorf("one has %s", got)
	}
	if got := string((<-warnings.lines).text); got != `{"level":"WARN","msg":"two"}`+"\n" {
		t.Errorf("the other has %s", got)
	}
	if all.dropped() != 0 || warnings.dropped() != 1 {
		t.Errorf("dropped %d and %d, want 0 and 1", all.dropped(), warnings.dropped())
	}
	all.stop()
	noTime(h, slog.LevelInfo, "nobody")
	warnings.stop()
	warnings.stop()
	noTime(h, slog.LevelError, "nobody")
	if len(all.lines)+len(warnings.lines) != 0 || warnings.dropped() != 1 {
		t.Error("a line came after stop")
	}
	if n := h.shared.shown.Load(); n != nobody {
		t.Errorf("levels from %d on are looked at, want none", n)
	}
}

// counted counts how often it is asked for its value.
type counted struct{ n *atomic.Int64 }

func (c counted) LogValue() slog.Value { c.n.Add(1); return slog.StringValue("v") }

func TestNothingIsEncodedWhileNobodyHasRoomForIt(t *testing.T) {
	var n atomic.Int64
	h := NewHandler(taking{}, nil)
	noTime(h, slog.LevelWarn, "m", slog.Any("v", counted{&n}))
	if n.Load() != 0 {
		t.Error("a value was resolved while nobody watched")
	}
	a, b := h.watch(slog.LevelInfo, 1), h.watch(slog.LevelInfo, 1)
	for range 3 {
		noTime(h, slog.LevelWarn, "m", slog.Any("v", counted{&n}))
	}
	if n.Load() != 1 || a.dropped() != 2 || b.dropped() != 2 {
		t.Errorf("resolved %d times, dropped %d and %d, want 1, 2 and 2", n.Load(), a.dropped(), b.dropped())
	}
	noTime(h, slog.LevelError, "m", slog.Any("v", counted{&n}))
	if n.Load() != 2 {
		t.Errorf("resolved %d times for an error, want 1", n.Load()-1)
	}
}

type hostile struct{}

func (hostile) LogValue() slog.Value         { panic("v") }
func (hostile) MarshalJSON() ([]byte, error) { panic("v") }
func (hostile) Error() string                { panic("v") }

type loop struct{}

func (l loop) LogValue() slog.Value { return slog.AnyValue(l) }

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic(struct{}{}) }

func TestHostileValuesCostAPlaceholder(t *testing.T) {
	members := []slog.Attr{slog.Int("a", 1), {}}
	members[1] = slog.Attr{Key: "self", Value: slog.GroupValue(members...)}
	for name, v := range map[string]any{
		"LogValuer panics": hostile{}, "loop": loop{}, "Marshaler panics": panicking{}, "func": func() {}, "chan": make(chan int),
		"typed nil": (*time.Location)(nil), "long": strings.Repeat("x", 1<<20), "large": make([]int, 1<<16),
		"group": slog.GroupValue(members...), "newlines": "a\nb\u2028c\x00", "invalid": "\xff",
	} {
		h := NewHandler(taking{}, nil)
		h.WithGroup("g\n\"").WithAttrs([]slog.Attr{slog.Any("bound", v)}).Handle(t.Context(), //nolint:errcheck // taking has none
			func() slog.Record {
				r := slog.NewRecord(time.Time{}, slog.LevelError, "m\x00\n\xff", 0)
				r.Add("own", v, "after", true)
				return r
			}())
		lines, n := h.lastErrors()
		if n != 1 {
			t.Fatalf("%s: %d lines, want 1", name, n)
		}
		line := lines[0].text
		if len(line) > maxLine || strings.Count(string(line), "\n") != 1 || !json.Valid(line) {
			t.Errorf("%s: %d bytes: %.200s", name, len(line), line)
		}
	}
}

func TestReplaceAttrMayPanic(t *testing.T) {
	h := NewHandler(taking{}, &Options{ReplaceAttr: func([]string, slog.Attr) slog.Attr { panic("no") }})
	noTime(h, slog.LevelError, "m", slog.Int("a", 1))
	if lines, _ := h.lastErrors(); len(lines) != 1 || !strings.Contains(string(lines[0].text), "!PANIC") {
		t.Errorf("lines are %q", text(lines))
	}
}

// A line is what slog.JSONHandler writes, as far as that is valid, but for what is
// meant to be otherwise.
func TestLinesKeepTheContract(t *testing.T) {
	known := map[string]bool{
		"a zero time prints nothing":                         true,
		"one record handled twice gives the same line twice": true, // for the same reason
		"a long text is whole":                               true,
	}
	for _, v := range handlertest.Check(func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return handler.NewJSONHandler(w, o)
	}, handlertest.ParseJSON) {
		known[v.Rule] = true
	}
	for _, v := range handlertest.Check(func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		if o == nil {
			o = &slog.HandlerOptions{}
		}
		h := NewHandler(taking{}, &Options{ReplaceAttr: o.ReplaceAttr})
		return tail{h, h.watch(slog.LevelInfo, 100), w, new(sync.Mutex)}
	}, handlertest.ParseJSON) {
		if !known[v.Rule] {
			t.Error(v)
		}
	}
}

// tail is a handler that writes the lines a watcher gets.
type tail struct {
	*Handler
	watcher *watcher
	w       io.Writer
	mu      *sync.Mutex
}

func (l tail) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l tail) Handle(ctx context.Context, r slog.Record) error {
	if err := l.Handler.Handle(ctx, r); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write((<-l.watcher.lines).text)
	return err
}

func (l tail) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.Handler = l.Handler.WithAttrs(attrs).(*Handler)
	return l
}

func (l tail) WithGroup(name string) slog.Handler {
	l.Handler = l.Handler.WithGroup(name).(*Handler)
	return l
}

func TestWatchConcurrentSafe(t *testing.T) {
	h := NewHandler(taking{}, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				w := h.watch(slog.LevelInfo, 2)
				select {
				case line := <-w.lines:
					if !json.Valid(line.text) {
						t.Errorf("invalid line %q", line.text)
					}
				default:
				}
				w.stop()
			}
		})
		wg.Go(func() {
			logger := slog.New(h).With("a", 1)
			for i := range 2000 {
				logger.Log(context.Background(), slog.Level(i%12), "m")
				h.lastErrors()
			}
		})
	}
	wg.Wait()
	if n := len(*h.shared.lines.watchers.Load()); n != 0 {
		t.Errorf("%d watchers are left", n)
	}
}
