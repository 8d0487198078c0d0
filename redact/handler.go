package redact

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Options are options for a [Handler]. A zero Options consists entirely of
// default values.
type Options struct {
	// Keys are sensitive keys besides the default ones. What stands under one is
	// masked, whatever it is: the attr, the whole group, the map entry, the field
	// of a struct (by its name or its name in JSON), the value in text.
	//
	// Case and punctuation do not count: "card_number" is CardNumber and
	// Card-Number too. A key with dots is matched against the last elements of
	// the path of groups and keys, "*" being any one element: "user.email" is
	// email in user, wherever that is, "*.card" is card in any group, and "user.*"
	// is all that is in user.
	//
	// A key with an empty element, or of nothing but "*", is left out and
	// reported to OnError by NewHandler.
	Keys []string

	// AllowKeys are keys that are not sensitive though the default ones or Keys
	// say so, in the same form. Secrets that a rule finds are still masked.
	AllowKeys []string

	// Rules find secrets in text by their form, besides the default rules.
	Rules []Rule

	// NoDefaults leaves out the default keys and rules. Rules may still hold
	// some of [DefaultRules].
	NoDefaults bool

	// Mask is what stands in the place of a secret. Empty means "[REDACTED]".
	Mask string

	// OnError is called, by the goroutine that logs, outside of any lock, with
	// what could not be looked at and is masked for that reason. The error names
	// the place and the type, never the value; of one record, the first 8 are
	// reported. Nil means that it is only counted.
	// It must not log to the same handler. If it panics, that is ignored.
	OnError func(error)
}

// Stats counts what a handler and all handlers derived from it, and from the
// handler it was derived from, have seen. Every record that is accepted is
// passed on: a Handler drops none and keeps none.
type Stats struct {
	Accepted uint64 // records
	Redacted uint64 // masks put in place of something, in records and in calls of WithAttrs
	Failures uint64 // of these, masks of what could not be looked at
}

// Handler is a [slog.Handler] that masks the secrets in each record before the
// next handler sees it. A record without one is passed on as it is.
//
// All methods are safe for concurrent use. There is no lock and no goroutine.
type Handler struct {
	next   slog.Handler
	shared *shared
	groups []string // never appended to in place
	inside bool     // one of the groups is sensitive
}

var _ slog.Handler = (*Handler)(nil)

// shared is what a handler and all derived from it have in common. Only the
// counters and the caches change.
type shared struct {
	keys, allow keySet
	queries     bool // keys that are sensitive in URLs only are
	rules       []Rule
	filter      prefilter
	onError     func(error)

	mask, deepMask, panicMask string

	types sync.Map  // from a reflect.Type to its *typeInfo; as many as the program logs
	walks sync.Pool // of *walk

	accepted, redacted, failures atomic.Uint64
}

func newShared(opts Options) *shared {
	s := &shared{onError: opts.OnError, mask: opts.Mask}
	if s.mask == "" {
		s.mask = "[REDACTED]"
	}
	s.deepMask, s.panicMask = explain(s.mask, "too deep"), explain(s.mask, "panic")
	if !opts.NoDefaults {
		s.keys, s.queries, s.rules = defaultKeys(), true, DefaultRules()
	}
	for _, r := range opts.Rules {
		if r.find != nil {
			s.rules = append(s.rules, r)
		}
	}
	s.filter = newPrefilter(s.rules)
	for _, key := range opts.Keys {
		s.report(s.keys.add(key))
	}
	for _, key := range opts.AllowKeys {
		s.report(s.allow.add(key))
	}
	s.walks.New = func() any { return &walk{shared: s, looked: map[look]struct{}{}} }
	return s
}

// explain returns the mask with the reason for it.
func explain(mask, why string) string {
	if inner, ok := strings.CutSuffix(mask, "]"); ok {
		return inner + ": " + why + "]"
	}
	return mask + " (" + why + ")"
}

// NewHandler returns a Handler before next. Nil opts are the default options. It
// panics if next is nil.
func NewHandler(next slog.Handler, opts *Options) *Handler {
	if next == nil {
		panic("redact: NewHandler: nil next handler")
	}
	if opts == nil {
		opts = &Options{}
	}
	return &Handler{next: next, shared: newShared(*opts)}
}

// Enabled reports whether the next handler takes the level.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record, or a copy of it without its secrets. Time, level
// and source are never touched. It returns the error of the next handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	h.shared.accepted.Add(1)
	w := h.walk()
	msg, _ := w.text(r.Message)
	attrs, changed := w.record(&r)
	h.shared.done(w)
	if !changed {
		r.Message = msg // r is a copy, its attrs are shared and not changed
		return h.next.Handle(ctx, r)
	}
	masked := slog.NewRecord(r.Time, r.Level, msg, r.PC)
	masked.AddAttrs(attrs...)
	return h.next.Handle(ctx, masked)
}

// record masks the secrets in the attrs of r. If there are none, it returns
// nothing.
func (w *walk) record(r *slog.Record) (out []slog.Attr, changed bool) {
	i := 0
	r.Attrs(func(a slog.Attr) bool {
		if !changed && w.clean(&a) {
			i++
			return true
		}
		a, dirty, keep := w.top(a)
		if (dirty || !keep) && !changed {
			changed = true
			out = make([]slog.Attr, 0, r.NumAttrs())
			r.Attrs(func(before slog.Attr) bool {
				if len(out) < i {
					out = append(out, before)
				}
				return len(out) < i
			})
		}
		if changed && keep {
			out = append(out, a)
		}
		i++
		return true
	})
	return out, changed
}

// WithAttrs returns a Handler before the next one with attrs, whose secrets are
// masked now.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	w := h.walk()
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
	w := h.walk()
	masked, _ := w.text(name)
	inside := h.inside || w.sensitive(name)
	h.shared.done(w)
	return &Handler{
		next: h.next.WithGroup(masked), shared: h.shared,
		groups: append(slices.Clip(h.groups), masked), inside: inside,
	}
}

// Unwrap returns the next handler.
func (h *Handler) Unwrap() slog.Handler { return h.next }

// Stats returns the counts, which derived handlers share.
func (h *Handler) Stats() Stats {
	return Stats{
		Failures: h.shared.failures.Load(), Redacted: h.shared.redacted.Load(), Accepted: h.shared.accepted.Load(),
	}
}

// walk begins a walk in the groups of the handler.
func (h *Handler) walk() *walk {
	w := h.shared.walk()
	w.path = append(w.path, h.groups...)
	w.inside = h.inside
	return w
}

func (s *shared) walk() *walk {
	return s.walks.Get().(*walk) //nolint:forcetypeassert // nothing else is put
}

// done ends a walk: it counts and reports.
func (s *shared) done(w *walk) {
	masks, fails, failed := w.masks, w.fails, w.failed
	clear(w.path[:cap(w.path)]) // not to keep what the caller may let go of
	clear(w.secrets[:cap(w.secrets)])
	clear(w.looked)
	*w = walk{shared: s, path: w.path[:0], open: w.open[:0], secrets: w.secrets[:0], looked: w.looked}
	s.walks.Put(w)
	if masks > 0 {
		s.redacted.Add(masks)
		s.failures.Add(fails)
	}
	for _, err := range failed {
		s.report(err)
	}
}

// report hands an error, if it is one, to the user's hook.
func (s *shared) report(err error) {
	if err == nil || s.onError == nil {
		return
	}
	defer func() { _ = recover() }() // the hook's panic is not the caller's
	s.onError(err)
}

// String returns s with its secrets masked as by a [Handler] with default
// options. It is for text that goes elsewhere than to a log.
func String(s string) string {
	d := defaults()
	w := d.walk()
	defer d.done(w)
	s, _ = w.text(s)
	return s
}

// defaults is what String uses.
//
//nolint:gochecknoglobals // built once, never changed
var defaults = sync.OnceValue(func() *shared { return newShared(Options{}) })
