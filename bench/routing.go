package bench

import (
	"context"
	"log/slog"
	"runtime"

	slogmulti "github.com/samber/slog-multi"

	"github.com/sluicelog/sluice/fanout"
)

// routeChapter is about records that go where a condition holds, which for most of
// the tasks is everywhere: it is the condition that is to be timed.
func routeChapter() Chapter {
	module, multi := version("github.com/sluicelog/sluice"), version("github.com/samber/slog-multi")
	all := Way{Name: "slog.MultiHandler, no condition", Version: runtime.Version(), new: multiHandler}
	when := func(match fanout.Match) Way {
		return Way{Name: "fanout.When", Version: module, new: func(s []*end) slog.Handler {
			branches := handlers(s)
			for i, h := range branches {
				branches[i] = fanout.When(match, h)
			}
			return fanout.NewHandler(nil, branches...)
		}}
	}
	router := func(predicate func(context.Context, slog.Record) bool) Way {
		return Way{Name: "slog-multi Router", Version: multi, new: func(s []*end) slog.Handler {
			r := slogmulti.Router()
			for _, h := range handlers(s) {
				r = r.Add(h, predicate)
			}
			return r.Handler()
		}}
	}
	bindTenant := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.String("app", "orders"), slog.String("tenant", "acme-corp")})
	}
	bound := map[string]any{"app": "orders", "tenant": "acme-corp"}
	c := Chapter{Name: "routing", Form: Ratio}
	for _, encodes := range []bool{true, false} {
		suffix := ", 4 " + kind(encodes)
		c.Tasks = append(c.Tasks,
			&Task{
				Name: "an attr of the record" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil),
				Ways: []Way{
					all, when(fanout.AttrIs("request_id", servedID)),
					router(slogmulti.AttrValueIs("request_id", servedID)),
				},
			},
			&Task{
				Name: "an attr of With" + suffix, sinks: 4, encodes: encodes, bind: bindTenant, log: logServed, want: served(bound),
				Ways: []Way{
					all, when(fanout.AttrIs("tenant", "acme-corp")),
					router(slogmulti.AttrValueIs("tenant", "acme-corp")),
				},
			},
			&Task{
				Name: "an attr that is not there" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil),
				Ways: []Way{
					all, when(fanout.Not(fanout.HasAttr("audit"))),
					router(func(ctx context.Context, r slog.Record) bool {
						return !slogmulti.AttrKindIs("audit", slog.KindBool)(ctx, r)
					}),
				},
			},
			&Task{
				Name: "the message" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil),
				Ways: []Way{
					all, when(fanout.MessageIs("request served")),
					router(slogmulti.MessageIs("request served")),
				},
			},
			&Task{
				Name: "the level" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil),
				Ways: []Way{
					all, when(fanout.LevelIn(slog.LevelInfo, nil)),
					router(slogmulti.LevelIs(slog.LevelInfo, slog.LevelWarn, slog.LevelError)),
				},
			},
			&Task{
				Name: "the package" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil),
				Ways: []Way{all, when(fanout.InPackage("github.com/sluicelog/sluice/bench"))},
			},
		)
	}
	return c
}

// choiceChapter is about records for one handler of several.
func choiceChapter() Chapter {
	module, multi := version("github.com/sluicelog/sluice"), version("github.com/samber/slog-multi")
	one := Way{Name: "the sink alone", Version: runtime.Version(), new: func(s []*end) slog.Handler { return s[0].handler() }}
	first := func(sink, _ int) bool { return sink == 0 }
	c := Chapter{Name: "one of several", Form: Ratio}
	for _, encodes := range []bool{true, false} {
		suffix := ", " + kind(encodes)
		c.Tasks = append(c.Tasks,
			&Task{
				Name: "the second of 4 conditions holds" + suffix, sinks: 4, encodes: encodes, log: logServed, want: served(nil), arrives: first,
				Ways: []Way{
					one,
					{Name: "fanout.FirstMatch", Version: module, new: func(s []*end) slog.Handler {
						return fanout.NewFirstMatch(nil,
							fanout.When(fanout.AttrIs("request_id", "another"), s[1].handler()),
							fanout.When(fanout.AttrIs("request_id", servedID), s[0].handler()),
							fanout.When(fanout.MessageIs("request refused"), s[2].handler()),
							s[3].handler())
					}},
					{Name: "slog-multi FirstMatch", Version: multi, new: func(s []*end) slog.Handler {
						return slogmulti.Router().
							Add(s[1].handler(), slogmulti.AttrValueIs("request_id", "another")).
							Add(s[0].handler(), slogmulti.AttrValueIs("request_id", servedID)).
							Add(s[2].handler(), slogmulti.MessageIs("request refused")).
							Add(s[3].handler()).FirstMatch().Handler()
					}},
				},
			},
			&Task{
				Name: "the first of 2 takes all" + suffix, sinks: 2, encodes: encodes, log: logServed, want: served(nil), arrives: first,
				Ways: []Way{
					one,
					{Name: "fanout.Failover", Version: module, new: func(s []*end) slog.Handler {
						return fanout.NewFailover(nil, handlers(s)...)
					}},
					{Name: "slog-multi Failover", Version: multi, new: func(s []*end) slog.Handler {
						return slogmulti.Failover()(handlers(s)...)
					}},
				},
			},
		)
	}
	return c
}
