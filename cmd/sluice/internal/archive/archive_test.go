package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/archive"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files")

const day = 24 * time.Hour

// call runs the command.
func call(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := archive.Command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{}, args...))
	c.SetIn(strings.NewReader(""))
	c.SetOut(&out)
	c.SetErr(&errs)
	err := c.ExecuteContext(ctx)
	var exit *cli.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		if code = exit.Code; exit.Err != nil {
			errs.WriteString(exit.Err.Error() + "\n")
		}
	case errors.Is(err, context.Canceled):
		code = cli.Interrupted
	default:
		code = -1
		errs.WriteString(err.Error() + "\n")
	}
	return code, out.String(), errs.String()
}

// golden compares text with testdata/name.golden.
func golden(t *testing.T, root, name, got string) {
	t.Helper()
	path := filepath.Join(root, "testdata", name+".golden")
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
	}
}

// inside changes to a new directory, and returns the one it was.
func inside(t *testing.T) (root string) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	return root
}

// write writes a file of some age.
func write(t *testing.T, name, text string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age - time.Minute)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o640), os.Chtimes(name, at, at)); err != nil {
		t.Fatal(err)
	}
}

// lines is what a log of some size holds.
func lines(n int) string {
	return strings.Repeat("2026-11-22T10:00:00Z INFO request served status=200\n", n)
}

// tree returns the files that there are.
func tree(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestGolden(t *testing.T) {
	root := inside(t)
	_, help, _ := call(t.Context(), "--help")
	golden(t, root, "help", help)

	write(t, "log/app.log", lines(100), day)
	write(t, "log/app.log.1", lines(1000), 9*day)
	write(t, "log/app.log.2.gz", "no archive\n", 12*day)
	write(t, "log/a\x1b[31m\nb.log", lines(1), 30*day)
	write(t, "log/notes.txt", "x", 99*day)
	packed := regexp.MustCompile(`[\d.]+ K?i?B \([\d.]+ times less\)`)
	run := func(name string, args ...string) {
		t.Helper()
		code, out, errs := call(t.Context(), args...)
		if code != cli.OK {
			t.Errorf("%s: exit code %d", name, code)
		}
		out = packed.ReplaceAllString(out, "N (N times less)")
		golden(t, root, name, "$ sluice archive "+strings.Join(args, " ")+"\n"+out+"--- standard error\n"+errs)
	}
	before := tree(t)
	run("dry-run", "log", "backup/app")
	run("json", "log", "backup/app", "--min-age", "10 days", "--dry-run", "--json")
	if diff := cmp.Diff(before, tree(t)); diff != "" {
		t.Errorf("a dry run has changed something (-before +after):\n%s", diff)
	}
	run("copied", "log", "backup/app", "--compress", "zstd", "--min-age", "8 days", "--yes")
	run("the-rest", "log", "backup/app", "--compress", "gzip", "--level", "9", "--remove-source", "--yes")
	run("nothing", "log", "backup/app", "--yes")
	want := []string{"backup/app/a\x1b[31m\nb.log.zst", "backup/app/app.log.1.zst", "backup/app/app.log.2.gz", "backup/app/app.log.gz", "log/notes.txt"}
	if diff := cmp.Diff(want, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestReport(t *testing.T) {
	inside(t)
	write(t, "log/a.log", lines(1000), 2*day)
	write(t, "log/b.log", lines(10), day)
	write(t, "backup/b.log", lines(10), day)
	code, out, errs := call(t.Context(), "log", "backup", "--compress", "gzip", "--mode", "0600", "--remove-source", "--yes", "--json")
	var got struct {
		DryRun                    bool `json:"dry_run"`
		Copied, Existing, Removed int
		Bytes, Written            int64
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.OK || errs != "" {
		t.Fatalf("exit code %d, %v, %s in %s", code, err, errs, out)
	}
	info, err := os.Stat("backup/a.log.gz")
	if err != nil {
		t.Fatal(err)
	}
	if got.DryRun || got.Copied != 1 || got.Existing != 1 || got.Removed != 2 || got.Bytes != int64(len(lines(1000))) || got.Written != info.Size() {
		t.Errorf("got %+v", got)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
}

func TestFilesInUseAreLeftOut(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux knows for sure of a file that is old and in use")
	}
	inside(t)
	write(t, "log/a.log", "a\n", day)
	write(t, "log/b.log", "b\n", 2*day)
	held, err := os.OpenFile("log/a.log", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	code, out, errs := call(t.Context(), "log", "log/archive", "--remove-source", "--yes")
	if code != cli.OK || errs != "" || !strings.Contains(out, "left out, in use\n") || !strings.Contains(out, "copied 1 file, 2 B; 1 file in use; removed 1 file of the source\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if diff := cmp.Diff([]string{"log/a.log", "log/archive/b.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestUsage(t *testing.T) {
	inside(t)
	write(t, "log/a.log", "a\n", day)
	for _, tt := range []struct {
		name string
		args string
		want []string
	}{
		{"no arguments", "", []string{"want two directories, the source and the destination, not 0 arguments"}},
		{"one argument", "log", []string{"not 1 arguments"}},
		{"all at once", "nix\x1b log/a.log --min-age -1s --level 3 --pattern a/b --yes --dry-run", []string{
			`source "nix\x1b": there is no such directory`, "destination log/a.log: this is a file: want a directory",
			"--min-age is -1s: want 0 or more", "--level is 3: want none without --compress gzip or zstd",
			`--pattern is "a/b": want a pattern for names, without a slash`, "--yes and --dry-run: want one of them",
		}},
		{"a file", "log/a.log backup", []string{"source log/a.log: this is a file"}},
		{"the same", "log ./log/.", []string{"destination ./log/.: this is the source: want another directory"}},
		{"level", "log backup --compress gzip --level 10", []string{"--level is 10: want 1 to 9 for gzip"}},
		{"level of zstd", "log backup --compress zstd --level 0", []string{"--level is 0: want 1 to 22 for zstd"}},
		{"pattern", "log backup --pattern [", []string{"--pattern"}},
		{"hidden files", "log backup --pattern .*", []string{"--pattern"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := call(t.Context(), strings.Fields(tt.args)...)
			if code != cli.Usage || out != "" {
				t.Errorf("exit code %d, %s", code, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(errs, want) {
					t.Errorf("the error is %q, want %q in it", errs, want)
				}
			}
		})
	}
	if diff := cmp.Diff([]string{"log/a.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

// closed is a pipe that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestNothingIsDoneThatNobodyHasSeen(t *testing.T) {
	inside(t)
	write(t, "log/a.log", "a\n", day)
	c := archive.Command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs([]string{"log", "backup", "--yes", "--remove-source"})
	c.SetOut(closed{})
	if err := c.ExecuteContext(t.Context()); !cli.IsClosed(err) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"log/a.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

// In the middle of the second file of three, what is done stays and is accounted for, and nothing is half there.
func TestInterrupted(t *testing.T) {
	inside(t)
	write(t, "log/a.log", "a\n", 3*day)
	var big bytes.Buffer
	for i := range 200_000 {
		big.WriteString(strings.Repeat(string(rune('a'+i%26)), i%97))
	}
	write(t, "log/b.log", big.String(), 2*day)
	write(t, "log/c.log", "c\n", day)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			begun, _ := filepath.Glob("backup/.b.log*")
			if len(begun) > 0 {
				cancel()
			}
			runtime.Gosched()
		}
	}()
	code, out, errs := call(ctx, "log", "backup", "--compress", "zstd", "--level", "22", "--remove-source", "--yes")
	<-stopped
	if code != cli.Interrupted || errs != "" || !strings.Contains(out, "\ncopied 1 of 3 files, 2 B") || !strings.HasSuffix(out, "; removed 1 file of the source\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if diff := cmp.Diff([]string{"backup/a.log.zst", "log/b.log", "log/c.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestDirectoriesWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read and write everything")
	}
	inside(t)
	write(t, "log/a.log", "a\n", day)
	write(t, "log/b.log", "b\n", 2*day)
	if err := errors.Join(os.Chmod("log/a.log", 0), os.Mkdir("closed", 0o500)); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t.Context(), "log", "backup", "--yes")
	if code != cli.Partial || !strings.Contains(errs, "archive: log: a.log: ") || !strings.HasSuffix(out, "copied 1 file, 2 B\n") {
		t.Errorf("a file: exit code %d, %s, %s", code, out, errs)
	}
	code, _, errs = call(t.Context(), "log", "closed/backup", "--yes")
	if code != cli.Partial || !strings.Contains(errs, "permission denied") {
		t.Errorf("a destination: exit code %d, %s", code, errs)
	}
	if diff := cmp.Diff([]string{"backup/b.log", "log/a.log", "log/b.log"}, tree(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}
