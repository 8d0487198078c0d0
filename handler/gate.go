package handler

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/attrs"
)

// GateOptions are options for a [Gate]. A zero GateOptions consists entirely of
// default values.
type GateOptions struct {
	// Level is the lowest level that passes. It is asked for each record, so a
	// [slog.LevelVar] changes it at run time, and so do [Levels], which also have
	// rules for packages and loggers. The handlers behind must take the levels that are
	// to pass: most have a level of their own, INFO. Nil means slog.LevelInfo.
	Level slog.Leveler

	// Max is the highest level that passes, asked for each record. Nil means no
	// limit.
	Max slog.Leveler

	// FollowContext lets what [WithLevel] has put into the context of a record take the
	// place of Level. To look for it costs every call, also one that is not logged, some
	// nanoseconds for each value in the context. False does not look, as is right
	// for an audit log.
	FollowContext bool
}

// Gate is a [slog.Handler] that passes on the records of some levels and keeps
// the rest from the handler behind it. It decides in Enabled and again in
// Handle, so it holds under a handler that calls Handle without asking.
//
// With [Levels] for its Level, Enabled does not know yet which package logs, nor a
// logger that With has not bound: it reports true if any rule that may be the one
// lets the level pass, and Handle decides. A rule at DEBUG for a package makes all
// DEBUG records of the program reach Handle, at about the cost of what finds the
// place of a call; one for a logger that With binds costs the others nothing.
//
// All methods are safe for concurrent use.
type Gate struct {
	next    slog.Handler
	opts    GateOptions
	minimum minimum
	floor   slog.Level // nothing below it passes, whatever the context and the rules
	logger  string     // the latest that With has bound outside of groups
	grouped bool       // whether attrs of records are in a group
	seen    atomic.Pointer[seenRules]
}

// A minimum is a Leveler, by the type that it has: most gates are asked for each
// record that is not logged.
type minimum struct {
	levels   *Levels
	variable *slog.LevelVar
	other    slog.Leveler
	constant slog.Level // if all of these are nil
}

func newMinimum(l slog.Leveler) (m minimum) {
	switch l := l.(type) {
	case nil: // slog.LevelInfo
	case slog.Level:
		m.constant = l
	case *slog.LevelVar:
		m.variable = l
	case *Levels:
		m.levels = l
	default:
		m.other = l
	}
	return m
}

// level returns the lowest level without rules.
func (m *minimum) level() slog.Level {
	switch {
	case m.variable != nil:
		return m.variable.Level()
	case m.other != nil:
		return m.other.Level()
	default:
		return m.constant
	}
}

// seenRules is what rules say of a gate's logger.
type seenRules struct {
	rules *levelRules
	view  *levelView
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
	g := &Gate{next: next, opts: *opts, minimum: newMinimum(leveler(opts.Level)), floor: math.MinInt}
	g.opts.Max = leveler(opts.Max)
	if m := &g.minimum; !opts.FollowContext && m.levels == nil && m.variable == nil && m.other == nil {
		g.floor = m.constant
	}
	return g
}

// Enabled reports whether level may pass the gate and the next handler takes it.
func (g *Gate) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= g.floor && level >= g.lowest(ctx) &&
		(g.opts.Max == nil || level <= g.opts.Max.Level()) && g.next.Enabled(ctx, level)
}

// lowest returns the lowest level of which a record may pass.
func (g *Gate) lowest(ctx context.Context) slog.Level {
	if g.opts.FollowContext {
		if level, ok := contextLevel(ctx); ok {
			return level
		}
	}
	if g.minimum.levels == nil {
		return g.minimum.level()
	}
	rules := g.minimum.levels.now()
	if g.mayBeNamed() {
		return rules.lowest
	}
	return g.view(rules).lowest
}

// mayBeNamed reports whether it is up to the record which logger it is from.
func (g *Gate) mayBeNamed() bool { return g.logger == "" && !g.grouped }

// view returns what the rules say of the gate's own logger.
func (g *Gate) view(rules *levelRules) *levelView {
	if g.logger == "" {
		return rules.noLogger
	}
	if seen := g.seen.Load(); seen != nil && seen.rules == rules {
		return seen.view
	}
	view := rules.view(g.logger)
	g.seen.Store(&seenRules{rules, view})
	return view
}

// Handle passes on a record whose level passes.
func (g *Gate) Handle(ctx context.Context, r slog.Record) error {
	if !g.passes(ctx, &r) {
		return nil
	}
	return g.next.Handle(ctx, r)
}

func (g *Gate) passes(ctx context.Context, r *slog.Record) bool {
	if g.opts.Max != nil && r.Level > g.opts.Max.Level() {
		return false
	}
	if g.opts.FollowContext {
		if level, ok := contextLevel(ctx); ok {
			return r.Level >= level
		}
	}
	if g.minimum.levels == nil {
		return r.Level >= g.minimum.level()
	}
	rules := g.minimum.levels.now()
	passes := g.view(rules).passes(r.Level, r.PC)
	if g.mayBeNamed() && rules.dependsOnLogger(r.Level, passes) {
		return rules.view(loggerOf(r)).passes(r.Level, r.PC)
	}
	return passes
}

// loggerOf returns the last logger that a record names, or "".
func loggerOf(r *slog.Record) string {
	var f loggerFinder
	r.Attrs(func(a slog.Attr) bool {
		f.look(a)
		return true
	})
	return f.logger
}

// A loggerFinder remembers the last logger that one of the attrs it has looked at
// names.
type loggerFinder struct {
	logger string
	budget attrs.Budget
}

func (f *loggerFinder) look(a slog.Attr) {
	if a.Key != "logger" && a.Key != "" {
		return
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if a.Key != "" && a.Value.String() != "" {
			f.logger = a.Value.String()
		}
	case slog.KindGroup:
		if members := a.Value.Group(); a.Key == "" && f.budget.Enter(members) { // it is inlined
			for _, member := range members {
				f.look(member)
			}
			f.budget.Leave()
		}
	default: // not a LogValuer either, which is resolved once, and not here
	}
}

// WithAttrs returns a Gate before the next handler with attrs.
func (g *Gate) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return g
	}
	f := loggerFinder{logger: g.logger}
	if g.minimum.levels != nil && !g.grouped {
		for _, a := range as {
			f.look(a)
		}
	}
	return g.derived(g.next.WithAttrs(as), f.logger, g.grouped)
}

// WithGroup returns a Gate before the next handler with a group.
func (g *Gate) WithGroup(name string) slog.Handler {
	if name == "" {
		return g
	}
	return g.derived(g.next.WithGroup(name), g.logger, true)
}

func (g *Gate) derived(next slog.Handler, logger string, grouped bool) *Gate {
	return &Gate{next: next, opts: g.opts, minimum: g.minimum, floor: g.floor, logger: logger, grouped: grouped}
}

// Unwrap returns the next handler.
func (g *Gate) Unwrap() slog.Handler { return g.next }
