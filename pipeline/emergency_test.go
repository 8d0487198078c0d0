package pipeline_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
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
	case "emergency, broken pipe":
		p := pipeline.Emergency(errors.New("no"))
		for range 100 {
			p.Logger().Error("printed to a standard error that nobody reads")
		}
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

	for _, what := range []string{"broken pipe", "emergency, broken pipe"} {
		cmd = run(what)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = w
		if err := errors.Join(cmd.Start(), r.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: a program whose standard error is closed: %v", what, err)
		}
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

func TestAnEmergencyIsNotHealthy(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{errors.New("no such thing\nopen https://bob:hunter2@host/x: refused"), nil} {
		p := pipeline.Emergency(cause)
		t.Cleanup(func() { _ = p.Close() })
		h, tree := p.Health(), p.Describe()
		text := strings.Join(h.Reasons, "\n")
		if h.State != monitor.Failing || !strings.Contains(text, "emergency: down: logging is not set up") ||
			!strings.Contains(tree, "├─ emergency: logging is not set up") {
			t.Errorf("got %v: %s\n%s", h.State, text, tree)
		}
		if cause != nil {
			if len(h.Reasons) != 1 || !strings.Contains(text, "no such thing") || !strings.Contains(tree, "│  ├─ no such thing\n│  └─ open https://") {
				t.Errorf("not why: %s\n%s", text, tree)
			}
		}
		if strings.Contains(text+tree, "hunter2") {
			t.Errorf("a secret: %s\n%s", text, tree)
		}
		w := httptest.NewRecorder()
		p.Monitor().HealthHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("a probe gets %d", w.Code)
		}

		if err := p.Reload(pipeline.Config{}); err != nil {
			t.Fatal(err)
		}
		if h := p.Health(); h.State != monitor.Healthy || strings.Contains(p.Describe(), "emergency") {
			t.Errorf("over, but %v: %v\n%s", h.State, h.Reasons, p.Describe())
		}
	}
}
