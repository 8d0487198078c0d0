package handler_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// exampleJSON returns a handler that prints all levels by their names, without times.
func exampleJSON() slog.Handler {
	return handler.JSONOptions{
		HandlerOptions: slog.HandlerOptions{Level: handler.LevelTrace, ReplaceAttr: noTime}, LevelName: handler.LevelName,
	}.NewHandler(os.Stdout)
}

func ExampleLevelName() {
	for _, level := range []slog.Level{handler.LevelNotice, slog.LevelWarn, handler.LevelFail, 5} {
		fmt.Println(level, handler.LevelName(level))
	}
	// Output:
	// INFO+2 NOTICE
	// WARN WARN
	// ERROR+2 FAIL
	// WARN+1 WARN+1
}

func ExampleJSONOptions_levelName() {
	logger := slog.New(exampleJSON())
	logger.Log(context.Background(), handler.LevelNotice, "certificate expires soon", "days", 14)
	// Output:
	// {"level":"NOTICE","msg":"certificate expires soon","days":14}
}

func ExampleNewLevels() {
	levels := handler.NewLevels(
		slog.LevelInfo,
		handler.LevelRule{Package: "github.com/acme/chatty", Level: slog.LevelWarn},
		handler.LevelRule{Logger: "db", Level: slog.LevelDebug},
	)
	logger := slog.New(handler.NewGate(exampleJSON(), &handler.GateOptions{Level: levels}))
	logger.Debug("kept back")
	logger.With("logger", "db.pool").Debug("let through: db covers db.pool")
	levels.Set(slog.LevelDebug) // at once
	logger.Debug("let through")
	// Output:
	// {"level":"DEBUG","msg":"let through: db covers db.pool","logger":"db.pool"}
	// {"level":"DEBUG","msg":"let through"}
}

func ExampleLevels_SetRule() {
	levels := handler.NewLevels(slog.LevelInfo)
	// DEBUG from one package, for the next ten minutes.
	levels.SetRule(handler.LevelRule{Package: "github.com/acme/db", Level: slog.LevelDebug, Until: time.Now().Add(10 * time.Minute)})
	for _, rule := range levels.Rules() {
		fmt.Printf("%q %v, ends: %v\n", rule.Package, rule.Level, !rule.Until.IsZero())
	}
	levels.RemoveRule(handler.LevelRule{Package: "github.com/acme/db"})
	fmt.Println(len(levels.Rules()))
	// Output:
	// "github.com/acme/db" DEBUG, ends: true
	// "" INFO, ends: false
	// 1
}

func ExampleLevels_ServeHTTP() {
	levels := handler.NewLevels(slog.LevelInfo)
	mux := http.NewServeMux()
	mux.Handle("/log/level", levels)
	// curl -X PUT localhost:6060/log/level -d level=debug -d logger=db
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/log/level", strings.NewReader("level=debug&logger=db")))
	fmt.Print(w.Body)
	// Output:
	// {"level":"INFO","rules":[{"logger":"db","level":"DEBUG"}]}
}

// A level from the command line.
func ExampleLevels_Set() {
	levels := handler.NewLevels(slog.LevelInfo)
	flags := flag.NewFlagSet("program", flag.ContinueOnError)
	flags.Func("level", "lowest level to log", func(s string) error {
		level, err := handler.ParseLevel(s)
		if err == nil {
			levels.Set(level)
		}
		return err
	})
	_ = flags.Parse([]string{"-level", "notice"})
	fmt.Println(handler.LevelName(levels.Level()))
	// Output:
	// NOTICE
}

func ExampleWithLevel() {
	logger := slog.New(handler.NewGate(exampleJSON(), &handler.GateOptions{FollowContext: true}))
	ctx := context.Background()
	logger.DebugContext(ctx, "kept back")
	ctx = handler.WithLevel(ctx, slog.LevelDebug) // a middleware does that for a request with a header, say
	logger.DebugContext(ctx, "let through")
	// Output:
	// {"level":"DEBUG","msg":"let through"}
}

func ExampleFatal() { //nolint:testableexamples // it ends the program
	if err := errors.New("address already in use"); err != nil {
		handler.Fatal(context.Background(), slog.Default(), "cannot listen", "err", err)
	}
}
