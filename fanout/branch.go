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
// for concurrent use.
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

// Branch is a [slog.Handler] that passes on the records that match. All methods
// are safe for concurrent use.
type Branch struct {
	match Match
	next  slog.Handler
	bound *attrs.Bound
}

var _ slog.Handler = (*Branch)(nil)

// When returns a Branch that passes the records for which match is true on to
// h. It works in a [Handler] and alone. It panics if match or h is nil.
func When(match Match, h slog.Handler) *Branch {
	if match == nil {
		panic("fanout: When: nil match")
	}
	if h == nil {
		panic("fanout: When: nil handler")
	}
	return &Branch{match: match, next: h}
}

// Enabled reports whether the handler behind is enabled: whether a record
// matches is not known before there is one.
func (b *Branch) Enabled(ctx context.Context, level slog.Level) bool {
	return b.next.Enabled(ctx, level)
}

// Handle passes the record on if it matches.
func (b *Branch) Handle(ctx context.Context, r slog.Record) error {
	if !b.match(ctx, r, Bound{b.bound}) {
		return nil
	}
	return b.next.Handle(ctx, r)
}

// WithAttrs returns a Branch whose match sees the attrs, before the handler
// with them.
func (b *Branch) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return b
	}
	return &Branch{match: b.match, next: b.next.WithAttrs(as), bound: b.bound.WithAttrs(as)}
}

// WithGroup returns a Branch whose match sees the group, before the handler with
// it.
func (b *Branch) WithGroup(name string) slog.Handler {
	if name == "" {
		return b
	}
	return &Branch{match: b.match, next: b.next.WithGroup(name), bound: b.bound.WithGroup(name)}
}

// Unwrap returns the handler behind the branch.
func (b *Branch) Unwrap() slog.Handler { return b.next }

// HasTag returns a Match for the records that carry a tag: an attr with the key
// "tags", of the record or bound, in whatever group, whose value is the tag, or
// a []string or []any that has it.
func HasTag(tag string) Match {
	tagged := func(a slog.Attr) bool { return a.Key == "tags" && holds(a.Value, tag) }
	return func(_ context.Context, r slog.Record, bound Bound) bool {
		if bound.list.Any(tagged) {
			return true
		}
		found := false
		r.Attrs(func(a slog.Attr) bool {
			found = attrs.Any(a, tagged)
			return !found
		})
		return found
	}
}

func holds(v slog.Value, tag string) bool {
	switch v := v.Resolve().Any().(type) {
	case string:
		return v == tag
	case []string:
		return slices.Contains(v, tag)
	case []any:
		// A value of a type that cannot be compared is not equal to a string
		// either, and does not panic.
		return slices.Contains(v, any(tag))
	}
	return false
}
