package rotate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

const lockFile = ".app.log.lock"

// mustLock locks the file at path, as another process does, until release is
// called, or the test ends.
func mustLock(t *testing.T, path string, exclusive bool) (release func()) {
	t.Helper()
	needsLocks(t)
	unlock, err := rotate.Lock(path, exclusive)
	if err != nil {
		t.Fatalf("lock %s: %v", path, err)
	}
	release = sync.OnceFunc(func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// putInPlace makes a file with content the one at path, by a rename.
func putInPlace(t testing.TB, path, content string) {
	t.Helper()
	next := filepath.Join(filepath.Dir(path), "next")
	writeFile(t, next, content)
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// A process that is stopped in the middle of a rotation has given the file the
// name of a backup, and goes on when another one has given up waiting for it.
func TestOpenBesideARotationOfAnotherProcess(t *testing.T) {
	t.Parallel() // it waits for the lock
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	writeFile(t, path, "before\n")
	release := mustLock(t, filepath.Join(dir, lockFile), true)
	if err := os.Link(path, filepath.Join(dir, "app-19990101T000000.000000Z.log")); err != nil {
		t.Skip(err)
	}
	f := mustOpen(t, path, &rotate.Options{MultiProcess: true})
	putInPlace(t, path, "")
	release()
	mustWrite(t, f, "after\n")
	mustClose(t, f)
	if diff := cmp.Diff([]string{"before\n", "after\n"}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

// The same without MultiProcess, as when the next version of a program starts
// before the last one has ended.
func TestOpenBesideARotationOfAnInstanceThatEnds(t *testing.T) {
	for _, lives := range []bool{true, false} {
		t.Run(fmt.Sprintf("lives %v", lives), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "app.log")
				release := mustLock(t, path, false) // the mark of a file in use
				if !lives {
					release()
				}
				writeFile(t, path, "before\n")
				if err := os.Link(path, filepath.Join(dir, "app-19990101T000000.000000Z.log")); err != nil {
					t.Skip(err)
				}
				f := mustOpen(t, path, nil)
				want := []string{"before\n"}
				if lives {
					want = []string{"before\n", "before\n"} // the other one is about to make the second another file
				}
				if diff := cmp.Diff(want, contents(t, path)); diff != "" {
					t.Errorf("contents mismatch (-want +got):\n%s", diff)
				}
				release()
				if unlock, err := rotate.Lock(path, true); err == nil {
					t.Error("the file in use has no mark that says so")
					mustClose(t, closerFunc(unlock))
				}
				mustClose(t, f)
			})
		})
	}
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func TestFailedOpenEndsForGood(t *testing.T) {
	t.Parallel() // it waits for the lock
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	release := mustLock(t, filepath.Join(dir, lockFile), true)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := rotate.Open(path, &rotate.Options{MultiProcess: true}); err == nil {
		t.Fatal("Open has opened a directory")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	release()
	<-time.After(1500 * time.Millisecond) // more than there is between two looks at the path
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a File that was never opened has made its file: %v", err)
	}
}

// While a full disk keeps a Write busy, the File is closed.
func TestCloseWhileRoomIsMade(t *testing.T) {
	for _, multi := range []bool{false, true} {
		t.Run(fmt.Sprintf("MultiProcess %v", multi), func(t *testing.T) {
			if multi {
				needsLocks(t)
			}
			path := filepath.Join(t.TempDir(), "app.log")
			writeFile(t, filepath.Join(filepath.Dir(path), "app-19990101T000000.000000Z.log"), "old\n")
			asked, answer := make(chan bool), make(chan bool)
			var log errorLog
			f := mustOpen(t, path, &rotate.Options{
				MultiProcess: multi, RemoveOnFullDisk: true, OnError: log.add,
				Keep: func(rotate.Backup) bool {
					asked <- true
					return <-answer
				},
			})
			wrapEngine(f).Fail(syscall.ENOSPC)
			wrote := make(chan error)
			go func() {
				_, err := f.Write([]byte("line\n"))
				wrote <- err
			}()
			<-asked
			mustClose(t, f)
			answer <- false
			if err := <-wrote; !errors.Is(err, os.ErrClosed) {
				t.Errorf("Write = %v, want os.ErrClosed", err)
			}
			if got := read(t, path); got != "" {
				t.Errorf("the file that was closed holds %q", got)
			}
			for _, err := range log.all(f) {
				if strings.Contains(err.Error(), "lock") {
					t.Errorf("OnError was told %v", err)
				}
			}
			if multi { // nobody has anything open
				mustLock(t, path, true)
				mustLock(t, filepath.Join(filepath.Dir(path), lockFile), true)
			}
			checkStats(t, f, 0, 1)
		})
	}
}

// Somebody tidies up, and the next process to start makes another lock file: the
// lock is that one from now on.
func TestRemovedLockFile(t *testing.T) {
	open := func(t *testing.T) (f *rotate.File, path, lock string) {
		t.Helper()
		path = filepath.Join(t.TempDir(), "app.log")
		lock = filepath.Join(filepath.Dir(path), lockFile)
		f = mustOpen(t, path, &rotate.Options{MultiProcess: true})
		mustWrite(t, f, "one\n")
		if err := os.Remove(lock); err != nil {
			t.Fatal(err)
		}
		return f, path, lock
	}
	t.Run("another has the new one", func(t *testing.T) {
		needsLocks(t)
		t.Parallel() // it waits for the lock
		f, path, lock := open(t)
		release := mustLock(t, lock, true)
		if err := f.Rotate(); err == nil || !strings.Contains(err.Error(), "another process holds the lock") {
			t.Errorf("Rotate = %v, want that another process holds the lock", err)
		}
		mustWrite(t, f, "two\n")
		release()
		mustRotate(t, f)
		if diff := cmp.Diff([]string{"one\ntwo\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
	t.Run("nobody has it", func(t *testing.T) {
		needsLocks(t)
		f, path, lock := open(t)
		mustRotate(t, f)
		mustLock(t, lock, true) // was given back
		if diff := cmp.Diff([]string{"one\n", ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
	t.Run("nothing is taken back", func(t *testing.T) {
		needsLocks(t)
		f, path, lock := open(t)
		mustLock(t, lock, true)
		fault := wrapEngine(f)
		fault.Short(3, syscall.EFBIG)
		if n, err := f.Write([]byte("a line\n")); n != 0 || !errors.Is(err, syscall.EFBIG) {
			t.Errorf("Write = %d, %v, want 0, EFBIG", n, err)
		}
		if got := read(t, path); got != "one\na l" {
			t.Errorf("the file holds %q", got)
		}
		fault.Short(-1, nil)
		mustWrite(t, f, "next\n")
		if got := read(t, path); got != "one\na l\nnext\n" {
			t.Errorf("the file holds %q", got)
		}
	})
	t.Run("the other one is halfway through a rotation", func(t *testing.T) {
		needsLocks(t)
		f, path, lock := open(t)
		mustLock(t, lock, true)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		backup := filepath.Join(filepath.Dir(path), "app-20260101T000000.000000Z.log")
		if err := os.WriteFile(path, []byte("of another\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(path, backup); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, "two\n")
		if got := read(t, backup); got != "of another\ntwo\n" { // or what replaces the live file leaves nothing of it
			t.Errorf("the backup holds %q", got)
		}
	})
	t.Run("beside the worker", func(t *testing.T) {
		needsLocks(t)
		path := filepath.Join(t.TempDir(), "app.log")
		var log errorLog
		f := mustOpen(t, path, &rotate.Options{MultiProcess: true, Compress: rotate.Gzip, CompressDelay: 1, OnError: log.add})
		var want []string
		for i := range 50 {
			line := fmt.Sprint("line ", i)
			want = append(want, line)
			mustWrite(t, f, line+"\n")
			if err := os.Remove(filepath.Join(filepath.Dir(path), lockFile)); err != nil {
				t.Fatal(err)
			}
			mustRotate(t, f)
		}
		mustClose(t, f)
		checkLines(t, path, want)
		if errs := log.all(f); len(errs) > 0 {
			t.Errorf("OnError was told %v", errs)
		}
	})
}

// Two processes, between whose starts the lock file was removed.
func TestRemovedLockFileBetweenProcesses(t *testing.T) {
	j := job{
		Path:         filepath.Join(t.TempDir(), "app.log"),
		Lines:        1000,
		MaxSize:      2000,
		MultiProcess: true,
	}
	if testlog.Race {
		j.Lines = 300
	}
	j.Writer = "a"
	a := startChild(t, j)
	if err := os.Remove(filepath.Join(filepath.Dir(j.Path), lockFile)); err != nil {
		t.Fatal(err)
	}
	j.Writer = "b"
	b := startChild(t, j)
	a.begin(t)
	b.begin(t)
	a.wait(t)
	b.wait(t)
	got := auditFiles(t, files(t, j.Path)...)
	got.whole(t)
	for _, c := range []*child{a, b} {
		got.exactly(t, c.Writer, c.end.Written)
	}
	got.nobodyElse(t)
}

// A process with nothing to write learns of what others have written.
func TestQuietProcessLearnsTheSize(t *testing.T) {
	needsLocks(t)
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{MultiProcess: true})
		other, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, err := other.WriteString("of another\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := f.Stats().Size; got != 11 {
			t.Errorf("Size = %d, want 11", got)
		}
	})
}
