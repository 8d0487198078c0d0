package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
)

// printTest is a sink that prints what a Test has kept.
type printTest struct {
	test  *handler.Test
	print slog.Handler
}

func (p printTest) Enabled(ctx context.Context, l slog.Level) bool { return p.test.Enabled(ctx, l) }
func (p printTest) WithAttrs(as []slog.Attr) slog.Handler {
	return p.with(p.test.WithAttrs(as))
}
func (p printTest) WithGroup(name string) slog.Handler { return p.with(p.test.WithGroup(name)) }
func (p printTest) with(h slog.Handler) slog.Handler {
	test, _ := h.(*handler.Test)
	return printTest{test, p.print}
}

func (p printTest) Handle(ctx context.Context, r slog.Record) error {
	if err := p.test.Handle(ctx, r); err != nil {
		return err
	}
	taken := p.test.Take()
	for i := range taken {
		if err := p.print.Handle(ctx, taken[i]); err != nil {
			return err
		}
	}
	return nil
}

func TestConformanceOfRecordWrappers(t *testing.T) {
	t.Parallel()
	trace := func(context.Context, slog.Record) []slog.Attr { return []slog.Attr{slog.String("trace_id", "t")} }
	asIs := func(_ []string, a slog.Attr) slog.Attr { return a }
	for name, wrap := range map[string]func(next slog.Handler) slog.Handler{
		"Context": func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) },
		"Context at the top": func(next slog.Handler) slog.Handler {
			return handler.NewContext(next, &handler.ContextOptions{Top: []func(context.Context, slog.Record) []slog.Attr{trace}})
		},
		"Func":    func(next slog.Handler) slog.Handler { return handler.NewFunc(next.Handle, nil) },
		"Recover": func(next slog.Handler) slog.Handler { return handler.NewRecover(next, nil) },
		"Rename":  func(next slog.Handler) slog.Handler { return handler.NewRename(next, nil) },
		"Rename with Replace and Keys": func(next slog.Handler) slog.Handler {
			return handler.NewRename(next, &handler.RenameOptions{Replace: asIs, ReplaceGroups: true, Keys: map[string]string{"x.y": "z"}})
		},
		"ErrorStack": func(next slog.Handler) slog.Handler { return handler.NewErrorStack(next, nil) },
		"ErrorStack beside": func(next slog.Handler) slog.Handler {
			return handler.NewErrorStack(next, &handler.ErrorStackOptions{Beside: true})
		},
		"ErrorStack with the stack of the call": func(next slog.Handler) slog.Handler {
			return handler.NewErrorStack(next, &handler.ErrorStackOptions{CallLevel: slog.Level(-100)})
		},
		"Test": func(next slog.Handler) slog.Handler {
			return printTest{handler.NewTest(nil, nil), next}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
				return wrap(handler.NewJSONHandler(w, opts))
			}, handlertest.ParseJSON)
		})
	}
}

func TestRecordWrappersAreWrappers(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]handlertest.Wrap{
		"Context":    func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) },
		"Recover":    func(next slog.Handler) slog.Handler { return handler.NewRecover(next, nil) },
		"Rename":     func(next slog.Handler) slog.Handler { return handler.NewRename(next, nil) },
		"ErrorStack": func(next slog.Handler) slog.Handler { return handler.NewErrorStack(next, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlertest.RunWrapper(t, wrap)
		})
	}
}

func TestRecordWrappersRefuseNil(t *testing.T) {
	t.Parallel()
	next := handler.NewJSONHandler(io.Discard, nil)
	for want, f := range map[string]func(){
		"handler: NewContext: nil next handler": func() { handler.NewContext(nil, nil) },
		"handler: NewContext: nil function": func() {
			handler.NewContext(next, &handler.ContextOptions{Inner: []func(context.Context, slog.Record) []slog.Attr{nil}})
		},
		"handler: NewFunc: nil function":           func() { handler.NewFunc(nil, nil) },
		"handler: NewRecover: nil next handler":    func() { handler.NewRecover(nil, nil) },
		"handler: NewRename: nil next handler":     func() { handler.NewRename(nil, nil) },
		"handler: ReplaceType: nil function":       func() { handler.ReplaceType[any](nil) },
		"handler: ReplaceAll: nil function":        func() { handler.ReplaceAll(nil) },
		"handler: NewErrorStack: nil next handler": func() { handler.NewErrorStack(nil, nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panics with %v, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

func TestRecordWrappersUnwrap(t *testing.T) {
	t.Parallel()
	next := handler.NewJSONHandler(io.Discard, nil)
	for _, h := range []slog.Handler{
		handler.NewContext(next, nil), handler.NewRecover(next, nil), handler.NewRename(next, nil), handler.NewErrorStack(next, nil),
	} {
		u, ok := h.(interface{ Unwrap() slog.Handler })
		if !ok || u.Unwrap() != slog.Handler(next) {
			t.Errorf("%T does not unwrap to what is behind it", h)
		}
		if h.Enabled(t.Context(), slog.LevelDebug) || !h.Enabled(t.Context(), slog.LevelInfo) {
			t.Errorf("%T does not ask the next handler", h)
		}
	}
}

// recordLog logs to JSON lines.
type recordLog struct {
	slog.Handler
	buf *testlog.Buffer
}

func newRecordLog() recordLog {
	buf := new(testlog.Buffer)
	return recordLog{handler.NewJSONHandler(buf, &slog.HandlerOptions{Level: slog.Level(-100), ReplaceAttr: noTime}), buf}
}

// want checks the lines, without level and message.
func (l recordLog) want(t *testing.T, want ...string) {
	t.Helper()
	lines, _ := l.buf.Lines()
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %s", len(lines), len(want), lines)
	}
	for i, line := range lines {
		_, line, ok := bytes.Cut([]byte(line), []byte(`"msg":"m"`))
		if !ok {
			t.Fatalf("line %s", lines[i])
		}
		got := "{" + string(bytes.TrimPrefix(line, []byte(",")))
		if !json.Valid([]byte(got)) {
			t.Errorf("not valid: %s", got)
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

func plainRecord(attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	return r
}

// panicHandler panics in the methods that it is told to.
type panicHandler struct {
	slog.Handler
	in string
	v  any
}

func (h panicHandler) panics(in string) {
	if h.in == in {
		panic(h.v)
	}
}

func (h panicHandler) Enabled(ctx context.Context, l slog.Level) bool {
	h.panics("Enabled")
	return h.Handler.Enabled(ctx, l)
}

func (h panicHandler) Handle(ctx context.Context, r slog.Record) error {
	h.panics("Handle")
	return h.Handler.Handle(ctx, r)
}

func (h panicHandler) WithAttrs(as []slog.Attr) slog.Handler {
	h.panics("WithAttrs")
	return panicHandler{h.Handler.WithAttrs(as), h.in, h.v}
}

func (h panicHandler) WithGroup(name string) slog.Handler {
	h.panics("WithGroup")
	return panicHandler{h.Handler.WithGroup(name), h.in, h.v}
}

// allocsOf fails the test if f allocates more often than it may.
func allocsOf(t *testing.T, what string, most float64, f func()) {
	t.Helper()
	if testlog.Race {
		return
	}
	if n := testing.AllocsPerRun(200, f); n > most {
		t.Errorf("%s: %v allocations, want no more than %v", what, n, most)
	}
}

// Whatever is logged, a wrapper with nothing to do changes no byte of what the
// encoder writes.
func TestRecordWrappersChangeNothingUnasked(t *testing.T) {
	t.Parallel()
	asIs := func(_ []string, a slog.Attr) slog.Attr { return a }
	copies := func(_ []string, a slog.Attr) slog.Attr {
		return slog.Attr{Key: a.Key + "", Value: slog.AnyValue(a.Value.Any())}
	}
	var plain testlog.Buffer
	want := handler.NewJSONHandler(&plain, nil)
	handlers := []slog.Handler{want}
	buffers := make(map[string]*testlog.Buffer)
	for name, wrap := range map[string]func(next slog.Handler) slog.Handler{
		"Context":                  func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) },
		"Func":                     func(next slog.Handler) slog.Handler { return handler.NewFunc(next.Handle, nil) },
		"Recover":                  func(next slog.Handler) slog.Handler { return handler.NewRecover(next, nil) },
		"Recover of no derivation": func(next slog.Handler) slog.Handler { return handler.NewRecover(underivable{next}, nil) },
		"Rename":                   func(next slog.Handler) slog.Handler { return handler.NewRename(next, nil) },
		"Rename with Replace": func(next slog.Handler) slog.Handler {
			return handler.NewRename(next, &handler.RenameOptions{Replace: asIs})
		},
		"Rename with copies": func(next slog.Handler) slog.Handler {
			return handler.NewRename(next, &handler.RenameOptions{Replace: copies})
		},
		"Rename with Keys": func(next slog.Handler) slog.Handler {
			return handler.NewRename(next, &handler.RenameOptions{Keys: map[string]string{"k1.nothing": "x", "no.such": "y"}})
		},
	} {
		buffers[name] = new(testlog.Buffer)
		handlers = append(handlers, wrap(handler.NewJSONHandler(buffers[name], nil)))
	}
	for seed := range uint64(400) {
		random := testlog.NewRandom(seed)
		random.Hostile = seed%2 == 0
		derived := random.Derive(append([]slog.Handler(nil), handlers...)...)
		if err := testlog.Log(random.Record(), derived...); err != nil {
			t.Fatal(err)
		}
	}
	lines, _ := plain.Lines()
	for name, buf := range buffers {
		got, _ := buf.Lines()
		if len(got) != len(lines) {
			t.Fatalf("%s: %d lines, want %d", name, len(got), len(lines))
		}
		for seed := range lines {
			if got[seed] != lines[seed] {
				t.Errorf("%s: seed %d: mismatch (-want +got):\n%s", name, seed, cmp.Diff(lines[seed], got[seed]))
				break
			}
		}
	}
}

// underivable panics when it is derived from.
type underivable struct{ slog.Handler }

func (underivable) WithAttrs([]slog.Attr) slog.Handler { panic("WithAttrs") }
func (underivable) WithGroup(string) slog.Handler      { panic("WithGroup") }
