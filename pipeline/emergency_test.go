package pipeline_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/pipeline"
)

// TestEmergency runs a program whose pipeline cannot be opened.
func TestEmergency(t *testing.T) {
	t.Parallel()
	switch os.Getenv("PIPELINE_TEST") {
	case "emergency":
		p, err := pipeline.OpenOrEmergency(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.File}}})
		if err == nil {
			t.Fatal("no error")
		}
		p.Logger().Info("nobody wants to know")
		p.Logger().Error("goes on", "password", "hunter2")
		pipeline.Emergency(errors.New("token=hunter2")).Close()
		pipeline.Emergency(nil).Close()
		p.Close()
		os.Exit(0)
	case "broken pipe":
		p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.File, Path: filepath.Join(t.TempDir(), "app.log")}}})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		for range 100 {
			p.Logger().Error("printed to a standard error that nobody reads")
		}
		os.Exit(0)
	}
	run := func(what string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEmergency$")
		cmd.Env = append(os.Environ(), "PIPELINE_TEST="+what)
		return cmd
	}
	var stderr strings.Builder
	cmd := run("emergency")
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	lines, _ := testlog.Lines([]byte(stderr.String()))
	if len(lines) != 3 || !strings.Contains(lines[0], "Path is empty") || !strings.Contains(lines[1], `"msg":"goes on","password":"[REDACTED]"`) ||
		strings.Contains(lines[2], "hunter2") {
		t.Errorf("got %q", lines)
	}

	cmd = run("broken pipe")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	if err := errors.Join(cmd.Start(), r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a program whose standard error is closed: %v", err)
	}
}

func TestOpenOrEmergencyOpens(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	p, err := pipeline.OpenOrEmergency(pipeline.Config{Sinks: []pipeline.Sink{{Writer: &out}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Logger().Info("m")
	if messages(t, out.Bytes()) != "m" {
		t.Error("not the pipeline that was asked for")
	}
}

// An emergency can be over.
func TestReloadAfterAnEmergency(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	p := pipeline.Emergency(nil)
	defer p.Close()
	logger := slog.New(p.Handler()).With("a", 1)
	if err := p.Reload(pipeline.Config{Sinks: []pipeline.Sink{{Writer: &out}}}); err != nil {
		t.Fatal(err)
	}
	logger.Info("m")
	if messages(t, out.Bytes()) != "m" {
		t.Error("nothing printed")
	}
}
