package bench

import (
	"context"
	"errors"
	"log/slog"
	"time"

	charm "github.com/charmbracelet/log"
	"github.com/golang-cz/devslog"
	"github.com/lmittmann/tint"
	"github.com/muesli/termenv"
	"github.com/rs/zerolog"

	"github.com/sluicelog/sluice/handler"
)

// consoleChapter is about lines for people, with colors and without. All are left
// at their defaults otherwise.
func consoleChapter() Chapter {
	zerologTimes()
	module := version("github.com/sluicelog/sluice")
	ways := func(color bool) []Way {
		when := handler.ColorNever
		if color {
			when = handler.ColorAlways
		}
		return []Way{
			{Name: "tint", Version: version("github.com/lmittmann/tint"), new: func(s []*end) slog.Handler {
				return tint.NewTextHandler(s[0].w, &tint.Options{NoColor: !color})
			}},
			{Name: "handler.ConsoleHandler", Version: module, new: func(s []*end) slog.Handler {
				return handler.NewConsoleHandler(s[0].w, &handler.ConsoleOptions{Color: when})
			}},
			{Name: "handler.ConsoleHandler, wide", Version: module, severalLines: true, new: func(s []*end) slog.Handler {
				return handler.NewConsoleHandler(s[0].w, &handler.ConsoleOptions{Color: when, Layout: handler.LayoutWide, Width: 120})
			}},
			{Name: "zerolog.ConsoleWriter", Version: version("github.com/rs/zerolog"), new: func(s []*end) slog.Handler {
				return zerolog.NewSlogHandler(zerolog.New(zerolog.ConsoleWriter{Out: s[0].w, NoColor: !color, TimeFormat: time.DateTime}))
			}},
			{Name: "charmbracelet/log", Version: version("github.com/charmbracelet/log"), new: func(s []*end) slog.Handler {
				l := charm.NewWithOptions(s[0].w, charm.Options{ReportTimestamp: true})
				if color {
					l.SetColorProfile(termenv.ANSI256)
				} else {
					l.SetColorProfile(termenv.Ascii)
				}
				return l
			}},
			{Name: "devslog", Version: version("github.com/golang-cz/devslog"), severalLines: true, new: func(s []*end) slog.Handler {
				return devslog.NewHandler(s[0].w, &devslog.Options{NoColor: !color})
			}},
		}
	}
	refused := errors.New("connection refused")
	failed := func(ctx context.Context, l *slog.Logger, n int) {
		for range n {
			l.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request_id", servedID), slog.Any("error", refused))
		}
	}
	fiveTexts := []string{"request served", "method", servedMethod, "path", servedPath, "status", "200", "duration", "request_id", servedID}
	c := Chapter{Name: "consoles", Form: Ratio}
	for _, color := range []bool{true, false} {
		suffix := ", no color"
		if color {
			suffix = ", color"
		}
		c.Tasks = append(c.Tasks,
			&Task{Name: "5 attrs" + suffix, Ways: ways(color), sinks: 1, log: logServed, texts: fiveTexts},
			&Task{
				Name: "With 2, and 5 attrs" + suffix, Ways: ways(color), sinks: 1, log: logServed,
				bind: func(h slog.Handler) slog.Handler {
					return h.WithAttrs([]slog.Attr{slog.String("app", "orders"), slog.Int("instance", 7)})
				},
				texts: append([]string{"app", "orders", "instance", "7"}, fiveTexts...),
			},
			&Task{
				Name: "an error" + suffix, Ways: ways(color), sinks: 1, log: failed,
				texts: []string{"request failed", "request_id", servedID, "error", "connection refused"},
			},
		)
	}
	return c
}
