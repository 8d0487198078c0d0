package rotate_test

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/rotate"
)

func TestStats(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "app.log")
		writeFile(t, path, "there\n")
		writeFile(t, filepath.Join(dir, "app-19991231T000000.000000Z.log"), "twelve bytes")
		start := time.Now()
		f := mustOpen(t, path, &rotate.Options{MaxBackups: 2, Compress: rotate.Gzip})
		var want rotate.Stats
		check := func(after string) {
			t.Helper()
			synctest.Wait()
			got := f.Stats()
			if got.FreeSpace < 1 {
				t.Errorf("FreeSpace = %d after %s", got.FreeSpace, after)
			}
			opts := cmp.Options{cmpopts.IgnoreFields(rotate.Stats{}, "FreeSpace"), cmpopts.EquateErrors()}
			if diff := cmp.Diff(want, got, opts); diff != "" {
				t.Errorf("Stats after %s mismatch (-want +got):\n%s", after, diff)
			}
		}
		want.Size, want.Backups, want.BackupBytes = 6, 1, 12
		check("Open")

		mustWrite(t, f, "one\ntwo\n")
		mustWrite(t, f, "three\n")
		want.Accepted, want.Written, want.WrittenBytes, want.Size = 3, 3, 14, 20
		check("Write")

		time.Sleep(time.Minute)
		mustRotate(t, f)
		old := int64(len(gzipOf(t, dir, "app-19991231T000000.000000Z.log.gz")))
		want.Rotations, want.LastRotation, want.Size = 1, start.Add(time.Minute), 0
		want.Backups, want.BackupBytes, want.Compressed = 2, old+20, 1
		check("Rotate")

		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
		want.Reopened = 1
		check("Reopen")

		failure := errors.New("no link")
		mustWrite(t, f, "four\n")
		f.SetLink(func(string, string) error { return failure })
		time.Sleep(time.Minute)
		for range 2 {
			if err := f.Rotate(); !errors.Is(err, failure) {
				t.Errorf("Rotate = %v, want %v", err, failure)
			}
		}
		want.Accepted, want.Written, want.WrittenBytes, want.Size = 4, 4, 19, 5
		want.RotateErrors, want.LastRotateError = 2, failure
		want.Errors, want.LastError, want.LastErrorTime = 2, failure, start.Add(2*time.Minute)
		check("rotations that failed")

		f.SetLink(os.Link)
		time.Sleep(time.Minute)
		mustRotate(t, f)
		newest := int64(len(gzipOf(t, dir, "app-20000101T000100.000000Z.log.gz")))
		want.Rotations, want.LastRotation, want.Size = 2, start.Add(3*time.Minute), 0
		want.LastRotateError = nil // RotateErrors and LastError stay
		want.Backups, want.BackupBytes, want.Compressed, want.Removed = 2, newest+5, 2, 1
		check("a rotation that succeeded again")

		time.Sleep(time.Minute)
		fault := wrapEngine(f)
		fault.Short(4, syscall.ENOSPC)
		if n, err := f.Write([]byte("a\nb\nc\nd")); n != 4 || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Write = %d, %v, want 4, ENOSPC", n, err)
		}
		fault.Short(-1, nil)
		want.Accepted, want.Written, want.Dropped, want.WrittenBytes, want.Size = 8, 6, 2, 23, 4
		want.Errors, want.LastError, want.LastErrorTime = 3, syscall.ENOSPC, start.Add(4*time.Minute)
		check("a Write that failed")

		mustClose(t, f)
		if _, err := f.Write([]byte("late\n")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Write = %v, want os.ErrClosed", err)
		}
		check("Close")
	})
}

// gzipOf waits for the worker and returns what it has made of a backup.
func gzipOf(t testing.TB, dir, name string) []byte {
	t.Helper()
	synctest.Wait()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Lines are counted at every moment as if nothing went on beside it.
func TestStatsAddUpAtEveryMoment(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{MaxSize: 10_000, MaxBackups: 1})
	var full atomic.Bool
	fill := func() {
		full.Store(true)
		f.WrapEngine(func(w io.Writer) io.Writer { // until the next rotation
			return writerFunc(func(p []byte) (int, error) {
				if full.Load() {
					return 0, syscall.ENOSPC
				}
				return w.Write(p)
			})
		})
	}
	var writing, watching sync.WaitGroup
	var samples atomic.Int64
	stop := make(chan struct{})
	watching.Go(func() {
		var last rotate.Stats
		defer samples.Store(math.MaxInt64) // the writers do not wait for one that has ended
		for {
			s := f.Stats()
			if s.Accepted != s.Written+s.Dropped {
				t.Errorf("Accepted = %d, Written = %d, Dropped = %d", s.Accepted, s.Written, s.Dropped)
				return
			}
			if s.Accepted < last.Accepted || s.Written < last.Written || s.WrittenBytes != 5*int64(s.Written) {
				t.Errorf("%+v follows %+v", s, last)
				return
			}
			last = s
			samples.Add(1)
			select {
			case <-stop:
				return
			default:
			}
			runtime.Gosched()
		}
	})
	const writers, lines = 4, 2000
	var all, dropped atomic.Int64
	for w := range writers {
		writing.Go(func() {
			for i := 0; i < lines || samples.Load() < 100; i++ {
				n := w%3 + 1
				all.Add(int64(n))
				switch i % 100 {
				case 0:
					fill()
				case 5:
					full.Store(false)
				}
				if _, err := f.Write([]byte(strings.Repeat("line\n", n))); err != nil {
					dropped.Add(int64(n))
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	watching.Wait()
	checkStats(t, f, all.Load()-dropped.Load(), dropped.Load())
	if dropped.Load() == 0 || f.Stats().Rotations == 0 {
		t.Errorf("%d lines dropped, %d rotations: the test did not test anything", dropped.Load(), f.Stats().Rotations)
	}
}

// The counts are kept in few bits until somebody asks, or a second has passed,
// which in the bubble it never has.
func TestStatsOfManyLines(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &rotate.Options{MaxSize: -1})
		empty := []byte(strings.Repeat("\n", 64<<10)) // as many lines as there can be
		long := []byte(strings.Repeat("x", 64<<10-1) + "\n")
		const rounds, longs = 300, 3 // more than twice what the bits hold
		for i := range rounds {
			p := empty
			if i%100 == 99 {
				p = long
			}
			if _, err := f.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		checkStats(t, f, (rounds-longs)<<16+longs, 0)
		if got := f.Stats().WrittenBytes; got != rounds<<16 {
			t.Errorf("WrittenBytes = %d, want %d", got, rounds<<16)
		}
	})
}

func TestFreeSpaceOfADirectoryThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "logs")
		f := mustOpen(t, filepath.Join(dir, "app.log"), nil)
		for _, gone := range []bool{false, true, false} {
			mustWrite(t, f, "line\n") // creates it again
			if gone {
				if err := os.Rename(dir, dir+".away"); err != nil {
					t.Skip(err)
				}
			}
			time.Sleep(1100 * time.Millisecond) // it is looked at in between
			synctest.Wait()
			if got := f.Stats().FreeSpace; (got == -1) != gone || got == 0 {
				t.Errorf("FreeSpace = %d, directory gone: %v", got, gone)
			}
		}
	})
}

func TestStatsOfAFileThatOthersChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	mustWrite(t, f, strings.Repeat("line\n", 100))
	check := func(want int64) {
		t.Helper()
		if got := f.Stats().Size; got != want {
			t.Errorf("Size = %d, want %d", got, want)
		}
	}
	check(500)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	mustRotate(t, f) // looks at the file, and has nothing to do
	check(0)
	mustWrite(t, f, "line\n")
	mustWrite(t, f, "line\n")
	check(10)
}
