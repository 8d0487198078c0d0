package fanout

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
)

// A child is one of several handlers, with the account that it shares with all
// derived from it.
type child struct {
	next    slog.Handler // the one behind all branches
	taker   taker        // what is given its records: next, or what stands for it
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
			c.taker = takerOf(c.next)
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

// isNil reports whether v is nil or a pointer or func that is, as a variable of a
// handler's type is until something is assigned to it.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	rv := reflect.ValueOf(v)
	return (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Func) && rv.IsNil()
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

func withAttrs(children []child, as []slog.Attr) []child {
	return derived(children, func(h slog.Handler) slog.Handler {
		own := as
		if len(children) > 1 {
			own = slices.Clone(as) // a handler may change what it is given
		}
		return bindAttrs(h, own)
	})
}

func withGroup(children []child, name string) []child {
	return derived(children, func(h slog.Handler) slog.Handler { return bindGroup(h, name) })
}

func derived(children []child, derive func(slog.Handler) slog.Handler) []child {
	out := make([]child, len(children))
	for i, c := range children {
		d := newChild(derive(c.handler()), c.account)
		d.tallied = c.tallied
		if k, is := d.next.(*kept); is {
			if _, was := c.next.(*kept); !was {
				c.account.report(&slog.Record{}, k.err)
			}
		}
		out[i] = d
	}
	return out
}

func unwrap(children []child) []slog.Handler {
	handlers := make([]slog.Handler, len(children))
	for i, c := range children {
		handlers[i] = c.handler()
	}
	return handlers
}
