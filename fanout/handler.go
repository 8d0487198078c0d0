package fanout

import (
	"context"
	"log/slog"
)

// Handler is a [slog.Handler] that hands each record to several others. The zero
// Handler is one without any. All methods are safe for concurrent use.
type Handler struct {
	children []child
	tally    tally
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a Handler that hands each record to all handlers that are
// enabled for its level. Nil opts are the default options.
//
// Nil handlers and nil pointers are left out. A Handler among the handlers is
// replaced by those that it has. For these its own OnError is called and its own
// Stats count as well. A single handler is not returned as it is: it too is counted,
// named in errors, and kept from panicking into the program.
func NewHandler(opts *Options, handlers ...slog.Handler) *Handler {
	children := make([]child, 0, len(handlers))
	for _, h := range handlers {
		inner, ok := h.(*Handler)
		switch {
		case isNil(h):
		case ok:
			for _, c := range inner.children {
				c.account, c.tallied = &account{name: c.account.name, inner: c.account}, 0
				children = append(children, c)
			}
		default:
			children = append(children, newChild(h, &account{name: nameOf(h)}))
		}
	}
	t := newTally(len(children))
	for i := range children {
		if c := &children[i]; i < tallySize && c.account.inner == nil {
			c.tallied, c.account.tally = 1<<i, t
		}
	}
	return &Handler{children: numbered(children, opts), tally: t}
}

// Enabled reports whether any of the handlers is enabled.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return enabled(ctx, level, h.children)
}

// Handle hands a clone of the record to each handler that is enabled for its
// level, and returns their errors, joined.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	_, err := h.handle(ctx, &r)
	return err
}

func (h *Handler) handle(ctx context.Context, r *slog.Record) (handed bool, err error) {
	w := walk{children: h.children}
	w.all(ctx, r, h.tally)
	if w.failures != nil {
		err = w.report(r)
	}
	return w.handed || w.took != 0, err
}

// all hands the record to all.
func (w *walk) all(ctx context.Context, r *slog.Record, t tally) {
	defer func() {
		if w.at < len(w.children) {
			p := recover()
			w.interrupted(&w.children[w.at], p)
			w.at++
			w.all(ctx, r, t)
			if p == nil { // the goroutine is on its way out: nothing after this will run
				_ = w.report(r)
			}
		}
	}()
	for ; w.at < len(w.children); w.at++ {
		c := &w.children[w.at]
		if !c.next.Enabled(ctx, r.Level) || c.branch != nil && !w.matches(ctx, r, c) {
			continue
		}
		if err := c.taker.Handle(ctx, r.Clone()); err != nil {
			w.failed(c, err)
		} else if c.tallied != 0 {
			w.took |= c.tallied
		} else {
			w.wrote(c)
		}
	}
	if len(t) > 0 { // as it is but in a zero Handler
		t.add(w.took)
	}
}

// WithAttrs returns a Handler over the handlers with attrs, a copy for each if
// there are several.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{children: withAttrs(h.children, attrs), tally: h.tally}
}

// WithGroup returns a Handler over the handlers with a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{children: withGroup(h.children, name), tally: h.tally}
}

// Unwrap returns the handlers.
func (h *Handler) Unwrap() []slog.Handler { return unwrap(h.children) }

// Stats returns the counts of each handler, in the order of Unwrap. Handlers
// derived by With and WithGroup count together.
func (h *Handler) Stats() []Stats { return stats(h.children) }
