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
	attrs  []slog.Attr // for WithAttrs
	groups []string    // all that are open, the outermost first, this one's last
	prefix string      // the groups, each with a dot behind it
	opens  bool        // whether it is for WithGroup
}

// WithAttrs returns b with attrs, which it copies, but for empty ones.
func (b *Bound) WithAttrs(attrs []slog.Attr) *Bound {
	own := slices.DeleteFunc(slices.Clone(attrs), Empty)
	return &Bound{parent: b, attrs: own, groups: b.Groups(), prefix: b.dotted()}
}

// WithGroup returns b with a group.
func (b *Bound) WithGroup(name string) *Bound {
	groups := slices.Clip(append(b.Groups(), name)) // a copy: what Groups returns has no room
	return &Bound{parent: b, groups: groups, prefix: b.dotted() + name + ".", opens: true}
}

// Groups returns the names of the groups, the outermost first. The slice is that
// of all who ask, without room behind it.
func (b *Bound) Groups() []string {
	if b == nil {
		return nil
	}
	return b.groups
}

// dotted returns the names of the groups, each with a dot behind it.
func (b *Bound) dotted() string {
	if b == nil {
		return ""
	}
	return b.prefix
}

// Attrs calls yield with each bound attr, the latest bound first, and the
// groups it is in, until yield returns false.
func (b *Bound) Attrs(yield func(groups []string, a slog.Attr) bool) {
	for ; b != nil; b = b.parent {
		for _, a := range b.attrs {
			if !yield(b.groups, a) {
				return
			}
		}
	}
}

// Record returns r with all that is bound in it: the attrs in front of its own,
// and those in the groups that are open. A group that ends up without attrs is
// left out. It shares nothing with r that may be changed.
func (b *Bound) Record(r slog.Record) slog.Record {
	if b == nil {
		return r.Clone()
	}
	return b.Build(&r, nil, nil)
}
