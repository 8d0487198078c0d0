// Audit is "Audit Logging" of the production guide: records with the tag "security"
// go to audit.log, each on the disk before the log call returns, whatever the level
// of the application's log is. A user name with a newline in it cannot forge an
// entry, and a trail that cannot be written is heard of.
//
//	go run ./examples/audit
//
// -dir is where the logs stay.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the logs (default a temporary one)")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

// security marks what belongs into the trail.
func security() slog.Attr { return slog.Any("tags", []string{"security"}) }

func run(dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "audit-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	app, trail := filepath.Join(dir, "app.log"), filepath.Join(dir, "audit.log")
	p, err := pipeline.Open(pipeline.Config{
		Sinks: []pipeline.Sink{
			{Name: "app", Type: pipeline.File, Path: app, Level: pipeline.At(slog.LevelWarn), Async: true},
			{Name: "audit", Type: pipeline.Audit, Path: trail}, // what has the tag; synced; for nobody else to read
		},
		NoFallback: true,
		OnError:    func(err error) { fmt.Println("page the operator:", err) },
	})
	if err != nil {
		return err
	}
	defer p.Close()
	logger := p.Logger()

	logger.Info("user login", security(), "user_id", 123, "ip", "192.168.1.1")
	logger.Info("nobody asked for this")
	logger.Warn("login failed", security(), "user", "mallory\n"+`{"level":"INFO","msg":"user login","user_id":1}`)
	admin := logger.With(security(), "admin", "carol") // all that this logger logs
	admin.Info("role changed", "user_id", 123, "role", "owner")
	admin.WithGroup("export").Error("refused", "rows", 1_000_000)

	// What has been logged is there, without a Flush.
	entries, err := show(trail)
	if err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	others, err := show(app)
	if err != nil {
		return err
	}
	if entries != 4 || others != 2 {
		return fmt.Errorf("%d entries in the trail and %d lines in app.log, want 4 and 2", entries, others)
	}
	// The trail is closed: what comes now is refused, not lost in silence.
	r := slog.Record{Level: slog.LevelInfo, Message: "too late"}
	r.AddAttrs(security())
	if err := p.Handler().Handle(context.Background(), r); !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("the trail is closed, and logging says: %w", err)
	}
	return nil
}

// show prints a file and returns the number of its lines.
func show(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fmt.Printf("%v %s\n%s", info.Mode(), path, text)
	return strings.Count(string(text), "\n"), nil
}
