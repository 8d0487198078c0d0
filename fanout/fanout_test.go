package fanout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
)

// text returns a handler that prints records without time, and what it printed.
func text(level slog.Leveler) (slog.Handler, func() string) {
	buf := new(testlog.Buffer)
	h := slog.NewTextHandler(buf, &slog.HandlerOptions{Level: level, ReplaceAttr: func(g []string, a slog.Attr) slog.Attr {
		if len(g) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return h, func() string { return strings.TrimSuffix(strings.ReplaceAll(buf.String(), "level=", ""), "\n") }
}

// faulty is a handler that fails as it is told.
type faulty struct {
	slog.Handler
	err    error
	panics any
}

func (f *faulty) Handle(ctx context.Context, r slog.Record) error {
	if f.panics != nil {
		panic(f.panics)
	}
	if f.err != nil {
		return f.err
	}
	return f.Handler.Handle(ctx, r)
}

func (f *faulty) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &faulty{f.Handler.WithAttrs(attrs), f.err, f.panics}
}

func (f *faulty) WithGroup(name string) slog.Handler {
	return &faulty{f.Handler.WithGroup(name), f.err, f.panics}
}

// vandal changes every slice it is given, as a handler may.
type vandal struct{ slog.Handler }

func (v vandal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range attrs {
		attrs[i] = slog.String(attrs[i].Key, "vandalised")
	}
	return v
}

func (v vandal) Handle(_ context.Context, r slog.Record) error {
	r.AddAttrs(slog.String("vandal", "was here"))
	return nil
}

func record(level slog.Level, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, level, "m", 0)
	r.AddAttrs(attrs...)
	return r
}

func TestHandlerGivesEachHandlerWhatItIsEnabledFor(t *testing.T) {
	t.Parallel()
	debug, debugOut := text(slog.LevelDebug)
	warn, warnOut := text(slog.LevelWarn)
	h := fanout.NewHandler(nil, nil, debug, nil, warn)
	if !h.Enabled(t.Context(), slog.LevelDebug) || h.Enabled(t.Context(), slog.LevelDebug-1) {
		t.Error("enabled is not what any of the handlers is")
	}
	logger := slog.New(h).With("a", 1).WithGroup("g")
	logger.Debug("one")
	logger.Error("two", "b", 2)
	want := map[string]string{
		"debug": "DEBUG msg=one a=1\nERROR msg=two a=1 g.b=2",
		"warn":  "ERROR msg=two a=1 g.b=2",
	}
	if diff := cmp.Diff(want, map[string]string{"debug": debugOut(), "warn": warnOut()}); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if n := len(h.Unwrap()); n != 2 {
		t.Errorf("%d handlers, want 2: nil ones are left out", n)
	}
	wantStats := []fanout.Stats{{Accepted: 2, Written: 2}, {Accepted: 1, Written: 1}}
	if diff := cmp.Diff(wantStats, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestHandlerIsolatesFailures(t *testing.T) {
	t.Parallel()
	first, firstOut := text(slog.LevelInfo)
	last, lastOut := text(slog.LevelInfo)
	null := slog.DiscardHandler
	var reported []string
	h := fanout.NewHandler(&fanout.Options{OnError: func(err error) {
		reported = append(reported, err.Error())
		panic("a hook that panics")
	}}, first, &faulty{null, testlog.ErrInjected, nil}, &faulty{first, nil, "boom"}, &faulty{first, testlog.ErrInjected, nil}, last)

	err := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).Handle(t.Context(), record(slog.LevelInfo))
	if !errors.Is(err, testlog.ErrInjected) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v, want both failures", err)
	}
	want := []string{"fanout: handler 3: *fanout_test.faulty panics: boom", "fanout: handler 4: injected failure"}
	if diff := cmp.Diff(want, reported); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	for what, got := range map[string]string{"before": firstOut(), "after": lastOut()} {
		if diff := cmp.Diff("INFO msg=m a=1", got); diff != "" {
			t.Errorf("the handler %s the failures: mismatch (-want +got):\n%s", what, diff)
		}
	}
	wantStats := []fanout.Stats{
		{Accepted: 1, Written: 1}, {}, {Accepted: 1, Dropped: 1}, {Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1},
	}
	if diff := cmp.Diff(wantStats, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestHandlerSharesNoSliceAmongHandlers(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	discard, _ := text(slog.LevelInfo)
	for _, h := range []slog.Handler{
		fanout.NewHandler(nil, vandal{discard}, out), fanout.NewFailover(nil, &faulty{vandal{discard}, testlog.ErrInjected, nil}, out),
		fanout.NewFirstMatch(nil, fanout.When(fanout.Or(), vandal{discard}), out),
	} {
		attrs := []slog.Attr{slog.Int("a", 1)}
		h = h.WithAttrs(attrs)
		_ = h.Handle(t.Context(), record(slog.LevelInfo, slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3),
			slog.Int("4", 4), slog.Int("5", 5), slog.Int("6", 6)))
		if attrs[0].Value.Int64() != 1 {
			t.Errorf("the caller's slice was changed: %v", attrs)
		}
	}
	line := "INFO msg=m a=1 1=1 2=2 3=3 4=4 5=5 6=6"
	if diff := cmp.Diff(line+"\n"+line+"\n"+line, strings.ReplaceAll(got(), "\n\n", "\n")); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestWhenSeesWhatIsBound(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	type seen struct {
		Groups []string
		Bound  []string
		Ctx    any
	}
	var saw seen
	type key struct{}
	h := fanout.When(func(ctx context.Context, r slog.Record, bound fanout.Bound) bool {
		saw = seen{Groups: bound.Groups(), Ctx: ctx.Value(key{})}
		bound.Attrs(func(groups []string, a slog.Attr) bool {
			saw.Bound = append(saw.Bound, strings.Join(append(groups, a.String()), "."))
			return true
		})
		return r.Message == "m"
	}, out)
	logger := slog.New(h).With("a", 1).WithGroup("g").With("b", 2, "c", 3).WithGroup("h")
	logger.InfoContext(context.WithValue(t.Context(), key{}, "v"), "m")
	logger.Info("other")
	want := seen{Groups: []string{"g", "h"}, Bound: []string{"g.b=2", "g.c=3", "a=1"}}
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("INFO msg=m a=1 g.b=2 g.c=3", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestHasTag(t *testing.T) {
	t.Parallel()
	cyclic := make([]slog.Attr, 2)
	cyclic[0] = slog.Attr{Key: "c", Value: slog.GroupValue(cyclic...)}
	cyclic[1] = cyclic[0]
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want bool
	}{
		{"no attrs", func(l *slog.Logger) { l.Info("m") }, false},
		{"a string", func(l *slog.Logger) { l.Info("m", "tags", "security") }, true},
		{"[]string", func(l *slog.Logger) { l.Info("m", "tags", []string{"a", "security"}) }, true},
		{"[]any", func(l *slog.Logger) { l.Info("m", "tags", []any{1, []int{}, map[string]any{}, "security"}) }, true},
		{"a LogValuer", func(l *slog.Logger) { l.Info("m", "tags", valuer{slog.StringValue("security")}) }, true},
		{"bound by With", func(l *slog.Logger) { l.With("tags", []string{"security"}).Info("m", "k", 1) }, true},
		{"bound inside a group", func(l *slog.Logger) { l.WithGroup("g").With("tags", "security").WithGroup("h").Info("m") }, true},
		{"bound by a parent of a sibling", func(l *slog.Logger) { l.With("tags", "security"); l.With("x", 1).Info("m") }, false},
		{"in a group of the record", func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.Group("h", "tags", "security"))) }, true},
		{"under WithGroup", func(l *slog.Logger) { l.WithGroup("g").Info("m", "tags", "security") }, true},
		{"another tag", func(l *slog.Logger) { l.Info("m", "tags", []string{"securityx", "Security"}) }, false},
		{"another key", func(l *slog.Logger) { l.Info("m", "tag", "security") }, false},
		{"values that cannot be compared", func(l *slog.Logger) { l.Info("m", "tags", []any{func() {}}) }, false},
		{"a LogValuer that becomes a group", func(l *slog.Logger) {
			l.Info("m", "u", valuer{slog.GroupValue(slog.String("tags", "security"))})
		}, true},
		{"the same, bound and inlined", func(l *slog.Logger) {
			l.With("", valuer{slog.GroupValue(slog.String("tags", "security"))}).Info("m")
		}, true},
		{"types made of strings", func(l *slog.Logger) { l.Info("m", "tags", []tag{"a", "security"}) }, true},
		{"a type made of a string", func(l *slog.Logger) { l.Info("m", "tags", tag("security")) }, true},
		{"an array", func(l *slog.Logger) { l.Info("m", "tags", [2]any{nil, tag("security")}) }, true},
		{"bytes", func(l *slog.Logger) { l.Info("m", "tags", []byte("security")) }, false},
		{"nil", func(l *slog.Logger) { l.Info("m", "tags", nil) }, false},
		{"a number", func(l *slog.Logger) { l.Info("m", "tags", 1) }, false},
		{"a LogValuer that panics", func(l *slog.Logger) { l.Info("m", "tags", panicker{}) }, false},
		{"a group that contains itself", func(l *slog.Logger) { l.LogAttrs(context.Background(), slog.LevelInfo, "m", cyclic[0]) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			tt.log(slog.New(fanout.When(fanout.HasTag("security"), handler.NewJSONHandler(&buf, nil))))
			if got := buf.Len() > 0; got != tt.want {
				t.Errorf("matched %t, want %t", got, tt.want)
			}
		})
	}
}

type tag string

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type panicker struct{}

func (panicker) LogValue() slog.Value { panic("LogValue") }

func TestFailoverTriesInTurn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		err1, err2     error
		panics         any
		level          slog.Level
		first, second  string
		wantErr        bool
		stats1, stats2 fanout.Stats
	}{
		{name: "the first works", first: "INFO msg=m", stats1: fanout.Stats{Accepted: 1, Written: 1}},
		{
			name: "an error", err1: testlog.ErrInjected, second: "INFO msg=m",
			stats1: fanout.Stats{Accepted: 1, Dropped: 1}, stats2: fanout.Stats{Accepted: 1, Written: 1},
		},
		{
			name: "a panic", panics: "boom", second: "INFO msg=m",
			stats1: fanout.Stats{Accepted: 1, Dropped: 1}, stats2: fanout.Stats{Accepted: 1, Written: 1},
		},
		{
			name: "all fail", err1: testlog.ErrInjected, err2: io.ErrClosedPipe, wantErr: true,
			stats1: fanout.Stats{Accepted: 1, Dropped: 1}, stats2: fanout.Stats{Accepted: 1, Dropped: 1},
		},
		{name: "a level the first does not want is nobody's", err1: testlog.ErrInjected, level: slog.LevelDebug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first, firstOut := text(slog.LevelInfo)
			second, secondOut := text(slog.LevelDebug)
			f := fanout.NewFailover(nil, nil, &faulty{first, tt.err1, tt.panics}, &faulty{second, tt.err2, nil})
			err := f.Handle(t.Context(), record(tt.level))
			if (err != nil) != tt.wantErr {
				t.Errorf("error %v", err)
			}
			if tt.wantErr && (!errors.Is(err, tt.err1) || !errors.Is(err, tt.err2)) {
				t.Errorf("got %v, want all errors", err)
			}
			got := []any{firstOut(), secondOut(), f.Stats()}
			want := []any{tt.first, tt.second, []fanout.Stats{tt.stats1, tt.stats2}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if f.Enabled(t.Context(), slog.LevelDebug) || !f.Enabled(t.Context(), slog.LevelInfo) {
				t.Error("enabled is not what the first handler is")
			}
		})
	}
}

func TestFailoverTakesTheFirstAgainWhenItWorks(t *testing.T) {
	t.Parallel()
	var first, second testlog.Buffer
	w := &testlog.FaultWriter{W: &first}
	logger := slog.New(fanout.NewFailover(nil, handler.NewJSONHandler(w, nil), handler.NewJSONHandler(&second, nil)))
	for i := range 9 {
		if i == 3 {
			w.Fail(testlog.ErrInjected)
		}
		if i == 6 {
			w.Fail(nil)
		}
		logger.Info("m", "i", i)
	}
	a, _ := first.Lines()
	b, _ := second.Lines()
	if len(a) != 6 || len(b) != 3 {
		t.Errorf("%d and %d lines, want 6 and 3", len(a), len(b))
	}
}

func TestABranchSeesTagsThatTheNextHandlerChanges(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	h := fanout.When(fanout.HasTag("security"), changer{out}).WithAttrs([]slog.Attr{slog.String("tags", "security")})
	if err := h.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("INFO msg=m", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// changer is a vandal that handles its records.
type changer struct{ slog.Handler }

func (c changer) WithAttrs(attrs []slog.Attr) slog.Handler {
	clear(attrs)
	return c
}

// evil is an error that claims to be every other one, or panics when asked.
type evil struct{ panics bool }

func (evil) Error() string { return "evil" }

func (e evil) Is(error) bool {
	if e.panics {
		panic("Is")
	}
	return true
}

func TestAnErrorThatClaimsToBeAnother(t *testing.T) {
	t.Parallel()
	for _, err := range []error{evil{}, evil{panics: true}} {
		out, got := text(slog.LevelInfo)
		f := fanout.NewFailover(nil, &faulty{out, err, nil}, out)
		if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
			t.Error(err)
		}
		want := []fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}
		if diff := cmp.Diff([]any{want, "INFO msg=m"}, []any{f.Stats(), got()}); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		h := fanout.NewHandler(nil, &faulty{out, err, nil})
		if err := h.Handle(t.Context(), record(slog.LevelInfo)); err == nil || h.Stats()[0].Dropped != 1 {
			t.Errorf("got %v, %v", err, h.Stats())
		}
	}
}

func TestABranchThatDoesNotMatchIsNoSuccess(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	f := fanout.NewFailover(nil, fanout.When(fanout.HasTag("a"), slog.DiscardHandler), fanout.When(fanout.HasTag("x"), out), out)
	if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("", got()); diff != "" {
		t.Errorf("the first handler decides on levels: mismatch (-want +got):\n%s", diff)
	}
	f = fanout.NewFailover(nil, fanout.When(fanout.HasTag("a"), out), out)
	if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
		t.Fatal(err)
	}
	want := []fanout.Stats{{}, {Accepted: 1, Written: 1}}
	if diff := cmp.Diff([]any{want, "INFO msg=m"}, []any{f.Stats(), got()}); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestAMatchThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	b := fanout.When(func(context.Context, slog.Record, fanout.Bound) bool { panic("boom") }, out)
	if err := b.Handle(t.Context(), record(slog.LevelInfo)); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("alone: %v", err)
	}
	h := fanout.NewHandler(nil, b, out)
	if err := h.Handle(t.Context(), record(slog.LevelInfo)); err == nil {
		t.Error("in a Handler: no error")
	}
	want := []fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}
	if diff := cmp.Diff([]any{want, "INFO msg=m"}, []any{h.Stats(), got()}); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// brittle panics when it is derived from.
type brittle struct{ slog.Handler }

func (brittle) WithAttrs([]slog.Attr) slog.Handler { panic("WithAttrs") }
func (brittle) WithGroup(string) slog.Handler      { panic("WithGroup") }

// hollow has nothing to derive from it.
type hollow struct{ slog.Handler }

func (hollow) WithAttrs([]slog.Attr) slog.Handler { return (*slog.JSONHandler)(nil) }
func (hollow) WithGroup(string) slog.Handler      { return nil }

// TestAHandlerThatCannotBeDerivedFromLosesNothing has handlers that panic when they are
// derived from, or have nothing to derive from them.
func TestAHandlerThatCannotBeDerivedFromLosesNothing(t *testing.T) {
	t.Parallel()
	type derivable interface {
		slog.Handler
		Unwrap() []slog.Handler
		Stats() []fanout.Stats
	}
	for name, newHandler := range map[string]func(*fanout.Options, slog.Handler) derivable{
		"Handler":    func(o *fanout.Options, h slog.Handler) derivable { return fanout.NewHandler(o, h) },
		"FirstMatch": func(o *fanout.Options, h slog.Handler) derivable { return fanout.NewFirstMatch(o, h) },
		"Failover": func(o *fanout.Options, h slog.Handler) derivable {
			return fanout.NewFailover(o, h, slog.DiscardHandler)
		},
		"Branch": func(o *fanout.Options, h slog.Handler) derivable {
			return fanout.NewHandler(o, fanout.When(fanout.HasAttr("g.b"), h))
		},
	} {
		for _, broken := range []func(slog.Handler) slog.Handler{
			func(h slog.Handler) slog.Handler { return brittle{h} },
			func(h slog.Handler) slog.Handler { return hollow{h} },
		} {
			out, got := text(slog.LevelWarn)
			sink := broken(out)
			var reported []error
			h := newHandler(&fanout.Options{OnError: func(err error) { reported = append(reported, err) }}, fanout.Named("n", sink))
			logger := slog.New(h).With("a", 1).WithGroup("g").With("b", 2)
			logger.Info("not wanted")
			logger.Warn("m", "c", 3)
			want := []any{"WARN msg=m a=1 g.b=2 g.c=3", []fanout.Stats{{Name: "n", Accepted: 1, Written: 1}}}
			if diff := cmp.Diff(want, []any{got(), h.Stats()[:1]}); diff != "" {
				t.Errorf("%s, %T: mismatch (-want +got):\n%s", name, sink, diff)
			}
			if len(reported) != 1 {
				t.Fatalf("%s, %T: reported %v, want one error", name, sink, reported)
			}
			e, ok := errors.AsType[*fanout.Error](reported[0])
			if !ok || e.Name != "n" || e.Message != "" || !strings.Contains(e.Error(), "when derived from") {
				t.Errorf("%s, %T: reported %#v", name, sink, reported[0])
			}
			if logger.Enabled(t.Context(), slog.LevelInfo) {
				t.Errorf("%s, %T: enabled for a level that the handler does not want", name, sink)
			}
			inner, ok := logger.Handler().(derivable)
			if !ok {
				t.Fatalf("%s: derived to a %T", name, logger.Handler())
			}
			unwrapped := inner.Unwrap()[0]
			for w, ok := unwrapped.(interface{ Unwrap() slog.Handler }); ok; w, ok = unwrapped.(interface{ Unwrap() slog.Handler }) {
				unwrapped = w.Unwrap()
			}
			if unwrapped != sink {
				t.Errorf("%s, %T: unwraps to a %T", name, sink, unwrapped)
			}
		}
	}
}

func TestABranchThatCannotBeDerivedFromLosesNothing(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	slog.New(fanout.When(fanout.HasAttr("g.b"), brittle{out})).With("a", 1).WithGroup("g").Info("m", "b", 2)
	if diff := cmp.Diff("INFO msg=m a=1 g.b=2", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestAHandlerThatCannotBeDerivedFromIsNamedWhenItPanics(t *testing.T) {
	t.Parallel()
	h := fanout.NewHandler(nil, brittle{&faulty{slog.NewTextHandler(io.Discard, nil), nil, "boom"}})
	err := h.WithGroup("g").Handle(t.Context(), record(slog.LevelInfo))
	if err == nil || err.Error() != "fanout: handler 1: fanout_test.brittle panics: boom" {
		t.Errorf("got %v", err)
	}
}

// insane panics wherever it can.
type insane struct{ slog.Handler }

func (insane) Enabled(context.Context, slog.Level) bool { panic("enabled") }

func TestAHandlerThatPanicsWhenAskedIsReported(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	h := fanout.NewHandler(nil, insane{}, out)
	if !h.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("not enabled")
	}
	if err := h.Handle(t.Context(), record(slog.LevelInfo)); err == nil {
		t.Error("no error")
	}
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1}, insane{}, out)
	if !f.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("not enabled")
	}
	if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil || f.Stats()[0].State != fanout.Down {
		t.Errorf("got %v, %+v", err, f.Stats())
	}
	if diff := cmp.Diff("INFO msg=m\nINFO msg=m", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	always := func(context.Context, slog.Record, fanout.Bound) bool { return true }
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"Handler":      func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, slog.DiscardHandler, h) },
		"Handler/one":  func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, h) },
		"Branch":       func(h slog.Handler) slog.Handler { return fanout.When(always, h) },
		"Branch/named": func(h slog.Handler) slog.Handler { return fanout.Named("n", h) },
		"FirstMatch":   func(h slog.Handler) slog.Handler { return fanout.NewFirstMatch(nil, fanout.When(always, h), h) },
		"Failover":     func(h slog.Handler) slog.Handler { return fanout.NewFailover(nil, h, slog.DiscardHandler) },
		"Failover/standby": func(h slog.Handler) slog.Handler {
			return fanout.NewFailover(nil, &faulty{h, testlog.ErrInjected, nil}, h)
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

// endless is an error that contains itself, as what it panics with when asked.
type endless struct{}

func (endless) Error() string {
	m := map[string]any{}
	m["m"] = m
	panic(m)
}

func TestPanicsWithValuesThatContainThemselves(t *testing.T) {
	t.Parallel()
	m := map[string]any{}
	m["m"] = m
	for _, value := range []any{m, endless{}, error(endless{})} {
		out, _ := text(slog.LevelInfo)
		match := func(context.Context, slog.Record, fanout.Bound) bool { panic(value) }
		for _, h := range []slog.Handler{
			fanout.NewHandler(nil, &faulty{out, nil, value}), fanout.NewHandler(nil, fanout.When(match, out)),
			fanout.NewFailover(nil, &faulty{out, nil, value}), fanout.When(match, out),
		} {
			if err := h.Handle(t.Context(), record(slog.LevelInfo)); err == nil || !strings.Contains(err.Error(), " panics: ") {
				t.Errorf("%T: got %v", value, err)
			}
		}
	}
}

func TestZeroHandlers(t *testing.T) {
	t.Parallel()
	for _, h := range []slog.Handler{new(fanout.Handler), new(fanout.FirstMatch), new(fanout.Failover)} {
		h = h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g")
		if err := h.Handle(t.Context(), record(slog.LevelError)); err != nil || h.Enabled(t.Context(), slog.LevelError) {
			t.Errorf("%T: enabled, or %v", h, err)
		}
	}
}

func TestMisuseIsNamed(t *testing.T) {
	t.Parallel()
	always := func(context.Context, slog.Record, fanout.Bound) bool { return true }
	for want, f := range map[string]func(){
		"fanout: When: nil match":                  func() { fanout.When(nil, slog.DiscardHandler) },
		"fanout: When: nil handler":                func() { fanout.When(always, (*slog.JSONHandler)(nil)) },
		"fanout: Named: nil handler":               func() { fanout.Named("n", nil) },
		"fanout: And: nil match":                   func() { fanout.And(always, nil) },
		"fanout: Or: nil match":                    func() { fanout.Or(nil) },
		"fanout: Not: nil match":                   func() { fanout.Not(nil) },
		"fanout: MessageMatches: nil regexp":       func() { fanout.MessageMatches(nil) },
		"fanout: AttrFunc: nil func":               func() { fanout.AttrFunc("k", nil) },
		"fanout: ContextFunc: nil func":            func() { fanout.ContextFunc(nil) },
		"fanout: ContextIs: nil key":               func() { fanout.ContextIs(nil, 1) },
		"fanout: ContextIs: key is not comparable": func() { fanout.ContextIs([]int{}, 1) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			f()
		}()
	}
	if fanout.NewHandler(nil).Enabled(t.Context(), slog.LevelError) || fanout.NewFailover(nil).Enabled(t.Context(), slog.LevelError) {
		t.Error("enabled without handlers")
	}
	if err := fanout.NewFailover(nil, nil).Handle(t.Context(), record(slog.LevelInfo)); err != nil {
		t.Error(err)
	}
}

func TestAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	logger := slog.New(fanout.NewHandler(nil, handler.NewJSONHandler(io.Discard, nil),
		fanout.When(fanout.HasTag("security"), handler.NewJSONHandler(io.Discard, nil)),
		fanout.NewFailover(nil, handler.NewJSONHandler(io.Discard, nil))))
	log := func() { logger.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("a", "b"), slog.Int("c", 1)) }
	if got := testing.AllocsPerRun(200, log); got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
