package fanout

import (
	"context"
	"fmt"
	"log/slog"

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

// Handle passes the record on if it matches. A match that panics is an error.
func (b *Branch) Handle(ctx context.Context, r slog.Record) error {
	_, err := b.handle(ctx, r)
	return err
}

// handle also reports whether the record matches.
func (b *Branch) handle(ctx context.Context, r slog.Record) (matched bool, err error) {
	if matched, err = b.matches(ctx, r); !matched {
		return matched, err
	}
	return true, b.next.Handle(ctx, r)
}

// matches calls match, which is the user's.
func (b *Branch) matches(ctx context.Context, r slog.Record) (matched bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			matched, err = false, fmt.Errorf("fanout: match panics: %v", p)
		}
	}()
	return b.match(ctx, r, Bound{b.bound}), nil
}

// WithAttrs returns a Branch whose match sees the attrs, before the handler
// with them.
func (b *Branch) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return b
	}
	bound := b.bound.WithAttrs(as) // a copy: the next handler may change the slice
	return &Branch{match: b.match, next: b.next.WithAttrs(as), bound: bound}
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
// a list that has it: a []string, a []any, or one of a type made of these. To
// look into a [slog.LogValuer] it resolves it, as the handlers behind will again.
func HasTag(tag string) Match {
	tagged := func(a slog.Attr) bool {
		found := false
		return a.Key == "tags" && attrs.EachTag(a.Value, func(t string, other any) bool {
			found = other == nil && t == tag
			return !found
		}) && found
	}
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
