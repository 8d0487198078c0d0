//go:build linux

package rotate_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func inUse(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	busy, err := rotate.InUse(f)
	if err != nil {
		t.Fatal(err)
	}
	return busy
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, path, "line\n")
	if inUse(t, path) {
		t.Error("a closed file is in use")
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if inUse(t, path) {
		t.Error("a file that is read is in use")
	}
	for name, flag := range map[string]int{"append": os.O_APPEND | os.O_WRONLY, "write": os.O_WRONLY, "both": os.O_RDWR} {
		f, err := os.OpenFile(path, flag, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !inUse(t, path) {
			t.Errorf("%s: a file open for writing is not in use", name)
		}
		mustClose(t, f)
		if inUse(t, path) {
			t.Errorf("%s: a file that was closed is in use", name)
		}
	}
}

// Where there is no lease, the lock of a File and the time decide.
func TestInUseIsGuessedWithoutALease(t *testing.T) {
	guess := func(path string) bool {
		t.Helper()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		busy, err := rotate.GuessInUse(f)
		if err != nil {
			t.Fatal(err)
		}
		return busy
	}
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	mustWrite(t, f, "line\n")
	setAge(t, path, day)
	if !guess(path) {
		t.Error("the live file of a File is not in use")
	}
	mustClose(t, f)
	if guess(path) {
		t.Error("a file of yesterday is in use")
	}
	setAge(t, path, 50*time.Second)
	if !guess(path) {
		t.Error("a file of this minute is not in use")
	}
	// The guess must not stand in anybody's way.
	f = mustOpen(t, path, nil)
	mustWrite(t, f, "line\n")
}

// A program that opens the file while it is asked about waits for a moment, and
// the signal that tells of it does no harm.
func TestInUseBesideOpenings(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGIO)
	defer signal.Stop(signals)
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, path, "")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stop, done := make(chan struct{}), make(chan time.Duration)
	go func() {
		var longest time.Duration
		defer func() { done <- longest }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			start := time.Now()
			w, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			longest = max(longest, time.Since(start))
			if err != nil {
				t.Error(err)
				return
			}
			_ = w.Close()
		}
	}()
	var busy, free int
	for busy+free < 20_000 || busy == 0 || free == 0 {
		used, err := rotate.InUse(f)
		if err != nil {
			t.Fatal(err)
		}
		if used {
			busy++
		} else {
			free++
		}
	}
	close(stop)
	longest := <-done
	t.Logf("%d times in use, %d times not; the longest opening took %v", busy, free, longest)
	if longest > 2*time.Second { // the system would take the lease away after 45
		t.Errorf("opening took %v", longest)
	}
	select {
	case s := <-signals:
		t.Errorf("got %v", s)
	default:
	}
}

func TestProbeOfAFullDisk(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=64k")
	if err := rotate.Probe(dir); err != nil {
		t.Error(err)
	}
	writeFile(t, filepath.Join(dir, "filler"), strings.Repeat("x", 60<<10))
	err := rotate.Probe(dir)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the file system of "+dir+" is full") ||
		!strings.Contains(err.Error(), "df -h "+dir) {
		t.Errorf("Probe = %v", err)
	}
	if diff := cmp.Diff([]string{"filler"}, names(t, dir)); diff != "" {
		t.Errorf("directory mismatch (-want +got):\n%s", diff)
	}
	if free, err := rotate.FreeSpace(dir); err != nil || free > 4<<10 {
		t.Errorf("freeSpace = %d, %v", free, err)
	}
}

func TestProbeWithoutInodes(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=1m,nr_inodes=2")
	writeFile(t, filepath.Join(dir, "filler"), "x")
	err := rotate.Probe(dir)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no inode left") {
		t.Errorf("Probe = %v", err)
	}
}

func remountReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=64k")
	aged(t, dir, map[string]time.Duration{"a.log": day})
	remountReadOnly(t, dir)
	for _, at := range []string{dir, filepath.Join(dir, "new")} {
		if err := rotate.Probe(at); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), dir+" is on a read-only file system") {
			t.Errorf("Probe = %v", err)
		}
	}
	report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: time.Hour})
	if !errors.Is(err, syscall.EROFS) || report.Removed != nil {
		t.Errorf("Clean = %v, removed %v", err, report.Removed)
	}
	// What can be copied is, even if it can not be removed.
	dst := t.TempDir()
	got, err := rotate.Archive(t.Context(), dir, dst, &rotate.ArchiveOptions{RemoveSource: true})
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("Archive = %v", err)
	}
	if diff := cmp.Diff([]string{"a.log > a.log"}, archived(got)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if _, err := rotate.Archive(t.Context(), dst, dir, nil); !errors.Is(err, syscall.EROFS) {
		if err != nil {
			t.Errorf("Archive = %v", err)
		}
	}
	writeFile(t, filepath.Join(dst, "b.log"), "line\n")
	got, err = rotate.Archive(t.Context(), dst, dir, nil)
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("Archive = %v", err)
	}
	if diff := cmp.Diff([]string{"a.log > a.log existing"}, archived(got)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestArchiveToAFullDisk(t *testing.T) {
	src, dst := t.TempDir(), testlog.TinyDisk(t, "size=64k")
	writeFile(t, filepath.Join(src, "large.log"), strings.Repeat("a line\n", 20_000))
	writeFile(t, filepath.Join(src, "small.log"), "a line\n")
	setAge(t, filepath.Join(src, "large.log"), 2*day)
	setAge(t, filepath.Join(src, "small.log"), day)
	report, err := rotate.Archive(t.Context(), src, dst, &rotate.ArchiveOptions{RemoveSource: true})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "large.log") {
		t.Errorf("Archive = %v", err)
	}
	// The other one is archived nevertheless, and nothing of the first is left.
	if diff := cmp.Diff([]string{"small.log > small.log removed"}, archived(report)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	checkDir(t, dst, map[string]string{"small.log": "a line\n"})
	if diff := cmp.Diff([]string{"large.log"}, names(t, src)); diff != "" {
		t.Errorf("source mismatch (-want +got):\n%s", diff)
	}
}

// Even root cannot do everything.
func TestProbeOfDirectoriesWithAttributes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set attributes")
	}
	for attribute, want := range map[string]string{"i": "can not create a file", "a": "is left behind"} {
		dir := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "chattr", "+"+attribute, dir).CombinedOutput(); err != nil {
			t.Skipf("chattr: %v: %s", err, out)
		}
		err := rotate.Probe(dir)
		if out, err := exec.Command("chattr", "-"+attribute, dir).CombinedOutput(); err != nil {
			t.Fatalf("chattr: %v: %s", err, out)
		}
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "lsattr -d "+dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("attribute %s: Probe = %v", attribute, err)
		}
	}
}

// What Rotate has made a backup of is closed, and may be archived at once.
func TestBackupIsClosedWhenRotateReturns(t *testing.T) {
	dir := t.TempDir()
	f, err := rotate.Open(filepath.Join(dir, "app.log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 100 {
		if _, err := f.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if err := f.Rotate(); err != nil {
			t.Fatal(err)
		}
		backups, err := filepath.Glob(filepath.Join(dir, "app-*.log"))
		if err != nil {
			t.Fatal(err)
		}
		last := slices.Max(backups)
		if inUse(t, last) {
			t.Fatalf("%s is in use", last)
		}
	}
}
