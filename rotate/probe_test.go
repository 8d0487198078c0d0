package rotate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/rotate"
)

func TestProbeLeavesNothing(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{base, filepath.Join(base, "app"), filepath.Join(base, "a", "b", "c")} {
		if err := rotate.Probe(dir); err != nil {
			t.Error(err)
		}
	}
	if err := rotate.Probe(""); err == nil {
		t.Error("an empty path is fine")
	}
	if got := names(t, base); got != nil {
		t.Errorf("%v was left", got)
	}
	t.Chdir(base)
	if err := rotate.Probe("logs"); err != nil {
		t.Error(err)
	}
}

func TestProbeNamesWhatIsInTheWay(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	writeFile(t, file, "x")
	link := filepath.Join(base, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ dir, want string }{
		{file, file + " is a file, must be a directory"},
		{filepath.Join(file, "a", "b"), file + " is a file, must be a directory"},
		{link, link + " is a symbolic link to nowhere"},
		{filepath.Join(link, "a"), link + " is a symbolic link to nowhere"},
	} {
		if err := rotate.Probe(tt.dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Probe(%s) = %v, want an error with %q", tt.dir, err, tt.want)
		}
	}
}

// What Probe says is what Open does.
func TestProbeAgreesWithOpen(t *testing.T) {
	base := t.TempDir()
	writeFile(t, filepath.Join(base, "file"), "x")
	if err := os.Symlink(base, filepath.Join(base, "self")); err != nil {
		t.Skip(err)
	}
	for _, dir := range []string{"", "new", "new/er", "file", "file/x", "self", "self/x"} {
		dir = filepath.Join(base, filepath.FromSlash(dir))
		probed := rotate.Probe(dir)
		f, err := rotate.Open(filepath.Join(dir, "app.log"), nil)
		if (probed == nil) != (err == nil) {
			t.Errorf("%s: Probe = %v, Open = %v", dir, probed, err)
		}
		if err == nil {
			mustClose(t, f)
		}
	}
}

func TestFreeSpace(t *testing.T) {
	free, err := rotate.FreeSpace(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || free <= 0 {
		t.Errorf("freeSpace = %d, %v", free, err)
	}
	missing := filepath.Join(t.TempDir(), "x")
	if _, err := rotate.FreeSpace(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("freeSpace = %v", err)
	}
}
