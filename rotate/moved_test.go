package rotate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

func TestMovedFileIsNoticedWithinASecond(t *testing.T) {
	tests := []struct {
		name string
		move func(path string) error
		want string // in the file moved away, if there is one
	}{
		{
			name: "renamed",
			move: func(path string) error { return os.Rename(path, path+".1") },
			want: "one\ntwo\n",
		}, {
			name: "removed",
			move: os.Remove,
		}, {
			name: "replaced",
			move: func(path string) error {
				return errors.Join(os.Rename(path, path+".1"), os.WriteFile(path, nil, 0o600))
			},
			want: "one\ntwo\n",
		}, {
			name: "directory renamed",
			move: func(path string) error {
				dir := filepath.Dir(path)
				return os.Rename(dir, dir+".1")
			},
		}, {
			name: "directory removed",
			move: func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "logs", "app.log")
				f := mustOpen(t, path, nil)
				mustWrite(t, f, "one\n")
				if err := tt.move(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second - time.Nanosecond)
				mustWrite(t, f, "two\n") // still to the file it has open
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				mustWrite(t, f, "three\n")
				mustRotate(t, f) // the new file is a normal one
				if diff := cmp.Diff([]string{"three\n", ""}, contents(t, path)); diff != "" {
					t.Errorf("contents mismatch (-want +got):\n%s", diff)
				}
				if tt.want != "" {
					if diff := cmp.Diff(tt.want, read(t, path+".1")); diff != "" {
						t.Errorf("moved file mismatch (-want +got):\n%s", diff)
					}
				}
				checkStats(t, f, 3, 0)
				if got := f.Stats().Reopened; got != 1 {
					t.Errorf("Reopened = %d, want 1", got)
				}
			})
		})
	}
}

func TestRotateAfterAMoveMakesNoBackupOfAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	mustWrite(t, f, "one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	mustRotate(t, f)
	if diff := cmp.Diff([]string{""}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

func TestReopenAfterLogrotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{MaxBackups: 3})
	mustWrite(t, f, "one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	for range 6 { // idle ones must not push out backups, or make any
		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, f, "two\n")
	mustClose(t, f)
	if diff := cmp.Diff([]string{"app.log", "app.log.1"}, names(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
	if got := read(t, path+".1") + read(t, path); got != "one\ntwo\n" {
		t.Errorf("content is %q", got)
	}
}

func TestCopytruncateLeavesNoHole(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxSize: 2000})
		before := strings.Repeat("x", 999) + "\n"
		mustWrite(t, f, before)
		mustRotate(t, f) // the file after a rotation is one of its own making
		mustWrite(t, f, before)
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, f, "after\n")
		if diff := cmp.Diff("after\n", read(t, path)); diff != "" {
			t.Errorf("content mismatch (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		mustWrite(t, f, before)
		if got := f.Stats(); got.Size != 1006 || got.Rotations != 1 {
			t.Errorf("Size = %d, Rotations = %d, want 1006 and 1", got.Size, got.Rotations)
		}
	})
}

func TestDirectoryReplacedByAFileLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "logs")
		path := filepath.Join(dir, "app.log")
		var log errorLog
		f := mustOpen(t, path, &rotate.Options{MaxSize: 20, OnError: log.add})
		mustWrite(t, f, "line 1\n")
		if err := os.Rename(dir, dir+".1"); err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, "in the way")
		const more = 20
		for range more { // over MaxSize many times
			time.Sleep(time.Second)
			mustWrite(t, f, "line n\n")
		}
		want := "line 1\n" + strings.Repeat("line n\n", more)
		if diff := cmp.Diff(want, read(t, filepath.Join(dir+".1", "app.log"))); diff != "" {
			t.Errorf("content mismatch (-want +got):\n%s", diff)
		}
		if got := len(log.all(f)); got < 3 || got > 20 { // of 20 Writes, and the worker
			t.Errorf("OnError was told %d times, want it told, and less and less often", got)
		}
		if err := f.Rotate(); err == nil {
			t.Error("Rotate succeeded")
		}
		if err := f.Reopen(); err == nil {
			t.Error("Reopen succeeded")
		}
		// The way is free again.
		if err := errors.Join(os.Remove(dir), os.Rename(dir+".1", dir)); err != nil {
			t.Fatal(err)
		}
		mustRotate(t, f)
		if diff := cmp.Diff([]string{want, ""}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		checkStats(t, f, 21, 0)
	})
}

func TestUnwritableDirectoryLosesNothing(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory")
	}
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log errorLog
		f := mustOpen(t, path, &rotate.Options{MaxSize: 20, OnError: log.add})
		if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
			t.Fatal(err)
		}
		const lines = 100
		for range lines {
			mustWrite(t, f, "line\n")
			time.Sleep(10 * time.Millisecond)
		}
		want := strings.Repeat("line\n", lines)
		if diff := cmp.Diff([]string{want}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		errs := log.all(f)
		if len(errs) == 0 || !errors.Is(errs[0], fs.ErrPermission) {
			t.Errorf("OnError was told %v, want a permission error", errs)
		}
		if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		mustWrite(t, f, "last\n")
		if diff := cmp.Diff([]string{want, "last\n"}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		checkStats(t, f, 101, 0)
	})
}

func TestPathIsNeverMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := os.Lstat(path); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 300 {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	close(stop)
	<-stopped
}

func TestSyncReachesRotatedFiles(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, nil)
		for range 100 { // more than are remembered
			mustWrite(t, f, "line\n")
			mustRotate(t, f)
		}
		synctest.Wait()
		if err := f.Sync(); err != nil {
			t.Error(err)
		}
		// A backup that cannot be synced is one that Sync must not pass over.
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		synctest.Wait()
		all := names(t, filepath.Dir(path))
		newest := filepath.Join(filepath.Dir(path), all[len(all)-2])
		if err := errors.Join(os.Rename(newest, newest+".away"), os.Symlink(newest, newest)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it is not forgotten
			if err := f.Sync(); err == nil {
				t.Error("Sync did not look at the newest backup")
			}
		}
		if err := os.Remove(newest); err != nil {
			t.Fatal(err)
		}
		if err := f.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Files that were moved away are put away, however long a hook takes.
func TestMovedFilesDoNotPileUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "app.log")
		goOn := make(chan bool)
		f := mustOpen(t, path, &rotate.Options{OnRotate: func(rotate.Event) { <-goOn }})
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
		synctest.Wait() // for the hook to hang
		const reopened = 50
		for i := range reopened {
			mustWrite(t, f, "line\n")
			if err := errors.Join(os.Rename(path, fmt.Sprint(path, ".", i)), f.Reopen()); err != nil {
				t.Fatal(err)
			}
		}
		// What is not put away has its lock still.
		open := 0
		for i := range reopened {
			unlock, err := rotate.Lock(fmt.Sprint(path, ".", i), true)
			if err != nil {
				t.Fatalf("a file that was moved away counts as in use: %v", err)
			}
			mustClose(t, closerFunc(unlock))
		}
		const mine = "/proc/self/fd"
		if fds, err := os.ReadDir(mine); err == nil {
			for _, fd := range fds {
				if to, err := os.Readlink(mine + "/" + fd.Name()); err == nil && strings.HasPrefix(to, dir) {
					open++
				}
			}
		}
		if open > 10 {
			t.Errorf("%d files are open", open)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if got := strings.Count(string(stacks), "millRun"); got > 30 {
			t.Errorf("%d engines", got)
		}
		close(goOn)
		mustClose(t, f)
		checkStats(t, f, reopened+1, 0)
	})
}

// What stands at the name of the prepared file is not taken for it.
func TestPreparedFileMayBeReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, nil)
		mustWrite(t, f, "one\n")
		mustRotate(t, f)
		synctest.Wait() // for the worker to prepare a file
		temps, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
		if err != nil || len(temps) != 1 {
			t.Fatalf("temporary files %v, %v, want one", temps, err)
		}
		putInPlace(t, temps[0], "planted\n")
		mustWrite(t, f, "two\n")
		mustRotate(t, f)
		mustWrite(t, f, "three\n")
		mustClose(t, f)
		if diff := cmp.Diff([]string{"one\n", "two\n", "three\n"}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
	})
}

// SIGHUP must not put off what is overdue.
func TestReopenIsNoNewPeriod(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, &rotate.Options{Schedule: "daily", Location: time.UTC})
		mustWrite(t, f, "yesterday\n")
		f.SetLink(func(string, string) error { return errors.New("no link") })
		time.Sleep(24*time.Hour + time.Minute)
		synctest.Wait()
		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
		f.SetLink(os.Link)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := f.Stats().Rotations; got != 1 {
			t.Errorf("%d rotations, want the one that is overdue", got)
		}
	})
}
