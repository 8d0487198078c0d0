package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
)

// A child is one of several handlers, with the account that it shares with all
// derived from it.
type child struct {
	next    slog.Handler // the one behind all branches
	branch  *Branch      // nil if there is none
	account *account
	tallied set // itself, if it is counted in a tally
}

func newChild(h slog.Handler, a *account) child {
	c := child{next: h, account: a}
	c.branch, _ = h.(*Branch)
	for {
		b, ok := c.next.(*Branch)
		if !ok {
			return c
		}
		c.next = b.next
	}
}

// handler returns the child as it was given.
func (c *child) handler() slog.Handler {
	if c.branch != nil {
		return c.branch
	}
	return c.next
}

func newChildren(opts *Options, handlers []slog.Handler) []child {
	children := make([]child, 0, len(handlers))
	for _, h := range handlers {
		if !isNil(h) {
			children = append(children, newChild(h, &account{name: nameOf(h)}))
		}
	}
	return numbered(children, opts)
}

// numbered gives the children of a new handler its options and their places.
func numbered(children []child, opts *Options) []child {
	opts = opts.withDefaults()
	for i, c := range children {
		c.account.number, c.account.opts = i+1, opts
	}
	return children
}

// isNil reports whether h is nil or a pointer or func that is, as a variable of a
// handler's type is until something is assigned to it.
func isNil(h slog.Handler) bool {
	if h == nil {
		return true
	}
	v := reflect.ValueOf(h)
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

func enabled(ctx context.Context, level slog.Level, children []child) (ok bool) {
	// One that panics when asked shall do so in Handle, where that is reported.
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	for i := range children {
		if children[i].next.Enabled(ctx, level) {
			return true
		}
	}
	return false
}

func withAttrs(children []child, attrs []slog.Attr) []child {
	return derived(children, func(h slog.Handler) slog.Handler {
		own := attrs
		if len(children) > 1 {
			own = slices.Clone(attrs) // a handler may change what it is given
		}
		return h.WithAttrs(own)
	})
}

func withGroup(children []child, name string) []child {
	return derived(children, func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func derived(children []child, derive func(slog.Handler) slog.Handler) []child {
	out := make([]child, len(children))
	for i, c := range children {
		out[i] = newChild(derivedFrom(c.handler(), derive), c.account)
		out[i].tallied = c.tallied
	}
	return out
}

// derivedFrom keeps a handler that cannot be derived from for the record that
// asks for it, where the failure is reported.
func derivedFrom(h slog.Handler, derive func(slog.Handler) slog.Handler) (out slog.Handler) {
	defer func() {
		if p := recover(); p != nil {
			out = broken{because(fmt.Sprintf("%T panics when derived from", h), p)}
		}
	}()
	if out = derive(h); isNil(out) {
		return broken{fmt.Errorf("%T is nil when derived from", h)}
	}
	return out
}

// broken stands for a handler that panicked in WithAttrs or WithGroup.
type broken struct{ err error }

func (b broken) Enabled(context.Context, slog.Level) bool  { return true }
func (b broken) Handle(context.Context, slog.Record) error { return b.err }
func (b broken) WithAttrs([]slog.Attr) slog.Handler        { return b }
func (b broken) WithGroup(string) slog.Handler             { return b }

func unwrap(children []child) []slog.Handler {
	handlers := make([]slog.Handler, len(children))
	for i, c := range children {
		handlers[i] = c.handler()
	}
	return handlers
}
