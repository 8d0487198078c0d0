// Benchmark is "Benchmarking Your Setup" of the production guide: 10,000 records
// through a setup, and how many of them it logs in a second. The clock stops when
// the last line is in the file, not when it is in a buffer, and the file is counted
// afterwards. Beside it stands what one record costs the caller.
//
//	go run ./examples/benchmark
//
// In a test of your own, use b.Loop, and Flush before b.StopTimer. The figures of
// the suite itself are in docs/figures.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/redact"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	n := flag.Int("n", 10_000, "how many `records`")
	dir := flag.String("dir", "", "`directory` for the files, on the disk to measure (default a temporary one)")
	flag.Parse()
	if err := run(*dir, *n); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// A setup is a handler on a file, and how to have all of it there.
type setup struct {
	name string
	open func(f io.Writer) (h slog.Handler, flush func(context.Context) error)
}

func setups() []setup {
	return []setup{
		{"log/slog", func(f io.Writer) (slog.Handler, func(context.Context) error) {
			return slog.NewJSONHandler(f, nil), func(context.Context) error { return nil }
		}},
		{"sluice", func(f io.Writer) (slog.Handler, func(context.Context) error) {
			h := handler.NewJSONHandler(f, nil)
			return h, h.Flush
		}},
		{"with a buffer", func(f io.Writer) (slog.Handler, func(context.Context) error) {
			buf := asyncbuf.NewWriter(f, nil)
			return handler.NewJSONHandler(buf, nil), buf.Shutdown
		}},
		{"and redaction", func(f io.Writer) (slog.Handler, func(context.Context) error) {
			buf := asyncbuf.NewWriter(f, nil)
			return redact.NewHandler(handler.NewJSONHandler(buf, nil), nil), buf.Shutdown
		}},
	}
}

func run(dir string, n int) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "benchmark-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	fmt.Printf("%-14s %12s %10s %12s %12s\n", "", "records/s", "MB/s", "caller ns", "allocs")
	for _, s := range setups() {
		if err := measure(s, filepath.Join(dir, "benchmark.log"), n); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// measure logs n records to a new file and prints what that took.
func measure(s setup, path string, n int) error {
	f, err := rotate.Open(path, &rotate.Options{MaxSize: -1})
	if err != nil {
		return err
	}
	defer f.Close()
	h, flush := s.open(f)
	logger, ctx := slog.New(h), context.Background()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	start := time.Now()
	for i := range n {
		logger.LogAttrs(ctx, slog.LevelInfo, "benchmark message", slog.Int("iteration", i))
	}
	caller := time.Since(start)
	err = flush(ctx)
	all := time.Since(start)

	runtime.ReadMemStats(&after)
	text, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr, os.Remove(path)); err != nil {
		return err
	}
	if lines := bytes.Count(text, []byte{'\n'}); lines != n {
		return fmt.Errorf("%d lines, want %d", lines, n)
	}
	fmt.Printf("%-14s %12.0f %10.1f %12d %12.1f\n", s.name, float64(n)/all.Seconds(), float64(len(text))/all.Seconds()/1e6,
		caller.Nanoseconds()/int64(n), float64(after.Mallocs-before.Mallocs)/float64(n))
	return nil
}
