package bench

import (
	"context"
	"log/slog"

	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluicelog/sluice/handler"
)

// A keeper is a handler that keeps records, for a sink that is to see them later.
type keeper struct {
	slog.Handler
	replay func(to slog.Handler)
}

// observeChapter is about records that are kept for a test to look at.
func observeChapter() Chapter {
	return Chapter{Name: "records kept for a test", Form: Ratio, Tasks: []*Task{{
		Name: "5 attrs", sinks: 1, log: logServed, want: served(nil),
		Ways: []Way{
			{Name: "zapslog → zaptest/observer", Version: version("go.uber.org/zap"), new: func([]*end) slog.Handler { return newObserver() }},
			{Name: "handler.Test", Version: version("github.com/sluicelog/sluice"), new: func([]*end) slog.Handler { return newTest() }},
		},
	}}}
}

func newTest() keeper {
	h := handler.NewTest(nil, nil)
	return keeper{h, func(to slog.Handler) {
		records := h.Records()
		for i := range records {
			_ = to.Handle(context.Background(), records[i])
		}
	}}
}

func newObserver() keeper {
	core, logs := observer.New(zapcore.InfoLevel)
	return keeper{zapslog.NewHandler(core), func(to slog.Handler) {
		entries := logs.All()
		for i := range entries {
			_ = to.Handle(context.Background(), recordOf(entries[i].Entry, entries[i].Context))
		}
	}}
}

// recordOf returns a record of an entry, which is at INFO.
func recordOf(e zapcore.Entry, fields []zapcore.Field) slog.Record {
	r := slog.NewRecord(e.Time, slog.LevelInfo, e.Message, 0)
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(encoder)
	}
	for key, value := range encoder.Fields {
		r.AddAttrs(slog.Any(key, value))
	}
	return r
}
