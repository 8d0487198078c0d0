package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"time"

	slogformatter "github.com/samber/slog-formatter"
	slogdedup "github.com/veqryn/slog-dedup"

	"github.com/sluicelog/sluice/handler"
)

// rewriteChapter is about attrs that are printed as others than they were logged.
func rewriteChapter() Chapter {
	module, formatter := version("github.com/sluicelog/sluice"), version("github.com/samber/slog-formatter")
	renamed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "request_id" {
			a.Key = "id"
		}
		return a
	}
	inWords := func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}
	replaceAttr := func(f func([]string, slog.Attr) slog.Attr) Way {
		return Way{Name: "slog.JSONHandler, ReplaceAttr", Version: runtime.Version(), new: func(s []*end) slog.Handler {
			return slog.NewJSONHandler(s[0].w, &slog.HandlerOptions{ReplaceAttr: f})
		}}
	}
	rename := func(name string, o handler.RenameOptions) Way {
		return Way{Name: name, Version: module, new: func(s []*end) slog.Handler {
			return handler.NewRename(s[0].handler(), &o)
		}}
	}
	formatted := func(f slogformatter.Formatter) Way {
		return Way{Name: "slog-formatter", Version: formatter, new: func(s []*end) slog.Handler {
			return slogformatter.NewFormatterHandler(f)(s[0].handler())
		}}
	}
	durations := func() slogformatter.Formatter {
		return slogformatter.FormatByKind(slog.KindDuration, func(v slog.Value) slog.Value {
			return slog.StringValue(v.Duration().String())
		})
	}
	plain := Way{Name: "nothing", Version: runtime.Version(), new: func(s []*end) slog.Handler { return s[0].handler() }}
	refused := errors.New("connection refused")
	logFailed := func(ctx context.Context, l *slog.Logger, n int) {
		for range n {
			l.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request_id", servedID), slog.Any("error", refused))
		}
	}
	id := served(map[string]any{"id": servedID})
	delete(id.attrs, "request_id")
	return Chapter{Name: "rewriting attrs", Form: Ratio, Tasks: []*Task{
		{
			Name: "a key, of 5 attrs", sinks: 1, encodes: true, log: logServed, want: id,
			Ways: []Way{
				replaceAttr(renamed),
				rename("handler.Rename, Keys", handler.RenameOptions{Keys: map[string]string{"request_id": "id"}}),
				rename("handler.Rename, Replace", handler.RenameOptions{Replace: renamed}),
			},
		},
		{
			Name: "the values of a kind, of 5 attrs", sinks: 1, encodes: true, log: logServed,
			want: served(map[string]any{"duration": time.Duration(servedTook).String()}),
			Ways: []Way{
				replaceAttr(inWords),
				rename("handler.Rename, Replace", handler.RenameOptions{Replace: inWords}),
				formatted(durations()),
			},
		},
		{
			Name: "5 attrs, none of which it is for", sinks: 1, encodes: true, log: logServed, want: served(nil),
			Ways: []Way{
				plain,
				replaceAttr(func(_ []string, a slog.Attr) slog.Attr { return a }),
				rename("handler.Rename, Keys", handler.RenameOptions{Keys: map[string]string{"user.id": "uid"}}),
				rename("handler.Rename, Replace", handler.RenameOptions{Replace: func(_ []string, a slog.Attr) slog.Attr { return a }}),
				formatted(slogformatter.FormatByKey("user", func(v slog.Value) slog.Value { return v })),
			},
		},
		{
			Name: "an error as message and type", sinks: 1, encodes: true, log: logFailed,
			texts: []string{"request failed", "connection refused"},
			Ways: []Way{
				plain,
				{Name: "handler.ErrorStack", Version: module, new: func(s []*end) slog.Handler {
					return handler.NewErrorStack(s[0].handler(), nil)
				}},
				formatted(slogformatter.ErrorFormatter("error")),
			},
		},
	}}
}

// duplicateChapter is about keys that come twice, of which the last is to be printed.
func duplicateChapter() Chapter {
	module := version("github.com/sluicelog/sluice")
	ways := []Way{
		{Name: "slog.JSONHandler", Version: runtime.Version(), repeats: true, new: func(s []*end) slog.Handler { return s[0].handler() }},
		{Name: "handler.JSONHandler", Version: module, repeats: true, new: func(s []*end) slog.Handler {
			return handler.NewJSONHandler(s[0].w, nil)
		}},
		{Name: "handler.JSONHandler, LastWins", Version: module, new: func(s []*end) slog.Handler { return lastWins(s[0].w) }},
		{
			Name: "slog-dedup Overwrite", Version: version("github.com/veqryn/slog-dedup"),
			new: func(s []*end) slog.Handler { return slogdedup.NewOverwriteHandler(s[0].handler(), nil) },
		},
	}
	bindPart := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("app", "orders"), slog.String("part", "api")})
	}
	bindStatus := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("app", "orders"), slog.Int("status", 0)})
	}
	keys := []string{"method", "path", "status", "duration", "request_id", "app"}
	return Chapter{Name: "keys that come twice", Form: Ratio, Tasks: []*Task{
		{
			Name: "With 2, and 5 attrs, none twice", Ways: ways, sinks: 1, encodes: true, log: logServed, once: keys,
			bind: bindPart, want: served(map[string]any{"app": "orders", "part": "api"}),
		},
		{
			Name: "With 2, and 5 attrs, one twice", Ways: ways, sinks: 1, encodes: true, log: logServed, once: keys,
			bind: bindStatus, want: served(map[string]any{"app": "orders"}),
		},
	}}
}

func lastWins(w io.Writer) slog.Handler {
	return handler.JSONOptions{Duplicates: handler.LastWins}.NewHandler(w)
}
