package handler_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
)

// triggerLines is a handler for all levels that prints "LEVEL message" lines.
func triggerLines(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.Level(-100), ReplaceAttr: withoutTime})
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	type ctxs struct{ plain, held, other context.Context }
	tests := []struct {
		name  string
		opts  *handler.TriggerOptions
		log   func(l *slog.Logger, c ctxs)
		want  []string
		stats handler.TriggerStats
	}{
		{
			name: "without a context that holds it is a gate",
			log: func(l *slog.Logger, c ctxs) {
				l.DebugContext(c.plain, "fine")
				l.InfoContext(c.plain, "usual")
				l.ErrorContext(c.plain, "bad")
				l.Error("bad")
			},
			want: []string{"level=INFO msg=usual", "level=ERROR msg=bad", "level=ERROR msg=bad"},
		},
		{
			name: "nothing fails",
			log: func(l *slog.Logger, c ctxs) {
				l.DebugContext(c.held, "fine")
				l.InfoContext(c.held, "usual")
			},
			want:  []string{"level=INFO msg=usual"},
			stats: handler.TriggerStats{Accepted: 1, Queued: 1},
		},
		{
			name: "what was held comes before what failed, and the rest at once",
			log: func(l *slog.Logger, c ctxs) {
				l.DebugContext(c.held, "one")
				l.With("a", 1).WithGroup("g").DebugContext(c.held, "two", "b", 2)
				l.ErrorContext(c.held, "bad")
				l.DebugContext(c.held, "three")
			},
			want: []string{
				"level=DEBUG msg=one", "level=DEBUG msg=two a=1 g.b=2", "level=ERROR msg=bad", "level=DEBUG msg=three",
			},
			stats: handler.TriggerStats{Accepted: 2, Written: 2},
		},
		{
			name: "another context is another matter",
			log: func(l *slog.Logger, c ctxs) {
				l.DebugContext(c.held, "one")
				l.DebugContext(c.other, "of another")
				l.ErrorContext(c.held, "bad")
				l.ErrorContext(c.plain, "bad")
			},
			want:  []string{"level=DEBUG msg=one", "level=ERROR msg=bad", "level=ERROR msg=bad"},
			stats: handler.TriggerStats{Accepted: 2, Written: 1, Queued: 1},
		},
		{
			name: "the oldest makes room",
			opts: &handler.TriggerOptions{MaxRecords: 2},
			log: func(l *slog.Logger, c ctxs) {
				for i := range 5 {
					l.DebugContext(c.held, strconv.Itoa(i))
				}
				l.ErrorContext(c.held, "bad")
			},
			want:  []string{"level=DEBUG msg=3", "level=DEBUG msg=4", "level=ERROR msg=bad"},
			stats: handler.TriggerStats{Accepted: 5, Written: 2, Dropped: 3},
		},
		{
			name: "levels of one's own",
			opts: &handler.TriggerOptions{Level: slog.LevelWarn, Trigger: handler.LevelCritical},
			log: func(l *slog.Logger, c ctxs) {
				l.InfoContext(c.held, "held")
				l.ErrorContext(c.held, "passes")
				l.Log(c.held, handler.LevelCritical, "triggers")
			},
			want:  []string{"level=ERROR msg=passes", "level=INFO msg=held", "level=ERROR+4 msg=triggers"},
			stats: handler.TriggerStats{Accepted: 1, Written: 1},
		},
		{
			name: "values are those of the time of the call",
			log: func(l *slog.Logger, c ctxs) {
				list := []int{1}
				l.DebugContext(c.held, "list", "v", list)
				list[0] = 2
				l.ErrorContext(c.held, "bad")
			},
			want:  []string{"level=DEBUG msg=list v=[1]", "level=ERROR msg=bad"},
			stats: handler.TriggerStats{Accepted: 1, Written: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			h := handler.NewTrigger(triggerLines(&buf), tt.opts)
			held, forget := handler.HoldRecords(t.Context())
			other, forgetOther := handler.HoldRecords(t.Context())
			tt.log(slog.New(h), ctxs{t.Context(), held, other})
			lines, _ := buf.Lines()
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("lines mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.stats, h.Stats()); diff != "" {
				t.Errorf("Stats mismatch (-want +got):\n%s", diff)
			}
			for range 2 {
				forget()
				forgetOther()
			}
			forgotten := tt.stats
			forgotten.Dropped, forgotten.Queued = tt.stats.Dropped+tt.stats.Queued, 0
			if diff := cmp.Diff(forgotten, h.Stats()); diff != "" {
				t.Errorf("Stats after forget mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTriggerHoldsNothingThatTheNextHandlerRefuses(t *testing.T) {
	t.Parallel()
	h := handler.NewTrigger(slog.NewTextHandler(io.Discard, nil), nil)
	ctx, forget := handler.HoldRecords(t.Context())
	defer forget()
	if err := h.Handle(ctx, slog.Record{Level: slog.LevelDebug, Message: "fine"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(handler.TriggerStats{}, h.Stats()); diff != "" {
		t.Errorf("Stats mismatch (-want +got):\n%s", diff)
	}
}

func TestTriggerHoldsWithoutCancellation(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	h := handler.NewTrigger(sink, &handler.TriggerOptions{MaxRecords: -1})
	canceled, cancel := context.WithCancel(context.WithValue(t.Context(), volumeNumber{}, 7))
	held, forget := handler.HoldRecords(canceled)
	defer forget()
	slog.New(h).DebugContext(held, "fine")
	cancel()
	slog.New(h).ErrorContext(held, "bad")
	if len(sink.ctxs) != 2 {
		t.Fatalf("%d records, want 2", len(sink.ctxs))
	}
	if ctx := sink.ctxs[0]; ctx.Err() != nil || ctx.Value(volumeNumber{}) != 7 {
		t.Errorf("held with %v, %v", ctx.Err(), ctx.Value(volumeNumber{}))
	}
}

func TestTriggerHoldsForEachOfSeveral(t *testing.T) {
	t.Parallel()
	var a, b testlog.Buffer
	ctx, forget := handler.HoldRecords(t.Context())
	defer forget()
	la := slog.New(handler.NewTrigger(triggerLines(&a), nil))
	lb := slog.New(handler.NewTrigger(triggerLines(&b), nil))
	la.DebugContext(ctx, "a")
	lb.DebugContext(ctx, "b")
	la.ErrorContext(ctx, "bad")
	if got, want := a.String(), "level=DEBUG msg=a\nlevel=ERROR msg=bad\n"; got != want {
		t.Errorf("the one that was triggered prints %q, want %q", got, want)
	}
	if got := b.String(); got != "" {
		t.Errorf("the other one prints %q", got)
	}
}

func TestTriggerAfterForget(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	h := handler.NewTrigger(triggerLines(&buf), nil)
	ctx, forget := handler.HoldRecords(t.Context())
	forget()
	slog.New(h).DebugContext(ctx, "late")
	slog.New(h).ErrorContext(ctx, "bad")
	if got, want := buf.String(), "level=ERROR msg=bad\n"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if diff := cmp.Diff(handler.TriggerStats{Accepted: 1, Dropped: 1}, h.Stats()); diff != "" {
		t.Errorf("Stats mismatch (-want +got):\n%s", diff)
	}
}

// picky refuses a message, panics at another, and ends the goroutine of a third.
type picky struct{ slog.Handler }

var errPicky = errors.New("refused")

func (p picky) Handle(ctx context.Context, r slog.Record) error {
	switch r.Message {
	case "refused":
		return errPicky
	case "panics":
		panic("a bad day")
	case "ends":
		runtime.Goexit()
	}
	return p.Handler.Handle(ctx, r)
}

func TestTriggerLosesNothingToWhatFails(t *testing.T) {
	t.Parallel()
	var (
		buf  testlog.Buffer
		told []error
	)
	h := handler.NewTrigger(picky{triggerLines(&buf)}, &handler.TriggerOptions{
		OnError: func(err error) {
			told = append(told, err)
			panic("the hook as well")
		},
	})
	ctx, forget := handler.HoldRecords(t.Context())
	defer forget()
	for _, msg := range []string{"one", "refused", "two", "panics", "three"} {
		slog.New(h).DebugContext(ctx, msg)
	}
	r := slog.Record{Level: slog.LevelError, Message: "bad"}
	if err := h.Handle(ctx, r); !errors.Is(err, errPicky) {
		t.Errorf("Handle = %v, want %v in it", err, errPicky)
	}
	if got, want := buf.String(), "level=DEBUG msg=one\nlevel=DEBUG msg=two\nlevel=DEBUG msg=three\nlevel=ERROR msg=bad\n"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if len(told) != 2 {
		t.Errorf("OnError was told %v, want two errors", told)
	}
	if diff := cmp.Diff(handler.TriggerStats{Accepted: 5, Written: 3, Dropped: 2}, h.Stats()); diff != "" {
		t.Errorf("Stats mismatch (-want +got):\n%s", diff)
	}
}

func TestTriggerLosesNothingToAGoroutineThatEnds(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	h := handler.NewTrigger(picky{triggerLines(&buf)}, nil)
	ctx, forget := handler.HoldRecords(t.Context())
	defer forget()
	for _, msg := range []string{"one", "ends", "two", "ends", "three"} {
		slog.New(h).DebugContext(ctx, msg)
	}
	var wg sync.WaitGroup
	wg.Go(func() { slog.New(h).ErrorContext(ctx, "bad") })
	wg.Wait()
	if got, want := buf.String(), "level=DEBUG msg=one\nlevel=DEBUG msg=two\nlevel=DEBUG msg=three\nlevel=ERROR msg=bad\n"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if diff := cmp.Diff(handler.TriggerStats{Accepted: 5, Written: 3, Dropped: 2}, h.Stats()); diff != "" {
		t.Errorf("Stats mismatch (-want +got):\n%s", diff)
	}
}

func TestTriggerOfContextsInEachOther(t *testing.T) {
	t.Parallel()
	var buf testlog.Buffer
	h := handler.NewTrigger(triggerLines(&buf), nil)
	l := slog.New(h)
	outer, forgetOuter := handler.HoldRecords(t.Context())
	inner, forgetInner := handler.HoldRecords(outer)
	sibling, forgetSibling := handler.HoldRecords(outer)
	l.DebugContext(outer, "outer")
	l.DebugContext(inner, "inner")
	l.DebugContext(sibling, "sibling")
	l.ErrorContext(inner, "bad")
	forgetInner()
	l.DebugContext(outer, "outer, later")
	l.DebugContext(sibling, "sibling, later")
	forgetSibling()
	forgetOuter()
	want := []string{
		"level=DEBUG msg=outer", "level=DEBUG msg=inner", "level=ERROR msg=bad",
		`level=DEBUG msg="outer, later"`, `level=DEBUG msg="sibling, later"`,
	}
	lines, _ := buf.Lines()
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(handler.TriggerStats{Accepted: 3, Written: 2, Dropped: 1}, h.Stats()); diff != "" {
		t.Errorf("Stats mismatch (-want +got):\n%s", diff)
	}
}

func TestTriggerConcurrentSafe(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 200
	var buf testlog.Buffer
	h := handler.NewTrigger(triggerLines(&buf), &handler.TriggerOptions{MaxRecords: 50})
	l := slog.New(h)
	ctx, forget := handler.HoldRecords(t.Context())
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				l.DebugContext(ctx, "fine")
				if g == 0 && i == each/2 {
					l.ErrorContext(ctx, "bad")
				}
				if s := h.Stats(); s.Accepted != s.Written+s.Dropped+s.Queued || s.Queued > s.Accepted {
					t.Errorf("accounts do not add up: %+v", s)
				}
			}
		})
	}
	wg.Wait()
	forget()
	s := h.Stats()
	if s.Queued != 0 || s.Accepted != s.Written+s.Dropped {
		t.Errorf("accounts do not add up: %+v", s)
	}
	lines, _ := buf.Lines()
	if got, want := uint64(len(lines)), goroutines*each+1-s.Dropped; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
}

func TestTriggerConformance(t *testing.T) {
	t.Parallel()
	handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewTrigger(handler.NewJSONHandler(w, opts), nil)
	}, handlertest.ParseJSON)
}

func TestTriggerAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	l := slog.New(handler.NewTrigger(handler.NewJSONHandler(io.Discard, nil), nil))
	if n := testing.AllocsPerRun(100, func() {
		l.Debug("fine")
		l.Info("usual", "a", 1)
	}); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestTriggerNilNext(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("NewTrigger(nil, nil) does not panic")
		}
	}()
	handler.NewTrigger(nil, nil)
}

// The fine records of a request are printed only if it fails.
func ExampleNewTrigger() {
	h := handler.NewTrigger(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}), nil)
	logger := slog.New(h)

	serve := func(path string, fails bool) {
		ctx, forget := handler.HoldRecords(context.Background())
		defer forget()
		logger.DebugContext(ctx, "parsed", "path", path)
		logger.DebugContext(ctx, "asked the database")
		if fails {
			logger.ErrorContext(ctx, "no answer")
		}
	}
	serve("/a", false)
	serve("/b", true)
	// Output:
	// level=DEBUG msg=parsed path=/b
	// level=DEBUG msg="asked the database"
	// level=ERROR msg="no answer"
}
