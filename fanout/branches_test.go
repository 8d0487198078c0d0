package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/internal/testlog"
)

// leaver ends the goroutine.
type leaver struct{ slog.Handler }

func (leaver) Enabled(context.Context, slog.Level) bool  { return true }
func (leaver) Handle(context.Context, slog.Record) error { runtime.Goexit(); return nil }

// inGoroutine runs f in a goroutine of its own and reports whether f returned.
func inGoroutine(f func()) (returned bool) {
	var wg sync.WaitGroup
	wg.Go(func() {
		f()
		returned = true
	})
	wg.Wait()
	return returned
}

func TestAHandlerThatEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	leave := func(context.Context, slog.Record, fanout.Bound) bool { runtime.Goexit(); return true }
	type outcome struct {
		First, Second string
		Stats         []fanout.Stats
		Reported      []string
	}
	dropped, written := fanout.Stats{Accepted: 1, Dropped: 1}, fanout.Stats{Accepted: 1, Written: 1}
	tests := []struct {
		name string
		new  func(opts *fanout.Options, first, second slog.Handler) slog.Handler
		want outcome
	}{
		{"Handler", func(opts *fanout.Options, first, second slog.Handler) slog.Handler {
			return fanout.NewHandler(opts, first, leaver{}, leaver{}, second)
		}, outcome{
			"INFO msg=m", "INFO msg=m",
			[]fanout.Stats{written, dropped, dropped, written},
			[]string{"2: fanout_test.leaver ends the goroutine", "3: fanout_test.leaver ends the goroutine"},
		}},
		{"Handler/match", func(opts *fanout.Options, first, second slog.Handler) slog.Handler {
			return fanout.NewHandler(opts, fanout.When(leave, first), second)
		}, outcome{"", "INFO msg=m", []fanout.Stats{dropped, written}, []string{"1: match ends the goroutine"}}},
		{"FirstMatch", func(opts *fanout.Options, first, second slog.Handler) slog.Handler {
			return fanout.NewFirstMatch(opts, leaver{}, second)
		}, outcome{"", "", []fanout.Stats{dropped, {}}, []string{"1: fanout_test.leaver ends the goroutine"}}},
		{"FirstMatch/match", func(opts *fanout.Options, first, second slog.Handler) slog.Handler {
			return fanout.NewFirstMatch(opts, fanout.When(leave, first), second)
		}, outcome{"", "INFO msg=m", []fanout.Stats{dropped, written}, []string{"1: match ends the goroutine"}}},
		{"Failover", func(opts *fanout.Options, first, second slog.Handler) slog.Handler {
			return fanout.NewFailover(opts, leaver{}, leaver{}, second, first)
		}, outcome{"", "INFO msg=m", []fanout.Stats{dropped, dropped, written, {}}, []string{
			"1: fanout_test.leaver ends the goroutine", "2: fanout_test.leaver ends the goroutine",
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first, firstOut := text(slog.LevelInfo)
			second, secondOut := text(slog.LevelInfo)
			var got outcome
			opts := &fanout.Options{OnError: func(err error) {
				e, _ := errors.AsType[*fanout.Error](err)
				got.Reported = append(got.Reported, fmt.Sprint(e.Number, ": ", e.Err))
			}}
			h := tt.new(opts, first, second)
			if inGoroutine(func() { _ = h.Handle(t.Context(), record(slog.LevelInfo)) }) {
				t.Error("the goroutine goes on")
			}
			got.First, got.Second = firstOut(), secondOut()
			got.Stats = h.(interface{ Stats() []fanout.Stats }).Stats()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAHookThatEndsTheGoroutineCostsNoRecord(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	opts := &fanout.Options{OnError: func(error) { runtime.Goexit() }}
	h := fanout.NewHandler(opts, &faulty{out, testlog.ErrInjected, nil}, out)
	if inGoroutine(func() { _ = h.Handle(t.Context(), record(slog.LevelInfo)) }) {
		t.Error("the goroutine goes on")
	}
	if diff := cmp.Diff("INFO msg=m", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestHandlerFlattensHandlers(t *testing.T) {
	t.Parallel()
	var reported []string
	opts := func(who string) *fanout.Options {
		return &fanout.Options{OnError: func(err error) { reported = append(reported, who+": "+err.Error()) }}
	}
	out, got := text(slog.LevelInfo)
	bad := fanout.Named("bad", &faulty{out, testlog.ErrInjected, nil})
	innermost := fanout.NewHandler(opts("innermost"), bad)
	inner := fanout.NewHandler(opts("inner"), out, innermost)
	derived, ok := inner.WithAttrs([]slog.Attr{slog.Int("a", 1)}).(*fanout.Handler)
	if !ok {
		t.Fatal("a Handler derived is no Handler")
	}
	h := fanout.NewHandler(opts("outer"), out, derived, out)
	if n := len(h.Unwrap()); n != 4 {
		t.Fatalf("%d handlers, want 4", n)
	}
	err := h.WithGroup("g").Handle(t.Context(), record(slog.LevelInfo, slog.Int("b", 1)))
	if err == nil || err.Error() != `fanout: handler 3 "bad": injected failure` {
		t.Errorf("got %v", err)
	}
	want := "INFO msg=m g.b=1\nINFO msg=m a=1 g.b=1\nINFO msg=m g.b=1"
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	wantReported := []string{
		`outer: fanout: handler 3 "bad": injected failure`,
		`inner: fanout: handler 2 "bad": injected failure`,
		`innermost: fanout: handler 1 "bad": injected failure`,
	}
	if diff := cmp.Diff(wantReported, reported); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	_ = inner.Handle(t.Context(), record(slog.LevelInfo))
	ok1, bad1 := fanout.Stats{Accepted: 1, Written: 1}, fanout.Stats{Name: "bad", Accepted: 1, Dropped: 1}
	ok2, bad2 := fanout.Stats{Accepted: 2, Written: 2}, fanout.Stats{Name: "bad", Accepted: 2, Dropped: 2}
	for name, tt := range map[string]struct {
		h    *fanout.Handler
		want []fanout.Stats
	}{
		"outer": {h, []fanout.Stats{ok1, ok1, bad1, ok1}}, "inner": {inner, []fanout.Stats{ok2, bad2}},
		"innermost": {innermost, []fanout.Stats{bad2}},
	} {
		if diff := cmp.Diff(tt.want, tt.h.Stats()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestAHandlerWithAConditionOrANameIsNotFlattened(t *testing.T) {
	t.Parallel()
	out, _ := text(slog.LevelInfo)
	pair := fanout.NewHandler(nil, out, out)
	h := fanout.NewHandler(nil, fanout.Named("pair", pair), fanout.When(fanout.And(), pair))
	slog.New(h).Info("m")
	want := []fanout.Stats{{Name: "pair", Accepted: 1, Written: 1}, {Accepted: 1, Written: 1}}
	if diff := cmp.Diff(want, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// keeper keeps the record and the attrs that it is given.
type keeper struct {
	slog.Handler
	r     *slog.Record
	attrs *[]slog.Attr
}

func (k keeper) Handle(_ context.Context, r slog.Record) error { *k.r = r; return nil }
func (k keeper) WithAttrs(as []slog.Attr) slog.Handler         { *k.attrs = as; return k }

func TestASingleHandlerGetsWhatThereIs(t *testing.T) {
	t.Parallel()
	var got []slog.Attr
	attrs := []slog.Attr{slog.Int("a", 1)}
	fanout.NewHandler(nil, nil, keeper{attrs: &got}).WithAttrs(attrs)
	if &got[0] != &attrs[0] {
		t.Error("the attrs were copied")
	}
	fanout.NewHandler(nil, keeper{attrs: &got}, slog.DiscardHandler).WithAttrs(attrs)
	if &got[0] == &attrs[0] {
		t.Error("the attrs were not copied for one of two")
	}
}

// TestHandlersMayAddToTheirRecord has more attrs than fit into a record itself, and
// room behind them that all copies of the record share.
func TestHandlersMayAddToTheirRecord(t *testing.T) {
	t.Parallel()
	r := record(slog.LevelInfo)
	for i := range 8 {
		r.AddAttrs(slog.Int(string(rune('a'+i)), i))
	}
	text := func(r slog.Record) (s string) {
		r.Attrs(func(a slog.Attr) bool { s += a.String() + " "; return true })
		return s
	}
	before := text(r)
	for name, newHandler := range map[string]func(hs ...slog.Handler) slog.Handler{
		"Handler": func(hs ...slog.Handler) slog.Handler { return fanout.NewHandler(nil, hs...) },
		"Failover": func(hs ...slog.Handler) slog.Handler {
			for i := range hs[:len(hs)-1] {
				hs[i] = adder{hs[i], testlog.ErrInjected}
			}
			return fanout.NewFailover(nil, hs...)
		},
	} {
		var kept [3]slog.Record
		var hs []slog.Handler
		for i := range kept {
			hs = append(hs, adder{keeper{slog.NewTextHandler(nil, nil), &kept[i], nil}, nil})
		}
		_ = newHandler(hs...).Handle(t.Context(), r)
		for i, k := range kept {
			if got := text(k); got != before+"added=1 " {
				t.Errorf("%s: handler %d got %s", name, i+1, got)
			}
		}
		if got := text(r); got != before {
			t.Errorf("%s: the caller's record became %s", name, got)
		}
	}
}

// adder adds an attr to the record, which is its own, and may fail after that.
type adder struct {
	slog.Handler
	err error
}

func (a adder) Handle(ctx context.Context, r slog.Record) error {
	if a.err == nil {
		r.AddAttrs(slog.Int("added", 1))
	}
	return errors.Join(a.Handler.Handle(ctx, r), a.err)
}

// handlerFunc is a handler that is a func.
type handlerFunc func(slog.Record) error

func (f handlerFunc) Enabled(context.Context, slog.Level) bool      { return true }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { return f(r) }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }

func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	alarms := 0
	opts := &fanout.Options{OnError: func(error) { alarms++ }}
	for _, h := range []slog.Handler{
		fanout.NewHandler(opts, handlerFunc(func(slog.Record) error { return testlog.ErrInjected })),
		fanout.NewFailover(opts, handlerFunc(func(slog.Record) error { return testlog.ErrInjected })),
	} {
		before := opts.OnError
		opts.OnError = nil
		slog.New(h).Info("m")
		opts.OnError = before
	}
	if alarms != 2 {
		t.Errorf("%d alarms, want 2: the options were kept", alarms)
	}
	if opts.MaxFailures != 0 || opts.CoolDown != 0 || opts.MaxCoolDown != 0 {
		t.Errorf("the options have become %+v", opts)
	}
}

func TestNilHandlersAreLeftOut(t *testing.T) {
	t.Parallel()
	var file *slog.JSONHandler
	var fn handlerFunc
	var inner *fanout.Handler
	out, got := text(slog.LevelInfo)
	for name, h := range map[string]interface {
		slog.Handler
		Unwrap() []slog.Handler
		Stats() []fanout.Stats
	}{
		"Handler":    fanout.NewHandler(nil, nil, file, inner, fn, fanout.Named("out", out)),
		"FirstMatch": fanout.NewFirstMatch(nil, nil, file, inner, fn, fanout.Named("out", out)),
		"Failover":   fanout.NewFailover(nil, nil, file, inner, fn, fanout.Named("out", out)),
	} {
		if err := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).Handle(t.Context(), record(slog.LevelInfo)); err != nil {
			t.Error(err)
		}
		if s := h.Stats(); len(h.Unwrap()) != 1 || len(s) != 1 || s[0].Name != "out" {
			t.Errorf("%s: got %+v, want one handler", name, s)
		}
	}
	if got() != strings.TrimSpace(strings.Repeat("INFO msg=m a=1\n", 3)) {
		t.Errorf("got %s", got())
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	match := fanout.HasAttr("a")
	out, _ := text(slog.LevelInfo)
	bad := &faulty{out, testlog.ErrInjected, nil}
	for name, branch := range map[string]slog.Handler{
		"inside":  fanout.When(match, fanout.Named("n", bad)),
		"outside": fanout.Named("n", fanout.When(match, bad)),
		"both":    fanout.Named("n", fanout.When(match, fanout.Named("x", bad))),
		"twice":   fanout.Named("n", fanout.Named("x", fanout.When(match, bad))),
		"unnamed": fanout.Named("", fanout.When(match, fanout.Named("n", bad))),
	} {
		for kind, h := range map[string]slog.Handler{
			"Handler": fanout.NewHandler(nil, branch), "FirstMatch": fanout.NewFirstMatch(nil, branch),
			"Failover": fanout.NewFailover(nil, branch),
		} {
			if err := h.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
				t.Errorf("%s, %s: %v, for what does not match", name, kind, err)
			}
			err := h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").Handle(t.Context(), record(slog.LevelWarn))
			e, ok := errors.AsType[*fanout.Error](err)
			if !ok {
				t.Fatalf("%s, %s: got %v", name, kind, err)
			}
			want := fanout.Error{Name: "n", Number: 1, Level: slog.LevelWarn, Message: "m", Err: testlog.ErrInjected}
			if *e != want || !errors.Is(err, testlog.ErrInjected) || err.Error() != `fanout: handler 1 "n": injected failure` {
				t.Errorf("%s, %s: got %#v, %v", name, kind, e, err)
			}
		}
	}
}

func TestNamedAloneChangesNothing(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelWarn)
	h := fanout.Named("n", out)
	if h.Enabled(t.Context(), slog.LevelInfo) || !h.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("enabled is not what the handler is")
	}
	slog.New(h).With("a", 1).WithGroup("g").Warn("m", "b", 2)
	if diff := cmp.Diff("WARN msg=m a=1 g.b=2", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if h.Unwrap() != out {
		t.Error("unwraps to another handler")
	}
}

func TestBranchesInBranchesAllHaveToMatch(t *testing.T) {
	t.Parallel()
	out, _ := text(slog.LevelInfo)
	h := fanout.NewHandler(nil, fanout.When(fanout.HasAttr("a"), fanout.Named("n", fanout.When(fanout.HasAttr("b"), out))))
	logger := slog.New(h)
	logger.Info("m")
	logger.Info("m", "a", 1)
	logger.Info("m", "b", 1)
	logger.With("b", 1).Info("m", "a", 1)
	if diff := cmp.Diff([]fanout.Stats{{Name: "n", Accepted: 1, Written: 1}}, h.Stats()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFirstMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		log   func(*slog.Logger)
		want  []string // what each handler took
		stats []fanout.Stats
	}{
		{"the first", func(l *slog.Logger) { l.Warn("m", "a", 1, "b", 1) }, []string{"WARN msg=m a=1 b=1", "", ""}, []fanout.Stats{{Accepted: 1, Written: 1}, {}, {}}},
		{"the second", func(l *slog.Logger) { l.With("b", 1).Info("m") }, []string{"", "INFO msg=m b=1", ""}, []fanout.Stats{{}, {Accepted: 1, Written: 1}, {}}},
		{"none but the default", func(l *slog.Logger) { l.Info("m") }, []string{"", "", "INFO msg=m"}, []fanout.Stats{{}, {}, {Accepted: 1, Written: 1}}},
		{"one that is not enabled", func(l *slog.Logger) { l.Info("m", "a", 1, "b", 1) }, []string{"", "", ""}, []fanout.Stats{{}, {}, {}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, aOut := text(slog.LevelWarn)
			b, bOut := text(slog.LevelInfo)
			c, cOut := text(slog.LevelInfo)
			f := fanout.NewFirstMatch(nil, fanout.When(fanout.HasAttr("a"), a), fanout.When(fanout.HasAttr("b"), b), c)
			tt.log(slog.New(f))
			got, want := []any{[]string{aOut(), bOut(), cOut()}, f.Stats()}, []any{tt.want, tt.stats}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFirstMatchThatFailsIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]*faulty{"error": {slog.DiscardHandler, testlog.ErrInjected, nil}, "panic": {slog.DiscardHandler, nil, "boom"}} {
		out, got := text(slog.LevelInfo)
		bad.Handler = out
		f := fanout.NewFirstMatch(nil, bad, out)
		if err := f.Handle(t.Context(), record(slog.LevelInfo)); err == nil || got() != "" {
			t.Errorf("%s: %v, and the next got %q", name, err, got())
		}
	}
}

func TestFirstMatchGoesOnAfterAMatchThatPanics(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	panics := func(context.Context, slog.Record, fanout.Bound) bool { panic(testlog.ErrInjected) }
	f := fanout.NewFirstMatch(nil, fanout.When(panics, out), out)
	if err := f.Handle(t.Context(), record(slog.LevelInfo)); !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("got %v", err)
	}
	want := []any{[]fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}, "INFO msg=m"}
	if diff := cmp.Diff(want, []any{f.Stats(), got()}); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFirstMatchKeepsTheConditionOfABranchThatCannotBeDerivedFrom(t *testing.T) {
	t.Parallel()
	out, got := text(slog.LevelInfo)
	f := fanout.NewFirstMatch(nil, fanout.When(fanout.HasAttr("x"), brittle{out}), out).WithGroup("g")
	if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff("INFO msg=m", got()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFirstMatchIsEnabledIfAnyIs(t *testing.T) {
	t.Parallel()
	warn, _ := text(slog.LevelWarn)
	info, _ := text(slog.LevelInfo)
	f := fanout.NewFirstMatch(nil, warn, info)
	if f.Enabled(t.Context(), slog.LevelDebug) || !f.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("enabled is not what any of the handlers is")
	}
	if none := fanout.NewFirstMatch(nil); none.Enabled(t.Context(), slog.LevelError) || none.Handle(t.Context(), record(slog.LevelError)) != nil {
		t.Error("enabled, or an error, without handlers")
	}
}

func TestHandlersAreCalledInTheirOrder(t *testing.T) {
	t.Parallel()
	var order []int
	hs := make([]slog.Handler, 20)
	for i := range hs {
		s := new(sink)
		s.before = func() {
			if order = append(order, i); i%5 == 4 {
				panic("boom")
			}
		}
		hs[i] = s
	}
	h := fanout.NewHandler(nil, hs...)
	if err := h.Handle(t.Context(), record(slog.LevelInfo)); err == nil || strings.Count(err.Error(), "boom") != 4 {
		t.Errorf("got %v, want four panics", err)
	}
	if !slices.IsSorted(order) || len(order) != len(hs) {
		t.Errorf("got %d", order)
	}
	for i, s := range h.Stats() {
		want := fanout.Stats{Accepted: 1, Written: 1}
		if i%5 == 4 {
			want = fanout.Stats{Accepted: 1, Dropped: 1}
		}
		if s != want {
			t.Errorf("handler %d: got %+v, want %+v", i+1, s, want)
		}
	}
}

// TestStatsConcurrentSafe has handlers with levels, conditions and failures, more of
// them than are counted together, and asks for the counts all the while.
func TestStatsConcurrentSafe(t *testing.T) {
	t.Parallel()
	const goroutines, records = 6, 300
	hs := []slog.Handler{fanout.NewHandler(nil, new(sink), fanout.When(fanout.MessageIs("odd"), new(sink)))}
	for i := range 8 {
		s := new(sink)
		if i%3 == 0 {
			s.fail(testlog.ErrInjected)
		}
		hs = append(hs, s, fanout.When(fanout.MessageIs("odd"), new(sink)))
	}
	h := fanout.NewHandler(nil, hs...)
	stop := make(chan struct{})
	var wg, reader sync.WaitGroup
	reader.Go(func() {
		before := h.Stats()
		for {
			select {
			case <-stop:
				return
			default:
			}
			now := h.Stats()
			for i, s := range now {
				if s.Accepted != s.Written+s.Dropped || s.Accepted < before[i].Accepted {
					t.Errorf("handler %d: got %+v after %+v", i+1, s, before[i])
				}
			}
			before = now
		}
	})
	for range goroutines {
		wg.Go(func() {
			logger := slog.New(h).With("a", 1)
			for i := range records {
				logger.Info([]string{"even", "odd"}[i%2])
				logger.Debug("nobody's")
			}
		})
	}
	wg.Wait()
	close(stop)
	reader.Wait()
	for i, s := range h.Stats() {
		taken, calls := uint64(0), uint64(0)
		for b, ok := h.Unwrap()[i].(*fanout.Branch); ok; b, ok = nil, false {
			taken, calls = uint64(len(b.Unwrap().(*sink).all())), uint64(b.Unwrap().(*sink).calls.Load())
		}
		if s, ok := h.Unwrap()[i].(*sink); ok {
			taken, calls = uint64(len(s.all())), uint64(s.calls.Load())
		}
		if s.Written != taken || s.Accepted != calls || calls < goroutines*records/2 {
			t.Errorf("handler %d: got %+v, want %d written of %d", i+1, s, taken, calls)
		}
	}
}
