package rotate_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
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

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func TestHeaderBeginsEachFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	made := 0
	opts := &rotate.Options{MaxSize: 16, Header: func() []byte {
		made++
		return fmt.Appendf(nil, "# %d\n", made)
	}}
	f := mustOpen(t, path, opts)
	if diff := cmp.Diff("", read(t, path)); diff != "" {
		t.Errorf("the empty file has a header:\n%s", diff)
	}
	mustRotate(t, f) // it is still empty
	mustWrite(t, f, "one\n")
	mustWriteLevel(t, f, slog.LevelInfo, "two\n")
	mustWrite(t, f, "three\n") // beyond MaxSize
	mustWrite(t, f, "larger than the limit\n")
	mustRotate(t, f)
	mustRotate(t, f)
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)

	f = mustOpen(t, path, opts) // found empty
	mustWrite(t, f, "four\n")
	mustClose(t, f)
	f = mustOpen(t, path, opts) // found with lines
	mustWrite(t, f, "five\n")
	if err := os.Truncate(path, 0); err != nil { // as copytruncate does
		t.Fatal(err)
	}
	if err := f.Rotate(); err != nil { // looks at the file
		t.Fatal(err)
	}
	mustWrite(t, f, "six\n")
	if err := errors.Join(os.Remove(path), f.Reopen()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "seven\n")
	mustClose(t, f)

	want := []string{"# 1\none\ntwo\n", "# 2\nthree\n", "# 3\nlarger than the limit\n", "# 6\nseven\n"}
	if diff := cmp.Diff(want, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 3, 0) // headers are no lines
	if s := f.Stats(); s.Size != int64(len("# 6\nseven\n")) || s.WrittenBytes != int64(len("five\nsix\nseven\n")) {
		t.Errorf("Size = %d, WrittenBytes = %d", s.Size, s.WrittenBytes)
	}
}

func TestHeaderMayPanic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var log errorLog
	f := mustOpen(t, path, &rotate.Options{OnError: log.add, Header: func() []byte { panic("in Header") }})
	mustWrite(t, f, "one\n")
	mustRotate(t, f)
	mustWrite(t, f, "two\n")
	mustWrite(t, f, "three\n")
	if diff := cmp.Diff([]string{"one\n", "two\nthree\n"}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
	if errs := log.all(f); len(errs) != 2 || !strings.Contains(errs[0].Error(), "Header panicked: in Header") {
		t.Errorf("OnError was told %v, want the panic for each file", errs)
	}
	checkStats(t, f, 3, 0)
}

func TestHeaderIsNotWrittenTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	header := append(make([]byte, 0, 100), "# the same\n"...)
	f := mustOpen(t, path, &rotate.Options{Header: func() []byte { return header }})
	mustWrite(t, f, "one\n")
	mustRotate(t, f)
	if got := string(header[:cap(header)][len(header):]); strings.Contains(got, "one") {
		t.Errorf("behind the header is %q", got)
	}
}

func TestPartialHeaderIsTakenBack(t *testing.T) {
	const header = "# a\n# header\n"
	tests := []struct {
		name  string
		fits  int
		write string
		n     int
		left  string
	}{
		{"nothing fits", 0, "one\ntwo\n", 0, ""},
		{"part of the header", 6, "one\ntwo\n", 0, ""},
		{"a line of the header", 4, "one\ntwo\n", 0, ""},
		{"the header", len(header), "one\ntwo\n", 0, ""},
		{"the header and part of a line", len(header) + 2, "one\ntwo\n", 0, ""},
		{"the header and a line", len(header) + 4, "one\ntwo\n", 4, header + "one\n"},
		{"and part of the next", len(header) + 6, "one\ntwo\n", 4, header + "one\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			f := mustOpen(t, path, &rotate.Options{Header: func() []byte { return []byte(header) }})
			disk := new(testlog.FullDisk)
			f.WrapEngine(func(w io.Writer) io.Writer {
				disk.W = w
				return disk
			})
			disk.SetRoom(tt.fits)
			if n, err := f.Write([]byte(tt.write)); n != tt.n || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Write = %d, %v, want %d, ENOSPC", n, err, tt.n)
			}
			if diff := cmp.Diff(tt.left, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			if got := f.Stats().Size; got != int64(len(tt.left)) {
				t.Errorf("Size = %d, want %d", got, len(tt.left))
			}
			disk.SetRoom(1000)
			mustWrite(t, f, "next\n")
			want := tt.left + "next\n"
			if tt.left == "" {
				want = header + want
			}
			if diff := cmp.Diff(want, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			written := int64(strings.Count(tt.write[:tt.n], "\n"))
			checkStats(t, f, written+1, 2-written)
		})
	}
}

// A disk with room for some files, of any size.
func crowded(f *rotate.File, dir string, room int) {
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return 0, err
			}
			if len(entries) > room {
				n, _ := w.Write(p[:1])
				return n, syscall.ENOSPC
			}
			return w.Write(p)
		})
	})
}

func TestFullDiskHasTheOldestBackupsRemoved(t *testing.T) {
	backups := []string{
		"app-1999-12-01T00-00-00.000.log.gz",
		"app-19991202T000000.000000Z.log",
		"app-19991203T000000.000000Z.log.zst",
		"app-19991204T000000.000000Z.log",
	}
	others := []string{"app.errors-19991201T000000.000000Z.log", "app.log.1"}
	spare := func(name string) func(rotate.Backup) bool {
		return func(b rotate.Backup) bool { return filepath.Base(b.Path) == name }
	}
	tests := []struct {
		name    string
		opts    rotate.Options
		room    int // files, with three that are no backups
		want    []string
		dropped int64
	}{
		{name: "there is room", opts: rotate.Options{RemoveOnFullDisk: true}, room: 7, want: backups},
		{name: "for one less", opts: rotate.Options{RemoveOnFullDisk: true}, room: 6, want: backups[1:]},
		{name: "for three less", opts: rotate.Options{RemoveOnFullDisk: true}, room: 4, want: backups[3:]},
		{name: "for none", opts: rotate.Options{RemoveOnFullDisk: true}, room: 3, want: nil},
		{name: "not even for the others", opts: rotate.Options{RemoveOnFullDisk: true}, room: 2, want: nil, dropped: 1},
		{
			name: "Keep is asked", opts: rotate.Options{RemoveOnFullDisk: true, Keep: spare(backups[1])},
			room: 4, want: backups[1:2],
		},
		{
			name: "and keeps all", opts: rotate.Options{RemoveOnFullDisk: true, Keep: func(rotate.Backup) bool { return true }},
			room: 6, want: backups, dropped: 1,
		},
		{
			name: "and keeps by a panic", opts: rotate.Options{RemoveOnFullDisk: true, Keep: func(rotate.Backup) bool { panic("in Keep") }},
			room: 6, want: backups, dropped: 1,
		},
		{
			name: "not asked for", room: 6, want: backups, dropped: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			for _, name := range slices.Concat(backups, others) {
				writeFile(t, filepath.Join(dir, name), name+"\n")
			}
			writeFile(t, path, "before\n")
			var mu sync.Mutex
			var removed []string
			opts := tt.opts
			opts.OnRemove = func(b rotate.Backup) {
				mu.Lock()
				defer mu.Unlock()
				removed = append(removed, filepath.Base(b.Path))
				if b.Size != int64(len(filepath.Base(b.Path))+1) || b.Time.Year() != 1999 {
					t.Errorf("OnRemove was told %+v", b)
				}
			}
			f := mustOpen(t, path, &opts)
			crowded(f, dir, tt.room)
			n, err := f.Write([]byte("line\n"))
			if tt.dropped == 0 && (n != 5 || err != nil) || tt.dropped > 0 && (n != 0 || !errors.Is(err, syscall.ENOSPC)) {
				t.Errorf("Write = %d, %v", n, err)
			}
			checkStats(t, f, 1-tt.dropped, tt.dropped)
			mustClose(t, f)
			want := slices.Concat(tt.want, others, []string{"app.log"})
			slices.Sort(want)
			if diff := cmp.Diff(want, names(t, dir)); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
			var gone []string
			for _, name := range backups {
				if !slices.Contains(tt.want, name) {
					gone = append(gone, name)
				}
			}
			if diff := cmp.Diff(gone, removed); diff != "" {
				t.Errorf("OnRemove mismatch (-want +got):\n%s", diff)
			}
			content := "before\n"
			if tt.dropped == 0 {
				content += "line\n"
			}
			if diff := cmp.Diff(content, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			if s := f.Stats(); s.Removed != uint64(len(gone)) || s.Backups != len(tt.want) {
				t.Errorf("Removed = %d, Backups = %d, want %d and %d", s.Removed, s.Backups, len(gone), len(tt.want))
			}
		})
	}
}

func TestFullDiskKeepsTheLinesThatFit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	backup := filepath.Join(dir, "app-19991202T000000.000000Z.log")
	writeFile(t, backup, "old\n")
	f := mustOpen(t, path, &rotate.Options{RemoveOnFullDisk: true})
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			if _, err := os.Lstat(backup); err == nil {
				n, _ := w.Write(p[:6]) // "one\ntw"
				return n, &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
			}
			return w.Write(p)
		})
	})
	mustWrite(t, f, "one\ntwo\nthree\n")
	if diff := cmp.Diff("one\ntwo\nthree\n", read(t, path)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 3, 0)
	if s := f.Stats(); s.Errors != 0 || s.WrittenBytes != 14 || s.Size != 14 {
		t.Errorf("Errors = %d (%v), WrittenBytes = %d, Size = %d", s.Errors, s.LastError, s.WrittenBytes, s.Size)
	}
}

func TestOtherFailuresRemoveNothing(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "app-19991202T000000.000000Z.log"), "old\n")
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{RemoveOnFullDisk: true})
	wrapEngine(f).Fail(syscall.EFBIG)
	if _, err := f.Write([]byte("line\n")); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Write = %v, want EFBIG", err)
	}
	if s := f.Stats(); s.Removed != 0 {
		t.Errorf("%d backups were removed", s.Removed)
	}
	checkStats(t, f, 0, 1)
}

// The descriptor is broken, and there is nothing to open in its place.
func TestBrokenDescriptorThatCannotBeOpenedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		var log errorLog
		f := mustOpen(t, path, &rotate.Options{OnError: log.add})
		mustWrite(t, f, "before\n")
		fault := wrapEngine(f)
		fault.Fail(syscall.EIO)
		if err := errors.Join(os.Rename(path, path+".1"), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if n, err := f.Write([]byte("line\n")); n != 0 || !errors.Is(err, syscall.EIO) {
				t.Errorf("Write = %d, %v, want 0, EIO", n, err)
			}
		}
		if errs := log.all(f); len(errs) != 2 || !errors.Is(errs[1], syscall.EIO) {
			t.Errorf("OnError was told %v, want that it was not opened again, once, and EIO, once", errs)
		}
		checkStats(t, f, 1, 3)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // it looks at the path
		synctest.Wait()
		mustWrite(t, f, "after\n")
		if diff := cmp.Diff([]string{"before\n", "after\n"}, []string{read(t, path+".1"), read(t, path)}); diff != "" {
			t.Errorf("content mismatch (-want +got):\n%s", diff)
		}
		checkStats(t, f, 2, 3)
	})
}

func TestWriteLevelIsWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{MaxSize: 12})
	for _, line := range []string{"one\n", "two\n", "larger than that\n", "four\n", "", "five\n"} {
		mustWriteLevel(t, f, slog.LevelInfo, line)
	}
	want := []string{"one\ntwo\n", "larger than that\n", "four\nfive\n"}
	if diff := cmp.Diff(want, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 5, 0)
	mustRotate(t, f)
	fault := wrapEngine(f)
	fault.Short(2, syscall.ENOSPC)
	if n, err := f.WriteLevel(slog.LevelError, []byte("six\n")); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteLevel = %d, %v, want 0, ENOSPC", n, err)
	}
	checkStats(t, f, 5, 1)
	mustClose(t, f)
	if _, err := f.WriteLevel(slog.LevelError, []byte("seven\n")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("WriteLevel after Close = %v, want os.ErrClosed", err)
	}
	checkStats(t, f, 5, 1)
}

// What a record's line holds does not depend on what was written before it.
func TestLinesAreCountedAlikeEverywhere(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	var counts []uint64
	before := uint64(0)
	for range 4 { // into an empty file, and then with nothing else to do
		mustWriteLevel(t, f, slog.LevelInfo, "one\ntwo\nthree")
		now := f.Stats().Written
		counts = append(counts, now-before)
		before = now
		mustWrite(t, f, "one\ntwo\nthree\n")
		now = f.Stats().Written
		counts = append(counts, now-before)
		before = now
	}
	for _, got := range counts {
		if got != counts[0] {
			t.Fatalf("the same three lines count as %d", counts)
		}
	}
}

// Whole lines that are in the file, and cannot be taken back, are not written
// again when there is room.
func TestFullDiskDoublesNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, filepath.Join(filepath.Dir(path), "app-19990101T000000.000000Z.log"), "old\n")
	f, err := rotate.Open(path, &rotate.Options{RemoveOnFullDisk: true})
	if err != nil {
		t.Fatal(err)
	}
	full := true
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			if full {
				full = false
				n, _ := w.Write(p[:8])
				return n, syscall.ENOSPC
			}
			return w.Write(p)
		})
	})
	f.CloseProbe() // nothing can be taken back
	mustWrite(t, f, "a1\na2\na3\n")
	if diff := cmp.Diff("a1\na2\na3\na3\n", read(t, path)); diff != "" { // the first a3 is a fragment
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 3, 0)
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Close = %v, want the probe's os.ErrClosed", err)
	}
}

// A Write that waits for room is not split by what others do meanwhile.
func TestFullDiskKeepsTheLinesOfAWriteTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, filepath.Join(filepath.Dir(path), "app-19990101T000000.000000Z.log"), "old\n")
	asked, answer := make(chan bool), make(chan bool)
	f := mustOpen(t, path, &rotate.Options{RemoveOnFullDisk: true, Keep: func(rotate.Backup) bool {
		asked <- true
		return <-answer
	}})
	full := true
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			if full {
				full = false
				n, _ := w.Write(p[:5])
				return n, syscall.ENOSPC
			}
			return w.Write(p)
		})
	})
	wrote := make(chan error)
	go func() {
		_, err := f.Write([]byte("a1\na2\na3\n"))
		wrote <- err
	}()
	<-asked
	mustWrite(t, f, "b\n")
	mustRotate(t, f)
	answer <- false
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"b\n", "a1\na2\na3\n"}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
	checkStats(t, f, 4, 0)
}

// Backups that others have removed meanwhile are room as well.
func TestFullDiskOthersMakeRoom(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "app-19990101T000000.000000Z.log"), "old\n")
	f := mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{RemoveOnFullDisk: true, Keep: func(b rotate.Backup) bool {
		if err := os.Remove(b.Path); err != nil {
			t.Error(err)
		}
		return false
	}})
	crowded(f, dir, 1)
	mustWrite(t, f, "line\n")
	checkStats(t, f, 1, 0)
	if got := f.Stats().Removed; got != 0 {
		t.Errorf("Removed = %d, want that it was somebody else", got)
	}
}
