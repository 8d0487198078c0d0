package handler_test

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/sluicelog/sluice/handler"
)

// What has several lines stands below the record, behind a gutter that nothing that
// is logged can imitate.
func ExampleConsoleHandler_wide() {
	h := handler.NewConsoleHandler(os.Stdout, &handler.ConsoleOptions{
		ReplaceAttr: noTime, Color: handler.ColorNever, Layout: handler.LayoutWide, Width: 80,
	})
	logger := slog.New(h)
	logger.Info("connected", "host", "10.0.0.7", "port", 5432)
	logger.Error("no connection", "err", errors.Join(errors.New("first: refused"), errors.New("second: timed out")), "attempt", 3)
	logger.Warn("login failed", "user", "root\nINF login succeeded user=root")
	// Output:
	// INF connected                host=10.0.0.7 port=5432
	// ERR no connection            attempt=3
	//   │ err:
	//   │   first: refused
	//   │   second: timed out
	// WRN login failed
	//   │ user:
	//   │   root
	//   │   INF login succeeded user=root
}

func ExampleConsoleOptions_levelName() {
	h := handler.NewConsoleHandler(os.Stdout, &handler.ConsoleOptions{
		ReplaceAttr: noTime, Color: handler.ColorNever, LevelName: handler.LevelName,
	})
	slog.New(h).Log(context.Background(), handler.LevelNotice, "configuration reloaded", "file", "app.yaml")
	// Output:
	// NOTICE configuration reloaded file=app.yaml
}
