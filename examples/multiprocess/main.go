// Multiprocess is "Multi-Process Applications" of the production guide, twice. With
// PerProcess each process has a file with its number in the name, and those of
// processes that have ended are cleaned up by the others, after 7 days. With
// MultiProcess all write to one file, and one of them rotates it. The program
// starts itself four times for each, and counts the lines.
//
//	go run ./examples/multiprocess
//
// -dir is where the logs stay. Windows has no MultiProcess.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

const (
	processes = 4
	records   = 5000 // of each process
)

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	worker := flag.String("worker", "", "be one of the processes, of the `kind` own or shared")
	flag.Parse()
	var err error
	if *worker == "" {
		err = run(*dir)
	} else {
		err = work(*dir, *worker)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "multiprocess:", err)
		os.Exit(1)
	}
}

// open is what every process of the application calls.
func open(dir, kind string) (*rotate.File, error) {
	switch kind {
	case "own":
		return rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{ // becomes app.1234.log
			PerProcess: true, MaxSize: rotate.GiB, MaxAge: 7 * 24 * time.Hour,
		})
	case "shared":
		return rotate.Open(filepath.Join(dir, "shared.log"), &rotate.Options{
			MultiProcess: true, MaxSize: 256 * rotate.KiB, MaxAge: 7 * 24 * time.Hour,
		})
	default:
		return nil, fmt.Errorf("-worker is %q, want own or shared", kind)
	}
}

// work is the life of one process.
func work(dir, kind string) error {
	f, err := open(dir, kind)
	if err != nil {
		return err
	}
	logger := slog.New(handler.NewJSONHandler(f, nil)).With("pid", os.Getpid())
	for i := range records {
		logger.Info("job done", "job", i)
	}
	return f.Close()
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "multiprocess-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := errors.Join(start(dir, "own"), start(dir, "shared")); err != nil {
		return err
	}
	files, lines, err := count(filepath.Join(dir, "app.*.log"))
	if err != nil {
		return err
	}
	fmt.Printf("own: %d lines in %d files\n", lines, files)
	sharedFiles, sharedLines, err := count(filepath.Join(dir, "shared*.log"))
	if err != nil {
		return err
	}
	fmt.Printf("shared: %d lines in %d files\n", sharedLines, sharedFiles)
	removed, err := later(dir)
	if err != nil {
		return err
	}
	fmt.Printf("a week later: %d file of a process that has ended removed\n", removed)
	if files != processes || lines != processes*records || sharedFiles < 2 || sharedLines != lines || removed != 1 {
		return errors.New("lines are missing, or too many files")
	}
	return nil
}

// start runs the processes, all at the same time, and waits for their ends.
func start(dir, kind string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var running []*exec.Cmd
	for range processes {
		cmd := exec.CommandContext(ctx, self, "-worker", kind, "-dir", dir) //nolint:gosec // itself
		cmd.Stderr = os.Stderr
		if err = cmd.Start(); err != nil {
			break
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		err = errors.Join(err, cmd.Wait())
	}
	return err
}

// count returns how many files match a pattern, and how many lines are in them.
func count(pattern string) (files, lines int, err error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, 0, err
		}
		lines += bytes.Count(text, []byte{'\n'})
	}
	return len(names), lines, nil
}

// later opens the log as a new process does. One of the files that it finds was
// written to eight days ago.
func later(dir string) (removed uint64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "app.*.log"))
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		// Only the process that ended last still has the name it wrote under.
		if !strings.Contains(filepath.Base(name), "-") {
			lastWeek := time.Now().AddDate(0, 0, -8)
			if err := os.Chtimes(name, lastWeek, lastWeek); err != nil {
				return 0, err
			}
			break
		}
	}
	f, err := open(dir, "own")
	if err != nil {
		return 0, err
	}
	err = f.Close() // waits until what is too old is removed
	return f.Stats().Removed, err
}
