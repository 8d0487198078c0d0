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
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sluicelog/sluice/pipeline"
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

func run(dir string, n int) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "benchmark-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	path := filepath.Join(dir, "benchmark.log")
	fmt.Printf("%-12s %12s %10s %12s %10s\n", "", "records/s", "MB/s", "caller ns", "allocs")
	return errors.Join(
		standard(path, n),
		setup(pipeline.Sink{Name: "file", Type: pipeline.File, Path: path}, n),
		setup(pipeline.Sink{Name: "file, async", Type: pipeline.File, Path: path, Async: true}, n), // put yours here
	)
}

// setup measures a sink, behind all that a pipeline has before its sinks.
func setup(s pipeline.Sink, n int) error {
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{s}})
	if err != nil {
		return err
	}
	return measure(s.Name, p.Logger(), p.Close, s.Path, n)
}

// standard is what the standard library has, to compare with.
func standard(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return measure("log/slog", slog.New(slog.NewJSONHandler(f, nil)), f.Close, path, n)
}

// measure logs n records, prints what that took, and removes the file they are in.
func measure(name string, logger *slog.Logger, end func() error, path string, n int) error {
	ctx := context.Background()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	start := time.Now()
	for i := range n {
		logger.LogAttrs(ctx, slog.LevelInfo, "benchmark message", slog.Int("iteration", i))
	}
	caller := time.Since(start)
	err := end() // returns when the last line is in the file
	all := time.Since(start)

	runtime.ReadMemStats(&after)
	text, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr, os.Remove(path)); err != nil {
		return err
	}
	if lines := bytes.Count(text, []byte{'\n'}); lines != n {
		return fmt.Errorf("%s: %d lines, want %d", name, lines, n)
	}
	fmt.Printf("%-12s %12.0f %10.1f %12d %10.1f\n", name, float64(n)/all.Seconds(), float64(len(text))/all.Seconds()/1e6,
		caller.Nanoseconds()/int64(n), float64(after.Mallocs-before.Mallocs)/float64(n))
	return nil
}
