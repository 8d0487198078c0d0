package fanout

import (
	"context"
	"errors"
	"log/slog"
)

// Failover is a [slog.Handler] that hands each record to the first of several
// handlers that takes it. An error and a panic are failures alike. Every record
// is offered to the first handler first, so it has it again as soon as it works.
//
// The first handler decides which levels are wanted. One of the others that is
// not enabled for a level is passed over, and so is a [Branch] that the record
// does not match.
//
// A writer that takes a line and still returns an error, as an asyncbuf.Writer does
// when a line is late, makes the record go to the next handler too: it arrives
// twice then, rather than perhaps not at all.
//
// All methods are safe for concurrent use.
type Failover struct {
	children []child
}

var _ slog.Handler = (*Failover)(nil)

// NewFailover returns a Failover over handlers, in their order. Nil handlers are
// left out. Nil opts are the default options.
func NewFailover(opts *Options, handlers ...slog.Handler) *Failover {
	return &Failover{children: newChildren(opts, handlers)}
}

// Enabled reports whether the first handler is enabled.
func (f *Failover) Enabled(ctx context.Context, level slog.Level) bool {
	return len(f.children) > 0 && f.children[0].enabled(ctx, level)
}

// Handle hands clones of the record to the handlers in turn, until one returns
// no error. It returns an error only when none does: all of theirs, joined.
func (f *Failover) Handle(ctx context.Context, r slog.Record) error {
	var errs []error
	for i := range f.children {
		became, err := f.children[i].handle(ctx, r)
		switch {
		case became == taken, became == notEnabled && i == 0:
			return nil
		case became == failed:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// WithAttrs returns a Failover over the handlers with attrs, a copy for each.
func (f *Failover) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return f
	}
	return &Failover{children: withAttrs(f.children, attrs)}
}

// WithGroup returns a Failover over the handlers with a group.
func (f *Failover) WithGroup(name string) slog.Handler {
	if name == "" {
		return f
	}
	return &Failover{children: withGroup(f.children, name)}
}

// Unwrap returns the handlers.
func (f *Failover) Unwrap() []slog.Handler { return unwrap(f.children) }

// Stats returns the counts of each handler, as [Handler.Stats] does. A record
// that failed over is dropped for one handler and written for another.
func (f *Failover) Stats() []Stats { return stats(f.children) }
