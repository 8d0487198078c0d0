package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
)

// Open opens every sink of cfg. When one cannot be opened it closes those that
// were, and the error names the sink and the field. A Logstash that cannot be
// reached is no error: events wait for it.
func Open(cfg Config) (*Pipeline, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := newPipeline(&cfg)
	resources := make([]*resource, len(cfg.Sinks))
	for i := range cfg.Sinks {
		if resources[i], err = p.openSink(&cfg, i); err != nil {
			return nil, errors.Join(err, closeAll(resources[:i]))
		}
	}
	g := p.generate(cfg, resources)
	p.current.Store(g)
	p.troubles.follow(g)
	p.loops.set(p.life, p, &cfg)
	return p, nil
}

// newPipeline returns a pipeline without a generation.
func newPipeline(cfg *Config) *Pipeline {
	p := &Pipeline{turn: make(chan struct{}, 1), past: past{sinks: make(map[string]SinkStats)}}
	p.root = &swap{p: p}
	p.life, p.hurry = context.WithCancel(context.Background())
	opts := cfg.Monitor
	opts.Sinks = p.status
	p.monitor = monitor.NewHandler(&swap{p: p, noted: true}, &opts)
	p.troubles.init()
	return p
}

// hooksOf returns what the stages of a sink report to.
func (p *Pipeline) hooksOf(cfg *Config, c *Sink) hooks {
	u := hooks{name: c.Name, locks: &p.locks, report: cfg.OnError, file: c.Rotate.OnError, shipper: c.Dial.OnError}
	if c.Buffer != nil {
		u.buffer = c.Buffer.OnError
	}
	u.summary = func(w io.Writer) slog.Handler { return encode(c, slog.Level(minInt), w) }
	tr := p.troubles.of(c.Name)
	u.broken = func(err error, written uint64) { p.troubles.broke(p.current.Load(), c.Name, tr, err, written) }
	return u
}

// openSink opens what a sink of cfg has open.
func (p *Pipeline) openSink(cfg *Config, i int) (*resource, error) {
	c := &cfg.Sinks[i]
	r, err := openResource(settingsOf(c), p.hooksOf(cfg, c))
	if err != nil {
		return nil, fmt.Errorf("pipeline: %s: %w", c.Name, err)
	}
	return r, nil
}

// generate makes the handlers that cfg describes, before resources that are open.
func (p *Pipeline) generate(cfg Config, resources []*resource) *generation {
	g := &generation{cfg: cfg, replaced: make(chan struct{}), empty: make(chan struct{}, 1)}
	branches := make([]slog.Handler, 0, len(cfg.Sinks))
	for i := range cfg.Sinks {
		c := &cfg.Sinks[i]
		s := newSink(c, resources[i], p.troubles.of(c.Name))
		resources[i].users.Store(new(p.hooksOf(&cfg, c)))
		g.sinks = append(g.sinks, s)
		branches = append(branches, s.branch)
	}
	g.fan = fanout.NewHandler(&fanout.Options{OnError: g.report}, branches...)
	for i, s := range g.sinks {
		if s.records == nil {
			s.records = g.countsOf(i)
		}
	}
	g.handler, g.noted = p.monitor.Before(g.fan), g.fan
	w := cfg.Fallback
	if w == nil {
		w = standardError{os.Stderr}
	}
	g.fallback = p.locks.of(w)
	g.spare = handler.JSONOptions{HandlerOptions: slog.HandlerOptions{Level: slog.Level(minInt)}}.NewHandler(&p.troubles.out)
	g.frozen.taker = &p.taker
	if cfg.Redaction.Off {
		return g
	}
	opts := cfg.redactOptions()
	own := opts.OnError
	opts.OnError = func(err error) {
		u := hooks{name: "redact", report: cfg.OnError}
		u.tell(err, own)
	}
	counted, noted := redact.NewHandler(g.handler, &opts), redact.NewHandler(g.noted, &opts)
	g.redact = []*redact.Handler{counted, noted}
	g.handler, g.noted = counted, noted
	g.frozen.redactor, _ = redact.New(&opts) // whose options are valid, or there were no cfg
	opts.OnRedact, opts.OnError = nil, nil   // which have been told
	g.spare = redact.NewHandler(g.spare, &opts)
	g.texts, _ = redact.New(&opts)
	return g
}

// report tells the failures of sinks that have no stage to tell them.
func (g *generation) report(err error) {
	var e *fanout.Error
	if !errors.As(err, &e) || g.cfg.OnError == nil {
		return
	}
	if s := g.sinks[e.Number-1]; !s.res.reports() {
		g.cfg.OnError(fmt.Errorf("pipeline: %s: %w", s.cfg.Name, e.Err))
	}
}

// countsOf returns what the fan-out counts for a sink.
func (g *generation) countsOf(i int) func() handler.Stats {
	return func() handler.Stats {
		st := g.fan.Stats()[i]
		return handler.Stats{Accepted: st.Accepted, Written: st.Written, Dropped: st.Dropped}
	}
}
