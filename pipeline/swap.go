package pipeline

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// A swap is the handler of a pipeline, or one derived from that: it hands each
// record to the generation of the moment. For a new one it repeats what With and
// WithGroup have bound.
type swap struct {
	p      *Pipeline
	noted  bool        // the monitor has seen what comes
	parent *swap       // nil for those of the pipeline
	attrs  []slog.Attr // what WithAttrs bound, frozen
	groups []string    // that are open; the last one by WithGroup, if there are no attrs
	last   atomic.Pointer[derived]
}

var _ slog.Handler = (*swap)(nil)

// derived is the handler of a generation with what a swap has bound.
type derived struct {
	of *generation
	slog.Handler
}

// Enabled reports whether any sink wants the level.
func (s *swap) Enabled(ctx context.Context, level slog.Level) bool {
	return s.in(s.p.current.Load()).Enabled(ctx, level)
}

// Handle hands the record to the sinks. What one of them does not take is
// printed to the fallback.
func (s *swap) Handle(ctx context.Context, r slog.Record) error {
	g := s.p.enter()
	defer g.leave()
	err := s.in(g).Handle(ctx, r)
	if err != nil || s.p.troubles.any() {
		s.p.troubles.take(ctx, s, g, r, err)
	}
	return err
}

// WithAttrs returns a handler with attrs, now and after each Reload.
func (s *swap) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return s
	}
	g := s.p.current.Load()
	now, later := g.frozen.attrs(s.groups, attrs)
	s2 := &swap{p: s.p, noted: s.noted, parent: s, attrs: later, groups: s.groups}
	s2.last.Store(&derived{g, s.in(g).WithAttrs(slices.Clone(now))})
	return s2
}

// WithGroup returns a handler with a group, now and after each Reload.
func (s *swap) WithGroup(name string) slog.Handler {
	if name == "" {
		return s
	}
	g := s.p.current.Load()
	s2 := &swap{p: s.p, noted: s.noted, parent: s, groups: append(slices.Clip(s.groups), name)}
	s2.last.Store(&derived{g, s.in(g).WithGroup(name)})
	return s2
}

// Unwrap returns the handler of the moment, to be flushed and looked at.
func (s *swap) Unwrap() slog.Handler { return s.in(s.p.current.Load()).Handler }

// in returns what s is in a generation.
func (s *swap) in(g *generation) *derived {
	if d := s.last.Load(); d != nil && d.of == g {
		return d
	}
	h := g.handler
	if s.noted {
		h = g.noted
	}
	d := &derived{g, s.on(g, h)}
	s.last.Store(d)
	return d
}

// on returns h with all that s has bound.
func (s *swap) on(g *generation, h slog.Handler) slog.Handler {
	switch {
	case s.parent == nil:
		return h
	case h == g.spare:
		h = s.parent.on(g, h)
	default:
		h = s.parent.in(g).Handler // which others derived from it share
	}
	if s.attrs != nil {
		return h.WithAttrs(slices.Clone(s.attrs))
	}
	return h.WithGroup(s.groups[len(s.groups)-1])
}
