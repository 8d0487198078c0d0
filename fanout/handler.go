package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Options are options for a [Handler] and a [Failover]. A zero Options consists
// entirely of default values.
type Options struct {
	// OnError is called with each failure of a handler, by the goroutine that
	// logs. The error says which handler it was. It must not log to the same
	// handler. Nil means that failures are only counted and returned.
	OnError func(error)
}

// Stats counts what one handler behind a [Handler] or a [Failover] was given. A
// record whose level it does not want, or that does not match a [Branch], is not
// counted. At every moment Accepted is Written plus Dropped.
type Stats struct {
	Accepted uint64 // records given to the handler
	Written  uint64 // records for which it returned no error
	Dropped  uint64 // records for which it returned an error or panicked
}

// Handler is a [slog.Handler] that hands each record to several others. All
// methods are safe for concurrent use.
type Handler struct {
	children []child
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a Handler that hands each record to all handlers that are
// enabled for its level. Nil handlers are left out. Nil opts are the default
// options.
func NewHandler(opts *Options, handlers ...slog.Handler) *Handler {
	return &Handler{children: newChildren(opts, handlers)}
}

// Enabled reports whether any of the handlers is enabled.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	for i := range h.children {
		if h.children[i].enabled(ctx, level) {
			return true
		}
	}
	return false
}

// Handle hands a clone of the record to each handler that is enabled for its
// level, and returns their errors, joined.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	var errs []error
	for i := range h.children {
		if _, err := h.children[i].handle(ctx, r); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// WithAttrs returns a Handler over the handlers with attrs, a copy for each.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{children: withAttrs(h.children, attrs)}
}

// WithGroup returns a Handler over the handlers with a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{children: withGroup(h.children, name)}
}

// Unwrap returns the handlers.
func (h *Handler) Unwrap() []slog.Handler { return unwrap(h.children) }

// Stats returns the counts of each handler, in the order given to NewHandler
// without the nil ones. Handlers derived by With and WithGroup count together.
func (h *Handler) Stats() []Stats { return stats(h.children) }

// A child is one of several handlers, with the account that it shares with all
// derived from it.
type child struct {
	slog.Handler
	account *account
}

type account struct {
	number           int // from one, for errors
	onError          func(error)
	written, dropped atomic.Uint64
}

func newChildren(opts *Options, handlers []slog.Handler) []child {
	var onError func(error)
	if opts != nil {
		onError = opts.OnError
	}
	children := make([]child, 0, len(handlers))
	for i, h := range handlers {
		if h != nil {
			children = append(children, child{h, &account{number: i + 1, onError: onError}})
		}
	}
	return children
}

// enabled is true for a handler that panics when asked, so that the panic comes
// up again in handle, where it is reported.
func (c *child) enabled(ctx context.Context, level slog.Level) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	return c.Enabled(ctx, level)
}

// An outcome says what became of a record that was offered to a handler.
type outcome int

const (
	taken      outcome = iota
	failed             // an error or a panic
	notEnabled         // the handler does not want the record's level
	notMatched         // the handler is a Branch that the record is not for
)

// handle offers the handler a clone of the record and accounts for it.
func (c *child) handle(ctx context.Context, r slog.Record) (outcome, error) {
	became, err := c.try(ctx, r)
	switch became {
	case taken:
		c.account.written.Add(1)
	case failed:
		err = fmt.Errorf("fanout: handler %d: %w", c.account.number, err)
		c.account.dropped.Add(1)
		c.account.report(err)
	case notEnabled, notMatched:
	}
	return became, err
}

func (c *child) try(ctx context.Context, r slog.Record) (became outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			became, err = failed, fmt.Errorf("%T panics: %v", c.Handler, p)
		}
	}()
	if !c.Enabled(ctx, r.Level) {
		return notEnabled, nil
	}
	if b, ok := c.Handler.(*Branch); ok {
		var matched bool
		if matched, err = b.handle(ctx, r.Clone()); !matched && err == nil {
			return notMatched, nil
		}
	} else {
		err = c.Handle(ctx, r.Clone())
	}
	if err != nil {
		return failed, err
	}
	return taken, nil
}

func (a *account) report(err error) {
	if a.onError == nil {
		return
	}
	defer func() { _ = recover() }() // a hook that panics has nobody left to tell
	a.onError(err)
}

func withAttrs(children []child, attrs []slog.Attr) []child {
	return derived(children, func(h slog.Handler) slog.Handler { return h.WithAttrs(slices.Clone(attrs)) })
}

func withGroup(children []child, name string) []child {
	return derived(children, func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func derived(children []child, derive func(slog.Handler) slog.Handler) []child {
	out := make([]child, len(children))
	for i, c := range children {
		out[i] = child{c.derived(derive), c.account}
	}
	return out
}

// derived keeps a handler that cannot be derived from for the record that asks
// for it, where the failure is reported.
func (c *child) derived(derive func(slog.Handler) slog.Handler) (h slog.Handler) {
	defer func() {
		if p := recover(); p != nil {
			h = broken{fmt.Errorf("%T panics when derived from: %v", c.Handler, p)}
		}
	}()
	return derive(c.Handler)
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
		handlers[i] = c.Handler
	}
	return handlers
}

func stats(children []child) []Stats {
	all := make([]Stats, len(children))
	for i, c := range children {
		written, dropped := c.account.written.Load(), c.account.dropped.Load()
		all[i] = Stats{Accepted: written + dropped, Written: written, Dropped: dropped}
	}
	return all
}
