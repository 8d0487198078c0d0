package handlertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/attrs"
)

// Wrap puts the wrapper under test before next. It must pass on the records at
// slog.LevelInfo and above for which next is enabled, as they are: one that
// samples or rewrites needs options with which it does not.
type Wrap func(next slog.Handler) slog.Handler

// RunWrapper runs every rule for wrappers as a subtest of t.
func RunWrapper(t *testing.T, wrap Wrap) {
	t.Helper()
	run(t, wrapperRules(), wrap)
}

// CheckWrapper runs every rule for wrappers and returns those that the wrapper
// breaks, in the order of the rules.
func CheckWrapper(wrap Wrap) []Violation { return check(wrapperRules(), wrap) }

// wrapperRules: what a wrapper owes the handler behind it.
func wrapperRules() []rule[Wrap] {
	return []rule[Wrap]{
		{"the next handler decides in Enabled", func(wrap Wrap) error {
			spied := &spied{level: slog.LevelWarn}
			h := wrap(&spy{spied: spied})
			for _, h := range []slog.Handler{h, h.WithAttrs(ints("a", 1)), h.WithGroup("g")} {
				for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
					if got, want := h.Enabled(context.Background(), level), level >= slog.LevelWarn; got != want {
						return fmt.Errorf("enabled for %v: %v, and %v behind the wrapper", level, got, want)
					}
				}
			}
			return nil
		}},
		{"the context's values reach the next handler", func(wrap Wrap) error {
			type key struct{}
			ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
			cancel()
			calls, err := handled(wrap, &spied{}, func(h slog.Handler) error {
				h.Enabled(ctx, slog.LevelInfo)
				return h.WithGroup("g").Handle(ctx, record(slog.LevelInfo, "m"))
			})
			if err := times(1, calls, err); err != nil {
				return err
			}
			for _, ctx := range calls[0].contexts {
				if v := ctx.Value(key{}); v != "value" {
					return fmt.Errorf("a context with %v, want %q", v, "value")
				}
			}
			return nil
		}},
		{"the record reaches the next handler as it was", func(wrap Wrap) error {
			var pcs [1]uintptr
			runtime.Callers(1, pcs[:])
			r := slog.NewRecord(time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.FixedZone("", 3600)), slog.LevelInfo+2, "m", pcs[0])
			r.AddAttrs(ints("a", 1, "b", "2", "c", 3.5, "d", true, "e", time.Second, "f", uint64(6), "g", r.Time)...)
			r.AddAttrs(slog.Group("h", slog.Int("i", 1), slog.Group("j", slog.Int("k", 2))))
			calls, err := handled(wrap, &spied{}, func(h slog.Handler) error {
				h = h.WithAttrs(ints("bound", 1))
				return errors.Join(h.Handle(context.Background(), r), h.WithGroup("o").Handle(context.Background(), r))
			})
			if err := times(2, calls, err); err != nil {
				return err
			}
			own := attrsOf(r)
			bound := slog.Int("bound", 1)
			return all(calls[0].says(r), calls[0].has(append([]slog.Attr{bound}, own...)...),
				calls[1].says(r), calls[1].has(bound, slog.Attr{Key: "o", Value: slog.GroupValue(own...)}))
		}},
		{"each record reaches the next handler once", func(wrap Wrap) error {
			calls, err := handled(wrap, &spied{}, func(h slog.Handler) error {
				r := record(slog.LevelInfo, "m")
				return errors.Join(h.Handle(context.Background(), r), h.Handle(context.Background(), r))
			})
			return times(2, calls, err)
		}},
		{"the next handler's error comes up", func(wrap Wrap) error {
			_, err := handled(wrap, &spied{err: errInjected}, func(h slog.Handler) error {
				return h.Handle(context.Background(), record(slog.LevelInfo, "m"))
			})
			if !errors.Is(err, errInjected) {
				return fmt.Errorf("the error is %s, want one that is %q", fmt.Sprint(err), errInjected.Error())
			}
			return nil
		}},
		{"the next handler may change the slice given to WithAttrs", func(wrap Wrap) error {
			calls, err := handled(wrap, &spied{scribbles: true}, func(h slog.Handler) error {
				h = h.WithAttrs(ints("a", 1)).WithGroup("g").WithAttrs(ints("b", 2))
				child := h.WithAttrs(ints("c", 3))
				ctx, r := context.Background(), record(slog.LevelInfo, "m", ints("d", 4)...)
				return errors.Join(child.Handle(ctx, r), h.Handle(ctx, r))
			})
			if err := times(2, calls, err); err != nil {
				return err
			}
			g := func(args ...any) []slog.Attr { return append(ints("a", 1), slog.Group("g", args...)) }
			return all(calls[0].has(g("b", 2, "c", 3, "d", 4)...), calls[1].has(g("b", 2, "d", 4)...))
		}},
		{"With and WithGroup keep the wrapper", func(wrap Wrap) error {
			h := wrap(&spy{spied: &spied{}})
			if _, none := h.(*spy); none {
				return nil // there is no wrapper to keep
			}
			for _, h := range []slog.Handler{h.WithAttrs(ints("a", 1)), h.WithGroup("g")} {
				if _, lost := h.(*spy); lost {
					return errors.New("the next handler is all that is left")
				}
			}
			return nil
		}},
		{"Unwrap leads to the next handler", func(wrap Wrap) error {
			h := wrap(&spy{spied: &spied{}})
			for _, h := range []slog.Handler{h, h.WithAttrs(ints("a", 1)), h.WithGroup("g")} {
				if !leadsToSpy(h) {
					return fmt.Errorf("from a %T it does not", h)
				}
			}
			return nil
		}},
		{"the next handler may log through the wrapper", func(wrap Wrap) error {
			spied := &spied{}
			calls, err := handled(wrap, spied, func(h slog.Handler) error {
				var nested atomic.Bool
				spied.meanwhile = func() error {
					if nested.Swap(true) {
						return nil
					}
					return h.Handle(context.Background(), record(slog.LevelInfo, "nested"))
				}
				return soon(func() error {
					ctx := context.Background()
					return errors.Join(h.Handle(ctx, record(slog.LevelInfo, "m")), handler.Flush(ctx, h))
				})
			})
			return times(2, calls, err)
		}},
		{"a panic of the next handler is over when it is over", func(wrap Wrap) error {
			var panics atomic.Bool
			spied := &spied{meanwhile: func() error {
				if panics.Load() {
					panic(errInjected)
				}
				return nil
			}}
			h := wrap(&spy{spied: spied})
			log := func(msg string) error {
				return soon(func() error {
					ctx := context.Background()
					return errors.Join(h.Handle(ctx, record(slog.LevelInfo, msg)), handler.Flush(ctx, h))
				})
			}
			panics.Store(true)
			_ = log("meanwhile") // it may panic as well
			panics.Store(false)
			err := log("afterwards")
			if err == nil && !slices.ContainsFunc(spied.taken(), func(c call) bool { return c.record.Message == "afterwards" }) {
				err = errors.New("what is logged afterwards does not reach the next handler")
			}
			return err
		}},
	}
}

// handled has use log through a wrapper before a spy, and returns what the spy
// was given.
func handled(wrap Wrap, spied *spied, use func(h slog.Handler) error) ([]call, error) {
	h := wrap(&spy{spied: spied})
	err := errors.Join(use(h), handler.Flush(context.Background(), h))
	return spied.taken(), err
}

// times returns err or, if there is none, an error unless there are n calls.
func times(n int, calls []call, err error) error {
	if err == nil && len(calls) != n {
		err = fmt.Errorf("%d records reach the next handler, want %d", len(calls), n)
	}
	return err
}

// leadsToSpy reports whether a spy is at an end of a tree of handlers.
func leadsToSpy(h slog.Handler) bool {
	switch h := h.(type) {
	case *spy:
		return true
	case interface{ Unwrap() slog.Handler }:
		return leadsToSpy(h.Unwrap())
	case interface{ Unwrap() []slog.Handler }:
		return slices.ContainsFunc(h.Unwrap(), leadsToSpy)
	}
	return false
}

// A spy is a handler that keeps what it is given.
type spy struct {
	*spied
	bound *attrs.Bound
}

// spied is what a spy and all derived from it have in common.
type spied struct {
	level     slog.Level   // the lowest that is enabled
	err       error        // what Handle returns
	meanwhile func() error // called by Handle
	scribbles bool         // into the slices given to WithAttrs, which are its own

	mu       sync.Mutex
	contexts []context.Context // those of Enabled since the last call of Handle
	calls    []call
}

// A call is a call of Handle.
type call struct {
	contexts []context.Context // its own, and those of Enabled before it
	record   slog.Record       // with what is bound
}

func (s *spy) Enabled(ctx context.Context, level slog.Level) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contexts = append(s.contexts, ctx)
	return level >= s.level
}

func (s *spy) Handle(ctx context.Context, r slog.Record) error {
	s.mu.Lock()
	s.calls = append(s.calls, call{append(s.contexts, ctx), s.bound.Record(r)})
	s.contexts = nil
	s.mu.Unlock()
	if s.meanwhile != nil {
		return s.meanwhile()
	}
	return s.err
}

func (s *spy) WithAttrs(as []slog.Attr) slog.Handler {
	derived := &spy{s.spied, s.bound.WithAttrs(as)}
	if s.scribbles {
		for i := range as {
			as[i] = slog.String("scribbled", "by the next handler")
		}
	}
	return derived
}

func (s *spy) WithGroup(name string) slog.Handler { return &spy{s.spied, s.bound.WithGroup(name)} }

func (s *spied) taken() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// says checks the facts of a record that the spy was given.
func (c call) says(r slog.Record) error {
	switch got := c.record; {
	case !got.Time.Equal(r.Time):
		return fmt.Errorf("the time is %v, want %v", got.Time, r.Time)
	case got.Level != r.Level:
		return fmt.Errorf("the level is %v, want %v", got.Level, r.Level)
	case got.Message != r.Message:
		return fmt.Errorf("the message is %q, want %q", got.Message, r.Message)
	case got.PC != r.PC:
		return fmt.Errorf("the PC is %#x, want %#x", got.PC, r.PC)
	}
	return nil
}

// has checks the attrs of a record that the spy was given, with those bound.
func (c call) has(want ...slog.Attr) error {
	if got := attrsOf(c.record); !slices.EqualFunc(got, want, slog.Attr.Equal) {
		return fmt.Errorf("the attrs are %v, want %v", got, want)
	}
	return nil
}

func attrsOf(r slog.Record) []slog.Attr {
	var as []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		as = append(as, a)
		return true
	})
	return as
}
