package bench

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/sluicelog/sluice/handler"
)

// gateChapter is about what rules for packages and loggers cost a record.
func gateChapter() Chapter {
	module := version("github.com/sluicelog/sluice")
	rules := func(logger string) []handler.LevelRule {
		all := make([]handler.LevelRule, 0, 20)
		for i := range 19 {
			all = append(all, handler.LevelRule{Package: fmt.Sprintf("github.com/acme/orders/part%d", i), Level: slog.LevelWarn})
		}
		all = append(all, handler.LevelRule{Package: "github.com/sluicelog/*", Level: slog.LevelInfo})
		if logger != "" {
			all[0] = handler.LevelRule{Logger: logger, Level: slog.LevelInfo}
		}
		return all
	}
	gate := func(name string, level slog.Leveler) Way {
		return Way{Name: name, Version: module, new: func(s []*end) slog.Handler {
			return handler.NewGate(s[0].handler(), &handler.GateOptions{Level: level})
		}}
	}
	loggerRules := rules("orders.db")
	ways := []Way{
		gate("handler.Gate", slog.LevelInfo),
		gate("no rules", handler.NewLevels(slog.LevelInfo)),
		gate("20 rules for packages", handler.NewLevels(slog.LevelInfo, rules("")...)),
		gate("19, and one for a logger", handler.NewLevels(slog.LevelInfo, loggerRules...)),
	}
	return Chapter{Name: "rules of a gate", Form: Difference, Tasks: []*Task{
		{Name: "a record that passes", sinks: 1, Ways: ways, log: logServed, want: served(nil)},
		{
			Name: "the same, of a logger with a name", sinks: 1, Ways: slices.Clone(ways), log: logServed,
			bind: func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.String("logger", "orders.db")}) },
			want: served(map[string]any{"logger": "orders.db"}),
		},
	}}
}
