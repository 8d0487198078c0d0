package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
)

type loopingValuer struct{}

func (v loopingValuer) LogValue() slog.Value { return slog.AnyValue(v) }

type valuerOf struct{ v slog.Value }

func (v valuerOf) LogValue() slog.Value { return v.v }

func TestFuncGetsAllResolved(t *testing.T) {
	t.Parallel()
	var got []slog.Record
	h := handler.NewFunc(func(_ context.Context, r slog.Record) error {
		got = append(got, r.Clone())
		return nil
	}, nil)
	secret := valuerOf{slog.GroupValue(slog.Any("id", valuerOf{slog.IntValue(7)}), slog.Group("none", slog.Attr{}))}
	d := h.WithAttrs([]slog.Attr{slog.Any("a", secret), {}}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2), slog.Int("c", 3)}).
		WithGroup("h").WithGroup("i")
	_ = d.Handle(t.Context(), plainRecord(slog.Any("d", secret), slog.Attr{}, slog.Int("e", 5)))
	_ = d.Handle(t.Context(), plainRecord(slog.Attr{}))
	_ = h.Handle(t.Context(), plainRecord(slog.Int("k", 0)))
	var text []string
	for _, r := range got {
		s := ""
		r.Attrs(func(a slog.Attr) bool {
			s += a.String() + " "
			return true
		})
		text = append(text, s)
	}
	want := []string{"a=[id=7] g=[b=2 c=3 h=[i=[d=[id=7] e=5]]] ", "a=[id=7] g=[b=2 c=3] ", "k=0 "}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFuncFailures(t *testing.T) {
	t.Parallel()
	var reported []error
	fail := errors.New("no")
	h := handler.NewFunc(func(_ context.Context, r slog.Record) error {
		switch r.Message {
		case "error":
			return fail
		case "panic":
			panic(fail)
		}
		return nil
	}, &handler.FuncOptions{Level: slog.LevelWarn, OnError: func(err error) { reported = append(reported, err) }})
	logger := slog.New(h).With("a", 1)
	logger.Info("error") // not enabled
	logger.Warn("error")
	logger.Error("panic")
	logger.Error("fine")
	if len(reported) != 2 || !errors.Is(reported[0], fail) || reported[0].Error() != "handler: func: no" || !errors.Is(reported[1], fail) {
		t.Errorf("reported %v", reported)
	}
	if diff := cmp.Diff(handler.Stats{Accepted: 3, Written: 1, Dropped: 2}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// A group that contains itself, twice, comes to an end.
func TestFuncSurvivesEndlessGroups(t *testing.T) {
	t.Parallel()
	members := make([]slog.Attr, 2)
	endless := slog.GroupValue(members...)
	members[0], members[1] = slog.Attr{Key: "a", Value: endless}, slog.Attr{Key: "b", Value: endless}
	n := 0
	h := handler.NewFunc(func(context.Context, slog.Record) error { n++; return nil }, nil)
	_ = h.WithAttrs([]slog.Attr{{Key: "g", Value: endless}}).Handle(t.Context(), plainRecord(slog.Attr{Key: "g", Value: endless}, slog.Any("l", loopingValuer{})))
	if n != 1 {
		t.Errorf("called %d times", n)
	}
}

// Not parallel: it counts allocations.
func TestFuncAllocates(t *testing.T) {
	h := handler.NewFunc(func(context.Context, slog.Record) error { return nil }, nil)
	with := h.WithAttrs([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2)})
	group := with.WithGroup("g")
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"), slog.Group("g", slog.Int("x", 1)))
	ctx := t.Context()
	allocsOf(t, "nothing bound", 0, func() { _ = h.Handle(ctx, r) })
	allocsOf(t, "attrs bound", 0, func() { _ = with.Handle(ctx, r) })
	allocsOf(t, "a group bound", 2, func() { _ = group.Handle(ctx, r) })
}

func BenchmarkFunc(b *testing.B) {
	h := handler.NewFunc(func(context.Context, slog.Record) error { return nil }, nil)
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"))
	for _, bb := range []struct {
		name string
		h    slog.Handler
	}{
		{"plain", h},
		{"with", h.WithAttrs([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2)})},
		{"group", h.WithAttrs([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2)}).WithGroup("g")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bb.h.Handle(b.Context(), r)
			}
		})
	}
}

func ExampleNewFunc() {
	alert := handler.NewFunc(func(_ context.Context, r slog.Record) error {
		service, _ := handler.Lookup(r, "service")
		fmt.Printf("page somebody: %s (%v)\n", r.Message, service)
		return nil
	}, &handler.FuncOptions{Level: slog.LevelError})
	logger := slog.New(alert).With("service", "billing")
	logger.Info("started")
	logger.Error("out of paper")
	// Output:
	// page somebody: out of paper (billing)
}

// A function that calls another handler stands between two.
func ExampleNewFunc_middleware() {
	next := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime})
	h := handler.NewFunc(func(ctx context.Context, r slog.Record) error {
		if r.Message == "health check" {
			return nil // nobody wants to read these
		}
		r = r.Clone()
		r.AddAttrs(slog.Int("pid", 4711))
		return next.Handle(ctx, r)
	}, &handler.FuncOptions{Level: slog.LevelInfo}) // what next takes
	logger := slog.New(h).With("app", "shop")
	logger.Info("health check")
	logger.Info("sold", "n", 1)
	// Output:
	// {"level":"INFO","msg":"sold","app":"shop","n":1,"pid":4711}
}
