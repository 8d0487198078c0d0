package fanout_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A script makes what it needs of the bytes of a fuzz test, zeros after the last.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func (s *script) pick(from ...string) string { return from[s.next(len(from))] }

func (s *script) key() string { return s.pick("a", "b", "a.b", "", "b.a", "a.") }

func (s *script) attrs(depth int) []slog.Attr {
	attrs := make([]slog.Attr, s.next(4))
	for i := range attrs {
		attrs[i] = slog.Attr{Key: s.key(), Value: s.value(depth)}
	}
	return attrs
}

func (s *script) value(depth int) slog.Value {
	n := 8
	if depth == 0 {
		n = 6 // no further group
	}
	switch s.next(n) {
	case 1:
		return slog.IntValue(s.next(3))
	case 2:
		return slog.StringValue(s.pick("x", "y"))
	case 3:
		return slog.Float64Value(float64(s.next(3)))
	case 4:
		return slog.AnyValue([]int{s.next(2)})
	case 5:
		return slog.AnyValue(mode(s.pick("x", "y")))
	case 6:
		return slog.GroupValue(s.attrs(depth - 1)...)
	case 7:
		return slog.AnyValue(valuer{slog.GroupValue(s.attrs(depth - 1)...)})
	default:
		return slog.Value{}
	}
}

// An entry is an attr in the model of a record: a list of all that is in it, and
// where.
type entry struct {
	path  string
	value slog.Value
}

// entries returns the model of attrs behind a prefix.
func entries(prefix string, attrs []slog.Attr) (all []entry) {
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch {
		case v.Kind() == slog.KindGroup && a.Key == "":
			all = append(all, entries(prefix, v.Group())...)
		case v.Kind() == slog.KindGroup:
			if inner := entries(prefix+a.Key+".", v.Group()); len(inner) > 0 {
				all = append(append(all, entry{prefix + a.Key, v}), inner...)
			}
		case a.Key != "" || v.Kind() != slog.KindAny || v.Any() != nil:
			all = append(all, entry{prefix + a.Key, v})
		}
	}
	return all
}

// An oracle decides on a model.
type oracle func(message string, all []entry) bool

// tree returns a Match, and what it should be true of.
func (s *script) tree(depth int) (fanout.Match, oracle) {
	anyAt := func(path string, f func(slog.Value) bool) oracle {
		return func(_ string, all []entry) bool {
			return slices.ContainsFunc(all, func(e entry) bool { return e.path == path && f(e.value) })
		}
	}
	n := 8
	if depth == 0 {
		n = 5 // leaves only
	}
	switch kind := s.next(n); kind {
	case 0:
		path := s.path()
		return fanout.HasAttr(path), anyAt(path, func(slog.Value) bool { return true })
	case 1:
		path, want := s.path(), s.next(3)
		return fanout.AttrIs(path, want), anyAt(path, func(v slog.Value) bool {
			return v.Kind() == slog.KindInt64 && v.Int64() == int64(want) || v.Kind() == slog.KindFloat64 && v.Float64() == float64(want)
		})
	case 2:
		path, want := s.path(), s.pick("x", "y")
		return fanout.AttrIs(path, want), anyAt(path, func(v slog.Value) bool {
			m, ok := v.Any().(mode)
			return v.Kind() == slog.KindString && v.String() == want || ok && string(m) == want
		})
	case 3:
		path := s.path()
		k := []slog.Kind{slog.KindAny, slog.KindInt64, slog.KindString, slog.KindGroup}[s.next(4)]
		return fanout.AttrKindIs(path, k), anyAt(path, func(v slog.Value) bool { return v.Kind() == k })
	case 4:
		part := s.pick("m", "n")
		return fanout.MessageContains(part), func(m string, _ []entry) bool { return strings.Contains(m, part) }
	case 5:
		match, want := s.tree(depth - 1)
		return fanout.Not(match), func(m string, all []entry) bool { return !want(m, all) }
	default:
		matches, wants := make([]fanout.Match, s.next(4)), []oracle(nil)
		for i := range matches {
			match, want := s.tree(depth - 1)
			matches[i], wants = match, append(wants, want)
		}
		holds := func(m string, all []entry) (n int) {
			for _, want := range wants {
				if want(m, all) {
					n++
				}
			}
			return n
		}
		if kind == 6 {
			return fanout.And(matches...), func(m string, all []entry) bool { return holds(m, all) == len(wants) }
		}
		return fanout.Or(matches...), func(m string, all []entry) bool { return holds(m, all) > 0 }
	}
}

func (s *script) path() string {
	keys := make([]string, 1+s.next(3))
	for i := range keys {
		keys[i] = s.key()
	}
	return strings.Join(keys, ".")
}

// FuzzMatch sets matches drawn at random beside a model that lists all that is in
// a record and looks for no shortcut.
func FuzzMatch(f *testing.F) {
	f.Add([]byte{})
	rnd := testlog.NewRandom(1)
	for range 4000 {
		b := make([]byte, 96)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := script(b)
		match, want := s.tree(3)
		n := 0
		var h slog.Handler = fanout.When(match, counter{&n})
		var levels [][]slog.Attr // what is bound at each depth, the groups among them
		var groups []string
		level := []slog.Attr(nil)
		for range s.next(6) {
			if s.next(2) == 0 {
				as := s.attrs(2)
				h, level = h.WithAttrs(slices.Clone(as)), append(level, as...)
			} else if name := s.key(); name != "" {
				h, levels, groups, level = h.WithGroup(name), append(levels, level), append(groups, name), nil
			}
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, s.pick("m", "n", "mn", ""), 0)
		as := s.attrs(2)
		r.AddAttrs(as...)
		level = append(level, as...)
		for i, name := range slices.Backward(groups) {
			level = slices.Concat(levels[i], []slog.Attr{{Key: name, Value: slog.GroupValue(level...)}})
		}
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if all := entries("", level); want(r.Message, all) != (n == 1) {
			t.Errorf("%d records passed, and the model says otherwise: %q, %+v", n, r.Message, all)
		}
	})
}
