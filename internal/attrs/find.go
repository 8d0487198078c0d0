package attrs

import (
	"log/slog"
	"strings"
)

// Named reports whether f is true of the value of an attr with the given key that is
// no group: of one that is bound, or of one of r, outside of groups or in one at any
// depth that the Budget of the record allows. What f is given is resolved.
func (b *Bound) Named(r *slog.Record, key string, f func(slog.Value) bool) bool {
	var budget Budget
	for ; b != nil; b = b.parent {
		for i := range b.attrs {
			if named(&b.attrs[i], key, f, &budget) {
				return true
			}
		}
	}
	found := false
	r.Attrs(func(a slog.Attr) bool {
		found = named(&a, key, f, &budget)
		return !found
	})
	return found
}

// named looks at an attr. Most have another key and a plain value: these cost little.
func named(a *slog.Attr, key string, f func(slog.Value) bool, budget *Budget) bool {
	v := a.Value
	switch v.Kind() {
	case slog.KindLogValuer:
		v = v.Resolve()
	case slog.KindGroup:
	default:
		return a.Key == key && f(v)
	}
	if v.Kind() != slog.KindGroup {
		return a.Key == key && f(v)
	}
	members := v.Group()
	if !budget.Enter(members) {
		return false
	}
	defer budget.Leave()
	for i := range members {
		if named(&members[i], key, f, budget) {
			return true
		}
	}
	return false
}

// Find reports whether f is true of a value at path, in the attrs of r or in what
// is bound: the keys that lead there, joined by dots. A dot may as well be part of
// a key, so there may be several such values. What f is given is resolved. An
// empty attr, and a group in which there is nothing else, is not there. Neither is
// what is in groups beyond the Budget of the record.
//
// It allocates only for a path that leads to a group that WithGroup opened.
func (b *Bound) Find(r *slog.Record, path string, f func(slog.Value) bool) bool {
	if b.opened(path) {
		whole := b.Record(*r)
		return (*Bound)(nil).Find(&whole, path, f)
	}
	var budget Budget
	found := false
	if rest, ok := strings.CutPrefix(path, b.dotted()); ok {
		r.Attrs(func(a slog.Attr) bool {
			found = at(&a, rest, f, &budget)
			return !found
		})
	}
	for ; b != nil && !found; b = b.parent {
		rest, ok := strings.CutPrefix(path, b.prefix)
		for i := 0; ok && !found && i < len(b.attrs); i++ {
			found = at(&b.attrs[i], rest, f, &budget)
		}
	}
	return found
}

// opened reports whether path leads to a group that WithGroup opened.
func (b *Bound) opened(path string) bool {
	for ; b != nil; b = b.parent {
		if b.opens && len(b.prefix) == len(path)+1 && strings.HasPrefix(b.prefix, path) {
			return true
		}
	}
	return false
}

// at is follow for an attr that stands outside of groups. Most are not on the way,
// and most that are have a plain value: these cost little.
func at(a *slog.Attr, path string, f func(slog.Value) bool, budget *Budget) bool {
	switch n := len(a.Key); {
	case n == 0:
	case n == len(path):
		if a.Key != path {
			return false
		}
		if k := a.Value.Kind(); k != slog.KindGroup && k != slog.KindLogValuer {
			return f(a.Value)
		}
	case n > len(path) || path[n] != '.' || path[:n] != a.Key:
		return false
	}
	return follow(*a, path, f, budget)
}

// follow looks for path in a.
func follow(a slog.Attr, path string, f func(slog.Value) bool, budget *Budget) bool {
	rest, ok := strings.CutPrefix(path, a.Key)
	if !ok {
		return false
	}
	v := a.Value.Resolve()
	inline := a.Key == "" && v.Kind() == slog.KindGroup
	if rest == "" && !inline && !isEmpty(slog.Attr{Key: a.Key, Value: v}, budget) && f(v) {
		return true
	}
	if v.Kind() != slog.KindGroup {
		return false
	}
	if !inline {
		if rest, ok = strings.CutPrefix(rest, "."); !ok {
			return false
		}
	}
	members := v.Group()
	if !budget.Enter(members) {
		return false
	}
	defer budget.Leave()
	for _, m := range members {
		if follow(m, rest, f, budget) {
			return true
		}
	}
	return false
}

// isEmpty reports whether a prints nothing.
func isEmpty(a slog.Attr, budget *Budget) bool {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		return Empty(a)
	}
	members := a.Value.Group()
	if !budget.Enter(members) {
		return false
	}
	defer budget.Leave()
	for _, m := range members {
		if !isEmpty(m, budget) {
			return false
		}
	}
	return true
}
