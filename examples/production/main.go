// Production is a small HTTP service behind the whole pipeline, and its own
// auditor. It serves a few thousand requests to itself, with secrets in headers,
// bodies, errors and messages, while the Logstash that it ships to is killed and
// comes back. Then it shuts down, reads back every file and every event, and
// counts:
//
//	go run ./examples/production
//
// It needs nothing installed: the Logstash is a Beats receiver in the same
// process. The last line sums up; the exit status is 0 only if it adds up.
//
// Flags: -n requests, -dir where the logs go, -keep to keep them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

func main() {
	n := flag.Int("n", 3000, "how many `requests` to serve, at least 100")
	dir := flag.String("dir", "", "`directory` for the logs, which must not exist or be empty (default a new temporary one)")
	keep := flag.Bool("keep", false, "keep the logs")
	flag.Parse()
	if flag.NArg() > 0 || *n < 100 {
		fmt.Fprintf(os.Stderr, "production: -n is %d, want at least 100; there are no arguments\n", *n)
		os.Exit(2)
	}
	err := run(os.Stdout, *n, *dir, *keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "production:", err)
		os.Exit(1)
	}
}

// run is the program. The console output goes to stdout.
func run(stdout io.Writer, requests int, dir string, keep bool) (err error) {
	dir, err = logDir(dir)
	if err != nil {
		return err
	}
	if keep {
		defer fmt.Fprintln(os.Stderr, "The logs are in", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	console := &recorder{w: stdout}
	receiver, err := lstest.ListenBeats("127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	defer receiver.Close()

	p, err := pipeline.Open(config(console, dir, receiver.Addr(), requests))
	if err != nil {
		return err
	}
	defer p.Close()

	// From here on every record counts, also those of packages that know nothing
	// of sluice and log through slog or the old log package.
	ledger := newLedger(p.Handler())
	slog.SetDefault(slog.New(ledger))

	secrets, err := serve(requests, receiver)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		return err
	}
	receiver.Kill()

	a, err := audit(dir, receiver, console, p.Stats(), ledger.Count(), secrets)
	if err != nil {
		return err
	}
	return a.report(stdout)
}

// config is the pipeline: everything to app.log and to Logstash, errors and the
// security trail to files of their own, and what an operator wants to see to the
// console.
func config(console io.Writer, dir, addr string, requests int) pipeline.Config {
	return pipeline.Config{
		Level: pipeline.At(slog.LevelDebug),
		Sinks: []pipeline.Sink{
			{Name: "console", Type: pipeline.Console, Format: pipeline.Text, Writer: console, Match: pipeline.Match{Tag: "ops"}},
			{
				Name: "app.log", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), AddSource: true,
				Buffer: &asyncbuf.WriterOptions{Size: 64 << 10},
				Rotate: rotate.Options{MaxSize: int64(requests) * 100, Compress: rotate.Gzip},
			},
			{Name: "errors.log", Type: pipeline.File, Path: filepath.Join(dir, "errors.log"), Level: pipeline.At(slog.LevelError)},
			{
				Name: "audit.log", Type: pipeline.File, Path: filepath.Join(dir, "audit.log"), Match: pipeline.Match{Tag: "security"},
				Rotate: rotate.Options{SyncEveryWrite: true},
			},
			{
				Name: "logstash", Type: pipeline.Logstash, Addr: "beats://" + addr,
				Dial: logstash.DialOptions{CompressionLevel: 1, MinBackoff: 50 * time.Millisecond},
			},
		},
		OnError: func(err error) { fmt.Fprintln(os.Stderr, "  ", err) },
	}
}

// logDir returns a directory that holds nothing but this run's logs.
func logDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "sluice-production-")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("-dir: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("-dir: %w", err)
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("-dir is %q, which is not empty: old logs would be counted", dir)
	}
	return dir, nil
}
