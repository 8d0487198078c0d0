package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

func TestDiskFilledAndFreed(t *testing.T) {
	tests := []struct {
		name string
		opts rotate.Options
	}{
		{"growing", rotate.Options{MaxSize: -1}},
		{"rotating", rotate.Options{MaxSize: 20_000}},
		{"compressing", rotate.Options{MaxSize: 20_000, Compress: rotate.Gzip}},
		{"syncing", rotate.Options{MaxSize: 20_000, SyncEveryWrite: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := testlog.TinyDisk(t, "size=2m")
			path := filepath.Join(dir, "app.log")
			f := mustOpen(t, path, &tt.opts)
			w := &lineWriter{f: f, name: "w", failure: syscall.ENOSPC}
			for range torture(4, 20) {
				w.write(t, 20)
				dropped := w.dropped
				fill(t, dir)
				w.write(t, 100)
				if w.dropped == dropped {
					t.Fatal("the disk was not full")
				}
				free(t, dir)
				before := len(w.written)
				w.write(t, 20)
				if got := len(w.written) - before; got != 60 {
					t.Errorf("%d lines were written after there was space, want 60", got)
				}
			}
			w.check(t, path)
		})
	}
}

func TestProcessesShareAFullDisk(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=16m")
	j := job{Path: filepath.Join(dir, "app.log"), MaxSize: 50_000, MultiProcess: true, MayFail: true}
	var children []*child
	for i := range 3 {
		j.Writer, j.Ack, j.Steady = fmt.Sprint("p", i), max(1, 100*i), true
		children = append(children, startChild(t, j))
	}
	for _, c := range children {
		c.begin(t)
	}
	first := children[0]
	for range torture(4, 20) {
		acked := first.acked
		first.follow(func() bool { return first.acked >= acked+200 })
		refused := first.refused
		fill(t, dir)
		first.follow(func() bool { return first.refused >= refused+100 })
		for _, c := range children[1:] { // any of them may have come late
			c.follow(func() bool { return c.refused > 0 })
		}
		free(t, dir)
	}
	for _, c := range children {
		c.stop(t)
	}
	got := auditFiles(t, files(t, j.Path)...)
	got.whole(t)
	for _, c := range children {
		got.exactly(t, c.Writer, c.end.Written)
		if c.end.Refused == 0 {
			t.Errorf("%s has never found the disk full", c.Writer)
		}
	}
	got.nobodyElse(t)
}

func TestProcessesShareAFullDiskAndMakeRoom(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=512k")
	j := job{
		Path:             filepath.Join(dir, "app.log"),
		Lines:            torture(4, 20) * 1_000,
		MaxSize:          20_000,
		MultiProcess:     true,
		RemoveOnFullDisk: true,
	}
	var children []*child
	for i := range 3 {
		j.Writer = fmt.Sprint("p", i)
		children = append(children, startChild(t, j))
	}
	for _, c := range children {
		c.begin(t)
	}
	for _, c := range children {
		c.wait(t)
	}
	got := auditFiles(t, files(t, j.Path)...)
	got.whole(t)
	all, kept := 0, 0
	for _, c := range children { // the newest lines of each are there
		n := min(len(got.lines[c.Writer]), len(c.end.Written))
		got.exactly(t, c.Writer, c.end.Written[len(c.end.Written)-n:])
		all += len(c.end.Written)
		kept += n
	}
	got.nobodyElse(t)
	if kept < 500 || kept == all {
		t.Errorf("%d of %d lines were kept, want many, and not all", kept, all)
	}
}

func TestFullDiskIsNoReasonToDropWhileThereAreBackups(t *testing.T) {
	for name, opts := range map[string]rotate.Options{
		"plain":       {MaxSize: 20_000},
		"compressing": {MaxSize: 20_000, Compress: rotate.Zstd},
		"syncing":     {MaxSize: 20_000, SyncEveryWrite: true},
		"shared":      {MaxSize: 20_000, MultiProcess: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := testlog.TinyDisk(t, "size=256k")
			path := filepath.Join(dir, "app.log")
			opts.RemoveOnFullDisk = true
			rounds := max(torture(4, 20), 4)
			if opts.Compress != rotate.None {
				rounds = 20 // their checksums alone fill the disk, however small the rest becomes
			}
			f := mustOpen(t, path, &opts)
			var writers []*lineWriter
			var wait sync.WaitGroup
			for i := range 3 {
				w := &lineWriter{f: f, name: fmt.Sprint("w", i)}
				writers = append(writers, w)
				wait.Go(func() { w.write(t, rounds*250) }) // 300 KB each time, together
			}
			wait.Wait()
			mustClose(t, f)
			got := auditFiles(t, files(t, path)...)
			got.whole(t)
			all, kept := 0, 0
			for _, w := range writers { // the newest lines of each are there
				n := min(len(got.lines[w.name]), len(w.written))
				got.exactly(t, w.name, w.written[len(w.written)-n:])
				all += len(w.written)
				kept += n
			}
			got.nobodyElse(t)
			checkStats(t, f, int64(all), 0)
			if kept < 500 || kept == all {
				t.Errorf("%d of %d lines were kept, want many, and not all", kept, all)
			}
		})
	}
}

// Each line fills the file and most of the disk: there is room for it when the backup is gone that the one before has
// just become, and that nobody has open any more.
func TestFullDiskMakesRoomOfTheLastBackup(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=64k")
	path := filepath.Join(dir, "app.log")
	const n = 200
	f := mustOpen(t, path, &rotate.Options{MaxSize: 40_000, RemoveOnFullDisk: true})
	for i := range n {
		mustWrite(t, f, fmt.Sprintf("%040000d\n", i))
	}
	mustClose(t, f)
	checkStats(t, f, n, 0)
	if got, want := read(t, path), fmt.Sprintf("%040000d\n", n-1); got != want {
		t.Errorf("the live file has %d bytes, want the last line", len(got))
	}
}

// A process that has nothing to write has the only backup open, until it looks again at what the live file is.
func TestFullDiskWaitsForAProcessToLetGo(t *testing.T) {
	dir := testlog.TinyDisk(t, "size=512k")
	path := filepath.Join(dir, "app.log")
	idle := startChild(t, job{Path: path, Writer: "idle", MultiProcess: true, RemoveOnFullDisk: true})
	f := mustOpen(t, path, &rotate.Options{MaxSize: 300_000, MultiProcess: true, RemoveOnFullDisk: true})
	f.WaitForRoom(time.Minute) // the process may be slow
	for i := range 700 {
		mustWrite(t, f, fmt.Sprintf("%01000d\n", i))
	}
	mustClose(t, f)
	checkStats(t, f, 700, 0)
	idle.begin(t)
	idle.stop(t)
}

// Without its turn a process can not rotate, and writes on. When it has it again, the file that has taken all of the disk
// meanwhile is what makes room.
func TestFullDiskWhenTheTurnIsBack(t *testing.T) {
	const lines = 450
	open := func(t *testing.T) (f *rotate.File, write func(), release func()) {
		t.Helper()
		dir := testlog.TinyDisk(t, "size=512k")
		f = mustOpen(t, filepath.Join(dir, "app.log"), &rotate.Options{MaxSize: 20_000, MultiProcess: true, RemoveOnFullDisk: true})
		release = mustLock(t, filepath.Join(dir, lockFile), true)
		write = func() {
			for i := range lines {
				mustWrite(t, f, fmt.Sprintf("%01000d\n", i))
			}
		}
		write()
		return f, write, release
	}
	t.Run("while a Write waits", func(t *testing.T) {
		t.Parallel()
		f, write, release := open(t)
		f.WaitForRoom(time.Minute)
		time.AfterFunc(300*time.Millisecond, release)
		write()
		mustClose(t, f)
		checkStats(t, f, 2*lines, 0)
	})
	t.Run("long after the last attempt to rotate", func(t *testing.T) {
		t.Parallel()
		f, write, release := open(t)
		f.PutOffRotation(time.Hour)
		release()
		write()
		mustClose(t, f)
		checkStats(t, f, 2*lines, 0)
	})
}

func fill(t *testing.T, dir string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(dir, "filler.lock"), make([]byte, 32<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not fill up: %v", err)
	}
}

func free(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "filler.lock")); err != nil {
		t.Fatal(err)
	}
}

// A file system with a file open for writing cannot be made read-only, but the
// kernel does so after errors of the device. What programs see of it then is
// what they see here: the file that is open, and a tree that is read-only.
func TestReadOnlyInTheMiddleLosesNothing(t *testing.T) {
	dir := filepath.Join(testlog.TinyDisk(t, "size=1m"), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // if the test ends in the middle
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(dir, "app.log")
		f := mustOpen(t, path, &rotate.Options{MaxSize: 5_000})
		w := &lineWriter{f: f, name: "w"}
		for range 4 {
			w.write(t, 20)
			rotations := f.Stats().Rotations
			synctest.Wait() // nobody may be creating a file just then
			if err := errors.Join(syscall.Mount(dir, dir, "", syscall.MS_BIND, ""),
				syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")); err != nil {
				t.Fatal(err)
			}
			for range 50 {
				w.write(t, 1)
				time.Sleep(100 * time.Millisecond)
			}
			err := f.Rotate()
			if !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EXDEV) {
				t.Errorf("Rotate = %v, want a read-only file system", err)
			}
			if err := f.Reopen(); !errors.Is(err, syscall.EROFS) {
				t.Errorf("Reopen = %v, want EROFS", err)
			}
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
			if got := f.Stats().Rotations; got != rotations {
				t.Errorf("%d rotations on a read-only file system", got-rotations)
			}
			time.Sleep(time.Minute)
		}
		w.check(t, path)
	})
}

func TestAttributesThatForbidThings(t *testing.T) {
	tests := []struct {
		name  string
		on    func(path string) string
		flag  int
		drops bool // Writes fail meanwhile
	}{
		{"immutable directory", filepath.Dir, unix.STATX_ATTR_IMMUTABLE, false},
		{"append-only directory", filepath.Dir, unix.STATX_ATTR_APPEND, false},
		{"append-only file", filepath.Clean, unix.STATX_ATTR_APPEND, false},
		{"immutable file", filepath.Clean, unix.STATX_ATTR_IMMUTABLE, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			inBubble(t, func(t *testing.T) {
				f := mustOpen(t, path, &rotate.Options{MaxSize: 5_000})
				w := &lineWriter{f: f, name: "w", failure: syscall.EPERM}
				for range 3 {
					w.write(t, 10)
					setAttributes(t, tt.on(path), tt.flag)
					for range 50 {
						w.write(t, 1)
						time.Sleep(100 * time.Millisecond)
					}
					_ = f.Rotate()
					_ = f.Reopen()
					setAttributes(t, tt.on(path), 0)
					time.Sleep(time.Minute)
				}
				if tt.drops != (w.dropped > 0) {
					t.Errorf("%d lines dropped", w.dropped)
				}
				w.check(t, path)
			})
		})
	}
}

// setAttributes is chattr for these two flags, which have the numbers that statx
// gives them.
func setAttributes(t *testing.T, path string, set int) {
	t.Helper()
	change := func(set int) error {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
		if err != nil {
			return err
		}
		flags = flags&^(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) | set
		return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags)
	}
	if err := change(set); err != nil {
		t.Skipf("set attributes: %v", err)
	}
	t.Cleanup(func() { _ = change(0) }) // it is gone, or could not be removed
}
