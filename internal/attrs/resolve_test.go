package attrs_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/testlog"
)

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

func text(as []slog.Attr) string { return fmt.Sprint(as) }

func all(r slog.Record) []slog.Attr { return attrs.First(r, r.NumAttrs(), nil) }

func TestResolveAll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   []slog.Attr
		want string
	}{
		"nothing to do":         {[]slog.Attr{slog.Int("a", 1), slog.Group("g", slog.Int("b", 2))}, "[a=1 g=[b=2]]"},
		"a LogValuer":           {[]slog.Attr{slog.Any("a", valuer{slog.IntValue(1)}), slog.Int("b", 2)}, "[a=1 b=2]"},
		"one deep in a group":   {[]slog.Attr{slog.Group("g", slog.Group("h", slog.Any("a", valuer{slog.GroupValue(slog.Any("b", valuer{slog.IntValue(2)}))})))}, "[g=[h=[a=[b=2]]]]"},
		"empty attrs":           {[]slog.Attr{{}, slog.Int("a", 1), {}}, "[a=1]"},
		"groups of nothing":     {[]slog.Attr{slog.Group("g", slog.Attr{}, slog.Group("h", slog.Attr{})), slog.Any("v", valuer{slog.GroupValue()}), slog.Int("a", 1)}, "[a=1]"},
		"an attr named nothing": {[]slog.Attr{slog.Int("", 1), slog.Any("nil", nil)}, "[=1 nil=<nil>]"},
		"none":                  {nil, "[]"},
	} {
		before := text(tt.in)
		if diff := cmp.Diff(tt.want, text(attrs.ResolveAll(tt.in))); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
		r := slog.NewRecord(time.Time{}, 0, "m", 0)
		r.AddAttrs(tt.in...)
		if diff := cmp.Diff(tt.want, text(all(attrs.ResolveRecord(r)))); diff != "" {
			t.Errorf("%s: record: mismatch (-want +got):\n%s", name, diff)
		}
		if text(tt.in) != before {
			t.Errorf("%s: %s has become %s", name, before, text(tt.in))
		}
	}
}

func TestResolveAllReturnsACopy(t *testing.T) {
	t.Parallel()
	in := []slog.Attr{slog.Int("a", 1)}
	attrs.ResolveAll(in)[0] = slog.Int("a", 2)
	if !in[0].Equal(slog.Int("a", 1)) {
		t.Error("the caller's slice was written")
	}
}

func TestResolveEndsInEndlessGroups(t *testing.T) {
	t.Parallel()
	members := make([]slog.Attr, 2)
	endless := slog.GroupValue(members...)
	members[0], members[1] = slog.Attr{Key: "a", Value: endless}, slog.Attr{Key: "b", Value: endless}
	if got := attrs.ResolveAll([]slog.Attr{{Key: "g", Value: endless}}); len(got) != 1 {
		t.Errorf("%d attrs", len(got))
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	var none *attrs.Bound
	as := func(from, to int) []slog.Attr {
		var list []slog.Attr
		for i := from; i < to; i++ {
			list = append(list, slog.Int(fmt.Sprint("k", i), i))
		}
		return list
	}
	top, in := []slog.Attr{slog.Int("t", 1)}, []slog.Attr{slog.Int("i", 1)}
	deep := none.WithAttrs(as(0, 2)).WithAttrs(as(2, 3)).WithGroup("g").WithAttrs(as(3, 4)).WithAttrs(as(4, 6)).WithGroup("h").WithGroup("j")
	for name, tt := range map[string]struct {
		b            *attrs.Bound
		top, in, own []slog.Attr
		want         string
	}{
		"nothing bound":               {none, nil, nil, as(0, 1), "[k0=0]"},
		"nothing at all":              {none, nil, nil, nil, "[]"},
		"all but bound":               {none, top, in, as(0, 1), "[t=1 i=1 k0=0]"},
		"attrs":                       {none.WithAttrs(as(0, 2)).WithAttrs(as(2, 3)), top, in, as(3, 4), "[t=1 k0=0 k1=1 k2=2 i=1 k3=3]"},
		"more than there is room for": {none.WithAttrs(as(0, 10)), nil, nil, as(10, 20), text(as(0, 20))},
		"groups":                      {deep, top, in, as(6, 8), "[t=1 k0=0 k1=1 k2=2 g=[k3=3 k4=4 k5=5 h=[j=[i=1 k6=6 k7=7]]]]"},
		"groups of nothing":           {deep, nil, nil, []slog.Attr{{}}, "[k0=0 k1=1 k2=2 g=[k3=3 k4=4 k5=5]]"},
		"a group of nothing":          {none.WithGroup("g"), top, nil, nil, "[t=1]"},
		"a group at the top":          {none.WithGroup("g"), nil, nil, as(0, 1), "[g=[k0=0]]"},
	} {
		r := slog.NewRecord(time.Time{}, slog.LevelWarn, "m", 7)
		r.AddAttrs(tt.own...)
		got := tt.b.Build(&r, tt.top, tt.in)
		if diff := cmp.Diff(tt.want, text(all(got))); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
		if got.Level != r.Level || got.Message != r.Message || got.PC != r.PC || !got.Time.Equal(r.Time) {
			t.Errorf("%s: the facts are %v", name, got)
		}
		got.AddAttrs(slog.Int("x", 1))
		if r.NumAttrs() != len(tt.own) {
			t.Errorf("%s: the record was added to", name)
		}
	}
}

func TestBuildAllocates(t *testing.T) { // not parallel: it counts allocations
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	var none *attrs.Bound
	b := none.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithAttrs([]slog.Attr{slog.Int("b", 1)})
	r := slog.NewRecord(time.Time{}, 0, "m", 0)
	r.AddAttrs(slog.Int("c", 1), slog.Int("d", 1))
	if n := testing.AllocsPerRun(100, func() { b.Build(&r, nil, nil) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	g := b.WithGroup("g")
	if n := testing.AllocsPerRun(100, func() { g.Build(&r, nil, nil) }); n != 2 {
		t.Errorf("%v allocations in a group, want 2", n)
	}
}
