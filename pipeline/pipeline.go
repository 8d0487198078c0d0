package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// Pipeline is a running pipeline. All methods are safe for concurrent use.
type Pipeline struct {
	handler slog.Handler
	redact  *redact.Handler // nil with Redaction.Off
	sinks   []*sink
}

// Open opens every sink of cfg. When one cannot be opened it closes those that
// were, and the error names the sink and the field. A Logstash that cannot be
// reached is no error: events wait for it.
func Open(cfg Config) (*Pipeline, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := &Pipeline{sinks: make([]*sink, 0, len(cfg.Sinks))}
	branches := make([]slog.Handler, 0, len(cfg.Sinks))
	for i := range cfg.Sinks {
		s := &sink{
			name: cfg.Sinks[i].Name, report: cfg.OnError, closing: make(chan struct{}, 1),
			flush: func(context.Context) error { return nil }, // until there is an encoder
		}
		p.sinks = append(p.sinks, s)
		branch, err := s.open(&cfg.Sinks[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("pipeline: %s: %w", s.name, err), p.Close())
		}
		branches = append(branches, branch)
	}
	p.handler = fanout.NewHandler(nil, branches...)
	if !cfg.Redaction.Off {
		opts := cfg.Redact
		opts.OnError = onError("redact", opts.OnError, cfg.OnError)
		p.redact = redact.NewHandler(p.handler, &opts)
		p.handler = p.redact
	}
	return p, nil
}

// A sink is an open sink with the stages it has.
type sink struct {
	name    string
	report  func(error)
	records func() handler.Stats // of the encoder
	flush   func(context.Context) error
	closing chan struct{} // has room for who closes the sink
	buffer  *asyncbuf.Writer
	file    *rotate.File
	shipper *logstash.Shipper
}

// open opens the sink's stages from the last to the first and returns the
// handler of its branch. What it has opened is in s also when it fails.
func (s *sink) open(c *Sink) (slog.Handler, error) {
	var w io.Writer
	switch c.Type {
	case Console:
		if w = c.Writer; w == nil {
			w = os.Stdout
		}
	case File:
		opts := c.Rotate
		opts.OnError = s.onError(opts.OnError)
		file, err := rotate.Open(c.Path, &opts)
		if err != nil {
			return nil, fmt.Errorf("field Path is %q: %w", c.Path, err)
		}
		s.file, w = file, file
	case Logstash:
		opts := c.Dial
		opts.OnError = s.onError(opts.OnError)
		shipper, err := logstash.Dial(c.Addr, &opts)
		if err != nil {
			return nil, fmt.Errorf("field Addr: %w", err) // which names the address, but no password in it
		}
		s.shipper, w = shipper, shipper
		c.Format = EventFormat
	}
	if c.Buffer != nil {
		opts := *c.Buffer
		opts.OnError = s.onError(opts.OnError)
		s.buffer = asyncbuf.NewWriter(w, &opts)
		w = s.buffer
	}
	h := s.encoder(w, c)
	if c.Match.Tag != "" {
		h = fanout.When(fanout.HasTag(c.Match.Tag), h)
	}
	return h, nil
}

func (s *sink) encoder(w io.Writer, c *Sink) slog.Handler {
	var onError func(error)
	if c.Type == Console && s.buffer == nil {
		onError = s.onError(nil) // behind every other encoder is a stage that reports
	}
	switch c.Format {
	case Text:
		h := handler.NewConsoleHandler(w, &handler.ConsoleOptions{
			Level: c.Level, AddSource: c.AddSource, OnError: onError,
		})
		s.records, s.flush = h.Stats, h.Flush
		return h
	case EventFormat:
		h := logstash.NewHandler(w, &logstash.Options{Level: c.Level, AddSource: c.AddSource, OnError: onError})
		s.records = func() handler.Stats { return handler.Stats(h.Stats()) }
		s.flush = h.Flush
		return h
	default:
		h := handler.JSONOptions{
			HandlerOptions: slog.HandlerOptions{Level: c.Level, AddSource: c.AddSource}, OnError: onError,
		}.NewHandler(w)
		s.records, s.flush = h.Stats, h.Flush
		return h
	}
}

func (s *sink) onError(own func(error)) func(error) { return onError(s.name, own, s.report) }

// onError returns a hook that passes failures on to a stage's own hook and, with
// a name, to the pipeline's.
func onError(name string, own, pipeline func(error)) func(error) {
	if pipeline == nil {
		return own
	}
	return func(err error) {
		defer pipeline(fmt.Errorf("pipeline: %s: %w", name, err)) // also when own panics
		if own != nil {
			own(err)
		}
	}
}

// Handler returns the pipeline's handler, to be wrapped or given to a logger.
func (p *Pipeline) Handler() slog.Handler { return p.handler }

// Logger returns a logger that logs to the pipeline.
func (p *Pipeline) Logger() *slog.Logger { return slog.New(p.handler) }

// Flush writes out what is buffered, syncs the files, and waits until Logstash
// has what was shipped. It ends when ctx does, with an error that says what was
// left.
func (p *Pipeline) Flush(ctx context.Context) error {
	return p.each(ctx, func(s *sink) error { return s.flush(ctx) })
}

// Shutdown closes the pipeline: what is buffered is written, files are closed,
// and what was shipped is waited for, until ctx ends. The error says what was
// left, which is then counted as dropped. Records that come later are refused by
// the closed sinks with os.ErrClosed, and counted; a Console sink without a
// Buffer goes on printing. It may be called more than once.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	return p.each(ctx, func(s *sink) error {
		select {
		case s.closing <- struct{}{}: // one at a time: a file must not be closed while another call syncs it
			defer func() { <-s.closing }()
		case <-ctx.Done():
			return ctx.Err()
		}
		var errs []error
		if s.buffer != nil {
			errs = append(errs, s.buffer.Shutdown(ctx))
		}
		switch {
		case s.file != nil:
			errs = append(errs, s.file.Shutdown(ctx))
		case s.shipper != nil:
			errs = append(errs, s.shipper.Shutdown(ctx))
		case s.buffer == nil:
			errs = append(errs, s.flush(ctx))
		}
		return errors.Join(errs...)
	})
}

// Close is Shutdown with a bound of ten seconds.
func (p *Pipeline) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.Shutdown(ctx)
}

// each calls f for all sinks at the same time, so that one which takes all the
// time there is leaves the others theirs. When ctx ends it waits no longer: a
// disk that hangs keeps its goroutine, not the caller.
func (p *Pipeline) each(ctx context.Context, f func(*sink) error) error {
	results := make([]chan error, len(p.sinks))
	for i, s := range p.sinks {
		results[i] = make(chan error, 1)
		go func() { results[i] <- f(s) }()
	}
	errs := make([]error, len(p.sinks))
	for i, s := range p.sinks {
		if err := await(ctx, results[i]); err != nil {
			errs[i] = fmt.Errorf("pipeline: %s: %w", s.name, err)
		}
	}
	return errors.Join(errs...)
}

// patience is what a stage gets beyond its context to say what was left.
const patience = 2 * time.Second

func await(ctx context.Context, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-result:
		return err
	case <-late.C:
		return fmt.Errorf("still busy: %w", ctx.Err())
	}
}

// Stats is what a pipeline has done so far.
type Stats struct {
	Redact redact.Stats // zero with Redaction.Off
	Sinks  []SinkStats  // in the order of Config.Sinks
}

// SinkStats is what one sink has done so far, stage by stage. A stage that the
// sink does not have is nil.
type SinkStats struct {
	Name    string
	Records handler.Stats // the records that the sink's encoder was given
	Buffer  *asyncbuf.Stats
	File    *rotate.Stats
	Shipper *logstash.Stats
}

// Stats returns the accounts of all stages. Each stage's add up; as they are
// asked one after the other, one stage's may be a moment ahead of another's.
func (p *Pipeline) Stats() Stats {
	var all Stats
	if p.redact != nil {
		all.Redact = p.redact.Stats()
	}
	for _, s := range p.sinks {
		st := SinkStats{Name: s.name, Records: s.records()}
		if s.buffer != nil {
			st.Buffer = new(s.buffer.Stats())
		}
		if s.file != nil {
			st.File = new(s.file.Stats())
		}
		if s.shipper != nil {
			st.Shipper = new(s.shipper.Stats())
		}
		all.Sinks = append(all.Sinks, st)
	}
	return all
}
