package fanout

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
)

// A kept is a handler that could not be derived from. It puts what was to be bound
// into each record.
type kept struct {
	next  slog.Handler
	bound *attrs.Bound
	err   error // why
}

// bindAttrs returns h with attrs, whatever h does.
func bindAttrs(h slog.Handler, as []slog.Attr) slog.Handler {
	next, err := attempt(h, func() slog.Handler { return h.WithAttrs(as) })
	if err != nil {
		return &kept{next: h, bound: (*attrs.Bound)(nil).WithAttrs(as), err: err}
	}
	return next
}

// bindGroup returns h with a group, whatever h does.
func bindGroup(h slog.Handler, name string) slog.Handler {
	next, err := attempt(h, func() slog.Handler { return h.WithGroup(name) })
	if err != nil {
		return &kept{next: h, bound: (*attrs.Bound)(nil).WithGroup(name), err: err}
	}
	return next
}

// attempt calls derive, which derives from h.
func attempt(h slog.Handler, derive func() slog.Handler) (out slog.Handler, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(fmt.Sprintf("%T panics when derived from", h), p)
		}
	}()
	if out = derive(); isNil(out) {
		return nil, fmt.Errorf("%T is nil when derived from", h)
	}
	return out, nil
}

func (k *kept) Enabled(ctx context.Context, level slog.Level) bool { return k.next.Enabled(ctx, level) }

func (k *kept) Handle(ctx context.Context, r slog.Record) error {
	return k.next.Handle(ctx, k.bound.Build(&r, nil, nil))
}

func (k *kept) WithAttrs(as []slog.Attr) slog.Handler {
	return &kept{next: k.next, bound: k.bound.WithAttrs(as), err: k.err}
}

func (k *kept) WithGroup(name string) slog.Handler {
	return &kept{next: k.next, bound: k.bound.WithGroup(name), err: k.err}
}

func (k *kept) Unwrap() slog.Handler { return k.next }
