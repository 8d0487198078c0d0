package clean_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/testlog"
)

// What cannot be removed is said once and is still there, and the other directory is cleaned.
func TestReadOnlyFileSystem(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	disk := testlog.TinyDisk(t, "size=1m")
	write(t, map[string]time.Duration{
		filepath.Join(disk, "a.log"): 1 * day, filepath.Join(disk, "b.log"): 2 * day, "web/c.log": 3 * day, "web/d.log": 4 * day,
	})
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t.Context(), disk, "web", "--max-files", "1", "--yes")
	if code != cli.Partial || strings.Count(errs, "read-only file system") != 1 || strings.Count(errs, "clean: ") != 1 {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, want := range []string{filepath.Join(disk, "b.log") + ": not removed\n", "removed 1 of 2 files, 4 B\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("got %s, want %q in it", out, want)
		}
	}
	if diff := cmp.Diff([]string{"web/c.log"}, left(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
	if entries, err := os.ReadDir(disk); err != nil || len(entries) != 2 {
		t.Errorf("on the disk are %v, %v", entries, err)
	}
}
