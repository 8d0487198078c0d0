package bench

import (
	"context"
	"log/slog"
	"runtime"

	slogcontext "github.com/PumpkinSeed/slog-context"

	"github.com/sluicelog/sluice/handler"
)

// contextChapter is about attrs that the context has for a record, at the top
// level.
func contextChapter() Chapter {
	module, pumpkin := version("github.com/sluicelog/sluice"), version("github.com/PumpkinSeed/slog-context")
	added := []slog.Attr{slog.String("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"), slog.String("tenant", "acme-corp")}
	want := map[string]any{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "tenant": "acme-corp"}
	ways := func(attrs []slog.Attr) []Way {
		return []Way{
			{Name: "no context, bound by With", Version: runtime.Version(), new: func(s []*end) slog.Handler {
				if len(attrs) == 0 {
					return s[0].handler()
				}
				return s[0].handler().WithAttrs(attrs)
			}},
			{
				Name: "handler.Context", Version: module,
				new: func(s []*end) slog.Handler { return handler.NewContext(s[0].handler(), nil) },
				ctx: func() context.Context { return handler.AddAttrs(context.Background(), attrs...) },
			},
			{
				Name: "PumpkinSeed/slog-context", Version: pumpkin,
				new: func(s []*end) slog.Handler { return slogcontext.NewHandler(s[0].handler()) },
				ctx: func() context.Context {
					if len(attrs) == 0 {
						return context.Background()
					}
					ctx := slogcontext.WithValue(context.Background(), attrs[0].Key, attrs[0].Value.String())
					return slogcontext.WithValue(ctx, attrs[1].Key, attrs[1].Value.String())
				},
			},
		}
	}
	bindApp := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("app", "orders"), slog.String("version", "v1.42.0")})
	}
	app := map[string]any{"app": "orders", "version": "v1.42.0"}
	openGroup := func(h slog.Handler) slog.Handler { return bindApp(h).WithGroup("request") }
	boundInGroup := func(h slog.Handler) slog.Handler {
		return openGroup(h).WithAttrs([]slog.Attr{slog.String("client", "10.20.30.40")})
	}
	grouped := func(attrs map[string]any) event {
		return event{message: "request served", attrs: merge(app, want, map[string]any{"request": attrs})}
	}
	return Chapter{Name: "attrs of the context", Form: Ratio, Tasks: []*Task{
		{Name: "none", Ways: ways(nil), sinks: 1, encodes: true, log: logServed, want: served(nil)},
		{Name: "2, and 2 attrs", Ways: ways(added), sinks: 1, encodes: true, log: logBrief, want: brief(want)},
		{Name: "2, and 5 attrs", Ways: ways(added), sinks: 1, encodes: true, log: logServed, want: served(want)},
		{
			Name: "2, With 2, and 2 attrs", Ways: ways(added), sinks: 1, encodes: true, bind: bindApp,
			log: logBrief, want: brief(merge(app, want)),
		},
		{
			Name: "2, With 2, WithGroup, and 2 attrs", Ways: ways(added), sinks: 1, encodes: true, bind: openGroup,
			log: logBrief, want: grouped(brief(nil).attrs),
		},
		{
			Name: "2, With 2, WithGroup, With 1, and 2 attrs", Ways: ways(added), sinks: 1, encodes: true, bind: boundInGroup,
			log: logBrief, want: grouped(brief(map[string]any{"client": "10.20.30.40"}).attrs),
		},
	}}
}
