package handlertest_test

import (
	"bufio"
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
	"github.com/sluicelog/sluice/internal/testlog"
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
	for _, bad := range slices.Concat(badEmpties(), badDerivations(), badValues(), badFacts(), badLines(), badTroubles(), badPlumbing()) {
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
	var sink atomic.Pointer[slog.Record]
	empty := slog.Any("", map[string]any{}) // what an encoder makes of nothing if it does not look
	return []badHandler{
		{name: "Enabled allocates", new: wrong(defect{enabled: func(h *defective, level slog.Level) bool {
			sink.Store(new(slog.Record))
			return h.next.Enabled(context.Background(), level)
		}}), breaks: []string{
			"Enabled allocates nothing",
		}},
		{name: "the zero time is printed", new: record(func(r *slog.Record) {
			if r.Time.IsZero() {
				r.Time = time.Unix(0, 0)
			}
		}), breaks: []string{"a zero time prints nothing"}},
		{name: "the source of a zero PC is printed", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if r.PC == 0 && !h.grouped {
					r = r.Clone()
					r.AddAttrs(slog.Any("source", &slog.Source{File: "unknown"}))
				}
				return h.next.Handle(ctx, r)
			},
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
		{name: "a group without attrs is printed if bound", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inWith && isGroup(a) && len(a.Value.Group()) == 0 {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group without attrs prints nothing"}},
		{name: "a LogValuer of a group without attrs is printed", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindLogValuer && a.Key == "empty" {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group without attrs prints nothing"}},
		{name: "a group of empty attrs is printed", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inRecord && isGroup(a) && len(a.Value.Group()) > 0 && isEmpty(a) {
				return slog.Any(a.Key, map[string]any{})
			}
			return a
		}), breaks: []string{"a group of empty attrs prints nothing, and the next attr is whole"}},
		{name: "a group of empty attrs is printed if bound", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inWith && isGroup(a) && len(a.Value.Group()) > 0 && isEmpty(a) {
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
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if h.grouped && r.NumAttrs() == 0 {
					r = r.Clone()
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
		return wrong(defect{withAttrs: func(h *defective, attrs []slog.Attr) slog.Handler {
			if is(attrs) {
				return h.derive(h.next, h.grouped)
			}
			return h.bind(attrs)
		}})
	}
	return []badHandler{
		{name: "WithGroup of an empty name makes a handler", new: wrong(defect{
			withGroup: func(h *defective, name string) slog.Handler {
				return h.derive(h.next.WithGroup(name), name != "")
			},
		}), breaks: []string{"WithGroup of an empty name returns the receiver"}},
		{name: "WithGroup of an empty name opens a group", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return incomparable{Handler: wrong(defect{withGroup: func(h *defective, name string) slog.Handler {
				if name == "" {
					name = "group"
				}
				return h.group(name)
			}})(w, opts)}
		}, breaks: []string{"WithGroup of an empty name returns the receiver"}},
		{
			name: "WithAttrs of nil makes a handler", new: anew(func(attrs []slog.Attr) bool { return attrs == nil }),
			breaks: []string{"WithAttrs of no attrs returns the receiver"},
		},
		{name: "WithAttrs of an empty slice makes a handler", new: anew(func(attrs []slog.Attr) bool {
			return attrs != nil && len(attrs) == 0
		}), breaks: []string{"WithAttrs of no attrs returns the receiver"}},
		{
			name: "bound attrs are printed in the innermost group", new: replaying(replay{groupsFirst: true}),
			breaks: []string{"each attr stands at its own depth"},
		},
		{name: "a record without attrs closes the groups for good", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if h.grouped && r.NumAttrs() == 0 {
					h.forgot.Store(true)
				}
				if h.forgot.Load() {
					return h.root.Handle(ctx, r)
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"a grouped handler logs the same the third time"}},
		{
			name: "siblings append to one slice", new: replaying(replay{shareSlice: true}),
			breaks: []string{"siblings do not see each other's attrs"},
		},
		{name: "siblings share the attrs of the first", new: wrong(defect{
			withAttrs: func(h *defective, attrs []slog.Attr) slog.Handler {
				return h.onlyChild(func() slog.Handler { return h.bind(attrs) })
			},
		}), breaks: []string{"siblings do not see each other's attrs"}},
		{name: "siblings share the group of the first", new: wrong(defect{
			withGroup: func(h *defective, name string) slog.Handler {
				return h.onlyChild(func() slog.Handler { return h.group(name) })
			},
		}), breaks: []string{"siblings do not see each other's groups", "derived handlers log side by side"}},
		{
			name: "the slice given to WithAttrs is kept", new: replaying(replay{keepSlice: true}),
			breaks: []string{"the slice given to WithAttrs may be changed afterwards"},
		},
		{name: "a secret in a group is masked in place", new: members(func(attrs []slog.Attr) {
			for i := range attrs {
				if attrs[i].Key == "password" {
					attrs[i].Value = slog.StringValue("***")
				}
			}
		}), breaks: []string{"the caller's groups are never written"}},
		{name: "empty attrs are taken out of a group in place", new: members(func(attrs []slog.Attr) {
			if slices.ContainsFunc(attrs, isEmpty) {
				_ = slices.DeleteFunc(attrs, isEmpty)
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
		}, breaks: []string{"one record handled twice gives the same line twice", "goroutines share a record and its groups"}},
		{name: "an attr is added without Clone", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if r.NumAttrs() > 5 { // as many as a copy shares with nobody
					r.AddAttrs(slog.Int("added", 1))
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"one record handled twice gives the same line twice"}},
		{name: "goroutines share the record", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var shared atomic.Pointer[slog.Record]
			return wrong(defect{handle: func(ctx context.Context, h *defective, r slog.Record) error {
				shared.Store(&r)
				letOthersRun()
				return h.next.Handle(ctx, *shared.Load())
			}})(w, opts)
		}, breaks: []string{"derived handlers log side by side"}},
		{name: "attrs and groups of With are lost side by side", new: wrong(defect{
			handle: func() func(ctx context.Context, h *defective, r slog.Record) error {
				var running atomic.Int64
				return func(ctx context.Context, h *defective, r slog.Record) error {
					defer running.Add(-1)
					if running.Add(1) > 1 {
						return h.root.Handle(ctx, r)
					}
					letOthersRun()
					return h.next.Handle(ctx, r)
				}
			}(),
		}), breaks: []string{"derived handlers log side by side"}},
		{name: "a parent gets the attrs of its children", new: wrong(defect{
			withAttrs: func(h *defective, attrs []slog.Attr) slog.Handler {
				if len(attrs) == 0 {
					return h
				}
				child := h.bind(attrs)
				h.mu.Lock()
				defer h.mu.Unlock()
				h.child = child
				return h.derive(h.next.WithAttrs(attrs), h.grouped)
			},
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				h.mu.Lock()
				child := h.child
				h.mu.Unlock()
				if child != nil && len(r.Message) == 1 {
					return child.Handle(ctx, r)
				}
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"siblings do not see each other's attrs"}},
		{name: "a derived handler has no level", new: wrong(defect{
			enabled: func(h *defective, level slog.Level) bool {
				return h.next != h.root || h.next.Enabled(context.Background(), level)
			},
		}), breaks: []string{"a derived handler is enabled for the same levels"}},
		{name: "a handler in a group is for errors", new: wrong(defect{
			enabled: func(h *defective, level slog.Level) bool {
				return level >= slog.LevelError || !h.grouped && h.next.Enabled(context.Background(), level)
			},
		}), breaks: []string{"a derived handler is enabled for the same levels"}, more: true},
		{name: "Unwrap returns a type of its own", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return oddlyWrapped{handler.NewJSONHandler(w, opts)}
		}, breaks: []string{"Unwrap returns a slog.Handler or a []slog.Handler"}},
		{name: "a group is changed, for a moment", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var mu sync.RWMutex // the race detector is to find nothing here
			var handled atomic.Int64
			swap := func(members []slog.Attr, v slog.Value) slog.Value {
				mu.Lock()
				defer mu.Unlock()
				old := members[0].Value
				members[0].Value = v
				return old
			}
			return wrong(defect{handle: func(ctx context.Context, h *defective, r slog.Record) error {
				r.Attrs(func(a slog.Attr) bool {
					if isGroup(a) && a.Value.Group()[0].Key == "first" {
						before := swap(a.Value.Group(), slog.StringValue("***"))
						begun, n := time.Now(), handled.Load()
						for handled.Load() == n && time.Since(begun) < 50*time.Millisecond { // there may be nobody else
							runtime.Gosched()
						}
						swap(a.Value.Group(), before)
					}
					return true
				})
				mu.RLock()
				defer mu.RUnlock()
				defer handled.Add(1)
				return h.next.Handle(ctx, r)
			}})(w, opts)
		}, breaks: []string{"goroutines share a record and its groups"}},
		{name: "derived handlers have locks of their own", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t := &tearing{w: w}
			return &replay{new: func() slog.Handler { return handler.NewJSONHandler(t, opts) }}
		}, breaks: []string{"derived handlers log side by side"}, more: true},
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
		{name: "a nil value is left out", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Key != "" && a.Value.Equal(slog.AnyValue(nil)) {
				return slog.Attr{}
			}
			return a
		}), breaks: []string{"a nil value is printed"}},
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
	isHostile := func(a slog.Attr) bool {
		for _, v := range hostile {
			if v.is(a.Value.Any()) {
				return true
			}
		}
		return false
	}
	var all []string
	for _, v := range hostile {
		all = append(all, v.name+" costs a placeholder, not the record")
	}
	bads := []badHandler{
		{name: "a hostile value panics", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if isHostile(a) {
				panic("a hostile value")
			}
			return a
		}), breaks: all},
		{name: "a hostile value costs the record", new: losing(isHostile), breaks: all},
	}
	for _, where := range []place{inRecord, inWith, inGroup} {
		bads = append(bads, badHandler{
			name: "a hostile value costs the attr" + string(where),
			new: attr(func(at place, a slog.Attr) slog.Attr {
				if at == where && isHostile(a) {
					return slog.Attr{}
				}
				return a
			}), breaks: all,
		})
	}
	if testlog.Race {
		return bads // the others are slow then, and there is nothing to find for the race detector
	}
	for i, v := range hostile {
		bads = append(bads, badHandler{
			name:   v.name + " costs the record",
			new:    losing(func(a slog.Attr) bool { return v.is(a.Value.Any()) }),
			breaks: all[i : i+1],
		})
	}
	return bads
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
		{
			name: "levels end at ERROR", new: record(func(r *slog.Record) { r.Level = min(r.Level, slog.LevelError) }),
			breaks: []string{"levels between and beyond the names survive"},
		},
		{
			name: "the time has milliseconds", new: record(func(r *slog.Record) { r.Time = r.Time.Truncate(time.Millisecond) }),
			breaks: []string{"the time keeps its nanoseconds"},
		},
		{name: "an attr's time has milliseconds", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindTime {
				a.Value = slog.TimeValue(a.Value.Time().Truncate(time.Millisecond))
			}
			return a
		}), breaks: []string{"the time keeps its nanoseconds"}},
		{
			name: "the source is lost", new: record(func(r *slog.Record) { r.PC = 0 }),
			breaks: []string{"the source survives"},
		},
		{name: "the source is the wrapper's", new: record(func(r *slog.Record) {
			if r.PC != 0 {
				r.PC = callers[0]
			}
		}), breaks: []string{"the source survives"}},
		{name: "the source is an attr of the group", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			own := slog.HandlerOptions{}
			if opts != nil {
				own = *opts
			}
			adds := own.AddSource
			own.AddSource = false
			return wrong(defect{handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if adds && r.PC != 0 {
					r = r.Clone()
					r.AddAttrs(slog.Any(slog.SourceKey, r.Source()))
				}
				return h.next.Handle(ctx, r)
			}})(w, &own)
		}, breaks: []string{"the source survives"}},
		{name: "Handle does what Enabled has said", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var disabled atomic.Bool
			return wrong(defect{
				enabled: func(h *defective, level slog.Level) bool {
					enabled := h.next.Enabled(context.Background(), level)
					disabled.Store(!enabled)
					return enabled
				},
				handle: func(ctx context.Context, h *defective, r slog.Record) error {
					if disabled.Load() {
						return nil
					}
					return h.next.Handle(ctx, r)
				},
			})(w, opts)
		}, breaks: []string{"Enabled has no part in Handle"}},
		{name: "there is room for 64 attrs", new: record(func(r *slog.Record) {
			var attrs []slog.Attr
			r.Attrs(func(a slog.Attr) bool {
				attrs = append(attrs, a)
				return len(attrs) < 64
			})
			*r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
			r.AddAttrs(attrs...)
		}), breaks: []string{"a hundred attrs are all there"}},
		{name: "there is room for 64 attrs in With", new: wrong(defect{
			withAttrs: func(h *defective, attrs []slog.Attr) slog.Handler { return h.bind(attrs[:min(len(attrs), 64)]) },
		}), breaks: []string{"a hundred attrs are all there"}},
		{name: "a group ends sixteen groups deep", new: record(func(r *slog.Record) {
			attrs := []slog.Attr{}
			r.Attrs(func(a slog.Attr) bool {
				attrs = append(attrs, cutGroups(a, 16))
				return true
			})
			*r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
			r.AddAttrs(attrs...)
		}), breaks: []string{"an attr twenty groups deep is there"}},
		{name: "built-in names are reserved in groups", new: attr(func(where place, a slog.Attr) slog.Attr {
			if where == inGroup && slices.Contains([]string{"time", "level", "msg"}, a.Key) {
				return slog.Attr{}
			}
			return a
		}), breaks: []string{"attrs named like the built-in ones survive in a group"}},
		{name: "a canceled context ends it", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if ctx == nil || ctx.Err() == nil {
					return h.next.Handle(ctx, r)
				}
				return nil
			},
		}), breaks: []string{"a canceled context loses nothing"}},
		{name: "a nil context is asked for a value", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				_ = ctx.Value(h)
				return h.next.Handle(ctx, r)
			},
		}), breaks: []string{"a nil context loses nothing"}},
		{name: "errors are swallowed", new: wrong(defect{
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				_ = h.next.Handle(ctx, r)
				return nil
			},
		}), breaks: []string{"a writer that fails makes Handle return an error"}},
	}
}

// badTroubles do not get over what has gone wrong.
func badTroubles() []badHandler {
	return []badHandler{
		{name: "an error is for ever", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var failed atomic.Pointer[error]
			return handler.NewJSONHandler(writer(func(p []byte) (int, error) {
				if err := failed.Load(); err != nil {
					return 0, *err
				}
				n, err := w.Write(p)
				if err != nil {
					failed.Store(&err)
				}
				return n, err
			}), opts)
		}, breaks: []string{"a writer that failed for a while gets what is logged afterwards"}},
		{name: "a lock is held after a panic", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var mu sync.Mutex
			return handler.NewJSONHandler(writer(func(p []byte) (int, error) {
				mu.Lock()
				n, err := w.Write(p)
				mu.Unlock()
				return n, err
			}), opts)
		}, breaks: []string{"a writer that panicked for a while gets what is logged afterwards"}},
		{name: "a lock is held while values are encoded", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var mu sync.Mutex
			return wrong(defect{handle: func(ctx context.Context, h *defective, r slog.Record) error {
				mu.Lock()
				defer mu.Unlock()
				return h.next.Handle(ctx, r)
			}})(w, opts)
		}, breaks: []string{"a value that logs does not lock the handler up"}},
		{
			name: "records are encoded when they are flushed", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
				return &late{next: handler.NewJSONHandler(w, opts), kept: new(keptRecords)}
			}, breaks: []string{"a value that is changed after Handle prints as it was"}, more: true,
		},
		{name: "Flush writes the last line again", new: func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			var last atomic.Pointer[[]byte]
			return &again{handler.NewJSONHandler(writer(func(p []byte) (int, error) {
				last.Store(new(bytes.Clone(p)))
				return w.Write(p)
			}), opts), w, &last}
		}, breaks: []string{"Flush writes only what was logged"}, more: true},
	}
}

// badLines write what does not belong in a line, or not what does.
func badLines() []badHandler {
	const newline, invalid = "a newline anywhere stays in the line", "text after an invalid byte survives"
	bads := []badHandler{
		{
			name: "escape sequences get through", new: line(`\u001b`, "\x1b"),
			breaks: []string{"escape sequences do not reach a terminal"},
		},
		{
			name: "bells get through", new: line(`\u0007`, "\a"),
			breaks: []string{"escape sequences do not reach a terminal"},
		},
		{name: "a text ends after 64 KiB", new: attr(func(_ place, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindString {
				a.Value = slog.StringValue(a.Value.String()[:min(len(a.Value.String()), 1<<16)])
			}
			return a
		}), breaks: []string{"a long text is whole"}},
		{
			name: "a message is lost with its newlines", new: line(`"msg":"m\nlevel`, `"message":"m\nlevel`),
			breaks: []string{newline},
		},
	}
	places := []string{`"msg":"m`, `"bound`, `"group`, `"key`, `"inner`, `"error":"`, `"list":["`, `"map":{"`, `"k":"`}
	if testlog.Race {
		places = places[:1] // the others are slow then, and there is nothing to find for the race detector
	}
	for _, before := range places {
		bads = append(bads, badHandler{
			name:   "a newline gets through after " + before,
			new:    line(before+`\n`, before+"\n"),
			breaks: []string{newline},
		})
	}
	for _, end := range []struct{ at, rule string }{
		{"\xff", invalid},
		{"\ufffd", "text after U+FFFD survives"},
		{"\xed\xa0\x80", "a lone surrogate costs itself only"},
	} {
		bads = append(bads, badHandler{
			name:   fmt.Sprintf("a text ends at %q", end.at),
			new:    cutting(end.at, func(string) bool { return true }),
			breaks: []string{end.rule},
		})
	}
	for _, key := range []string{"msg", "bound", "v", "e"} {
		bads = append(bads, badHandler{
			name:   "a text ends at an invalid byte in " + key,
			new:    cutting("\xff", func(k string) bool { return k == key }),
			breaks: []string{invalid},
		})
	}
	unquote := func(key string) string { return strings.NewReplacer(`"`, "", `\`, "").Replace(key) }
	for _, where := range []place{inRecord, inWith, inGroup} {
		bads = append(bads, badHandler{
			name: "a key loses its quotes" + string(where),
			new: attr(func(at place, a slog.Attr) slog.Attr {
				if at == where {
					a.Key = unquote(a.Key)
				}
				return a
			}),
			breaks: []string{"quotes and backslashes in keys stay in the key"},
		})
	}
	return append(bads, badHandler{
		name: "a group's name loses its quotes",
		new: wrong(defect{withGroup: func(h *defective, name string) slog.Handler {
			return h.group(unquote(name))
		}}),
		breaks: []string{"quotes and backslashes in keys stay in the key"},
	})
}

// badPlumbing breaks whatever rule looks at a line.
func badPlumbing() []badHandler {
	looking := []string{
		"a zero time prints nothing", "each attr stands at its own depth", "a grouped handler logs the same the third time",
		"siblings do not see each other's attrs", "one record handled twice gives the same line twice",
		"derived handlers log side by side", "levels between and beyond the names survive", "the time keeps its nanoseconds",
		"a nil context loses nothing", "a newline anywhere stays in the line", "text after an invalid byte survives",
	}
	one := []string{"a zero time prints nothing", "each attr stands at its own depth", "a long text is whole"}
	errBad := errors.New("bad")
	return []badHandler{
		{"a line is two writes", writing(func(w io.Writer, p []byte) error {
			_, err := w.Write(p[:len(p)/2])
			_, err2 := w.Write(p[len(p)/2:])
			return errors.Join(err, err2)
		}), looking, true},
		{"writes end within lines", func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return handler.NewJSONHandler(bufio.NewWriterSize(w, 1000), opts)
		}, []string{"derived handlers log side by side"}, true},
		{"a line has no newline", line("\n", ""), looking, true},
		{"a line ends as on Windows", line("\n", "\r\n"), looking, true},
		{"a line is indented", line("{", "{\t"), looking, true},
		{"a line has invalid UTF-8", line("{", `{"bad":"`+"\xff"+`",`), looking, true},
		{"a line does not parse", line("}\n", "\n"), looking, true},
		{"a line is written twice", line("}\n", "}\n{}\n"), looking, true},
		{"a line is lost", writing(func(io.Writer, []byte) error { return nil }), looking, true},
		{"a message is lost", line(`"msg":"m"`, `"msg":"n"`), one, true},
		{"a message is no text", line(`"msg":"m"`, `"msg":["m"]`), one, true},
		{"Handle returns an error for a line that is written", writing(func(w io.Writer, p []byte) error {
			_, err := w.Write(p)
			return errors.Join(err, errBad)
		}), looking, true},
		{"Flush returns an error", func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			return unflushable{handler.NewJSONHandler(w, opts)}
		}, looking, true},
		{"Handle always panics", record(func(*slog.Record) { panic("bad") }), looking, true},
		{"Handle panics", record(func(r *slog.Record) {
			if r.Message == "m" {
				panic("bad")
			}
		}), one, true},
		{"WithGroup panics", wrong(defect{
			withGroup: func(*defective, string) slog.Handler { panic("bad") },
		}), []string{"siblings do not see each other's groups"}, true},
	}
}

// A defect is what a bad handler does otherwise. What is nil it does right.
type defect struct {
	enabled   func(h *defective, level slog.Level) bool
	attr      func(where place, a slog.Attr) slog.Attr
	handle    func(ctx context.Context, h *defective, r slog.Record) error
	withAttrs func(h *defective, attrs []slog.Attr) slog.Handler
	withGroup func(h *defective, name string) slog.Handler
}

// A place is where an attr stands.
type place string

const (
	inRecord place = " in a record"
	inWith   place = " in With"
	inGroup  place = " in a group"
)

// wrong makes a good handler with a defect.
func wrong(d defect) handlertest.New {
	return func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		good := handler.NewJSONHandler(w, opts)
		return &defective{defect: d, root: good, next: good}
	}
}

// record makes a handler that edits each record.
func record(edit func(r *slog.Record)) handlertest.New {
	return wrong(defect{handle: func(ctx context.Context, h *defective, r slog.Record) error {
		r = r.Clone()
		edit(&r)
		return h.next.Handle(ctx, r)
	}})
}

// attr makes a handler that edits each attr, a group before its members.
func attr(edit func(where place, a slog.Attr) slog.Attr) handlertest.New {
	return wrong(defect{attr: edit})
}

// members makes a handler that edits the caller's groups.
func members(edit func(attrs []slog.Attr)) handlertest.New {
	return attr(func(_ place, a slog.Attr) slog.Attr {
		if isGroup(a) {
			edit(a.Value.Group())
		}
		return a
	})
}

// values makes a handler that edits what the caller's values point to.
func values(edit func(v any)) handlertest.New {
	return attr(func(_ place, a slog.Attr) slog.Attr {
		edit(a.Value.Any())
		return a
	})
}

// losing makes a handler that drops records with certain attrs.
func losing(drops func(a slog.Attr) bool) handlertest.New {
	const lost = "lost"
	mark := attr(func(_ place, a slog.Attr) slog.Attr {
		if drops(a) {
			return slog.String(lost, lost)
		}
		return a
	})
	return func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return mark(writer(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte(`"lost":"lost"`)) {
				return len(p), nil
			}
			return w.Write(p)
		}), opts)
	}
}

// cutting makes a handler that prints the texts under certain keys only up to a
// separator.
func cutting(sep string, cuts func(key string) bool) handlertest.New {
	cut := func(s string) string { before, _, _ := strings.Cut(s, sep); return before }
	return func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		good := handler.NewJSONHandler(w, opts)
		return &defective{root: good, next: good, defect: defect{
			attr: func(_ place, a slog.Attr) slog.Attr {
				if err, ok := a.Value.Any().(error); ok && a.Key == "e" && cuts(a.Key) {
					a.Value = slog.StringValue(cut(err.Error()))
				} else if a.Value.Kind() == slog.KindString && cuts(a.Key) {
					a.Value = slog.StringValue(cut(a.Value.String()))
				}
				return a
			},
			handle: func(ctx context.Context, h *defective, r slog.Record) error {
				if cuts(slog.MessageKey) {
					r.Message = cut(r.Message)
				}
				return h.next.Handle(ctx, r)
			},
		}}
	}
}

// writing makes a handler whose lines are written otherwise.
func writing(write func(w io.Writer, p []byte) error) handlertest.New {
	return func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewJSONHandler(writer(func(p []byte) (int, error) { return len(p), write(w, p) }), opts)
	}
}

// line makes a handler that replaces a text in each line.
func line(from, to string) handlertest.New {
	return writing(func(w io.Writer, p []byte) error {
		_, err := w.Write(bytes.ReplaceAll(p, []byte(from), []byte(to)))
		return err
	})
}

// defective is a wrapper with a defect.
type defective struct {
	defect
	root    slog.Handler // next before any derivation
	next    slog.Handler
	grouped bool
	forgot  atomic.Bool // for a defect to set

	mu    sync.Mutex
	child slog.Handler
}

func (h *defective) Enabled(ctx context.Context, level slog.Level) bool {
	if h.enabled != nil {
		return h.enabled(h, level)
	}
	return h.next.Enabled(ctx, level)
}

func (h *defective) Handle(ctx context.Context, r slog.Record) error {
	if h.attr != nil {
		edited := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		r.Attrs(func(a slog.Attr) bool {
			edited.AddAttrs(h.edit(inRecord, a))
			return true
		})
		r = edited
	}
	if h.handle != nil {
		return h.handle(ctx, h, r)
	}
	return h.next.Handle(ctx, r)
}

func (h *defective) WithAttrs(attrs []slog.Attr) slog.Handler {
	if h.withAttrs != nil {
		return h.withAttrs(h, attrs)
	}
	return h.bind(attrs)
}

func (h *defective) WithGroup(name string) slog.Handler {
	if h.withGroup != nil {
		return h.withGroup(h, name)
	}
	return h.group(name)
}

func (h *defective) bind(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if h.attr != nil {
		attrs = slices.Clone(attrs)
		for i, a := range attrs {
			attrs[i] = h.edit(inWith, a)
		}
	}
	return h.derive(h.next.WithAttrs(attrs), h.grouped)
}

func (h *defective) group(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.derive(h.next.WithGroup(name), true)
}

func (h *defective) derive(next slog.Handler, grouped bool) slog.Handler {
	return &defective{defect: h.defect, root: h.root, next: next, grouped: grouped}
}

// onlyChild returns what it returned before, if anything.
func (h *defective) onlyChild(derive func() slog.Handler) slog.Handler {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.child == nil {
		h.child = derive()
	}
	return h.child
}

func (h *defective) edit(where place, a slog.Attr) slog.Attr {
	a = h.attr(where, a)
	if isGroup(a) {
		attrs := slices.Clone(a.Value.Group())
		for i, m := range attrs {
			attrs[i] = h.edit(inGroup, m)
		}
		a.Value = slog.GroupValue(attrs...)
	}
	return a
}

// replay is a handler that keeps what With and WithGroup were given, and does it
// again for each record. With all false, and with one handler from new, it is
// right.
type replay struct {
	new   func() slog.Handler
	steps []step

	groupsFirst, keepSlice, shareSlice bool
}

// A step is a WithGroup, or a WithAttrs if group is empty.
type step struct {
	group string
	attrs []slog.Attr
}

func replaying(r replay) handlertest.New {
	return func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		r, good := r, handler.NewJSONHandler(w, opts)
		r.new = func() slog.Handler { return good }
		return &r
	}
}

func (h *replay) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h *replay) Handle(ctx context.Context, r slog.Record) error {
	steps := slices.Clone(h.steps)
	if h.groupsFirst {
		slices.SortStableFunc(steps, func(a, b step) int { return len(a.attrs) - len(b.attrs) })
	}
	next := h.new()
	for _, s := range steps {
		if s.group != "" {
			next = next.WithGroup(s.group)
		} else {
			next = next.WithAttrs(s.attrs)
		}
	}
	return next.Handle(ctx, r)
}

func (h *replay) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if !h.keepSlice {
		attrs = slices.Clone(attrs)
	}
	child := *h
	if !h.shareSlice {
		child.steps = slices.Clip(child.steps)
	}
	child.steps = append(child.steps, step{attrs: attrs})
	return &child
}

func (h *replay) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	child := *h
	child.steps = append(slices.Clip(child.steps), step{group: name})
	return &child
}

// tearing is a writer that mixes lines that are written to it side by side. It
// writes what it has when nobody writes to it.
type tearing struct {
	w io.Writer

	mu      sync.Mutex
	buf     []byte
	writers int
}

func (t *tearing) Write(p []byte) (int, error) {
	half := len(p) / 2
	if err := t.add(p[:half], 1); err != nil {
		return 0, err
	}
	letOthersRun()
	return len(p), t.add(p[half:], -1)
}

func (t *tearing) add(p []byte, writers int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if t.writers += writers; t.writers > 0 {
		return nil
	}
	_, err := t.w.Write(t.buf)
	t.buf = nil
	return err
}

// incomparable is a handler that cannot be compared with itself.
type incomparable struct {
	slog.Handler
	_ []int
}

func (h incomparable) WithAttrs(attrs []slog.Attr) slog.Handler {
	return incomparable{Handler: h.Handler.WithAttrs(attrs)}
}

func (h incomparable) WithGroup(name string) slog.Handler {
	return incomparable{Handler: h.Handler.WithGroup(name)}
}

// oddlyWrapped is a handler whose Unwrap nobody can call.
type oddlyWrapped struct{ slog.Handler }

func (h oddlyWrapped) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return oddlyWrapped{h.Handler.WithAttrs(attrs)}
}

func (h oddlyWrapped) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return oddlyWrapped{h.Handler.WithGroup(name)}
}

func (h oddlyWrapped) Unwrap() (next slog.Handler, ok bool) { return h.Handler, true }

// late is a handler that keeps records until it is flushed.
type late struct {
	next slog.Handler
	kept *keptRecords
}

type keptRecords struct {
	mu   sync.Mutex
	held []func() error
}

func (h *late) Enabled(ctx context.Context, level slog.Level) bool { return h.next.Enabled(ctx, level) }

func (h *late) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	h.kept.mu.Lock()
	defer h.kept.mu.Unlock()
	h.kept.held = append(h.kept.held, func() error { return h.next.Handle(ctx, r) })
	return nil
}

func (h *late) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &late{h.next.WithAttrs(attrs), h.kept}
}

func (h *late) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &late{h.next.WithGroup(name), h.kept}
}

func (h *late) Flush(context.Context) error {
	h.kept.mu.Lock()
	held := h.kept.held
	h.kept.held = nil
	h.kept.mu.Unlock()
	var errs []error
	for _, do := range held {
		errs = append(errs, do())
	}
	return errors.Join(errs...)
}

// again is a handler that writes the last line again when it is flushed.
type again struct {
	slog.Handler
	w    io.Writer
	last *atomic.Pointer[[]byte]
}

func (h *again) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.Handler.WithAttrs(attrs)
}

func (h *again) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.Handler.WithGroup(name)
}

func (h *again) Flush(context.Context) error {
	if line := h.last.Swap(nil); line != nil {
		_, err := h.w.Write(*line)
		return err
	}
	return nil
}

// unflushable is a handler that cannot be flushed.
type unflushable struct{ *handler.JSONHandler }

func (unflushable) Flush(context.Context) error { return errors.New("bad") }

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func isGroup(a slog.Attr) bool { return a.Value.Kind() == slog.KindGroup }

// isEmpty reports whether an attr prints nothing.
func isEmpty(a slog.Attr) bool {
	if !isGroup(a) {
		return a.Equal(slog.Attr{})
	}
	return !slices.ContainsFunc(a.Value.Group(), func(m slog.Attr) bool { return !isEmpty(m) })
}

// cutGroups returns a without what is more than depth groups deep.
func cutGroups(a slog.Attr, depth int) slog.Attr {
	if !isGroup(a) {
		return a
	}
	members := slices.Clone(a.Value.Group())
	for i, m := range members {
		if members[i] = cutGroups(m, depth-1); depth == 0 {
			members[i] = slog.Bool("cut", true)
		}
	}
	return slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)}
}

// letOthersRun gives each other goroutine the time for a few records.
func letOthersRun() {
	for range 100 {
		runtime.Gosched()
	}
}
