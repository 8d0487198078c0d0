package fanout

import (
	"context"
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
)

// Branch is a [slog.Handler] with a condition, a name, or both. It passes on the
// records that match. All methods are safe for concurrent use.
type Branch struct {
	match Match // nil for none
	name  string
	next  slog.Handler
	bound *attrs.Bound // what match sees
}

var _ slog.Handler = (*Branch)(nil)

// When returns a Branch that passes the records for which match is true on to
// h. It works in a [Handler], a [FirstMatch] and a [Failover], and alone. It
// panics if match or h is nil.
//
// The condition stands outermost, only [Named] may be around it: as
// When(match, handler.NewGate(h, nil)), not as handler.NewGate(When(match, h), nil).
// A FirstMatch, a Failover and the counts of all three know nothing of one that is
// inside of another wrapper: what does not match is to them a record that was taken,
// and no other handler gets it.
func When(match Match, h slog.Handler) *Branch {
	if match == nil {
		panic("fanout: When: nil match")
	}
	if isNil(h) {
		panic("fanout: When: nil handler")
	}
	return &Branch{match: match, next: h}
}

// Named returns a Branch that passes all records on to h, and by whose name a
// [Handler], a [FirstMatch] and a [Failover] call it in Stats and errors. Inside
// of When and outside it does the same; of several names the outermost counts. It
// panics if h is nil.
func Named(name string, h slog.Handler) *Branch {
	if isNil(h) {
		panic("fanout: Named: nil handler")
	}
	return &Branch{name: name, next: h}
}

// nameOf returns the outermost name of h.
func nameOf(h slog.Handler) string {
	for {
		b, ok := h.(*Branch)
		if !ok || b.name != "" {
			if ok {
				return b.name
			}
			return ""
		}
		h = b.next
	}
}

// Enabled reports whether the handler behind is enabled: whether a record
// matches is not known before there is one.
func (b *Branch) Enabled(ctx context.Context, level slog.Level) bool {
	return b.next.Enabled(ctx, level)
}

// Handle passes the record on if it matches. A match that panics is an error.
func (b *Branch) Handle(ctx context.Context, r slog.Record) error {
	if b.match != nil {
		if matched, err := b.matches(ctx, &r); !matched {
			return err
		}
	}
	return b.next.Handle(ctx, r)
}

// matches calls match, which is the user's.
func (b *Branch) matches(ctx context.Context, r *slog.Record) (matched bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			matched, err = false, because("fanout: match panics", p)
		}
	}()
	return b.match(ctx, *r, Bound{b.bound}), nil
}

// WithAttrs returns a Branch whose match sees the attrs, before the handler
// with them.
func (b *Branch) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return b
	}
	derived := *b
	if b.match != nil {
		derived.bound = b.bound.WithAttrs(as) // a copy: the next handler may change the slice
	}
	derived.next = bindAttrs(b.next, as)
	return &derived
}

// WithGroup returns a Branch whose match sees the group, before the handler with
// it.
func (b *Branch) WithGroup(name string) slog.Handler {
	if name == "" {
		return b
	}
	derived := *b
	if b.match != nil {
		derived.bound = b.bound.WithGroup(name)
	}
	derived.next = bindGroup(b.next, name)
	return &derived
}

// Unwrap returns the handler behind the branch.
func (b *Branch) Unwrap() slog.Handler { return b.next }
