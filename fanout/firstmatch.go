package fanout

import (
	"context"
	"log/slog"
)

// FirstMatch is a [slog.Handler] that hands each record to the first of several
// handlers whose condition holds, and to nobody else: also if that one is not
// enabled for the level, or fails. A handler without a condition gets what comes
// to it, so at the end it is the default. Without one, a record for which no
// condition holds goes nowhere.
//
// A condition that panics is counted as a failure of its handler, and does not hold.
// Conditions within a handler, as in a FirstMatch without a default, are its own: it
// is the one that gets the record, also if it hands it to nobody.
//
// All methods are safe for concurrent use.
type FirstMatch struct {
	children []child
}

var _ slog.Handler = (*FirstMatch)(nil)

// NewFirstMatch returns a FirstMatch over branches, in their order: handlers that
// [When] has given a condition, which has to be outermost, or others. Nil ones and nil
// pointers are left out. Nil opts are the default options.
func NewFirstMatch(opts *Options, branches ...slog.Handler) *FirstMatch {
	return &FirstMatch{children: newChildren(opts, branches)}
}

// Enabled reports whether any of the handlers is enabled: whose condition holds is
// not known before there is a record.
func (f *FirstMatch) Enabled(ctx context.Context, level slog.Level) bool {
	return enabled(ctx, level, f.children)
}

// Handle hands the record to the first handler whose condition holds, if that is
// enabled for its level. It returns its error, joined with what went wrong with
// the conditions before.
func (f *FirstMatch) Handle(ctx context.Context, r slog.Record) error {
	_, err := f.handle(ctx, &r)
	return err
}

func (f *FirstMatch) handle(ctx context.Context, r *slog.Record) (handed bool, err error) {
	w := walk{children: f.children}
	w.first(ctx, r)
	return w.handed, w.report(r)
}

// first hands the record to the first whose conditions hold.
func (w *walk) first(ctx context.Context, r *slog.Record) {
	defer func() {
		if w.at < len(w.children) {
			p := recover()
			if w.interrupted(&w.children[w.at], p) {
				w.at++
				w.first(ctx, r)
			}
			if p == nil { // the goroutine is on its way out: nothing after this will run
				_ = w.report(r)
			}
		}
	}()
	for ; w.at < len(w.children); w.at++ {
		c := &w.children[w.at]
		if c.branch != nil && !w.matches(ctx, r, c) {
			continue
		}
		if c.next.Enabled(ctx, r.Level) {
			if err := c.taker.Handle(ctx, *r); err != nil {
				w.failed(c, err)
			} else {
				w.wrote(c)
			}
		}
		w.at = len(w.children)
	}
}

// WithAttrs returns a FirstMatch over the handlers with attrs, a copy for each if
// there are several. The conditions see them.
func (f *FirstMatch) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return f
	}
	return &FirstMatch{children: withAttrs(f.children, attrs)}
}

// WithGroup returns a FirstMatch over the handlers with a group.
func (f *FirstMatch) WithGroup(name string) slog.Handler {
	if name == "" {
		return f
	}
	return &FirstMatch{children: withGroup(f.children, name)}
}

// Unwrap returns the handlers.
func (f *FirstMatch) Unwrap() []slog.Handler { return unwrap(f.children) }

// Stats returns the counts of each handler, as [Handler.Stats] does.
func (f *FirstMatch) Stats() []Stats { return stats(f.children) }
