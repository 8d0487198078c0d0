package handlertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// rules are the rules in the order of the contract that they test.
func rules() []rule[subject] {
	return slices.Concat(emptyRules(), derivationRules(), valueRules(), factRules(), lineRules(), troubleRules())
}

// emptyRules: what is empty prints nothing.
func emptyRules() []rule[subject] {
	return []rule[subject]{
		{"Enabled allocates nothing", func(s subject) error {
			h := s.new(&testlog.Buffer{}, nil)
			ctx := context.Background()
			if n := allocs(func() { h.Enabled(ctx, slog.LevelInfo) }); n > 0 {
				return fmt.Errorf("%d allocations", n)
			}
			return nil
		}},
		{"a zero time prints nothing", func(s subject) error {
			m, err := s.one(nil, nil)
			return all(err, none(m, "time"))
		}},
		{"a zero PC prints no source", func(s subject) error {
			m, err := s.one(&slog.HandlerOptions{AddSource: true}, nil)
			return all(err, none(m, "source"))
		}},
		{"an empty attr prints nothing", func(s subject) error {
			m, err := s.one(nil, with(slog.Attr{}), slog.Attr{}, slog.Int("k", 1))
			return all(err, none(m, ""), want(m, 1, "k"))
		}},
		{"a group without attrs prints nothing", func(s subject) error {
			// No other ones reach a handler: slog drops them from records and groups.
			empty := slog.Any("empty", valuer{slog.GroupValue()})
			m, err := s.one(nil, with(slog.Group("g"), slog.Int("b", 2)), empty, slog.Int("k", 1))
			return all(err, none(m, "g"), none(m, "empty"), want(m, 2, "b"), want(m, 1, "k"))
		}},
		{"a group of empty attrs prints nothing, and the next attr is whole", func(s subject) error {
			g := slog.Group("g", slog.Attr{}, slog.Group("h", slog.Attr{}))
			m, err := s.one(nil, nil, slog.Int("j", 0), g, slog.Int("k", 1))
			n, err2 := s.one(nil, with(g, slog.Int("b", 2)), slog.Int("k", 1))
			return all(err, none(m, "g"), want(m, 0, "j"), want(m, 1, "k"),
				err2, none(n, "g"), want(n, 2, "b"), want(n, 1, "k"))
		}},
		{"a group that ReplaceAttr empties prints nothing, and the next attr is whole", func(s subject) error {
			if !s.honours() {
				return nil
			}
			opts := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "secret" {
					return slog.Attr{}
				}
				return a
			}}
			m, err := s.one(opts, nil, slog.Group("g", slog.Int("secret", 1)), slog.Int("k", 1))
			return all(err, none(m, "g"), want(m, 1, "k"))
		}},
		{"WithGroup without attrs prints nothing", func(s subject) error {
			m, err := s.one(nil, groups("g", "h"))
			n, err2 := s.one(nil, groups("g", "h"), slog.Attr{}, slog.Group("i"))
			return all(err, none(m, "g"), err2, none(n, "g"))
		}},
		{"a group with an empty key is inlined", func(s subject) error {
			inline := slog.Group("", slog.Int("a", 1), slog.Group("", slog.Int("b", 2)))
			m, err := s.one(nil, nil, inline)
			n, err2 := s.one(nil, groups("g"), inline)
			return all(err, want(m, 1, "a"), want(m, 2, "b"), err2, want(n, 1, "g", "a"), want(n, 2, "g", "b"))
		}},
	}
}

// derivationRules: With and WithGroup make new handlers and change none.
func derivationRules() []rule[subject] {
	return []rule[subject]{
		{"WithGroup of an empty name returns the receiver", func(s subject) error {
			return returnsItself(s, func(h slog.Handler) slog.Handler { return h.WithGroup("") })
		}},
		{"WithAttrs of no attrs returns the receiver", func(s subject) error {
			return all(
				returnsItself(s, func(h slog.Handler) slog.Handler { return h.WithAttrs(nil) }),
				returnsItself(s, func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{}) }))
		}},
		{"each attr stands at its own depth", func(s subject) error {
			m, err := s.one(nil, func(h slog.Handler) slog.Handler {
				h = h.WithAttrs(ints("a", 1)).WithGroup("G").WithAttrs(ints("b", 2))
				return h.WithGroup("H").WithAttrs(ints("c", 3))
			}, slog.Int("d", 4))
			return all(err, want(m, 1, "a"), want(m, 2, "G", "b"), want(m, 3, "G", "H", "c"), want(m, 4, "G", "H", "d"))
		}},
		{"a grouped handler logs the same the third time", func(s subject) error {
			lines, err := s.lines(nil, func(h slog.Handler) error {
				h = h.WithGroup("a").WithGroup("b")
				ctx := context.Background()
				return errors.Join(h.Handle(ctx, record(slog.LevelInfo, "1")), h.Handle(ctx, record(slog.LevelInfo, "2")),
					h.Handle(ctx, record(slog.LevelInfo, "3", slog.Int("k", 1))))
			})
			if err := exactly(3, lines, err); err != nil {
				return err
			}
			return want(lines[2], 1, "a", "b", "k")
		}},
		{"siblings do not see each other's attrs", func(s subject) error {
			return siblings(s, func(parent slog.Handler, who string) slog.Handler {
				return parent.WithAttrs([]slog.Attr{slog.String("who", who)})
			}, func(m map[string]any, path []string, who string) error {
				return want(m, who, append(path, "who")...)
			})
		}},
		{"siblings do not see each other's groups", func(s subject) error {
			return siblings(s, func(parent slog.Handler, who string) slog.Handler {
				return parent.WithGroup(who)
			}, func(m map[string]any, path []string, who string) error {
				return want(m, "v", append(path, who, "k")...)
			})
		}},
		{"the slice given to WithAttrs may be changed afterwards", func(s subject) error {
			m, err := s.one(nil, func(h slog.Handler) slog.Handler {
				attrs := ints("a", 1)
				h = h.WithAttrs(attrs)
				attrs[0] = slog.Int("a", 666)
				return h
			})
			return all(err, want(m, 1, "a"))
		}},
		{"the caller's groups are never written", func(s subject) error {
			inner := []slog.Attr{{}, slog.String("password", "p"), slog.Any("v", valuer{slog.IntValue(1)})}
			before := fmt.Sprint(inner)
			group := slog.Attr{Key: "g", Value: slog.GroupValue(inner...)}
			_, err := s.one(nil, with(group), group)
			if after := fmt.Sprint(inner); after != before {
				return fmt.Errorf("%v has become %v", before, after)
			}
			return err
		}},
		{"the caller's maps, slices and structs are never written", func(s subject) error {
			type inner struct{ Password string }
			fresh := func() []any {
				return []any{map[string]any{"password": "p", "n": []any{1}}, []string{"token=t"}, &inner{"p"}}
			}
			vs := fresh()
			_, err := s.one(nil, with(slog.Any("a", vs[0])), slog.Any("b", vs[0]), slog.Any("c", vs[1]), slog.Any("d", vs[2]))
			if !reflect.DeepEqual(vs, fresh()) {
				return fmt.Errorf("%v has become %v", fresh(), vs)
			}
			return err
		}},
		{"one record handled twice gives the same line twice", func(s subject) error {
			r := record(slog.LevelInfo, "m", ints("a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7)...)
			r.AddAttrs(slog.Int("h", 8)) // makes room that copies of the record share
			lines, err := s.lines(nil, func(h slog.Handler) error {
				ctx := context.Background()
				return errors.Join(h.Handle(ctx, r), h.Handle(ctx, r))
			})
			if err := exactly(2, lines, err); err != nil {
				return err
			}
			if !reflect.DeepEqual(lines[0], lines[1]) {
				return fmt.Errorf("%v and %v", lines[0], lines[1])
			}
			return all(want(lines[1], 7, "g"), want(lines[1], 8, "h"), none(lines[1], "!BUG"))
		}},
		{"a derived handler is enabled for the same levels", func(s subject) error {
			h, ctx := s.new(&testlog.Buffer{}, nil), context.Background()
			for _, derived := range []slog.Handler{h.WithAttrs(ints("a", 1)), h.WithGroup("g"), h.WithGroup("g").WithAttrs(ints("a", 1))} {
				for level := slog.LevelDebug - 4; level <= slog.LevelError+8; level++ {
					if got, want := derived.Enabled(ctx, level), h.Enabled(ctx, level); got != want {
						return fmt.Errorf("enabled for %v: %v, and %v before With", level, got, want)
					}
				}
			}
			return nil
		}},
		{"Unwrap returns a slog.Handler or a []slog.Handler", func(s subject) error {
			for _, h := range []slog.Handler{s.new(&testlog.Buffer{}, nil), s.new(&testlog.Buffer{}, nil).WithGroup("g")} {
				unwrap := reflect.ValueOf(h).MethodByName("Unwrap")
				if !unwrap.IsValid() {
					continue
				}
				switch unwrap.Interface().(type) {
				case func() slog.Handler, func() []slog.Handler:
				default:
					return fmt.Errorf("the Unwrap of %T is a %v", h, unwrap.Type())
				}
			}
			return nil
		}},
		{"derived handlers log side by side", concurrently},
		{"goroutines share a record and its groups", sharing},
	}
}

// valueRules: a value costs itself at most.
func valueRules() []rule[subject] {
	cyclicMap := map[string]any{}
	cyclicMap["self"] = cyclicMap
	type node struct{ Next *node }
	cyclicPtr := new(node)
	cyclicPtr.Next = cyclicPtr

	resolving := []rule[subject]{
		{"a LogValuer is resolved once", func(s subject) error {
			var n, nested counter
			m, err := s.one(nil, nil, slog.Any("n", &n), slog.Group("g", slog.Any("n", &nested)))
			if n != 1 || nested != 1 {
				return fmt.Errorf("resolved %d times, %d times in a group", n, nested)
			}
			return all(err, want(m, 1, "n"), want(m, 1, "g", "n"))
		}},
		{"a LogValuer that becomes a group nests", func(s subject) error {
			v := slog.Any("u", valuer{slog.GroupValue(slog.Any("id", valuer{slog.IntValue(1)}))})
			m, err := s.one(nil, nil, v)
			n, err2 := s.one(nil, with(v))
			return all(err, want(m, 1, "u", "id"), err2, want(n, 1, "u", "id"))
		}},
		{"a LogValuer with an empty key that becomes a group is inlined", func(s subject) error {
			v := slog.Any("", valuer{slog.GroupValue(slog.Int("id", 1))})
			m, err := s.one(nil, nil, v)
			n, err2 := s.one(nil, with(v))
			return all(err, want(m, 1, "id"), err2, want(n, 1, "id"))
		}},
		{"a nil value is printed", func(s subject) error {
			m, err := s.one(nil, with(slog.Any("b", nil)), slog.Any("v", nil), slog.Int("k", 1))
			return all(err, some(m, "b"), some(m, "v"), want(m, 1, "k"))
		}},
		{"an error's text survives", func(s subject) error {
			err := fmt.Errorf("open: %w", errors.New("no such file"))
			m, err1 := s.one(nil, nil, slog.Any("e", err), slog.Group("g", slog.Any("e", err)))
			n, err2 := s.one(nil, with(slog.Any("e", err)))
			return all(err1, holds(m, "open: no such file", "e"), holds(m, "open: no such file", "g", "e"),
				err2, holds(n, "open: no such file", "e"))
		}},
	}
	hostile := []struct {
		name  string
		value any
	}{
		{"a LogValuer that panics", panicker{}},
		{"a LogValuer that is a nil pointer", (*ptrValuer)(nil)},
		{"a LogValuer that returns itself", loop{}},
		{"an error that panics", panickingError{}},
		{"an error that is a typed nil", (*ptrError)(nil)},
		{"a Stringer that panics", panickingStringer{}},
		{"a json.Marshaler that panics", panickingMarshaler{}},
		{"a json.Marshaler that fails", failingMarshaler{}},
		{"an encoding.TextMarshaler that panics", panickingText{}},
		{"an encoding.TextMarshaler that is a typed nil", (*ptrText)(nil)},
		{"invalid JSON in a json.RawMessage", json.RawMessage(`{"a":`)},
		{"NaN", math.NaN()},
		{"infinity", math.Inf(-1)},
		{"a channel", make(chan int)},
		{"a function", func() {}},
		{"a complex number", 1i},
		{"a map that contains itself", cyclicMap},
		{"a pointer that leads to itself", cyclicPtr},
		{"a year beyond 9999", time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	rules := slices.Grow(resolving, len(hostile))
	for _, v := range hostile {
		rules = append(rules, rule[subject]{v.name + " costs a placeholder, not the record", func(s subject) error {
			m, err := s.one(nil, nil, slog.Int("before", 1), slog.Any("v", v.value), slog.Int("after", 2))
			n, err2 := s.one(nil, with(slog.Any("v", v.value), slog.Int("b", 1)), slog.Int("after", 2))
			g, err3 := s.one(nil, nil, slog.Group("g", slog.Any("v", v.value)), slog.Int("after", 2))
			return all(err, want(m, 1, "before"), some(m, "v"), want(m, 2, "after"),
				err2, some(n, "v"), want(n, 1, "b"), want(n, 2, "after"), err3, some(g, "g", "v"), want(g, 2, "after"))
		}})
	}
	return rules
}

// factRules: what a record says survives.
func factRules() []rule[subject] {
	return []rule[subject]{
		{"levels between and beyond the names survive", func(s subject) error {
			for _, level := range []slog.Level{slog.LevelInfo, slog.LevelInfo + 2, slog.LevelWarn, slog.LevelError, 100} {
				lines, err := s.lines(nil, func(h slog.Handler) error {
					return h.Handle(context.Background(), record(level, "m"))
				})
				if err := exactly(1, lines, err); err != nil {
					return fmt.Errorf("%v: %w", level, err)
				}
				if err := want(lines[0], level.String(), "level"); err != nil {
					return err
				}
			}
			return nil
		}},
		{"the time keeps its nanoseconds", func(s subject) error {
			when := time.Date(2026, 11, 21, 23, 30, 0, 123456789, time.FixedZone("", 3600))
			lines, err := s.lines(nil, func(h slog.Handler) error {
				r := slog.NewRecord(when, slog.LevelInfo, "m", 0)
				r.AddAttrs(slog.Time("t", when))
				return h.Handle(context.Background(), r)
			})
			if err := exactly(1, lines, err); err != nil {
				return err
			}
			for _, key := range []string{"time", "t"} {
				v, _ := at(lines[0], key)
				got, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
				if err != nil || !got.Equal(when) {
					return fmt.Errorf("%q is %v, want %v", key, v, when)
				}
			}
			return nil
		}},
		{"the source survives", func(s subject) error {
			if !s.honours() {
				return nil
			}
			lines, err := s.lines(&slog.HandlerOptions{AddSource: true}, func(h slog.Handler) error {
				slog.New(h).With("a", 1).Info("m")
				slog.New(h).WithGroup("g").Info("m", "k", 1)
				return nil
			})
			if err := exactly(2, lines, err); err != nil {
				return err
			}
			return all(holds(lines[0], "rules.go", "source"), holds(lines[1], "rules.go", "source"))
		}},
		{"attrs named like the built-in ones survive in a group", func(s subject) error {
			m, err := s.one(nil, nil, slog.Group("g", slog.Int("msg", 1), slog.Int("level", 2), slog.Int("time", 3)))
			return all(err, want(m, 1, "g", "msg"), want(m, 2, "g", "level"), want(m, 3, "g", "time"))
		}},
		{"Enabled has no part in Handle", func(s subject) error {
			lines, err := s.lines(nil, func(h slog.Handler) error {
				ctx := context.Background()
				h.Enabled(ctx, slog.LevelDebug-4)
				return h.Handle(ctx, record(slog.LevelInfo, "m"))
			})
			return exactly(1, lines, err)
		}},
		{"a hundred attrs are all there", func(s subject) error {
			attrs := make([]slog.Attr, 100)
			for i := range attrs {
				attrs[i] = slog.Int(fmt.Sprint("k", i), i)
			}
			m, err := s.one(nil, with(attrs...), slog.Attr{Key: "g", Value: slog.GroupValue(attrs...)})
			n, err2 := s.one(nil, nil, attrs...)
			for i := range attrs {
				err = all(err, err2, want(m, i, attrs[i].Key), want(m, i, "g", attrs[i].Key), want(n, i, attrs[i].Key))
			}
			return err
		}},
		{"an attr twenty groups deep is there", func(s subject) error {
			var path []string
			a := slog.Int("k", 1)
			for i := range 20 {
				path = append(path, fmt.Sprint("g", i))
				a = slog.Attr{Key: "g", Value: slog.GroupValue(a)}
			}
			m, err := s.one(nil, groups(path...), slog.Int("k", 1))
			n, err2 := s.one(nil, nil, a)
			return all(err, want(m, 1, append(path, "k")...), err2, want(n, 1, append(slices.Repeat([]string{"g"}, 20), "k")...))
		}},
		{"a canceled context loses nothing", func(s subject) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return logsWith(s, ctx)
		}},
		{"a nil context loses nothing", func(s subject) error { return logsWith(s, nil) }},
		{"a writer that fails makes Handle return an error", func(s subject) error {
			w := &testlog.FaultWriter{W: &testlog.Buffer{}}
			w.Fail(errInjected)
			h := s.new(w, nil)
			ctx := context.Background()
			if err := errors.Join(h.Handle(ctx, record(slog.LevelInfo, "m")), handler.Flush(ctx, h)); err == nil {
				return errors.New("no error")
			}
			return nil
		}},
	}
}

// lineRules: a record is one clean line, whatever is in it.
func lineRules() []rule[subject] {
	return []rule[subject]{
		{"a newline anywhere stays in the line", func(s subject) error {
			m, err := s.hostile("\nlevel=ERROR msg=forged")
			return all(err, some(m, "msg"))
		}},
		{"escape sequences do not reach a terminal", func(s subject) error {
			_, err := s.hostile("\x1b[31m\x1b]0;title\a\x00\b")
			return err
		}},
		{"text after an invalid byte survives", func(s subject) error {
			return s.keeps("a\xffbehind", "behind")
		}},
		{"text after U+FFFD survives", func(s subject) error {
			return s.keeps("a\ufffdbehind", "behind")
		}},
		{"a lone surrogate costs itself only", func(s subject) error {
			return s.keeps("a\xed\xa0\x80behind", "behind")
		}},
		{"quotes and backslashes in keys stay in the key", func(s subject) error {
			key := `q"uo\te`
			m, err := s.one(nil, with(slog.Int(key, 1)), slog.Group("g"+key, slog.Int(key, 2)))
			n, err2 := s.one(nil, groups("g"+key), slog.Int(key, 3))
			return all(err, want(m, 1, key), want(m, 2, "g"+key, key), err2, want(n, 3, "g"+key, key))
		}},
		{"a long text is whole", func(s subject) error {
			long := strings.Repeat("0123456789", 7_000)
			m, err := s.one(nil, nil, slog.String("long", long))
			if err == nil && m["long"] != long {
				err = fmt.Errorf("%d bytes, want %d", len(fmt.Sprint(m["long"])), len(long))
			}
			return err
		}},
	}
}

// hostile logs text in every place that holds text.
func (s subject) hostile(text string) (map[string]any, error) {
	lines, err := s.lines(nil, func(h slog.Handler) error {
		h = h.WithAttrs([]slog.Attr{slog.String("bound"+text, text)}).WithGroup("group" + text)
		return h.Handle(context.Background(), record(slog.LevelInfo, "m"+text, slog.String("key"+text, text),
			slog.Any("error", errors.New(text)), slog.Any("bytes", []byte(text)), slog.Any("list", []string{text}),
			slog.Any("map", map[string]any{text: text}), slog.Group("inner"+text, slog.String("k", text)),
			slog.Any("raw", json.RawMessage(`"`+text+`"`))))
	})
	if err == nil && len(lines) != 1 {
		err = fmt.Errorf("%d lines for one record", len(lines))
	}
	if err != nil {
		return nil, err
	}
	return lines[0], nil
}

// keeps checks that a part of text is printed wherever text was logged.
func (s subject) keeps(text, part string) error {
	lines, err := s.lines(nil, func(h slog.Handler) error {
		return h.WithAttrs([]slog.Attr{slog.String("bound", text)}).Handle(context.Background(),
			record(slog.LevelInfo, "m"+text, slog.String("v", text), slog.Any("e", errors.New(text))))
	})
	if err := exactly(1, lines, err); err != nil {
		return err
	}
	m := lines[0]
	return all(holds(m, part, "msg"), holds(m, part, "bound"), holds(m, part, "v"), holds(m, part, "e"))
}

// holds checks that the value at a path prints with a text in it.
func holds(m map[string]any, text string, path ...string) error {
	got, ok := at(m, path...)
	if !ok || !strings.Contains(fmt.Sprint(got), text) {
		return fmt.Errorf("%q is %v, want %q in it", path, got, text)
	}
	return nil
}

func logsWith(s subject, ctx context.Context) error { //nolint:revive // the context is what is tested
	lines, err := s.lines(nil, func(h slog.Handler) error {
		h.Enabled(ctx, slog.LevelInfo)
		return h.Handle(ctx, record(slog.LevelInfo, "m"))
	})
	if err := exactly(1, lines, err); err != nil {
		return err
	}
	return nil
}

func returnsItself(s subject, derive func(slog.Handler) slog.Handler) error {
	h := s.new(&testlog.Buffer{}, nil)
	if t := reflect.TypeOf(h); t.Comparable() && derive(h) != h {
		return fmt.Errorf("a %T that is not the receiver", derive(h))
	}
	m, err := s.one(nil, derive, slog.Int("k", 1))
	return all(err, want(m, 1, "k"), none(m, ""))
}

// siblings derives two handlers of one parent, at depths from none to six, and
// logs through the first after the second was made, and at last through the
// parent.
func siblings(s subject, derive func(parent slog.Handler, who string) slog.Handler,
	check func(m map[string]any, path []string, who string) error,
) error {
	for depth := range 7 {
		var path []string
		lines, err := s.lines(nil, func(h slog.Handler) error {
			for i := range depth {
				h = h.WithAttrs(ints(fmt.Sprint("a", i), i)).WithGroup(fmt.Sprint("g", i))
				path = append(path, fmt.Sprint("g", i))
			}
			h = h.WithAttrs(ints("1", 1, "2", 2, "3", 3, "4", 4, "5", 5))
			alice, bob := derive(h, "alice"), derive(h, "bob")
			ctx := context.Background()
			r := record(slog.LevelInfo, "m", slog.String("k", "v"))
			return errors.Join(alice.Handle(ctx, r), bob.Handle(ctx, r), h.Handle(ctx, r))
		})
		if err := exactly(3, lines, err); err != nil {
			return fmt.Errorf("at depth %d: %w", depth, err)
		}
		path = slices.Clip(path)
		parent := all(want(lines[2], "v", append(path, "k")...), none(lines[2], append(path, "who")...))
		if err := all(check(lines[0], path, "alice"), check(lines[1], path, "bob"), parent); err != nil {
			return fmt.Errorf("at depth %d: %w", depth, err)
		}
	}
	return nil
}

// concurrently logs from several goroutines through handlers with common
// ancestors, with attrs that they share, and looks for mixed lines. The race
// detector looks for the rest.
func concurrently(s subject) error {
	const goroutines, records = 6, 20
	shared := slog.Group("shared", slog.String("k", "v"), slog.Group("inner", slog.Any("l", valuer{slog.IntValue(1)})))
	lines, err := s.lines(nil, func(h slog.Handler) error {
		parents := []slog.Handler{h}
		for depth := range 6 {
			h = h.WithAttrs([]slog.Attr{shared}).WithGroup(fmt.Sprint("g", depth))
			parents = append(parents, h)
		}
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for g := range goroutines {
			wg.Go(func() {
				errs[g] = caught(func() (err error) {
					ctx := context.Background()
					for i := range records {
						parent := parents[i%len(parents)]
						child := parent.WithGroup(fmt.Sprint("child", g)).WithAttrs(ints("g", g))
						r := record(slog.LevelInfo, fmt.Sprint("from ", g), shared, slog.Int("i", i))
						err = errors.Join(err, child.Handle(ctx, r), parent.Handle(ctx, r))
					}
					return err
				})
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	if err := exactly(2*goroutines*records, lines, err); err != nil {
		return err
	}
	seen, derived := make(map[string]int), 0
	for _, m := range lines {
		who := strings.TrimPrefix(fmt.Sprint(m["msg"]), "from ")
		group := m
		for depth := range 6 {
			if inner, ok := group[fmt.Sprint("g", depth)].(map[string]any); ok {
				group = inner
			}
		}
		for g := range goroutines {
			child, ok := group[fmt.Sprint("child", g)]
			if !ok {
				continue
			}
			derived++
			attrs, _ := child.(map[string]any)
			if strconv.Itoa(g) != who || fmt.Sprint(attrs["g"]) != who {
				return fmt.Errorf("goroutine %s logged a line of %d: %v", who, g, m)
			}
		}
		seen[who]++
	}
	if derived != goroutines*records {
		return fmt.Errorf("%d lines of derived handlers, want %d", derived, goroutines*records)
	}
	for g := range goroutines {
		if n := seen[strconv.Itoa(g)]; n != 2*records {
			return fmt.Errorf("%d lines of goroutine %d, want %d", n, g, 2*records)
		}
	}
	return nil
}

// sharing logs one record from several goroutines at once. Copies of it share its
// groups, and the room behind its attrs.
func sharing(s subject) error {
	const goroutines, times = 4, 10
	group := slog.Group("g", slog.String("first", "s"), slog.Group("h", slog.Any("l", valuer{slog.IntValue(1)})))
	r := record(slog.LevelInfo, "m", ints("a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6)...)
	r.AddAttrs(group) // makes room
	lines, err := s.lines(nil, func(h slog.Handler) error {
		errs := make([]error, goroutines)
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				errs[g] = caught(func() (err error) {
					for range times {
						err = errors.Join(err, h.Handle(context.Background(), r))
					}
					return err
				})
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	if err := exactly(goroutines*times, lines, err); err != nil {
		return err
	}
	for _, m := range lines {
		if err := all(want(m, 6, "f"), want(m, "s", "g", "first"), want(m, 1, "g", "h", "l"), none(m, "!BUG")); err != nil {
			return err
		}
	}
	return nil
}

// exactly returns err or, if there is none, an error unless there are n lines.
func exactly(n int, lines []map[string]any, err error) error {
	if err == nil && len(lines) != n {
		err = fmt.Errorf("%d lines, want %d", len(lines), n)
	}
	return err
}

func with(attrs ...slog.Attr) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) }
}

func groups(names ...string) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler {
		for _, name := range names {
			h = h.WithGroup(name)
		}
		return h
	}
}

func ints(args ...any) []slog.Attr { return slog.Group("", args...).Value.Group() }

// allocs returns the least number of allocations that a call of f was seen to
// make. Other than testing.AllocsPerRun it may be used in a parallel test, whose
// neighbours allocate too: it tries until they happen not to.
func allocs(f func()) uint64 {
	f()
	least := uint64(math.MaxUint64)
	for try := 0; try < 1000 && least > 0; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}
