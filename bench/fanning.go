package bench

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	slogmulti "github.com/samber/slog-multi"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

// fanChapter is about one record for several handlers.
func fanChapter() Chapter {
	module, multi := version("github.com/sluicelog/sluice"), version("github.com/samber/slog-multi")
	ways := []Way{
		{Name: "slog.MultiHandler", Version: runtime.Version(), new: multiHandler},
		{Name: "fanout.Handler", Version: module, new: func(s []*end) slog.Handler {
			return fanout.NewHandler(nil, handlers(s)...)
		}},
		{Name: "slog-multi Fanout", Version: multi, new: func(s []*end) slog.Handler {
			return slogmulti.Fanout(handlers(s)...)
		}},
	}
	c := Chapter{Name: "fan-out", Form: Ratio}
	for _, encodes := range []bool{true, false} {
		for _, n := range []int{2, 4, 8} {
			c.Tasks = append(c.Tasks, &Task{
				Name: fmt.Sprintf("%d %s", n, kind(encodes)), Ways: ways,
				sinks: n, encodes: encodes, log: logServed, want: served(nil),
			})
		}
	}
	return c
}

func multiHandler(s []*end) slog.Handler { return slog.NewMultiHandler(handlers(s)...) }

func kind(encodes bool) string {
	if encodes {
		return "sinks that write JSON"
	}
	return "sinks that do nothing"
}

// disabledChapter is about a log call at a level that no sink wants.
func disabledChapter() Chapter {
	module, multi := version("github.com/sluicelog/sluice"), version("github.com/samber/slog-multi")
	warn := func(s []*end) []slog.Handler {
		all := make([]slog.Handler, len(s))
		for i := range s {
			all[i] = s[i].at(slog.LevelWarn)
		}
		return all
	}
	gates := func(s []*end, follow bool) []slog.Handler {
		all := make([]slog.Handler, len(s))
		for i := range s {
			all[i] = handler.NewGate(s[i].handler(), &handler.GateOptions{Level: slog.LevelWarn, FollowContext: follow})
		}
		return all
	}
	gated := func(name string, follow bool) Way {
		return Way{Name: name, Version: module, new: func(s []*end) slog.Handler {
			return fanout.NewHandler(nil, gates(s, follow)...)
		}}
	}
	ways := []Way{
		{Name: "slog.JSONHandler", Version: runtime.Version(), new: func(s []*end) slog.Handler { return warn(s)[0] }},
		{Name: "slog.MultiHandler", Version: runtime.Version(), new: func(s []*end) slog.Handler {
			return slog.NewMultiHandler(warn(s)...)
		}},
		{Name: "slog-multi Fanout", Version: multi, new: func(s []*end) slog.Handler {
			return slogmulti.Fanout(warn(s)...)
		}},
		{Name: "fanout.Handler", Version: module, new: func(s []*end) slog.Handler {
			return fanout.NewHandler(nil, warn(s)...)
		}},
		gated("fanout.Handler → 4 handler.Gate", false),
		gated("the same, FollowContext", true),
		{Name: "redact.Handler → fanout.Handler → 4 handler.Gate", Version: module, new: func(s []*end) slog.Handler {
			return redact.NewHandler(fanout.NewHandler(nil, gates(s, false)...), nil)
		}},
	}
	deep := slices.Clone(ways)
	for i := range deep {
		deep[i].ctx = deepContext
	}
	log := func(ctx context.Context, l *slog.Logger, n int) {
		for range n {
			l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("request_id", servedID))
		}
	}
	never := func(int, int) bool { return false }
	return Chapter{Name: "a disabled level", Form: Absolute, Tasks: []*Task{
		{Name: "4 sinks, of which none wants it", Ways: ways, sinks: 4, encodes: true, log: log, arrives: never},
		{Name: "the same, in a context of 8 values", Ways: deep, sinks: 4, encodes: true, log: log, arrives: never},
	}}
}

// deepContext returns a context like that of a request behind a few layers.
func deepContext() context.Context {
	type key int
	ctx := context.Background()
	for i := range 8 {
		ctx = context.WithValue(ctx, key(i), i) //nolint:fatcontext // its depth is what is to be timed
	}
	return ctx
}
