package sluice_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

// An encoder is the end of a stack, with the parser of its lines.
type encoder struct {
	name  string
	new   func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler
	parse handlertest.Parse
}

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
		{"json+asyncbuf", func(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
			t.Helper()
			buf := asyncbuf.NewWriter(w, &asyncbuf.WriterOptions{Size: 1 << 20, RetryFor: time.Millisecond})
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

// parseEvent reads a Logstash event with the names of log/slog.
func parseEvent(line []byte) (map[string]any, error) {
	m, err := handlertest.ParseJSON(line)
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
}

func wrappers() []wrapper {
	always := func(context.Context, slog.Record, fanout.Bound) bool { return true }
	plain := func(wrap func(slog.Handler) slog.Handler) func(*testing.T, slog.Handler) slog.Handler {
		return func(_ *testing.T, h slog.Handler) slog.Handler { return wrap(h) }
	}
	return []wrapper{
		{"gate", plain(func(h slog.Handler) slog.Handler { return handler.NewGate(h, nil) })},
		{"fanout", plain(func(h slog.Handler) slog.Handler { return fanout.NewHandler(nil, slog.DiscardHandler, h) })},
		{"when", plain(func(h slog.Handler) slog.Handler { return fanout.When(always, h) })},
		{"failover", plain(func(h slog.Handler) slog.Handler { return fanout.NewFailover(nil, h, slog.DiscardHandler) })},
		{"redact", plain(func(h slog.Handler) slog.Handler { return redact.NewHandler(h, nil) })},
		{"asyncbuf", func(t *testing.T, h slog.Handler) slog.Handler {
			t.Helper()
			buf := asyncbuf.NewHandler(h, &asyncbuf.HandlerOptions{MaxLines: 32}) // the suite makes thousands of them
			t.Cleanup(func() { _ = buf.Close() })                                 // the suite makes sinks fail
			return buf
		}},
	}
}

// A stack is wrappers over an encoder.
type stack struct {
	name string
	encoder
	wrap func(*testing.T, slog.Handler) slog.Handler
}

func (s stack) new(t *testing.T, w io.Writer, opts *slog.HandlerOptions) slog.Handler {
	t.Helper()
	return s.wrap(t, s.encoder.new(t, w, opts))
}

// stacks are every encoder alone, under every wrapper, and under every ordered
// pair of wrappers.
func stacks() []stack {
	var all []stack
	for _, e := range encoders() {
		all = append(all, stack{e.name, e, func(_ *testing.T, h slog.Handler) slog.Handler { return h }})
		for _, outer := range wrappers() {
			all = append(all, stack{outer.name + "/" + e.name, e, outer.wrap})
			for _, inner := range wrappers() {
				all = append(all, stack{outer.name + "/" + inner.name + "/" + e.name, e, func(t *testing.T, h slog.Handler) slog.Handler {
					t.Helper()
					return outer.wrap(t, inner.wrap(t, h))
				}})
			}
		}
	}
	return all
}

func TestSlogtest(t *testing.T) {
	t.Parallel()
	for _, s := range stacks() {
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
	for _, s := range stacks() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
				return s.new(t, w, opts)
			}, s.parse)
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
	for _, s := range stacks() {
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
