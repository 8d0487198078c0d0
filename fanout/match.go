package fanout

import (
	"context"
	"log/slog"
	"slices"

	"github.com/sluicelog/sluice/internal/attrs"
)

// Match decides whether a record is for a [Branch]. It sees the context, the
// record and what With and WithGroup have bound to the logger, which the record
// itself does not hold. It must not keep or change any of them, and must be safe
// for concurrent use. One that panics does not match; that is reported as an
// error, and counted as a record that was dropped.
//
// The functions of this package that return a Match resolve the values they look
// at, as the handlers behind will again. Unless they say otherwise, theirs
// allocate nothing.
type Match func(ctx context.Context, r slog.Record, bound Bound) bool

// Bound is what With and WithGroup have bound to a logger.
type Bound struct{ list *attrs.Bound }

// Groups returns the groups that the record's own attrs are in, the outermost
// first.
func (b Bound) Groups() []string { return b.list.Groups() }

// Attrs calls yield with each bound attr, the latest bound first, and the
// groups it is in, until yield returns false. Values are as they were bound, not
// resolved.
func (b Bound) Attrs(yield func(groups []string, a slog.Attr) bool) { b.list.Attrs(yield) }

// And returns a Match for what all of matches are true of. It asks them in their
// order, and no further than needed. Without any it is always true. It panics if
// one is nil.
func And(matches ...Match) Match {
	matches = checked("And", matches)
	return func(ctx context.Context, r slog.Record, bound Bound) bool {
		for _, match := range matches {
			if !match(ctx, r, bound) {
				return false
			}
		}
		return true
	}
}

// Or returns a Match for what any of matches is true of. It asks them in their
// order, and no further than needed. Without any it is never true. It panics if
// one is nil.
func Or(matches ...Match) Match {
	matches = checked("Or", matches)
	return func(ctx context.Context, r slog.Record, bound Bound) bool {
		for _, match := range matches {
			if match(ctx, r, bound) {
				return true
			}
		}
		return false
	}
}

// Not returns a Match for what match is not true of. It panics if match is nil.
func Not(match Match) Match {
	matches := checked("Not", []Match{match})
	return func(ctx context.Context, r slog.Record, bound Bound) bool { return !matches[0](ctx, r, bound) }
}

// checked returns a copy of matches, of which none is nil.
func checked(caller string, matches []Match) []Match {
	for _, match := range matches {
		if match == nil {
			panic("fanout: " + caller + ": nil match")
		}
	}
	return slices.Clone(matches)
}
