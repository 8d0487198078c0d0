package handler

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/sluicelog/sluice/internal/attrs"
)

// A rewriter makes other attrs of those of records. It never writes to what it is
// given. What it returns is resolved, and nothing in it is empty.
type rewriter struct {
	// replace returns what is to stand in the place of an attr, which is resolved,
	// and whether it is another one. If it is done, the members of a group that it
	// has returned are not looked at.
	replace func(groups []string, a slog.Attr) (out slog.Attr, changed, done bool)

	// concerns reports whether replace may do anything about a value of KindAny, if
	// it does nothing about others. Nil means that it may do something about all.
	concerns func(v any) bool

	groups  bool     // whether replace is called for groups too
	names   *renames // nil for none
	flatten string   // what stands between the names of groups that are flattened, or ""

	walks sync.Pool // of *rewriting
}

// A place is where attrs stand: in which groups, by the names that they were
// logged with.
type place struct {
	groups []string // never appended to in place
	names  *renames // those for the attrs here
	prefix string   // of keys, if groups are flattened
}

func (p place) in(group, name, flatten string) place {
	p.groups = append(slices.Clip(p.groups), group)
	p.names = p.names.find(group)
	if flatten != "" && name != "" {
		p.prefix += name + flatten
	}
	return p
}

// A rewriting is the work on one record.
type rewriting struct {
	*rewriter

	path   []string
	budget attrs.Budget
	out    []slog.Attr
}

func (rw *rewriter) begin(at place) *rewriting {
	w, _ := rw.walks.Get().(*rewriting)
	if w == nil {
		w = &rewriting{rewriter: rw}
	}
	w.path = append(w.path[:0], at.groups...)
	w.budget = attrs.Budget{}
	return w
}

// end gives back what begin took. A goroutine that ends meanwhile does not, which
// costs nothing but the memory.
func (rw *rewriter) end(w *rewriting) {
	clear(w.out)
	w.out = w.out[:0]
	if cap(w.out) <= maxKept {
		rw.walks.Put(w)
	}
}

// maxKept is how many attrs of one record a rewriting keeps room for.
const maxKept = 1 << 10

// record returns r with other attrs, or r itself if they are the same.
func (rw *rewriter) record(r slog.Record, at place) slog.Record {
	if at.prefix == "" && rw.leaves(&r, at.names) {
		return r
	}
	return rw.rewrite(r, at)
}

// leaves reports whether it can be told at a glance that nothing happens to a
// record.
func (rw *rewriter) leaves(r *slog.Record, names *renames) bool {
	if rw.replace != nil && rw.concerns == nil {
		return false
	}
	same := true
	r.Attrs(func(a slog.Attr) bool {
		switch a.Value.Kind() {
		case slog.KindGroup, slog.KindLogValuer:
			same = false
		case slog.KindAny:
			same = !attrs.Empty(a) && (rw.replace == nil || !rw.concerns(a.Value.Any()))
		default:
		}
		same = same && !names.may(a.Key)
		return same
	})
	return same
}

func (rw *rewriter) rewrite(r slog.Record, at place) slog.Record {
	w := rw.begin(at)
	i, changed := 0, false
	r.Attrs(func(a slog.Attr) bool {
		differs, keep := w.attr(&a, at.names)
		differs = differs || !keep || rw.flatten != "" && (at.prefix != "" || a.Value.Kind() == slog.KindGroup)
		if differs && !changed {
			changed = true
			w.out = attrs.First(r, i, w.out)
		}
		if changed && keep {
			w.add(&a, at.prefix)
		}
		i++
		return true
	})
	if changed {
		out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		out.AddAttrs(w.out...)
		r = out
	}
	rw.end(w)
	return r
}

// bound returns what becomes of attrs that are bound. The slice is the caller's own.
func (rw *rewriter) bound(as []slog.Attr, at place) []slog.Attr {
	w := rw.begin(at)
	for _, a := range as {
		if _, keep := w.attr(&a, at.names); keep {
			w.add(&a, at.prefix)
		}
	}
	out := slices.Clone(w.out)
	rw.end(w)
	return out
}

// add adds an attr to what becomes of the record.
func (w *rewriting) add(a *slog.Attr, prefix string) {
	if w.flatten == "" {
		w.out = append(w.out, *a)
		return
	}
	if a.Value.Kind() != slog.KindGroup {
		w.out = append(w.out, slog.Attr{Key: prefix + a.Key, Value: a.Value})
		return
	}
	if a.Key != "" {
		prefix += a.Key + w.flatten
	}
	members := a.Value.Group()
	for i := range members {
		w.add(&members[i], prefix)
	}
}

// attr rewrites a, and reports whether it has become another attr, and whether
// there still is one.
func (w *rewriting) attr(a *slog.Attr, names *renames) (changed, keep bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value, changed = a.Value.Resolve(), true
	}
	if attrs.Empty(*a) {
		return true, false
	}
	logged, name, done := a.Key, names.find(a.Key), false
	if w.replace != nil && (w.groups || a.Value.Kind() != slog.KindGroup) {
		var (
			out     slog.Attr
			differs bool
		)
		if out, differs, done = w.replace(w.path, *a); differs {
			a.Key, a.Value, changed = out.Key, out.Value.Resolve(), true
		}
	}
	if a.Value.Kind() == slog.KindGroup && !done {
		inner := names
		if logged != "" {
			inner = name
			w.path = append(w.path, logged)
		}
		value, differs := w.group(a.Value, inner)
		if logged != "" {
			w.path = w.path[:len(w.path)-1]
		}
		a.Value, changed = value, changed || differs
		if value.Kind() == slog.KindGroup && len(value.Group()) == 0 {
			return true, false
		}
	}
	if name != nil && name.renamed && a.Key == logged {
		a.Key, changed = name.to, true
	}
	return changed, !attrs.Empty(*a)
}

// group returns what becomes of a group, and whether that is another one.
func (w *rewriting) group(v slog.Value, names *renames) (out slog.Value, changed bool) {
	members := v.Group()
	if !w.budget.Enter(members) {
		return slog.StringValue(attrs.TooLarge), true
	}
	defer w.budget.Leave()
	var list []slog.Attr
	for i, m := range members {
		differs, keep := w.attr(&m, names)
		if (differs || !keep) && !changed {
			changed = true
			list = append(make([]slog.Attr, 0, len(members)), members[:i]...)
		}
		if changed && keep {
			list = append(list, m)
		}
	}
	if !changed {
		return v, false
	}
	return slog.GroupValue(list...), true
}
