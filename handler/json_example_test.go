package handler_test

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
)

// jsonLogger returns a logger with these options, and without a time.
func jsonLogger(opts handler.JSONOptions) *slog.Logger {
	opts.ReplaceAttr = noTime
	return slog.New(opts.NewHandler(os.Stdout))
}

func ExampleJSONOptions_duplicates() {
	for _, d := range []handler.Duplicates{
		handler.KeepDuplicates, handler.LastWins, handler.FirstWins, handler.RenameDuplicates,
	} {
		logger := jsonLogger(handler.JSONOptions{Duplicates: d}).With("user", "alice", slog.Group("db", "ms", 3))
		logger.Info("login", "user", "bob", "level", "fake", slog.Group("db", "ms", 4, "rows", 1))
	}
	// Output:
	// {"level":"INFO","msg":"login","user":"alice","db":{"ms":3},"user":"bob","level":"fake","db":{"ms":4,"rows":1}}
	// {"msg":"login","user":"bob","level":"fake","db":{"ms":4,"rows":1}}
	// {"level":"INFO","msg":"login","user":"alice","db":{"ms":3,"rows":1}}
	// {"level":"INFO","msg":"login","user":"alice","db":{"ms":3},"user_2":"bob","level_2":"fake","db_2":{"ms":4,"rows":1}}
}

func ExampleJSONOptions_numbers() {
	for _, null := range []bool{false, true} {
		jsonLogger(handler.JSONOptions{NullNonFinite: null}).Info("load", "avg", math.NaN(), "max", math.Inf(1), "n", 3)
	}
	// Output:
	// {"level":"INFO","msg":"load","avg":"!ERROR:json: unsupported value: NaN","max":"!ERROR:json: unsupported value: +Inf","n":3}
	// {"level":"INFO","msg":"load","avg":null,"max":null,"n":3}
}

// A mark says how much is missing.
func ExampleJSONOptions_maxFieldBytes() {
	logger := jsonLogger(handler.JSONOptions{MaxFieldBytes: 16})
	logger.Info("query", "sql", "SELECT * FROM orders WHERE id = 7", "ids", []int{100001, 100002, 100003}, "n", 1)
	// Output:
	// {"level":"INFO","msg":"query","sql":"SELECT * FROM or…(+17 bytes)","ids":"[100001,100002,1…(+6 bytes)","n":1}
}

// The longest strings are cut, so that the others stay whole.
func ExampleJSONOptions_maxLineBytes() {
	var line strings.Builder
	h := handler.JSONOptions{MaxLineBytes: 1024, HandlerOptions: slog.HandlerOptions{ReplaceAttr: noTime}}.NewHandler(&line)
	slog.New(h).Info("upload", "body", strings.Repeat("x", 5000), "user", "alice")
	text := line.String()
	fmt.Print(len(text) <= 1024, " … ", text[len(text)-60:])
	// Output:
	// true … xxxxxxxxx…(+4066 bytes)","user":"alice","truncated":5056}
}

func ExampleJSONOptions_times() {
	at := time.Date(2026, 11, 21, 23, 30, 59, 120_456_000, time.UTC)
	for _, opts := range []handler.JSONOptions{
		{},
		{TimePrecision: time.Millisecond},
		{TimePrecision: time.Second},
		{TimeFormat: "2006-01-02 15:04:05"},
		{TimeFormat: time.DateTime, TimePrecision: time.Minute},
	} {
		jsonLogger(opts).Info("paid", "at", at)
	}
	// Output:
	// {"level":"INFO","msg":"paid","at":"2026-11-21T23:30:59.120456Z"}
	// {"level":"INFO","msg":"paid","at":"2026-11-21T23:30:59.120Z"}
	// {"level":"INFO","msg":"paid","at":"2026-11-21T23:30:59Z"}
	// {"level":"INFO","msg":"paid","at":"2026-11-21 23:30:59"}
	// {"level":"INFO","msg":"paid","at":"2026-11-21 23:30:00"}
}

// ReplaceAttr comes first, so that the names it gives are looked at as well.
func ExampleJSONOptions_replaceAttr() {
	h := handler.JSONOptions{Duplicates: handler.LastWins, HandlerOptions: slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.MessageKey {
				a.Key = "message"
			}
			return noTime(groups, a)
		},
	}}.NewHandler(os.Stdout)
	slog.New(h).Info("cache", "message", "miss", "key", "k1")
	// Output:
	// {"level":"INFO","message":"miss","key":"k1"}
}
