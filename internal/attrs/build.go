package attrs

import "log/slog"

// Build returns a record with the facts of r: with top and then all that is bound
// outside of groups, and, in the groups that are open, with what is bound there,
// in, and then the attrs of r. A group that ends up without attrs is left out. It
// shares nothing with r that may be changed.
func (b *Bound) Build(r slog.Record, top, in []slog.Attr) slog.Record {
	n, group := b.level()
	whole := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	whole.AddAttrs(top...)
	own := n + len(in) + r.NumAttrs()
	if group != nil {
		whole.AddAttrs(b.nest(own, n, group, r, in)...)
		return whole
	}
	var room [16]slog.Attr
	list := room[:]
	if own > len(room) {
		list = make([]slog.Attr, own)
	}
	whole.AddAttrs(b.join(list, n, group, r, in)...)
	return whole
}

// nest returns the attrs of the top level, the last of which is the outermost
// group.
func (b *Bound) nest(own, n int, group *Bound, r slog.Record, in []slog.Attr) []slog.Attr {
	list := b.join(make([]slog.Attr, own), n, group, r, in)
	for group != nil {
		outer, name := group.parent, group.groups[len(group.groups)-1]
		n, group = outer.level()
		level := make([]slog.Attr, n+1)
		outer.fill(level[:n], group)
		if len(list) > 0 {
			level[n] = slog.Attr{Key: name, Value: slog.GroupValue(list...)}
		} else {
			level = level[:n]
		}
		list = level
	}
	return list
}

// join puts what the innermost group holds into list: n attrs that are bound
// there, in, and the attrs of r.
func (b *Bound) join(list []slog.Attr, n int, group *Bound, r slog.Record, in []slog.Attr) []slog.Attr {
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
