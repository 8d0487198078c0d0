package thirdparty_test

import (
	"log/slog"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// TestZapslog has a core of zap, and TestZerolog a logger of zerolog, as one of two sinks.
func TestZapslog(t *testing.T) {
	var lines, ours testlog.Buffer
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		LevelKey: "level", EncodeLevel: zapcore.LowercaseLevelEncoder, MessageKey: "msg", LineEnding: "\n",
	})
	core := zapcore.NewCore(encoder, zapcore.AddSync(&lines), zap.DebugLevel)
	talk(t.Context(), behind(zapslog.NewHandler(core, zapslog.AddStacktraceAt(slog.LevelError+1)), &ours))
	sink(t, &lines, &ours, []string{
		`{"level":"info","msg":"top","app":"shop","dsn":"amqp://app:[REDACTED]@mq/","id":1}`,
		`{"level":"warn","msg":"grouped","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
			`"db":{"shard":3,"id":2,"args":{"n":7,"password":"[REDACTED]"}}}`,
		`{"level":"error","msg":"nested","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
			`"db":{"shard":3,"table":{"name":"users","err":"token=[REDACTED]"}}}`,
		`{"level":"info","msg":"sibling","app":"shop","dsn":"amqp://app:[REDACTED]@mq/",` +
			`"db":{"shard":3,"table":{"name":"orders","id":4}}}`,
	})
}

func TestZerolog(t *testing.T) {
	var lines, ours testlog.Buffer
	talk(t.Context(), behind(zerolog.NewSlogHandler(zerolog.New(&lines)), &ours))
	sink(t, &lines, &ours, []string{
		`{"level":"info","app":"shop","dsn":"amqp://app:[REDACTED]@mq/","id":1,"message":"top"}`,
		`{"level":"warn","db.app":"shop","db.dsn":"amqp://app:[REDACTED]@mq/","db.shard":3,"db.id":2,` +
			`"db.args.n":7,"db.args.password":"[REDACTED]","message":"grouped"}`,
		`{"level":"error","db.table.app":"shop","db.table.dsn":"amqp://app:[REDACTED]@mq/","db.table.shard":3,` +
			`"db.table.name":"users","db.table.err":"token=[REDACTED]","message":"nested"}`,
		`{"level":"info","db.table.app":"shop","db.table.dsn":"amqp://app:[REDACTED]@mq/","db.table.shard":3,` +
			`"db.table.name":"orders","db.table.id":4,"message":"sibling"}`,
	})
}

// behind returns a pipeline whose sinks are another handler and one of ours.
func behind(other slog.Handler, ours *testlog.Buffer) slog.Handler {
	return redact.NewHandler(fanout.NewHandler(nil,
		handler.NewGate(other, nil),
		handler.NewGate(handler.NewJSONHandler(ours, nil), nil),
	), nil)
}

// sink compares the lines of a sink, and those of the one beside it.
func sink(t *testing.T, lines, ours *testlog.Buffer, want []string) {
	t.Helper()
	compare(t, want, plain(whole(t, "lines", lines), `"time":"[^"]*",`, ``))
	if got := len(whole(t, "ours", ours)); got != len(want) {
		t.Errorf("%d lines beside it, want %d", got, len(want))
	}
}
