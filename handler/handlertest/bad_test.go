package handlertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
)

// A badHandler is wrong in one respect.
type badHandler struct {
	name   string
	new    handlertest.New
	breaks []string // the rules that it breaks, in their order
	more   bool     // it breaks others too
}

// TestFindsEveryBug pins what the suite says of handlers that are bad on
// purpose, and that there is one for every rule: a rule without is a rule that
// could be empty.
func TestFindsEveryBug(t *testing.T) {
	t.Parallel()
	broken := make(map[string]bool)
	for _, bad := range slices.Concat(badEmpties(), badDerivations(), badValues(), badFacts(), badLines(), badPlumbing()) {
		for _, rule := range bad.breaks {
			broken[rule] = true
		}
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, v := range handlertest.Check(bad.new, handlertest.ParseJSON) {
				t.Log(v)
				if !bad.more || slices.Contains(bad.breaks, v.Rule) {
					got = append(got, v.Rule)
				}
			}
			if diff := cmp.Diff(bad.breaks, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
	for _, rule := range handlertest.RuleNames() {
		if !broken[rule] {
			t.Errorf("no bad handler breaks the rule %q", rule)
		}
	}
}

// badEmpties print what is empty.
func badEmpties() []badHandler {
	empty := slog.Any("", map[string]any{}) // what an encoder makes of nothing if it does not look
	return []badHandler{
		{name: "Enabled allocates", new: wrong(defect{enabled: func() { escape.Store(new(slog.Record)) }}), breaks: []string{
			"Enabled allocates nothing",
		}},
		{name: "the zero time is printed", new: record(func(r *slog.Record) {
			if r.Time.IsZero() {
				r.Time = time.Unix(0, 0)
			}
		}), breaks: []string{"a zero time prints nothing"}},
		{name: "the source of a zero PC is printed", new: record(func(r *slog.Record) {
			if r.PC == 0 {
				r.AddAttrs(slog.Any("source", &slog.Source{File: "unknown"}))
			}
		}), breaks: []string{"a zero PC prints no source"}},
		{name: "an empty attr is printed", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inRecord && a.Equal(slog.Attr{}) {
				return empty
			}
			return a
		}), breaks: []string{"an empty attr prints nothing", "WithGroup without attrs prints nothing"}},
		{name: "an empty attr is printed if bound", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inWith && a.Equal(slog.Attr{}) {
				return empty
			}
			return a
		}), breaks: []string{"an empty attr prints nothing"}},
		{name: "a group without attrs is printed", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inRecord && isGroup(a) && len(a.Value.Group()) == 0 {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group without attrs prints nothing", "WithGroup without attrs prints nothing"}},
		{name: "a group of empty attrs is printed", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inRecord && isGroup(a) && len(a.Value.Group()) > 0 && isEmpty(a) {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group of empty attrs prints nothing, and the next attr is whole"}},
		{name: "a group of empty attrs is printed if bound", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inWith && isGroup(a) && isEmpty(a) {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group of empty attrs prints nothing, and the next attr is whole"}},
		{name: "what ReplaceAttr removes is printed", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			if opts == nil || opts.ReplaceAttr == nil {
				return handler.NewJSONHandler(w, opts)
			}
			return handler.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(g []string, a slog.Attr) slog.Attr {
				if a = opts.ReplaceAttr(g, a); a.Equal(slog.Attr{}) {
					return empty
				}
				return a
			}})
		}, breaks: []string{"a group that ReplaceAttr empties prints nothing, and the next attr is whole"}},
		{name: "a group opened by WithGroup is always printed", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				if h.grouped && r.NumAttrs() == 0 {
					r.AddAttrs(empty)
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"WithGroup without attrs prints nothing"}},
		{name: "a group with an empty key nests", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Key == "" && isGroup(a) {
				a.Key = "group"
			}
			return a
		}), breaks: []string{"a group with an empty key is inlined"}},
	}
}

// badDerivations are wrong after With or WithGroup.
func badDerivations() []badHandler {
	anew := func(is func([]slog.Attr) bool) handlertest.New {
		return wrong(defect{withAttrs: func(h *bad, attrs []slog.Attr) slog.Handler {
			if is(attrs) {
				return h.derive(h.next, h.grouped)
			}
			return h.bind(attrs)
		}})
	}
	return []badHandler{
		{name: "WithGroup of an empty name makes a handler", new: wrong(defect{
			withGroup: func(h *bad, name string) slog.Handler {
				return h.derive(h.next.WithGroup(name), name != "")
			},
		}), breaks: []string{"WithGroup of an empty name returns the receiver"}},
		{name: "WithGroup of an empty name opens a group", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return incomparable{next: wrong(defect{withGroup: func(h *bad, name string) slog.Handler {
				return h.group(cmpOr(name, "group"))
			}})(w, opts)}
		}, breaks: []string{"WithGroup of an empty name returns the receiver"}},
		{name: "WithAttrs of nil makes a handler", new: anew(func(attrs []slog.Attr) bool { return attrs == nil }),
			breaks: []string{"WithAttrs of no attrs returns the receiver"}},
		{name: "WithAttrs of an empty slice makes a handler", new: anew(func(attrs []slog.Attr) bool {
			return attrs != nil && len(attrs) == 0
		}), breaks: []string{"WithAttrs of no attrs returns the receiver"}},
		{name: "bound attrs are printed in the innermost group", new: replaying(replay{groupsFirst: true}),
			breaks: []string{"each attr stands at its own depth"}},
		{name: "a record without attrs closes the groups for good", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				if r.NumAttrs() == 0 {
					h.forgot.Store(true)
				}
				if h.forgot.Load() {
					return h.root.Handle(ctx, r)
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"a grouped handler logs the same the third time"}},
		{name: "siblings append to one slice", new: replaying(replay{shareSlice: true}),
			breaks: []string{"siblings do not see each other's attrs"}},
		{name: "siblings share the attrs of the first", new: wrong(defect{
			withAttrs: func(h *bad, attrs []slog.Attr) slog.Handler {
				return h.onlyChild(func() slog.Handler { return h.bind(attrs) })
			},
		}), breaks: []string{"siblings do not see each other's attrs"}},
		{name: "siblings share the group of the first", new: wrong(defect{
			withGroup: func(h *bad, name string) slog.Handler {
				return h.onlyChild(func() slog.Handler { return h.group(name) })
			},
		}), breaks: []string{"siblings do not see each other's groups", "derived handlers log side by side"}},
		{name: "the slice given to WithAttrs is kept", new: replaying(replay{keepSlice: true}),
			breaks: []string{"the slice given to WithAttrs may be changed afterwards"}},
		{name: "a secret in a group is masked in place", new: members(func(attrs []slog.Attr) {
			for i := range attrs {
				if attrs[i].Key == "password" {
					attrs[i].Value = slog.StringValue("***")
				}
			}
		}), breaks: []string{"the caller's groups are never written"}},
		{name: "empty attrs are taken out of a group in place", new: members(func(attrs []slog.Attr) {
			if slices.ContainsFunc(attrs, isEmpty) {
				slices.DeleteFunc(attrs, isEmpty)
			}
		}), breaks: []string{"the caller's groups are never written"}},
		{name: "a secret in a map is masked in place", new: values(func(v any) {
			if m, ok := v.(map[string]any); ok && m["password"] != nil {
				m["password"] = "***"
			}
		}), breaks: []string{"the caller's maps, slices and structs are never written"}},
		{name: "a secret in a slice in a map is masked in place", new: values(func(v any) {
			if m, ok := v.(map[string]any); ok && m["n"] != nil {
				m["n"].([]any)[0] = "***"
			}
		}), breaks: []string{"the caller's maps, slices and structs are never written"}},
		{name: "a secret in a slice is masked in place", new: values(func(v any) {
			if s, ok := v.([]string); ok && s[0] == "token=t" {
				s[0] = "***"
			}
		}), breaks: []string{"the caller's maps, slices and structs are never written"}},
		{name: "a secret in a struct is masked in place", new: values(func(v any) {
			p := reflect.ValueOf(v)
			if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Struct {
				return
			}
			if field := p.Elem().FieldByName("Password"); field.IsValid() {
				field.SetString("***")
			}
		}), breaks: []string{"the caller's maps, slices and structs are never written"}},
		{name: "a record is logged once", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var last atomic.Pointer[[]byte]
			return handler.NewJSONHandler(writer(func(p []byte) (int, error) {
				if old := last.Swap(new(bytes.Clone(p))); old != nil && bytes.Equal(*old, p) {
					return len(p), nil
				}
				return w.Write(p)
			}), opts)
		}, breaks: []string{"one record handled twice gives the same line twice"}},
		{name: "an attr is added without Clone", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				r.AddAttrs(slog.Int("added", 1))
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"one record handled twice gives the same line twice"}},
		{name: "goroutines share the record", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var shared atomic.Pointer[slog.Record]
			return wrong(defect{handle: func(ctx context.Context, h *bad, r slog.Record) error {
				shared.Store(&r)
				letOthersRun()
				return h.next.Handle(ctx, *shared.Load())
			}})(w, opts)
		}, breaks: []string{"derived handlers log side by side"}},
		{name: "derived handlers have locks of their own", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t := &tearing{w: w}
			return &replay{new: func() slog.Handler { return handler.NewJSONHandler(t, opts) }}
		}, breaks: []string{"derived handlers log side by side"}},
	}
}

// badValues lose more than a value, or the value.
func badValues() []badHandler {
	bads := []badHandler{
		{name: "a LogValuer is resolved to look at it", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inRecord {
				a.Value.Resolve()
			}
			return a
		}), breaks: []string{"a LogValuer is resolved once"}},
		{name: "a LogValuer is resolved to look at it in a group", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inGroup {
				a.Value.Resolve()
			}
			return a
		}), breaks: []string{"a LogValuer is resolved once"}},
		{name: "an error prints as its cause", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if err, ok := a.Value.Any().(error); ok && errors.Unwrap(err) != nil {
				a.Value = slog.AnyValue(errors.Unwrap(err))
			}
			return a
		}), breaks: []string{"an error's text survives"}},
	}
	for _, where := range []place{inRecord, inWith} {
		bads = append(bads, badHandler{
			name: "a LogValuer that becomes a group prints as text" + string(where),
			new: attr(func(at place, a slog.Attr) slog.Attr {
				if v := a.Value.Kind() == slog.KindLogValuer; v && at == where && a.Key == "u" {
					a.Value = slog.StringValue(a.Value.Resolve().String())
				}
				return a
			}), breaks: []string{"a LogValuer that becomes a group nests"},
		}, badHandler{
			name: "a LogValuer with an empty key nests" + string(where),
			new: attr(func(at place, a slog.Attr) slog.Attr {
				if a.Value.Kind() == slog.KindLogValuer && at == where && a.Key == "" {
					a.Key = "group"
				}
				return a
			}), breaks: []string{"a LogValuer with an empty key that becomes a group is inlined"},
		})
	}
	return append(bads, badHostiles()...)
}

// badHostiles cannot stand one kind of value.
func badHostiles() []badHandler {
	ofType := func(name string) func(v any) bool { return func(v any) bool { return fmt.Sprintf("%T", v) == name } }
	hostile := []struct {
		name string
		is   func(v any) bool
	}{
		{"a LogValuer that panics", ofType("handlertest.panicker")},
		{"a LogValuer that is a nil pointer", ofType("*handlertest.ptrValuer")},
		{"a LogValuer that returns itself", ofType("handlertest.loop")},
		{"an error that panics", ofType("handlertest.panickingError")},
		{"an error that is a typed nil", ofType("*handlertest.ptrError")},
		{"a Stringer that panics", ofType("handlertest.panickingStringer")},
		{"a json.Marshaler that panics", ofType("handlertest.panickingMarshaler")},
		{"a json.Marshaler that fails", ofType("handlertest.failingMarshaler")},
		{"an encoding.TextMarshaler that panics", ofType("handlertest.panickingText")},
		{"an encoding.TextMarshaler that is a typed nil", ofType("*handlertest.ptrText")},
		{"invalid JSON in a json.RawMessage", func(v any) bool {
			raw, ok := v.(json.RawMessage)
			return ok && string(raw) == `{"a":`
		}},
		{"NaN", func(v any) bool { f, ok := v.(float64); return ok && math.IsNaN(f) }},
		{"infinity", func(v any) bool { f, ok := v.(float64); return ok && math.IsInf(f, 0) }},
		{"a channel", ofType("chan int")},
		{"a function", ofType("func()")},
		{"a complex number", ofType("complex128")},
		{"a map that contains itself", func(v any) bool { m, ok := v.(map[string]any); return ok && m["self"] != nil }},
		{"a pointer that leads to itself", ofType("*handlertest.node")},
		{"a year beyond 9999", func(v any) bool { t, ok := v.(time.Time); return ok && t.Year() > 9999 }},
	}
	var bads []badHandler
	var all []string
	for _, v := range hostile {
		rule := v.name + " costs a placeholder, not the record"
		all = append(all, rule)
		bads = append(bads, badHandler{
			name:   v.name + " costs the record",
			new:    losing(func(_ place, a slog.Attr) bool { return v.is(a.Value.Any()) }),
			breaks: []string{rule},
		})
	}
	isHostile := func(a slog.Attr) bool {
		for _, v := range hostile {
			if v.is(a.Value.Any()) {
				return true
			}
		}
		return false
	}
	for _, where := range []place{inRecord, inWith, inGroup} {
		bads = append(bads, badHandler{
			name: "a hostile value costs the attr" + string(where),
			new: attr(func(at place, a slog.Attr) slog.Attr {
				if at == where && isHostile(a) {
					return slog.Attr{}
				}
				return a
			}),
			breaks: all,
		}, badHandler{
			name:   "a hostile value costs the record" + string(where),
			new:    losing(func(at place, a slog.Attr) bool { return at == where && isHostile(a) }),
			breaks: all,
		})
	}
	return append(bads, badHandler{
		name: "a hostile value panics",
		new: attr(func(_ place, a slog.Attr) slog.Attr {
			if isHostile(a) {
				panic("a hostile value")
			}
			return a
		}),
		breaks: all,
	})
}

// badFacts lose what a record says.
func badFacts() []badHandler {
	var callers [1]uintptr
	runtime.Callers(1, callers[:])
	return []badHandler{
		{name: "levels are rounded", new: record(func(r *slog.Record) {
			if r.Level < slog.LevelError {
				r.Level -= r.Level % 4
			}
		}), breaks: []string{"levels between and beyond the names survive"}},
		{name: "levels end at ERROR", new: record(func(r *slog.Record) { r.Level = min(r.Level, slog.LevelError) }),
			breaks: []string{"levels between and beyond the names survive"}},
		{name: "the time has milliseconds", new: record(func(r *slog.Record) { r.Time = r.Time.Truncate(time.Millisecond) }),
			breaks: []string{"the time keeps its nanoseconds"}},
		{name: "an attr's time has milliseconds", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindTime {
				a.Value = slog.TimeValue(a.Value.Time().Truncate(time.Millisecond))
			}
			return a
		}), breaks: []string{"the time keeps its nanoseconds"}},
		{name: "the source is lost", new: record(func(r *slog.Record) { r.PC = 0 }),
			breaks: []string{"the source survives"}},
		{name: "the source is the wrapper's", new: record(func(r *slog.Record) {
			if r.PC != 0 {
				r.PC = callers[0]
			}
		}), breaks: []string{"the source survives"}},
		{name: "built-in names are reserved in groups", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inGroup && slices.Contains([]string{"time", "level", "msg"}, a.Key) {
				return slog.Attr{}
			}
			return a
		}), breaks: []string{"attrs named like the built-in ones survive in a group"}},
		{name: "a canceled context ends it", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				if ctx != nil && ctx.Err() != nil {
					return nil
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"a canceled context loses nothing"}},
		{name: "a nil context is asked for a value", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				_ = ctx.Value(h)
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"a nil context loses nothing"}},
		{name: "errors are swallowed", new: wrong(defect{
			handle: func(ctx context.Context, h *bad, r slog.Record) error {
				_ = h.next.Handle(ctx, r)
				return nil
			},
		}), breaks: []string{"a writer that fails makes Handle return an error"}},
	}
}

// badLines write what does not belong in a line, or not what does.
func badLines() []badHandler {
	var bads []badHandler
	for where, before := range map[string]string{
		"the message": `"msg":"m`, "a key": `"key`, "a bound key": `"bound`, "a group's name": `"group`,
		"a group in the record": `"inner`, "an error": `"error":"`, "a list": `"list":["`, "a map's key": `"map":{"`,
		"a value in a group": `"k":"`,
	} {
		bads = append(bads, badHandler{
			name:   "a newline gets through in " + where,
			new:    line(before+`\n`, before+"\n"),
			breaks: []string{"a newline anywhere stays in the line"},
		}, badHandler{
			name:   "an escape sequence gets through in " + where,
			new:    line(before+`\u001b`, before+"\x1b"),
			breaks: []string{"escape sequences do not reach a terminal"},
		})
	}
	for bytes, rule := range map[string]string{
		"a\xff": "text after an invalid byte survives", "a\ufffd": "text after U+FFFD survives",
		"a\xed\xa0\x80": "a lone surrogate costs itself only",
	} {
		cut := func(s string) string { before, _, _ := strings.Cut(s, bytes); return before }
		cutAttr := func(key string) handlertest.New {
			return attr(func(_ place, a slog.Attr) slog.Attr {
				if _, ok := a.Value.Any().(error); a.Key == key && (ok && key == "e" || a.Value.Kind() == slog.KindString) {
					a.Value = slog.StringValue(cut(a.Value.String()))
				}
				return a
			})
		}
		bads = append(bads,
			badHandler{fmt.Sprintf("a message ends at %q", bytes), record(func(r *slog.Record) {
				r.Message = cut(r.Message)
			}), []string{rule}, false},
			badHandler{fmt.Sprintf("a text ends at %q", bytes), cutAttr("v"), []string{rule}, false},
			badHandler{fmt.Sprintf("a bound text ends at %q", bytes), cutAttr("bound"), []string{rule}, false},
			badHandler{fmt.Sprintf("an error ends at %q", bytes), cutAttr("e"), []string{rule}, false})
	}
	return bads
}
