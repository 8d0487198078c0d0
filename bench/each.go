package bench

import (
	"log/slog"
	"runtime"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/redact"
)

// eachChapter is about what each handler costs that has nothing to do.
func eachChapter() Chapter {
	module := version("github.com/sluicelog/sluice")
	without := Way{Name: "without", Version: runtime.Version(), new: func(s []*end) slog.Handler { return s[0].handler() }}
	c := Chapter{Name: "each by itself, with nothing to do", Form: Difference}
	for _, h := range []struct {
		name string
		new  func(next slog.Handler) slog.Handler
	}{
		{"fanout.Handler, of one", func(next slog.Handler) slog.Handler { return fanout.NewHandler(nil, next) }},
		{"fanout.Failover, of one", func(next slog.Handler) slog.Handler { return fanout.NewFailover(nil, next) }},
		{"fanout.When, a level", func(next slog.Handler) slog.Handler {
			return fanout.When(fanout.LevelIn(slog.LevelInfo, nil), next)
		}},
		{"handler.Gate", func(next slog.Handler) slog.Handler { return handler.NewGate(next, nil) }},
		{"handler.Context", func(next slog.Handler) slog.Handler { return handler.NewContext(next, nil) }},
		{"handler.Rename, a key", func(next slog.Handler) slog.Handler {
			return handler.NewRename(next, &handler.RenameOptions{Keys: map[string]string{"user.id": "uid"}})
		}},
		{"handler.ErrorStack", func(next slog.Handler) slog.Handler { return handler.NewErrorStack(next, nil) }},
		{"handler.Recover", func(next slog.Handler) slog.Handler { return handler.NewRecover(next, nil) }},
		{"handler.Sample", func(next slog.Handler) slog.Handler {
			return handler.NewSample(next, &handler.SampleOptions{First: everything, Interval: window})
		}},
		{"handler.Trigger", func(next slog.Handler) slog.Handler { return handler.NewTrigger(next, nil) }},
		{"monitor.Handler", func(next slog.Handler) slog.Handler { return monitor.NewHandler(next, nil) }},
		{"redact.Handler", func(next slog.Handler) slog.Handler { return redact.NewHandler(next, nil) }},
	} {
		c.Tasks = append(c.Tasks, &Task{
			Name: h.name, sinks: 1, log: logServed, want: served(nil),
			Ways: []Way{without, {Name: "with it", Version: module, new: func(s []*end) slog.Handler { return h.new(s[0].handler()) }}},
		})
	}
	return c
}
