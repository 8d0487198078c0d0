package clean_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/clean"
	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files")

const day = 24 * time.Hour

// call runs the command.
func call(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := clean.Command()
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

// write writes files of some ages, with as many bytes as they are days old.
func write(t *testing.T, ages map[string]time.Duration) {
	t.Helper()
	for name, age := range ages {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, bytes.Repeat([]byte("x"), int(age/day)), 0o600)); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age - time.Minute)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// left returns what there is.
func left(t *testing.T) (names []string) {
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

	write(t, map[string]time.Duration{
		"app/app.log": 2 * day, "app/app.log.1": 20 * day, "app/app.log.2.gz": 45 * day, "app/notes.txt": 99 * day,
		"web/access.log": 3 * day, "web/a\x1b[31m\nb.log": 1200 * day,
		"old/app-20261101T000000.000000Z.log.gz": 33 * day, "old/app-20261102T000000.000000Z.log.gz": 32 * day,
	})
	all := left(t)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"age", []string{"app", "--max-age", "10 days"}},
		{"all limits", []string{"app", "--max-age", "30d", "--max-files", "1", "--max-total-size", "50 B"}},
		{"directories", []string{"app", "web", "app/.", "--max-files", "1", "--pattern", "a*.log*"}},
		{"nothing", []string{"app", "--max-files", "5"}},
		{"dry run", []string{"app", "--max-files", "1", "--dry-run"}},
		{"json", []string{"old", "--max-files", "1", "--pattern", "app-*", "--json"}},
	} {
		code, out, errs := call(t.Context(), tt.args...)
		if code != cli.OK {
			t.Errorf("%s: exit code %d", tt.name, code)
		}
		golden(t, root, strings.ReplaceAll(tt.name, " ", "-"), "$ sluice clean "+strings.Join(tt.args, " ")+"\n"+out+"--- standard error\n"+errs)
	}
	if diff := cmp.Diff(all, left(t)); diff != "" {
		t.Errorf("a dry run has removed something (-before +after):\n%s", diff)
	}
}

func TestRemovesWhatItSays(t *testing.T) {
	root := inside(t)
	write(t, map[string]time.Duration{"app/a.log": 1 * day, "app/b.log": 2 * day, "app/c.log": 3 * day, "app/.d.log": 4 * day, "app/e.txt": 5 * day})
	code, out, errs := call(t.Context(), "app", "--max-files", "1", "--yes")
	if code != cli.OK || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	golden(t, root, "removed", out)
	if diff := cmp.Diff([]string{"app/.d.log", "app/a.log", "app/e.txt"}, left(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestReportOfARemoval(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 1 * day, "app/b.log": 2 * day, "app/c.log": 3 * day})
	_, out, _ := call(t.Context(), "app", "--max-files", "1", "--yes", "--json")
	type report struct {
		DryRun      bool `json:"dry_run"`
		Removed     int
		Freed       int64
		Directories []struct {
			Files     int
			Exceeding []struct{ Path, State string }
		}
	}
	var got struct {
		Planned report
		report
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.DryRun || got.Removed != 2 || got.Freed != 5 || got.Directories[0].Files != 3 {
		t.Errorf("got %+v", got)
	}
	for _, f := range got.Directories[0].Exceeding {
		if f.State != "removed" {
			t.Errorf("%s is %s", f.Path, f.State)
		}
	}
	if p := got.Planned; !p.DryRun || p.Removed != 2 || len(p.Directories[0].Exceeding) != 2 || p.Directories[0].Exceeding[0].State != "would be removed" {
		t.Errorf("planned %+v", p)
	}
}

func TestFilesInUseStay(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux knows for sure of a file that is old and in use")
	}
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 3 * day, "app/b.log": 9 * day})
	held, err := os.OpenFile("app/b.log", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	code, out, errs := call(t.Context(), "app", "--max-age", "1d", "--yes")
	if code != cli.OK || errs != "" || !strings.Contains(out, "stays, in use: older than 1 day") || !strings.Contains(out, "; 1 in use\nremoved 1 file, 3 B\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if diff := cmp.Diff([]string{"app/b.log"}, left(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestConfiguration(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{
		"log/app.log":                                  99 * day,
		"log/app-20260101T000000.000000Z.log.gz":       99 * day,
		"log/app-20260102T000000.000000+0100-2.log":    99 * day,
		"log/app-audit-20260101T000000.000000Z.log.gz": 99 * day,
		"log/app-20260101.log":                         99 * day,
		"log/[x]-20260101T000000.000000Z":              99 * day,
		"log/x-20260101T000000.000000Z":                99 * day,
		"log/job.12-20260101T000000.000000Z.log":       99 * day,
		"log/job-20260101T000000.000000Z.log":          99 * day,
		"log/job.12-x-20260101T000000.000000Z.log":     99 * day,
	})
	config := `{"sinks": [
		{"type": "console"},
		{"type": "file", "path": "log/app.log", "retention": "30 days"},
		{"type": "file", "path": "log/[x]", "retention": "10 days, 100 files"},
		{"type": "file", "path": "log/job.log", "retention": "10 days", "per_process": true},
		{"type": "errors", "path": "log/other.log"}]}`
	if err := os.WriteFile("logging.json", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t.Context(), "--config", "logging.json", "--yes")
	if code != cli.OK || errs != "" || !strings.Contains(out, "backups of log/app.log: would remove 2 of 2 files") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	want := []string{
		"log/app-20260101.log", "log/app-audit-20260101T000000.000000Z.log.gz", "log/app.log",
		"log/job-20260101T000000.000000Z.log", "log/job.12-x-20260101T000000.000000Z.log", "log/x-20260101T000000.000000Z", "logging.json",
	}
	if diff := cmp.Diff(want, left(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

// Copies that somebody has made beside the backups are neither counted nor removed.
func TestConfigurationCountsBackupsOnly(t *testing.T) {
	inside(t)
	files := map[string]time.Duration{"log/app.log": 0, "log/app-1.log": 9 * day, "log/app-2.log": 9 * day}
	for i, name := range []string{"20261101", "20261102", "20261103"} {
		files["log/app-"+name+"T000000.000000Z.log"] = time.Duration(9-i) * day
		for _, copied := range []string{".bak", ".old", "2", "~"} {
			files["log/app-"+name+"T000000.000000Z.log"+copied] = time.Duration(i) * day
		}
	}
	write(t, files)
	if err := os.WriteFile("logging.json", []byte(`{"sinks": [{"type": "file", "path": "log/app.log", "retention": "3 files"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	all := left(t)
	for _, args := range [][]string{{}, {"--json"}} {
		code, out, errs := call(t.Context(), append([]string{"--config", "logging.json", "--yes"}, args...)...)
		if want := map[int]string{0: "backups of log/app.log: 3 files, 24 B: nothing to remove", 1: `"backups_of": "log/app.log"`}[len(args)]; code != cli.OK || errs != "" || !strings.Contains(out, want) {
			t.Errorf("exit code %d, %s, %s", code, out, errs)
		}
		if diff := cmp.Diff(all, left(t)); diff != "" {
			t.Errorf("files mismatch (-before +after):\n%s", diff)
		}
	}
}

func TestAFileWithTwoNamesFreesNothing(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 3 * day, "app/b.log": 2 * day, "app/c.log": day})
	if err := os.Link("app/a.log", "kept.log"); err != nil || runtime.GOOS == "windows" {
		t.Skip(err)
	}
	_, out, _ := call(t.Context(), "app", "--max-files", "1", "--yes")
	for _, want := range []string{
		"app: would remove 2 of 3 files, 5 B of 6 B; this frees 2 B, the rest has other names too (hard links)\n", "removed 2 files, 2 B\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
}

func TestUsage(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 3 * day, "none.json": 0, "bad.json": day})
	if err := os.WriteFile("none.json", []byte(`{"sinks": [{"type": "file", "path": "app/a.log"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args string
		want []string
	}{
		{"nothing", "", []string{"there is no limit: want --max-age, --max-files or --max-total-size, or --config", "there is no directory"}},
		{"no limit", "app", []string{"there is no limit"}},
		{"all at once", "app nix\x1b app/a.log --max-age 0 --max-files -3 --max-total-size 0 --pattern a/b", []string{
			"--max-age is 0s: want more than 0", "--max-files is -3: want more than 0", "--max-total-size is 0 B: want more than 0",
			`--pattern is "a/b": want a pattern for names, without a slash`,
			`"nix\x1b": there is no such directory`, "app/a.log: this is a file: want a directory",
		}},
		{"pattern", "app --max-files 1 --pattern [", []string{"--pattern"}},
		{"hidden files", "app --max-files 1 --pattern .*", []string{"--pattern"}},
		{"yes and no", "app --max-files 1 --yes --dry-run", []string{"--yes and --dry-run: want one of them"}},
		{"configuration and more", "app --config none.json --max-files 1", []string{"want no --max-age", `want no argument "app"`}},
		{"no such configuration", "--config nix.json", []string{"--config: ", "nix.json"}},
		{"broken configuration", "--config bad.json", []string{"--config: ", "bad.json"}},
		{"nothing in the configuration", "--config none.json", []string{"none.json: no file in it has a retention"}},
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
	if diff := cmp.Diff([]string{"app/a.log", "bad.json", "none.json"}, left(t)); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

func TestInterrupted(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 1 * day, "app/b.log": 2 * day})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, out, errs := call(ctx, "app", "--max-files", "1", "--yes"); code != cli.Interrupted || errs != "" {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if got := len(left(t)); got != 2 {
		t.Errorf("%d files are left, want 2", got)
	}
}

// closed is a pipe that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestNothingIsRemovedThatNobodyHasSeen(t *testing.T) {
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 1 * day, "app/b.log": 2 * day})
	for _, args := range [][]string{{}, {"--json"}} {
		c := clean.Command()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs(append([]string{"app", "--max-files", "1", "--yes"}, args...))
		c.SetOut(closed{})
		if err := c.ExecuteContext(t.Context()); !cli.IsClosed(err) {
			t.Errorf("%v: got %v", args, err)
		}
	}
	if got := len(left(t)); got != 2 {
		t.Errorf("%d files are left, want 2", got)
	}
}

func TestDirectoryWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read everything")
	}
	inside(t)
	write(t, map[string]time.Duration{"app/a.log": 1 * day, "app/b.log": 2 * day, "web/c.log": 3 * day, "web/d.log": 4 * day})
	if err := os.Chmod("app", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod("app", 0o700) })
	code, out, errs := call(t.Context(), "app", "web", "--max-files", "1", "--yes")
	if code != cli.Partial || !strings.Contains(errs, "clean: app: ") || !strings.Contains(out, "removed 1 file, 4 B\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
}
