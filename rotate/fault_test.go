package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

// inBubble runs test with a clock that only moves while everything waits. The
// goroutines of the engines never end, so they have to start outside.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	var files []*rotate.File
	for range 4 {
		f, err := rotate.Open(filepath.Join(t.TempDir(), "app.log"), nil)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for _, f := range files {
		mustClose(t, f)
	}
	synctest.Test(t, test)
}

func TestPartialWriteIsTakenBack(t *testing.T) {
	tests := []struct {
		name   string
		before string
		short  int
		err    error
		write  string
		n      int
		want   string // file after the failure and one more line
	}{
		{
			name: "one line", before: "before\n", short: 3, err: syscall.ENOSPC,
			write: "a line\n", n: 0, want: "before\nnext\n",
		}, {
			name: "nothing was written", before: "before\n", short: 0, err: syscall.ENOSPC,
			write: "a line\n", n: 0, want: "before\nnext\n",
		}, {
			name: "whole lines stay", before: "before\n", short: 6, err: syscall.ENOSPC,
			write: "a\nb\nc line\n", n: 4, want: "before\na\nb\nnext\n",
		}, {
			name: "a border between lines", before: "before\n", short: 4, err: syscall.ENOSPC,
			write: "a\nb\nc line\n", n: 4, want: "before\na\nb\nnext\n",
		}, {
			name: "short without an error", before: "before\n", short: 3,
			write: "a line\n", n: 0, want: "before\nnext\n",
		}, {
			name: "everything and an error", before: "before\n", short: 99, err: syscall.EFAULT,
			write: "a line\n", n: 7, want: "before\na line\nnext\n",
		}, {
			name: "into an empty file", short: 3, err: syscall.ENOSPC,
			write: "a line\n", n: 0, want: "next\n",
		}, {
			name: "the end of a torn line stays", before: "torn", short: 1, err: syscall.ENOSPC,
			write: "a line\n", n: 0, want: "torn\nnext\n",
		}, {
			name: "after a torn line", before: "torn", short: 0, err: syscall.ENOSPC,
			write: "a line\n", n: 0, want: "torn\nnext\n",
		}, {
			name: "whole lines after a torn one", before: "torn", short: 5, err: syscall.ENOSPC,
			write: "a\nb line\n", n: 2, want: "torn\na\nnext\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			writeFile(t, path, tt.before)
			f := mustOpen(t, path, nil)
			fault := wrapEngine(f)
			fault.Short(tt.short, tt.err)
			n, err := f.Write([]byte(tt.write))
			wantErr := tt.err
			if wantErr == nil {
				wantErr = io.ErrShortWrite
			}
			if n != tt.n || !errors.Is(err, wantErr) {
				t.Errorf("Write = %d, %v, want %d, %v", n, err, tt.n, wantErr)
			}
			fault.Short(-1, nil)
			mustWrite(t, f, "next\n")
			if diff := cmp.Diff(tt.want, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			if got, want := f.Stats().Size, int64(len(tt.want)); got != want {
				t.Errorf("Size = %d, want %d", got, want)
			}
			written := int64(strings.Count(tt.write[:n], "\n"))
			checkStats(t, f, written+1, int64(strings.Count(tt.write, "\n"))-written)
		})
	}
}

func wrapEngine(f *rotate.File) *testlog.FaultWriter {
	fault := new(testlog.FaultWriter)
	f.WrapEngine(func(w io.Writer) io.Writer {
		fault.W = w
		return fault
	})
	return fault
}

func TestPartialWriteThatCannotBeTakenBackIsClosed(t *testing.T) {
	tests := []struct {
		name  string
		short int
		want  string
	}{
		{"mid-line", 3, "before\na l\nnext\n"},
		{"whole line", 99, "before\na line\nnext\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			writeFile(t, path, "before\n")
			f, err := rotate.Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			fault := wrapEngine(f)
			f.CloseProbe()
			fault.Short(tt.short, syscall.ENOSPC)
			if _, err := f.Write([]byte("a line\n")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Write = %v, want ENOSPC", err)
			}
			fault.Short(-1, nil)
			mustWrite(t, f, "next\n")
			if diff := cmp.Diff(tt.want, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			if err := f.Close(); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Close = %v, want the probe's os.ErrClosed", err)
			}
		})
	}
}

func TestPartialWriteOfAnotherProcessIsNotTakenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			n, _ := w.Write(p[:min(3, len(p))])
			other, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return n, err
			}
			defer other.Close()
			mustWrite(t, other, "other\n")
			return n, syscall.ENOSPC
		})
	})
	if _, err := f.Write([]byte("a line\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write = %v, want ENOSPC", err)
	}
	if diff := cmp.Diff("a lother\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 0, 1)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSyncEveryWriteDropsWhatIsNotSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := rotate.Open(path, &rotate.Options{SyncEveryWrite: true})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "durable\n")
	wrapEngine(f).Short(4, syscall.ENOSPC)
	if n, err := f.Write([]byte("a\nb\nc\n")); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write = %d, %v, want 0 and ENOSPC", n, err)
	}
	if diff := cmp.Diff("durable\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	f.CloseProbe()
	if n, err := f.Write([]byte("d\n")); n != 0 || err == nil {
		t.Errorf("Write without a sync = %d, %v, want 0 and an error", n, err)
	}
	checkStats(t, f, 1, 4)
	_ = f.Close() // the probe is closed
}

func TestOutageIsReportedOnceAndAtItsEnd(t *testing.T) {
	var log errorLog
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{OnError: log.add})
	fault := wrapEngine(f)
	for range 2 {
		fault.Fail(syscall.ENOSPC)
		for range 5 {
			if _, err := f.Write([]byte("lost\n")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Write = %v, want ENOSPC", err)
			}
		}
		fault.Fail(nil)
		mustWrite(t, f, "written\n")
		mustWrite(t, f, "written\n")
	}
	errs := log.all(f)
	if len(errs) != 4 {
		t.Fatalf("OnError was told %d times, want 4: %v", len(errs), errs)
	}
	for i := range 2 {
		if begin := errs[2*i]; !errors.Is(begin, syscall.ENOSPC) {
			t.Errorf("first report is %v, want ENOSPC", begin)
		}
		if end := errs[2*i+1].Error(); !strings.Contains(end, "5 lines were refused since") {
			t.Errorf("last report is %q, want it to count 5 lines", end)
		}
	}
	checkStats(t, f, 4, 10)
	if s := f.Stats(); s.Errors != 10 || !errors.Is(s.LastError, syscall.ENOSPC) || s.LastErrorTime.IsZero() {
		t.Errorf("Errors = %d, LastError = %v at %v", s.Errors, s.LastError, s.LastErrorTime)
	}
}

func TestErrorsNameTheLiveFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := rotate.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "line\n")
	mustRotate(t, f) // the file had a temporary name until now
	f.CloseProbe()
	want := "rotate: sync " + path + ": file already closed"
	if got := fmt.Sprint(f.Sync()); got != want {
		t.Errorf("Sync = %q, want %q", got, want)
	}
	wrapEngine(f).Fail(&os.PathError{Op: "write", Path: path + ".tmp", Err: syscall.ENOSPC})
	_, err = f.Write([]byte("line\n"))
	want = "rotate: write " + path + ": no space left on device"
	if got := fmt.Sprint(err); got != want {
		t.Errorf("Write = %q, want %q", got, want)
	}
	_ = f.Close() // the probe is closed
}

func TestHooksMayPanic(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{
		OnError:  func(error) { panic("in OnError") },
		OnRotate: func(rotate.Event) { panic("in OnRotate") },
	})
	fault := wrapEngine(f)
	fault.Fail(syscall.EFAULT)
	if _, err := f.Write([]byte("lost\n")); !errors.Is(err, syscall.EFAULT) {
		t.Errorf("Write = %v, want EFAULT", err)
	}
	fault.Fail(nil)
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	mustClose(t, f)
	if got := f.Stats().LastError; got == nil || !strings.Contains(got.Error(), "in OnRotate") {
		t.Errorf("LastError = %v, want the panic", got)
	}
	checkStats(t, f, 2, 1)
}

func TestHooksMayWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var f *rotate.File
	told := make(chan struct{})
	hook := func(rotate.Event) {
		mustWrite(t, f, "rotated\n")
		close(told)
	}
	fails := func(error) { _, _ = f.Write([]byte("failed\n")) }
	f = mustOpen(t, path, &rotate.Options{OnRotate: hook, OnError: fails})
	mustWrite(t, f, "one\n")
	mustRotate(t, f)
	<-told
	wrapEngine(f).Fail(syscall.EFAULT)
	if _, err := f.Write([]byte("lost\n")); !errors.Is(err, syscall.EFAULT) {
		t.Errorf("Write = %v, want EFAULT", err)
	}
	f.Settle()
	checkStats(t, f, 2, 2)
}

func TestOnRotateIsToldInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var events []rotate.Event
	f := mustOpen(t, path, &rotate.Options{
		MaxSize:  6,
		OnRotate: func(e rotate.Event) { events = append(events, e) },
	})
	mustWrite(t, f, "one\n")
	mustWrite(t, f, "three\n")
	mustRotate(t, f)
	mustClose(t, f) // passes on what is waiting, and ends the worker
	if len(events) != 2 {
		t.Fatalf("%d events, want 2", len(events))
	}
	for i, want := range []rotate.Event{
		{Path: path, Size: 4, Reason: rotate.SizeLimit},
		{Path: path, Size: 6, Reason: rotate.Requested},
	} {
		e := events[i]
		if got := int64(len(read(t, e.Backup))); got != e.Size {
			t.Errorf("the backup of event %d has %d bytes, want %d", i, got, e.Size)
		}
		if time.Since(e.Time) > time.Minute {
			t.Errorf("event %d was at %v", i, e.Time)
		}
		want.Backup, want.Time = e.Backup, e.Time
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("event mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestShutdownIsBoundedByItsContext(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	path := filepath.Join(t.TempDir(), "app.log")
	release, entered := make(chan struct{}), make(chan struct{})
	f := mustOpen(t, path, &rotate.Options{OnRotate: func(rotate.Event) {
		close(entered)
		<-release
	}})
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want context.Canceled", err)
	}
	if _, err := f.Write([]byte("late\n")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write = %v, want os.ErrClosed", err)
	}
	close(release)
	mustClose(t, f)
}

func TestEventsForASlowHookAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	release, entered := make(chan struct{}), make(chan struct{})
	var told int
	var log errorLog
	f := mustOpen(t, path, &rotate.Options{
		MaxBackups: 1,
		OnError:    log.add,
		OnRotate: func(rotate.Event) {
			if told++; told == 1 {
				close(entered)
			}
			<-release
		},
	})
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
	<-entered
	const waiting, more = 1024, 7
	for range waiting + more {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	close(release)
	mustClose(t, f)
	if got, want := told, waiting+1; got != want {
		t.Errorf("OnRotate was told %d times, want %d", got, want)
	}
	if errs := log.all(f); len(errs) != more {
		t.Errorf("OnError was told %d times, want %d: %v", len(errs), more, errs)
	}
	if got := len(contents(t, path)); got != 2 {
		t.Errorf("%d files, want one backup and the live one", got)
	}
}

func TestFailedRotationLosesNothing(t *testing.T) {
	failure := errors.New("no link")
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log errorLog
		f := mustOpen(t, path, &rotate.Options{MaxSize: 10, OnError: log.add})
		f.SetLink(func(string, string) error { return failure })
		var want []string
		start := time.Now()
		for i := range 1000 { // 100 s
			line := fmt.Sprintf("line %03d", i)
			mustWrite(t, f, line+"\n")
			want = append(want, line)
			time.Sleep(100 * time.Millisecond)
		}
		// 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7, 25.5, 51.1 s; not the first line.
		if got := f.Stats().RotateErrors; got != 10 {
			t.Errorf("%d attempts in %v, want 10", got, time.Since(start))
		}
		errs := log.all(f)
		for _, err := range errs {
			if !errors.Is(err, failure) {
				t.Errorf("OnError was told %v, want %v", err, failure)
			}
		}
		if len(errs) != 10 {
			t.Errorf("OnError was told %d times, want 10", len(errs))
		}
		if err := f.Rotate(); !errors.Is(err, failure) { // does not wait
			t.Errorf("Rotate = %v, want %v", err, failure)
		}
		checkLines(t, path, want)
		f.SetLink(os.Link)
		mustRotate(t, f)
		mustWrite(t, f, "last\n")
		if diff := cmp.Diff([]string{strings.Join(want, "\n") + "\n", "last\n"}, contents(t, path)); diff != "" {
			t.Errorf("contents mismatch (-want +got):\n%s", diff)
		}
		checkStats(t, f, 1001, 0)
		mustClose(t, f)
		if diff := cmp.Diff(2, len(names(t, filepath.Dir(path)))); diff != "" {
			t.Errorf("files left over: %v", names(t, filepath.Dir(path)))
		}
	})
}

func TestRotationThatFailsHalfwayIsUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	// The last step is to rename the prepared file, so take that away.
	sabotage := func() error {
		temps, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
		if err != nil || len(temps) != 1 {
			return fmt.Errorf("temporary files %v, %w, want one", temps, err)
		}
		return os.Remove(temps[0])
	}
	for name, link := range map[string]func(string, string) error{
		"with links": func(oldname, newname string) error {
			return errors.Join(sabotage(), os.Link(oldname, newname))
		},
		"without links": func(string, string) error {
			return errors.Join(sabotage(), syscall.EPERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustOpen(t, path, nil)
			mustWrite(t, f, name+"\n")
			f.SetLink(link)
			if err := f.Rotate(); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("Rotate = %v, want os.ErrNotExist", err)
			}
			if diff := cmp.Diff([]string{"app.log"}, names(t, filepath.Dir(path))); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
			mustWrite(t, f, "next\n")
			if diff := cmp.Diff([]string{name + "\nnext\n"}, contents(t, path)); diff != "" {
				t.Errorf("contents mismatch (-want +got):\n%s", diff)
			}
			checkStats(t, f, 2, 0)
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestFileSystemWithoutLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	f.SetLink(func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} })
	for range 50 {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	mustClose(t, f)
	if got := len(contents(t, path)); got != 51 {
		t.Errorf("%d files, want 51", got)
	}
	checkStats(t, f, 50, 0)
}

func TestBackupsAreNeverReplaced(t *testing.T) {
	for _, link := range []func(string, string) error{
		os.Link,
		func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} },
	} {
		inBubble(t, func(t *testing.T) { // the clock stands still
			path := filepath.Join(t.TempDir(), "app.log")
			stamp := time.Now().UTC().Format("20060102T150405.000000Z")
			taken := map[string]string{
				"app-" + stamp + ".log":      "other one\n",
				"app-" + stamp + "-1.log.gz": "other two\n",
			}
			var backup string
			f := mustOpen(t, path, &rotate.Options{OnRotate: func(e rotate.Event) { backup = e.Backup }})
			for name, content := range taken { // by another process
				writeFile(t, filepath.Join(filepath.Dir(path), name), content)
			}
			f.SetLink(link)
			mustWrite(t, f, "mine\n")
			mustRotate(t, f)
			mustClose(t, f)
			if got, want := filepath.Base(backup), "app-"+stamp+"-2.log"; got != want {
				t.Errorf("backup is %s, want %s", got, want)
			}
			for name, content := range taken {
				got, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
				if err != nil || string(got) != content {
					t.Errorf("%s = %q, %v, want %q", name, got, err, content)
				}
			}
		})
	}
}

func TestPreparedFileMayVanish(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		f := mustOpen(t, path, nil)
		for range 3 {
			mustWrite(t, f, "line\n")
			mustRotate(t, f)
			synctest.Wait() // for the worker to prepare a file
			temps, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
			if err != nil || len(temps) != 1 {
				t.Fatalf("temporary files %v, %v, want one", temps, err)
			}
			if err := os.Remove(temps[0]); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, f)
		if got := len(contents(t, path)); got != 4 {
			t.Errorf("%d files, want 4", got)
		}
		checkStats(t, f, 3, 0)
	})
}
