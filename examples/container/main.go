// Container is "Containerized Deployments" of the production guide: one line of JSON
// for each record from INFO on standard output, which the platform collects, and
// everything from DEBUG in a small file inside the container. On SIGTERM the service
// ends its work and writes out what it has logged, well before the platform kills it.
//
//	go run ./examples/container
//
// It sends the signal to itself after a moment; with -wait it leaves that to you.
// -dir is where the file stays.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/pipeline"
)

func main() {
	dir := flag.String("dir", "", "`directory` for the file (default a temporary one)")
	wait := flag.Bool("wait", false, "wait for a signal from outside")
	flag.Parse()
	if err := run(*dir, *wait); err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		os.Exit(1)
	}
}

func config(dir string) pipeline.Config {
	return pipeline.Config{Sinks: []pipeline.Sink{
		{Name: "stdout", Type: pipeline.Console, Level: pipeline.At(slog.LevelInfo)},
		{
			Name: "app", Type: pipeline.File, Path: filepath.Join(dir, "app.log"), Level: pipeline.At(slog.LevelDebug),
			Rotation:  pipeline.Rotation{MaxSize: 10 * pipeline.MB},
			Retention: pipeline.Retention{MaxBackups: 2}, // the disk of a container is small
			Async:     true,
		},
	}}
}

func run(dir string, wait bool) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "container-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := pipeline.Open(config(dir))
	if err != nil {
		return err
	}
	slog.SetDefault(p.Logger())

	if !wait {
		time.AfterFunc(50*time.Millisecond, terminate)
	}
	serve(ctx)
	stop() // a second signal ends the program at once

	// Docker waits for 10 seconds, Kubernetes for 30, then they kill.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "app.log"))
	if err != nil {
		return err
	}
	if lines := bytes.Count(text, []byte{'\n'}); lines != 4 || !bytes.HasSuffix(text, []byte(`"msg":"stopped"}`+"\n")) {
		return fmt.Errorf("%d lines in app.log, want 4:\n%s", lines, text)
	}
	return nil
}

// serve is the service. It returns when ctx ends.
func serve(ctx context.Context) {
	slog.Info("listening", "port", 8080)
	slog.Debug("only in the file", "cache", "warm")
	<-ctx.Done()
	slog.Info("stopping", "cause", context.Cause(ctx))
	slog.Info("stopped")
}

// terminate is what the platform does.
func terminate() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGTERM)
	}
	if err != nil {
		slog.Error("no signal", "err", err)
		os.Exit(1)
	}
}
