package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

// A process that cannot be any more.
const ended = "9999999"

// leave makes what a process with its own file leaves when it is killed.
func leave(t testing.TB, dir, pid, content string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "app."+pid+".log"), content)
	writeFile(t, filepath.Join(dir, ".app."+pid+".log.lock"), "")
}

// The file of an ended process that cannot be made a backup now is one later.
func TestEndedProcessIsNotForgotten(t *testing.T) {
	needsLocks(t)
	for name, failure := range map[string]error{"no link": syscall.EIO, "no name": fs.ErrExist} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				var log errorLog
				f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true, OnError: log.add})
				synctest.Wait()
				f.SetLink(func(string, string) error { return failure })
				leave(t, dir, ended, "line\n")
				look := func() {
					t.Helper()
					if err := f.Reopen(); err != nil { // wakes the worker
						t.Fatal(err)
					}
					synctest.Wait()
				}
				for range 2 {
					look()
					if got := read(t, filepath.Join(dir, "app."+ended+".log")); got != "line\n" {
						t.Errorf("the file of the ended process holds %q", got)
					}
				}
				if errs := log.all(f); len(errs) != 2 || !strings.Contains(errs[0].Error(), ended) {
					t.Errorf("OnError was told %v, want each failure", errs)
				}
				f.SetLink(os.Link)
				look()
				var found []string
				for _, name := range names(t, dir) {
					if strings.Contains(name, ended) {
						found = append(found, name)
					}
				}
				if len(found) != 1 || !strings.HasPrefix(found[0], "app."+ended+"-") {
					t.Fatalf("of the ended process there is %v, want a backup", found)
				}
				if got := read(t, filepath.Join(dir, found[0])); got != "line\n" {
					t.Errorf("the backup holds %q", got)
				}
			})
		})
	}
}

// A process may have been killed while it compressed the backup of another one.
func TestTemporaryFilesOfEndedProcesses(t *testing.T) {
	needsLocks(t)
	dir := t.TempDir()
	const living = "9999998"
	mustLock(t, filepath.Join(dir, ".app."+living+".log.lock"), true)
	files := map[string]struct {
		age  time.Duration
		left bool
	}{
		".app." + ended + "-20200101T000000.000000Z.log.gz.1.tmp":   {age: 2 * time.Hour},
		".app." + ended + "-20200101T000000.000000Z.log.gz.2.tmp":   {age: time.Minute, left: true}, // somebody may be at it
		".app." + living + "-20200101T000000.000000Z.log.zst.1.tmp": {age: 2 * time.Hour, left: true},
		".app." + living + ".log.1.tmp":                             {age: 2 * time.Hour, left: true},
		".app.errors.log.1.tmp":                                     {age: 2 * time.Hour, left: true},
	}
	var want []string
	for name, file := range files {
		writeFile(t, filepath.Join(dir, name), "")
		setAge(t, filepath.Join(dir, name), file.age)
		if file.left {
			want = append(want, name)
		}
	}
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true})
	mustClose(t, f)
	got := slices.DeleteFunc(names(t, dir), func(name string) bool { return !strings.HasSuffix(name, ".tmp") })
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("temporary files mismatch (-want +got):\n%s", diff)
	}
}

// Whether a process lives is told by the lock alone, however long it is quiet.
func TestFilesOfLivingProcessesAreLeftAlone(t *testing.T) {
	needsLocks(t)
	dir := t.TempDir()
	leave(t, dir, ended, "line\n")
	path := filepath.Join(dir, "app."+ended+".log")
	setAge(t, path, 100*day)
	mustLock(t, filepath.Join(dir, ".app."+ended+".log.lock"), true)
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{
		PerProcess: true, MaxBackups: 1, MaxAge: time.Hour, Compress: rotate.Gzip, CompressDelay: 1,
	})
	for range 3 {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	mustClose(t, f)
	if got := read(t, path); got != "line\n" {
		t.Errorf("the file holds %q", got)
	}
}

// What the worker of a closed File has its hands on is nobody else's either, so a
// process counts as ended only when its worker has ended.
func TestProcessLivesAsLongAsItsWorker(t *testing.T) {
	needsLocks(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	busy, goOn := make(chan struct{}), make(chan struct{})
	f := mustOpen(t, path, &rotate.Options{PerProcess: true, OnRotate: func(rotate.Event) {
		close(busy)
		<-goOn
	}})
	finish := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(finish)
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	mustWrite(t, f, "last line\n")
	<-busy
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Shutdown = %v, want that the worker is still busy", err)
	}
	live := filepath.Join(dir, fmt.Sprintf("app.%d.log", os.Getpid()))
	temp := filepath.Join(dir, fmt.Sprintf(".app.%d.log.1.tmp", os.Getpid())) // as the worker makes them
	writeFile(t, temp, "")
	lookAfterEnded := func() {
		t.Helper()
		c := startChild(t, job{Path: path, Writer: "neighbour", Lines: 1, PerProcess: true})
		c.begin(t)
		c.wait(t)
	}
	there := func() (paths []string) {
		for _, path := range []string{live, temp} {
			if _, err := os.Lstat(path); err == nil {
				paths = append(paths, path)
			}
		}
		return paths
	}
	lookAfterEnded()
	if diff := cmp.Diff([]string{live, temp}, there()); diff != "" {
		t.Errorf("while the worker is busy, files mismatch (-want +got):\n%s", diff)
	}
	finish()
	mustClose(t, f)
	lookAfterEnded()
	if diff := cmp.Diff([]string(nil), there()); diff != "" {
		t.Errorf("after the worker has ended, files mismatch (-want +got):\n%s", diff)
	}
}

// Two containers can share a directory and have processes of the same number.
func TestNumberOfAnotherProcess(t *testing.T) {
	needsLocks(t)
	dir := t.TempDir()
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true})
	mustClose(t, f)
	lock := filepath.Join(dir, names(t, dir)[0])
	release := mustLock(t, lock, true)
	_, err := rotate.Open(filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true})
	if err == nil || !strings.Contains(err.Error(), "same number") {
		t.Errorf("Open = %v, want that another process has the number", err)
	}
	if _, err := os.Lstat(lock); errors.Is(err, fs.ErrNotExist) {
		t.Error("the other's lock file was removed")
	}
	release()
	mustClose(t, mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{PerProcess: true}))
}
