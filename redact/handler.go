package redact

import (
	"context"
	"log/slog"
	"slices"
)

// Handler is a [slog.Handler] that masks the secrets in each record before the
// next handler sees it. A record without one is passed on as it is.
//
// All methods are safe for concurrent use. There is no lock and no goroutine.
type Handler struct {
	next   slog.Handler
	shared *shared
	groups []string // never appended to in place
	inside int      // the rule that one of the groups is sensitive by, or none
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a Handler before next. Nil opts are the default options. It
// panics if next is nil.
//
// If [Options.Validate] has an error, OnError is called with it, and the Handler
// masks every message and every attr: better no log than one with the secrets
// that a rule was meant to find.
func NewHandler(next slog.Handler, opts *Options) *Handler {
	if next == nil {
		panic("redact: NewHandler: nil next handler")
	}
	s, err := newShared(opts)
	s.report(err)
	return &Handler{next: next, shared: s, inside: none}
}

// Enabled reports whether the next handler takes the level.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record, or a copy of it without its secrets. Time, level
// and source are never touched. It returns the error of the next handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	h.shared.accepted.Add(1)
	w := h.shared.walk()
	r.Message = w.message(r.Message)
	w.enterGroups(h)
	w.record(&r) // r is a copy, and the attrs that it shares are not changed
	h.shared.done(w)
	return h.next.Handle(ctx, r)
}

// WithAttrs returns a Handler before the next one with attrs, whose secrets are
// masked now.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	w := h.shared.walk()
	w.enterGroups(h)
	masked := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if a, _, keep := w.top(a); keep {
			masked = append(masked, a)
		}
	}
	h.shared.done(w)
	if len(masked) == 0 {
		return h
	}
	return &Handler{next: h.next.WithAttrs(masked), shared: h.shared, groups: h.groups, inside: h.inside}
}

// WithGroup returns a Handler before the next one with a group. If the name is
// sensitive, all that is logged in the group is masked.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	w := h.shared.walk()
	w.enterGroups(h)
	inside := h.inside
	if rule := w.sensitive(name); inside == none {
		inside = rule
	}
	masked, _ := w.name(name)
	h.shared.done(w)
	return &Handler{
		next: h.next.WithGroup(masked), shared: h.shared,
		groups: append(slices.Clip(h.groups), masked), inside: inside,
	}
}

// Unwrap returns the next handler.
func (h *Handler) Unwrap() slog.Handler { return h.next }

// Stats returns the counts, which derived handlers share.
func (h *Handler) Stats() Stats { return h.shared.stats() }

// enterGroups begins to look at the attrs of a handler.
func (w *walk) enterGroups(h *Handler) {
	w.path = append(w.path[:0], h.groups...)
	w.inside = h.inside
}
