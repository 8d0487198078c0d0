package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// noTime drops the time, so that an example has one output.
func noTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

func ExampleNewJSONHandler() {
	logger := slog.New(handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}))
	logger.With("service", "api").WithGroup("http").Info("request", "method", "GET", "status", 200)
	// Output:
	// {"level":"INFO","msg":"request","service":"api","http":{"method":"GET","status":200}}
}

func ExampleJSONOptions_NewHandler() {
	h := handler.JSONOptions{
		HandlerOptions: slog.HandlerOptions{ReplaceAttr: noTime},
		OnError:        func(err error) { fmt.Println("lost a line:", err) },
	}.NewHandler(brokenPipe{})
	slog.New(h).Info("into the void") // slog.Logger throws the error away
	fmt.Printf("%+v\n", h.Stats())
	// Output:
	// lost a line: handler: write: broken pipe
	// {Accepted:1 Written:0 Dropped:1 WrittenBytes:0}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func ExampleNewConsoleHandler() {
	h := handler.NewConsoleHandler(os.Stdout, &handler.ConsoleOptions{ReplaceAttr: noTime, Color: handler.ColorNever})
	slog.New(h).Warn("disk is nearly full\nlevel=ERROR forged", slog.Group("disk", "path", "/var/log", "free", "2 %"))
	// Output:
	// WRN disk is nearly full\nlevel=ERROR forged disk.path=/var/log disk.free="2 %"
}

func ExampleNewGate() {
	console := handler.NewConsoleHandler(os.Stdout, &handler.ConsoleOptions{
		Level: slog.LevelDebug, ReplaceAttr: noTime, Color: handler.ColorNever,
	})
	level := new(slog.LevelVar)
	logger := slog.New(handler.NewGate(console, &handler.GateOptions{Level: level}))
	logger.Debug("kept back")
	level.Set(slog.LevelDebug)
	logger.Debug("let through")
	// Output:
	// DBG let through
}

func ExampleParseLevel() {
	for _, s := range []string{"warning", "INFO+2", "CRITICAL", "loud"} {
		level, err := handler.ParseLevel(s)
		fmt.Println(int(level), level, err != nil)
	}
	// Output:
	// 4 WARN false
	// 2 INFO+2 false
	// 12 ERROR+4 false
	// 0 INFO true
}

func ExampleFlush() {
	var h slog.Handler = handler.NewGate(handler.NewJSONHandler(os.Stdout, nil), nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(handler.Flush(ctx, h))
	// Output:
	// <nil>
}
