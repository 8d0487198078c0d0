package pipeline

import (
	"context"
	"io"
	"log/slog"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
)

// A sink is a branch of the fan-out in one generation: match → sampling → level →
// encoder → resource.
type sink struct {
	cfg     *Sink // completed
	level   slog.Leveler
	res     *resource
	branch  slog.Handler
	sample  *handler.Sample      // nil without Sampling
	records func() handler.Stats // nil where only the fan-out counts
	trouble *trouble
}

// newSink makes the handlers of a sink in front of its resource.
func newSink(c *Sink, res *resource, tr *trouble) *sink {
	s := &sink{cfg: c, res: res, trouble: tr, level: settable(c.Level.leveler)}
	levels, rules := s.level.(*handler.Levels)
	level := s.level
	if rules { // which only a gate knows
		level = slog.Level(minInt)
	}
	var h slog.Handler
	switch c.Type {
	case Func:
		f := handler.NewFunc(c.Func, &handler.FuncOptions{Level: level})
		s.records, h = f.Stats, f
	case Handler:
		h = c.Handler
		if !rules {
			h = handler.NewGate(h, &handler.GateOptions{Level: level})
		}
	default:
		h = s.encoder(level)
	}
	if rules {
		h = handler.NewGate(h, &handler.GateOptions{Level: levels})
	}
	if opts := c.sampleOptions(); opts != nil {
		opts.OnError = nil // the stages behind it and the fan-out report
		s.sample = handler.NewSample(h, opts)
		h = s.sample
	}
	if match := c.match(); match != nil {
		h = fanout.When(match, h)
	}
	s.branch = fanout.Named(c.Name, h)
	return s
}

// settable returns a level that can be changed at run time, if l does not say
// itself how that is done.
func settable(l slog.Leveler) slog.Leveler {
	if level, ok := l.(slog.Level); ok {
		v := new(slog.LevelVar)
		v.Set(level)
		return v
	}
	return l
}

// encoder returns the handler that writes the sink's lines.
func (s *sink) encoder(level slog.Leveler) slog.Handler {
	h := encode(s.cfg, level, s.res.writer)
	switch h := h.(type) {
	case *handler.JSONHandler:
		s.records = h.Stats
	case *handler.ConsoleHandler:
		s.records = h.Stats
	case *logstash.Handler:
		s.records = func() handler.Stats { return handler.Stats(h.Stats()) }
	}
	return h
}

// encode returns an encoder in the sink's format that writes to w.
func encode(c *Sink, level slog.Leveler, w io.Writer) slog.Handler {
	switch c.Format {
	case Text:
		opts := handler.ConsoleOptions{Level: level, AddSource: c.AddSource}
		if c.Type != Console { // for those who read it on another day
			opts.TimeFormat = "2006-01-02T15:04:05.000Z07:00"
		}
		if c.NoColor || c.Type != Console {
			opts.Color = handler.ColorNever
		}
		return handler.NewConsoleHandler(w, &opts)
	case EventFormat, ECS:
		opts := c.eventOptions()
		opts.Level = level
		return logstash.NewHandler(w, &opts)
	default:
		return handler.JSONOptions{HandlerOptions: slog.HandlerOptions{Level: level, AddSource: c.AddSource}}.NewHandler(w)
	}
}

// flush writes out what the sink has buffered.
func (s *sink) flush(ctx context.Context) error { return handler.Flush(ctx, s.branch) }

func (s *sink) title() string { return s.cfg.Name }

// written returns how many lines have reached what is behind the buffer, or behind
// the encoder.
func (s *sink) written() uint64 {
	if s.res.buffer != nil {
		return s.res.buffer.Stats().Written
	}
	return s.records().Written
}

// tellSampled says what sampling has left out.
func (s *sink) tellSampled(ctx context.Context) {
	if s.sample != nil {
		_ = s.sample.Flush(ctx) // what fails with it is counted and reported by the stages behind
	}
}

// shutdown closes what the pipeline has opened for the sink.
func (s *sink) shutdown(ctx context.Context) error {
	s.tellSampled(ctx)
	if !s.res.reports() {
		return s.flush(ctx)
	}
	return s.res.shutdown(ctx)
}
