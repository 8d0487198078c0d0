package handler

import (
	"context"
	"log/slog"
)

// GateOptions are options for a [Gate]. A zero GateOptions consists entirely of
// default values.
type GateOptions struct {
	// Level is the lowest level that passes. It is asked for each record, so a
	// [slog.LevelVar] changes it at run time. Nil means slog.LevelInfo.
	Level slog.Leveler

	// Max is the highest level that passes, asked for each record. Nil means no
	// limit.
	Max slog.Leveler
}

// Gate is a [slog.Handler] that passes on the records of some levels and keeps
// the rest from the handler behind it. It decides in Enabled and again in
// Handle, so it holds under a handler that calls Handle without asking.
//
// All methods are safe for concurrent use.
type Gate struct {
	next slog.Handler
	opts GateOptions
}

var _ slog.Handler = (*Gate)(nil)

// NewGate returns a Gate before next. Nil opts are the default options. It
// panics if next is nil.
func NewGate(next slog.Handler, opts *GateOptions) *Gate {
	if next == nil {
		panic("handler: NewGate: nil next handler")
	}
	if opts == nil {
		opts = &GateOptions{}
	}
	return &Gate{next: next, opts: *opts}
}

func (g *Gate) passes(level slog.Level) bool {
	return level >= minLevel(g.opts.Level) && (g.opts.Max == nil || level <= g.opts.Max.Level())
}

// Enabled reports whether level passes the gate and the next handler takes it.
func (g *Gate) Enabled(ctx context.Context, level slog.Level) bool {
	return g.passes(level) && g.next.Enabled(ctx, level)
}

// Handle passes on a record whose level passes.
func (g *Gate) Handle(ctx context.Context, r slog.Record) error {
	if !g.passes(r.Level) {
		return nil
	}
	return g.next.Handle(ctx, r)
}

// WithAttrs returns a Gate before the next handler with attrs.
func (g *Gate) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return g
	}
	return &Gate{next: g.next.WithAttrs(attrs), opts: g.opts}
}

// WithGroup returns a Gate before the next handler with a group.
func (g *Gate) WithGroup(name string) slog.Handler {
	if name == "" {
		return g
	}
	return &Gate{next: g.next.WithGroup(name), opts: g.opts}
}

// Unwrap returns the next handler.
func (g *Gate) Unwrap() slog.Handler { return g.next }
