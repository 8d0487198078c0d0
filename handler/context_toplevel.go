package handler

import (
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// A topLevel is a handler whose records can be given attrs at the top level,
// whatever groups are open.
type topLevel struct {
	next slog.Handler // with all that is bound
	base slog.Handler // with what was bound before the first group; nil if there is none
	held *attrs.Bound // what was bound from the first group on
}

// withAttrs returns a topLevel with attrs. Those in a group are resolved now, once
// for both handlers, and held as they are now: the next handler may print them now.
func (t topLevel) withAttrs(as []slog.Attr) topLevel {
	if t.base == nil {
		return topLevel{next: t.next.WithAttrs(as)}
	}
	as = attrs.ResolveAll(as)
	if len(as) == 0 {
		return t
	}
	held := t.held.WithAttrs(new(snapshot.Taker).Attrs(as)) // a copy, too: the next handler may change as
	return topLevel{t.next.WithAttrs(as), t.base, held}
}

func (t topLevel) withGroup(name string) topLevel {
	base := t.base
	if base == nil {
		base = t.next
	}
	return topLevel{t.next.WithGroup(name), base, t.held.WithGroup(name)}
}

// with returns a record that is r with top at the top level and in in the groups
// that are open, and the handler that it is for. Attrs that are added to the
// record are at the top level if the handler was asked for it.
func (t topLevel) with(r *slog.Record, top, in []slog.Attr) (slog.Handler, slog.Record) {
	if t.base == nil {
		return t.next, (*attrs.Bound)(nil).Build(r, top, in)
	}
	return t.base, t.held.Build(r, top, in)
}
