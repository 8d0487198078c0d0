package bench

import (
	"context"
	"log/slog"
)

// The attrs of most records of a [Task].
const (
	servedMethod, servedPath = "GET", "/api/v1/customers/4711/orders/18234"
	servedStatus, servedTook = 200, 1234567
	servedID                 = "0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f"
)

// logServed logs a record with five attrs.
func logServed(ctx context.Context, l *slog.Logger, n int) {
	for range n {
		l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("method", servedMethod), slog.String("path", servedPath),
			slog.Int("status", servedStatus), slog.Duration("duration", servedTook), slog.String("request_id", servedID))
	}
}

// served returns what a line of logServed is to say, with more attrs.
func served(more map[string]any) event {
	return event{message: "request served", attrs: merge(map[string]any{
		"method": servedMethod, "path": servedPath, "status": servedStatus, "duration": servedTook, "request_id": servedID,
	}, more)}
}

// logBrief logs a record with two attrs.
func logBrief(ctx context.Context, l *slog.Logger, n int) {
	for range n {
		l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.Int("status", servedStatus), slog.Duration("duration", servedTook))
	}
}

func brief(more map[string]any) event {
	return event{message: "request served", attrs: merge(map[string]any{
		"status": servedStatus, "duration": servedTook,
	}, more)}
}
