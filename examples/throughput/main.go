// Throughput is "High-Throughput Applications" of the production guide: a buffer of
// 1 MiB and 10,000 lines before the file, written out once a second at the latest.
// Eight goroutines log as fast as they can; afterwards every line is counted. Then
// the disk stands still: what happens to lines that find no room is a decision, here
// to drop the newest, and each of them is counted. Errors are never dropped.
//
//	go run ./examples/throughput
//
// -dir is where the log stays.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the log (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "throughput-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := fast(filepath.Join(dir, "app.log")); err != nil {
		return err
	}
	return stalled()
}

// fast is the guide's configuration. Lines for which there is no room wait.
func fast(path string) error {
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name:             "app",
		Type:             pipeline.File,
		Path:             path,
		Async:            true,
		BufferSize:       pipeline.MiB,
		FlushInterval:    pipeline.Duration(time.Second),
		MaxBufferedLines: 10_000,
	}}})
	if err != nil {
		return err
	}
	const goroutines, each = 8, 10_000
	start := time.Now()
	var wg sync.WaitGroup
	for g := range goroutines {
		logger := p.Logger().With("goroutine", g)
		wg.Go(func() {
			for i := range each {
				logger.Info("order shipped", "order", i)
			}
		})
	}
	wg.Wait()
	err = p.Close()
	took := time.Since(start)
	text, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr); err != nil {
		return err
	}
	lines := bytes.Count(text, []byte{'\n'})
	buf := p.Stats().Sinks[0].Buffer
	fmt.Printf("%d lines in %.2f s, %.0f a second; %d writes, %d bytes queued at most\n",
		lines, took.Seconds(), float64(lines)/took.Seconds(), buf.Flushes, buf.HighWater)
	if lines != goroutines*each || buf.HighWater > int64(pipeline.MiB) {
		return fmt.Errorf("%d lines in the file, want %d: %+v", lines, goroutines*each, buf)
	}
	return nil
}

// stalled logs twice as many lines as there is room for to a disk that takes none.
func stalled() error {
	disk := &stuck{free: make(chan struct{})}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{
		Name:             "slow",
		Writer:           disk,
		Async:            true,
		MaxBufferedLines: 10_000,
		Policy:           asyncbuf.DropNewest,
	}}})
	if err != nil {
		return err
	}
	const n = 20_000
	logger := p.Logger()
	for i := range n {
		logger.Info("order shipped", "order", i)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(disk.free) })
	logger.Error("order lost") // waits until the disk works, and is on it
	if err := p.Close(); err != nil {
		return err
	}
	buf := p.Stats().Sinks[0].Buffer
	fmt.Printf("while the disk stood still: %d lines dropped, of %d; errors dropped: %d\n",
		buf.DroppedByLevel[slog.LevelInfo], n, buf.DroppedByLevel[slog.LevelError])
	// One line more than was logged says in the log how many are missing.
	if buf.Dropped == 0 || buf.DroppedByLevel[slog.LevelError] != 0 || buf.Written+buf.Dropped != n+2 ||
		!bytes.Contains(disk.lines.Bytes(), []byte("order lost")) {
		return fmt.Errorf("the account does not add up: %+v", buf)
	}
	return nil
}

// stuck is a disk on which nothing can be written until it is free.
type stuck struct {
	free  chan struct{}
	lines bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.lines.Write(p)
}
