package handler

import (
	"context"
	"log/slog"
)

type levelKey struct{}

// WithLevel returns a context with a minimum level for what is logged with it,
// such as the records of one request. In each [Gate] with FollowContext that such a
// record comes to, it takes the place of Level and of the rules of [Levels], be it higher
// or lower; Max holds, and so do the levels of the handlers behind the gate. Of two
// contexts in each other the inner one counts.
//
// Only the calls of a logger that take a context carry it, such as
// [slog.Logger.DebugContext].
func WithLevel(ctx context.Context, level slog.Level) context.Context {
	return context.WithValue(ctx, levelKey{}, level)
}

func contextLevel(ctx context.Context) (level slog.Level, ok bool) {
	if ctx == nil {
		return 0, false
	}
	level, ok = ctx.Value(levelKey{}).(slog.Level)
	return level, ok
}
