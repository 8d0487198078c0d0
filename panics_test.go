package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// A bottom is in a value that methods panic with, and notes that somebody looked
// into that. If the value contained itself, that would be the end of the program.
type bottom struct{ seen atomic.Bool }

func (b *bottom) String() string { b.seen.Store(true); return "bottom" }

func (b *bottom) panic() string { panic(map[string]any{"down": []any{b}}) }

type (
	rude          struct{ panic func() string }
	rudeError     struct{ rude }
	rudeStringer  struct{ rude }
	rudeFormatter struct{ rude }
	rudeText      struct{ rude }
	rudeJSON      struct{ rude }
	rudeJSONError struct{ rudeError }
	rudeValuer    struct{ rude }
	failingText   struct{ err error }
	failingJSON   struct{ err error }
)

func (r *rudeError) Error() string                    { return r.panic() }
func (r *rudeStringer) String() string                { return r.panic() }
func (r *rudeFormatter) Format(fmt.State, rune)       { r.panic() }
func (r *rudeText) MarshalText() ([]byte, error)      { return []byte(r.panic()), nil }
func (r *rudeJSON) MarshalJSON() ([]byte, error)      { return []byte(r.panic()), nil }
func (r *rudeJSONError) MarshalJSON() ([]byte, error) { return []byte(r.panic()), nil }
func (r *rudeValuer) LogValue() slog.Value            { return slog.StringValue(r.panic()) }
func (f *failingText) MarshalText() ([]byte, error)   { return nil, f.err }
func (f *failingJSON) MarshalJSON() ([]byte, error)   { return nil, f.err }

// rudeValues are values with methods that panic with what b is in.
func rudeValues(b *bottom) map[string]any {
	r := rude{b.panic}
	err := &rudeError{r}
	return map[string]any{
		"an error": err, "an error of an error": &rudeError{rude{func() string { panic(err) }}}, "wrapped": errors.Join(err, io.EOF),
		"a Stringer": &rudeStringer{r}, "a Formatter": &rudeFormatter{r},
		"text": &rudeText{r}, "JSON": &rudeJSON{r}, "an error with JSON": &rudeJSONError{rudeError{r}}, "a LogValuer": &rudeValuer{r},
		"text that fails": &failingText{err}, "JSON that fails": &failingJSON{err}, "a slog.Value": slog.AnyValue(err),
	}
}

// What methods of values panic with is not looked into, by any encoder behind any
// wrapper: it may have no end.
func TestPanicsAreNotLookedInto(t *testing.T) {
	t.Parallel()
	sinks := encoders()
	sinks = append(sinks,
		encoder{"wide console", func(_ *testing.T, w io.Writer, _ *slog.HandlerOptions) slog.Handler {
			return handler.NewConsoleHandler(w, &handler.ConsoleOptions{Layout: handler.LayoutWide})
		}, nil},
		encoder{"ECS", func(_ *testing.T, w io.Writer, _ *slog.HandlerOptions) slog.Handler {
			return logstash.NewHandler(w, &logstash.Options{Profile: logstash.ECS, StackHash: true})
		}, nil})
	befores := append(wrappers(), wrapper{"nothing", func(_ *testing.T, h slog.Handler) slog.Handler { return h }, false})
	for _, before := range befores {
		for _, sink := range sinks {
			t.Run(before.name+"+"+sink.name, func(t *testing.T) {
				t.Parallel()
				for name := range rudeValues(nil) {
					var b bottom
					value := rudeValues(&b)[name]
					var out testlog.Buffer
					h := before.wrap(t, sink.new(t, &out, nil))
					slog.New(h).Error("m", "k", value, "last", true)
					slog.New(h).With("k", value).WithGroup("g").Error("m", "k", value, slog.Group("g", "last", true))
					if err := handler.Flush(t.Context(), h); err != nil {
						t.Errorf("%s: Flush: %v", name, err)
					}
					if b.seen.Load() {
						t.Errorf("%s: what it panicked with was looked into: %s", name, out.String())
					}
					if n := strings.Count(out.String(), "last"); n != 2 {
						t.Errorf("%s: %d records, want 2: %s", name, n, out.String())
					}
				}
			})
		}
	}
}

// What the user's functions panic with is not looked into either.
func TestPanicsOfFunctionsAreNotLookedInto(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(b *bottom, w io.Writer) slog.Handler{
		"JSONOptions.ReplaceAttr": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func([]string, slog.Attr) slog.Attr { return slog.String(b.panic(), "") }})
		},
		"ConsoleOptions.ReplaceAttr": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewConsoleHandler(w, &handler.ConsoleOptions{ReplaceAttr: func([]string, slog.Attr) slog.Attr { return slog.String(b.panic(), "") }})
		},
		"ConsoleOptions.LevelName": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewConsoleHandler(w, &handler.ConsoleOptions{LevelName: func(slog.Level) string { return b.panic() }})
		},
		"RenameOptions.Replace": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewRename(handler.NewJSONHandler(w, nil), &handler.RenameOptions{
				Replace: func([]string, slog.Attr) slog.Attr { return slog.String(b.panic(), "") },
			})
		},
		"ContextOptions.Top": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewContext(handler.NewJSONHandler(w, nil), &handler.ContextOptions{
				Top: []func(context.Context, slog.Record) []slog.Attr{func(context.Context, slog.Record) []slog.Attr { b.panic(); return nil }},
			})
		},
		"ErrorStackOptions.Stack": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewErrorStack(handler.NewJSONHandler(w, nil), &handler.ErrorStackOptions{
				Stack:   func(error) string { return b.panic() },
				OnError: func(err error) { fmt.Fprintln(w, err) },
			})
		},
		"NewFunc": func(b *bottom, w io.Writer) slog.Handler {
			return handler.NewFunc(func(context.Context, slog.Record) error { panic(&rudeError{rude{b.panic}}) }, &handler.FuncOptions{
				OnError: func(err error) { fmt.Fprintln(w, err) },
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var (
				b   bottom
				out testlog.Buffer
			)
			slog.New(create(&b, &out)).Info("m", "k", io.EOF)
			if b.seen.Load() || !strings.Contains(out.String(), "(map[string]interface {})") {
				t.Errorf("what it panicked with was looked into, or has no type: %s", out.String())
			}
		})
	}
}
