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
// is offered one record, beside which the others still pass it over, for ever if its
// Handle never returns. A record that no handler takes which is Up is offered to those
// that are Down too, in their order: it is not given up untried. With any record that
// it takes, be it a late one from before it went Down, a handler is Up again.
//
// The first handler decides which levels are wanted, also while it is Down: what
// is logged does not depend on how an output is doing. With Spread there is no first: a
// level is wanted if any handler wants it.
//
// Passed over as well, without being a failure, is one of the others that is not enabled
// for a level, a [Branch] that the record does not match, and a [Handler], a [FirstMatch]
// or another Failover that hands it to nobody. What any other handler leaves out counts
// as taken, so the condition of a Branch has to be outermost. A condition that panics is
// reported, and not held against its handler.
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
	_, err := f.handle(ctx, &r)
	return err
}

func (f *Failover) handle(ctx context.Context, r *slog.Record) (handed bool, err error) {
	w := walk{children: f.children}
	if f.turn != nil && len(f.children) > 0 {
		w.spread, w.start = true, f.next()
	}
	taken := w.failover(ctx, r)
	if err = w.report(r); taken {
		err = nil
	}
	return w.handed, err
}

// next returns whose turn it is with Spread, of those that are not passed over.
func (f *Failover) next() int {
	up := uint64(0)
	for i := range f.children {
		if !f.passesOver(i) {
			up++
		}
	}
	turn := (f.turn.Add(1) - 1) % max(up, 1)
	for i := range f.children {
		switch {
		case f.passesOver(i):
		case turn == 0:
			return i
		default:
			turn--
		}
	}
	return 0
}

func (f *Failover) passesOver(i int) bool {
	return f.children[i].account.circuit.state.Load().passedOver()
}

// failover offers the record to one after the other until it is taken. It goes
// round a second time if it passed over any, for those.
func (w *walk) failover(ctx context.Context, r *slog.Record) (taken bool) {
	n := len(w.children)
	defer func() {
		if w.at < 2*n {
			p := recover()
			c := w.child()
			if byMatch := w.interrupted(c, p); !byMatch {
				w.tripped(c)
			}
			w.at++
			taken = w.failover(ctx, r)
			if p == nil { // the goroutine is on its way out: nothing after this will run
				_ = w.report(r)
			}
		}
	}()
	for ; w.at < 2*n; w.at++ {
		c, first, again := w.child(), w.at == 0 && !w.spread, w.at >= n
		if again && (!w.passedOver || w.hasFailed(c)) {
			continue
		}
		s := c.account.circuit.state.Load()
		probe, forced := s.State == Down && !again, s.State == Down && again
		if w.under = s; forced {
			w.under = nil
		}
		if probe && s.passedOver() {
			if first && !enabled(ctx, r.Level, w.children[:1]) {
				break
			}
			w.passedOver = true
			continue
		}
		if !c.next.Enabled(ctx, r.Level) {
			if first {
				break
			}
			continue
		}
		if c.branch != nil && !w.matches(ctx, r, c) {
			continue
		}
		if probe && !s.probe() {
			w.passedOver = true
			continue
		}
		err := c.taker.Handle(ctx, r.Clone())
		if err == nil {
			w.wrote(c)
			w.changed(c, c.account.circuit.succeeded())
			taken = true
			break
		}
		if w.failed(c, err) {
			w.tripped(c)
		} else if probe {
			s.unprobe()
		}
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

// hasFailed reports whether a child failed with the record before.
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
