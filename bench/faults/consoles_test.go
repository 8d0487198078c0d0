package faults_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	charm "github.com/charmbracelet/log"
	"github.com/golang-cz/devslog"
	"github.com/lmittmann/tint"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A printer makes a handler that prints to a writer.
type printer func(io.Writer) slog.Handler

func plainTint(w io.Writer) slog.Handler { return tint.NewTextHandler(w, &tint.Options{NoColor: true}) }

func plainConsole(w io.Writer) slog.Handler {
	return handler.NewConsoleHandler(w, &handler.ConsoleOptions{Color: handler.ColorNever})
}

func plainDevslog(w io.Writer) slog.Handler {
	return devslog.NewHandler(w, &devslog.Options{NoColor: true})
}

func plainCharm(w io.Writer) slog.Handler { return charm.New(w) }

func jsonCharm(w io.Writer) slog.Handler {
	return charm.NewWithOptions(w, charm.Options{Formatter: charm.JSONFormatter, ReportTimestamp: true})
}

func plainJSON(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) }

// prints returns what a handler prints of what is logged.
func (p printer) prints(log func(*slog.Logger)) string {
	var b testlog.Buffer
	log(slog.New(p(&b)))
	return b.String()
}

func forgesLine(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.Info("user bob\n12:00:00.000 ERR stolen") })
		return unless(strings.Count(text, "\n") == 1, "prints %q", text)
	}
}

func printsControls(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.Info("\x1b]0;title\a\x1b[2J") })
		return unless(!strings.ContainsAny(text, "\x1b\a"), "prints %q", text)
	}
}

func losesAfter(p printer, what string) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.Info("m", "k", "before"+what+"after") })
		return unless(strings.Contains(text, "after"), "prints %q", text)
	}
}

type replacing func(io.Writer, func([]string, slog.Attr) slog.Attr) slog.Handler

func tintReplacing(w io.Writer, replace func([]string, slog.Attr) slog.Attr) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{NoColor: true, ReplaceAttr: replace})
}

func consoleReplacing(w io.Writer, replace func([]string, slog.Attr) slog.Attr) slog.Handler {
	return handler.NewConsoleHandler(w, &handler.ConsoleOptions{Color: handler.ColorNever, ReplaceAttr: replace})
}

func mixesGroups(build replacing) scenario {
	return func(*testing.T) verdict {
		var seen []string
		parent := build(io.Discard, func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "k" {
				seen = slices.Clone(groups)
			}
			return a
		}).WithGroup("a").WithGroup("b").WithGroup("c")
		alice := slog.New(parent.WithGroup("alice"))
		_ = parent.WithGroup("bob")
		alice.Info("m", "k", "v")
		return unless(slices.Equal(seen, []string{"a", "b", "c", "alice"}), "alice's attr is in %q", seen)
	}
}

func breaksForNilError(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.Info("m", "cause", error((*wrong)(nil)), "k", "v") })
		return unless(strings.Contains(text, "k"), "prints %q", text)
	}
}

func leavesUnresolved(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.With("token", masked("hunter2")).Info("m") })
		return unless(!strings.Contains(text, "hunter2"), "prints %q", text)
	}
}

func turnsOrder(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.With("first", 1).With("second", 2).Info("m") })
		return unless(strings.Index(text, "first") < strings.Index(text, "second"), "prints %q", text)
	}
}

func losesLevel(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.Log(context.Background(), slog.LevelInfo+1, "m") })
		return unless(strings.Contains(text, "INF"), "prints %q", text)
	}
}

func losesGroup(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.With("a", 1).WithGroup("request").Info("m", "id", 7) })
		return unless(strings.Contains(text, "request.id=7"), "prints %q", text)
	}
}

func losesReserved(p printer) scenario {
	return func(*testing.T) verdict {
		text := p.prints(func(l *slog.Logger) { l.WithGroup("g").Info("m", "level", "gold", "time", "noon") })
		return unless(strings.Contains(text, "gold") && strings.Contains(text, "noon"), "prints %q", text)
	}
}
