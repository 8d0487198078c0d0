package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"
)

// Reload makes the pipeline what cfg says. Loggers that were derived from it
// follow, and every record goes to what was there before or to what is there now,
// never to both and never to neither.
//
// A sink is known by its name. One whose file, buffer or address is set as before
// goes on with what it has open, whatever else of it changes. What is new is
// opened before anything is closed, if it can be: a file at the path of another
// one and a spool in its directory can only be opened when that is closed, and
// records wait for it meanwhile. When others take more than five seconds to get
// through the sinks, Reload fails. One of the options of package rotate, asyncbuf or
// logstash that is a func, other than OnError, counts as changed, as nobody can
// compare it.
//
// An error says what is wrong with cfg, or what could not be opened; then all is
// as before, but for a sink of which it says that it could not be opened again: that
// refuses records until a Reload opens it. What a sink that goes has not written
// after ten seconds is dropped and counted, or stays in its spool, and OnError is
// told; that is no error. A record that takes ten seconds to get through the sinks is
// refused by those that are closed by then.
//
// Levels are as cfg says afterwards, not as they were set meanwhile. What With has
// bound before keeps the masks of then, and is copied when it is bound. The options
// in cfg.Monitor are those of Open for ever. What counts, goes on counting; see
// Stats. Reload waits for another one, and fails with os.ErrClosed after
// Shutdown.
func (p *Pipeline) Reload(cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	p.turn <- struct{}{}
	defer p.yield()
	if p.closed.Load() {
		return fmt.Errorf("pipeline: reload: %w", os.ErrClosed)
	}
	if i := slices.IndexFunc(cfg.Sinks, func(s Sink) bool { return p.leadsTo(s.Handler) }); i >= 0 {
		return fmt.Errorf("pipeline: %s: Handler leads to the pipeline itself: want another one", cfg.Sinks[i].Name)
	}
	c := p.plan(cfg)
	if err := c.open(); err != nil {
		return err
	}
	ctx, cancel := p.bounded()
	defer cancel()
	p.loops.set(ctx, p, &cfg)
	return nil
}

// bounded returns a context for what a Reload waits for.
func (p *Pipeline) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.life, 10*time.Second)
}

// leadsTo reports whether what h is given comes to p, as far as handlers say what
// is behind them.
func (p *Pipeline) leadsTo(h slog.Handler) bool {
	switch h := h.(type) {
	case *swap:
		return h.p == p || p.leadsTo(h.Unwrap())
	case interface{ Unwrap() slog.Handler }:
		return p.leadsTo(h.Unwrap())
	case interface{ Unwrap() []slog.Handler }:
		return slices.ContainsFunc(h.Unwrap(), p.leadsTo)
	}
	return false
}

// A change is a Reload under way.
type change struct {
	p         *Pipeline
	old       *generation
	cfg       Config
	resources []*resource // of the sinks of cfg, nil if they are yet to be opened
	opened    []*resource // of those, what was not there before
	leaving   []*resource // what cfg has no use for
}

// plan finds out what stays and what goes.
func (p *Pipeline) plan(cfg Config) *change {
	c := &change{p: p, old: p.current.Load(), cfg: cfg, resources: make([]*resource, len(cfg.Sinks))}
	stays := make(map[*resource]bool)
	for i := range cfg.Sinks {
		s := c.old.sink(cfg.Sinks[i].Name)
		if s == nil || s.res.lost.Load() {
			continue
		}
		if want := settingsOf(&cfg.Sinks[i]); s.res.settings.equal(&want) {
			c.resources[i] = s.res
			stays[s.res] = true
		}
	}
	for _, s := range c.old.sinks {
		if !stays[s.res] {
			c.leaving = append(c.leaving, s.res)
		}
	}
	return c
}

// open opens what is new, puts it in force, and closes what is old.
func (c *change) open() error {
	var waiting []int        // sinks that cannot be opened yet
	var inTheWay []*resource // of these
	for i := range c.cfg.Sinks {
		if c.resources[i] != nil {
			continue
		}
		if in := c.inTheWayOf(i); in != nil {
			waiting, inTheWay = append(waiting, i), append(inTheWay, in...)
		} else if err := c.openSink(i); err != nil {
			return errors.Join(err, closeAll(c.opened))
		}
	}
	if len(waiting) > 0 {
		c.old.hold()
		if !c.old.wait(c.p.life, onTheirWay) {
			err := fmt.Errorf("pipeline: reload: a record is on its way through the sinks for more than %v: nothing is changed", onTheirWay)
			return errors.Join(err, closeAll(c.opened), c.revert(nil))
		}
		c.p.leave(c.old, inTheWay)
		for _, i := range waiting {
			if err := c.openSink(i); err != nil {
				return errors.Join(err, closeAll(c.opened), c.revert(inTheWay))
			}
		}
	}
	c.p.install(c.p.generate(c.cfg, c.resources), c.leaving)
	if len(waiting) == 0 {
		c.old.hold()
	}
	most := patience // for who closes what is the program's
	if slices.ContainsFunc(c.leaving, (*resource).reports) {
		most = 10 * time.Second
	}
	c.old.wait(c.p.life, most)
	c.p.leave(c.old, c.leaving)
	c.p.settle()
	c.p.locks.keep(c.p.prints)
	if c.p.closed.Load() { // by a Shutdown that could not wait
		return errors.Join(fmt.Errorf("pipeline: reload: %w", os.ErrClosed), closeAll(c.resources))
	}
	return nil
}

func (c *change) inTheWayOf(i int) (in []*resource) {
	want := settingsOf(&c.cfg.Sinks[i])
	for _, r := range c.leaving {
		if r.blocks(&want) {
			in = append(in, r)
		}
	}
	return in
}

func (c *change) openSink(i int) error {
	r, err := c.p.openSink(&c.cfg, i)
	if err != nil {
		return err
	}
	c.resources[i] = r
	c.opened = append(c.opened, r)
	return nil
}

// revert opens again what was closed for others that could not be opened. What
// cannot be opened again either refuses records until a Reload opens it.
func (c *change) revert(closed []*resource) error {
	var errs []error
	cfg := c.old.cfg
	resources := make([]*resource, len(cfg.Sinks))
	var replaced []*resource
	for i, s := range c.old.sinks {
		resources[i] = s.res
		if !slices.Contains(closed, s.res) {
			continue
		}
		again := s.res.settings
		if again.place != "" { // the program may have changed its directory
			again.path, again.dial.SpoolDir = again.place, again.place
		}
		r, err := openResource(again, c.p.hooksOf(&cfg, s.cfg))
		if err != nil {
			s.res.lost.Store(true)
			errs = append(errs, fmt.Errorf("pipeline: %s: cannot be opened again: %w", s.cfg.Name, err))
			continue
		}
		r.settings = s.res.settings
		resources[i] = r
		replaced = append(replaced, s.res)
	}
	g := c.p.generate(cfg, resources)
	for i, s := range g.sinks { // those set at run time
		if v, ok := s.level.(*slog.LevelVar); ok && s.level != c.old.sinks[i].level {
			v.Set(c.old.sinks[i].level.Level())
		}
	}
	c.p.install(g, replaced)
	c.p.settle()
	return errors.Join(errs...)
}

// install puts g in force. What leaves with the generation before is counted until
// it is settled.
func (p *Pipeline) install(g *generation, leaving []*resource) {
	p.mu.Lock()
	old := p.current.Load()
	old.leaving = leaving
	p.retired = append(p.retired, old)
	p.current.Store(g)
	p.mu.Unlock()
	p.troubles.follow(g)
	close(old.replaced)
}

// prints reports whether somebody may still print to a writer.
func (p *Pipeline) prints(w io.Writer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(append(slices.Clip(p.retired), p.current.Load()), func(g *generation) bool {
		return g.fallback == w || slices.ContainsFunc(g.resources(), func(r *resource) bool { return r.printer == w })
	})
}

// leave closes resources of a generation after what its sampling has to say.
func (p *Pipeline) leave(old *generation, leaving []*resource) {
	ctx, cancel := p.bounded()
	defer cancel()
	_ = each(ctx, old.sinks, func(s *sink) error {
		s.tellSampled(ctx)
		return nil
	})
	_ = each(ctx, leaving, func(r *resource) error {
		if !r.leaving.CompareAndSwap(false, true) {
			return nil // one that was in the way
		}
		defer close(r.gone)
		bound := 10 * time.Second
		if r.shipper != nil && r.settings.place != "" {
			bound = patience / 2 // what is left is safe in the spool
		}
		bounded, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		if err := r.shutdown(bounded); err != nil {
			r.users.Load().tell(err, nil)
		}
		return nil
	})
}

// closeAll closes what has little to write.
func closeAll(opened []*resource) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return each(ctx, opened, func(r *resource) error { return r.shutdown(ctx) })
}
