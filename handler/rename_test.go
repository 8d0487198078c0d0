package handler_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestRename(t *testing.T) {
	t.Parallel()
	upper := func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(strings.ToUpper(a.Value.String()))
		}
		return a
	}
	paths := func(groups []string, a slog.Attr) slog.Attr {
		return slog.String(a.Key, strings.Join(append(slices.Clone(groups), a.Key), "/"))
	}
	drop := func(keys ...string) func([]string, slog.Attr) slog.Attr {
		return func(_ []string, a slog.Attr) slog.Attr {
			if slices.Contains(keys, a.Key) {
				return slog.Attr{}
			}
			return a
		}
	}
	with := func(as ...slog.Attr) func(slog.Handler) slog.Handler {
		return func(h slog.Handler) slog.Handler { return h.WithAttrs(as) }
	}
	inGroups := func(h slog.Handler) slog.Handler {
		h = h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)})
		return h.WithGroup("h").WithAttrs([]slog.Attr{slog.Int("c", 3)})
	}
	g := slog.Group("g", slog.Int("a", 1), slog.Group("h", slog.String("b", "x")))
	tests := []struct {
		name   string
		opts   *handler.RenameOptions
		derive func(slog.Handler) slog.Handler
		attrs  []slog.Attr
		want   string
	}{
		{"nothing to do", nil, nil, []slog.Attr{g}, `{"g":{"a":1,"h":{"b":"x"}}}`},
		{
			"keys by their paths", &handler.RenameOptions{Keys: map[string]string{"a": "A", "g.a": "ga", "g.h": "H", "g.h.b": "B", "b": "no"}}, nil,
			[]slog.Attr{slog.Int("a", 0), g},
			`{"A":0,"g":{"ga":1,"H":{"B":"x"}}}`,
		},
		{
			"a key with dots", &handler.RenameOptions{Keys: map[string]string{"g.a": "ga", "g.x.y": "z", "p": "q"}}, nil,
			[]slog.Attr{slog.Int("g.a", 1), slog.Group("g", slog.Int("x.y", 2)), slog.Int("p.q", 3), slog.Int("p..", 4)},
			`{"ga":1,"g":{"z":2},"p.q":3,"p..":4}`,
		},
		{
			"keys in groups that are open", &handler.RenameOptions{Keys: map[string]string{"a": "A", "g": "G", "g.b": "B", "g.h.c": "C", "g.h.d": "D"}}, inGroups,
			[]slog.Attr{slog.Int("d", 4)},
			`{"A":1,"G":{"B":2,"h":{"C":3,"D":4}}}`,
		},
		{
			"an empty key takes away a group", &handler.RenameOptions{Keys: map[string]string{"g": "", "g.h": ""}}, inGroups,
			[]slog.Attr{slog.Int("d", 4)},
			`{"a":1,"b":2,"c":3,"d":4}`,
		},
		{
			"an empty key takes away a group of a record", &handler.RenameOptions{Keys: map[string]string{"g": ""}}, nil,
			[]slog.Attr{g},
			`{"a":1,"h":{"b":"x"}}`,
		},
		{
			"values everywhere", &handler.RenameOptions{Replace: upper}, with(slog.String("s", "t"), g),
			[]slog.Attr{g, slog.Any("v", valuerOf{slog.StringValue("v")})},
			`{"s":"T","g":{"a":1,"h":{"b":"X"}},"g":{"a":1,"h":{"b":"X"}},"v":"V"}`,
		},
		{
			"Replace knows the groups", &handler.RenameOptions{Replace: paths, Keys: map[string]string{"g": "G"}}, inGroups,
			[]slog.Attr{g, slog.Int("d", 4)},
			`{"a":"a","G":{"b":"g/b","h":{"c":"g/h/c","g":{"a":"g/h/g/a","h":{"b":"g/h/g/h/b"}},"d":"g/h/d"}}}`,
		},
		{"a group of no name is no group", &handler.RenameOptions{Replace: paths}, nil, []slog.Attr{slog.Group("", slog.Int("a", 1))}, `{"a":"a"}`},
		{"what Replace renames Keys leaves alone", &handler.RenameOptions{
			Replace: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "a" {
					a.Key = "b"
				}
				return a
			}, Keys: map[string]string{"a": "no", "b": "c"},
		}, nil, []slog.Attr{slog.Int("a", 1), slog.Int("b", 2)}, `{"b":1,"c":2}`},
		{
			"groups that are left empty vanish", &handler.RenameOptions{Replace: drop("b")}, with(g, slog.Group("x", slog.Group("y", slog.Int("b", 1)))),
			[]slog.Attr{slog.Group("x", slog.Group("y", slog.Int("b", 1))), slog.Int("k", 0)},
			`{"g":{"a":1},"k":0}`,
		},
		{"With of nothing that is left", &handler.RenameOptions{Replace: drop("b")}, with(slog.Int("b", 1)), []slog.Attr{slog.Int("k", 0)}, `{"k":0}`},
		{"Replace makes a group", &handler.RenameOptions{Replace: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "r" {
				return slog.Group("request", slog.Int("n", 1), slog.Any("v", valuerOf{slog.IntValue(2)}))
			}
			a.Value = slog.StringValue(fmt.Sprint(groups, a.Value))
			return a
		}}, nil, []slog.Attr{slog.Int("r", 0)}, `{"request":{"n":"[r] 1","v":"[r] 2"}}`},
		{"Replace for groups", &handler.RenameOptions{ReplaceGroups: true, Replace: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "h" && a.Value.Kind() == slog.KindGroup {
				return slog.String("h", fmt.Sprint(groups, a.Value))
			}
			return a
		}}, nil, []slog.Attr{g}, `{"g":{"a":1,"h":"[g] [b=x]"}}`},
		{
			"flat", &handler.RenameOptions{Flatten: "."}, inGroups,
			[]slog.Attr{g, slog.Int("d", 4), slog.Group("", slog.Int("i", 5))},
			`{"a":1,"g.b":2,"g.h.c":3,"g.h.g.a":1,"g.h.g.h.b":"x","g.h.d":4,"g.h.i":5}`,
		},
		{
			"flat and renamed", &handler.RenameOptions{Flatten: "_", Keys: map[string]string{"g": "G", "g.a": "A", "g.h": ""}}, nil,
			[]slog.Attr{slog.Int("k", 0), g},
			`{"k":0,"G_A":1,"G_b":"x"}`,
		},
		{"flat of no groups", &handler.RenameOptions{Flatten: "."}, nil, []slog.Attr{slog.Int("k", 0)}, `{"k":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := newRecordLog()
			var h slog.Handler = handler.NewRename(log, tt.opts)
			if tt.derive != nil {
				h = tt.derive(h)
			}
			before := fmt.Sprint(tt.attrs)
			for range 2 {
				if err := h.Handle(t.Context(), plainRecord(tt.attrs...)); err != nil {
					t.Fatal(err)
				}
			}
			log.want(t, tt.want, tt.want)
			if after := fmt.Sprint(tt.attrs); after != before {
				t.Errorf("the caller's %s have become %s", before, after)
			}
		})
	}
}

func TestRenameSurvivesAReplaceThatPanics(t *testing.T) {
	t.Parallel()
	var got []error
	logs := handler.NewTest(nil, nil)
	h := handler.NewRename(logs, &handler.RenameOptions{
		Replace: func([]string, slog.Attr) slog.Attr { panic("boom") },
		OnError: func(err error) { got = append(got, err) },
	})
	_ = h.Handle(t.Context(), plainRecord(slog.Int("a", 1), slog.Group("g", slog.Int("b", 2))))
	for _, path := range []string{"a", "g.b"} {
		if v, _ := handler.Lookup(logs.Records()[0], path); !strings.HasPrefix(v.String(), "!PANIC: ") {
			t.Errorf("%s is %v", path, v)
		}
	}
	var pe *handler.PanicError
	if len(got) != 2 || !errors.As(got[0], &pe) || pe.Value != "boom" {
		t.Errorf("OnError got %v", got)
	}
}

// A Replace that makes a group of what it finds in a group, without end, and a group
// that contains itself are cut off.
func TestRenameIsBounded(t *testing.T) {
	t.Parallel()
	logs := handler.NewTest(nil, nil)
	h := handler.NewRename(logs, &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
		return slog.Group(a.Key, slog.Int("x", 1), slog.Int("y", 1))
	}})
	_ = h.Handle(t.Context(), plainRecord(slog.Int("a", 1), slog.Int("b", 2)))
	members := make([]slog.Attr, 2)
	endless := slog.GroupValue(members...)
	members[0], members[1] = slog.Attr{Key: "a", Value: endless}, slog.Attr{Key: "b", Value: endless}
	h = handler.NewRename(logs, &handler.RenameOptions{Flatten: ".", Keys: map[string]string{"x": "y"}})
	_ = h.Handle(t.Context(), plainRecord(slog.Attr{Key: "g", Value: endless}))
	if logs.Len() != 2 {
		t.Errorf("%d records", logs.Len())
	}
}

// What a Replace returns is told from what it was given, whatever that is.
func TestRenameSeesEveryChange(t *testing.T) {
	t.Parallel()
	type pair struct{ a any }
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		in, out any
		want    string
	}{
		"a time in another zone":        {at, at.In(time.FixedZone("", 3600)), `{"v":"2026-11-22T00:30:00+01:00"}`},
		"a slice of the same length":    {[]int{1}, []int{2}, `{"v":[2]}`},
		"a shorter slice":               {make([]int, 2), make([]int, 2)[:1], `{"v":[0]}`},
		"another map":                   {map[string]int{"a": 1}, map[string]int{"a": 2}, `{"v":{"a":2}}`},
		"a struct that holds a slice":   {pair{[]int{1}}, pair{[]int{2}}, `{"v":{}}`},
		"another type of the same kind": {[]int{1}, []string{"1"}, `{"v":["1"]}`},
		"nil":                           {[]int{1}, nil, `{"v":null}`},
		"not nil":                       {nil, []int{1}, `{"v":[1]}`},
		"a number":                      {1, 2, `{"v":2}`},
		"a func":                        {func() {}, "f", `{"v":"f"}`},
	} {
		log := newRecordLog()
		h := handler.NewRename(log, &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr {
			return slog.Any(a.Key, tt.out)
		}})
		if err := h.Handle(t.Context(), plainRecord(slog.Any("v", tt.in))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		log.want(t, tt.want)
	}
}

// A Replace may log to the same handler.
func TestRenameReplaceMayLog(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	var logger *slog.Logger
	h := handler.NewRename(log, &handler.RenameOptions{Replace: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "log" {
			logger.WithGroup("i").Info("m", slog.Group("j", "n", 1))
		}
		return slog.String(a.Key, fmt.Sprint(groups))
	}})
	logger = slog.New(h)
	logger.Info("m", slog.Group("g", "a", 1, "log", 2, "b", 3))
	log.want(t, `{"i":{"j":{"n":"[i j]"}}}`, `{"g":{"a":"[g]","log":"[g]","b":"[g]"}}`)
}

func TestReplaceType(t *testing.T) {
	t.Parallel()
	hidden := func(addr netip.Addr) slog.Value { return slog.StringValue("addr " + addr.String()) }
	replace := handler.ReplaceAll(
		handler.ReplaceType(hidden),
		handler.ReplaceType(func(err error) slog.Value { return slog.StringValue("error " + err.Error()) }),
		handler.ReplaceType(func(d time.Duration) slog.Value { return slog.Float64Value(d.Seconds()) }),
		handler.ReplaceType(func(at time.Time) slog.Value { return slog.Int64Value(at.Unix()) }),
		handler.ReplaceType(func(n int64) slog.Value { return slog.StringValue(fmt.Sprint("int64 ", n)) }),
		handler.ReplaceType(func(n uint64) slog.Value { return slog.StringValue(fmt.Sprint("uint64 ", n)) }),
		handler.ReplaceType(func(f float64) slog.Value { return slog.StringValue(fmt.Sprint("float64 ", f)) }),
		handler.ReplaceType(func(b bool) slog.Value { return slog.StringValue(fmt.Sprint("bool ", b)) }),
		handler.ReplaceType(func(s []string) slog.Value { return slog.StringValue(strings.Join(s, "+")) }),
		func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "gone" {
				return slog.Attr{}
			}
			return a
		},
		func(_ []string, a slog.Attr) slog.Attr {
			if a.Equal(slog.Attr{}) {
				t.Error("called for an attr that is gone")
			}
			return a
		},
	)
	log := newRecordLog()
	slog.New(handler.NewRename(log, &handler.RenameOptions{Replace: replace})).Info("m",
		"addr", netip.MustParseAddr("192.0.2.7"), "err", io.EOF, "d", 1500*time.Millisecond, "n", 7, "u", uint8(8), "b", true,
		"f", float32(1), "list", []string{"a", "b"}, "s", "text", "gone", 1, "nil", nil, "v", valuerOf{slog.AnyValue(io.EOF)})
	log.want(t, `{"addr":"addr 192.0.2.7","err":"error EOF","d":"float64 1.5","n":"int64 7","u":"uint64 8","b":"bool true",`+
		`"f":"float64 1","list":"a+b","s":"text","nil":null,"v":"error EOF"}`)
}

func TestRenameTellsZerosApart(t *testing.T) {
	t.Parallel()
	log := newRecordLog()
	unsigned := handler.ReplaceType(func(f float64) slog.Value { return slog.Float64Value(f + 0) })
	slog.New(handler.NewRename(log, &handler.RenameOptions{Replace: unsigned})).Info("m", "z", math.Copysign(0, -1))
	log.want(t, `{"z":0}`)
}

// Records to which nothing happens are passed on without a copy.
func TestRenameAllocates(t *testing.T) { // not parallel: it counts allocations
	json := handler.NewJSONHandler(io.Discard, nil)
	keys := handler.NewRename(json, &handler.RenameOptions{Keys: map[string]string{"http.status": "code", "g.h.x": "y"}})
	asIs := handler.NewRename(json, &handler.RenameOptions{Replace: handler.ReplaceType(func(netip.Addr) slog.Value { return slog.Value{} })})
	group := asIs.WithGroup("outer").WithAttrs([]slog.Attr{slog.Int("a", 1)})
	long := plainRecord(slog.Int("a", 1e9), slog.String("b", "x"), slog.Group("g", slog.Group("h", slog.Int("z", 1e9))), slog.Any("e", io.EOF),
		slog.Any("list", []string{"a"}), slog.Duration("d", time.Hour), slog.Bool("t", true))
	ctx := t.Context()
	base := 0.0 // what the encoder needs
	if !testlog.Race {
		base = testing.AllocsPerRun(200, func() { _ = json.Handle(ctx, long) })
	}
	allocsOf(t, "Keys", base, func() { _ = keys.Handle(ctx, long) })
	allocsOf(t, "Replace", base, func() { _ = asIs.Handle(ctx, long) })
	allocsOf(t, "Replace in a group", base, func() { _ = group.Handle(ctx, long) })
	short := plainRecord(slog.Int("a", 1e9), slog.Group("http", slog.Int("status", 200)), slog.String("b", "x"))
	allocsOf(t, "a key in a group", 1, func() { _ = keys.Handle(ctx, short) })
}

func BenchmarkRename(b *testing.B) {
	json := handler.NewJSONHandler(io.Discard, nil)
	r := plainRecord(slog.Int("k", 0), slog.String("s", "v"), slog.String("password", "p"), slog.Duration("d", time.Second), slog.Any("e", io.EOF))
	hide := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "password" {
			return slog.String(a.Key, "*")
		}
		return a
	}
	for _, bb := range []struct {
		name string
		h    slog.Handler
	}{
		{"without", json},
		{"no match", handler.NewRename(json, &handler.RenameOptions{Keys: map[string]string{"http.status": "code", "g.h.x": "y"}})},
		{"key", handler.NewRename(json, &handler.RenameOptions{Keys: map[string]string{"password": "pw"}})},
		{"replace", handler.NewRename(json, &handler.RenameOptions{Replace: hide})},
		{"type", handler.NewRename(json, &handler.RenameOptions{Replace: handler.ReplaceType(func(d time.Duration) slog.Value { return slog.Int64Value(d.Milliseconds()) })})},
		{"flat", handler.NewRename(json, &handler.RenameOptions{Flatten: "."})},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bb.h.Handle(b.Context(), r)
			}
		})
	}
}
