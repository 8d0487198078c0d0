package thirdparty_test

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sluicelog/sluice/handler"
)

// talk logs what shows whether a handler, in front or behind, gets With, WithGroup,
// levels, siblings and secrets right.
func talk(ctx context.Context, h slog.Handler) {
	logger := slog.New(h).With("app", "shop", "dsn", "amqp://app:"+secret+"@mq/")
	db := logger.WithGroup("db").With("shard", 3)
	orders, users := db.WithGroup("table").With("name", "orders"), db.WithGroup("table").With("name", "users")
	logger.InfoContext(ctx, "top", "id", 1)
	db.WarnContext(ctx, "grouped", "id", 2, slog.Group("args", "n", 7, "password", secret))
	users.ErrorContext(ctx, "nested", "err", errors.New("token="+secret))
	orders.Log(ctx, handler.LevelNotice, "sibling", "id", 4)
	users.DebugContext(ctx, "not for INFO")
}

// talked is what handlers of ours write of it.
var talked = []string{
	`{"level":"INFO","source":"caller talk_test.go","msg":"top","app":"shop","dsn":"amqp://app:[REDACTED]@mq/","id":1}`,
	`{"level":"WARN","source":"caller talk_test.go","msg":"grouped","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
		`"db":{"shard":3,"id":2,"args":{"n":7,"password":"[REDACTED]"}}}`,
	`{"level":"ERROR","source":"caller talk_test.go","msg":"nested","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
		`"db":{"shard":3,"table":{"name":"users","err":"token=[REDACTED]"}}}`,
	`{"level":"INFO+2","source":"caller talk_test.go","msg":"sibling","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
		`"db":{"shard":3,"table":{"name":"orders","id":4}}}`,
}
