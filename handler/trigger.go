package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// TriggerOptions are options for a [Trigger]. A zero TriggerOptions consists
// entirely of default values.
type TriggerOptions struct {
	// Level is the lowest level that passes at once. Nil means slog.LevelInfo.
	Level slog.Leveler

	// Trigger is the lowest level with which everything held passes too. Nil means
	// slog.LevelError.
	Trigger slog.Leveler

	// MaxRecords is how many records are held for one context, of whatever size. When
	// it is exceeded, the oldest is dropped. 0 and less means 256.
	MaxRecords int

	// OnError is called with each error that comes of a record that was held, by
	// the goroutine that logs. The errors of other records only come back from
	// Handle. It must not log to the same handler. Nil means that errors are
	// counted and returned.
	OnError func(error)
}

// TriggerStats counts what became of records below the level that passes, in
// contexts made by [HoldRecords]. At every moment Accepted is Written plus
// Dropped plus Queued.
type TriggerStats struct {
	Accepted uint64 // records that were held
	Written  uint64 // records that the next handler took after a trigger
	Dropped  uint64 // records that were forgotten, pushed out, or refused by the next handler
	Queued   uint64 // records that are held now
}

// Trigger is a [slog.Handler] that keeps the fine records of a request until it is
// known whether somebody will want to read them. In a context made by
// [HoldRecords], a record below Level is held; with the first one at Trigger or
// above, those held are passed on before it, and all that follow in the context
// are passed on at once. Without such a context, a record below Level is kept
// from the next handler, as by a [Gate]. The next handler must be enabled for the
// fine levels.
//
// What is held comes after the records of higher levels that have passed
// meanwhile: their times tell the order. Its values are copied when it is logged,
// and it has the values of its own context, without its cancellation.
//
// All methods are safe for concurrent use.
type Trigger struct {
	next   slog.Handler
	shared *triggerShared
}

var _ slog.Handler = (*Trigger)(nil)

type triggerShared struct {
	opts                       TriggerOptions
	taker                      snapshot.Taker
	accepted, written, dropped atomic.Uint64
}

// NewTrigger returns a Trigger before next. Nil opts are the default options. It
// panics if next is nil.
func NewTrigger(next slog.Handler, opts *TriggerOptions) *Trigger {
	if next == nil {
		panic("handler: NewTrigger: nil next handler")
	}
	if opts == nil {
		opts = &TriggerOptions{}
	}
	shared := &triggerShared{opts: *opts}
	shared.opts.Level, shared.opts.Trigger = leveler(opts.Level), leveler(opts.Trigger)
	if shared.opts.Trigger == nil {
		shared.opts.Trigger = slog.LevelError
	}
	if shared.opts.MaxRecords <= 0 {
		shared.opts.MaxRecords = 256
	}
	return &Trigger{next: next, shared: shared}
}

// HoldRecords returns a context in which each [Trigger] holds what is logged with
// it, or with a context made from it, for itself. Forget drops what is still held
// and counts it; call it when the request has ended. Later calls do nothing.
//
// If ctx holds records as well, a trigger in the new context is one in ctx, too: it
// also passes on what ctx holds. One in ctx does not pass on what the new one holds
// already, but what follows there.
//
//	ctx, forget := handler.HoldRecords(r.Context())
//	defer forget()
func HoldRecords(ctx context.Context) (held context.Context, forget func()) {
	h := &holder{outer: holderOf(ctx)}
	return context.WithValue(ctx, holderKey{}, h), h.forget
}

type holderKey struct{}

// A holder has what is held in one context.
type holder struct {
	outer  *holder // that of the context around it, or nil
	mu     sync.Mutex
	held   map[*triggerShared]*heldRecords
	closed bool
}

type heldRecords struct {
	records   []heldRecord // a ring once it is full
	oldest    int
	triggered bool
}

type heldRecord struct {
	ctx    context.Context //nolint:containedctx // it belongs to the record
	record slog.Record
	next   slog.Handler
}

func holderOf(ctx context.Context) *holder {
	if ctx == nil {
		return nil
	}
	h, _ := ctx.Value(holderKey{}).(*holder)
	return h
}

// of returns what is held for a Trigger. It is called with the lock.
func (h *holder) of(s *triggerShared) *heldRecords {
	held := h.held[s]
	if held == nil {
		held = new(heldRecords)
		if h.held == nil {
			h.held = make(map[*triggerShared]*heldRecords)
		}
		h.held[s] = held
	}
	return held
}

// triggered reports whether there was a record that everything passes with, in the
// context or in one around it.
func (h *holder) triggered(s *triggerShared) bool {
	for ; h != nil; h = h.outer {
		if h.triggeredHere(s) {
			return true
		}
	}
	return false
}

func (h *holder) triggeredHere(s *triggerShared) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of(s).triggered
}

// hold holds a record and reports whether it is to be passed on instead.
func (h *holder) hold(s *triggerShared, r heldRecord) (pass bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.of(s)
	switch {
	case held.triggered:
		return true
	case h.closed:
		s.accepted.Add(1)
		s.dropped.Add(1)
		return false
	}
	s.accepted.Add(1)
	if len(held.records) < s.opts.MaxRecords {
		held.records = append(held.records, r)
		return false
	}
	held.records[held.oldest] = r
	held.oldest = (held.oldest + 1) % len(held.records)
	s.dropped.Add(1)
	return false
}

// release returns what is held for a Trigger, that of the outermost context first,
// and of each the oldest first. From now on nothing is held for it.
func (h *holder) release(s *triggerShared) []heldRecord {
	if h == nil {
		return nil
	}
	records := h.outer.release(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.of(s)
	held.triggered = true
	records = slices.Concat(records, held.records[held.oldest:], held.records[:held.oldest])
	held.records, held.oldest = nil, 0
	return records
}

func (h *holder) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s, held := range h.held {
		s.dropped.Add(uint64(len(held.records)))
		held.records, held.oldest = nil, 0
	}
}

// Enabled reports whether the next handler is enabled for a level that passes or
// can be held.
func (t *Trigger) Enabled(ctx context.Context, level slog.Level) bool {
	return (level >= minLevel(t.shared.opts.Level) || holderOf(ctx) != nil) && t.next.Enabled(ctx, level)
}

// Handle passes the record on, holds it, or leaves it out. It returns the errors
// of the records that it passes on, joined.
func (t *Trigger) Handle(ctx context.Context, r slog.Record) error {
	s, h := t.shared, holderOf(ctx)
	switch {
	case h != nil && r.Level >= s.opts.Trigger.Level():
		return t.passAll(ctx, h.release(s), r)
	case r.Level >= minLevel(s.opts.Level), h != nil && h.triggered(s):
		return t.next.Handle(ctx, r)
	case h == nil || !t.next.Enabled(ctx, r.Level):
		return nil
	}
	frozen := r
	s.taker.Freeze(&frozen)
	if h.hold(s, heldRecord{context.WithoutCancel(ctx), frozen, t.next}) {
		return t.next.Handle(ctx, r)
	}
	return nil
}

// passAll passes on what was held and then a record.
func (t *Trigger) passAll(ctx context.Context, held []heldRecord, r slog.Record) error {
	return t.shared.write(held, func() error { return t.next.Handle(ctx, r) })
}

// write passes on what was held before it does what is last, all of it also if the
// next handler ends this goroutine.
func (s *triggerShared) write(held []heldRecord, last func() error) error {
	var errs []error
	written := false
	defer func() {
		if !written {
			_ = s.write(held, last)
		}
	}()
	for len(held) > 0 {
		r := &held[0]
		held = held[1:]
		if err := s.writeOne(r); err != nil {
			errs = append(errs, err)
		}
	}
	written = true
	return errors.Join(append(errs, last())...)
}

func (s *triggerShared) writeOne(r *heldRecord) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = noReturn(r.next, recover())
		}
		if err == nil {
			s.written.Add(1)
			return
		}
		s.dropped.Add(1)
		err = fmt.Errorf("handler: Trigger: a record that was held: %w", err)
		s.report(err)
	}()
	err = r.next.Handle(r.ctx, r.record)
	returned = true
	return err
}

func (s *triggerShared) report(err error) {
	if s.opts.OnError == nil {
		return
	}
	defer func() { _ = recover() }() // a hook that panics has nobody left to tell
	s.opts.OnError(err)
}

// WithAttrs returns a Trigger before the next handler with attrs, which holds
// records together with the receiver.
func (t *Trigger) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return t
	}
	return &Trigger{next: t.next.WithAttrs(attrs), shared: t.shared}
}

// WithGroup returns a Trigger before the next handler with a group, which holds
// records together with the receiver.
func (t *Trigger) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	return &Trigger{next: t.next.WithGroup(name), shared: t.shared}
}

// Unwrap returns the next handler.
func (t *Trigger) Unwrap() slog.Handler { return t.next }

// Stats returns the counts of all contexts. Handlers derived by With and WithGroup
// count together.
func (t *Trigger) Stats() TriggerStats {
	s := t.shared
	// In the opposite order of counting, so that Queued is never negative.
	written, dropped := s.written.Load(), s.dropped.Load()
	accepted := s.accepted.Load()
	return TriggerStats{Accepted: accepted, Written: written, Dropped: dropped, Queued: accepted - written - dropped}
}
