package attrs

import "log/slog"

// Build returns a record with the facts of r: with top and then all that is bound
// outside of groups, and, in the groups that are open, with what is bound there,
// in, and then the attrs of r. A group that ends up without attrs is left out. It
// shares nothing with r that may be changed.
func (b *Bound) Build(r *slog.Record, top, in []slog.Attr) slog.Record {
	n, group := b.level()
	whole := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	whole.AddAttrs(top...)
	switch own := n + len(in) + r.NumAttrs(); {
	case group != nil:
		b.nest(&whole, b.join(make([]slog.Attr, own), n, group, r, in), group)
	case n == 0 && len(top)+own <= inlineAttrs:
		whole.AddAttrs(in...)
		r.Attrs(func(a slog.Attr) bool {
			if !Empty(a) {
				whole.AddAttrs(a)
			}
			return true
		})
	default:
		b.list(&whole, own, n, r, in)
	}
	return whole
}

// inlineAttrs is how many attrs a slog.Record has room for within itself.
const inlineAttrs = 5

// list adds what stands outside of groups.
func (b *Bound) list(whole *slog.Record, own, n int, r *slog.Record, in []slog.Attr) {
	var room [16]slog.Attr
	list := room[:]
	if own > len(room) {
		list = make([]slog.Attr, own)
	}
	whole.AddAttrs(b.join(list, n, nil, r, in)...)
}

// nest adds the groups, given what the innermost one holds.
func (b *Bound) nest(whole *slog.Record, list []slog.Attr, group *Bound) {
	for {
		outer := group.parent
		n, next := outer.level()
		a := slog.Attr{Key: group.groups[len(group.groups)-1], Value: slog.GroupValue(list...)}
		if next == nil && n == 0 {
			whole.AddAttrs(a) // a group of nothing is not added
			return
		}
		level := make([]slog.Attr, n, n+1)
		outer.fill(level, next)
		if len(list) > 0 {
			level = append(level, a)
		}
		if next == nil {
			whole.AddAttrs(level...)
			return
		}
		list, group = level, next
	}
}

// join puts what the innermost group holds into list: n attrs that are bound
// there, in, and the attrs of r.
func (b *Bound) join(list []slog.Attr, n int, group *Bound, r *slog.Record, in []slog.Attr) []slog.Attr {
	b.fill(list[:n], group)
	n += copy(list[n:], in)
	r.Attrs(func(a slog.Attr) bool {
		if !Empty(a) {
			list[n] = a
			n++
		}
		return true
	})
	return list[:n]
}

// level returns how many attrs are bound in the innermost group, and the node of
// that group, nil outside of groups.
func (b *Bound) level() (n int, group *Bound) {
	for ; b != nil && !b.opens; b = b.parent {
		n += len(b.attrs)
	}
	return n, b
}

// fill fills list with the attrs that are bound after group.
func (b *Bound) fill(list []slog.Attr, group *Bound) {
	for ; b != group; b = b.parent {
		copy(list[len(list)-len(b.attrs):], b.attrs)
		list = list[:len(list)-len(b.attrs)]
	}
}
