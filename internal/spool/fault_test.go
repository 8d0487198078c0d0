package spool_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	for _, told := range log.take() {
		if strings.HasPrefix(told.Error(), "spool: append") {
			t.Errorf("told twice: %v", told)
		}
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
		if got := log.take(); len(got) > 0 {
			t.Errorf("told twice: %v", got)
		}
		n := tries
		q.Retry()
		for range 2 { // of which the second has to wait again
			if _, err := q.Append([][]byte{{'x'}}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		if got := tries - n; got != 1 {
			t.Errorf("%d attempts after Retry, want 1", got)
		}
		faults.Write = nil
		q.Retry()
		mustAppend(t, q, "y")
		mustClose(t, q)
	})
}

// hugeBatch is a batch of several frames, one with a single event.
func hugeBatch() (events []string) {
	for i := range 3000 {
		events = append(events, fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000)))
		if i == 1500 {
			events = append(events, strings.Repeat("y", 1500<<10))
		}
	}
	return append(events, "", "last")
}

func TestAHugeBatch(t *testing.T) {
	batch := hugeBatch()
	longest := spool.HeaderSize + spool.FrameSize + 4 + 1500<<10
	for name, put := range map[string]func(q *spool.Queue, events [][]byte) error{
		"append":  func(q *spool.Queue, events [][]byte) error { _, err := q.Append(events); return err },
		"prepend": (*spool.Queue).Prepend,
	} {
		t.Run(name, func(t *testing.T) {
			var faults spool.Faults
			var writes []int
			faults.Write = func(b []byte) (int, error) {
				if len(b) != spool.SlotSize {
					writes = append(writes, len(b))
				}
				return 0, nil
			}
			o := &spool.Options{SegmentBytes: 2 << 20, Sync: spool.SyncNever}
			faults.Use(o)
			dir := t.TempDir()
			q := mustOpen(t, dir, o)
			mustAppend(t, q, "one")
			writes = nil
			events := bytesOf(batch)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := put(q, events); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 && !testlog.Race {
				t.Errorf("%d bytes allocated", got)
			}
			if len(writes) != 5 {
				t.Errorf("%d writes, want 5", len(writes))
			}
			for _, n := range writes {
				if n > longest || n > 1<<20 && n < 1500<<10 {
					t.Errorf("a write of %d bytes", n)
				}
			}
			want := append([]string{"one"}, batch...)
			if name == "prepend" {
				want = append(slices.Clone(batch), "one")
			}
			if s := q.Stats(); s.Events != uint64(len(want)) || s.Segments != 2 {
				t.Errorf("%+v", s)
			}
			checkSize(t, q, dir)
			mustClose(t, q)
			q = mustOpen(t, dir, o)
			if diff := cmp.Diff(want, drain(t, q)); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// checkSize compares what the queue and the directory say of its size.
func checkSize(t *testing.T, q *spool.Queue, dir string) {
	t.Helper()
	var size int64
	for _, path := range files(t, dir, ".seg") {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if got := q.Stats().Bytes; got != size {
		t.Errorf("%d bytes, want %d", got, size)
	}
}

// TestAHugeBatchFails lets each write of one fail, in the segment there is and
// in a new one.
func TestAHugeBatchFails(t *testing.T) {
	batch := bytesOf(hugeBatch())
	for _, segment := range []int64{2 << 20, 16 << 20} {
		for fails := 1; fails <= 5; fails++ {
			var faults spool.Faults
			o := &spool.Options{SegmentBytes: segment, Sync: spool.SyncNever}
			faults.Use(o)
			dir := t.TempDir()
			q := mustOpen(t, dir, o)
			mustAppend(t, q, "before")
			n := 0
			faults.Write = func(b []byte) (int, error) {
				if n++; n == fails {
					return len(b) / 2, errFault
				}
				return 0, nil
			}
			before := q.Stats()
			_, err := q.Append(batch)
			if !errors.Is(err, errFault) {
				t.Fatalf("write %d: %v", fails, err)
			}
			faults.Write = nil
			before.LastError = err
			if got := q.Stats(); got != before {
				t.Errorf("%+v, want %+v", got, before)
			}
			checkSize(t, q, dir)
			q.Retry()
			mustAppend(t, q, "after")
			mustClose(t, q)
			q = mustOpen(t, dir, o)
			if diff := cmp.Diff([]string{"before", "after"}, drain(t, q)); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			mustClose(t, q)
		}
	}
}

// TestTheDirectoryIsRemoved is what a cleaner of temporary files does to a
// program that runs for long.
func TestTheDirectoryIsRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files in use cannot be removed there")
	}
	for name, notice := range map[string]func(t *testing.T, q *spool.Queue) (lost uint64){
		"read": func(t *testing.T, q *spool.Queue) uint64 {
			if l := mustRead(t, q, 0, 0, 0); l != nil {
				t.Errorf("read %q", stringsOf(l))
			}
			return 2
		},
		"time": func(*testing.T, *spool.Queue) uint64 {
			time.Sleep(2 * time.Second)
			return 2
		},
		"prepend": func(t *testing.T, q *spool.Queue) uint64 {
			if err := q.Prepend(bytesOf([]string{"older"})); err != nil {
				t.Error(err)
			}
			if l := mustRead(t, q, 1, 0, 0); stringsOf(l)[0] != "older" {
				t.Errorf("read %q", stringsOf(l))
			} else {
				q.Ack(l, 1)
			}
			return 2
		},
	} {
		for _, mode := range []spool.Sync{spool.SyncInterval, spool.SyncEveryBatch} {
			t.Run(fmt.Sprint(name, mode), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "spool")
				synctest.Test(t, func(t *testing.T) {
					var log reports
					o := &spool.Options{Sync: mode, OnError: log.add}
					q := mustOpen(t, dir, o)
					mustAppend(t, q, "a", "b")
					if err := os.RemoveAll(dir); err != nil {
						t.Fatal(err)
					}
					lost := notice(t, q)
					mustAppend(t, q, "c")
					if _, err := spool.Open(dir, o); err == nil || !strings.Contains(err.Error(), "in use") {
						t.Errorf("the new directory is not locked: %v", err)
					}
					l := mustRead(t, q, 0, 0, 0)
					if got := stringsOf(l); len(got) != 1 || got[0] != "c" {
						t.Errorf("read %q", got)
					}
					if s := q.Stats(); s.Damaged != lost || s.Events != 1 {
						t.Errorf("%+v", s)
					}
					if got := fmt.Sprint(log.take()); !strings.Contains(got, "was removed: 2 events") {
						t.Errorf("reported: %s", got)
					}
					q.Release(l)
					mustAppend(t, q, "d")
					mustClose(t, q)
					q = mustOpen(t, dir, nil)
					if diff := cmp.Diff([]string{"c", "d"}, drain(t, q)); diff != "" {
						t.Errorf("events mismatch (-want +got):\n%s", diff)
					}
					mustClose(t, q)
				})
			})
		}
	}
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
	if got := log.take(); len(got) > 0 {
		t.Errorf("told twice: %v", got)
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
