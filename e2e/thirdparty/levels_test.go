package thirdparty_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// off is above all levels.
const off = slog.Level(1 << 20)

// TestLevelsByPackage lets only the records of one library pass, and then all but
// those, by a rule for the package that the source of its records is in.
func TestLevelsByPackage(t *testing.T) {
	for _, tt := range []struct {
		pkg  string
		file string // of the package, which the lines must name
		use  func(*testing.T, slog.Handler)
	}{
		{"github.com/hashicorp/go-retryablehttp", "client.go", useRetryablehttp},
		{"github.com/twmb/franz-go", "kslog.go", useFranzGo},
		{"github.com/ThreeDotsLabs/watermill", "slog.go", useWatermill},
		{"go.opentelemetry.io/otel", "internal_logging.go", useOpenTelemetry},
		{"net/http", "server.go", useServer},
		{"github.com/go-chi/httplog/v3", "middleware.go", useHTTPLog},
		{"github.com/sluicelog/sluice/e2e/thirdparty_test", "grpc_test.go", useGRPC}, // that of the adapter
		{"github.com/sluicelog/sluice/e2e/*", "pgx_test.go", usePgx},
	} {
		t.Run(tt.pkg, func(t *testing.T) {
			ofLibrary := func(line string) bool { return strings.Contains(line, "/"+tt.file+`","line":`) }
			only := under(t, handler.NewLevels(off, handler.LevelRule{Package: tt.pkg, Level: handler.LevelTrace}), tt.use)
			for _, line := range only {
				if !ofLibrary(line) {
					t.Errorf("a rule for the package lets pass %s", line)
				}
			}
			if len(only) == 0 {
				t.Error("a rule for the package lets nothing pass")
			}
			for _, line := range under(t, handler.NewLevels(handler.LevelTrace, handler.LevelRule{Package: tt.pkg, Level: off}), tt.use) {
				if ofLibrary(line) {
					t.Errorf("a rule against the package lets pass %s", line)
				}
			}
			if lines := under(t, handler.NewLevels(off, handler.LevelRule{Package: "example.com/other", Level: handler.LevelTrace}), tt.use); len(lines) > 0 {
				t.Errorf("a rule for another package lets pass %s", lines)
			}
		})
	}
}

// TestLevelsByLogger does so by the attr "logger", which an adapter that hides who
// called it can still bind, and which logr calls the names of its loggers.
func TestLevelsByLogger(t *testing.T) {
	only := func(logger string, use func(*testing.T, slog.Handler)) []string {
		lines := under(t, handler.NewLevels(off, handler.LevelRule{Logger: logger, Level: slog.LevelInfo}), use)
		var messages []string
		for _, line := range lines {
			var r struct{ Msg string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			messages = append(messages, r.Msg)
		}
		return messages
	}
	compare(t, []string{"Connect", "Query", "Query", "Query", "Connect"}, only("pgx", usePgx))
	compare(t, nil, only("kafka", usePgx))
	names := func(_ *testing.T, h slog.Handler) {
		logger := logr.FromSlogHandler(h)
		logger.Info("none")
		logger.WithName("db").Info("db")
		logger.WithName("db").WithName("pool").Info("db/pool")
		logger.WithName("db").WithName("pool").V(1).Info("below INFO")
		logger.WithName("dbx").Error(errors.New("x"), "dbx")
		logger.WithValues("logger", "db.wal").Error(errors.New("x"), "db.wal")
	}
	compare(t, []string{"db", "db/pool", "db.wal"}, only("db", names))
	compare(t, []string{"db/pool"}, only("*/pool", names))
}

// under runs a library into a pipeline with a gate that has levels, both before and
// behind a buffer of records, and returns what has passed.
func under(t *testing.T, levels *handler.Levels, use func(*testing.T, slog.Handler)) []string {
	t.Helper()
	var lines, records testlog.Buffer
	options := handler.JSONOptions{}
	options.AddSource, options.Level = true, handler.LevelTrace
	gate := &handler.GateOptions{Level: levels}
	buffer := asyncbuf.NewHandler(handler.NewGate(options.NewHandler(&records), gate), nil)
	h := redact.NewHandler(fanout.NewHandler(nil, handler.NewGate(options.NewHandler(&lines), gate), buffer), nil)
	t.Run("run", func(t *testing.T) {
		testlog.CheckGoroutines(t) // waits until nothing can log any more
		use(t, h)
	})
	if err := buffer.Close(); err != nil {
		t.Error(err)
	}
	passed := whole(t, "lines", &lines)
	if n := len(whole(t, "records", &records)); n != len(passed) {
		t.Errorf("%d lines, and %d behind a buffer", len(passed), n)
	}
	return passed
}
