package handlertest_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler/handlertest"
)

// TestFindsEveryBugOfAWrapper does for RunWrapper what TestFindsEveryBug does for
// Run.
func TestFindsEveryBugOfAWrapper(t *testing.T) {
	t.Parallel()
	broken := make(map[string]bool)
	for _, bad := range badWrappers() {
		for _, rule := range bad.breaks {
			broken[rule] = true
		}
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, v := range handlertest.CheckWrapper(func(next slog.Handler) slog.Handler {
				return &badWrapper{slip: new(bad.slip()), next: next}
			}) {
				t.Log(v)
				got = append(got, v.Rule)
			}
			if diff := cmp.Diff(bad.breaks, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
	for _, rule := range handlertest.WrapperRuleNames() {
		if !broken[rule] {
			t.Errorf("no bad wrapper breaks the rule %q", rule)
		}
	}
	if broken := handlertest.CheckWrapper(func(next slog.Handler) slog.Handler {
		return &badWrapper{slip: &slip{}, next: next}
	}); len(broken) > 0 {
		t.Errorf("the wrapper without a slip breaks %v", broken)
	}
}

func badWrappers() []struct {
	name   string
	slip   func() slip
	breaks []string
} {
	edit := func(edit func(ctx context.Context, r *slog.Record) context.Context) func() slip {
		return func() slip {
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				ctx = edit(ctx, &r)
				return next.Handle(ctx, r)
			}}
		}
	}
	record := func(change func(r *slog.Record)) func() slip {
		return edit(func(ctx context.Context, r *slog.Record) context.Context { change(r); return ctx })
	}
	const asItWas = "the record reaches the next handler as it was"
	return []struct {
		name   string
		slip   func() slip
		breaks []string
	}{
		{"it is always enabled", func() slip {
			return slip{enabled: func(context.Context, slog.Handler, slog.Level) bool { return true }}
		}, []string{"the next handler decides in Enabled"}},
		{"it is never enabled", func() slip {
			return slip{enabled: func(context.Context, slog.Handler, slog.Level) bool { return false }}
		}, []string{"the next handler decides in Enabled"}},
		{"Enabled has a context of its own", func() slip {
			return slip{enabled: func(_ context.Context, next slog.Handler, level slog.Level) bool {
				return next.Enabled(context.Background(), level)
			}}
		}, []string{"the context's values reach the next handler"}},
		{
			"Handle has a context of its own",
			edit(func(context.Context, *slog.Record) context.Context { return context.Background() }),
			[]string{"the context's values reach the next handler"},
		},
		{"a canceled context ends it", func() slip {
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return next.Handle(ctx, r)
			}}
		}, []string{"the context's values reach the next handler"}},
		{"the time is now", record(func(r *slog.Record) { r.Time = time.Now() }), []string{asItWas}},
		{"the level is one of four", record(func(r *slog.Record) { r.Level -= r.Level % 4 }), []string{asItWas}},
		{"the message has a prefix", record(func(r *slog.Record) {
			if !r.Time.IsZero() {
				r.Message = "app: " + r.Message
			}
		}), []string{asItWas}},
		{"the PC is lost", record(func(r *slog.Record) { r.PC = 0 }), []string{asItWas}},
		{"an attr is added", record(func(r *slog.Record) {
			if !r.Time.IsZero() {
				*r = r.Clone()
				r.AddAttrs(slog.Bool("added", true))
			}
		}), []string{asItWas}},
		{"five attrs are passed on", record(func(r *slog.Record) {
			var attrs []slog.Attr
			r.Attrs(func(a slog.Attr) bool {
				attrs = append(attrs, a)
				return len(attrs) < 5
			})
			*r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
			r.AddAttrs(attrs...)
		}), []string{asItWas}},
		{"what is like the last record is dropped", func() slip {
			var mu sync.Mutex
			last := ""
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				mu.Lock()
				same := last == r.Message
				last = r.Message
				mu.Unlock()
				if same && r.Time.IsZero() && r.NumAttrs() == 0 {
					return nil
				}
				return next.Handle(ctx, r)
			}}
		}, []string{"each record reaches the next handler once"}},
		{"a record that fails is tried again", func() slip {
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				return errors.Join(next.Handle(ctx, r), next.Handle(ctx, r))
			}}
		}, []string{
			"the context's values reach the next handler", asItWas, "each record reaches the next handler once",
			"the next handler may change the slice given to WithAttrs", "the next handler may log through the wrapper",
		}},
		{"errors are swallowed", func() slip {
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				_ = next.Handle(ctx, r)
				return nil
			}}
		}, []string{"the next handler's error comes up"}},
		{"errors become texts", func() slip {
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				if err := next.Handle(ctx, r); err != nil {
					return errors.New(err.Error())
				}
				return nil
			}}
		}, []string{"the next handler's error comes up"}},
		{
			"the slice that it passes on is its own", func() slip { return slip{keepsSlice: true} },
			[]string{"the next handler may change the slice given to WithAttrs"},
		},
		{
			"it is lost by WithAttrs", func() slip { return slip{losesAttrs: true} },
			[]string{"With and WithGroup keep the wrapper"},
		},
		{
			"it is lost by WithGroup", func() slip { return slip{losesGroup: true} },
			[]string{"With and WithGroup keep the wrapper"},
		},
		{
			"Unwrap is lost by With", func() slip { return slip{hides: true} },
			[]string{"Unwrap leads to the next handler"},
		},
		{"the next handler is called under a lock", func() slip {
			var mu sync.Mutex
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				mu.Lock()
				defer mu.Unlock()
				return next.Handle(ctx, r)
			}}
		}, []string{"the next handler may log through the wrapper"}},
		{"a lock is held after a panic", func() slip {
			busy := make(chan struct{}, 2) // room for one that logs meanwhile
			return slip{handle: func(ctx context.Context, next slog.Handler, r slog.Record) error {
				if busy <- struct{}{}; len(busy) > 1 && r.Message == "afterwards" {
					busy <- struct{}{}
				}
				err := next.Handle(ctx, r)
				<-busy
				return err
			}}
		}, []string{"a panic of the next handler is over when it is over"}},
	}
}

// A slip is what a bad wrapper does otherwise. What is nil or false it does right.
type slip struct {
	enabled    func(ctx context.Context, next slog.Handler, level slog.Level) bool
	handle     func(ctx context.Context, next slog.Handler, r slog.Record) error
	keepsSlice bool // of WithAttrs, for the record
	hides      bool // the next handler, after With
	losesAttrs bool // itself, by WithAttrs
	losesGroup bool // itself, by WithGroup
}

// A badWrapper is a wrapper with a slip.
type badWrapper struct {
	*slip
	next    slog.Handler
	derived bool
	kept    []slog.Attr // what the next handler still has to be given
}

func (h *badWrapper) Enabled(ctx context.Context, level slog.Level) bool {
	if h.enabled != nil {
		return h.enabled(ctx, h.next, level)
	}
	return h.next.Enabled(ctx, level)
}

func (h *badWrapper) Handle(ctx context.Context, r slog.Record) error {
	next := h.next
	if len(h.kept) > 0 {
		next = next.WithAttrs(h.kept)
	}
	if h.handle != nil {
		return h.handle(ctx, next, r)
	}
	return next.Handle(ctx, r)
}

func (h *badWrapper) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if h.losesAttrs {
		return h.next.WithAttrs(attrs)
	}
	if h.keepsSlice {
		return &badWrapper{slip: h.slip, next: h.after(), derived: true, kept: attrs}
	}
	return &badWrapper{slip: h.slip, next: h.next.WithAttrs(attrs), derived: true}
}

func (h *badWrapper) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if h.losesGroup {
		return h.next.WithGroup(name)
	}
	return &badWrapper{slip: h.slip, next: h.after().WithGroup(name), derived: true}
}

// after returns the next handler with what it still has to be given.
func (h *badWrapper) after() slog.Handler {
	if len(h.kept) > 0 {
		return h.next.WithAttrs(h.kept)
	}
	return h.next
}

func (h *badWrapper) Unwrap() slog.Handler {
	if h.hides && h.derived {
		return nil
	}
	return h.next
}
