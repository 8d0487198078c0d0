package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// An encoder is the end of a stack, with the parser of its lines.
type encoder struct {
	name  string
	new   func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler
	parse handlertest.Parse
}

// onlyByFlush is a FlushInterval that leaves handing over to Flush, or a line would be given up before.
const onlyByFlush = time.Hour

func encoders() []encoder {
	newJSON := func(_ *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewJSONHandler(w, opts)
	}
	return []encoder{
		{"json", newJSON, handlertest.ParseJSON},
		{"console", func(_ *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			o := &handler.ConsoleOptions{TimeFormat: time.RFC3339Nano, Color: handler.ColorNever}
			if opts != nil {
				o.AddSource, o.ReplaceAttr = opts.AddSource, opts.ReplaceAttr
			}
			return handler.NewConsoleHandler(w, o)
		}, testlog.ParseConsole},
		{"logstash", func(_ *testing.T, w io.Writer, _ *slog.HandlerOptions) slog.Handler {
			return logstash.NewHandler(w, nil)
		}, parseEvent},
		{"json+func", func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t.Helper()
			return handler.NewFunc(newJSON(t, w, opts).Handle, nil)
		}, handlertest.ParseJSON},
		{"json+test", func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t.Helper()
			return observed{handler.NewTest(nil, &handler.TestOptions{Level: slog.LevelInfo}), newJSON(t, w, opts)}
		}, handlertest.ParseJSON},
		{"json+asyncbuf", func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t.Helper()
			buf := asyncbuf.NewWriter(w, &asyncbuf.WriterOptions{Size: 1 << 20, RetryFor: time.Millisecond, FlushInterval: onlyByFlush})
			t.Cleanup(func() { _ = buf.Close() }) // the suite makes sinks fail
			return newJSON(t, buf, opts)
		}, handlertest.ParseJSON},
		{"json+rotate", func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t.Helper()
			f, err := rotate.Open(filepath.Join(t.TempDir(), "test.log"), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
			return rotate.NewHandler(f, func(file io.Writer) slog.Handler {
				return newJSON(t, io.MultiWriter(w, file), opts)
			})
		}, handlertest.ParseJSON},
	}
}

// observed is a handler that prints what a handler.Test has kept.
type observed struct {
	*handler.Test
	print slog.Handler
}

func (o observed) Handle(ctx context.Context, r slog.Record) error {
	if err := o.Test.Handle(ctx, r); err != nil {
		return err
	}
	var errs []error
	for _, taken := range o.Take() { //nolint:gocritic // a record travels by value
		errs = append(errs, o.print.Handle(ctx, taken))
	}
	return errors.Join(errs...)
}

func (o observed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return observed{o.Test.WithAttrs(attrs).(*handler.Test), o.print}
}

func (o observed) WithGroup(name string) slog.Handler {
	return observed{o.Test.WithGroup(name).(*handler.Test), o.print}
}

// parseEvent reads a Logstash event with the names of log/slog.
func parseEvent(line []byte) (map[string]any, error) {
	m, err := handlertest.ParseJSON(line)
	if name, ok := m[slog.LevelKey].(string); ok && err == nil {
		var level slog.Level
		level, err = handler.ParseLevel(name)
		m[slog.LevelKey] = level.String()
	}
	for event, name := range map[string]string{"@timestamp": slog.TimeKey, "message": slog.MessageKey} {
		if v, ok := m[event]; ok {
			m[name] = v
		}
	}
	return m, err
}

// A wrapper stands before any handler and lets every record through.
type wrapper struct {
	name string
	wrap func(*testing.T, slog.Handler) slog.Handler
	adds bool // an attr to each record
}

func wrappers() []wrapper {
	trace := func(context.Context, slog.Record) []slog.Attr { return []slog.Attr{slog.String("trace_id", "t")} }
	asItIs := func(_ []string, a slog.Attr) slog.Attr { return a }
	noneAlike := func(context.Context, slog.Record) string { return "" }
	rules := handler.NewLevels(slog.LevelInfo,
		handler.LevelRule{Package: "example.com/noisy", Level: slog.LevelError},
		handler.LevelRule{Logger: "noisy", Level: slog.LevelError})
	all := []wrapper{
		{"asyncbuf", func(t *testing.T, h slog.Handler) slog.Handler {
			t.Helper()
			buf := asyncbuf.NewHandler(h, &asyncbuf.HandlerOptions{MaxLines: 32, FlushInterval: onlyByFlush}) // the suite makes thousands of them
			t.Cleanup(func() { _ = buf.Close() })                                                             // the suite makes sinks fail
			return buf
		}, false},
		{"trace", func(_ *testing.T, h slog.Handler) slog.Handler {
			return handler.NewContext(h, &handler.ContextOptions{Top: []func(context.Context, slog.Record) []slog.Attr{trace}})
		}, true},
	}
	for name, wrap := range map[string]func(h slog.Handler) slog.Handler{
		"gate":    func(h slog.Handler) slog.Handler { return handler.NewGate(h, nil) },
		"rules":   func(h slog.Handler) slog.Handler { return handler.NewGate(h, &handler.GateOptions{Level: rules}) },
		"trigger": func(h slog.Handler) slog.Handler { return handler.NewTrigger(h, nil) },
		"sample":  func(h slog.Handler) slog.Handler { return handler.NewSample(h, &handler.SampleOptions{Thereafter: 1}) },
		"dedup":   func(h slog.Handler) slog.Handler { return handler.NewDedup(h, &handler.DedupOptions{Key: noneAlike}) },
		"context": func(h slog.Handler) slog.Handler { return handler.NewContext(h, nil) },
		"recover": func(h slog.Handler) slog.Handler { return handler.NewRecover(h, nil) },
		"rename": func(h slog.Handler) slog.Handler {
			return handler.NewRename(h, &handler.RenameOptions{Replace: asItIs, ReplaceGroups: true})
		},
		"errorstack": func(h slog.Handler) slog.Handler { return handler.NewErrorStack(h, nil) },
		"fanout":     func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, slog.DiscardHandler, h) },
		"vandal":     func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, vandal{h}, h) },
		"when":       func(h slog.Handler) slog.Handler { return fanout.When(fanout.And(), h) },
		"named":      func(h slog.Handler) slog.Handler { return fanout.Named("name", h) },
		"first": func(h slog.Handler) slog.Handler {
			return fanout.NewFirstMatch(nil, fanout.When(fanout.Or(), slog.DiscardHandler), fanout.When(fanout.And(), h), vandal{h})
		},
		"failover": func(h slog.Handler) slog.Handler { return fanout.NewFailover(nil, h, slog.DiscardHandler) },
		"circuit":  func(h slog.Handler) slog.Handler { return fanout.NewFailover(&fanout.Options{MaxFailures: 1}, h, nil) },
		"redact":   func(h slog.Handler) slog.Handler { return redact.NewHandler(h, nil) },
		"monitor":  func(h slog.Handler) slog.Handler { return monitor.NewHandler(h, nil) },
	} {
		all = append(all, wrapper{name, func(_ *testing.T, h slog.Handler) slog.Handler { return wrap(h) }, false})
	}
	slices.SortFunc(all, func(a, b wrapper) int { return strings.Compare(a.name, b.name) }) // so that a seed draws the same
	return all
}

// A vandal is a branch that changes what is its own: the slice given to WithAttrs,
// and the record, which it is given a clone of.
type vandal struct{ beside slog.Handler }

func (v vandal) Enabled(ctx context.Context, level slog.Level) bool {
	return v.beside.Enabled(ctx, level)
}

func (v vandal) Handle(_ context.Context, r slog.Record) error {
	r.AddAttrs(slog.String("vandal", "was here"))
	return nil
}

func (v vandal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range attrs {
		attrs[i] = slog.String("vandal", "was here")
	}
	return v
}

func (v vandal) WithGroup(string) slog.Handler { return v }

// A stack is wrappers over an encoder.
type stack struct {
	name string
	encoder
	wrappers []wrapper // the outermost first
}

func newStack(e encoder, wrappers ...wrapper) stack {
	var names []string
	for _, w := range wrappers {
		names = append(names, w.name)
	}
	return stack{strings.Join(append(names, e.name), "/"), e, wrappers}
}

func (s stack) new(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
	t.Helper()
	h := s.encoder.new(t, w, opts)
	for _, w := range slices.Backward(s.wrappers) {
		h = w.wrap(t, h)
	}
	return h
}

// stacks are every encoder alone and under every wrapper, the JSON encoder under
// every ordered pair of wrappers, and pairs and threes of wrappers drawn at random
// over encoders drawn at random. SLUICE_SEED draws the same ones again. With
// SLUICE_TORTURE set every encoder is under every pair, which takes minutes.
func stacks(t *testing.T) []stack {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	encoders, wrappers := encoders(), wrappers()

	all := make(map[string]stack)
	add := func(s stack) { all[s.name] = s }
	for i, e := range encoders {
		add(newStack(e))
		for _, w := range wrappers {
			// With the race detector all are slow; they are of the same parts.
			if some := random.IntN(4) == 0; some || i == 0 || !testlog.Race {
				add(newStack(e, w))
			}
		}
	}
	torture := os.Getenv("SLUICE_TORTURE") != ""
	under := encoders[:1]
	if torture {
		under = encoders
	}
	for _, e := range under {
		for _, outer := range wrappers {
			for _, inner := range wrappers {
				if some := random.IntN(16) == 0; some || torture || !testlog.Race {
					add(newStack(e, outer, inner))
				}
			}
		}
	}
	draw := func() wrapper { return wrappers[random.IntN(len(wrappers))] }
	more := 40
	if testlog.Race {
		more = 15
	}
	for range more {
		quick := encoders[:len(encoders)-1] // the last one syncs a file each time
		add(newStack(quick[random.IntN(len(quick))], draw(), draw()))
		add(newStack(quick[random.IntN(len(quick))], draw(), draw(), draw()))
	}
	return slices.SortedFunc(maps.Values(all), func(a, b stack) int { return strings.Compare(a.name, b.name) })
}

func TestSlogtest(t *testing.T) {
	t.Parallel()
	for _, s := range stacks(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var (
				buf testlog.Buffer
				h   slog.Handler
			)
			slogtest.Run(t, func(t *testing.T) slog.Handler {
				t.Helper()
				buf.Reset()
				h = s.new(t, &buf, nil)
				return h
			}, func(t *testing.T) map[string]any {
				t.Helper()
				if err := handler.Flush(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				lines, rest := buf.Lines()
				if len(lines) != 1 || rest != "" {
					t.Fatalf("not one line: %q %q", lines, rest)
				}
				m, err := s.parse([]byte(lines[0]))
				if err != nil {
					t.Fatal(err)
				}
				return m
			})
		})
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, s := range stacks(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
				return s.new(t, w, opts)
			}, s.parse)
		})
	}
}

// TestWrappers runs the suite for wrappers on every ordered pair of them.
func TestWrappers(t *testing.T) {
	t.Parallel()
	same := slices.DeleteFunc(wrappers(), func(w wrapper) bool { return w.adds })
	for _, outer := range same {
		t.Run(outer.name, func(t *testing.T) {
			t.Parallel()
			handlertest.RunWrapper(t, func(next slog.Handler) slog.Handler { return outer.wrap(t, next) })
			for _, inner := range same {
				if testlog.Race && rand.IntN(8) > 0 { // as in stacks
					continue
				}
				t.Run(inner.name, func(t *testing.T) {
					t.Parallel()
					handlertest.RunWrapper(t, func(next slog.Handler) slog.Handler { return outer.wrap(t, inner.wrap(t, next)) })
				})
			}
		})
	}
}

// TestAGroupThatContainsItself is apart from the conformance suite, for it would
// take a program with the standard library's handlers with it.
func TestAGroupThatContainsItself(t *testing.T) {
	t.Parallel()
	cyclic := make([]slog.Attr, 2)
	cyclic[0] = slog.Attr{Key: "g", Value: slog.GroupValue(cyclic...)}
	cyclic[1] = slog.Attr{Key: "h", Value: slog.GroupValue(cyclic...)}
	for _, s := range stacks(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			h := s.new(t, &buf, nil)
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
			r.AddAttrs(slog.Int("before", 1), cyclic[0], slog.Int("after", 2))
			for _, h := range []slog.Handler{h, h.WithAttrs(cyclic[:1])} {
				buf.Reset()
				if err := h.Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if err := handler.Flush(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				lines, _ := buf.Lines()
				if len(lines) != 1 {
					t.Fatalf("%d lines", len(lines))
				}
				m, err := s.parse([]byte(lines[0]))
				if err != nil || fmt.Sprint(m["before"]) != "1" || fmt.Sprint(m["after"]) != "2" {
					t.Fatalf("%v, %v: %.200s", m["before"], err, lines[0])
				}
			}
		})
	}
}
