// Cleanup is "Log Rotation Management" of the production guide: log files older
// than 30 days are removed, once a day, until the program ends. A file that
// somebody writes to stays, however long it has been quiet, and so does what is no
// log. rotate.Options.MaxAge does this for the backups of one File by itself; Clean
// is for a directory of logs, those of programs that are no more among them.
//
//	go run ./examples/cleanup
//
// -dir cleans up there instead, and only says what it would remove.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

const retention = 30 * 24 * time.Hour

func main() {
	dir := flag.String("dir", "", "`directory` of logs to look over (default a temporary one, with files of all ages)")
	flag.Parse()
	logger := slog.New(handler.NewConsoleHandler(os.Stdout, nil))
	var err error
	if *dir != "" {
		_, err = cleanup(context.Background(), logger, *dir, true)
	} else {
		err = run(logger)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cleanup:", err)
		os.Exit(1)
	}
}

// cleanup removes the log files older than the retention, or only says which.
func cleanup(ctx context.Context, logger *slog.Logger, dir string, dryRun bool) (rotate.CleanReport, error) {
	report, err := rotate.Clean(ctx, dir, &rotate.CleanOptions{MaxAge: retention, DryRun: dryRun})
	for _, b := range report.Removed {
		logger.Info("removing old log file", "file", b.Path, "age_days", int(time.Since(b.Time).Hours()/24), "dry_run", dryRun)
	}
	for _, b := range report.InUse {
		logger.Info("old log file is in use", "file", b.Path)
	}
	return report, err
}

// every calls f now and once per interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func run(logger *slog.Logger) error {
	dir, err := os.MkdirTemp("", "cleanup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	quiet, err := logs(dir)
	if err != nil {
		return err
	}
	defer quiet.Close()

	ctx, stop := context.WithCancel(context.Background())
	var report rotate.CleanReport
	every(ctx, 24*time.Hour, func() { // "go every(…)" in a program that has more to do
		report, err = cleanup(ctx, logger, dir, false)
		stop() // one day is enough for an example
	})
	if err != nil {
		return err
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range left {
		fmt.Println("left:", file.Name())
	}
	if len(report.Removed) != 2 || len(left) != 3 {
		return fmt.Errorf("%d files removed and %d left, want 2 and 3", len(report.Removed), len(left))
	}
	return nil
}

// logs makes files of all ages. The oldest of them is open.
func logs(dir string) (*rotate.File, error) {
	quiet, err := rotate.Open(filepath.Join(dir, "app.log"), nil)
	if err != nil {
		return nil, err
	}
	days := func(n int) time.Time { return time.Now().AddDate(0, 0, -n) }
	for name, written := range map[string]time.Time{
		"app.log":    days(50),
		"gone.log.1": days(45), // of a program that is no more
		"app-" + days(40).UTC().Format("20060102T150405.000000Z") + ".log.gz": days(40),
		"app-" + days(10).UTC().Format("20060102T150405.000000Z") + ".log.gz": days(10),
		"notes.txt": days(90),
	} {
		f, openErr := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if openErr != nil {
			return nil, errors.Join(openErr, quiet.Close())
		}
		_, err := fmt.Fprintln(f, "a line")
		if err := errors.Join(err, f.Close(), os.Chtimes(f.Name(), written, written)); err != nil {
			return nil, errors.Join(err, quiet.Close())
		}
	}
	return quiet, nil
}
