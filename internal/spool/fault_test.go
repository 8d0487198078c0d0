package spool_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/spool"
	"github.com/sluicelog/sluice/internal/testlog"
)

// reports collects what OnError is told.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) take() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := r.errs
	r.errs = nil
	return errs
}

var errFault = errors.New("a fault")

func TestAFailedAppendLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault func(f *spool.Faults, err error) // err nil ends it
	}{
		{"write", func(f *spool.Faults, err error) {
			f.Write = func([]byte) (int, error) { return 0, err }
		}},
		{"half a write", func(f *spool.Faults, err error) {
			f.Write = func(b []byte) (int, error) { return len(b) / 2, err }
		}},
		{"all but a byte, and no way back", func(f *spool.Faults, err error) {
			f.Write = func(b []byte) (int, error) { return len(b) - 1, err }
			f.Cut = func() error { return err }
			f.Remove = func(string) error { return err }
		}},
		{"sync", func(f *spool.Faults, err error) { f.Sync = func() error { return err } }},
		{"sync, and no way back", func(f *spool.Faults, err error) {
			f.Sync = func() error { return err }
			f.Cut = func() error { return err }
			f.Remove = func(string) error { return err }
		}},
		{"create", func(f *spool.Faults, err error) { f.Create = func() error { return err } }},
		{"sync of the directory", func(f *spool.Faults, err error) { f.Names = func() error { return err } }},
	} {
		for _, before := range []int{0, 1, 2} { // events in the segment, or enough for a new one
			t.Run(fmt.Sprintf("%s/%d", test.name, before), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) { testFailedAppend(t, dir, test.fault, before) })
			})
		}
	}
}

func testFailedAppend(t *testing.T, dir string, fault func(*spool.Faults, error), before int) {
	t.Helper()
	var log reports
	var faults spool.Faults
	o := &spool.Options{SegmentBytes: 130, Sync: spool.SyncEveryBatch, OnError: log.add}
	faults.Use(o)
	q := mustOpen(t, dir, o)
	var want []string
	for i := range before {
		want = append(want, fmt.Sprint("before", i))
		mustAppend(t, q, want[i])
	}
	end := q.End()
	fault(&faults, errFault)
	_, err := q.Append(bytesOf([]string{"never"}))
	fault(&faults, nil)
	failed := err != nil
	if failed && (!errors.Is(err, errFault) || q.End() != end || q.Stats().Events != uint64(before)) {
		t.Fatalf("%v; End %d, want %d; %+v", err, q.End(), end, q.Stats())
	}
	if !failed {
		want = append(want, "never") // where nothing had to be created
	}
	if (len(log.take()) > 0) != failed {
		t.Errorf("a failure of %v was not reported", err)
	}
	if failed {
		if _, err := q.Append(bytesOf([]string{"too early"})); !errors.Is(err, errFault) {
			t.Errorf("at once again: %v", err)
		}
		time.Sleep(time.Second)
	}
	mustAppend(t, q, "after")
	want = append(want, "after")
	mustClose(t, q)
	q = mustOpen(t, dir, nil)
	if diff := cmp.Diff(want, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Damaged > 0 || s.Events > 0 {
		t.Errorf("%+v", s)
	}
	mustClose(t, q)
}

func TestTroubleIsNotTriedAgainTooOften(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log reports
		var faults spool.Faults
		o := &spool.Options{OnError: log.add}
		faults.Use(o)
		q := mustOpen(t, dir, o)
		tries := 0
		faults.Write = func([]byte) (int, error) { tries++; return 0, syscall.ENOSPC }
		var at []time.Duration
		for start := time.Now(); time.Since(start) < 100*time.Second; time.Sleep(100 * time.Millisecond) {
			n := tries
			if _, err := q.Append([][]byte{{'x'}}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			if tries > n {
				at = append(at, time.Since(start))
			}
		}
		var want []time.Duration
		for _, s := range []int{0, 1, 3, 7, 15, 31, 61, 91} {
			want = append(want, time.Duration(s)*time.Second)
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
		if got := len(log.take()); got != len(want) {
			t.Errorf("%d reports, want %d", got, len(want))
		}
		faults.Write = nil
		mustClose(t, q)
	})
}

func TestReadingFails(t *testing.T) {
	var log reports
	var faults spool.Faults
	o := &spool.Options{SegmentBytes: 1, OnError: log.add}
	faults.Use(o)
	q := mustOpen(t, t.TempDir(), o)
	mustAppend(t, q, "a", "b")
	mustAppend(t, q, "c")
	faults.Read = func() error { return errFault }
	for range 3 {
		if l, err := q.Read(1, 0, 0); !errors.Is(err, errFault) || l != nil {
			t.Fatalf("%v, %v", l, err)
		}
	}
	faults.Read = nil
	if l := mustRead(t, q, 1, 0, 0); stringsOf(l)[0] != "a" {
		t.Errorf("read %q", stringsOf(l))
	} else {
		q.Release(l)
	}
	if got := log.take(); len(got) != 3 {
		t.Errorf("reported: %v", got)
	}
	// A bad sector does not hold up for ever what is behind it.
	faults.Read = func() error { return errFault }
	for range 3 {
		if _, err := q.Read(1, 0, 0); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
	}
	reads := 0
	faults.Read = func() error {
		if reads++; reads == 1 {
			return errFault
		}
		return nil
	}
	if diff := cmp.Diff([]string{"c"}, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Damaged != 2 || s.Events != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatCannotBeRemovedIsTriedAgain(t *testing.T) {
	var log reports
	var faults spool.Faults
	o := &spool.Options{SegmentBytes: 1, OnError: log.add}
	faults.Use(o)
	dir := t.TempDir()
	q := mustOpen(t, dir, o)
	for i := range 3 {
		mustAppend(t, q, strconv.Itoa(i))
	}
	faults.Remove = func(string) error { return errFault }
	l := mustRead(t, q, 0, 0, 0)
	q.Ack(l, 1)
	q.Ack(l, 1)
	if got := log.take(); len(got) != 2 {
		t.Errorf("reported: %v", got)
	}
	if s := q.Stats(); s.Segments != 1 || len(files(t, dir, ".seg")) != 3 || !errors.Is(s.LastError, errFault) {
		t.Errorf("%+v, and %d files", s, len(files(t, dir, ".seg")))
	}
	faults.Remove = nil
	q.Ack(l, 1)
	if got := files(t, dir, ".seg"); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
}

func TestThePositionCannotBeWritten(t *testing.T) {
	var log reports
	var faults spool.Faults
	o := &spool.Options{OnError: log.add}
	faults.Use(o)
	dir := t.TempDir()
	q := mustOpen(t, dir, o)
	mustAppend(t, q, "a", "b", "c")
	l := mustRead(t, q, 0, 0, 0)
	faults.Write = func([]byte) (int, error) { return 0, errFault }
	q.Ack(l, 1)
	if got := log.take(); len(got) != 1 || !errors.Is(got[0], errFault) {
		t.Errorf("reported: %v", got)
	}
	faults.Write = nil
	q.Ack(l, 1)
	if got := log.take(); len(got) > 0 {
		t.Errorf("reported: %v", got)
	}
	mustClose(t, q)
	if diff := cmp.Diff([]string{"c"}, drain(t, mustOpen(t, dir, nil))); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	open := func(t *testing.T, dir string, o *spool.Options, want ...string) {
		t.Helper()
		q, err := spool.Open(dir, o)
		if err == nil {
			_ = q.Close()
			t.Fatal("opened")
		}
		for _, w := range append(want, "spool: open "+dir) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	t.Run("options", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		open(t, dir, &spool.Options{MaxBytes: -1}, "MaxBytes -1")
		open(t, dir, &spool.Options{MaxAge: -1}, "MaxAge -1ns")
		open(t, dir, &spool.Options{SegmentBytes: -1}, "SegmentBytes -1")
		open(t, dir, &spool.Options{SegmentBytes: 10, MaxBytes: 9}, "SegmentBytes 10", "MaxBytes", "9")
		open(t, dir, &spool.Options{Sync: 3}, "Sync 3")
		open(t, dir, &spool.Options{SyncEvery: -1}, "SyncEvery -1ns")
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something was made: %v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, path, nil, "not a directory")
		open(t, filepath.Join(path, "spool"), nil, "not a directory")
	})
	t.Run("an unwritable directory", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may write anywhere")
		}
		dir := t.TempDir()
		mustClose(t, mustOpen(t, dir, nil)) // with files that are there
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
		open(t, dir, nil, "permission denied")
	})
	t.Run("links", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("links need rights there")
		}
		for _, name := range []string{"lock", "position", "00000000000000000001.seg"} {
			dir := t.TempDir()
			target := filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			open(t, dir, nil, name, "not a regular file")
			if b, err := os.ReadFile(target); err != nil || string(b) != "precious" {
				t.Errorf("%s: the target has %q, %v", name, b, err)
			}
		}
	})
	t.Run("one that is open", func(t *testing.T) {
		dir := t.TempDir()
		q := mustOpen(t, dir, nil)
		open(t, dir, nil, fmt.Sprintf("in use by process %d", os.Getpid()))
		mustClose(t, q)
		mustOpen(t, dir, nil)
	})
}

func TestAClosedQueueRefuses(t *testing.T) {
	testlog.CheckGoroutines(t)
	q := mustOpen(t, t.TempDir(), nil)
	mustAppend(t, q, "a")
	l := mustRead(t, q, 0, 0, 0)
	mustClose(t, q)
	mustClose(t, q)
	q.Ack(l, 1) // too late, and harmless
	_, appended := q.Append([][]byte{{'x'}})
	_, read := q.Read(0, 0, 0)
	_, dropped := q.DropOldest()
	for i, err := range []error{appended, read, dropped, q.Sync(), q.Prepend([][]byte{{'x'}})} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestAHookPanics(t *testing.T) {
	var faults spool.Faults
	o := &spool.Options{OnError: func(error) { panic("a hook") }}
	faults.Use(o)
	q := mustOpen(t, t.TempDir(), o)
	faults.Write = func([]byte) (int, error) { return 0, errFault }
	if _, err := q.Append([][]byte{{'x'}}); !errors.Is(err, errFault) {
		t.Error(err)
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes mean little there")
	}
	dir := filepath.Join(t.TempDir(), "spool")
	q := mustOpen(t, dir, nil)
	mustAppend(t, q, "a")
	for path, want := range map[string]fs.FileMode{"": 0o700, "lock": 0o600, "position": 0o600, filepath.Base(files(t, dir, ".seg")[0]): 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", path, info, err)
		}
	}
}
