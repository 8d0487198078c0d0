package handler_test

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
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

// pcOf returns the PC of a call from a function.
func pcOf(f any) uintptr { return reflect.ValueOf(f).Pointer() + 1 }

// passing returns the names of the levels that pass a gate with levels, for a
// handler that log derives and records that it makes, separately by Enabled and by Handle.
func passing(t *testing.T, levels slog.Leveler, derive func(slog.Handler) slog.Handler, pc uintptr, attrs ...slog.Attr) (passEnabled, passHandle string) {
	t.Helper()
	var enabled, handled []byte
	var buf testlog.Buffer
	next := handler.JSONOptions{HandlerOptions: slog.HandlerOptions{Level: slog.Level(-100)}, LevelName: handler.LevelName}.NewHandler(&buf)
	var h slog.Handler = handler.NewGate(next, &handler.GateOptions{Level: levels})
	if derive != nil {
		h = derive(h)
	}
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if h.Enabled(t.Context(), level) {
			enabled = append(enabled, level.String()[0])
		}
		buf.Reset()
		r := slog.NewRecord(time.Time{}, level, "m", pc)
		r.AddAttrs(attrs...)
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if buf.String() != "" {
			handled = append(handled, level.String()[0])
		}
	}
	return string(enabled), string(handled)
}

func TestGateRules(t *testing.T) {
	t.Parallel()
	const here = "github.com/sluicelog/sluice/handler_test"
	pkg := func(name string, l slog.Level) handler.LevelRule { return handler.LevelRule{Package: name, Level: l} }
	logger := func(name string, l slog.Level) handler.LevelRule { return handler.LevelRule{Logger: name, Level: l} }
	both := func(p, name string, l slog.Level) handler.LevelRule {
		return handler.LevelRule{Package: p, Logger: name, Level: l}
	}
	with := func(args ...any) func(slog.Handler) slog.Handler {
		return func(h slog.Handler) slog.Handler { return slog.New(h).With(args...).Handler() }
	}
	const debug, info, warn, fail = slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError
	tests := []struct {
		name    string
		rules   []handler.LevelRule // the base level is INFO
		derive  func(slog.Handler) slog.Handler
		pc      any // of a function, by default of one of this package
		attrs   []slog.Attr
		enabled string
		handled string
	}{
		{name: "no rules", enabled: "IWE", handled: "IWE"},
		{name: "a package", rules: []handler.LevelRule{pkg(here, debug)}, enabled: "DIWE", handled: "DIWE"},
		{name: "a package, higher", rules: []handler.LevelRule{pkg(here, fail)}, enabled: "IWE", handled: "E"},
		{name: "another package", rules: []handler.LevelRule{pkg("strings", debug)}, enabled: "DIWE", handled: "IWE"},
		{
			name: "a package that begins alike", rules: []handler.LevelRule{pkg(strings.TrimSuffix(here, "_test"), debug)},
			enabled: "DIWE", handled: "IWE",
		},
		{name: "a package above", rules: []handler.LevelRule{pkg("github.com/sluicelog", warn)}, enabled: "IWE", handled: "WE"},
		{name: "a slash at the end", rules: []handler.LevelRule{pkg("github.com/sluicelog/", warn)}, enabled: "IWE", handled: "IWE"},
		{name: "as go list has it", rules: []handler.LevelRule{pkg("github.com/sluicelog/...", warn), pkg("github.com/sluicelog", fail)}, enabled: "IWE", handled: "E"},
		{name: "stars", rules: []handler.LevelRule{pkg("*/slu*/hand*", warn)}, enabled: "IWE", handled: "WE"},
		{name: "stars match all or nothing", rules: []handler.LevelRule{pkg("*/sluice", warn)}, enabled: "IWE", handled: "IWE"},
		{name: "a package above, and this one", rules: []handler.LevelRule{
			pkg("github.com/sluicelog", warn), pkg(here, debug), pkg("github.com/*", fail), pkg("*", fail),
		}, enabled: "DIWE", handled: "DIWE"},
		{name: "as long with a star", rules: []handler.LevelRule{pkg(here+"*", warn), pkg(here, fail)}, enabled: "IWE", handled: "E"},
		{name: "as long, by the alphabet", rules: []handler.LevelRule{pkg("*luicelog/sluice/handler_test", warn), pkg(here[:len("luicelog/sluice/handler_test")]+"*", fail)}, enabled: "IWE", handled: "WE"},
		{name: "the last of two", rules: []handler.LevelRule{pkg(here, warn), pkg(here, fail)}, enabled: "IWE", handled: "E"},
		{name: "a base level among them", rules: []handler.LevelRule{{Level: warn}}, enabled: "WE", handled: "WE"},
		{name: "no PC", rules: []handler.LevelRule{pkg("*", debug)}, pc: uintptr(0), enabled: "DIWE", handled: "IWE"},
		{name: "a method", rules: []handler.LevelRule{pkg("bytes", fail)}, pc: (*bytes.Buffer).Write, enabled: "IWE", handled: "E"},
		{name: "a generic function", rules: []handler.LevelRule{pkg(here, fail)}, pc: gateGeneric[bytes.Buffer], enabled: "IWE", handled: "E"},

		{name: "a logger, bound", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "db"), enabled: "DIWE", handled: "DIWE"},
		{name: "a logger, higher", rules: []handler.LevelRule{logger("db", fail)}, derive: with("logger", "db"), enabled: "E", handled: "E"},
		{name: "another logger, bound", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "dbx"), enabled: "IWE", handled: "IWE"},
		{name: "a logger below", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "db.pool"), enabled: "DIWE", handled: "DIWE"},
		{name: "a logger below, by a slash", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "db/pool"), enabled: "DIWE", handled: "DIWE"},
		{name: "stars for a logger", rules: []handler.LevelRule{logger("*.pool", debug)}, derive: with("logger", "db.pool"), enabled: "DIWE", handled: "DIWE"},
		{name: "a logger and one below", rules: []handler.LevelRule{logger("db", debug), logger("db.pool", fail)}, derive: with("logger", "db.pool"), enabled: "E", handled: "E"},
		{
			name: "a logger before a package", rules: []handler.LevelRule{pkg(here, debug), logger("*", fail)},
			derive: with("logger", "db"), enabled: "E", handled: "E",
		},
		{
			name: "a package where no rule is for the logger", rules: []handler.LevelRule{pkg(here, debug), logger("api", fail)},
			derive: with("logger", "db"), enabled: "DIWE", handled: "DIWE",
		},
		{name: "a logger, bound again", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "api", "k", 1, "logger", "db"), enabled: "DIWE", handled: "DIWE"},
		{name: "a logger, bound in a group", rules: []handler.LevelRule{logger("db", debug)}, derive: func(h slog.Handler) slog.Handler {
			return h.WithGroup("g").WithAttrs([]slog.Attr{slog.String("logger", "db")})
		}, enabled: "IWE", handled: "IWE"},
		{name: "a logger, bound before a group", rules: []handler.LevelRule{logger("db", debug)}, derive: func(h slog.Handler) slog.Handler {
			return slog.New(h).With("logger", "db").WithGroup("g").With("logger", "api").Handler()
		}, attrs: []slog.Attr{slog.String("logger", "web")}, enabled: "DIWE", handled: "DIWE"},
		{name: "a logger in the record", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.String("logger", "db")}, enabled: "DIWE", handled: "DIWE"},
		{name: "a logger in the record, higher", rules: []handler.LevelRule{logger("db", fail)}, attrs: []slog.Attr{slog.String("logger", "db")}, enabled: "IWE", handled: "E"},
		{name: "none in the record", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.String("log", "db")}, enabled: "DIWE", handled: "IWE"},
		{name: "the last in the record", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.String("logger", "api"), slog.String("logger", "db")}, enabled: "DIWE", handled: "DIWE"},
		{
			name: "a logger in a record in a group", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.String("logger", "db")},
			derive: func(h slog.Handler) slog.Handler { return h.WithGroup("g") }, enabled: "IWE", handled: "IWE",
		},
		{name: "a logger in a group of the record", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.Group("g", "logger", "db")}, enabled: "DIWE", handled: "IWE"},
		{name: "a logger in a group without a name", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{slog.Group("", "logger", "db")}, enabled: "DIWE", handled: "DIWE"},
		{
			name: "a bound logger before that of the record", rules: []handler.LevelRule{logger("db", debug), logger("api", fail)},
			derive: with("logger", "db"), attrs: []slog.Attr{slog.String("logger", "api")}, enabled: "DIWE", handled: "DIWE",
		},
		{name: "a logger that is no string", rules: []handler.LevelRule{logger("*", debug)}, attrs: []slog.Attr{slog.Int("logger", 1)}, enabled: "DIWE", handled: "IWE"},
		{name: "a logger without a name", rules: []handler.LevelRule{logger("*", debug)}, derive: with("logger", ""), enabled: "DIWE", handled: "IWE"},
		{name: "a logger, and one without a name", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", "db", "logger", ""), enabled: "DIWE", handled: "DIWE"},
		{name: "a LogValuer of a logger", rules: []handler.LevelRule{logger("db", debug)}, derive: with("logger", gateName("db")), enabled: "DIWE", handled: "IWE"},
		{name: "dots after a logger", rules: []handler.LevelRule{logger("db/...", fail), logger("db.xy", debug)}, derive: with("logger", "db.xy"), enabled: "DIWE", handled: "DIWE"},
		{name: "dots without a name", rules: []handler.LevelRule{pkg("/...", fail), logger("/...", fail)}, derive: with("logger", "db"), enabled: "IWE", handled: "IWE"},
		{name: "a group that holds itself", rules: []handler.LevelRule{logger("db", debug)}, attrs: []slog.Attr{gateKnot()}, enabled: "DIWE", handled: "IWE"},

		{name: "a logger in a package", rules: []handler.LevelRule{both(here, "db", debug)}, derive: with("logger", "db"), enabled: "DIWE", handled: "DIWE"},
		{name: "that logger in another package", rules: []handler.LevelRule{both("strings", "db", debug)}, derive: with("logger", "db"), enabled: "DIWE", handled: "IWE"},
		{name: "another logger in that package", rules: []handler.LevelRule{both(here, "db", debug)}, derive: with("logger", "api"), enabled: "IWE", handled: "IWE"},
		{name: "a logger in a package before the logger", rules: []handler.LevelRule{both(here, "db", debug), logger("db", fail)}, derive: with("logger", "db"), enabled: "DIWE", handled: "DIWE"},
		{name: "else the logger", rules: []handler.LevelRule{both("strings", "db", debug), logger("db", fail)}, derive: with("logger", "db"), enabled: "DIWE", handled: "E"},
		{name: "else the package", rules: []handler.LevelRule{both("strings", "db", debug), pkg(here, warn)}, derive: with("logger", "db"), enabled: "DIWE", handled: "WE"},
		{name: "a more specific logger first", rules: []handler.LevelRule{both(here, "db", debug), logger("db.pool", fail)}, derive: with("logger", "db.pool"), enabled: "E", handled: "E"},
		{name: "both from the record", rules: []handler.LevelRule{both(here, "db", debug)}, attrs: []slog.Attr{slog.String("logger", "db")}, enabled: "DIWE", handled: "DIWE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pc := pcOf(twentyRules)
			if tt.pc != nil {
				if f := reflect.ValueOf(tt.pc); f.Kind() == reflect.Func {
					pc = f.Pointer() + 1
				} else {
					pc = 0
				}
			}
			levels := handler.NewLevels(info, tt.rules...)
			for range 2 { // the second time it is known
				enabled, handled := passing(t, levels, tt.derive, pc, tt.attrs...)
				if diff := cmp.Diff([2]string{tt.enabled, tt.handled}, [2]string{enabled, handled}); diff != "" {
					t.Errorf("enabled, handled: mismatch (-want +got):\n%s", diff)
				}
			}
			// However it is set, and whatever was set before.
			levels = handler.NewLevels(fail, logger("api", debug), pkg(here+"*", debug))
			levels.RemoveRule(pkg(here+"*", 0))
			levels.RemoveRule(logger("api", 0))
			levels.Set(info)
			for _, r := range tt.rules {
				levels.SetRule(r)
			}
			if _, handled := passing(t, levels, tt.derive, pc, tt.attrs...); handled != tt.handled {
				t.Errorf("set one after the other: %q, want %q", handled, tt.handled)
			}
		})
	}
}

func gateGeneric[T any]() *T { return new(T) }

type gateName string

func (n gateName) LogValue() slog.Value { return slog.StringValue(string(n)) }

// gateKnot returns a group that holds itself twice.
func gateKnot() slog.Attr {
	members := make([]slog.Attr, 2)
	knot := slog.Attr{Value: slog.GroupValue(members...)}
	members[0], members[1] = knot, knot
	return knot
}

// TestGateRulesByTheirDocumentation draws rules and records at random and sets the
// gate beside what the documentation of LevelRule says, word by word.
func TestGateRulesByTheirDocumentation(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	level := func() slog.Level { return slog.Level(4 * (random.IntN(4) - 1)) }
	pcs := map[string]uintptr{
		"": 0, "strings": pcOf(strings.ToUpper), "encoding/json": pcOf(json.Valid),
		"github.com/sluicelog/sluice/handler_test": pcOf(twentyRules),
	}
	for range 1000 {
		base := level()
		var rules []handler.LevelRule
		for range random.IntN(6) {
			rules = append(rules, handler.LevelRule{
				Package: pick("", "", "strings", "str*", "encoding", "encoding/json", "encoding/js", "*json", "*", "github.com/*/handler*"),
				Logger:  pick("", "", "", "a", "a.b", "a*", "*b", "*", "ab"), Level: level(),
			})
		}
		pkg := pick("", "strings", "encoding/json", "github.com/sluicelog/sluice/handler_test")
		bound, own := pick("", "", "a", "a.b", "ab", "b"), pick("", "", "a", "a/b", "b")
		grouped := random.IntN(3) == 0
		derive := func(h slog.Handler) slog.Handler {
			if bound != "" {
				h = h.WithAttrs([]slog.Attr{slog.String("logger", bound)})
			}
			if grouped {
				h = h.WithGroup("g")
			}
			return h
		}
		logger := bound
		if logger == "" && !grouped {
			logger = own
		}
		var want []byte
		lowest := documentedLevel(base, rules, pkg, logger)
		for i, name := range []byte("DIWE") {
			if slog.Level(4*(i-1)) >= lowest {
				want = append(want, name)
			}
		}
		enabled, handled := passing(t, handler.NewLevels(base, rules...), derive, pcs[pkg], slog.String("logger", own))
		if handled != string(want) || !strings.HasSuffix(enabled, handled) {
			t.Fatalf("seed %d: %v from %q, logger %q in With, %q in the record, in a group %v: enabled %q, handled %q, want %q",
				seed, append(rules, handler.LevelRule{Level: base}), pkg, bound, own, grouped, enabled, handled, want)
		}
	}
}

// documentedLevel is the level of the most specific rule that covers a record.
func documentedLevel(base slog.Level, rules []handler.LevelRule, pkg, logger string) slog.Level {
	best := handler.LevelRule{Level: base}
	for _, r := range rules {
		if documentedCovers(r.Package, pkg, "/") && documentedCovers(r.Logger, logger, "[./]") &&
			(r.Package == best.Package && r.Logger == best.Logger || documentedBefore(r, best)) {
			best = r
		}
	}
	return best.Level
}

func documentedCovers(pattern, name, below string) bool {
	if pattern == "" || name == "" {
		return pattern == ""
	}
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, "(?s:.*)")
	if !strings.Contains(pattern, "*") {
		expr += "(" + below + ".*)?"
	}
	return regexp.MustCompile("^" + expr + "$").MatchString(name)
}

func documentedBefore(a, b handler.LevelRule) bool {
	rank := func(p string) []int {
		return []int{
			map[bool]int{true: 1}[p != ""], len(strings.ReplaceAll(p, "*", "")), map[bool]int{true: 1}[!strings.Contains(p, "*")],
		}
	}
	return stdcmp.Or(
		-slices.Compare(rank(a.Logger), rank(b.Logger)), strings.Compare(a.Logger, b.Logger),
		-slices.Compare(rank(a.Package), rank(b.Package)), strings.Compare(a.Package, b.Package),
	) < 0
}

func TestGateFollowsRulesAsTheyChange(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
	var buf testlog.Buffer
	root := slog.New(handler.NewGate(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}), &handler.GateOptions{Level: levels}))
	db, api := root.With("logger", "db"), root.With("logger", "api")
	say := func(want string) {
		t.Helper()
		buf.Reset()
		root.Debug("root")
		db.Debug("db")
		api.Debug("api")
		root.Debug("record", "logger", "api")
		var got []string
		for line := range strings.Lines(buf.String()) {
			_, msg, _ := strings.Cut(line, "msg=")
			got = append(got, strings.Fields(msg)[0])
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
	say("db")
	levels.SetRule(handler.LevelRule{Logger: "api", Level: slog.LevelDebug})
	say("db api record")
	levels.SetRule(handler.LevelRule{Logger: "db", Level: slog.LevelError})
	say("api record")
	levels.SetRule(handler.LevelRule{Package: "github.com/sluicelog", Level: slog.LevelDebug})
	say("root api record")
	levels.RemoveRule(handler.LevelRule{Logger: "api"})
	say("root api record")
	levels.RemoveRule(handler.LevelRule{Logger: "db"})
	say("root db api record")
	levels.RemoveRule(handler.LevelRule{Package: "github.com/sluicelog"})
	say("")
	levels.Set(slog.LevelDebug)
	say("root db api record")
}

func TestGateFollowsTheContext(t *testing.T) {
	t.Parallel()
	type opts = handler.GateOptions
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Package: "*", Level: slog.LevelWarn})
	low := handler.WithLevel(t.Context(), slog.LevelDebug)
	high := handler.WithLevel(low, slog.LevelError)
	tests := []struct {
		name string
		opts *opts
		ctx  context.Context
		want string
	}{
		{"none", &opts{FollowContext: true}, t.Context(), "IWE"},
		{"lower", &opts{FollowContext: true}, low, "DIWE"},
		{"higher, in a lower one", &opts{FollowContext: true}, high, "E"},
		{"from a child", &opts{FollowContext: true}, context.WithoutCancel(low), "DIWE"},
		{"before Level", &opts{FollowContext: true, Level: slog.LevelError}, low, "DIWE"},
		{"before rules", &opts{FollowContext: true, Level: levels}, low, "DIWE"},
		{"before rules, higher", &opts{FollowContext: true, Level: levels}, high, "E"},
		{"not before Max", &opts{FollowContext: true, Max: slog.LevelInfo}, low, "DI"},
		{"not followed", nil, low, "IWE"},
		{"not followed, higher", &opts{Level: slog.LevelWarn}, high, "WE"},
		{"not followed by rules", &opts{Level: levels}, low, "WE"},
		{"nil", nil, nil, "IWE"},
		{"nil, followed", &opts{FollowContext: true}, nil, "IWE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			// What is derived follows as well.
			h := handler.NewGate(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}), tt.opts).
				WithGroup("g").WithAttrs([]slog.Attr{slog.Int("n", 1)})
			var handled []byte
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
				buf.Reset()
				if err := h.Handle(tt.ctx, slog.NewRecord(time.Time{}, level, "m", pcOf(twentyRules))); err != nil {
					t.Fatal(err)
				}
				if passed := buf.String() != ""; passed {
					handled = append(handled, level.String()[0])
					if !h.Enabled(tt.ctx, level) {
						t.Errorf("%v passes, but is not enabled", level)
					}
				}
			}
			if diff := cmp.Diff(tt.want, string(handled)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGateResolvesNothing(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Level: slog.LevelDebug})
	l := slog.New(handler.NewGate(handler.NewJSONHandler(io.Discard, nil), &handler.GateOptions{Level: levels}))
	for _, key := range []string{"logger", ""} {
		calls.Store(0)
		l.With(key, gateValuer{&calls}).Info("m", key, gateValuer{&calls})
		if got := calls.Load(); got != 2 {
			t.Errorf("%q: resolved %d times, want once each", key, got)
		}
	}
}

type gateValuer struct{ calls *atomic.Int32 }

func (v gateValuer) LogValue() slog.Value {
	v.calls.Add(1)
	return slog.StringValue("db")
}

// A Leveler that is a nil pointer is none, wherever it is given.
func TestNilLevelersAreDefaults(t *testing.T) {
	t.Parallel()
	ctx, forget := handler.HoldRecords(t.Context())
	defer forget()
	for name, nothing := range map[string]slog.Leveler{"LevelVar": (*slog.LevelVar)(nil), "Levels": (*handler.Levels)(nil)} {
		var buf testlog.Buffer
		next := triggerLines(&buf)
		for what, h := range map[string]slog.Handler{
			"Gate":    handler.NewGate(next, &handler.GateOptions{Level: nothing, Max: nothing}),
			"Trigger": handler.NewTrigger(next, &handler.TriggerOptions{Level: nothing, Trigger: nothing}),
			"Sample":  handler.NewGate(handler.NewSample(next, &handler.SampleOptions{Keep: nothing}), nil),
		} {
			buf.Reset()
			slog.New(h).Debug("m")
			slog.New(h).Info("m")
			slog.New(h).ErrorContext(ctx, "m")
			if diff := cmp.Diff("level=INFO msg=m\nlevel=ERROR msg=m\n", buf.String()); diff != "" {
				t.Errorf("%s, a nil %s: mismatch (-want +got):\n%s", what, name, diff)
			}
		}
	}
}

func TestGateRemembersALoggerAfterManyOthers(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	levels := handler.NewLevels(slog.LevelInfo, handler.LevelRule{Logger: "db", Package: "strings", Level: slog.LevelWarn})
	h := handler.NewGate(gateEnd{}, &handler.GateOptions{Level: levels})
	named := func(logger string) slog.Record {
		r := gateRecord(slog.LevelInfo)
		r.AddAttrs(slog.String("logger", logger))
		return r
	}
	for i := range 5000 {
		_ = h.Handle(t.Context(), named("db."+strconv.Itoa(i)))
	}
	r := named("db.late")
	if got := testing.AllocsPerRun(100, func() { _ = h.Handle(t.Context(), r) }); got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

func TestGateAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	rules := append(twentyRules(), handler.LevelRule{Logger: "db", Level: slog.LevelError}, handler.LevelRule{Logger: "db", Package: "strings"})
	levels := handler.NewLevels(slog.LevelInfo, rules...)
	root := handler.NewGate(gateEnd{}, &handler.GateOptions{Level: levels, FollowContext: true})
	db := root.WithAttrs([]slog.Attr{slog.String("logger", "db")})
	ctx := handler.WithLevel(t.Context(), slog.LevelDebug)
	r := gateRecord(slog.LevelInfo)
	named := r.Clone()
	named.AddAttrs(slog.String("logger", "db.pool"))
	for name, f := range map[string]func(){
		"Enabled":             func() { root.Enabled(t.Context(), slog.LevelDebug) },
		"Enabled, bound":      func() { db.Enabled(t.Context(), slog.LevelDebug) },
		"Enabled, by context": func() { root.Enabled(ctx, slog.LevelDebug) },
		"Handle":              func() { _ = root.Handle(t.Context(), r) },
		"Handle, bound":       func() { _ = db.Handle(t.Context(), r) },
		"Handle, named":       func() { _ = root.Handle(t.Context(), named) },
		"Handle, by context":  func() { _ = root.Handle(ctx, r) },
	} {
		if got := testing.AllocsPerRun(200, f); got > 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}

// TestGateConcurrentSafe changes levels beside loggers. What no rule ever lets pass must
// not pass, what every one lets pass must.
func TestGateConcurrentSafe(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(slog.LevelInfo)
	var buf testlog.Buffer
	root := slog.New(handler.NewGate(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug - 1}), &handler.GateOptions{Level: levels}))
	const records = 300
	var writers sync.WaitGroup
	stop := make(chan struct{})
	var changer sync.WaitGroup
	changer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			level := slog.LevelDebug
			if i%2 == 0 {
				level = slog.LevelWarn
			}
			levels.SetRule(handler.LevelRule{Package: "github.com/sluicelog/*", Level: level})
			levels.SetRule(handler.LevelRule{Logger: "db", Level: level, Until: time.Now().Add(time.Millisecond)})
			levels.Set(level)
			levels.RemoveRule(handler.LevelRule{Logger: "db"})
			if rules := levels.Rules(); rules[len(rules)-1].Level != level || levels.Level() != level {
				t.Errorf("got %v, want a base level of %v", rules, level)
			}
		}
	})
	for _, logger := range []*slog.Logger{root, root.With("logger", "db"), root.With("logger", "api")} {
		writers.Go(func() {
			for range records {
				logger.Error("must pass", "logger", "db")
				logger.Info("may pass", "logger", "db.pool")
				logger.Log(t.Context(), slog.LevelDebug-1, "must not pass", "logger", "db")
			}
		})
	}
	writers.Wait()
	close(stop)
	changer.Wait()
	if got := strings.Count(buf.String(), "must pass"); got != 3*records {
		t.Errorf("%d records that must pass, want %d", got, 3*records)
	}
	if got := strings.Count(buf.String(), "must not pass"); got != 0 {
		t.Errorf("%d records that must not pass", got)
	}
}

func TestGateWithRulesConformance(t *testing.T) {
	t.Parallel()
	levels := handler.NewLevels(slog.LevelInfo, append(twentyRules(),
		handler.LevelRule{Logger: "*", Level: slog.LevelDebug}, handler.LevelRule{Package: "*", Level: slog.Level(-100)})...)
	handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewGate(handler.NewJSONHandler(w, opts), &handler.GateOptions{Level: levels})
	}, handlertest.ParseJSON)
}
