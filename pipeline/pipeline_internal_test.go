package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShutdownBesideAReloadThatHangs closes the sinks though a Reload does not end.
func TestShutdownBesideAReloadThatHangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	p, err := Open(Config{Sinks: []Sink{{Name: "app", Type: File, Path: path, Async: true, FlushInterval: Duration(1e12)}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Logger().Info("m")
	p.turn <- struct{}{} // of the Reload
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "a reload is under way") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `"msg":"m"`) {
		t.Errorf("the file has %q, %v", text, err)
	}
	p.yield()
	if err := p.Reload(Config{}); err == nil {
		t.Error("Reload after Shutdown")
	}
}
