package faults_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	slogcontext "github.com/PumpkinSeed/slog-context"
	slogformatter "github.com/samber/slog-formatter"
	slogdedup "github.com/veqryn/slog-dedup"

	"github.com/sluicelog/sluice/handler"
)

// A wrapper makes a handler that stands before another.
type wrapper func(next slog.Handler) slog.Handler

func samberFormatting(next slog.Handler) slog.Handler {
	return slogformatter.NewFormatterHandler(slogformatter.FormatByKey("other", func(v slog.Value) slog.Value { return v }))(next)
}

func ourRewriting(next slog.Handler) slog.Handler {
	return handler.NewRename(next, &handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr { return a }})
}

// breaksFor logs a value, beside which there is another attr.
func breaksFor(w wrapper, value any) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(w(s)).Info("m", "k", value, "kept", 1)
		return unless(strings.Contains(s.String(), `"kept":1`), "prints %s", s.printed())
	}
}

// childVariable says to whom a child is to give a value that resolves to itself.
const childVariable = "FAULTS_TEST_CHILD"

// TestMain is the child of hangs where it is asked to.
func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "slog-formatter":
		slog.New(samberFormatting(slog.NewJSONHandler(os.Stdout, nil))).Info("m", "k", selfish{}, "kept", 1)
	default:
		slog.New(ourRewriting(slog.NewJSONHandler(os.Stdout, nil))).Info("m", "k", selfish{}, "kept", 1)
	}
}

// hangs logs a value that resolves to itself, in a child that has patience to live.
func hangs(who string, patience time.Duration) scenario {
	return func(t *testing.T) verdict {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, self, "-test.run=^$")
		cmd.Env = append(os.Environ(), childVariable+"="+who)
		out, err := cmd.Output()
		if ctx.Err() != nil {
			return verdict{true, "has not returned after " + patience.String()}
		}
		if err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSpace(string(out))
		return unless(strings.Contains(line, `"kept":1`), "prints %s", line[max(0, strings.Index(line, `"k"`)):])
	}
}

func changesCallersSlice(w wrapper) scenario {
	return func(*testing.T) verdict {
		attrs := []slog.Attr{slog.String("user", "bob@example.com")}
		_ = w(newSink()).WithAttrs(attrs)
		return unless(attrs[0].Value.String() == "bob@example.com", "the caller has %s", attrs[0])
	}
}

func samberHiding(next slog.Handler) slog.Handler {
	return slogformatter.NewFormatterHandler(slogformatter.PIIFormatter("user"))(next)
}

func ourHiding(next slog.Handler) slog.Handler {
	return handler.NewRename(next, &handler.RenameOptions{Replace: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "user" || len(groups) > 0 && groups[0] == "user" {
			a.Value = slog.StringValue("***")
		}
		return a
	}})
}

func missesGroup(w wrapper) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(w(s)).WithGroup("user").Info("m", "email", "bob@example.com")
		return unless(!strings.Contains(s.String(), "bob@example.com"), "prints %s", s.printed())
	}
}

func samberFlattening(next slog.Handler) slog.Handler {
	return slogformatter.FlattenFormatterMiddlewareOptions{Separator: "."}.NewFlattenFormatterMiddlewareOptions()(next)
}

func ourFlattening(next slog.Handler) slog.Handler {
	return handler.NewRename(next, &handler.RenameOptions{Flatten: "."})
}

func leavesGroups(w wrapper) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(w(s)).Info("m", slog.Group("request", "id", 7))
		return unless(strings.Contains(s.String(), `"request.id":7`), "prints %s", s.printed())
	}
}

func dropsGroup(w wrapper) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(w(s)).WithGroup("request").Info("m", "id", 7)
		return unless(strings.Contains(s.String(), "request"), "prints %s", s.printed())
	}
}

func samberErrors(next slog.Handler) slog.Handler {
	return slogformatter.NewFormatterHandler(slogformatter.ErrorFormatter("error"))(next)
}

func ourErrors(next slog.Handler) slog.Handler { return handler.NewErrorStack(next, nil) }

// inventsStack logs an error that has no stack.
func inventsStack(w wrapper) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(w(s)).Info("m", "error", errRefused)
		text := s.printed()
		if _, stack, ok := strings.Cut(text, `"stacktrace":"`); ok {
			return verdict{true, "prints the stack " + stack[:min(len(stack), 120)]}
		}
		return unless(strings.Contains(text, errRefused.Error()), "prints %s", text)
	}
}

func overwriting(next slog.Handler) slog.Handler { return slogdedup.NewOverwriteHandler(next, nil) }

// sortsKeys has the sink make the handler, where the handler is an encoder itself.
func sortsKeys(build func(s sink) slog.Handler) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		slog.New(build(s)).Info("m", "second", 2, "first", 1)
		return unless(strings.Index(s.String(), "second") < strings.Index(s.String(), "first"), "prints %s", s.printed())
	}
}

func keepsCallersSlice(build func(s sink) slog.Handler) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		attrs := []slog.Attr{slog.String("who", "alice")}
		h := build(s).WithAttrs(attrs)
		attrs[0] = slog.String("who", "mallory")
		slog.New(h).Info("m")
		return unless(strings.Contains(s.String(), "alice"), "prints %s", s.printed())
	}
}

func ourLastWins(s sink) slog.Handler {
	return handler.JSONOptions{
		HandlerOptions: slog.HandlerOptions{ReplaceAttr: timeless}, Duplicates: handler.LastWins,
	}.NewHandler(s.Buffer)
}

// A carrier has attrs of a context, and a handler that prints them.
type carrier struct {
	wrap wrapper
	with func(ctx context.Context, key, value string) context.Context
}

func pumpkin() carrier {
	return carrier{slogcontext.NewHandler, func(ctx context.Context, key, value string) context.Context {
		return slogcontext.WithValue(ctx, key, value)
	}}
}

func ourCarrier() carrier {
	return carrier{
		func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) },
		func(ctx context.Context, key, value string) context.Context {
			return handler.AddAttrs(ctx, slog.String(key, value))
		},
	}
}

func losesInGroup(c carrier) scenario {
	return func(t *testing.T) verdict {
		s := newSink()
		slog.New(c.wrap(s)).WithGroup("request").InfoContext(c.with(t.Context(), "trace_id", "4bf9"), "m", "id", 7)
		return unless(strings.Contains(s.String(), `"trace_id":"4bf9"`), "prints %s", s.printed())
	}
}

func breaksWithoutContext(c carrier) scenario {
	return func(*testing.T) verdict {
		s := newSink()
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		var none context.Context
		_ = c.wrap(s).Handle(none, r)
		return unless(s.String() != "", "prints %s", s.printed())
	}
}

// spoilsRecord hands one record to two handlers that print attrs of a context.
func spoilsRecord(c carrier) scenario {
	return func(t *testing.T) verdict {
		first, second := newSink(), newSink()
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		for i := range 7 {
			r.AddAttrs(slog.Int(string(rune('a'+i)), i))
		}
		r.AddAttrs(slog.Int("h", 7)) // there is room behind it for more
		for _, s := range []sink{first, second} {
			_ = c.wrap(s).Handle(c.with(t.Context(), "trace_id", "4bf9"), r)
		}
		return unless(!strings.Contains(second.String(), "BUG"), "the second one prints %s", second.printed())
	}
}
