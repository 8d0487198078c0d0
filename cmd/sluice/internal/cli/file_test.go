package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// names returns what a directory has.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestFileIsThereWhenItIsComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "report"), filepath.Join(dir, "latest")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	read := func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, tt := range []struct {
		name    string
		publish bool
		want    string
	}{{"discarded", false, "old"}, {"published", true, "new"}} {
		f, err := cli.CreateFile(link, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, "new"); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != "old" {
			t.Errorf("%s: %q before it is complete", tt.name, got)
		}
		if tt.publish {
			if err := f.Publish(); err != nil {
				t.Fatal(err)
			}
		}
		f.Discard()
		if got := read(); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
		if got := names(t, dir); got != "latest report" {
			t.Errorf("%s: the directory has %s", tt.name, got)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", tt.name, info.Mode(), err)
		}
	}
}

func TestCreateFileReplacesFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, os.DevNull, filepath.Join(dir, "none", "report")} {
		if f, err := cli.CreateFile(path, 0o600); err == nil {
			f.Discard()
			t.Errorf("%s: no error", path)
		}
	}
	if got := names(t, dir); got != "" {
		t.Errorf("the directory has %s", got)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"90s": "1m30s", "30 days": "30 days", "30d": "30 days", "0": "0s", "1h30m": "1h30m"} {
		var d cli.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, d, err, want)
		}
	}
	for text, want := range map[string]string{"30": "has no unit", "1.5": "has no unit", "-3": "has no unit", "": "has no unit", "soon": "is no duration"} {
		var d cli.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
