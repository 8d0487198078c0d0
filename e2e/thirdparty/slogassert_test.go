package thirdparty_test

import (
	"log/slog"
	"testing"

	"github.com/thejerf/slogassert"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
)

// TestSlogassert asserts on records before the pipeline and behind its wrappers.
func TestSlogassert(t *testing.T) {
	p := newPipeline(t, slog.LevelInfo)
	before := slogassert.New(t, slog.LevelInfo, p)
	talk(t.Context(), before)
	before.AssertPrecise(slogassert.LogMessageMatch{
		Message: "nested", Level: slog.LevelError, Attrs: map[string]any{"db.table.name": "users", "app": "shop"},
	})
	for _, message := range []string{"top", "grouped", "sibling"} {
		before.AssertMessage(message)
	}
	before.AssertEmpty()
	p.check(t, talked)

	after := slogassert.New(t, slog.LevelDebug, nil)
	defer after.AssertEmpty()
	h := redact.NewHandler(handler.NewGate(after, nil), nil)
	talk(t.Context(), h)
	after.AssertPrecise(slogassert.LogMessageMatch{
		Message: "grouped", Level: slog.LevelWarn, AllAttrsMatch: true, Attrs: map[string]any{
			"app": "shop", "dsn": "amqp://app:[REDACTED]@mq/", "db.shard": 3, "db.id": 2, "db.args.n": 7, "db.args.password": "[REDACTED]",
		},
	})
	after.AssertPrecise(slogassert.LogMessageMatch{Message: "sibling", Level: handler.LevelNotice, Attrs: map[string]any{"db.table.name": "orders"}})
	for _, message := range []string{"top", "nested"} {
		after.AssertMessage(message)
	}
}
