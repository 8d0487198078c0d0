package sluice_test

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// tempDir returns a new directory and what removes it.
func tempDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "sluice")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// timeless drops the time of records, so that an example has one output.
type timeless struct{ next slog.Handler }

func withoutTime(next slog.Handler) slog.Handler { return timeless{next} }

func (t timeless) Enabled(ctx context.Context, level slog.Level) bool {
	return t.next.Enabled(ctx, level)
}

func (t timeless) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return t.next.Handle(ctx, r)
}

func (t timeless) WithAttrs(attrs []slog.Attr) slog.Handler { return timeless{t.next.WithAttrs(attrs)} }

func (t timeless) WithGroup(name string) slog.Handler { return timeless{t.next.WithGroup(name)} }
