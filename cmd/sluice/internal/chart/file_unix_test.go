//go:build unix

package chart_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/chart"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"empty.svg": "", "old.svg": "<svg>old</svg>", "linked.svg": "<svg>old</svg>", "app.log": `{"msg":"kept"}`} {
		if err := os.WriteFile(at(name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("linked.svg", at("link.svg")), os.Symlink("app.log", at("log.svg")), syscall.Mkfifo(at("fifo"), 0o600)); err != nil {
		t.Skip(err)
	}
	p := &chart.Picture{Title: "new"}
	for _, test := range []struct{ name, want string }{
		{"new.svg", ""},
		{"empty.svg", ""},
		{"old.svg", ""},
		{"link.svg", ""},
		{"app.log", "is there, and no picture"},
		{"log.svg", "is there, and no picture"},
		{"fifo", "is no file"},
		{".", "is no file"},
		{"none/new.svg", "no such file or directory"},
	} {
		for what, err := range map[string]error{"CheckFile": chart.CheckFile(at(test.name)), "WriteFile": p.WriteFile(at(test.name))} {
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s of %s: %v, want %q", what, test.name, err, test.want)
			}
		}
	}
	for name, want := range map[string]string{"new.svg": "<svg xmlns", "empty.svg": "<svg xmlns", "old.svg": "<svg xmlns", "linked.svg": "<svg xmlns", "app.log": `{"msg":"kept"}`} {
		if got, err := os.ReadFile(at(name)); err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s is %.40q, %v; want %q", name, got, err, want)
		}
	}
	if info, err := os.Stat(at("old.svg")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	for name, mode := range map[string]os.FileMode{"link.svg": os.ModeSymlink, "fifo": os.ModeNamedPipe} {
		if info, err := os.Lstat(at(name)); err != nil || info.Mode().Type() != mode {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
	if hidden, err := filepath.Glob(at(".*-*")); err != nil || len(hidden) > 0 {
		t.Errorf("left are %v, %v", hidden, err)
	}
}
