package handler

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
)

// FuncOptions are options for a [Func]. A zero FuncOptions consists entirely of
// default values.
type FuncOptions struct {
	// Level is the minimum level, asked for each record. Nil means slog.LevelInfo.
	Level slog.Leveler

	// OnError is called with each error that Handle returns, by the goroutine that
	// logs. It must not log to the same handler. Nil means that errors are only
	// counted and returned.
	OnError func(error)
}

// Func is a [slog.Handler] that calls a function with each record: an alert, a
// counter, a queue, another logger.
//
// The record holds all: what With has bound comes before the attrs of the call, and
// these are in the groups that WithGroup has opened. Every value is resolved, and
// what is empty is left out. As in a Handle method, the record has to be cloned
// before it is kept or added to.
//
// A function that panics has failed with a [*PanicError].
//
// What the function does with a record is not known: where it calls another handler,
// a Level below INFO has to be set for what that one takes, and [Flush] of the Func
// does not flush it.
//
// All methods are safe for concurrent use, if the function is.
type Func struct {
	bound  *attrs.Bound
	shared *funcShared
}

type funcShared struct {
	f    func(context.Context, slog.Record) error
	opts FuncOptions
	outcomes
}

var _ slog.Handler = (*Func)(nil)

// NewFunc returns a Func that calls f. Nil opts are the default options. It panics
// if f is nil.
func NewFunc(f func(ctx context.Context, r slog.Record) error, opts *FuncOptions) *Func {
	if f == nil {
		panic("handler: NewFunc: nil function")
	}
	if opts == nil {
		opts = &FuncOptions{}
	}
	return &Func{shared: &funcShared{f: f, opts: *opts}}
}

// Enabled reports whether level is at or above the minimum level.
func (h *Func) Enabled(_ context.Context, level slog.Level) bool {
	return level >= minLevel(h.shared.opts.Level)
}

// Handle calls the function and returns its error.
func (h *Func) Handle(ctx context.Context, r slog.Record) (err error) {
	r = attrs.ResolveRecord(r)
	if h.bound != nil {
		r = h.bound.Build(&r, nil, nil)
	}
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil { // or else the goroutine ends
				err = newPanicError("the function of NewFunc", v)
			}
		}
		h.shared.count(returned && err == nil)
		if err != nil {
			tell(h.shared.opts.OnError, err)
		}
	}()
	err = h.shared.f(ctx, r)
	returned = true
	if err != nil {
		err = fmt.Errorf("handler: func: %w", err)
	}
	return err
}

// WithAttrs returns a Func whose records hold attrs. They are resolved now.
func (h *Func) WithAttrs(as []slog.Attr) slog.Handler {
	if as = attrs.ResolveAll(as); len(as) == 0 {
		return h
	}
	return &Func{h.bound.WithAttrs(as), h.shared}
}

// WithGroup returns a Func whose records have all later attrs in a group.
func (h *Func) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Func{h.bound.WithGroup(name), h.shared}
}

// Stats counts the records that the function was called with: as dropped if it
// returned an error or panicked. Derived handlers count together.
func (h *Func) Stats() Stats { return h.shared.stats() }
