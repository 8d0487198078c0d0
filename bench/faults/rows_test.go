package faults_test

import (
	"log/slog"
	"time"

	slogmulti "github.com/samber/slog-multi"

	"github.com/sluicelog/sluice/fanout"
)

// The peers, at v1.8.0 (slog-multi), v1.3.0 (slog-formatter), v0.6.0 (slog-dedup),
// v0.1.2 (slog-context), v1.2.1 (tint), v0.0.17 (devslog) and v1.0.0 (charmbracelet).
func rows() []row {
	fan := func(h ...slog.Handler) slog.Handler { return fanout.NewHandler(nil, h...) }
	failover := func(h ...slog.Handler) slog.Handler { return fanout.NewFailover(nil, h...) }
	multi := func(h ...slog.Handler) slog.Handler { return slog.NewMultiHandler(h...) }
	samberFailover := func(h ...slog.Handler) slog.Handler { return slogmulti.Failover()(h...) }
	return []row{
		{"gives one slice of attrs to all its handlers", "slog.MultiHandler", sharesSlice(multi), "fanout.Handler", sharesSlice(fan)},
		{"lets the panic of a handler end the program", "slog.MultiHandler", letsPanicThrough(multi), "fanout.Handler", letsPanicThrough(fan)},
		{"keeps the record from the handlers after one that panics", "slog.MultiHandler", skipsAfterPanic(multi), "fanout.Handler", skipsAfterPanic(fan)},
		{"panics for a handler that is nil", "slog.MultiHandler", breaksForNil(multi), "fanout.Handler", breaksForNil(fan)},
		{"opens a group without a name", "slog.MultiHandler", opensNamelessGroup(multi), "fanout.Handler", opensNamelessGroup(fan)},

		{"gives one slice of attrs to all its handlers", "slog-multi Failover", sharesSlice(samberFailover), "fanout.Failover", sharesSlice(failover)},
		{"gives one slice of attrs to all its handlers", "slog-multi Pool", sharesSlice(slogmulti.Pool()), "fanout.Handler", sharesSlice(fan)},
		{"panics for a handler that is nil", "slog-multi Fanout", breaksForNil(slogmulti.Fanout), "fanout.Handler", breaksForNil(fan)},
		{"says to nobody that a handler fails", "slog-multi Fanout", failsInSilence(func(_ func(error), h ...slog.Handler) slog.Handler {
			return slogmulti.Fanout(h...)
		}), "fanout.Handler", failsInSilence(func(report func(error), h ...slog.Handler) slog.Handler {
			return fanout.NewHandler(&fanout.Options{OnError: report}, h...)
		})},
		{"says to nobody that a handler fails", "slog-multi Failover", failsInSilence(func(_ func(error), h ...slog.Handler) slog.Handler {
			return samberFailover(h...)
		}), "fanout.Failover", failsInSilence(func(report func(error), h ...slog.Handler) slog.Handler {
			return fanout.NewFailover(&fanout.Options{OnError: report}, h...)
		})},

		{"hands out a stage once: the second handler stands alone", "slog-multi Pipe", losesStage(samberStages), "handler.Rename", losesStage(ourStages)},
		{"swaps the sinks of two routers with one beginning", "slog-multi Router", samberSwaps, "fanout.Handler", ourSwaps},
		{"makes a panic a success, so that a Failover loses the record", "slog-multi RecoverHandlerError", losesBehindRecover(samberRecovering), "handler.Recover", losesBehindRecover(ourRecovering)},
		{"does not find an int", "slog-multi AttrValueIs", misses(samberMatching, "status", 200, "status", 200), "fanout.AttrIs", misses(ourMatching, "status", 200, "status", 200)},
		{"does not look behind a LogValuer", "slog-multi AttrValueIs", misses(samberMatching, "user", "***", "user", masked("bob")), "fanout.AttrIs", misses(ourMatching, "user", "***", "user", masked("bob"))},
		{"panics for values that cannot be compared, and loses the record", "slog-multi AttrValueIs", misses(samberMatching, "ids", []int{1}, "ids", []int{1}), "fanout.AttrIs", misses(ourMatching, "ids", []int{1}, "ids", []int{1})},
		{"does not look into groups", "slog-multi AttrValueIs", misses(samberMatching, "http.method", "GET", slog.Group("http", "method", "GET")), "fanout.AttrIs", misses(ourMatching, "http.method", "GET", slog.Group("http", "method", "GET"))},
		{"takes one attr that comes twice for two", "slog-multi AttrValueIs", matchesHalf(samberBoth), "fanout.And", matchesHalf(ourBoth)},

		{"panics for a LogValuer that does", "slog-formatter", breaksFor(samberFormatting, panicker{}), "handler.Rename", breaksFor(ourRewriting, panicker{})},
		{"panics for a LogValuer that is a nil pointer", "slog-formatter", breaksFor(samberFormatting, (*absent)(nil)), "handler.Rename", breaksFor(ourRewriting, (*absent)(nil))},
		{"hangs for a LogValuer that resolves to itself", "slog-formatter", hangs("slog-formatter", 3*time.Second), "handler.Rename", hangs("sluice", 20*time.Second)},
		{"changes the slice of who calls WithAttrs", "slog-formatter", changesCallersSlice(samberHiding), "handler.Rename", changesCallersSlice(ourHiding)},
		{"prints what is in a group that WithGroup opened", "slog-formatter PII", missesGroup(samberHiding), "handler.Rename", missesGroup(ourHiding)},
		{"leaves the groups of a record as they are", "slog-formatter Flatten", leavesGroups(samberFlattening), "handler.Rename", leavesGroups(ourFlattening)},
		{"drops the name of a group that WithGroup opened", "slog-formatter Flatten", dropsGroup(samberFlattening), "handler.Rename", dropsGroup(ourFlattening)},
		{"takes the stack of the log call for that of an error", "slog-formatter ErrorFormatter", inventsStack(samberErrors), "handler.ErrorStack", inventsStack(ourErrors)},
		{"prints attrs in the order of their keys", "slog-dedup", sortsKeys(func(s sink) slog.Handler { return overwriting(s) }), "handler.JSONHandler", sortsKeys(ourLastWins)},
		{"prints what the caller of WithAttrs puts into his slice later", "slog-dedup", keepsCallersSlice(func(s sink) slog.Handler { return overwriting(s) }), "handler.JSONHandler", keepsCallersSlice(ourLastWins)},
		{"prints no attrs of the context after WithGroup", "PumpkinSeed/slog-context", losesInGroup(pumpkin()), "handler.Context", losesInGroup(ourCarrier())},
		{"panics without a context", "PumpkinSeed/slog-context", breaksWithoutContext(pumpkin()), "handler.Context", breaksWithoutContext(ourCarrier())},
		{"adds to a record that others have, too", "PumpkinSeed/slog-context", spoilsRecord(pumpkin()), "handler.Context", spoilsRecord(ourCarrier())},
		{"lets a newline in a message begin a line", "tint", forgesLine(plainTint), "handler.ConsoleHandler", forgesLine(plainConsole)},
		{"prints the controls of a terminal that are in a message", "tint", printsControls(plainTint), "handler.ConsoleHandler", printsControls(plainConsole)},
		{"leaves out what follows an invalid byte", "tint", losesAfter(plainTint, "\xff"), "handler.ConsoleHandler", losesAfter(plainConsole, "\xff")},
		{"leaves out what follows U+FFFD", "tint", losesAfter(plainTint, "\uFFFD"), "handler.ConsoleHandler", losesAfter(plainConsole, "\uFFFD")},
		{"gives ReplaceAttr the group of a sibling", "tint", mixesGroups(tintReplacing), "handler.ConsoleHandler", mixesGroups(consoleReplacing)},
		{"panics for an error that is a nil pointer", "devslog", breaksForNilError(plainDevslog), "handler.ConsoleHandler", breaksForNilError(plainConsole)},
		{"does not resolve a value that With binds", "devslog", leavesUnresolved(plainDevslog), "handler.ConsoleHandler", leavesUnresolved(plainConsole)},
		{"prints attrs in another order", "devslog", turnsOrder(plainDevslog), "handler.ConsoleHandler", turnsOrder(plainConsole)},
		{"prints no level for one that has no name", "charmbracelet/log", losesLevel(plainCharm), "handler.ConsoleHandler", losesLevel(plainConsole)},
		{"prints groups without their names", "charmbracelet/log", losesGroup(plainCharm), "handler.ConsoleHandler", losesGroup(plainConsole)},
		{"panics for an error that is a nil pointer", "charmbracelet/log, JSON", breaksForNilError(jsonCharm), "handler.JSONHandler", breaksForNilError(plainJSON)},
		{"leaves out attrs called level and time", "charmbracelet/log, JSON", losesReserved(jsonCharm), "handler.JSONHandler", losesReserved(plainJSON)},
	}
}
