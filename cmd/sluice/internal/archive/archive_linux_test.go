package archive_test

import (
	"crypto/rand"
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

// The archive is full after two of four files. Each file is then in one place or in both, and whole.
func TestFullDestination(t *testing.T) {
	inside(t)
	disk := testlog.TinyDisk(t, "size=100k")
	texts := make(map[string]string)
	for i, name := range []string{"a.log", "b.log", "c.log", "d.log"} {
		text := make([]byte, 40<<10)
		_, _ = rand.Read(text)
		texts[name] = string(text)
		write(t, filepath.Join("log", name), texts[name], time.Duration(9-i)*day)
	}
	code, out, errs := call(t.Context(), "log", disk, "--remove-source", "--yes")
	if code != cli.Partial || !strings.HasSuffix(out, "\ncopied 2 of 4 files, 80 KiB; removed 2 files of the source\n") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if want := "archive: " + disk + ": 100 KiB are free, and the copies take 160 KiB: not all will fit\n"; !strings.HasPrefix(errs, want) {
		t.Errorf("got %s, want first %s", errs, want)
	}
	for _, name := range []string{"c.log", "d.log"} {
		if !strings.Contains(errs, "archive: log: "+name+": ") || !strings.Contains(errs, "no space left on device") {
			t.Errorf("got %s, want why %s is not there", errs, name)
		}
	}
	account(t, texts, disk)

	// With room for two more files, the rest follows.
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := call(t.Context(), "log", disk, "--remove-source", "--yes"); code != cli.OK || errs != "" || !strings.HasSuffix(out, "\ncopied 2 files, 80 KiB; removed 2 files of the source\n") {
		t.Errorf("then: exit code %d, %s, %s", code, out, errs)
	}
	account(t, texts, disk)
}

// account fails t unless each file is in the log or in the archive, whole, and nothing else is.
func account(t *testing.T, texts map[string]string, disk string) {
	t.Helper()
	got := make(map[string]string)
	for _, dir := range []string{"log", disk} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got[entry.Name()] = string(text)
		}
	}
	if !cmp.Equal(texts, got) {
		t.Errorf("there are %d files, which are not those that were there", len(got))
	}
}

func TestReadOnlyDestination(t *testing.T) {
	inside(t)
	write(t, "log/a.log", "a\n", day)
	disk := testlog.TinyDisk(t, "size=100k,ro")
	code, out, errs := call(t.Context(), "log", disk, "--yes")
	if code != cli.Partial || !strings.HasPrefix(errs, "archive: "+disk+": the file system is read-only\n") || !strings.HasSuffix(out, "\ncopied 0 of 1 file, 0 B\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if diff := cmp.Diff([]string{"log/a.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}
