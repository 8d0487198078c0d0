// Package attrs keeps what With and WithGroup have bound to a handler, for
// wrappers that have to see it when a record arrives.
package attrs

import (
	"log/slog"
	"slices"
)

// Bound is a list of what was bound, the latest first. It is immutable: siblings
// share their ancestors. A nil *Bound holds nothing.
type Bound struct {
	parent *Bound
	group  string      // for WithGroup
	attrs  []slog.Attr // for WithAttrs
}

// WithAttrs returns b with attrs, which it copies.
func (b *Bound) WithAttrs(attrs []slog.Attr) *Bound {
	return &Bound{parent: b, attrs: slices.Clone(attrs)}
}

// WithGroup returns b with a group.
func (b *Bound) WithGroup(name string) *Bound {
	return &Bound{parent: b, group: name}
}

// Groups returns the names of the groups, the outermost first.
func (b *Bound) Groups() []string {
	var names []string
	for ; b != nil; b = b.parent {
		if b.group != "" {
			names = append(names, b.group)
		}
	}
	slices.Reverse(names)
	return names
}

// Attrs calls yield with each bound attr, the latest bound first, and the
// groups it is in, until yield returns false.
func (b *Bound) Attrs(yield func(groups []string, a slog.Attr) bool) {
	for ; b != nil; b = b.parent {
		if len(b.attrs) == 0 {
			continue
		}
		groups := b.parent.Groups()
		for _, a := range b.attrs {
			if !yield(groups, a) {
				return
			}
		}
	}
}

// Any reports whether f is true of an attr that is bound, or of one in a group
// that is bound.
func (b *Bound) Any(f func(slog.Attr) bool) bool {
	for ; b != nil; b = b.parent {
		for _, a := range b.attrs {
			if Any(a, f) {
				return true
			}
		}
	}
	return false
}

// Record returns r with all that is bound in it: the attrs in front of its own,
// and those in the groups that are open. A group that ends up without attrs is
// left out. It shares nothing with r that may be changed.
func (b *Bound) Record(r slog.Record) slog.Record {
	if b == nil {
		return r.Clone()
	}
	var own []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		own = append(own, a)
		return true
	})
	for ; b != nil; b = b.parent {
		switch {
		case b.group == "":
			own = append(slices.Clone(b.attrs), own...)
		case len(own) > 0:
			own = []slog.Attr{{Key: b.group, Value: slog.GroupValue(own...)}}
		}
	}
	whole := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	whole.AddAttrs(own...)
	return whole
}
