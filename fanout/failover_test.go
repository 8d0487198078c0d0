package fanout_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/internal/testlog"
)

// sink is a handler that fails while it is told to, and keeps the messages that it
// took. All that are derived from it are the same one.
type sink struct {
	err    atomic.Pointer[error]
	before func() // called by Handle
	calls  atomic.Int64

	mu   sync.Mutex
	took []string
}

func (s *sink) fail(err error) { s.err.Store(&err) }

func (s *sink) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (s *sink) WithAttrs([]slog.Attr) slog.Handler               { return s }
func (s *sink) WithGroup(string) slog.Handler                    { return s }

func (s *sink) Handle(_ context.Context, r slog.Record) error {
	s.calls.Add(1)
	if s.before != nil {
		s.before()
	}
	if err := s.err.Load(); err != nil && *err != nil {
		return *err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, r.Message)
	return nil
}

// all returns the messages that it took, and forgets them.
func (s *sink) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := s.took
	s.took = nil
	return took
}

// watch returns Options with states that are reported as text.
func watch(opts fanout.Options) (*fanout.Options, func() []string) {
	var mu sync.Mutex
	var states []string
	opts.OnState = func(h fanout.Health) {
		mu.Lock()
		defer mu.Unlock()
		text := h.Name + " " + h.State.String()
		if h.Err != nil {
			text += ": " + h.Err.Error()
		}
		states = append(states, text)
	}
	return &opts, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return states
	}
}

func TestFailoverPassesOverWhatFailsInARow(t *testing.T) {
	t.Parallel()
	var first, second sink
	opts, states := watch(fanout.Options{MaxFailures: 3, CoolDown: time.Hour})
	logger := slog.New(fanout.NewFailover(opts, fanout.Named("first", &first), &second))
	for i, fails := range []bool{true, true, false, true, true, true, true, true} {
		first.fail(nil)
		if fails {
			first.fail(testlog.ErrInjected)
		}
		logger.Info(string(rune('a' + i)))
	}
	first.fail(nil)
	logger.Info("z")
	got := []any{first.calls.Load(), first.all(), second.all(), states()}
	want := []any{int64(6), []string{"c"}, []string{"a", "b", "d", "e", "f", "g", "h", "z"}, []string{"first down: injected failure"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFailoverProbesAfterTheCoolDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		opts, states := watch(fanout.Options{MaxFailures: 1, CoolDown: time.Second, MaxCoolDown: 4 * time.Second})
		f := fanout.NewFailover(opts, fanout.Named("first", &first), &second)
		logger := slog.New(f)
		first.fail(testlog.ErrInjected)
		down := time.Now()
		logger.Info("m")
		// The cool-down is up to half of it shorter, and doubles up to the limit.
		for _, coolDown := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
			time.Sleep(coolDown/2 - 1)
			before := first.calls.Load()
			logger.Info("m")
			if got := first.calls.Load() - before; got != 0 {
				t.Errorf("tried before half of %s", coolDown)
			}
			time.Sleep(coolDown/2 + 1)
			logger.Info("m")
			logger.Info("m")
			if got := first.calls.Load() - before; got != 1 {
				t.Errorf("tried %d times after %s, want once", got, coolDown)
			}
		}
		if s := f.Stats()[0]; s.State != fanout.Down || !s.Since.Equal(down) {
			t.Errorf("got %+v, want it to be down since %s", s, down)
		}
		if n := len(second.all()); n != 13 {
			t.Errorf("the second took %d records, want all 13", n)
		}
		first.fail(nil)
		time.Sleep(4 * time.Second)
		logger.Info("n")
		logger.Info("o")
		got := []any{first.all(), second.all(), states()}
		want := []any{[]string{"n", "o"}, []string(nil), []string{"first down: injected failure", "first up"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if s := f.Stats()[0]; s.State != fanout.Up || !s.Since.Equal(time.Now()) {
			t.Errorf("got %+v, want it to be up since now", s)
		}
		// The next outage begins with the first cool-down again.
		first.fail(testlog.ErrInjected)
		logger.Info("m")
		time.Sleep(time.Second)
		before := first.calls.Load()
		logger.Info("m")
		if first.calls.Load() == before {
			t.Error("not tried after the first cool-down of another outage")
		}
	})
}

func TestFailoverProbesWithOneRecordAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Second}, &first, &second)
		logger := slog.New(f)
		first.fail(testlog.ErrInjected)
		logger.Info("m")
		first.fail(nil)
		release := make(chan struct{})
		first.before = func() { <-release }
		time.Sleep(time.Second)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { logger.With("a", 1).Info("m") })
		}
		synctest.Wait()
		if got := []int64{first.calls.Load(), second.calls.Load()}; got[0] != 2 || got[1] != 10 {
			t.Errorf("%d calls while the probe is on its way, want 2 and 10: the probe, and all others passed over", got)
		}
		close(release)
		wg.Wait()
		if s := f.Stats()[0]; s.State != fanout.Up || s.Written != 1 {
			t.Errorf("got %+v, want it to be up again", s)
		}
	})
}

func TestFailoverOffersARecordToAllBeforeItIsLost(t *testing.T) {
	t.Parallel()
	var order []string
	var sinks [3]sink
	var handlers []slog.Handler
	for i := range sinks {
		sinks[i].before = func() { order = append(order, string(rune('a'+i))) }
		handlers = append(handlers, &sinks[i])
	}
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Hour}, handlers...)
	log := func() string {
		order = nil
		err := f.Handle(t.Context(), record(slog.LevelInfo))
		if err == nil {
			return strings.Join(order, "")
		}
		if !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("got %v", err)
		}
		return strings.Join(order, "") + " lost"
	}
	for _, s := range []*sink{&sinks[0], &sinks[1]} {
		s.fail(testlog.ErrInjected)
	}
	got := []string{log(), log()}
	sinks[2].fail(testlog.ErrInjected)
	got = append(got, log(), log())
	sinks[1].fail(nil)
	got = append(got, log(), log())
	want := []string{"abc", "c", "cab lost", "abc lost", "ab", "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who was offered a record, in order: mismatch (-want +got):\n%s", diff)
	}
	wantStats := []fanout.Stats{
		{Accepted: 4, Dropped: 4, State: fanout.Down},
		{Accepted: 5, Written: 2, Dropped: 3},
		{Accepted: 4, Written: 2, Dropped: 2, State: fanout.Down},
	}
	if diff := cmp.Diff(wantStats, f.Stats(), cmpopts.IgnoreFields(fanout.Stats{}, "Since")); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFailoverThatIsToldSoPassesNobodyOver(t *testing.T) {
	t.Parallel()
	var first, second sink
	first.fail(testlog.ErrInjected)
	logger := slog.New(fanout.NewFailover(&fanout.Options{MaxFailures: -1}, &first, &second))
	for range 100 {
		logger.Info("m")
	}
	if n := first.calls.Load(); n != 100 {
		t.Errorf("%d calls, want 100", n)
	}
}

func TestFailoverPanicsOpenTheCircuit(t *testing.T) {
	t.Parallel()
	var first, second sink
	first.before = func() { panic("boom") }
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 2, CoolDown: time.Hour}, &first, &second)
	for range 5 {
		if err := f.WithGroup("g").Handle(t.Context(), record(slog.LevelInfo)); err != nil {
			t.Error(err)
		}
	}
	if n, m := first.calls.Load(), len(second.all()); n != 2 || m != 5 {
		t.Errorf("%d calls, and %d records for the second, want 2 and 5", n, m)
	}
}

func TestFailoverAsksTheFirstForLevelsWhileItIsDown(t *testing.T) {
	t.Parallel()
	var first, second sink
	first.fail(testlog.ErrInjected)
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Hour}, &first, fanout.When(fanout.And(), &second))
	slog.New(f).Info("m")
	if f.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("enabled for what the first does not want")
	}
	_ = f.Handle(t.Context(), record(slog.LevelDebug))
	if got := []int64{first.calls.Load(), second.calls.Load()}; got[0] != 1 || got[1] != 1 {
		t.Errorf("%d calls, want one each", got)
	}
}

func TestFailoverBranchThatDoesNotMatchIsNoProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		first.fail(testlog.ErrInjected)
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1}, fanout.When(fanout.MessageIs("a"), &first), &second)
		logger := slog.New(f)
		logger.Info("a")
		first.fail(nil)
		time.Sleep(time.Second)
		logger.Info("b")
		logger.Info("a")
		if diff := cmp.Diff([][]string{{"a"}, {"a", "b"}}, [][]string{first.all(), second.all()}); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestFailoverSpreads(t *testing.T) {
	t.Parallel()
	sinks := make([]sink, 3)
	f := fanout.NewFailover(&fanout.Options{Spread: true, MaxFailures: 2, CoolDown: time.Hour}, &sinks[0], &sinks[1], &sinks[2])
	log := func(n int) (took []int) {
		for range n {
			if err := f.WithAttrs([]slog.Attr{slog.Int("a", 1)}).Handle(t.Context(), record(slog.LevelInfo)); err != nil {
				t.Error(err)
			}
		}
		for i := range sinks {
			took = append(took, len(sinks[i].all()))
		}
		return took
	}
	got := [][]int{log(9)}
	sinks[1].fail(testlog.ErrInjected)
	got = append(got, log(9))
	want := [][]int{{3, 3, 3}, {4, 0, 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if n := sinks[1].calls.Load(); n != 5 {
		t.Errorf("%d calls of the one that fails, want 3 and 2 more", n)
	}
	if f.Enabled(t.Context(), slog.LevelDebug) || !f.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("enabled is not what any of the handlers is")
	}
}

func TestFailoverHooksThatPanic(t *testing.T) {
	t.Parallel()
	var first, second sink
	first.fail(testlog.ErrInjected)
	calls := 0
	f := fanout.NewFailover(&fanout.Options{
		MaxFailures: 1,
		OnState:     func(fanout.Health) { calls++; panic("state") },
		OnError:     func(error) { calls++; panic("error") },
	}, &first, &second)
	slog.New(f).Info("m")
	if calls != 2 || len(second.all()) != 1 {
		t.Errorf("%d hooks were called, want 2", calls)
	}
}

// TestFailoverConcurrentSafe has sinks that fail and recover while many log: every
// record is taken once, and by nobody only when all that were asked failed.
func TestFailoverConcurrentSafe(t *testing.T) {
	t.Parallel()
	const goroutines, records = 8, 500
	for _, spread := range []bool{false, true} {
		var flaky, solid sink
		flaky.before = func() {
			switch rand.IntN(4) {
			case 0:
				flaky.fail(testlog.ErrInjected)
			case 1:
				flaky.fail(nil)
			case 2:
				if rand.IntN(10) == 0 {
					panic("boom")
				}
			}
		}
		downs := new(atomic.Int64)
		f := fanout.NewFailover(&fanout.Options{
			Spread: spread, MaxFailures: 2, CoolDown: time.Microsecond, MaxCoolDown: 10 * time.Microsecond,
			OnState: func(fanout.Health) { downs.Add(1) },
		}, &flaky, &solid)
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				logger := slog.New(f).With("a", 1)
				for range records {
					logger.Info("m")
					for _, s := range f.Stats() {
						if s.Accepted != s.Written+s.Dropped {
							t.Errorf("got %+v", s)
						}
					}
				}
			})
		}
		wg.Wait()
		s := f.Stats()
		took := []int{len(flaky.all()), len(solid.all())}
		if took[0]+took[1] != goroutines*records {
			t.Errorf("taken %v times, want %d", took, goroutines*records)
		}
		if s[0].Written != uint64(took[0]) || s[1].Written != uint64(took[1]) || s[1].Dropped != 0 {
			t.Errorf("got %+v, want what was taken: %d", s, took)
		}
		if s[0].Accepted != uint64(flaky.calls.Load()) {
			t.Errorf("got %+v, want %d", s[0], flaky.calls.Load())
		}
		if downs.Load() == 0 {
			t.Error("it never went down: the test shows nothing")
		}
	}
}

func TestFailoverPassesOverHandlersThatHandARecordToNobody(t *testing.T) {
	t.Parallel()
	never := fanout.Or()
	for name, nobody := range map[string]func(slog.Handler) slog.Handler{
		"Handler":    func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, fanout.When(never, h)) },
		"FirstMatch": func(h slog.Handler) slog.Handler { return fanout.NewFirstMatch(nil, fanout.When(never, h)) },
		"Failover":   func(h slog.Handler) slog.Handler { return fanout.NewFailover(nil, fanout.When(never, h)) },
		"level": func(h slog.Handler) slog.Handler {
			warn, _ := text(slog.LevelWarn)
			return fanout.NewHandler(nil, fanout.When(never, h), warn)
		},
		"named": func(h slog.Handler) slog.Handler {
			return fanout.Named("n", fanout.NewFirstMatch(nil, fanout.When(never, h)))
		},
		"nested": func(h slog.Handler) slog.Handler {
			inner := fanout.NewFirstMatch(nil, fanout.When(never, h))
			return fanout.NewHandler(nil, fanout.NewFailover(nil, fanout.NewFirstMatch(nil, inner)), inner)
		},
	} {
		var first, second sink
		h := nobody(&first)
		f := fanout.NewFailover(nil, h, &second)
		slog.New(f).With("a", 1).WithGroup("g").Info("m")
		s := f.Stats()
		if len(second.all()) != 1 || s[0].Accepted != 0 || s[1].Written != 1 {
			t.Errorf("%s: got %+v, want a record for the second alone", name, s)
		}
		if err := h.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
			t.Errorf("%s: %v of one that is not in a Failover", name, err)
		}
	}
}

func TestFailoverKnowsWhatHandlersInItHandOn(t *testing.T) {
	t.Parallel()
	var bad, ninth sink
	bad.fail(testlog.ErrInjected)
	nine := append(slices.Repeat([]slog.Handler{fanout.When(fanout.Or(), new(sink))}, 8), &ninth)
	for name, tt := range map[string]struct {
		first slog.Handler
		want  []fanout.Stats
	}{
		"Handler that fails":            {fanout.NewHandler(nil, &bad), []fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}},
		"FirstMatch that fails":         {fanout.NewFirstMatch(nil, &bad), []fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}},
		"Failover that fails":           {fanout.NewFailover(nil, &bad), []fanout.Stats{{Accepted: 1, Dropped: 1}, {Accepted: 1, Written: 1}}},
		"Handler of which one takes it": {fanout.NewHandler(nil, nine...), []fanout.Stats{{Accepted: 1, Written: 1}, {}}},
	} {
		f := fanout.NewFailover(nil, tt.first, new(sink))
		slog.New(f).Info("m")
		if diff := cmp.Diff(tt.want, f.Stats()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestFailoverRecordThatIsHandedToNobodyIsNoProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		first.fail(testlog.ErrInjected)
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1},
			fanout.NewFirstMatch(nil, fanout.When(fanout.MessageIs("a"), &first)), &second)
		logger := slog.New(f)
		logger.Info("a")
		first.fail(nil)
		time.Sleep(time.Second)
		logger.Info("b")
		logger.Info("a")
		if diff := cmp.Diff([][]string{{"a"}, {"a", "b"}}, [][]string{first.all(), second.all()}); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestHandlersCountWhatIsHandedToNobodyNowhere has what a Failover passes over in the
// others.
func TestHandlersCountWhatIsHandedToNobodyNowhere(t *testing.T) {
	t.Parallel()
	nobody := fanout.NewFirstMatch(nil, fanout.When(fanout.Or(), new(sink)))
	h := fanout.NewHandler(nil, nobody, fanout.Named("n", fanout.NewHandler(nil, nobody)), new(sink))
	slog.New(h).Info("m")
	if diff := cmp.Diff([]fanout.Stats{{}, {Name: "n"}, {Accepted: 1, Written: 1}}, h.Stats()); diff != "" {
		t.Errorf("Handler: mismatch (-want +got):\n%s", diff)
	}
	f := fanout.NewFirstMatch(nil, nobody, new(sink))
	slog.New(f).Info("m")
	if diff := cmp.Diff([]fanout.Stats{{}, {}}, f.Stats()); diff != "" {
		t.Errorf("FirstMatch, where the first is the default: mismatch (-want +got):\n%s", diff)
	}
}

func TestFailoverMatchThatPanicsIsNoFailureOfTheHandler(t *testing.T) {
	t.Parallel()
	var first, second sink
	isNine := fanout.AttrFunc("n", func(v slog.Value) bool { return v.Int64() == 9 }) // panics for a string
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Hour}, fanout.When(isNine, &first), &second)
	logger := slog.New(f)
	logger.Info("odd", "n", "x")
	logger.Info("even", "n", 9)
	want := []any{[]string{"even"}, []string{"odd"}, fanout.Up, uint64(1)}
	got := []any{first.all(), second.all(), f.Stats()[0].State, f.Stats()[0].Dropped}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// asked counts how often it is asked for a level, to which it panics while it is told to.
type asked struct {
	slog.Handler
	calls  *int
	panics *bool
}

func (a asked) Enabled(ctx context.Context, level slog.Level) bool {
	*a.calls++
	if *a.panics {
		panic("enabled")
	}
	return a.Handler.Enabled(ctx, level)
}

func TestFailoverAsksNothingOfWhatItPassesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sane, second sink
		calls, panics, alarms := 0, true, 0
		opts := fanout.Options{MaxFailures: 1, CoolDown: time.Second, OnError: func(error) { alarms++ }}
		match := func(context.Context, slog.Record, fanout.Bound) bool { calls++; return true }
		f := fanout.NewFailover(&opts, &sane, fanout.When(match, asked{&second, &calls, &panics}), new(sink))
		sane.fail(testlog.ErrInjected)
		log := func() (n, a int) { // calls and alarms
			n, a = calls, alarms
			if err := f.Handle(t.Context(), record(slog.LevelInfo)); err != nil {
				t.Error(err)
			}
			return calls - n, alarms - a
		}
		if n, a := log(); n != 1 || a != 2 {
			t.Errorf("%d calls and %d alarms, want one, and two", n, a)
		}
		for range 10 {
			if n, a := log(); n != 0 || a != 0 {
				t.Fatalf("%d calls and %d alarms while it is down", n, a)
			}
		}
		// To ask it is a try, which fails, and the cool-down doubles.
		time.Sleep(time.Second)
		if n, a := log(); n != 1 || a != 2 {
			t.Errorf("%d calls and %d alarms after the cool-down, want one, and two", n, a)
		}
		time.Sleep(time.Second - 1)
		if n, a := log(); n != 0 || a != 0 {
			t.Errorf("%d calls and %d alarms before half of twice the cool-down", n, a)
		}
		panics = false
		sane.fail(nil)
		time.Sleep(time.Second)
		log()
		for i, s := range f.Stats()[:1] {
			if s.State != fanout.Up {
				t.Errorf("handler %d: got %+v, want it to be up", i+1, s)
			}
		}
	})
}

func TestFailoverAsksTheFirstForLevelsAlsoIfItPanics(t *testing.T) {
	t.Parallel()
	var first sink
	second, secondOut := text(slog.LevelDebug)
	calls, panics, alarms := 0, false, 0
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Hour, OnError: func(error) { alarms++ }},
		asked{&first, &calls, &panics}, second)
	first.fail(testlog.ErrInjected)
	logger := slog.New(f)
	logger.Info("a") // the first goes down
	panics = true
	logger.Info("b")
	panics = false
	_ = f.Handle(t.Context(), record(slog.LevelDebug))
	if diff := cmp.Diff([]any{1, "INFO msg=a\nINFO msg=b"}, []any{alarms, secondOut()}); diff != "" {
		t.Errorf("alarms, and what the second took: mismatch (-want +got):\n%s", diff)
	}
}

// TestFailoverLearnsNothingFromARecordThatNobodyTakes has failures of a handler that is
// down, which do not put off the next try.
func TestFailoverLearnsNothingFromARecordThatNobodyTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Second}, &first, &second)
		first.fail(testlog.ErrInjected)
		second.fail(testlog.ErrInjected)
		for range 10 {
			if err := f.Handle(t.Context(), record(slog.LevelInfo)); !errors.Is(err, testlog.ErrInjected) {
				t.Errorf("got %v", err)
			}
		}
		second.fail(nil)
		slog.New(f).Info("m") // the second takes it, and is up again
		first.fail(nil)
		time.Sleep(time.Second)
		slog.New(f).Info("n")
		if diff := cmp.Diff([][]string{{"n"}, {"m"}}, [][]string{first.all(), second.all()}); diff != "" {
			t.Errorf("the first is tried after its first cool-down: mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestFailoverDefaults has no options: those that are documented hold.
func TestFailoverDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		first.fail(testlog.ErrInjected)
		f := fanout.NewFailover(nil, &first, &second)
		tried := func() bool {
			before := first.calls.Load()
			slog.New(f).Info("m")
			return first.calls.Load() > before
		}
		for range 5 {
			if s := f.Stats()[0]; s.State != fanout.Up || !tried() {
				t.Fatalf("got %+v, want it up for five records", s)
			}
		}
		if tried() {
			t.Error("tried after five failures")
		}
		time.Sleep(time.Second)
		if !tried() {
			t.Error("not tried after a second")
		}
		for range 10 {
			time.Sleep(time.Minute)
			if !tried() {
				t.Error("not tried after a minute")
			}
		}
		time.Sleep(30*time.Second - 1)
		if tried() {
			t.Error("tried before half a minute")
		}
	})
}

func TestFailoverMaxCoolDownIsNoLessThanCoolDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		first.fail(testlog.ErrInjected)
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Minute, MaxCoolDown: time.Second}, &first, &second)
		slog.New(f).Info("m")
		time.Sleep(time.Minute)
		slog.New(f).Info("m")
		time.Sleep(30*time.Second - 1)
		slog.New(f).Info("m")
		if n := first.calls.Load(); n != 2 {
			t.Errorf("%d calls, want no third one before half of the cool-down", n)
		}
	})
}

// TestFailoverCoolDownsDiffer shows that programs which see a receiver fail at the same
// moment do not all come back at the same moment.
func TestFailoverCoolDownsDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		coolDowns := make(map[time.Duration]bool)
		opts := &fanout.Options{MaxFailures: 1, CoolDown: time.Hour, OnState: func(h fanout.Health) {
			d := time.Until(h.RetryAt)
			if coolDowns[d] = true; h.Number != 2 || d < time.Hour/2 || d > time.Hour {
				t.Errorf("got %+v, to be tried in %s", h, d)
			}
		}}
		for range 20 {
			var second sink
			second.fail(testlog.ErrInjected)
			slog.New(fanout.NewFailover(opts, fanout.When(fanout.Or(), new(sink)), &second, new(sink))).Info("m")
		}
		if len(coolDowns) < 2 {
			t.Errorf("all in %v", coolDowns)
		}
	})
}

func TestFailoverNumbersTheHandlerThatIsUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var numbers []int
		var first, second sink
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, OnState: func(h fanout.Health) {
			numbers = append(numbers, h.Number)
		}}, fanout.When(fanout.Or(), &first), &second)
		second.fail(testlog.ErrInjected)
		slog.New(f).Info("m")
		second.fail(nil)
		slog.New(f).Info("m")
		if diff := cmp.Diff([]int{2, 2}, numbers); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestFailoverLateFailureDoesNotOverwriteARecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second sink
		f := fanout.NewFailover(&fanout.Options{MaxFailures: 1, CoolDown: time.Second}, &first, &second)
		release := make(chan struct{})
		first.before = func() { <-release; panic("late") }
		done := make(chan struct{})
		go func() { slog.New(f).Info("m"); close(done) }() // is given the record while it is up for the first time
		synctest.Wait()
		first.before = nil
		first.fail(testlog.ErrInjected)
		slog.New(f).Info("m")
		first.fail(nil)
		time.Sleep(time.Second)
		slog.New(f).Info("m")
		close(release)
		<-done
		if s := f.Stats()[0]; s.State != fanout.Up || s.Written != 1 || s.Dropped != 2 {
			t.Errorf("got %+v, want it to be up since it took a record", s)
		}
	})
}

func TestFailoverSpreadsEvenlyOverThoseThatAreUp(t *testing.T) {
	t.Parallel()
	for _, broken := range [][]int{{1}, {0, 1}, {2, 3, 4, 5}, {0, 2, 4, 6}, {7}} {
		sinks := make([]sink, 8)
		handlers := make([]slog.Handler, len(sinks))
		for i := range sinks {
			handlers[i] = &sinks[i]
		}
		f := fanout.NewFailover(&fanout.Options{Spread: true, MaxFailures: 1, CoolDown: time.Hour}, handlers...)
		for _, i := range broken {
			sinks[i].fail(testlog.ErrInjected)
		}
		log := func(n int) {
			for range n {
				slog.New(f).Info("m")
			}
		}
		log(len(sinks)) // some go down
		for i := range sinks {
			sinks[i].all()
		}
		up := len(sinks) - len(broken)
		log(100 * up)
		for i := range sinks {
			if n := len(sinks[i].all()); n != 100 && !slices.Contains(broken, i) {
				t.Errorf("%v are down: handler %d took %d records, want 100", broken, i, n)
			}
		}
	}
}

func TestFailoverSpreadsOverThoseThatWantTheLevel(t *testing.T) {
	t.Parallel()
	warn, warnOut := text(slog.LevelWarn)
	info, infoOut := text(slog.LevelInfo)
	f := fanout.NewFailover(&fanout.Options{Spread: true}, warn, info)
	h := f.WithGroup("g")
	_ = h.Handle(t.Context(), record(slog.LevelInfo))
	_ = h.Handle(t.Context(), record(slog.LevelInfo))
	_ = h.Handle(t.Context(), record(slog.LevelWarn))
	want := []string{"WARN msg=m", "INFO msg=m\nINFO msg=m"}
	if diff := cmp.Diff(want, []string{warnOut(), infoOut()}); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestFailoverSpreadTriesWhatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sinks := make([]sink, 3)
		f := fanout.NewFailover(&fanout.Options{Spread: true, MaxFailures: 1}, &sinks[0], &sinks[1], &sinks[2])
		sinks[1].fail(testlog.ErrInjected)
		for range 9 {
			slog.New(f).Info("m")
		}
		sinks[1].fail(nil)
		time.Sleep(time.Second)
		for range 3 {
			slog.New(f).Info("m")
		}
		if s := f.Stats()[1]; s.State != fanout.Up || s.Written != 1 {
			t.Errorf("got %+v, want it to have had its turn", s)
		}
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	for s, want := range map[fanout.State]string{fanout.Up: "up", fanout.Down: "down", 7: "State(7)"} {
		if got := s.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		text, err := s.MarshalText()
		if known := s <= fanout.Down; known != (err == nil) || known && string(text) != want {
			t.Errorf("got %s, %v", text, err)
		}
		got := fanout.State(5)
		if err := got.UnmarshalText([]byte(want)); s <= fanout.Down && (err != nil || got != s) {
			t.Errorf("%s reads as %s, %v", want, got, err)
		}
	}
	got := fanout.Down
	const want = `fanout: unmarshal state: unknown "Up\n", want "up" or "down"`
	if err := got.UnmarshalText([]byte("Up\n")); err == nil || err.Error() != want || got != fanout.Down {
		t.Errorf("got %v and %s", err, got)
	}
}

func TestStatsCanBeReadBack(t *testing.T) {
	t.Parallel()
	var first sink
	first.fail(testlog.ErrInjected)
	f := fanout.NewFailover(&fanout.Options{MaxFailures: 1}, &first, new(sink))
	slog.New(f).Info("m")
	page, err := json.Marshal(f.Stats())
	if err != nil {
		t.Fatal(err)
	}
	var got []fanout.Stats
	if err := json.Unmarshal(page, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Stats(), got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}
