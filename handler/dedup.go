package handler

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice/internal/attrs"
)

// DedupOptions are options for a [Dedup]. A zero DedupOptions consists entirely of
// default values.
type DedupOptions struct {
	// Window is how long after a record its repeats are collapsed. It does not
	// begin anew with a repeat. Zero or less means 10 seconds: longer than the
	// pauses of what is tried again and again, and short enough to wait for.
	Window time.Duration

	// MaxKeys bounds the records that are compared with, at about 45 bytes each,
	// and those that were repeated at what they hold besides. If there are more, the
	// oldest is let go, its repeats told of early, and passes when it comes
	// again. Beyond 128 they are in up to 16 parts, each with an oldest of its own.
	// Zero or less means 4096; at most 1,048,576 is used.
	MaxKeys int

	// Ignore names attrs that records may differ in: each by its key after those
	// of the groups that it is in, with dots between, such as "http.request_id".
	// The repeats are told of with the attrs of the first one.
	Ignore []string

	// Key, if not nil, returns what makes records identical, in place of level,
	// message and attrs. One with an empty key is never collapsed, nor is one for
	// which Key panics. R holds what With and WithGroup have bound, which costs a
	// copy if there is any. The repeats are told of by the first one.
	Key func(ctx context.Context, r slog.Record) string

	// DropContext tells of repeats with an empty context. Without it the values of
	// the context of the first one are kept for the Window, which is too long for
	// contexts that are used again when a request has ended, as those of gin and
	// fasthttp are.
	DropContext bool

	// OnError, if not nil, is told of each failure of the handler behind, and of
	// each panic of it or of Key. It must not log to the same handler.
	OnError func(error)
}

const (
	defaultWindow = 10 * time.Second
	closeTimeout  = 10 * time.Second
)

// Dedup is a [slog.Handler] that collapses identical records. The first one passes
// at once. Its repeats in the Window are counted. One record tells of them when
// the Window is over, or when Flush is called: the first repeat with the time of the
// last one and a group "repeated", with their "count", "since" when and, to a
// millisecond, "until" when.
// A count of 3 is that of three records which were not passed on. It goes through
// the same handlers as the repeat would have, with the values of its context, so the
// group is in those that WithGroup has opened.
//
// Records are identical if their levels, their messages and their attrs are, those
// bound by With and WithGroup included, in the same order. Times and places are
// not compared. An error is its type and its text. Other values are compared by
// their type and what they hold, through pointers, as far as that cannot change
// unseen, and otherwise by their text if they marshal themselves. A record with a
// value that cannot be compared is passed on: a func, a channel, one with a lock, a
// circle. So is one with more than 16 KiB to compare, or more than 64 KiB to keep.
// What is compared is a hash of 128 bits, seeded by chance.
//
// Keys that come twice within a record are another matter: see Duplicates in
// [JSONOptions].
//
// A LogValuer is resolved here. What is kept of a record is a copy of the first
// repeat that nobody can change: as of asyncbuf.Handler, values that cannot be
// copied are printed.
//
// While repeats are counted a timer is set, which starts a goroutine when the
// Window of some is over; it tells of them, up to a hundredth of a Window late, and
// ends. Who logs tells, before his own record, of repeats that the timer has not come
// to yet. Shutdown and Close tell of all and turn a Dedup into a handler that
// passes everything. One that is not closed keeps nothing running for longer than a
// Window. It shares all this with the handlers derived from it.
//
// All methods are safe for concurrent use. No lock is held while a handler is
// called.
type Dedup struct {
	next  slog.Handler
	bound *attrs.Bound // if there is a Key
	ident identity     // that of what is bound, if there is no Key
	core  *deduper
}

var _ slog.Handler = (*Dedup)(nil)

// NewDedup returns a Dedup before next. Nil opts are the default options. It
// panics if next is nil.
func NewDedup(next slog.Handler, opts *DedupOptions) *Dedup {
	if next == nil {
		panic("handler: NewDedup: nil next handler")
	}
	if opts == nil {
		opts = &DedupOptions{}
	}
	return &Dedup{next: next, core: newDeduper(*opts)}
}

// Enabled reports whether the next handler takes level.
func (d *Dedup) Enabled(ctx context.Context, level slog.Level) bool {
	return d.next.Enabled(ctx, level)
}

// Handle passes on r or counts it as a repeat. It returns what the next handler
// returns for r; a panic there is an error.
func (d *Dedup) Handle(ctx context.Context, r slog.Record) error {
	c := d.core
	if c.closed.Load() {
		return c.pass(ctx, d.next, &r)
	}
	hash, ok := d.hash(ctx, &r)
	if !ok {
		c.incomparable.Add(1)
		return c.pass(ctx, d.next, &r)
	}
	met, tell := c.meet(hash, &r, nil)
	if met == notKept {
		if kept := c.keep(ctx, d.next, &r); kept != nil {
			var more *repeats
			met, more = c.meet(hash, &r, kept)
			tell = tell.append(more)
		} else {
			c.incomparable.Add(1)
		}
	}
	switch {
	case met == counted:
		_ = c.tell(tell) // reported
		return nil
	case tell == nil:
		return c.pass(ctx, d.next, &r)
	default:
		return c.tellAndPass(ctx, tell, d.next, &r)
	}
}

// hash returns a hash of all that makes r identical to another record. It resolves
// r. It is not ok if nothing can be said.
func (d *Dedup) hash(ctx context.Context, r *slog.Record) (hash [2]uint64, ok bool) {
	c := d.core
	if c.opts.Key != nil {
		var key string
		err := guard("Key", func() { key = c.opts.Key(ctx, d.bound.Record(*r)) })
		c.report(err)
		return c.ident.hashText(key), err == nil && key != ""
	}
	hash, known := c.ident.hash(&d.ident, r)
	if known == unresolved {
		resolveRecord(r)
		hash, known = c.ident.hash(&d.ident, r)
	}
	return hash, known == compared
}

// WithAttrs returns a Dedup before the next handler with attrs, which counts
// together with d.
func (d *Dedup) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return d
	}
	derived := &Dedup{bound: d.bound, ident: d.ident, core: d.core}
	if d.core.opts.Key != nil {
		derived.bound = d.bound.WithAttrs(as)
	} else {
		as = resolveAttrs(as)
		derived.ident = d.core.ident.withAttrs(&d.ident, as)
	}
	derived.next = d.next.WithAttrs(as)
	return derived
}

// WithGroup returns a Dedup before the next handler with a group, which counts
// together with d.
func (d *Dedup) WithGroup(name string) slog.Handler {
	if name == "" {
		return d
	}
	derived := &Dedup{next: d.next.WithGroup(name), bound: d.bound, ident: d.ident, core: d.core}
	if d.core.opts.Key != nil {
		derived.bound = d.bound.WithGroup(name)
	} else {
		derived.ident = d.core.ident.withGroup(&d.ident, name)
	}
	return derived
}

// Unwrap returns the next handler.
func (d *Dedup) Unwrap() slog.Handler { return d.next }

// Flush tells at once of all repeats that are counted, and waits until ctx is done
// for what is being told of already. It returns the errors of the handlers that
// were told. It does not flush them, as the function [Flush] does. A handler that
// is being told of repeats must not call it.
func (d *Dedup) Flush(ctx context.Context) error { return wrapDedup("flush", d.core.flush(ctx)) }

// Shutdown is Flush, after which every record passes. If ctx is done before all is
// told, the error says how many repeats are left. They are told of when their Window
// is over, or by another Flush.
func (d *Dedup) Shutdown(ctx context.Context) error {
	return wrapDedup("shutdown", d.core.shutdown(ctx))
}

// Close is Shutdown with a bound of 10 seconds.
func (d *Dedup) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return d.Shutdown(ctx)
}

// Stats returns what d and the handlers it was derived from, or that are derived
// from it, did so far.
func (d *Dedup) Stats() DedupStats { return d.core.stats() }

func wrapDedup(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("handler: %s Dedup: %w", verb, err)
}

// DedupStats counts the records of a [Dedup] and of all handlers that share its
// counts. Those that tell of repeats are not among them. At every moment
//
//	Accepted = Written + Collapsed + Dropped + Queued
type DedupStats struct {
	Accepted  uint64 // records given to Handle of which the following is known
	Written   uint64 // records that the next handler took
	Collapsed uint64 // repeats that the next handler was told of
	Dropped   uint64 // records, and repeats told of, that the next handler refused
	Queued    uint64 // repeats that are not told of yet

	DroppedByLevel map[slog.Level]uint64 // Dropped by level, as in SampleStats; nil without drops

	Incomparable uint64 // records passed on because they cannot be compared, or kept
	Evicted      uint64 // records let go before their Window was over, for want of room
}
