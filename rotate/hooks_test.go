package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

// mustFail makes f report err, and Write return it.
func mustFail(t testing.TB, f *rotate.File, fault *testlog.FaultWriter, err error) {
	t.Helper()
	fault.Fail(err)
	if _, got := f.Write([]byte("lost\n")); !errors.Is(got, err) {
		t.Fatalf("Write = %v, want %v", got, err)
	}
	fault.Fail(nil)
	mustWrite(t, f, "written\n") // ends the outage, which is a report as well
}

func TestOnErrorHoldsUpNobody(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	entered, release := make(chan struct{}), make(chan struct{})
	var log errorLog
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{
		MaxSize:    100,
		MaxBackups: 2,
		OnError: func(err error) {
			log.add(err)
			if strings.Contains(err.Error(), "disk quota") {
				close(entered)
				<-release
			}
		},
	})
	fault := wrapEngine(f)
	mustFail(t, f, fault, syscall.EDQUOT)
	<-entered
	// With the hook hanging, everything else goes on: Writes, failures, rotations,
	// the worker.
	mustFail(t, f, fault, syscall.EFAULT)
	for range 100 {
		mustWrite(t, f, strings.Repeat("x", 60)+"\n")
	}
	mustRotate(t, f)
	if err := errors.Join(f.Sync(), f.Reopen()); err != nil {
		t.Error(err)
	}
	checkStats(t, f, 102, 2)
	close(release)
	mustClose(t, f)
	if got := len(contents(t, path)); got != 3 {
		t.Errorf("%d files, want two backups and the live one", got)
	}
	var got []string
	for _, err := range log.all(f) {
		got = append(got, err.Error()[len("rotate: wri"):][:3])
	}
	if diff := cmp.Diff([]string{"te ", "tin", "te ", "tin"}, got); diff != "" {
		t.Errorf("order of the reports mismatch (-want +got):\n%s", diff)
	}
}

func TestReportsForASlowHookAreBounded(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	const reports, waiting = 1000, 256
	entered, release := make(chan struct{}), make(chan struct{})
	var log errorLog
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{OnError: func(err error) {
		log.add(err)
		if strings.Contains(err.Error(), "report 0:") {
			close(entered)
			<-release
		}
	}})
	failure := errors.New("no link")
	mustWrite(t, f, "line\n")
	i := 0
	f.SetLink(func(string, string) error { return fmt.Errorf("report %d: %w", i, failure) })
	before := testlog.Goroutines(engine)
	for ; i < reports; i++ {
		if err := f.Rotate(); !errors.Is(err, failure) {
			t.Fatalf("Rotate = %v, want %v", err, failure)
		}
		if i == 0 {
			<-entered
		}
	}
	if after := testlog.Goroutines(engine); after > before+2 {
		t.Errorf("%d goroutines, %d before: want no more for many reports than for one", after, before)
	}
	close(release)
	mustClose(t, f) // waits
	errs := log.all(f)
	if len(errs) != 1+waiting {
		t.Fatalf("OnError was told %d times, want %d", len(errs), 1+waiting)
	}
	for i, err := range errs[1:] { // the newest, in order
		if want := fmt.Sprintf("report %d:", reports-waiting+i); !strings.Contains(err.Error(), want) {
			t.Fatalf("report %d is %v, want %s", i, err, want)
		}
	}
	if got := f.Stats().Errors; got != reports {
		t.Errorf("Errors = %d, want %d", got, reports)
	}
}

func TestCloseWaitsForOnError(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	entered, release := make(chan struct{}), make(chan struct{})
	told := 0
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{OnError: func(error) {
		if told == 0 {
			close(entered)
			<-release
		}
		told++
	}})
	mustFail(t, f, wrapEngine(f), syscall.EFAULT)
	<-entered
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no patience")
	cancel(reason)
	err := f.Shutdown(ctx)
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "a hook is still busy") {
		t.Errorf("Shutdown = %v, want %v", err, reason)
	}
	closed := make(chan error)
	go func() { closed <- f.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if told != 2 { // a race if Close had not waited
		t.Errorf("OnError was told %d times before Close returned, want 2", told)
	}
}

func TestCloseGivesUpOnAHook(t *testing.T) {
	for name, opts := range map[string]func(wait func()) *rotate.Options{
		"OnError":  func(wait func()) *rotate.Options { return &rotate.Options{OnError: func(error) { wait() }} },
		"OnRotate": func(wait func()) *rotate.Options { return &rotate.Options{OnRotate: func(rotate.Event) { wait() }} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				release := make(chan struct{})
				f, err := rotate.Open(filepath.Join(t.TempDir(), "app.log"), opts(func() { <-release }))
				if err != nil {
					t.Fatal(err)
				}
				mustWrite(t, f, "line\n")
				mustRotate(t, f)
				mustFail(t, f, wrapEngine(f), syscall.EFAULT)
				synctest.Wait()
				start := time.Now()
				if err := f.Close(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
					t.Errorf("Close = %v after %v, want that it gives up after 5 s", err, time.Since(start))
				}
				close(release)
				mustClose(t, f)
			})
		})
	}
}

func TestOnErrorMayEndItsGoroutine(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	var log errorLog
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{OnError: func(err error) {
		log.add(err)
		if strings.Contains(err.Error(), "bad address") {
			runtime.Goexit() // as t.FailNow does
		}
		panic("in OnError")
	}})
	fault := wrapEngine(f)
	for range 3 {
		mustFail(t, f, fault, syscall.EFAULT)
	}
	mustClose(t, f)
	if got := len(log.all(f)); got != 6 {
		t.Errorf("OnError was told %d times, want 6", got)
	}
}

// The hooks of the worker may end its goroutine, as t.FailNow does.
func TestHooksMayEndTheirGoroutine(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	for name, opts := range map[string]func(end func()) *rotate.Options{
		"OnRotate": func(end func()) *rotate.Options { return &rotate.Options{OnRotate: func(rotate.Event) { end() }} },
		"OnRemove": func(end func()) *rotate.Options { return &rotate.Options{OnRemove: func(rotate.Backup) { end() }} },
		"OnArchive": func(end func()) *rotate.Options {
			return &rotate.Options{Compress: rotate.Gzip, OnArchive: func(rotate.Backup) { end() }}
		},
		"Keep": func(end func()) *rotate.Options {
			return &rotate.Options{Keep: func(rotate.Backup) bool { end(); return false }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				calls := 0
				o := opts(func() {
					if calls++; calls == 1 {
						runtime.Goexit()
					}
				})
				o.MaxBackups, o.RemoveOnFullDisk = 2, true
				f := mustOpen(t, path, o)
				const lines = 6
				for range lines {
					mustWrite(t, f, "line\n")
					mustRotate(t, f)
					synctest.Wait()
				}
				if calls < 2 {
					t.Errorf("the hook was called %d times: the first call has ended everything", calls)
				}
				if got := len(contents(t, path)); got != 3 {
					t.Errorf("%d files, want two backups and the live one", got)
				}
				if second, err := rotate.Open(path, nil); err == nil {
					t.Error("there is a second File at the path")
					_ = second.Close()
				}
				wrapEngine(f).Fail(syscall.ENOSPC) // the Write removes backups, and asks Keep
				if _, err := f.Write([]byte("lost\n")); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Write = %v, want ENOSPC", err)
				}
				mustClose(t, f)
				checkStats(t, f, lines, 1)
			})
		})
	}
}

func TestPanicsOfHooksAreReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var log errorLog
	f := mustOpen(t, path, &rotate.Options{
		MaxBackups: 2,
		Compress:   rotate.Gzip,
		OnError:    log.add,
		OnRotate:   func(rotate.Event) { panic("at the stake") },
		OnArchive:  func(rotate.Backup) { panic(io.ErrUnexpectedEOF) },
		OnRemove:   func(rotate.Backup) { panic(nil) }, //nolint:govet // somebody will
	})
	for range 3 {
		mustWrite(t, f, "line\n")
		mustRotate(t, f)
	}
	mustClose(t, f)
	got := fmt.Sprint(log.all(f))
	for _, want := range []string{
		"rotate: OnRotate panicked: at the stake", "rotate: OnRemove panicked: panic called with nil argument",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("OnError was told %s, want %q", got, want)
		}
	}
	if s := f.Stats(); s.Backups != 2 || s.Removed != 1 || s.Rotations != 3 {
		t.Errorf("Backups = %d, Removed = %d, Rotations = %d, want 2, 1 and 3", s.Backups, s.Removed, s.Rotations)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
