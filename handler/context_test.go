package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/handler"
)

type contextFunc = func(context.Context, slog.Record) []slog.Attr

func fromContext(key, name string) contextFunc {
	return func(ctx context.Context, _ slog.Record) []slog.Attr {
		if v, ok := ctx.Value(ctxTestKey(key)).(string); ok {
			return []slog.Attr{slog.String(name, v)}
		}
		return nil
	}
}

type ctxTestKey string

func TestContextPlacesAttrs(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(t.Context(), ctxTestKey("trace"), "T")
	ctx = handler.AddAttrs(ctx, slog.Int("x", 1))
	ctx = handler.AddAttrs(ctx, slog.Int("y", 2), slog.Group("z", slog.Int("z", 3)))
	funcs := &handler.ContextOptions{
		Top:   []contextFunc{fromContext("trace", "trace"), fromContext("none", "none"), fromContext("trace", "again")},
		Inner: []contextFunc{fromContext("trace", "inner")},
	}
	inner := &handler.ContextOptions{AddedInner: true, Inner: []contextFunc{fromContext("trace", "inner")}}
	const added = `"x":1,"y":2,"z":{"z":3}`
	tests := []struct {
		name   string
		opts   *handler.ContextOptions
		ctx    context.Context
		derive func(slog.Handler) slog.Handler
		want   string
	}{
		{"nothing in the context", funcs, t.Context(), nil, `{"k":0}`},
		{"nil options add what AddAttrs has", nil, ctx, nil, `{` + added + `,"k":0}`},
		{"functions in their order", funcs, ctx, nil, `{"trace":"T","again":"T",` + added + `,"inner":"T","k":0}`},
		{"what With binds comes first", nil, ctx, func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)})
		}, `{"a":1,` + added + `,"k":0}`},
		{"top stays the top inside of groups", funcs, ctx, func(h slog.Handler) slog.Handler {
			h = h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)})
			return h.WithAttrs([]slog.Attr{slog.Int("c", 3)}).WithGroup("h")
		}, `{"a":1,"trace":"T","again":"T",` + added + `,"g":{"b":2,"c":3,"h":{"inner":"T","k":0}}}`},
		{"inner", inner, ctx, func(h slog.Handler) slog.Handler { return h.WithGroup("g") }, `{"g":{"inner":"T",` + added + `,"k":0}}`},
		{"nothing in the context, in a group", funcs, t.Context(), func(h slog.Handler) slog.Handler {
			return h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
		}, `{"g":{"a":1,"k":0}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := newRecordLog()
			var h slog.Handler = handler.NewContext(log, tt.opts)
			if tt.derive != nil {
				h = tt.derive(h)
			}
			r := plainRecord(slog.Int("k", 0))
			for range 2 { // the record is not changed by the first time
				if err := h.Handle(tt.ctx, r); err != nil {
					t.Fatal(err)
				}
			}
			log.want(t, tt.want, tt.want)
		})
	}
}

// What is bound in a group is what it was then, with and without attrs of the context.
func TestContextHoldsWhatWasBound(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	m, list := map[string]int{"v": 1}, []any{1}
	h := handler.NewContext(log, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Any("m", m), slog.Group("h", "list", list)})
	m["v"], list[0] = 2, 2
	if err := h.Handle(handler.AddAttrs(t.Context(), slog.Int("id", 7)), plainRecord()); err != nil {
		t.Fatal(err)
	}
	log.want(t, `{"id":7,"g":{"m":{"v":1},"h":{"list":[1]}}}`)
}

func TestContextLeavesOutGroupsOfNothing(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	h := handler.NewContext(log, nil).WithGroup("g").WithAttrs([]slog.Attr{{}, slog.Group("e")}).WithGroup("h")
	if err := h.Handle(handler.AddAttrs(t.Context(), slog.Int("x", 1)), plainRecord(slog.Attr{})); err != nil {
		t.Fatal(err)
	}
	log.want(t, `{"x":1}`)
}

func TestContextSurvivesAFunctionThatPanics(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	var got []error
	h := handler.NewContext(log, &handler.ContextOptions{
		Top:     []contextFunc{func(context.Context, slog.Record) []slog.Attr { panic(io.ErrUnexpectedEOF) }, fromContext("k", "k")},
		OnError: func(err error) { got = append(got, err); panic("hook") },
	})
	if err := h.Handle(context.WithValue(t.Context(), ctxTestKey("k"), "v"), plainRecord(slog.Int("n", 1))); err != nil {
		t.Fatal(err)
	}
	var pe *handler.PanicError
	if len(got) != 1 || !errors.As(got[0], &pe) || !errors.Is(pe, io.ErrUnexpectedEOF) {
		t.Fatalf("OnError was called with %v", got)
	}
	log.want(t, fmt.Sprintf(`{"!PANIC":%q,"k":"v","n":1}`, pe.Error()))
}

// The functions get the record, and never a nil context.
func TestContextCallsFunctionsWithContextAndRecord(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	h := handler.NewContext(log, &handler.ContextOptions{Top: []contextFunc{func(ctx context.Context, r slog.Record) []slog.Attr {
		if ctx.Value(ctxTestKey("x")) == nil && r.Level >= slog.LevelError {
			return []slog.Attr{slog.Int("attrs", r.NumAttrs())}
		}
		return nil
	}}})
	r := plainRecord(slog.Int("n", 1))
	r.Level = slog.LevelError
	var none context.Context
	if err := h.Handle(none, r); err != nil {
		t.Fatal(err)
	}
	if err := h.Handle(none, plainRecord()); err != nil {
		t.Fatal(err)
	}
	log.want(t, `{"attrs":1,"n":1}`, `{}`)
}

// A function may return a slice that it keeps, and AddAttrs copies what it is given.
func TestContextWritesToNoSlice(t *testing.T) {
	t.Parallel()
	kept := append(make([]slog.Attr, 0, 8), slog.Int("a", 1))
	given := []slog.Attr{slog.Int("b", 2)}
	ctx := handler.AddAttrs(t.Context(), given...)
	given[0] = slog.Int("b", 666)
	log := newRecordLog()
	h := handler.NewContext(log, &handler.ContextOptions{Top: []contextFunc{func(context.Context, slog.Record) []slog.Attr { return kept }}})
	if err := h.Handle(ctx, plainRecord()); err != nil {
		t.Fatal(err)
	}
	log.want(t, `{"a":1,"b":2}`)
	if spare := kept[:2]; !spare[1].Equal(slog.Attr{}) {
		t.Errorf("wrote %v behind the slice of a function", spare[1])
	}
}

func TestAddAttrsMakesSiblings(t *testing.T) {
	t.Parallel()
	parent := t.Context()
	for i := range 5 {
		parent = handler.AddAttrs(parent, slog.Int("p", i)) //nolint:fatcontext // that is the test
	}
	alice, bob := handler.AddAttrs(parent, slog.String("who", "alice")), handler.AddAttrs(parent, slog.String("who", "bob"))
	if handler.AddAttrs(parent) != parent {
		t.Error("nothing added makes another context")
	}
	log := newRecordLog()
	h := handler.NewContext(log, nil)
	_, _ = h.Handle(alice, plainRecord()), h.Handle(bob, plainRecord())
	log.want(t, `{"p":0,"p":1,"p":2,"p":3,"p":4,"who":"alice"}`, `{"p":0,"p":1,"p":2,"p":3,"p":4,"who":"bob"}`)
}

func TestCollectAttrs(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	h := handler.NewContext(log, nil)
	logTo := func(ctx context.Context) { _ = h.Handle(ctx, plainRecord()) }
	outer := handler.CollectAttrs(handler.AddAttrs(t.Context(), slog.Int("before", 0)))
	inner := handler.CollectAttrs(handler.AddAttrs(outer, slog.String("user", "u")))
	leaf := handler.AddAttrs(inner, slog.Int("rows", 1))
	leaf = handler.AddAttrs(leaf, slog.Int("rows", 2))
	logTo(leaf)
	logTo(inner)
	logTo(context.WithValue(outer, ctxTestKey("x"), "y"))
	logTo(handler.AddAttrs(outer, slog.Int("late", 1)))
	log.want(t,
		`{"before":0,"user":"u","rows":1,"rows":2}`,
		`{"before":0,"user":"u","rows":2}`,
		`{"before":0,"user":"u","rows":2}`,
		`{"before":0,"late":1}`)
}

func TestCollectAttrsIsBounded(t *testing.T) {
	t.Parallel()
	ctx := handler.CollectAttrs(t.Context())
	for i := range 1000 {
		handler.AddAttrs(ctx, slog.Int(fmt.Sprint("k", i), i))
	}
	handler.AddAttrs(ctx, slog.Int("k0", -1))
	logs := handler.NewTest(nil, nil)
	slog.New(handler.NewContext(logs, nil)).InfoContext(ctx, "m")
	r := logs.Records()[0]
	if r.NumAttrs() != 129 || logs.Records().Attr("k0", -1).Attr("k127", 127).Attr("!DROPPED", 872) == nil {
		t.Errorf("%d attrs: %v", r.NumAttrs(), logs.Records())
	}
}

func TestCollectAttrsConcurrentSafe(t *testing.T) {
	t.Parallel()
	ctx := handler.CollectAttrs(t.Context())
	h := handler.NewContext(handler.NewJSONHandler(io.Discard, nil), nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for range 50 {
				_ = h.Handle(handler.AddAttrs(ctx, slog.Int(fmt.Sprint("g", g), g)), plainRecord())
				_ = h.Handle(ctx, plainRecord())
			}
		})
	}
	wg.Wait()
	logs := handler.NewTest(nil, nil)
	slog.New(handler.NewContext(logs, nil)).InfoContext(ctx, "m")
	if n := logs.Records()[0].NumAttrs(); n != 8 {
		t.Errorf("%d attrs were collected, want 8", n)
	}
}

// Not parallel: it counts allocations.
func TestContextAllocates(t *testing.T) {
	empty, full := t.Context(), handler.AddAttrs(t.Context(), slog.String("trace", "t"), slog.Int("n", 1))
	h := handler.NewContext(handler.NewJSONHandler(io.Discard, nil), &handler.ContextOptions{Top: []contextFunc{
		func(context.Context, slog.Record) []slog.Attr { return nil },
	}})
	grouped := h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	allocsOf(t, "nothing in the context", 0, func() { _ = h.Handle(empty, r) })
	allocsOf(t, "nothing in the context, in a group", 0, func() { _ = grouped.Handle(empty, r) })
	allocsOf(t, "attrs", 0, func() { _ = h.Handle(full, r) })
	allocsOf(t, "attrs, in a group", 2, func() { _ = grouped.Handle(full, r) })
}

func BenchmarkContext(b *testing.B) {
	empty, full := b.Context(), handler.AddAttrs(b.Context(), slog.String("trace", "t"), slog.Int("n", 1))
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	json := handler.NewJSONHandler(io.Discard, nil)
	for _, bb := range []struct {
		name string
		h    slog.Handler
		ctx  context.Context
	}{
		{"without", json, full},
		{"nothing", handler.NewContext(json, nil), empty},
		{"two", handler.NewContext(json, nil), full},
		{"group/without", json.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), full},
		{"group/nothing", handler.NewContext(json, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), empty},
		{"group/two", handler.NewContext(json, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), full},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bb.h.Handle(bb.ctx, r)
			}
		})
	}
}

func ExampleNewContext() {
	type requestID struct{}
	h := handler.NewContext(
		handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}),
		&handler.ContextOptions{Top: []func(context.Context, slog.Record) []slog.Attr{
			func(ctx context.Context, _ slog.Record) []slog.Attr {
				if id, ok := ctx.Value(requestID{}).(string); ok {
					return []slog.Attr{slog.String("request_id", id)}
				}
				return nil
			},
		}})
	ctx := context.WithValue(context.Background(), requestID{}, "r-17")
	slog.New(h).WithGroup("db").InfoContext(ctx, "query", "rows", 3)
	// Output:
	// {"level":"INFO","msg":"query","request_id":"r-17","db":{"rows":3}}
}

// A function finds the span of a tracer in the context, here one with OpenTelemetry's
// names.
func ExampleNewContext_trace() {
	type spanContext struct{ TraceID, SpanID string }
	span := func(ctx context.Context) spanContext { // in place of that of the tracer
		s, _ := ctx.Value(spanContext{}).(spanContext)
		return s
	}
	ids := func(ctx context.Context, _ slog.Record) []slog.Attr {
		s := span(ctx)
		if s.TraceID == "" {
			return nil
		}
		return []slog.Attr{slog.String("trace_id", s.TraceID), slog.String("span_id", s.SpanID)}
	}
	h := handler.NewContext(
		handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}),
		&handler.ContextOptions{Top: []func(context.Context, slog.Record) []slog.Attr{ids}})
	ctx := context.WithValue(context.Background(), spanContext{}, spanContext{"4bf92f35", "00f067aa"})
	slog.New(h).InfoContext(ctx, "charged")
	// Output:
	// {"level":"INFO","msg":"charged","trace_id":"4bf92f35","span_id":"00f067aa"}
}

// The same attr at the three places that there are.
func ExampleContextOptions() {
	one := func(context.Context, slog.Record) []slog.Attr { return []slog.Attr{slog.Int("ctx", 1)} }
	funcs := []func(context.Context, slog.Record) []slog.Attr{one}
	for _, opts := range []handler.ContextOptions{{Top: funcs}, {Inner: funcs}, {AddedInner: true}} {
		ctx := context.Background()
		if opts.AddedInner {
			ctx = handler.AddAttrs(ctx, slog.Int("ctx", 1))
		}
		h := handler.NewContext(handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}), &opts)
		slog.New(h).With("app", "shop").WithGroup("db").With("host", "h").InfoContext(ctx, "m", "rows", 3)
	}
	// Output:
	// {"level":"INFO","msg":"m","app":"shop","ctx":1,"db":{"host":"h","rows":3}}
	// {"level":"INFO","msg":"m","app":"shop","db":{"host":"h","ctx":1,"rows":3}}
	// {"level":"INFO","msg":"m","app":"shop","db":{"host":"h","ctx":1,"rows":3}}
}

func ExampleAddAttrs() {
	h := handler.NewContext(handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}), nil)
	logger := slog.New(h)
	ctx := handler.AddAttrs(context.Background(), slog.String("tenant", "acme"))
	logger.InfoContext(ctx, "listed", "n", 3)
	// Output:
	// {"level":"INFO","msg":"listed","tenant":"acme","n":3}
}

func ExampleCollectAttrs() {
	h := handler.NewContext(handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}), nil)
	logger := slog.New(h)
	serve := func(ctx context.Context) { // some way down, the user becomes known
		ctx = handler.AddAttrs(ctx, slog.String("user", "alice"))
		logger.InfoContext(ctx, "order placed")
	}
	ctx := handler.CollectAttrs(context.Background())
	serve(ctx)
	logger.InfoContext(ctx, "request", "status", 200)
	// Output:
	// {"level":"INFO","msg":"order placed","user":"alice"}
	// {"level":"INFO","msg":"request","user":"alice","status":200}
}
