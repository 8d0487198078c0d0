package fanout_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
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
	want := [][]int{{3, 3, 3}, {3, 0, 6}}
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
	}
}
