package monitor

import (
	"context"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// Options are options for a [Handler]. A zero Options consists entirely of default
// values.
type Options struct {
	// Sinks returns how the outputs are doing, in an order that stays. It is called
	// by whoever asks for Stats or Health, several at a time, and should not wait.
	// The counts of a sink must not fall: one that is replaced, or comes back, goes
	// on with those it had. Nil means that nothing is known of them.
	Sinks func() []Sink

	// MinFree is how many bytes a sink's disk must have left for the sink to be
	// Healthy. Zero means 64 MiB. Below zero any space will do.
	MinFree int64

	// Errors is how many of the last records at ERROR and above are kept, as text
	// of up to 8 KiB, for a [Page] to show. In one second no more than so many are
	// looked at. Zero means 50, more than 1000 are taken for 1000, below zero none
	// are kept.
	Errors int

	// ReplaceAttr is that of slog.HandlerOptions for the records that are kept and
	// watched. It is also given the errors and notes of sinks, with the key "error",
	// before anybody is told of them. It is for secrets, if no redact.Handler is before
	// the Handler, not for names: a Page knows time, level, source and msg by theirs. One that panics costs the value. Nil means that all are shown as
	// they are.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// OnError is called when Sinks, the Func of a Threshold, the Levels of a Page, or
	// a logger given to LogVolume or LogHealth has panicked. It must not log to the Handler. Nil means
	// that nobody is told.
	OnError func(error)
}

const (
	defaultMinFree = 64 << 20
	defaultErrors  = 50
	maxErrors      = 1000
)

func (o Options) complete() Options {
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.Errors == 0 {
		o.Errors = defaultErrors
	}
	o.Errors = min(max(o.Errors, 0), maxErrors)
	return o
}

// Handler is a [slog.Handler] that counts the records it passes on. Handlers
// derived from it, and those that Before returns, share its counts.
//
// All methods are safe for concurrent use. There is no goroutine, and Handle waits
// for nobody.
type Handler struct {
	next   slog.Handler
	shared *shared
	bound  jsonenc.Bound // for lines
}

var _ slog.Handler = (*Handler)(nil)

// shared is what a Handler and those derived from it have in common.
type shared struct {
	counters

	opts    Options
	lines   lines
	history history
	resets  resets
	ledger  ledger
	lookout lookout
}

// NewHandler returns a Handler before next. Nil opts are the default options. It
// panics if next is nil.
func NewHandler(next slog.Handler, opts *Options) *Handler {
	if next == nil {
		panic("monitor: NewHandler: nil next handler")
	}
	if opts == nil {
		opts = &Options{}
	}
	s := &shared{opts: opts.complete(), history: newHistory()}
	s.start = time.Now()
	s.second.Store(s.start.Unix())
	s.lines.init(&s.opts, &s.shown)
	s.resets.last.at = s.start
	s.lookout.usage.init(s.start)
	return &Handler{next: next, shared: s, bound: s.lines.encoder.Bound()}
}

// Before returns a Handler before next that counts together with h: it shares all
// but the attrs and groups that are bound to h. It panics if next is nil.
func (h *Handler) Before(next slog.Handler) *Handler {
	if next == nil {
		panic("monitor: Handler.Before: nil next handler")
	}
	return &Handler{next: next, shared: h.shared, bound: h.shared.lines.encoder.Bound()}
}

// Enabled reports whether the next handler takes the level.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle counts the record, whatever becomes of it, and passes it on as it is. It
// returns the error of the next handler, which it counts as well.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.shared
	shown := int64(r.Level) >= s.shown.Load()
	if shown || r.Time.Unix() != s.second.Load() {
		s.note()
	}
	if s.levels[slot(r.Level)].Add(1)%trusted == 0 {
		s.note()
	}
	if shown {
		s.lines.show(h, &r)
	}
	err := h.next.Handle(ctx, r)
	if err != nil {
		s.failures.Add(1)
	}
	return err
}

// trusted is how many records of a level may claim the second noted last before
// somebody looks at the clock.
const trusted = 64

// note notes what was counted in the second that is over, if one is: a record may
// have any time. When somebody else does it, or reads what is noted, it is left to
// the next record.
func (s *shared) note() {
	now := time.Now()
	if now.Unix() != s.second.Load() && s.history.mu.TryLock() {
		defer s.history.mu.Unlock()
		s.history.note(&s.counters, now)
	}
}

// WithAttrs returns a Handler before the next one with attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	bound := h.shared.lines.withAttrs(h.bound, attrs) // first: the next handler may do with attrs what it likes
	return &Handler{next: h.next.WithAttrs(attrs), shared: h.shared, bound: bound}
}

// WithGroup returns a Handler before the next one with a group. An empty name
// returns the receiver.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{next: h.next.WithGroup(name), shared: h.shared, bound: h.bound.WithGroup(name)}
}

// Unwrap returns the next handler.
func (h *Handler) Unwrap() slog.Handler { return h.next }
