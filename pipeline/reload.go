package pipeline

import (
	"context"
	"errors"
	"fmt"
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
// records wait for it meanwhile, two seconds at most. One of the options of package
// rotate, asyncbuf or logstash that is a func, other than OnError, counts as
// changed, as nobody can compare it.
//
// An error says what is wrong with cfg, or what could not be opened; then all is
// as before. What a sink that goes has not written after ten seconds is dropped and
// counted, or stays in its spool, and OnError is told; that is no error.
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
	if p.closed {
		return fmt.Errorf("pipeline: reload: %w", os.ErrClosed)
	}
	ctx, cancel := context.WithTimeout(p.life, 10*time.Second)
	defer cancel()
	c := p.plan(cfg)
	if err := c.open(ctx); err != nil {
		return err
	}
	p.loops.set(p, &cfg)
	return nil
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
		if s == nil {
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
func (c *change) open(ctx context.Context) error {
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
		c.old.wait(ctx)
		c.p.leave(ctx, c.old, inTheWay)
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
	c.old.wait(ctx)
	c.p.leave(ctx, c.old, c.leaving)
	c.p.settle()
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
// cannot be opened again either refuses records from now on.
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

// leave closes resources of a generation after what its sampling has to say.
func (p *Pipeline) leave(ctx context.Context, old *generation, leaving []*resource) {
	for _, s := range old.sinks {
		s.tellSampled(ctx)
	}
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

// closeAll closes what nobody has written to.
func closeAll(opened []*resource) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return each(ctx, opened, func(r *resource) error { return r.shutdown(ctx) })
}
