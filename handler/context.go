package handler

import (
	"context"
	"log/slog"
	"slices"
)

// ContextOptions are options for a [Context]. A zero ContextOptions consists
// entirely of default values.
type ContextOptions struct {
	// Top are functions that return attrs for the top level of a record, whatever
	// groups its logger has opened: a trace ID, a tenant. They are called in their
	// order for each record, by the goroutine that logs, with its context and the
	// record; the context is never nil. The slice that they return is only read.
	Top []func(ctx context.Context, r slog.Record) []slog.Attr

	// Inner are functions that return attrs to stand with those of the record, in
	// the groups that its logger has opened. They are called after those in Top.
	Inner []func(ctx context.Context, r slog.Record) []slog.Attr

	// AddedInner puts the attrs of [AddAttrs] with those of the record too. False
	// puts them at the top level.
	AddedInner bool

	// OnError is called with a [*PanicError] for each function that panics, by the
	// goroutine that logs. It must not log to the same handler. Nil means that only
	// the record shows it.
	OnError func(error)
}

// Context is a [slog.Handler] that gives each record attrs that its context holds:
// those of [AddAttrs], and those that functions find in it.
//
// They come before the attrs of the record. One whose key the record has too is
// not left out: which of them counts is up to the handler behind, as with any two
// attrs; with [LastWins] it is the record's own.
//
// A record for which the context has nothing is passed on as it is. The others cost
// no more outside of groups; inside of groups that a logger has opened, what is
// bound in these is encoded again for each record, since the attrs have to go
// around them. It is what it was when it was bound; what cannot be copied is kept as
// it printed.
//
// The handler behind then has these groups in the record, and not from WithGroup. A
// redact.Handler, which masks a group under a sensitive key as a whole, but only the
// members of one that WithGroup has opened, tells the two apart.
//
// A function that panics costs its attrs. The record has an attr "!PANIC" in their
// place.
//
// All methods are safe for concurrent use.
type Context struct {
	topLevel

	opts *ContextOptions
}

var _ slog.Handler = (*Context)(nil)

// NewContext returns a Context before next. Nil opts are the default options, with
// which the attrs of [AddAttrs] are added at the top level. It panics if next or a
// function is nil.
func NewContext(next slog.Handler, opts *ContextOptions) *Context {
	if next == nil {
		panic("handler: NewContext: nil next handler")
	}
	o := new(ContextOptions)
	if opts != nil {
		*o = *opts
		o.Top, o.Inner = cloneFuncs(opts.Top), cloneFuncs(opts.Inner)
	}
	return &Context{topLevel{next: next}, o}
}

type contextFunc = func(context.Context, slog.Record) []slog.Attr

func cloneFuncs(funcs []contextFunc) []contextFunc {
	clone := make([]contextFunc, len(funcs))
	for i, f := range funcs {
		if f == nil {
			panic("handler: NewContext: nil function")
		}
		clone[i] = f
	}
	return clone
}

// Enabled reports whether the next handler takes the level.
func (h *Context) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record with the attrs of the context.
func (h *Context) Handle(ctx context.Context, r slog.Record) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if len(h.opts.Top)+len(h.opts.Inner) > 0 {
		return h.gather(ctx, &r)
	}
	added, collected := addedTo(ctx)
	if len(collected) > 0 {
		added = append(slices.Clip(added), collected...)
	}
	if h.opts.AddedInner {
		return h.pass(ctx, &r, nil, added)
	}
	return h.pass(ctx, &r, added, nil)
}

// gather passes on the record with what the functions return too.
func (h *Context) gather(ctx context.Context, r *slog.Record) error {
	var roomTop, roomIn [8]slog.Attr
	top, in := roomTop[:0], roomIn[:0]
	for i := range h.opts.Top {
		top = h.call(top, h.opts.Top[i], ctx, r)
	}
	for i := range h.opts.Inner {
		in = h.call(in, h.opts.Inner[i], ctx, r)
	}
	added, collected := addedTo(ctx)
	if h.opts.AddedInner {
		in = append(append(in, added...), collected...)
	} else {
		top = append(append(top, added...), collected...)
	}
	return h.pass(ctx, r, top, in)
}

// pass passes on the record with top at the top level and in in the open groups.
func (h *Context) pass(ctx context.Context, r *slog.Record, top, in []slog.Attr) error {
	if len(top)+len(in) == 0 {
		return h.next.Handle(ctx, *r)
	}
	next, whole := h.with(r, top, in)
	return next.Handle(ctx, whole)
}

// call appends what f returns to list. A panic costs that.
func (h *Context) call(list []slog.Attr, f contextFunc, ctx context.Context, r *slog.Record) (out []slog.Attr) { //nolint:revive // the list comes first, as with append
	defer func() {
		if v := recover(); v != nil {
			err := newPanicError("a function of NewContext", v)
			tell(h.opts.OnError, err)
			list = append(list, slog.String("!PANIC", err.Error())) //nolint:sloglint // it is meant to stand out
			out = list
		}
	}()
	return append(list, f(ctx, *r)...)
}

// WithAttrs returns a Context before the next handler with attrs.
func (h *Context) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return h
	}
	return &Context{h.withAttrs(as), h.opts}
}

// WithGroup returns a Context before the next handler with a group.
func (h *Context) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Context{h.withGroup(name), h.opts}
}

// Unwrap returns the next handler.
func (h *Context) Unwrap() slog.Handler { return h.next }
