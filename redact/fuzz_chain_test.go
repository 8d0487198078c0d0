package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// anyLevel is below any level.
const anyLevel = slog.Level(-1 << 20)

// An output is an encoder with what it has written.
type output struct {
	name   string
	isJSON bool
	ours   bool // of this module
	buf    bytes.Buffer
	slog.Handler
}

// encoders returns one of each encoder, with random options.
func encoders(r *testlog.Random) []*output {
	std := &slog.HandlerOptions{AddSource: r.IntN(2) == 0, Level: anyLevel}
	var list []*output
	add := func(name string, isJSON, ours bool, newHandler func(io.Writer) slog.Handler) {
		o := &output{name: name, isJSON: isJSON, ours: ours}
		o.Handler = newHandler(&o.buf)
		list = append(list, o)
	}
	add("slog's JSON", true, false, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, std) })
	add("slog's text", false, false, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, std) })
	add("JSON", true, true, func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, std) })
	add("JSON with options", true, true, func(w io.Writer) slog.Handler {
		return handler.JSONOptions{
			HandlerOptions: *std, Duplicates: handler.Duplicates(r.IntN(4)), NullNonFinite: r.IntN(2) == 0,
			MaxFieldBytes: []int{0, 40, 400}[r.IntN(3)], MaxLineBytes: []int{0, 1500}[r.IntN(2)], TimePrecision: time.Millisecond,
		}.NewHandler(w)
	})
	for _, color := range []handler.Color{handler.ColorNever, handler.ColorAlways} {
		add("console", false, true, func(w io.Writer) slog.Handler {
			return handler.NewConsoleHandler(w, &handler.ConsoleOptions{Level: anyLevel, AddSource: std.AddSource, Color: color})
		})
	}
	for i, name := range []string{"logstash V1", "logstash ECS", "logstash ECS with dots"} {
		opts := &logstash.Options{
			Level: anyLevel, Profile: logstash.Profile(i), AddSource: std.AddSource, Host: "h", Attrs: []string{"", "data", "labels"}[r.IntN(3)],
			Collisions: logstash.Collisions(r.IntN(3)), Integers: logstash.Integers(r.IntN(3)), Sequence: r.IntN(2) == 0,
			StackHash: r.IntN(2) == 0, StackRootFirst: r.IntN(2) == 0, NonFiniteStrings: r.IntN(2) == 0,
			MaxFieldBytes: []int{0, 40, 400}[r.IntN(3)], MaxEventBytes: []int{0, 1500}[r.IntN(2)],
			Fields: []slog.Attr{slog.String("env", "test")}, Metadata: []slog.Attr{slog.String("index", "i")},
		}
		if r.IntN(3) == 0 {
			opts.StackLevel, opts.StackDepth = slog.LevelWarn, 2
		}
		if r.IntN(3) == 0 {
			opts.Trace = func(context.Context) (string, string) { return "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7" }
		}
		add(name, true, true, func(w io.Writer) slog.Handler { return logstash.NewHandler(w, opts) })
	}
	return list
}

// A chain is a tree of handlers that ends in encoders.
type chain struct {
	slog.Handler
	outputs []*output
	close   []func() error
}

// ends bundles up to three encoders, each behind what stands behind a redact.Handler.
func (c *chain) ends(r *testlog.Random, ours bool) slog.Handler {
	list := encoders(r)
	if ours {
		list = list[2:]
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	c.outputs = list[:1+r.IntN(3)]
	var hs []slog.Handler
	for _, o := range c.outputs {
		hs = append(hs, c.wrapped(r, o))
	}
	var h slog.Handler
	switch r.IntN(4) {
	case 0:
		h = slog.NewMultiHandler(hs...)
	case 1:
		h = fanout.NewHandler(nil, hs...)
	case 2:
		h = fanout.NewHandler(nil, hs[0], slog.NewMultiHandler(hs[1:]...))
	default:
		c.outputs, h = c.outputs[:1], hs[0]
	}
	return h
}

// wrapped returns h behind a wrapper that passes everything on.
func (c *chain) wrapped(r *testlog.Random, h slog.Handler) slog.Handler {
	switch r.IntN(8) {
	case 0:
		return handler.NewGate(h, &handler.GateOptions{Level: anyLevel})
	case 1:
		buf := asyncbuf.NewHandler(h, &asyncbuf.HandlerOptions{MaxLines: 8, Size: 1 << 16})
		c.close = append(c.close, buf.Close)
		return buf
	case 2:
		return fanout.When(func(context.Context, slog.Record, fanout.Bound) bool { return true }, h)
	case 3:
		return fanout.NewFailover(nil, broken{slog.DiscardHandler}, h)
	case 4:
		return fanout.NewHandler(nil, h)
	case 5:
		return adding{h, []slog.Attr{slog.String("host", "h")}}
	default:
		return h
	}
}

// newChain returns the same chain for the same seed, with what redacting returns in it.
// A middleware before that adds the attrs added.
func newChain(seed uint64, ours bool, redacting func(slog.Handler) slog.Handler, added []slog.Attr) *chain {
	r := testlog.NewRandom(seed)
	c := &chain{}
	h := c.ends(r, ours)
	for range 1 + r.IntN(5)/4 {
		h = redacting(h)
		switch r.IntN(8) {
		case 0:
			h = handler.NewGate(h, &handler.GateOptions{Level: anyLevel})
		case 1:
			h = fanout.NewHandler(nil, h)
		case 2:
			h = fanout.NewFailover(nil, broken{slog.DiscardHandler}, h)
		case 3:
			h = fanout.When(fanout.HasTag("x"), h)
			h = fanout.NewHandler(nil, h, fanout.When(func(ctx context.Context, r slog.Record, b fanout.Bound) bool {
				return !fanout.HasTag("x")(ctx, r, b)
			}, redacting(c.outputs[0])))
		case 4:
			h = adding{h, added}
		case 5:
			h = slog.NewMultiHandler(h)
		default:
		}
	}
	c.Handler = h
	return c
}

// end closes what buffers and returns what each encoder has written.
func (c *chain) end(t *testing.T) []*output {
	t.Helper()
	for _, closing := range c.close {
		if err := closing(); err != nil {
			t.Error(err)
		}
	}
	return c.outputs
}

// broken refuses every record.
type broken struct{ slog.Handler }

func (broken) Enabled(context.Context, slog.Level) bool  { return true }
func (broken) Handle(context.Context, slog.Record) error { return errors.New("broken") }
func (b broken) WithAttrs([]slog.Attr) slog.Handler      { return b }
func (b broken) WithGroup(string) slog.Handler           { return b }

// adding is a middleware as many write them: it adds attrs to each record.
type adding struct {
	slog.Handler
	attrs []slog.Attr
}

func (a adding) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(a.attrs...)
	return a.Handler.Handle(ctx, r)
}

func (a adding) WithAttrs(attrs []slog.Attr) slog.Handler {
	return adding{a.Handler.WithAttrs(attrs), a.attrs}
}

func (a adding) WithGroup(name string) slog.Handler {
	return adding{a.Handler.WithGroup(name), a.attrs}
}

// A step derives a handler.
type step struct {
	group string
	attrs []slog.Attr
}

// steps returns up to three random steps with secrets in them.
func (p *planter) steps() []step {
	var list []step
	for range p.IntN(4) {
		switch p.IntN(4) {
		case 0:
			list = append(list, step{group: oneOf(p, "g", "data", "x.y")})
		case 1:
			list = append(list, step{group: "g " + p.keyText()})
		default:
			list = append(list, step{attrs: []slog.Attr{p.attr(0)}})
		}
	}
	return list
}

func derived(h slog.Handler, steps []step) slog.Handler {
	for _, s := range steps {
		if s.group != "" {
			h = h.WithGroup(s.group)
		} else {
			h = h.WithAttrs(s.attrs)
		}
	}
	return h
}

// checkOutput reports secrets in an output, and JSON that is none.
func checkOutput(t *testing.T, o *output, secrets []needle) {
	t.Helper()
	leaks(t, o.name, secrets, o.buf.Bytes())
	if !o.isJSON {
		return
	}
	var decoded []byte
	for line := range bytes.Lines(o.buf.Bytes()) {
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Errorf("%s: %v in %s", o.name, err, line)
		}
		decoded = textsIn(decoded, v)
	}
	leaks(t, o.name+", decoded", secrets, decoded)
}
