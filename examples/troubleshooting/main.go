// Troubleshooting is "Common Problems" of the production guide: logs that are not
// rotated, logging that is slow, logs that are missing. For each it has the problem,
// asks the part of the pipeline that knows, and solves it.
//
//	go run ./examples/troubleshooting
//
// -dir is where the logs stay.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "troubleshooting:", err)
		os.Exit(1)
	}
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "troubleshooting-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	return errors.Join(notRotating(dir), slow(), missing(dir))
}

// notRotating asks whether the directory would do, in place of ls and df, and then
// the file.
func notRotating(dir string) error {
	fmt.Println("# Logs not rotating?")
	path := filepath.Join(dir, "app.log")
	f, err := rotate.Open(path, nil) // at 100 MiB, as nothing else is said
	if err != nil {
		return err
	}
	defer f.Close()
	slog.New(handler.NewJSONHandler(f, nil)).Info("test rotation message")

	s := f.Stats()
	fmt.Printf("%d bytes of %d, %d rotations, last failure: %v, room for more: %t\n",
		s.Size, 100*rotate.MiB, s.Rotations, s.LastRotateError, s.FreeSpace > 100*rotate.MiB)
	fmt.Println("the directory:", rotate.Probe(dir))
	fmt.Println("another one:", rotate.Probe(filepath.Join(path, "logs")))
	fmt.Println("by hand:", f.Rotate())
	if s = f.Stats(); s.Rotations != 1 || s.Backups != 1 {
		return fmt.Errorf("no rotation: %+v", s)
	}
	return nil
}

// slow logs to a disk that takes a millisecond for each write, through buffers of
// two sizes. Stats say which limit is in the way.
func slow() error {
	fmt.Println("# Performance degradation?")
	var waits []uint64
	for _, size := range []int64{4 << 10, 128 << 10} {
		buf := asyncbuf.NewWriter(slowDisk{}, &asyncbuf.WriterOptions{Size: size})
		logger := slog.New(handler.NewJSONHandler(buf, nil))
		start := time.Now()
		for i := range 2000 {
			logger.Info("order shipped", "order", i)
		}
		took := time.Since(start)
		if err := buf.Close(); err != nil {
			return err
		}
		s := buf.Stats()
		fmt.Printf("buffer of %d bytes: %v for the caller, %d writes of up to %v, at most %d %% full\n",
			size, took.Round(time.Millisecond), s.Flushes, s.LongestFlush.Round(time.Millisecond), s.HighWater*100/size)
		waits = append(waits, s.Flushes)
	}
	if waits[0] < 2*waits[1] {
		return fmt.Errorf("%d writes with the small buffer and %d with the large one", waits[0], waits[1])
	}
	return nil
}

type slowDisk struct{}

func (slowDisk) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return len(p), nil
}

// missing asks the pipeline what it does with a record, and what became of those it
// had.
func missing(dir string) error {
	fmt.Println("# Missing logs?")
	var reported []string
	p, err := pipeline.Open(pipeline.Config{
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "service.log"), Level: pipeline.At(slog.LevelWarn)},
			{Name: "pipe", Writer: brokenPipe{}},
		},
		Fallback: io.Discard,
		OnError:  func(err error) { reported = append(reported, err.Error()) },
	})
	if err != nil {
		return err
	}
	fmt.Print(p.Describe())
	p.Logger().Info("configuration test")
	if err := p.Close(); err != nil {
		return err
	}
	fmt.Println("reported:", strings.Join(reported, "; "))
	var text bytes.Buffer
	for _, s := range p.Stats().Sinks {
		fmt.Fprintf(&text, "%s: %d accepted, %d written, %d dropped\n", s.Name, s.Records.Accepted, s.Records.Written, s.Records.Dropped)
	}
	fmt.Print(text.String())
	if want := "app: 0 accepted, 0 written, 0 dropped\npipe: 1 accepted, 0 written, 1 dropped\n"; text.String() != want || len(reported) != 1 {
		return errors.New("nobody says where the record is")
	}
	return nil
}

// brokenPipe is an output that nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
