package fanout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/internal/testlog"
)

type (
	ctxKey struct{}
	port   uint16
	mode   string
	point  struct{ x, y int }
	boxed  struct{ v any }
	color  int
)

func (color) String() string { return "red" }

// matchTests are what each of the functions that return a Match is true of.
func matchTests() []matchTest {
	info := func(args ...any) func(*slog.Logger) { return func(l *slog.Logger) { l.Info("m", args...) } }
	msg := func(m string) func(*slog.Logger) { return func(l *slog.Logger) { l.Info(m) } }
	at := func(level slog.Level) func(*slog.Logger) {
		return func(l *slog.Logger) { l.Log(context.Background(), level, "m") }
	}
	in := func(value any) func(*slog.Logger) {
		ctx := context.WithValue(context.Background(), ctxKey{}, value)
		return func(l *slog.Logger) { l.InfoContext(ctx, "m") }
	}
	group := func(args ...any) slog.Attr { return slog.Group("g", args...) }
	var lv slog.LevelVar
	errOne := errors.New("one")
	now := time.Now()
	never := fanout.Or()
	always := fanout.And()

	return []matchTest{
		{"LevelIn/below", fanout.LevelIn(slog.LevelInfo, slog.LevelWarn), at(slog.LevelInfo - 1), false},
		{"LevelIn/from", fanout.LevelIn(slog.LevelInfo, slog.LevelWarn), at(slog.LevelInfo), true},
		{"LevelIn/to", fanout.LevelIn(slog.LevelInfo, slog.LevelWarn), at(slog.LevelWarn), true},
		{"LevelIn/above", fanout.LevelIn(slog.LevelInfo, slog.LevelWarn), at(slog.LevelWarn + 1), false},
		{"LevelIn/open below", fanout.LevelIn(nil, slog.LevelWarn), at(-100), true},
		{"LevelIn/open above", fanout.LevelIn(slog.LevelInfo, nil), at(100), true},
		{"LevelIn/a LevelVar", fanout.LevelIn(&lv, nil), func(l *slog.Logger) {
			l.Debug("m")
			lv.Set(slog.LevelDebug)
			l.Debug("m")
			lv.Set(slog.LevelInfo)
		}, true},
		{"LevelIn/nil pointers", fanout.LevelIn((*slog.LevelVar)(nil), (*slog.LevelVar)(nil)), at(100), true},
		{"LevelIs/one of them", fanout.LevelIs(slog.LevelInfo, slog.LevelError), at(slog.LevelError), true},
		{"LevelIs/between them", fanout.LevelIs(slog.LevelInfo, slog.LevelError), at(slog.LevelWarn), false},
		{"LevelIs/none", fanout.LevelIs(), at(slog.LevelInfo), false},

		{"MessageIs/one of them", fanout.MessageIs("a", "b"), msg("b"), true},
		{"MessageIs/a part", fanout.MessageIs("a", "b"), msg("ab"), false},
		{"MessageContains/a part", fanout.MessageContains("b"), msg("abc"), true},
		{"MessageContains/not", fanout.MessageContains("B"), msg("abc"), false},
		{"MessageMatches/a part", fanout.MessageMatches(regexp.MustCompile(`b+`)), msg("abbc"), true},
		{"MessageMatches/not", fanout.MessageMatches(regexp.MustCompile(`^b+`)), msg("abbc"), false},

		{"HasAttr/of the record", fanout.HasAttr("k"), info("j", 1, "k", 2), true},
		{"HasAttr/beyond the fifth", fanout.HasAttr("f"), info("a", 1, "b", 1, "c", 1, "d", 1, "e", 1, "f", 1), true},
		{"HasAttr/a nil value", fanout.HasAttr("k"), info("k", nil), true},
		{"HasAttr/a part of the key", fanout.HasAttr("k"), info("kk", 1), false},
		{"HasAttr/a part of the path", fanout.HasAttr("kk"), info("k", 1), false},
		{"HasAttr/bound", fanout.HasAttr("k"), func(l *slog.Logger) { l.With("k", 1).With("j", 1).Info("m") }, true},
		{"HasAttr/bound to a sibling", fanout.HasAttr("k"), func(l *slog.Logger) { l.With("k", 1); l.With("j", 1).Info("m") }, false},
		{"HasAttr/in a group", fanout.HasAttr("g.h.k"), info(group(slog.Group("h", "k", 1))), true},
		{"HasAttr/not in the group", fanout.HasAttr("k"), info(group("k", 1)), false},
		{"HasAttr/in another group", fanout.HasAttr("g.k"), info(slog.Group("h", "k", 1)), false},
		{"HasAttr/in a bound group", fanout.HasAttr("g.k"), func(l *slog.Logger) { l.With(group("k", 1)).Info("m") }, true},
		{"HasAttr/in an open group", fanout.HasAttr("g.k"), func(l *slog.Logger) { l.WithGroup("g").Info("m", "k", 1) }, true},
		{"HasAttr/bound in an open group", fanout.HasAttr("g.h.k"), func(l *slog.Logger) {
			l.WithGroup("g").WithGroup("h").With("k", 1).WithGroup("i").Info("m")
		}, true},
		{"HasAttr/bound before the group", fanout.HasAttr("k"), func(l *slog.Logger) { l.With("k", 1).WithGroup("g").Info("m") }, true},
		{"HasAttr/not below the group", fanout.HasAttr("g.k"), func(l *slog.Logger) { l.With("k", 1).WithGroup("g").Info("m") }, false},
		{"HasAttr/below a value", fanout.HasAttr("k.j"), info("k", 1), false},
		{"HasAttr/a group", fanout.HasAttr("g"), info(group("k", 1)), true},
		{"HasAttr/a group of nothing", fanout.HasAttr("g"), info(group(slog.Group("h"), slog.Attr{})), false},
		{"HasAttr/an open group", fanout.HasAttr("g"), func(l *slog.Logger) { l.WithGroup("g").Info("m", "k", 1) }, true},
		{"HasAttr/an outer open group", fanout.HasAttr("g"), func(l *slog.Logger) { l.WithGroup("g").WithGroup("h").Info("m", "k", 1) }, true},
		{"HasAttr/an open group of nothing", fanout.HasAttr("g"), func(l *slog.Logger) { l.WithGroup("g").Info("m", "", slog.GroupValue()) }, false},
		{"HasAttr/inlined", fanout.HasAttr("g.k"), info(slog.Group("", group(slog.Group("", "k", 1)))), true},
		{"HasAttr/a key with a dot", fanout.HasAttr("g.k"), info("g.k", 1), true},
		{"HasAttr/a group with a dot", fanout.HasAttr("g.h.k"), info(slog.Group("g.h", "k", 1)), true},
		{"HasAttr/an open group with a dot", fanout.HasAttr("g.h.k"), func(l *slog.Logger) { l.WithGroup("g.h").Info("m", "k", 1) }, true},
		{"HasAttr/a key with a dot in a group", fanout.HasAttr("g.h.k"), info(group("h.k", 1)), true},
		{"HasAttr/an empty key", fanout.HasAttr(""), info("", 1), true},
		{"HasAttr/an empty attr", fanout.HasAttr(""), info(slog.Attr{}), false},
		{"HasAttr/an empty key in a group", fanout.HasAttr("g."), info(group("", 1)), true},
		{"HasAttr/a LogValuer that becomes a group", fanout.HasAttr("u.id"), info("u", valuer{slog.GroupValue(slog.Int("id", 1))}), true},
		{"HasAttr/an inlined LogValuer", fanout.HasAttr("id"), info("", valuer{slog.GroupValue(slog.Int("id", 1))}), true},
		{"HasAttr/a LogValuer that panics", fanout.HasAttr("u.id"), info("u", panicker{}), false},
		{"HasAttr/two groups with the name", fanout.HasAttr("g.k"), info(group("j", 1), group("k", 1)), true},

		{"AttrIs/an int", fanout.AttrIs("k", 1), info("k", int64(1)), true},
		{"AttrIs/another int", fanout.AttrIs("k", 1), info("k", 2), false},
		{"AttrIs/a uint", fanout.AttrIs("k", 1), info("k", uint8(1)), true},
		{"AttrIs/a float", fanout.AttrIs("k", 1.0), info("k", 1), true},
		{"AttrIs/a float between", fanout.AttrIs("k", 1), info("k", 1.5), false},
		{"AttrIs/a uint and a float", fanout.AttrIs("k", uint64(1)), info("k", 1.0), true},
		{"AttrIs/a negative float", fanout.AttrIs("k", uint64(1)), info("k", -1.0), false},
		{"AttrIs/a huge uint", fanout.AttrIs("k", uint64(math.MaxUint64)), info("k", -1), false},
		{"AttrIs/a float that is not the int", fanout.AttrIs("k", int64(1<<53+1)), info("k", float64(1<<53)), false},
		{"AttrIs/a float beyond all ints", fanout.AttrIs("k", int64(math.MaxInt64)), info("k", float64(1<<63)), false},
		{"AttrIs/NaN", fanout.AttrIs("k", math.NaN()), info("k", math.NaN()), false},
		{"AttrIs/NaN and an int", fanout.AttrIs("k", math.NaN()), info("k", 0), false},
		{"AttrIs/a string", fanout.AttrIs("k", "v"), info("k", "v"), true},
		{"AttrIs/a number is no string", fanout.AttrIs("k", "1"), info("k", 1), false},
		{"AttrIs/a bool", fanout.AttrIs("k", true), info("k", true), true},
		{"AttrIs/a type made of a string", fanout.AttrIs("k", "v"), info("k", mode("v")), true},
		{"AttrIs/the other way round", fanout.AttrIs("k", mode("v")), info("k", "v"), true},
		{"AttrIs/a type made of an int", fanout.AttrIs("k", port(80)), info("k", 80), true},
		{"AttrIs/two types made of ints", fanout.AttrIs("k", port(1)), info("k", color(1)), false},
		{"AttrIs/the same type", fanout.AttrIs("k", color(1)), info("k", color(1)), true},
		{"AttrIs/a duration", fanout.AttrIs("k", time.Second), info("k", time.Second), true},
		{"AttrIs/a duration is no number", fanout.AttrIs("k", time.Second), info("k", int64(time.Second)), false},
		{"AttrIs/a time elsewhere", fanout.AttrIs("k", now), info("k", now.UTC()), true},
		{"AttrIs/an error", fanout.AttrIs("k", errOne), info("k", errOne), true},
		{"AttrIs/another error with its text", fanout.AttrIs("k", errOne), info("k", errors.New("one")), false},
		{"AttrIs/a struct", fanout.AttrIs("k", point{1, 2}), info("k", point{1, 2}), true},
		{"AttrIs/nil", fanout.AttrIs("k", nil), info("k", nil), true},
		{"AttrIs/nil and a value", fanout.AttrIs("k", nil), info("k", point{}), false},
		{"AttrIs/a value and nil", fanout.AttrIs("k", point{}), info("k", nil), false},
		{"AttrIs/nil and a number", fanout.AttrIs("k", nil), info("k", 0), false},
		{"AttrIs/a slice", fanout.AttrIs("k", []int{1, 2}), info("k", []int{1, 2}), true},
		{"AttrIs/another slice", fanout.AttrIs("k", []int{1, 2}), info("k", []int{1, 3}), false},
		{"AttrIs/a slice in an interface", fanout.AttrIs("k", boxed{[]int{1}}), info("k", boxed{[]int{1}}), true},
		{"AttrIs/funcs", fanout.AttrIs("k", func() {}), info("k", func() {}), false},
		{"AttrIs/a slice and a number", fanout.AttrIs("k", []int{1}), info("k", 1), false},
		{"AttrIs/a group", fanout.AttrIs("g", slog.GroupValue(slog.Int("a", 1), slog.String("b", "c"))), info(group("a", uint(1), "b", mode("c"))), true},
		{"AttrIs/a group in another order", fanout.AttrIs("g", slog.GroupValue(slog.Int("a", 1), slog.Int("b", 1))), info(group("b", 1, "a", 1)), false},
		{"AttrIs/a shorter group", fanout.AttrIs("g", slog.GroupValue(slog.Int("a", 1), slog.Int("b", 1))), info(group("a", 1)), false},
		{"AttrIs/a longer group", fanout.AttrIs("g", slog.GroupValue(slog.Int("a", 1))), info(group("a", 1, "b", 1)), false},
		{"AttrIs/an open group", fanout.AttrIs("g", slog.GroupValue(slog.Int("a", 1), slog.Int("b", 2))), func(l *slog.Logger) {
			l.With("x", 1).WithGroup("g").With("a", 1).Info("m", "b", 2)
		}, true},
		{"AttrIs/a LogValuer", fanout.AttrIs("k", 1), info("k", valuer{slog.IntValue(1)}), true},
		{"AttrIs/of a LogValuer", fanout.AttrIs("k", valuer{slog.IntValue(1)}), info("k", 1), true},
		{"AttrIs/the second at the path", fanout.AttrIs("k", 2), info("k", 1, "k", 2), true},
		{"AttrIs/a bound one under one of the record", fanout.AttrIs("k", 1), func(l *slog.Logger) { l.With("k", 1).Info("m", "k", 2) }, true},

		{"AttrKindIs/it is", fanout.AttrKindIs("k", slog.KindBool), info("k", false), true},
		{"AttrKindIs/it is not", fanout.AttrKindIs("k", slog.KindInt64), info("k", 1.0), false},
		{"AttrKindIs/resolved", fanout.AttrKindIs("k", slog.KindInt64), info("k", valuer{slog.IntValue(1)}), true},
		{"AttrKindIs/a group", fanout.AttrKindIs("g", slog.KindGroup), info(group("k", 1)), true},
		{"AttrKindIs/an open group", fanout.AttrKindIs("g", slog.KindGroup), func(l *slog.Logger) { l.WithGroup("g").Info("m", "k", 1) }, true},
		{"AttrFunc/true", fanout.AttrFunc("k", func(v slog.Value) bool { return v.Int64() > 1 }), info("k", 2), true},
		{"AttrFunc/false", fanout.AttrFunc("k", func(v slog.Value) bool { return v.Int64() > 1 }), info("k", 1), false},
		{"AttrFunc/panics", fanout.AttrFunc("k", func(v slog.Value) bool { return v.Int64() > 1 }), info("k", "2"), false},

		{"InPackage/this", fanout.InPackage("x", "github.com/sluicelog/sluice/fanout_test"), info(), true},
		{"InPackage/a star", fanout.InPackage("github.com/*_test"), info(), true},
		{"InPackage/above", fanout.InPackage("github.com/sluicelog/sluice"), info(), true},
		{"InPackage/another", fanout.InPackage("github.com/sluicelog/sluice/fan"), info(), false},
		{"InPackage/a star, and not the whole", fanout.InPackage("*/sluice"), info(), false},
		{"InPackage/none", fanout.InPackage(), info(), false},
		{"InPackage/no PC", fanout.InPackage("*"), func(l *slog.Logger) {
			_ = l.Handler().Handle(context.Background(), slog.NewRecord(now, slog.LevelInfo, "m", 0))
		}, false},
		{"InFunction/this", fanout.InFunction("*fanout_test.matchTests.*"), info(), true},
		{"InFunction/a method", fanout.InFunction("*fanout_test.(*caller).log"), func(l *slog.Logger) { (&caller{}).log(l) }, true},
		{"InFunction/around", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.matchTests"), info(), true},
		{"InFunction/of a type", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.(*caller).*"), func(l *slog.Logger) { (&caller{}).log(l) }, true},
		{"InFunction/another", fanout.InFunction("*fanout_test.TestMatch"), info(), false},
		{"InFunction/a loop over a func", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.logInLoop"), logInLoop, true},
		{"InFunction/a literal in such a loop", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.logInLiteral"), logInLiteral, true},
		{"InFunction/a loop by its own name", fanout.InFunction("*fanout_test.logInLoop-range1"), logInLoop, true},
		{"InFunction/another with its beginning", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.logIn"), logInLoop, false},
		{"InFunction/a generic one", fanout.InFunction("github.com/sluicelog/sluice/fanout_test.logAny"), logAny[int], true},
		{"InFunction/a generic one as a stack names it", fanout.InFunction("*fanout_test.logAny[...]"), logAny[int], true},
		{"InFunction/a method of a generic type", fanout.InFunction("*fanout_test.(*list).log"), func(l *slog.Logger) { (&list[int]{}).log(l) }, true},
		{"InFunction/of a generic type", fanout.InFunction("*fanout_test.(*list).*"), func(l *slog.Logger) { (&list[int]{}).log(l) }, true},

		{"HasTag/no text in a list of numbers", fanout.HasTag(""), info("tags", []any{1}), false},
		{"ContextIs/it is", fanout.ContextIs(ctxKey{}, "v"), in("v"), true},
		{"ContextIs/another value", fanout.ContextIs(ctxKey{}, "v"), in("w"), false},
		{"ContextIs/a value that cannot be compared", fanout.ContextIs(ctxKey{}, "v"), in([]int{}), false},
		{"ContextIs/no value", fanout.ContextIs(ctxKey{}, "v"), info(), false},
		{"ContextIs/nil", fanout.ContextIs(ctxKey{}, nil), info(), true},
		{"ContextIs/a nil context", fanout.ContextIs(ctxKey{}, nil), func(l *slog.Logger) {
			var none context.Context
			_ = l.Handler().Handle(none, record(slog.LevelInfo))
		}, true},
		{"ContextFunc/true", fanout.ContextFunc(func(ctx context.Context) bool { return ctx.Value(ctxKey{}) != nil }), in(1), true},
		{"ContextFunc/false", fanout.ContextFunc(func(ctx context.Context) bool { return ctx.Value(ctxKey{}) != nil }), info(), false},

		{"And/of none", fanout.And(), info(), true},
		{"And/all", fanout.And(always, fanout.HasAttr("k")), info("k", 1), true},
		{"And/not all", fanout.And(always, never), info(), false},
		{"Or/of none", fanout.Or(), info(), false},
		{"Or/one", fanout.Or(never, always), info(), true},
		{"Or/of no true one", fanout.Or(never, fanout.HasAttr("k")), info(), false},
		{"Not/true", fanout.Not(always), info(), false},
		{"Not/false", fanout.Not(never), info(), true},
		{"Not/with what is bound", fanout.Not(fanout.HasAttr("k")), func(l *slog.Logger) { l.With("k", 1).Info("m") }, false},
	}
}

type caller struct{}

func (*caller) log(l *slog.Logger) { l.Info("m") }

func logInLoop(l *slog.Logger) {
	for range func(yield func() bool) { yield() } {
		l.Info("m")
	}
}

func logInLiteral(l *slog.Logger) {
	for range func(yield func() bool) { yield() } {
		func() { l.Info("m") }()
	}
}

func logAny[T any](l *slog.Logger) { l.Info("m") }

type list[T any] struct{}

func (*list[T]) log(l *slog.Logger) { l.Info("m") }

type matchTest struct {
	name  string
	match fanout.Match
	log   func(*slog.Logger)
	want  bool
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range matchTests() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			tt.log(slog.New(fanout.When(tt.match, slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.Level(-1000)}))))
			if got := buf.Len() > 0; got != tt.want {
				t.Errorf("matched %t, want %t", got, tt.want)
			}
			if lines := bytes.Count(buf.Bytes(), []byte("\n")); lines > 1 {
				t.Errorf("%d records, want one", lines)
			}
		})
	}
}

// TestMatchesAllocateNothing holds for all but what is documented.
func TestMatchesAllocateNothing(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	var pcs [1]uintptr
	runtime.Callers(1, pcs[:])
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "GET /api", pcs[0])
	r.AddAttrs(slog.Int("status", 200), slog.Any("err", io.EOF), slog.Any("mode", mode("x")), slog.Time("at", time.Now()),
		slog.Group("user", slog.Int("id", 1)), slog.Float64("f", 1), slog.Any("p", point{1, 2}), slog.String("tags", "security"),
		slog.Int("tags", 1000), slog.Time("tags", time.Now()), slog.Float64("tags", 1.5))
	ctx := context.WithValue(t.Context(), ctxKey{}, "v")
	for name, match := range map[string]fanout.Match{
		"LevelIn":                   fanout.LevelIn(slog.LevelInfo, slog.LevelError),
		"LevelIs":                   fanout.LevelIs(slog.LevelInfo),
		"MessageIs":                 fanout.MessageIs("x", "GET /api"),
		"MessageContains":           fanout.MessageContains("api"),
		"MessageMatches":            fanout.MessageMatches(regexp.MustCompile(`^GET\s.*i$`)),
		"HasAttr":                   fanout.HasAttr("g.h.f"),
		"HasAttr in a group":        fanout.HasAttr("g.h.user.id"),
		"HasAttr of a group":        fanout.HasAttr("g.h.user"),
		"HasAttr, bound":            fanout.HasAttr("g.b"),
		"AttrIs an int":             fanout.AttrIs("g.h.status", uint(200)),
		"AttrIs an error":           fanout.AttrIs("g.h.err", io.EOF),
		"AttrIs a string":           fanout.AttrIs("a", "1"),
		"AttrIs a type of a string": fanout.AttrIs("g.h.mode", "x"),
		"AttrIs a struct":           fanout.AttrIs("g.h.p", point{1, 2}),
		"AttrKindIs":                fanout.AttrKindIs("g.h.at", slog.KindTime),
		"AttrFunc":                  fanout.AttrFunc("g.h.f", func(v slog.Value) bool { return v.Float64() > 0 }),
		"HasTag":                    fanout.HasTag("security"),
		"HasTag, and others":        fanout.Not(fanout.HasTag("other")),
		"InPackage":                 fanout.InPackage("github.com/*"),
		"InFunction":                fanout.InFunction("*TestMatches*"),
		"ContextIs":                 fanout.ContextIs(ctxKey{}, "v"),
		"ContextFunc":               fanout.ContextFunc(func(ctx context.Context) bool { return ctx != nil }),
		"And, Or, Not":              fanout.And(fanout.Or(fanout.Not(fanout.Or()), fanout.And())),
	} {
		took := 0
		h := fanout.When(match, counter{&took}).WithAttrs([]slog.Attr{slog.String("a", "1")}).WithGroup("g").
			WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h")
		if got := testing.AllocsPerRun(100, func() { _ = h.Handle(ctx, r) }); got > 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
		if took == 0 {
			t.Errorf("%s does not match", name)
		}
	}
}

// counter counts what it is given.
type counter struct{ n *int }

func (c counter) Enabled(context.Context, slog.Level) bool  { return true }
func (c counter) Handle(context.Context, slog.Record) error { *c.n++; return nil }
func (c counter) WithAttrs([]slog.Attr) slog.Handler        { return c }
func (c counter) WithGroup(string) slog.Handler             { return c }

func TestGroupsThatContainThemselvesComeToAnEnd(t *testing.T) {
	t.Parallel()
	cyclic := make([]slog.Attr, 2)
	for _, key := range []string{"", "c"} {
		cyclic[0] = slog.Attr{Key: key, Value: slog.GroupValue(cyclic...)}
		cyclic[1] = cyclic[0]
		for _, match := range []fanout.Match{
			fanout.HasAttr("x"), fanout.HasAttr("c"), fanout.HasAttr(strings.Repeat("c.", 1000)),
			fanout.AttrIs("c", slog.GroupValue(cyclic...)),
		} {
			r := record(slog.LevelInfo, cyclic[0])
			if err := fanout.When(match, slog.DiscardHandler).Handle(t.Context(), r); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMatchersAreCopied(t *testing.T) {
	t.Parallel()
	matches := []fanout.Match{fanout.And()}
	messages, levels, patterns := []string{"m"}, []slog.Level{0}, []string{"*"}
	all := fanout.And(fanout.And(matches...), fanout.Or(matches...), fanout.MessageIs(messages...),
		fanout.LevelIs(levels...), fanout.InPackage(patterns...))
	matches[0], messages[0], levels[0], patterns[0] = fanout.Or(), "x", 1, "x"
	n := 0
	slog.New(fanout.When(all, counter{&n})).Info("m")
	if n != 1 {
		t.Error("does not match: a slice that the caller changes was kept")
	}
}
