// Backup is "Backup and Archiving" of the production guide: once a week the logs
// are copied, compressed, into another directory. The live files are rotated first,
// so that what is copied is closed and whole; a copy is read back and compared
// before it gets its name; and a second run copies nothing twice.
//
//	go run ./examples/backup
//
// -dir is where the logs, in log, and their copies, in backup, stay.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	dir := flag.String("dir", "", "`directory` for logs and backups (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

// backup archives what files have in src to dst, and says so.
func backup(ctx context.Context, logger *slog.Logger, src, dst string, files ...*rotate.File) (rotate.ArchiveReport, error) {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Rotate()) // leaves an empty file alone
	}
	report, err := rotate.Archive(ctx, src, dst, &rotate.ArchiveOptions{Compress: rotate.Gzip, DirMode: 0o700})
	for _, a := range report.Files {
		if a.Existing {
			logger.Info("log backup exists", "original", a.Source, "backup", a.Path)
		} else {
			logger.Info("log backup created", "original", a.Source, "backup", a.Path, "bytes", a.Size, "compressed", a.Written)
		}
	}
	return report, errors.Join(append(errs, err)...)
}

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "backup-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	src, dst := filepath.Join(dir, "log"), filepath.Join(dir, "backup")
	app, err := rotate.Open(filepath.Join(src, "app.log"), nil)
	if err != nil {
		return err
	}
	defer app.Close()
	errs, err := rotate.Open(filepath.Join(src, "errors.log"), nil)
	if err != nil {
		return err
	}
	defer errs.Close()

	logger := slog.New(handler.NewJSONHandler(app, nil))
	for order := range 1000 {
		logger.Info("order shipped", "order", order)
	}
	ctx, console := context.Background(), slog.New(handler.NewConsoleHandler(os.Stdout, nil))
	first, err := backup(ctx, console, src, dst, app, errs)
	if err != nil {
		return err
	}
	logger.Info("the service goes on")
	slog.New(handler.NewJSONHandler(errs, nil)).Error("order lost", "order", 1000)
	second, err := backup(ctx, console, src, dst, app, errs) // a week later
	if err != nil {
		return err
	}

	known := 0
	for _, a := range second.Files {
		if a.Existing {
			known++
		}
	}
	if len(first.Files) != 1 || len(second.Files) != 3 || known != 1 {
		return fmt.Errorf("%d files first, then %d of which %d were there, want 1, 3 and 1", len(first.Files), len(second.Files), known)
	}
	return nil
}
