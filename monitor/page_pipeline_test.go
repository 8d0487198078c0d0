package monitor_test

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/monitor"
	"github.com/sluicelog/sluice/pipeline"
)

// What docs/monitor.md says of the page of a pipeline.
func TestPageOfAPipeline(t *testing.T) {
	testlog.CheckGoroutines(t, "millRun") // lumberjack's own, see docs/adr/0001
	dir := t.TempDir()
	file := func(name string) pipeline.Sink {
		return pipeline.Sink{Name: name, Type: pipeline.File, Path: filepath.Join(dir, name+".log"), Level: pipeline.At(slog.LevelInfo)}
	}
	audit := pipeline.Sink{Name: "audit", Type: pipeline.Audit, Path: filepath.Join(dir, "audit.log")}
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{file("a"), audit}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	page := monitor.NewPage(p.Monitor(), &monitor.PageOptions{Levels: p.Levels, ChangeLevels: true})
	set := func(name, level string) (status int, text string) {
		r := local("POST", "/", `{"name":"`+name+`","level":"`+level+`"}`)
		r.Header.Set("Content-Type", "application/json")
		w := answer(page, r)
		return w.Code, w.Body.String()
	}

	if status, text := set("a", "DEBUG"); status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	p.Logger().Debug("seen")
	const want = `"level":"WARN","msg":"log level changed","name":"a","from":"INFO","to":"DEBUG"`
	if log := read(t, dir, "a.log"); strings.Count(log, want) != 1 || !strings.Contains(log, `"seen"`) {
		t.Errorf("a.log: %s", log)
	}
	if n := p.Monitor().Stats().ByLevel[slog.LevelWarn]; n != 1 {
		t.Errorf("the change counts %d times", n)
	}

	if status, text := set("audit", "FATAL"); status != 400 || !strings.Contains(text, `want one of ["a"]`) {
		t.Errorf("the audit sink: status %d: %s", status, text)
	}
	p.Logger().Error("intruder", "tags", []string{"security"})
	if log := read(t, dir, "audit.log"); !strings.Contains(log, "intruder") {
		t.Errorf("audit.log: %s", log)
	}

	// A sink that has come is there, one that has gone is not.
	if err := p.Reload(pipeline.Config{Sinks: []pipeline.Sink{file("b"), audit}}); err != nil {
		t.Fatal(err)
	}
	if status, text := set("a", "DEBUG"); status != 400 || !strings.Contains(text, `want one of ["b"]`) {
		t.Errorf("one that has gone: status %d: %s", status, text)
	}
	if status, text := set("b", "WARN"); status != 200 {
		t.Errorf("one that has come: status %d: %s", status, text)
	}
	if log := read(t, dir, "b.log"); !strings.Contains(log, `"log level changed"`) {
		t.Errorf("b.log: %s", log)
	}
}

func TestPageShowsNoSecretOfAPipeline(t *testing.T) {
	p, err := pipeline.Open(pipeline.Config{Sinks: []pipeline.Sink{{Type: pipeline.File, Path: filepath.Join(t.TempDir(), "a.log")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Logger().Error("login token=hunter2hunter2", "password", "hunter2")
	page := monitor.NewPage(p.Monitor(), nil)
	defer page.Close()
	srv := httptest.NewServer(page)
	defer srv.Close()
	events, leave := watch(t, srv.URL+"?events")
	defer leave()
	if got := await(t, events, "errors"); !strings.Contains(got, "login") || strings.Contains(got, "hunter2") {
		t.Errorf("errors: %s", got)
	}
	p.Logger().Info("again", "password", "hunter2")
	if got := await(t, events, "tail"); !strings.Contains(got, "again") || strings.Contains(got, "hunter2") {
		t.Errorf("tail: %s", got)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
