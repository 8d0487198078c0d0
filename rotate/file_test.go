package rotate_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/rotate"
)

// engine is part of the stack of the goroutine that lumberjack never ends.
const engine = "lumberjack"

func mustOpen(t testing.TB, path string, opts *rotate.Options) *rotate.File {
	t.Helper()
	f, err := rotate.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func mustWrite(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(w, s); n != len(s) || err != nil {
		t.Fatalf("Write(%.40q) = %d, %v, want %d, nil", s, n, err, len(s))
	}
}

func mustRotate(t testing.TB, f *rotate.File) {
	t.Helper()
	if err := f.Rotate(); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(content)
}

// names returns what is in dir, in order.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

// contents returns the content of each backup of path, oldest first, and then
// that of path.
func contents(t testing.TB, path string) []string {
	t.Helper()
	dir, live := filepath.Split(path)
	var all []string
	for _, name := range names(t, dir) { // sorted, and so by time
		if _, ok := rotate.ParseBackup(live, name); ok {
			all = append(all, read(t, filepath.Join(dir, name)))
		}
	}
	return append(all, read(t, path))
}

// checkStats fails t unless the counts add up, and line counts are as given.
func checkStats(t testing.TB, f *rotate.File, written, dropped int64) {
	t.Helper()
	s := f.Stats()
	got := [3]uint64{s.Accepted, s.Written, s.Dropped}
	want := [3]uint64{uint64(written + dropped), uint64(written), uint64(dropped)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accepted, written, dropped mismatch (-want +got):\n%s", diff)
	}
}

// checkLines fails t unless the files of path hold exactly the lines want.
func checkLines(t testing.TB, path string, want []string) {
	t.Helper()
	lines, rest := testlog.Lines([]byte(strings.Join(contents(t, path), "")))
	if rest != "" {
		t.Errorf("torn line: %q", rest)
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines mismatch (-want +got):\n%s", diff)
	}
}

// errorLog collects what OnError is told.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// all returns what OnError of f has been told.
func (l *errorLog) all(f *rotate.File) []error {
	f.Settle()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.errs)
}

func TestWriteRotatesBySize(t *testing.T) {
	tests := []struct {
		name    string
		maxSize int64
		before  string
		writes  []string
		want    []string
	}{
		{
			name: "up to the limit stays", maxSize: 8,
			writes: []string{"aaa\n", "bbb\n"},
			want:   []string{"aaa\nbbb\n"},
		}, {
			name: "one byte over rotates", maxSize: 7,
			writes: []string{"aaa\n", "bbb\n"},
			want:   []string{"aaa\n", "bbb\n"},
		}, {
			name: "larger than the limit is written whole, alone", maxSize: 4,
			writes: []string{"a\n", "bbbbbbbb\n", "c\n"},
			want:   []string{"a\n", "bbbbbbbb\n", "c\n"},
		}, {
			name: "larger than the limit into an empty file", maxSize: 4,
			writes: []string{"bbbbbbbb\n"},
			want:   []string{"bbbbbbbb\n"},
		}, {
			name: "several lines of one write stay together", maxSize: 8,
			writes: []string{"a\n", "b\nc\nd\ne\n"},
			want:   []string{"a\n", "b\nc\nd\ne\n"},
		}, {
			name: "what was there counts", maxSize: 8, before: "before\n",
			writes: []string{"a\n"},
			want:   []string{"before\n", "a\n"},
		}, {
			name: "negative is never", maxSize: -1,
			writes: []string{"a\n", "b\n"},
			want:   []string{"a\nb\n"},
		}, {
			name:   "zero is far away",
			writes: []string{"a\n", "b\n"},
			want:   []string{"a\nb\n"},
		}, {
			name: "an empty write does nothing", maxSize: 1,
			writes: []string{"a\n", ""},
			want:   []string{"a\n"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			if tt.before != "" {
				writeFile(t, path, tt.before)
			}
			f := mustOpen(t, path, &rotate.Options{MaxSize: tt.maxSize})
			var bytes int64
			for _, w := range tt.writes {
				mustWrite(t, f, w)
				bytes += int64(len(w))
			}
			if diff := cmp.Diff(tt.want, contents(t, path)); diff != "" {
				t.Errorf("contents mismatch (-want +got):\n%s", diff)
			}
			s := f.Stats()
			if got, want := s.Size, int64(len(tt.want[len(tt.want)-1])); got != want {
				t.Errorf("Size = %d, want %d", got, want)
			}
			if got, want := s.Rotations, uint64(len(tt.want)-1); got != want {
				t.Errorf("Rotations = %d, want %d", got, want)
			}
			if s.WrittenBytes != bytes {
				t.Errorf("WrittenBytes = %d, want %d", s.WrittenBytes, bytes)
			}
		})
	}
}

func TestRotateInATightLoopKeepsEverything(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	const rotations = 200
	var want []string
	for i := range rotations {
		line := fmt.Sprintf("line %03d\n", i)
		mustWrite(t, f, line)
		mustRotate(t, f)
		want = append(want, line)
	}
	mustClose(t, f)
	if diff := cmp.Diff(append(want, ""), contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
	if got := len(names(t, filepath.Dir(path))); got != rotations+1 {
		t.Errorf("%d files, want %d backups and the live one, and no temporary one", got, rotations)
	}
	checkStats(t, f, rotations, 0)
}

func TestRotateLeavesAnEmptyFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, nil)
	for range 3 {
		mustRotate(t, f)
	}
	mustClose(t, f)
	if diff := cmp.Diff([]string{"app.log"}, names(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenRefusesPaths(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), "")
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Skip(err)
	}
	tests := []struct {
		name, path, want string
	}{
		{"empty", "", "empty"},
		{"trailing separator", dir + "/logs/", "directory"},
		{"directory", dir, "not a regular file"},
		{"compressed", filepath.Join(dir, "app.gz"), ".gz"},
		{"below a file", filepath.Join(dir, "file", "app.log"), "not a directory"},
		{"circle of links", loop, "symbolic links"},
		{"nul", "a\x00b", "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := rotate.Open(tt.path, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open(%q) = %v, want an error with %q", tt.path, err, tt.want)
			}
		})
	}
	if diff := cmp.Diff([]string{"file", "loop"}, names(t, dir)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenDoesNotWriteToOptions(t *testing.T) {
	opts := rotate.Options{Compress: rotate.Gzip}
	mustOpen(t, filepath.Join(t.TempDir(), "app.log"), &opts)
	if opts.MaxSize != 0 || opts.DirMode != 0 || opts.FileMode != 0 {
		t.Errorf("Open changed its options: %+v", opts)
	}
}

func TestOpenEndsATornLine(t *testing.T) {
	tests := []struct {
		name, before, want string
	}{
		{"torn", "whole\nto", "whole\nto\nnext\n"},
		{"whole", "whole\n", "whole\nnext\n"},
		{"empty", "", "next\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			writeFile(t, path, tt.before)
			f := mustOpen(t, path, nil)
			mustWrite(t, f, "next\n")
			if diff := cmp.Diff(tt.want, read(t, path)); diff != "" {
				t.Errorf("content mismatch (-want +got):\n%s", diff)
			}
			if got, want := f.Stats().Size, int64(len(tt.want)); got != want {
				t.Errorf("Size = %d, want %d", got, want)
			}
			checkStats(t, f, 1, 0)
		})
	}
}

func TestRotateEndsATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	writeFile(t, path, "whole\nto")
	f := mustOpen(t, path, nil)
	mustRotate(t, f)
	mustWrite(t, f, "next\n")
	if diff := cmp.Diff([]string{"whole\nto\n", "next\n"}, contents(t, path)); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

func TestClosed(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	mustWrite(t, f, "line\n")
	mustClose(t, f)
	mustClose(t, f)
	for name, call := range map[string]func() error{
		"Write":  func() error { _, err := f.Write([]byte("x\n")); return err },
		"Rotate": f.Rotate,
		"Reopen": f.Reopen,
		"Sync":   f.Sync,
		"Flush":  func() error { return f.Flush(t.Context()) },
	} {
		if err := call(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close = %v, want os.ErrClosed", name, err)
		}
	}
	checkStats(t, f, 1, 0)
}

func TestSymlinks(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "app.log")
	if err := os.Symlink("data/real.log", link); err != nil {
		t.Skip(err)
	}
	f := mustOpen(t, link, nil) // the target does not exist, nor its directory
	mustWrite(t, f, "one\n")
	mustRotate(t, f)
	mustWrite(t, f, "two\n")
	mustClose(t, f)
	if diff := cmp.Diff([]string{"app.log", "data"}, names(t, dir)); diff != "" {
		t.Errorf("files beside the link mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one\n", "two\n"}, contents(t, filepath.Join(dir, "data", "real.log"))); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

func TestRelativePathSurvivesChdir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f := mustOpen(t, "app.log", nil)
	mustWrite(t, f, "one\n")
	t.Chdir(t.TempDir())
	mustRotate(t, f)
	mustWrite(t, f, "two\n")
	if diff := cmp.Diff([]string{"one\n", "two\n"}, contents(t, filepath.Join(dir, "app.log"))); diff != "" {
		t.Errorf("contents mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenAndCloseLeaveNoGoroutines(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	before := testlog.Goroutines()
	path := filepath.Join(t.TempDir(), "app.log")
	for range 100 {
		f := mustOpen(t, path, nil)
		mustWrite(t, f, "line\n")
		mustClose(t, f)
	}
	after := testlog.Goroutines()
	for end := time.Now().Add(time.Minute); after > before+1 && time.Now().Before(end); after = testlog.Goroutines() {
		runtime.Gosched() // that of the last file is about to end
	}
	if after > before+1 {
		t.Errorf("%d goroutines after 100 files, %d before, want one more at most", after, before)
	}
}

func TestFileConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{
		MaxSize:  4 * rotate.KiB,
		Compress: rotate.Gzip,
		OnRotate: func(rotate.Event) {},
		OnError:  func(err error) { t.Error(err) },
	})
	const writers, lines = 8, 500
	var group sync.WaitGroup
	stop := make(chan struct{})
	for _, call := range []func() error{f.Rotate, f.Reopen, f.Sync, func() error {
		if s := f.Stats(); s.Accepted != s.Written+s.Dropped {
			return fmt.Errorf("the counts do not add up: %+v", s)
		}
		return nil
	}} {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := call(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var writing sync.WaitGroup
	var want []string
	for w := range writers {
		for i := range lines {
			want = append(want, fmt.Sprintf("writer %d line %03d", w, i))
		}
		writing.Go(func() {
			for i := range lines {
				if _, err := fmt.Fprintf(f, "writer %d line %03d\n", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	group.Wait()
	mustClose(t, f)
	got, rest := testlog.Lines([]byte(strings.Join(contents(t, path), "")))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || rest != "" {
		t.Errorf("lines mismatch (-want +got):\n%s\nand %q", diff, rest)
	}
	checkStats(t, f, writers*lines, 0)
}

func TestCloseConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t, engine)
	path := filepath.Join(t.TempDir(), "app.log")
	f := mustOpen(t, path, &rotate.Options{MaxSize: 100})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				if _, err := f.Write([]byte("line\n")); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	for f.Stats().Rotations < 10 {
		runtime.Gosched()
	}
	for range 2 {
		group.Go(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all := strings.Join(contents(t, path), "")
	checkStats(t, f, int64(strings.Count(all, "line\n")), 0)
}

func TestWriteDoesNotAllocate(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	line := []byte("a line\n")
	if n := testing.AllocsPerRun(200, func() { _, _ = f.Write(line) }); n != 0 {
		t.Errorf("Write allocates %v times", n)
	}
}

func TestStatsDoNotWaitForTheDisk(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "app.log"), nil)
	entered, release := make(chan struct{}), make(chan struct{})
	f.WrapEngine(func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			close(entered)
			<-release
			return w.Write(p)
		})
	})
	written := make(chan error)
	go func() {
		_, err := f.Write([]byte("line\n"))
		written <- err
	}()
	<-entered
	checkStats(t, f, 0, 0)
	close(release)
	if err := <-written; err != nil {
		t.Error(err)
	}
	checkStats(t, f, 1, 0)
}

// The parent of a directory is that of where a link leads, as for the kernel.
func TestSymlinkThroughTheParentOfALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "c", "app.log")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700), os.Mkdir(filepath.Join(dir, "c"), 0o700),
		os.Symlink("../a/b", filepath.Join(dir, "c", "l")), os.Symlink("l/../real.log", link),
	); err != nil {
		t.Skip(err)
	}
	writeFile(t, filepath.Join(dir, "a", "real.log"), "one\n")
	f := mustOpen(t, link, nil)
	mustWrite(t, f, "two\n")
	mustClose(t, f)
	if diff := cmp.Diff("one\ntwo\n", read(t, link)); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"app.log", "l"}, names(t, filepath.Join(dir, "c"))); diff != "" {
		t.Errorf("files beside the link mismatch (-want +got):\n%s", diff)
	}
}
