// Analysis is "Log Analysis Scripts" of the production guide: errors are counted by
// day, in the log and its backups, compressed ones too, and more than 100 of them
// are worth a warning. Lines are read one at a time, as what they are, JSON: a
// message that says " ERROR " is no error, and a line that a crash cut off is
// counted and no reason to stop.
//
//	go run ./examples/analysis
//	go run ./examples/analysis /var/log/app/app.log
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	logger := slog.New(handler.NewConsoleHandler(os.Stdout, nil))
	var err error
	if len(os.Args) > 1 {
		_, err = analyze(logger, os.Args[1])
	} else {
		err = run(logger)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "analysis:", err)
		os.Exit(1)
	}
}

// A summary is what there is in a log.
type summary struct {
	Files, Lines, Malformed, Errors int
	ByDate                          map[string]int
}

// analyze logs how many errors there were on which day in the log at path and in
// its backups.
func analyze(logger *slog.Logger, path string) (summary, error) {
	s := summary{ByDate: map[string]int{}}
	ext := filepath.Ext(path)
	backups, err := filepath.Glob(strings.TrimSuffix(path, ext) + "-*" + ext + "*")
	if err != nil {
		return s, err
	}
	for _, name := range append(backups, path) {
		if err := s.read(name); err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	logger.Info("error analysis", "files", s.Files, "lines", s.Lines, "malformed", s.Malformed, "errors_by_date", s.ByDate)
	if s.Errors > 100 {
		logger.Warn("high error rate detected", "total_errors", s.Errors)
	}
	return s, nil
}

// read adds what is in one file.
func (s *summary) read(name string) (err error) {
	f, err := os.Open(name) //nolint:gosec // the log it is told to read
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	s.Files++
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20) // a line may have a stack in it
	for lines.Scan() {
		s.Lines++
		var r struct {
			Time  time.Time `json:"time"`
			Level string    `json:"level"`
		}
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			s.Malformed++
		} else if level, err := handler.ParseLevel(r.Level); err == nil && level >= slog.LevelError {
			s.Errors++
			s.ByDate[r.Time.Format(time.DateOnly)]++
		}
	}
	return lines.Err()
}

func run(logger *slog.Logger) error {
	dir, err := os.MkdirTemp("", "analysis-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.log")
	if err := fill(path); err != nil {
		return err
	}
	s, err := analyze(logger, path)
	if err != nil {
		return err
	}
	if s.Files != 3 || s.Errors != 110 || s.Malformed != 1 {
		return fmt.Errorf("%d errors and %d malformed lines in %d files, want 110 and 1 in 3", s.Errors, s.Malformed, s.Files)
	}
	return nil
}

// fill writes three days of logs, a file for each. The last line has no end.
func fill(path string) error {
	f, err := rotate.Open(path, &rotate.Options{Compress: rotate.Gzip})
	if err != nil {
		return err
	}
	h := handler.NewJSONHandler(f, nil)
	for day, failures := range []int{20, 75, 15} {
		now := time.Date(2026, time.March, 1+day, 9, 30, 0, 0, time.UTC)
		err = errors.Join(err, f.Rotate())
		for i := range 200 {
			r := slog.NewRecord(now.Add(time.Duration(i)*time.Minute), slog.LevelInfo, "what does ERROR mean", 0)
			if i < failures {
				r.Level, r.Message = slog.LevelError, "order failed"
			}
			err = errors.Join(err, h.Handle(context.Background(), r))
		}
	}
	_, writeErr := io.WriteString(f, `{"time":"2026-03-03T14:00:00Z","level":"ERR`)
	return errors.Join(err, writeErr, f.Close())
}
