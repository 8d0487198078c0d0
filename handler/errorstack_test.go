package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/handler"
)

// tracedError has a stack, as errors of many libraries have.
type tracedError struct {
	message string
	cause   error
	pcs     []uintptr
}

func newTraced(message string, cause error) *tracedError {
	pcs := make([]uintptr, 8)
	return &tracedError{message, cause, pcs[:runtime.Callers(2, pcs)]}
}

func (e *tracedError) Error() string      { return e.message }
func (e *tracedError) Unwrap() error      { return e.cause }
func (e *tracedError) Callers() []uintptr { return e.pcs }

type stackPanicError struct{}

func (stackPanicError) Error() string { panic("Error") }
func (stackPanicError) Unwrap() error { panic("Unwrap") }

type stackSelfError struct{}

func (e *stackSelfError) Error() string { return "self" }
func (e *stackSelfError) Unwrap() error { return e }

type stackNilError struct{ s string }

func (e *stackNilError) Error() string { return e.s }

// places are what a test does not know of a stack.
var places = regexp.MustCompile(` \(\S+?(\w+\.go):\d+\)`)

func TestErrorStack(t *testing.T) {
	t.Parallel()
	traced := newTraced("query", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist})
	noStack := &handler.ErrorStackOptions{Depth: -1}
	const eof = `{"message":"EOF","type":"*errors.errorString"}`
	tests := []struct {
		name  string
		opts  *handler.ErrorStackOptions
		attrs []slog.Attr
		want  string
	}{
		{"no error", nil, []slog.Attr{slog.Int("n", 1), slog.Any("nil", nil)}, `{"n":1,"nil":null}`},
		{"an error", nil, []slog.Attr{slog.Any("err", io.EOF), slog.Int("n", 1)}, `{"err":` + eof + `,"n":1}`},
		{"in a group", nil, []slog.Attr{slog.Group("g", slog.Any("err", io.EOF))}, `{"g":{"err":` + eof + `}}`},
		{"behind a LogValuer", nil, []slog.Attr{slog.Any("err", valuerOf{slog.AnyValue(io.EOF)})}, `{"err":` + eof + `}`},
		{
			"the type of the innermost", nil,
			[]slog.Attr{slog.Any("err", fmt.Errorf("a: %w", &fs.PathError{Op: "open", Path: "p", Err: io.EOF}))},
			`{"err":{"message":"a: open p: EOF","type":"*errors.errorString"}}`,
		},
		{
			"several causes", nil,
			[]slog.Attr{slog.Any("err", fmt.Errorf("w: %w", errors.Join(io.EOF, nil, io.ErrClosedPipe)))},
			`{"err":{"message":"w: EOF\nio: read/write on closed pipe","type":"*errors.joinError","causes":["EOF","io: read/write on closed pipe"]}}`,
		},
		{
			"a list of errors", nil,
			[]slog.Attr{slog.Any("errs", []error{io.EOF, nil, stackPanicError{}}), slog.Any("none", []error(nil))},
			`{"errs":["EOF","!PANIC: Error"],"none":null}`,
		},
		{
			"keys of its own", &handler.ErrorStackOptions{MessageKey: "m", TypeKey: "t", CausesKey: "c"},
			[]slog.Attr{slog.Any("e", errors.Join(io.EOF, io.EOF))},
			`{"e":{"m":"EOF\nEOF","t":"*errors.joinError","c":["EOF","EOF"]}}`,
		},
		{
			"beside", &handler.ErrorStackOptions{Beside: true},
			[]slog.Attr{slog.Any("e", errors.Join(io.EOF, io.EOF)), slog.Int("n", 1)},
			`{"e":"EOF\nEOF","e_type":"*errors.joinError","e_causes":["EOF","EOF"],"n":1}`,
		},
		{
			"hostile", nil,
			[]slog.Attr{slog.Any("a", stackPanicError{}), slog.Any("b", (*stackNilError)(nil)), slog.Any("c", &stackSelfError{})},
			`{"a":{"message":"!PANIC: Error","type":"handler_test.stackPanicError"},"b":{"message":"<nil>","type":"*handler_test.stackNilError"},` +
				`"c":{"message":"self","type":"*handler_test.stackSelfError"}}`,
		},
		{"without stacks", noStack, []slog.Attr{slog.Any("e", traced)}, `{"e":{"message":"query","type":"*errors.errorString"}}`},
		{
			"a stack", &handler.ErrorStackOptions{Depth: 1},
			[]slog.Attr{slog.Any("e", fmt.Errorf("w: %w", traced))},
			`{"e":{"message":"w: query","type":"*errors.errorString","stack":"*fmt.wrapError: w: query\nCaused by: *handler_test.tracedError: query\n` +
				`\tat github.com/sluicelog/sluice/handler_test.TestErrorStack (errorstack_test.go)\n\t... 1 more\nCaused by: *fs.PathError: open p: file does not exist\n` +
				`Caused by: *errors.errorString: file does not exist"}}`,
		},
		{
			"the innermost first", &handler.ErrorStackOptions{Depth: 1, RootFirst: true, StackKey: "s"},
			[]slog.Attr{slog.Any("e", newTraced("a", io.EOF))},
			`{"e":{"message":"a","type":"*errors.errorString","s":"*errors.errorString: EOF\nWrapped by: *handler_test.tracedError: a\n` +
				`\tat github.com/sluicelog/sluice/handler_test.TestErrorStack (errorstack_test.go)\n\t... 1 more"}}`,
		},
		{
			"a stack that a function knows", &handler.ErrorStackOptions{Stack: func(err error) string {
				if errors.Is(err, io.EOF) {
					return "here"
				}
				return ""
			}},
			[]slog.Attr{slog.Any("e", fmt.Errorf("w: %w", io.EOF)), slog.Any("f", io.ErrClosedPipe)},
			`{"e":{"message":"w: EOF","type":"*errors.errorString","stack":"here"},"f":{"message":"io: read/write on closed pipe","type":"*errors.errorString"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := newRecordLog()
			placeless := handler.NewRename(log, &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
				if a.Value.Kind() == slog.KindString {
					a.Value = slog.StringValue(places.ReplaceAllString(a.Value.String(), " ($1)"))
				}
				return a
			}})
			h := handler.NewErrorStack(placeless, tt.opts)
			_ = h.Handle(t.Context(), plainRecord(tt.attrs...))
			_ = h.WithAttrs(tt.attrs).Handle(t.Context(), plainRecord())
			log.want(t, tt.want, tt.want)
		})
	}
}

func TestErrorStackBounds(t *testing.T) {
	t.Parallel()
	many := make([]error, 1000)
	for i := range many {
		many[i] = io.EOF
	}
	logs := handler.NewTest(nil, nil)
	_ = handler.NewErrorStack(logs, nil).Handle(t.Context(), plainRecord(slog.Any("e", errors.Join(many...))))
	v, _ := handler.Lookup(logs.Records()[0], "e.causes")
	if list, _ := v.Any().([]string); len(list) != 65 || list[64] != "..." {
		t.Errorf("%d causes", len(list))
	}
}

func TestErrorStackSurvivesAStackThatPanics(t *testing.T) {
	t.Parallel()
	var got error
	log := newRecordLog()
	h := handler.NewErrorStack(log, &handler.ErrorStackOptions{
		Stack: func(error) string { panic("boom") }, OnError: func(err error) { got = err },
	})
	_ = h.Handle(t.Context(), plainRecord(slog.Any("e", io.EOF)))
	log.want(t, `{"e":{"message":"EOF","type":"*errors.errorString"}}`)
	var pe *handler.PanicError
	if !errors.As(got, &pe) || pe.Value != "boom" {
		t.Errorf("OnError got %v", got)
	}
}

func TestErrorStackOfTheCall(t *testing.T) {
	t.Parallel()
	logs := handler.NewTest(nil, nil)
	h := handler.NewErrorStack(logs, &handler.ErrorStackOptions{CallLevel: slog.LevelError, CallKey: "call", Depth: 1})
	logger := slog.New(h).With("a", 1).WithGroup("g").With("b", io.EOF)
	logger.Warn("m", "c", 3)
	logger.Error("m", "c", 3)
	logger.Error("m")
	_ = h.Handle(t.Context(), slog.NewRecord(logs.Records()[0].Time, slog.LevelError, "no place", 0))
	rs := logs.Records()
	for i, want := range []bool{false, true, true, false} {
		v, ok := handler.Lookup(rs[i], "call")
		if ok != want || ok && !strings.HasPrefix(v.String(), "\tat github.com/sluicelog/sluice/handler_test.TestErrorStackOfTheCall (") {
			t.Errorf("%d: the stack of the call is %v, %v", i, v, ok)
		}
	}
	if rs[:3].Attr("a", 1).Attr("g.b.message", "EOF") == nil || len(rs.Attr("g.c", 3)) != 2 {
		t.Errorf("attrs are missing: %v", rs)
	}
}

func TestErrorStackAllocates(t *testing.T) { // not parallel: it counts allocations
	h := handler.NewErrorStack(handler.NewJSONHandler(io.Discard, nil), &handler.ErrorStackOptions{CallLevel: slog.LevelError})
	r := plainRecord(slog.Int("k", 1e9), slog.String("s", "v"), slog.Any("list", []int{1}))
	ctx := context.Background()
	allocsOf(t, "no error", 0, func() { _ = h.Handle(ctx, r) })
}

func BenchmarkErrorStack(b *testing.B) {
	json := handler.NewJSONHandler(io.Discard, nil)
	plain := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	plainError := plainRecord(slog.Int("k", 0), slog.Any("err", io.EOF))
	withStack := plainRecord(slog.Int("k", 0), slog.Any("err", newTraced("t", io.EOF)))
	h := handler.NewErrorStack(json, nil)
	for _, bb := range []struct {
		name string
		h    slog.Handler
		r    *slog.Record
	}{
		{"without", json, &plainError}, {"no error", h, &plain}, {"error", h, &plainError}, {"stack", h, &withStack},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bb.h.Handle(b.Context(), *bb.r)
			}
		})
	}
}

func ExampleNewErrorStack() {
	h := handler.NewErrorStack(jsonToStdout(), nil)
	_, err := fs.Stat(nofiles{}, "config.json")
	slog.New(h).Error("cannot start", "err", fmt.Errorf("read config: %w", err))
	// Output:
	// {"level":"ERROR","msg":"cannot start","err":{"message":"read config: open config.json: file does not exist","type":"*errors.errorString"}}
}

type nofiles struct{}

func (nofiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// As zap does it: the error stays text under its own key.
func ExampleNewErrorStack_beside() {
	h := handler.NewErrorStack(jsonToStdout(), &handler.ErrorStackOptions{Beside: true})
	slog.New(h).Error("cannot stop", "error", errors.Join(io.ErrClosedPipe, io.ErrUnexpectedEOF))
	// Output:
	// {"level":"ERROR","msg":"cannot stop","error":"io: read/write on closed pipe\nunexpected EOF","error_type":"*errors.joinError","error_causes":["io: read/write on closed pipe","unexpected EOF"]}
}

// With the names of the Elastic Common Schema.
func ExampleNewErrorStack_ecs() {
	h := handler.NewErrorStack(jsonToStdout(), &handler.ErrorStackOptions{StackKey: "stack_trace"})
	slog.New(h).Error("failed", "error", io.EOF)
	// Output:
	// {"level":"ERROR","msg":"failed","error":{"message":"EOF","type":"*errors.errorString"}}
}
