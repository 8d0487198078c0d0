package handler_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/sluicelog/sluice/fanout"
	"github.com/sluicelog/sluice/handler"
)

// noTimes drops the times, so that an example has one output.
func noTimes(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		return slog.Attr{}
	}
	return a
}

func ExampleNewSample() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	h := handler.NewSample(json, &handler.SampleOptions{First: 2, Thereafter: 3, Interval: time.Hour})
	logger := slog.New(h)
	for i := range 6 {
		logger.Info("cache miss", "n", i+1)
	}
	logger.Error("cache down") // of ERROR and above, all pass

	// At the end of a program, and otherwise with the first record when the
	// Interval is over.
	if err := handler.Flush(context.Background(), h); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"level":"INFO","msg":"cache miss","n":1}
	// {"level":"INFO","msg":"cache miss","n":2}
	// {"level":"INFO","msg":"cache miss","n":5}
	// {"level":"ERROR","msg":"cache down"}
	// {"level":"INFO","msg":"log records suppressed","suppressed":3,"levels":{"INFO":3}}
}

// A policy for each level: of DEBUG one record a message and minute, of INFO ten a
// minute in all and two at once, of what is above everything.
func ExampleNewSample_levels() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: noTimes})
	debug := handler.NewSample(json, &handler.SampleOptions{First: 1, Interval: time.Minute})
	info := handler.NewSample(json, &handler.SampleOptions{Rate: 10.0 / 60, Burst: 2, Keep: slog.LevelWarn})
	logger := slog.New(fanout.NewHandler(nil,
		handler.NewGate(debug, &handler.GateOptions{Level: slog.LevelDebug, Max: slog.LevelInfo - 1}),
		handler.NewGate(info, nil),
	))
	for i := range 3 {
		logger.Debug("poll", "n", i)
		logger.Info("request", "n", i)
		logger.Warn("slow", "n", i)
	}
	// Output:
	// {"level":"DEBUG","msg":"poll","n":0}
	// {"level":"INFO","msg":"request","n":0}
	// {"level":"WARN","msg":"slow","n":0}
	// {"level":"INFO","msg":"request","n":1}
	// {"level":"WARN","msg":"slow","n":1}
	// {"level":"WARN","msg":"slow","n":2}
}

// All records of a trace, or none of them: the decision is in the trace's id. Here it is
// one of 16 that is kept.
func ExampleSampleOptions_chance() {
	type traceID struct{}
	some := func(ctx context.Context, _ slog.Record) float64 {
		if id, _ := ctx.Value(traceID{}).(string); strings.HasPrefix(id, "0") {
			return 1
		}
		return 0
	}
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	logger := slog.New(handler.NewSample(json, &handler.SampleOptions{Chance: some}))
	for _, id := range []string{"0af7", "b9c7"} {
		ctx := context.WithValue(context.Background(), traceID{}, id)
		logger.InfoContext(ctx, "begin", "trace", id)
		logger.InfoContext(ctx, "end", "trace", id)
	}
	// Output:
	// {"level":"INFO","msg":"begin","trace":"0af7"}
	// {"level":"INFO","msg":"end","trace":"0af7"}
}

// Sampling that an operator turns off for a while.
func ExampleSampleOptions_keep() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	keep := new(slog.LevelVar)
	keep.Set(slog.LevelError)
	logger := slog.New(handler.NewSample(json, &handler.SampleOptions{First: 1, Interval: time.Minute, Keep: keep}))
	logger.Info("tick", "n", 1)
	logger.Info("tick", "n", 2)
	keep.Set(handler.LevelTrace)
	logger.Info("tick", "n", 3)
	// Output:
	// {"level":"INFO","msg":"tick","n":1}
	// {"level":"INFO","msg":"tick","n":3}
}

func ExampleSample_Stats() {
	h := handler.NewSample(slog.DiscardHandler, &handler.SampleOptions{First: 1, Interval: time.Minute})
	for range 3 {
		_ = h.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelInfo, "tick", 0))
	}
	s := h.Stats()
	fmt.Println(s.Accepted, s.Written, s.DroppedByKey, s.DroppedByLevel, s.Untold)
	// Output:
	// 3 1 2 map[INFO:2] 2
}

// A summary in the words of the program, as a record of its own level.
func ExampleSuppressed() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	h := handler.NewSample(json, &handler.SampleOptions{First: 1, Interval: time.Minute, Summary: func(s handler.Suppressed) slog.Record {
		r := slog.NewRecord(s.Until, slog.LevelWarn, "log is sampled", 0)
		r.AddAttrs(slog.Uint64("missing", s.Records))
		return r
	}})
	for range 3 {
		slog.New(h).Info("tick")
	}
	_ = h.Flush(context.Background())
	// Output:
	// {"level":"INFO","msg":"tick"}
	// {"level":"WARN","msg":"log is sampled","missing":2}
}

func ExampleNewDedup() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	h := handler.NewDedup(json, &handler.DedupOptions{Ignore: []string{"attempt"}})
	logger := slog.New(h).With("service", "api")
	for i := range 4 {
		logger.Warn("cannot connect", "host", "db1", "attempt", i+1)
	}
	logger.Warn("cannot connect", "host", "db2", "attempt", 1)

	// When the Window is over, or here:
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"level":"WARN","msg":"cannot connect","service":"api","host":"db1","attempt":1}
	// {"level":"WARN","msg":"cannot connect","service":"api","host":"db2","attempt":1}
	// {"level":"WARN","msg":"cannot connect","service":"api","host":"db1","attempt":2,"repeated":{"count":3}}
}

// What is identical is the program's to say: here, whatever is about one job.
func ExampleDedupOptions_key() {
	json := handler.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTimes})
	job := func(_ context.Context, r slog.Record) (key string) {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "job" {
				key = a.Value.String()
			}
			return true
		})
		return key // none: never collapsed
	}
	h := handler.NewDedup(json, &handler.DedupOptions{Key: job})
	logger := slog.New(h).With("job", "backup")
	logger.Info("step 1")
	logger.Info("step 2")
	logger.Info("step 3")
	s := h.Stats()
	fmt.Println(s.Written, s.Queued)
	// Output:
	// {"level":"INFO","msg":"step 1","job":"backup"}
	// 1 2
}
