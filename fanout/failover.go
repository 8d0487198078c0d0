package fanout

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Failover is a [slog.Handler] that hands each record to the first of several
// handlers that takes it. An error and a panic are failures alike.
//
// The first handler has every record as long as it is Up. One that fails with
// several records in a row, see [Options], is [Down]: it is passed over, so that
// its failures, which may be slow, cost the program nothing. After a cool-down it
// is offered one record, beside which the others still pass it over. If it takes
// that, it is Up again. A record that no handler takes which is Up is offered to
// those that are Down too, in their order: it is not given up untried.
//
// The first handler decides which levels are wanted, also while it is Down: what
// is logged does not depend on how an output is doing. One of the others that is
// not enabled for a level is passed over, and so is a [Branch] that the record
// does not match. With Spread there is no first: a level is wanted if any handler
// wants it.
//
// A writer that takes a line and still returns an error, as an asyncbuf.Writer does
// when a line is late, makes the record go to the next handler too: it arrives
// twice then, rather than perhaps not at all.
//
// All methods are safe for concurrent use.
type Failover struct {
	children []child
	turn     *atomic.Uint64 // counts the records if they are to be spread, else nil
}

var _ slog.Handler = (*Failover)(nil)

// NewFailover returns a Failover over handlers, in their order. Nil handlers and
// nil pointers are left out. Nil opts are the default options.
func NewFailover(opts *Options, handlers ...slog.Handler) *Failover {
	children := newChildren(opts, handlers)
	for _, c := range children {
		c.account.circuit = newCircuit(c.account)
	}
	f := &Failover{children: children}
	if opts != nil && opts.Spread {
		f.turn = new(atomic.Uint64)
	}
	return f
}

// Enabled reports whether the first handler is enabled, or any with Spread.
func (f *Failover) Enabled(ctx context.Context, level slog.Level) bool {
	if f.turn != nil {
		return enabled(ctx, level, f.children)
	}
	return enabled(ctx, level, f.children[:min(1, len(f.children))])
}

// Handle hands clones of the record to the handlers in turn, until one returns
// no error. It returns an error only when none does: all of theirs, joined.
func (f *Failover) Handle(ctx context.Context, r slog.Record) error {
	w := walk{children: f.children}
	if n := uint64(len(f.children)); f.turn != nil && n > 0 {
		w.spread, w.start = true, int((f.turn.Add(1)-1)%n) //nolint:gosec // less than n
	}
	taken := w.failover(ctx, &r)
	if err := w.report(&r); !taken {
		return err
	}
	return nil
}

// failover offers the record to one after the other until it is taken. It goes
// round a second time if it passed over any, for those.
func (w *walk) failover(ctx context.Context, r *slog.Record) (taken bool) {
	n := len(w.children)
	defer func() {
		if w.at < 2*n {
			p := recover()
			c := w.child()
			w.interrupted(c, p)
			w.tripped(c)
			w.at++
			taken = w.failover(ctx, r)
			if p == nil { // the goroutine is on its way out: nothing after this will run
				_ = w.report(r)
			}
		}
	}()
	for ; w.at < 2*n; w.at++ {
		if w.at == n && !w.passedOver {
			break
		}
		c, again := w.child(), w.at >= n
		if again && w.hasFailed(c) {
			continue
		}
		s := c.account.circuit.state.Load()
		if w.under = s; s.State == Down {
			w.under = nil // until it is let through
		}
		if !c.next.Enabled(ctx, r.Level) {
			if w.at == 0 && !w.spread {
				break
			}
			continue
		}
		if c.branch != nil && !w.matches(ctx, r, c) {
			continue
		}
		if s.State == Down && !again {
			if !s.probe() {
				w.passedOver = true
				continue
			}
			w.under = s
		}
		if err := c.next.Handle(ctx, r.Clone()); err != nil {
			w.failed(c, err)
			w.tripped(c)
			continue
		}
		c.account.wrote()
		w.changed(c, c.account.circuit.succeeded())
		taken = true
		break
	}
	w.at = 2 * n
	return taken
}

// child returns the one whose turn it is.
func (w *walk) child() *child {
	i := w.start + w.at
	for i >= len(w.children) {
		i -= len(w.children)
	}
	return &w.children[i]
}

// hasFailed reports whether a child was offered the record before.
func (w *walk) hasFailed(c *child) bool {
	return slices.ContainsFunc(w.failures, func(f failure) bool { return f.account == c.account })
}

// tripped tells the circuit of a child of the failure that was noted last. One that
// the record was forced through learns nothing from it.
func (w *walk) tripped(c *child) {
	if w.under == nil {
		return
	}
	err := w.failures[len(w.failures)-1].err
	w.changed(c, c.account.circuit.failed(w.under, err, c.account.opts))
}

// changed notes what OnState is to be told.
func (w *walk) changed(c *child, to *condition) {
	if hook := c.account.opts.OnState; to != nil && hook != nil {
		w.changes = append(w.changes, change{hook, to.Health})
	}
}

// WithAttrs returns a Failover over the handlers with attrs, a copy for each if
// there are several.
func (f *Failover) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return f
	}
	return &Failover{children: withAttrs(f.children, attrs), turn: f.turn}
}

// WithGroup returns a Failover over the handlers with a group.
func (f *Failover) WithGroup(name string) slog.Handler {
	if name == "" {
		return f
	}
	return &Failover{children: withGroup(f.children, name), turn: f.turn}
}

// Unwrap returns the handlers.
func (f *Failover) Unwrap() []slog.Handler { return unwrap(f.children) }

// Stats returns the counts of each handler, as [Handler.Stats] does, and whether
// it is Down. A record that failed over is dropped for one handler and written for
// another.
func (f *Failover) Stats() []Stats { return stats(f.children) }
