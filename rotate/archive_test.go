package rotate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/rotate"
)

// archived is a report in short: what became of each file.
func archived(report rotate.ArchiveReport) []string {
	var all []string
	for _, f := range report.Files {
		s := filepath.Base(f.Source) + " > " + filepath.Base(f.Path)
		if f.Existing {
			s += " existing"
		}
		if f.Removed {
			s += " removed"
		}
		all = append(all, s)
	}
	for _, path := range report.InUse {
		all = append(all, filepath.Base(path)+" in use")
	}
	return all
}

func mustArchive(t testing.TB, src, dst string, opts *rotate.ArchiveOptions) rotate.ArchiveReport {
	t.Helper()
	report, err := rotate.Archive(t.Context(), src, dst, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// want fails t unless dir holds exactly the files given, by content after
// decompression.
func checkDir(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	for _, name := range names(t, dir) {
		got[name] = readAny(t, filepath.Join(dir, name))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", dir, diff)
	}
}

func readAny(t testing.TB, path string) string {
	t.Helper()
	content, err := rotate.ReadAll(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(content)
}

func TestArchiveCopies(t *testing.T) {
	for _, c := range []rotate.Compression{rotate.None, rotate.Gzip, rotate.Zstd} {
		t.Run(c.String(), func(t *testing.T) {
			src, dst := t.TempDir(), filepath.Join(t.TempDir(), "a", "b")
			ext := map[rotate.Compression]string{rotate.Gzip: ".gz", rotate.Zstd: ".zst"}[c]
			third := stamped(3 * day)[:20] + ".log"
			aged(t, src, map[string]time.Duration{
				"app.log": 1 * day, "app.log.1": 2 * day, third: 3 * day,
				"notes.txt": day, ".hidden.log": day,
			})
			if err := os.WriteFile(filepath.Join(src, "old.log.gz"), gzipped(t, "old\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			setAge(t, filepath.Join(src, "old.log.gz"), 9*day)
			writeFile(t, filepath.Join(src, "empty.log"), "")
			opts := &rotate.ArchiveOptions{Compress: c, DryRun: true}

			want := []string{"old.log.gz > old.log.gz", third + " > " + third + ext, "app.log.1 > app.log.1" + ext, "app.log > app.log" + ext}
			if diff := cmp.Diff(want, archived(mustArchive(t, src, dst, opts))); diff != "" {
				t.Errorf("dry run mismatch (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Dir(dst)); err == nil {
				t.Error("the dry run created the directory")
			}
			opts.DryRun = false
			report := mustArchive(t, src, dst, opts)
			if diff := cmp.Diff(want, archived(report)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			checkDir(t, dst, map[string]string{
				"old.log.gz": "old\n", third + ext: third + "\n", "app.log.1" + ext: "app.log.1\n", "app.log" + ext: "app.log\n",
			})
			for _, f := range report.Files {
				from, err := os.Stat(f.Source)
				if err != nil {
					t.Fatal(err)
				}
				to, err := os.Stat(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				if f.Size != from.Size() || f.Written != to.Size() {
					t.Errorf("%s: size %d, written %d, want %d, %d", f.Path, f.Size, f.Written, from.Size(), to.Size())
				}
				if !to.ModTime().Equal(from.ModTime()) {
					t.Errorf("%s is of %v, want %v", f.Path, to.ModTime(), from.ModTime())
				}
				if to.Mode() != from.Mode() {
					t.Errorf("%s has mode %v, want %v", f.Path, to.Mode(), from.Mode())
				}
			}
			// The second time there is nothing to do, and a dry run knows.
			for i := range want {
				want[i] += " existing"
			}
			for _, dry := range []bool{true, false} {
				opts.DryRun = dry
				if diff := cmp.Diff(want, archived(mustArchive(t, src, dst, opts))); diff != "" {
					t.Errorf("again, DryRun %v: mismatch (-want +got):\n%s", dry, diff)
				}
			}
			// And then the sources can go.
			opts.RemoveSource = true
			for i := range want {
				want[i] += " removed"
			}
			if diff := cmp.Diff(want, archived(mustArchive(t, src, dst, opts))); diff != "" {
				t.Errorf("removing: mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{".hidden.log", "empty.log", "notes.txt"}, names(t, src)); diff != "" {
				t.Errorf("source mismatch (-want +got):\n%s", diff)
			}
			if got := len(names(t, dst)); got != 4 {
				t.Errorf("%d files in the archive, want 4", got)
			}
		})
	}
}

func TestArchiveNeverReplaces(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	path := filepath.Join(src, "app.log")
	opts := &rotate.ArchiveOptions{Compress: rotate.Gzip}
	for i, want := range []string{"app.log.gz", "app-1.log.gz", "app-2.log.gz"} {
		writeFile(t, path, fmt.Sprintf("week %d\n", i))
		report := mustArchive(t, src, dst, opts)
		if len(report.Files) != 1 || filepath.Base(report.Files[0].Path) != want {
			t.Errorf("archived %v, want %s", archived(report), want)
		}
	}
	writeFile(t, path, "week 1\n")
	if diff := cmp.Diff([]string{"app.log > app-1.log.gz existing"}, archived(mustArchive(t, src, dst, opts))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	checkDir(t, dst, map[string]string{"app.log.gz": "week 0\n", "app-1.log.gz": "week 1\n", "app-2.log.gz": "week 2\n"})
}

// A backup that was archived plain is compressed by its program some day.
func TestArchiveKnowsTheOtherForms(t *testing.T) {
	const lines = "one\ntwo\n"
	damaged := gzipped(t, strings.Repeat(lines, 100))
	damaged = damaged[:len(damaged)-3]
	tests := []struct {
		name     string
		dst, src string
		held     []byte
		have     []byte
		want     string
	}{
		{"compressed later", "app.log", "app.log.gz", []byte(lines), gzipped(t, lines), "app.log.gz > app.log existing"},
		{
			"compressed otherwise", "app.log.gz", "app.log.gz", append(gzipped(t, "one\n"), gzipped(t, "two\n")...), gzipped(t, lines),
			"app.log.gz > app.log.gz existing",
		},
		{"archived compressed", "app.log.gz", "app.log", gzipped(t, lines), []byte(lines), "app.log > app.log.gz existing"},
		{"shorter", "app.log.gz", "app.log", gzipped(t, "one\n"), []byte(lines), "app.log > app-1.log"},
		{"longer", "app.log.gz", "app.log", gzipped(t, lines+"three\n"), []byte(lines), "app.log > app-1.log"},
		{"damaged archive", "app.log.gz", "app.log", damaged, []byte(strings.Repeat(lines, 100)), "app.log > app-1.log"},
		{"empty archive", "app.log.zst", "app.log", nil, []byte(lines), "app.log > app-1.log"},
		{"nothing at all", "app.log.zst", "app.log.gz", nil, gzipped(t, ""), "app.log.gz > app-1.log.gz"},
		{"damaged source", "app.log.gz", "app.log.gz", gzipped(t, strings.Repeat(lines, 100)), damaged, "app.log.gz > app-1.log.gz"},
		{"damaged source again", "app.log.gz", "app.log.gz", damaged, damaged, "app.log.gz > app.log.gz existing"},
		{"damaged source, plain archive", "app.log", "app.log.gz", []byte(strings.Repeat(lines, 100)), damaged, "app.log.gz > app-1.log.gz"},
		{"no gzip file at all", "app.log.gz", "app.log.gz", []byte("x"), []byte("y"), "app.log.gz > app-1.log.gz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dst := t.TempDir(), t.TempDir()
			if err := errors.Join(os.WriteFile(filepath.Join(src, tt.src), tt.have, 0o600),
				os.WriteFile(filepath.Join(dst, tt.dst), tt.held, 0o600)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, archived(mustArchive(t, src, dst, nil))); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			if got, err := os.ReadFile(filepath.Join(dst, tt.dst)); err != nil || !bytes.Equal(got, tt.held) {
				t.Errorf("what was there has changed, %v", err)
			}
			if got, err := os.ReadFile(filepath.Join(src, tt.src)); err != nil || !bytes.Equal(got, tt.have) {
				t.Errorf("the source has changed, %v", err)
			}
		})
	}
}

func TestArchiveLeavesFilesInUse(t *testing.T) {
	for name, open := range holders() {
		t.Run(name, func(t *testing.T) {
			src, dst := t.TempDir(), t.TempDir()
			aged(t, src, map[string]time.Duration{"app.log": day, "other.log": 2 * day})
			path := filepath.Join(src, "app.log")
			release := open(t, path)
			setAge(t, path, day)
			opts := &rotate.ArchiveOptions{RemoveSource: true}
			want := []string{"other.log > other.log removed", "app.log in use"}
			if diff := cmp.Diff(want, archived(mustArchive(t, src, dst, opts))); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			release()
			setAge(t, path, day)
			if diff := cmp.Diff([]string{"app.log > app.log removed"}, archived(mustArchive(t, src, dst, opts))); diff != "" {
				t.Errorf("after it was closed: mismatch (-want +got):\n%s", diff)
			}
			checkDir(t, dst, map[string]string{"app.log": "app.log\n", "other.log": "other.log\n"})
		})
	}
}

func TestArchiveOptions(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "archive")
	aged(t, src, map[string]time.Duration{"new.log": time.Hour, "old.log": 9 * day, "other.txt": 8 * day, stamped(time.Hour): 9 * day})
	report := mustArchive(t, src, dst, &rotate.ArchiveOptions{Pattern: "*", MinAge: 7 * day})
	if diff := cmp.Diff([]string{"old.log > old.log", "other.txt > other.txt"}, archived(report)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestArchiveRefusesBadInput(t *testing.T) {
	src := t.TempDir()
	aged(t, src, map[string]time.Duration{"a.log": day})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(src, link); err != nil {
		link = src
	}
	dst := filepath.Join(t.TempDir(), "archive")
	tests := []struct {
		name     string
		src, dst string
		opts     rotate.ArchiveOptions
		want     string
	}{
		{"pattern", src, dst, rotate.ArchiveOptions{Pattern: "[]"}, "Pattern"},
		{"age", src, dst, rotate.ArchiveOptions{MinAge: -1}, "MinAge is -1ns"},
		{"compression", src, dst, rotate.ArchiveOptions{Compress: 7}, "Compress"},
		{"level", src, dst, rotate.ArchiveOptions{Compress: rotate.Gzip, CompressLevel: 10}, "CompressLevel is 10"},
		{"file mode", src, dst, rotate.ArchiveOptions{FileMode: 0o044}, "FileMode"},
		{"directory mode", src, dst, rotate.ArchiveOptions{DirMode: 0o1777}, "DirMode"},
		{"no source", "", dst, rotate.ArchiveOptions{}, "empty"},
		{"missing source", filepath.Join(src, "x"), dst, rotate.ArchiveOptions{}, "x"},
		{"no destination", src, "", rotate.ArchiveOptions{}, "empty"},
		{"no destination, dry", src, "", rotate.ArchiveOptions{DryRun: true}, "empty"},
		{"a file as destination", src, filepath.Join(src, "a.log"), rotate.ArchiveOptions{}, "not a directory"},
		{"below a file", src, filepath.Join(src, "a.log", "x"), rotate.ArchiveOptions{}, "not a directory"},
		{"the same", src, src, rotate.ArchiveOptions{}, "same directory"},
		{"the same by a link", src, link, rotate.ArchiveOptions{RemoveSource: true}, "same directory"},
		{"the same, dry", src, src + "/.", rotate.ArchiveOptions{DryRun: true}, "same directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rotate.Archive(t.Context(), tt.src, tt.dst, &tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Archive = %v, want an error with %q", err, tt.want)
			}
		})
	}
	checkDir(t, src, map[string]string{"a.log": "a.log\n"})
	if _, err := os.Stat(dst); err == nil {
		t.Error("the archive was created")
	}
}

// Each may be in the other: nothing is archived twice for that.
func TestArchiveInsideOfTheSource(t *testing.T) {
	src := t.TempDir()
	dst := filepath.Join(src, "archive.log")
	aged(t, src, map[string]time.Duration{"a.log": day})
	for _, want := range []string{"a.log > a.log", "a.log > a.log existing"} {
		if diff := cmp.Diff([]string{want}, archived(mustArchive(t, src, dst, nil))); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
	checkDir(t, dst, map[string]string{"a.log": "a.log\n"})
	if diff := cmp.Diff([]string{"a.log > a.log"}, archived(mustArchive(t, dst, t.TempDir(), nil))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestArchiveTakesNoLinkForAFile(t *testing.T) {
	src, dst, outside := t.TempDir(), t.TempDir(), t.TempDir()
	aged(t, outside, map[string]time.Duration{"secret": day})
	aged(t, src, map[string]time.Duration{"a.log": day})
	if err := errors.Join(os.Symlink(filepath.Join(outside, "secret"), filepath.Join(src, "link.log")),
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dst, "a.log"))); err != nil {
		t.Skip(err)
	}
	if diff := cmp.Diff([]string{"a.log > a-1.log"}, archived(mustArchive(t, src, dst, nil))); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got := read(t, filepath.Join(outside, "secret")); got != "secret\n" {
		t.Errorf("a file elsewhere holds %q", got)
	}
}

// leftovers of an Archive that was killed are removed by the next one, and
// nothing else is.
func TestArchiveRemovesWhatWasLeftOver(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	aged(t, src, map[string]time.Duration{"a.log": day})
	others := []string{".a.log.17.tmp", ".archive", "x.archive.tmp"}
	for _, name := range append(others, ".a.log.17.archive.tmp") {
		writeFile(t, filepath.Join(dst, name), "half")
		setAge(t, filepath.Join(dst, name), time.Hour)
	}
	mustArchive(t, src, dst, &rotate.ArchiveOptions{DryRun: true})
	if got := len(names(t, dst)); got != 4 {
		t.Errorf("after a dry run %d files are left, want 4", got)
	}
	mustArchive(t, src, dst, nil)
	if diff := cmp.Diff([]string{".a.log.17.tmp", ".archive", "a.log", "x.archive.tmp"}, names(t, dst)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// countingContext ends when it has been asked n times.
type countingContext struct {
	context.Context
	n    int
	asks int
	then func()
}

func (c *countingContext) Err() error {
	if c.asks++; c.asks == c.n && c.then != nil {
		c.then()
	}
	if c.then == nil && c.asks >= c.n {
		return context.Canceled
	}
	return nil
}

func (c *countingContext) Value(any) any { return nil }

// Wherever it is stopped, nothing is half done, and the next run completes it.
func TestArchiveCanBeStoppedAnywhere(t *testing.T) {
	content := strings.Repeat("a line of a log, and another one\n", 4_000)
	for n, done := 1, false; !done; n++ {
		src, dst := t.TempDir(), t.TempDir()
		writeFile(t, filepath.Join(src, "a.log"), content)
		writeFile(t, filepath.Join(src, "b.log"), content+"b\n")
		opts := &rotate.ArchiveOptions{Compress: rotate.Gzip, RemoveSource: true}
		report, err := rotate.Archive(&countingContext{Context: t.Context(), n: n}, src, dst, opts)
		done = err == nil
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if got := names(t, dst); len(got) != len(report.Files) {
			t.Errorf("stopped at %d: the archive holds %v, the report %v", n, got, archived(report))
		}
		if len(names(t, src))+len(names(t, dst)) != 2 {
			t.Errorf("stopped at %d: %v and %v", n, names(t, src), names(t, dst))
		}
		mustArchive(t, src, dst, opts)
		checkDir(t, dst, map[string]string{"a.log.gz": content, "b.log.gz": content + "b\n"})
		if n > 500 {
			t.Fatal("it never ends")
		}
	}
}

// A program opens the file again, and writes, while it is being copied.
func TestArchiveNoticesAWriter(t *testing.T) {
	for n := 1; n <= 60; n++ {
		src, dst := t.TempDir(), t.TempDir()
		path := filepath.Join(src, "a.log")
		content := strings.Repeat("a line of a log, and another one\n", 10_000)
		writeFile(t, path, content)
		setAge(t, path, day)
		late := false
		ctx := &countingContext{Context: t.Context(), n: n, then: func() {
			late = true
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			mustWrite(t, f, "late\n")
			mustClose(t, f)
		}}
		report, err := rotate.Archive(ctx, src, dst, &rotate.ArchiveOptions{RemoveSource: true})
		if err != nil {
			t.Fatal(err)
		}
		if !late {
			break // it was done before
		}
		if diff := cmp.Diff([]string{"a.log in use"}, archived(report)); diff != "" {
			t.Errorf("at %d: mismatch (-want +got):\n%s", n, diff)
		}
		if got := read(t, path); got != content+"late\n" {
			t.Errorf("at %d: the file has %d bytes", n, len(got))
		}
		if got := names(t, dst); got != nil {
			t.Errorf("at %d: the archive holds %v", n, got)
		}
		if n == 60 {
			t.Error("the end was never reached")
		}
	}
}

// A copy that does not read back as what was copied is none.
func TestArchiveVerifiesTheCopy(t *testing.T) {
	content := strings.Repeat("a line of a log, and another one\n", 10_000)
	found := 0
	for n := 1; n <= 40; n++ {
		src, dst := t.TempDir(), t.TempDir()
		path := filepath.Join(src, "a.log")
		writeFile(t, path, content)
		damaged := false
		ctx := &countingContext{Context: t.Context(), n: n, then: func() {
			for _, name := range names(t, dst) {
				f, err := os.OpenFile(filepath.Join(dst, name), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				if info, err := f.Stat(); err == nil && info.Size() == int64(len(content)) {
					_, err = f.WriteAt([]byte("X"), info.Size()-1)
					damaged = err == nil
				}
				mustClose(t, f)
			}
		}}
		_, err := rotate.Archive(ctx, src, dst, &rotate.ArchiveOptions{RemoveSource: true})
		switch {
		case err == nil:
			continue // damaged before it was written, or after it was read
		case !damaged || !strings.Contains(err.Error(), "reads back as something else"):
			t.Fatal(err)
		}
		found++
		if got := names(t, dst); got != nil {
			t.Errorf("at %d: the archive holds %v", n, got)
		}
		if read(t, path) != content {
			t.Errorf("at %d: the source has changed", n)
		}
	}
	if found < 3 {
		t.Errorf("damage was found %d times: the test did not test anything", found)
	}
}

// Several at once make one copy of each file.
func TestArchivesBesideEachOther(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "archive")
	want := make(map[string]string)
	for i := range 8 {
		name := fmt.Sprintf("%d.log", i)
		want[name+".gz"] = strings.Repeat(name+"\n", 1+rand.IntN(5000))
		writeFile(t, filepath.Join(src, name), want[name+".gz"])
	}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := rotate.Archive(context.Background(), src, dst, &rotate.ArchiveOptions{Compress: rotate.Gzip})
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	checkDir(t, dst, want)
}

// An archive whose window is larger than memory allows for is another file, like
// any that cannot be compared.
func TestArchiveBesideOneWithALargeWindow(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	aged(t, src, map[string]time.Duration{"a.log": day})
	large := zstdWindow(t, strings.Repeat("a line of another file\n", 1<<20), 16<<20)
	if err := os.WriteFile(filepath.Join(dst, "a.log.zst"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a.log > a-1.log", "a.log > a-1.log existing"} {
		if diff := cmp.Diff([]string{want}, archived(mustArchive(t, src, dst, nil))); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	}
}

// A process killed in a rotation leaves a file with two names.
func TestArchiveOfAFileWithTwoNames(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	const backup = "app-20260101T000000.000000Z.log"
	aged(t, src, map[string]time.Duration{"app.log": 2 * day, "other.log": 2 * day})
	if err := os.Link(filepath.Join(src, "app.log"), filepath.Join(src, backup)); err != nil {
		t.Skip(err)
	}
	mustArchive(t, src, dst, nil)
	checkDir(t, dst, map[string]string{backup: "app.log\n", "other.log": "other.log\n"})
}

func TestArchiveSaysOnceThatItWasStopped(t *testing.T) {
	src := t.TempDir()
	aged(t, src, map[string]time.Duration{"a.log": day, "b.log": day})
	for n := range 20 {
		_, err := rotate.Archive(&endingContext{t.Context(), n}, src, t.TempDir(), nil)
		if err == nil {
			return
		}
		if got := strings.Count(err.Error(), context.Canceled.Error()); got != 1 {
			t.Errorf("stopped at the %d. question, %d times: %v", n, got, err)
		}
	}
}

// A program that rotates a file while it is being archived: the copy must not have
// the name of the live file, and the backup be archived again under its own.
func TestArchiveNoticesARotation(t *testing.T) {
	const backup = "app-20260101T000000.000000Z.log"
	for when := 1; ; when++ {
		src, dst := t.TempDir(), t.TempDir()
		path := filepath.Join(src, "app.log")
		aged(t, src, map[string]time.Duration{"app.log": day})
		ctx := &doingContext{Context: t.Context(), do: func(n int) {
			if n == when {
				if err := errors.Join(os.Rename(path, filepath.Join(src, backup)), os.WriteFile(path, nil, 0o600)); err != nil {
					t.Error(err)
				}
			}
		}}
		opts := &rotate.ArchiveOptions{RemoveSource: true}
		_, _ = rotate.Archive(ctx, src, dst, opts) // may say that it was replaced
		if ctx.n < when {
			if when < 4 {
				t.Errorf("stopped to ask after %d times: the test did not test anything", when-1)
			}
			return
		}
		_, _ = rotate.Archive(t.Context(), src, dst, opts)
		var copies []string
		for _, name := range names(t, dst) {
			if readAny(t, filepath.Join(dst, name)) == "app.log\n" {
				copies = append(copies, name)
			}
		}
		if diff := cmp.Diff([]string{backup}, copies); diff != "" && len(copies) != 1 {
			t.Errorf("rotated at the %d. question: mismatch (-want +got):\n%s", when, diff)
		}
	}
}

func TestArchiveTellsItsProgress(t *testing.T) {
	const size = 1 << 20
	type call struct {
		file string
		done int64
	}
	for _, c := range []rotate.Compression{rotate.None, rotate.Gzip} {
		t.Run(c.String(), func(t *testing.T) {
			src, dst := t.TempDir(), t.TempDir()
			for i, name := range []string{"a.log", "b.log"} {
				writeFile(t, filepath.Join(src, name), strings.Repeat("0123456789abcde\n", size/16))
				setAge(t, filepath.Join(src, name), time.Duration(9-i)*day)
			}
			var calls []call
			opts := &rotate.ArchiveOptions{Compress: c, OnProgress: func(source string, done int64) {
				calls = append(calls, call{strings.TrimPrefix(source, src+string(filepath.Separator)), done})
			}}
			mustArchive(t, src, dst, opts)
			if len(calls) < 20 {
				t.Errorf("%d calls for two files of 1 MiB", len(calls))
			}
			var last []call
			half := false
			for i, now := range calls {
				if i > 0 && now.file == calls[i-1].file && now.done <= calls[i-1].done {
					t.Errorf("%+v after %+v", now, calls[i-1])
				}
				half = half || now.done == size/2
				if i == len(calls)-1 || now.file != calls[i+1].file {
					last = append(last, now)
				}
			}
			want := []call{{"a.log", size}, {"b.log", size}}
			if diff := cmp.Diff(want, last, cmp.AllowUnexported(call{})); diff != "" {
				t.Errorf("last call for each file mismatch (-want +got):\n%s", diff)
			}
			if !half {
				t.Error("half of the bytes were not done when all were copied")
			}

			calls = nil
			mustArchive(t, src, dst, opts)
			if diff := cmp.Diff(want, calls, cmp.AllowUnexported(call{})); diff != "" {
				t.Errorf("of files that are there already: mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArchiveSurvivesAPanickingHook(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	aged(t, src, map[string]time.Duration{"a.log": 2 * day, "b.log": day})
	calls := 0
	report, err := rotate.Archive(t.Context(), src, dst, &rotate.ArchiveOptions{OnProgress: func(string, int64) {
		calls++
		panic("no")
	}})
	if want := "the hook OnProgress panicked on " + filepath.Join(src, "a.log") + ": no"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
	if calls != 1 {
		t.Errorf("%d calls, want one", calls)
	}
	if diff := cmp.Diff([]string{"a.log > a.log", "b.log > b.log"}, archived(report)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	checkDir(t, dst, map[string]string{"a.log": "a.log\n", "b.log": "b.log\n"})
}
