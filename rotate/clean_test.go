package rotate_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/rotate"
)

const day = 24 * time.Hour

// aged creates files whose last write was as long ago as given, of as many
// bytes as their place in the list says.
func aged(t testing.TB, dir string, files map[string]time.Duration) {
	t.Helper()
	for name, age := range files {
		path := filepath.Join(dir, name)
		writeFile(t, path, name+"\n")
		setAge(t, path, age)
	}
}

func setAge(t testing.TB, path string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// stamped returns the name of a backup of app.log that was made so long ago.
func stamped(age time.Duration) string {
	return "app-" + time.Now().Add(-age).UTC().Format("20060102T150405.000000Z") + ".log"
}

func baseNames(backups []rotate.Backup) []string {
	var all []string
	for _, b := range backups {
		all = append(all, filepath.Base(b.Path))
	}
	return all
}

func TestCleanRemovesWhatExceedsALimit(t *testing.T) {
	tests := []struct {
		name string
		opts rotate.CleanOptions
		want []string // removed, oldest first
	}{
		{"age", rotate.CleanOptions{MaxAge: 30 * day}, []string{"d.log", "c.log.gz", "b.log.1"}},
		{"a great age", rotate.CleanOptions{MaxAge: 365 * day}, nil},
		{"number", rotate.CleanOptions{MaxFiles: 3}, []string{"d.log", "c.log.gz"}},
		{"number that is not reached", rotate.CleanOptions{MaxFiles: 5}, nil},
		{"total size", rotate.CleanOptions{MaxTotalSize: 6 + 8 + 8}, []string{"d.log", "c.log.gz"}},
		{"total size that is just reached", rotate.CleanOptions{MaxTotalSize: 6 + 8 + 8 + 9 + 6}, nil},
		{"less than one file", rotate.CleanOptions{MaxTotalSize: 1}, []string{"d.log", "c.log.gz", "b.log.1", "a.log.2", "a.log"}},
		{"the strictest", rotate.CleanOptions{MaxAge: 50 * day, MaxFiles: 4}, []string{"d.log", "c.log.gz"}},
		{"pattern", rotate.CleanOptions{MaxFiles: 1, Pattern: "*.log"}, []string{"d.log"}},
		{
			"veto",
			rotate.CleanOptions{MaxAge: 30 * day, Keep: func(b rotate.Backup) bool { return b.Compression == rotate.Gzip }},
			[]string{"d.log", "b.log.1"},
		},
		{
			"veto counts for the limit",
			rotate.CleanOptions{MaxFiles: 4, Keep: func(b rotate.Backup) bool { return filepath.Base(b.Path) == "d.log" }},
			[]string{"c.log.gz"},
		},
		{
			"a match, and nothing else counts",
			rotate.CleanOptions{MaxFiles: 1, Match: func(name string) bool { return name[0] == 'a' || strings.HasPrefix(name, ".hidden") }},
			[]string{"a.log.2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			aged(t, dir, map[string]time.Duration{
				"a.log": day, "a.log.2": 2 * day, "b.log.1": 40 * day, "c.log.gz": 60 * day, "d.log": 100 * day,
				"notes.txt": 900 * day, ".hidden.log": 900 * day, ".app.log.lock": 900 * day,
			})
			all := names(t, dir)
			for _, dry := range []bool{true, false} {
				opts := tt.opts
				opts.DryRun = dry
				report, err := rotate.Clean(t.Context(), dir, &opts)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, baseNames(report.Removed)); diff != "" {
					t.Errorf("DryRun %v: removed mismatch (-want +got):\n%s", dry, diff)
				}
				freed := 0
				for _, name := range tt.want {
					freed += len(name) + 1
				}
				if report.Freed != int64(freed) || report.InUse != nil {
					t.Errorf("DryRun %v: %d bytes freed, %v in use, want %d and none", dry, report.Freed, report.InUse, freed)
				}
				want := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !dry && slices.Contains(tt.want, name) })
				if diff := cmp.Diff(want, names(t, dir)); diff != "" {
					t.Errorf("DryRun %v: directory mismatch (-want +got):\n%s", dry, diff)
				}
			}
		})
	}
}

// The bytes of a file are free when its last name is gone. Of two names in the directory it is the one that tells the time,
// also if the last write was at that time.
func TestCleanOfAFileWithTwoNames(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	const backup = "app-20260101T000000.000000Z.log"
	at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	aged(t, dir, map[string]time.Duration{"app.log": 0, "new.log": -day, "zoo.log": -day})
	if err := os.Chtimes(filepath.Join(dir, "app.log"), at, at); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.Link(filepath.Join(dir, "app.log"), filepath.Join(dir, backup)),
		os.Link(filepath.Join(dir, "zoo.log"), filepath.Join(elsewhere, "zoo.log")),
	); err != nil {
		t.Skip(err)
	}
	for range 2 { // so that what is found first would show
		report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxFiles: 2, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{backup}, baseNames(report.Removed)); diff != "" || runtime.GOOS != "windows" && report.Freed != 0 {
			t.Errorf("%d bytes freed, removed mismatch (-want +got):\n%s", report.Freed, diff)
		}
	}
}

func TestCleanTellsAgeByTheName(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		removed bool
	}{
		{"ours", "app-20200101T000000.000000Z.log", true},
		{"ours, compressed", "app-20200101T000000.000000Z.log.zst", true},
		{"ours, with a number", "app-20200101T000000.000000Z-12.log.gz", true},
		{"ours, with an offset", "app-20200101T000000.000000+0200.log.gz", true},
		{"ours, of a process", "app.1234-20200101T000000.000000Z.log", true},
		{"ours, of a name with a dash", "my-app-2-20200101T000000.000000Z.log", true},
		{"ours, of a name without an extension", "x.log-20200101T000000.000000Z", true},
		{"lumberjack's", "app-2020-01-01T00-00-00.000.log.gz", true},
		{"timberjack's", "app-2020-01-01T00-00-00.000-size.log", true},
		{"timberjack's, behind the extension", "app.log-2020-01-01T00-00-00.000-time.gz", true},
		{"logrotate's", "app.log-20200101.gz", false},
		{"no time", "app-20209901T000000.000000Z.log", false},
		{"more than a time", "app-20200101T000000.000000Zx.log", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			recent := stamped(time.Hour)
			aged(t, dir, map[string]time.Duration{tt.file: time.Hour, recent: 900 * day})
			report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: 30 * day})
			if err != nil {
				t.Fatal(err)
			}
			var removed []string
			left := []string{recent, tt.file}
			if tt.removed {
				removed, left = []string{tt.file}, []string{recent}
			}
			if diff := cmp.Diff(removed, baseNames(report.Removed)); diff != "" {
				t.Errorf("removed mismatch (-want +got):\n%s", diff)
			}
			slices.Sort(left)
			if diff := cmp.Diff(left, names(t, dir)); diff != "" {
				t.Errorf("left mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// Lumberjack's names do not say their zone: a backup must not go before its
// time in any of those it can be in.
func TestCleanGivesTimesWithoutAZoneTheBenefit(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	for _, hours := range []int{-8, 9} {
		local := time.Local
		time.Local = time.FixedZone("here", hours*3600)
		t.Cleanup(func() { time.Local = local })
		for _, zone := range []*time.Location{time.UTC, time.Local} {
			dir := t.TempDir()
			name := "app-" + time.Now().Add(-20*time.Hour).In(zone).Format("2006-01-02T15-04-05.000") + ".log"
			aged(t, dir, map[string]time.Duration{name: 900 * day})
			report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: day})
			if err != nil || report.Removed != nil {
				t.Errorf("UTC%+d: removed %v, %v after 20 hours", hours, report.Removed, err)
			}
		}
		time.Local = local
	}
}

// The child of TestCleanLeavesFilesInUse and of others: it holds files open
// until its standard input ends.
const holdFile = "ROTATE_TEST_HOLD"

func TestHoldingChild(t *testing.T) {
	how, path, ok := strings.Cut(os.Getenv(holdFile), " ")
	if !ok {
		t.Skip("runs as a child of other tests only")
	}
	switch how {
	case "File":
		mustOpen(t, path, nil)
	case "append":
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	fmt.Println("holding")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// hold starts a process that has the file at path open, and returns what ends it.
func hold(t *testing.T, how, path string) (release func()) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHoldingChild$")
	child.Env = append(os.Environ(), holdFile+"="+how+" "+path, noSleep)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(out)
	for scan.Scan() && scan.Text() != "holding" {
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	release = func() {
		_ = in.Close()
		_ = child.Wait()
	}
	t.Cleanup(release)
	return release
}

// holders are the ways of having a file open: by a File and by a program that
// knows nothing of this package, here and in another process.
func holders() map[string]func(t *testing.T, path string) (release func()) {
	all := map[string]func(t *testing.T, path string) (release func()){
		"File": func(t *testing.T, path string) func() {
			t.Helper()
			f := mustOpen(t, path, nil)
			return func() { mustClose(t, f) }
		},
		"File of another process": func(t *testing.T, path string) func() { t.Helper(); return hold(t, "File", path) },
	}
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		return all // others cannot be known
	}
	all["open file"] = func(t *testing.T, path string) func() {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = f.Close() }
	}
	all["open file of another process"] = func(t *testing.T, path string) func() { t.Helper(); return hold(t, "append", path) }
	return all
}

func TestCleanLeavesFilesInUse(t *testing.T) {
	for name, open := range holders() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			// A quiet program: the last line was long ago.
			aged(t, dir, map[string]time.Duration{"app.log": 100 * day, "other.log": 100 * day})
			path := filepath.Join(dir, "app.log")
			release := open(t, path)
			setAge(t, path, 100*day)
			opts := &rotate.CleanOptions{MaxAge: 30 * day, MaxFiles: 1, MaxTotalSize: 1}
			report, err := rotate.Clean(t.Context(), dir, opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"other.log"}, baseNames(report.Removed)); diff != "" {
				t.Errorf("removed mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"app.log"}, baseNames(report.InUse)); diff != "" {
				t.Errorf("in use mismatch (-want +got):\n%s", diff)
			}
			if got := read(t, path); got != "app.log\n" {
				t.Errorf("the file holds %q", got)
			}
			release()
			setAge(t, path, 100*day)
			if report, err = rotate.Clean(t.Context(), dir, opts); err != nil || len(report.Removed) != 1 {
				t.Errorf("after it was closed: removed %v, %v, want it", report.Removed, err)
			}
		})
	}
}

func TestCleanTouchesOnlyRegularFilesInTheDirectory(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "logs"), filepath.Join(base, "outside")
	for _, d := range []string{dir, outside, filepath.Join(dir, "sub.log")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	aged(t, outside, map[string]time.Duration{"secret.log": 900 * day})
	aged(t, filepath.Join(dir, "sub.log"), map[string]time.Duration{"deep.log": 900 * day})
	aged(t, dir, map[string]time.Duration{"a.log": 900 * day})
	for link, target := range map[string]string{
		"link.log": filepath.Join(outside, "secret.log"), "relative.log": "../outside/secret.log",
		"dir.log": outside, "self.log": "a.log", "dangling.log": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	before := names(t, dir)
	through := filepath.Join(base, "through")
	if err := os.Symlink(dir, through); err != nil {
		t.Fatal(err)
	}
	report, err := rotate.Clean(t.Context(), through, &rotate.CleanOptions{MaxAge: time.Hour, MaxFiles: 1, MaxTotalSize: 1, Pattern: "*"})
	if err != nil {
		t.Fatal(err)
	}
	want := []rotate.Backup{{Path: filepath.Join(through, "a.log"), Size: 6}}
	for i := range report.Removed {
		report.Removed[i].Time = time.Time{}
	}
	if diff := cmp.Diff(want, report.Removed); diff != "" {
		t.Errorf("removed mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.DeleteFunc(before, func(n string) bool { return n == "a.log" }), names(t, dir)); diff != "" {
		t.Errorf("directory mismatch (-want +got):\n%s", diff)
	}
	if read(t, filepath.Join(outside, "secret.log")) == "" || read(t, filepath.Join(dir, "sub.log", "deep.log")) == "" {
		t.Error("a file elsewhere was changed")
	}
}

func TestCleanRefusesBadOptions(t *testing.T) {
	dir := t.TempDir()
	aged(t, dir, map[string]time.Duration{"a.log": 900 * day})
	tests := []struct {
		name string
		dir  string
		opts *rotate.CleanOptions
		want string
	}{
		{"nil", dir, nil, "no limit: set MaxAge, MaxFiles or MaxTotalSize"},
		{"no limit", dir, &rotate.CleanOptions{Pattern: "*.log"}, "no limit"},
		{"negative age", dir, &rotate.CleanOptions{MaxAge: -day, MaxFiles: 1}, "MaxAge is -24h0m0s"},
		{"negative number", dir, &rotate.CleanOptions{MaxFiles: -1}, "MaxFiles is -1"},
		{"negative size", dir, &rotate.CleanOptions{MaxTotalSize: -5}, "MaxTotalSize is -5"},
		{"pattern", dir, &rotate.CleanOptions{Pattern: "[", MaxFiles: 1}, `Pattern is "["`},
		{"pattern and match", dir, &rotate.CleanOptions{Pattern: "a*", Match: func(string) bool { return true }, MaxFiles: 1}, `Pattern is "a*", must be empty beside Match`},
		{"pattern of paths", dir, &rotate.CleanOptions{Pattern: "logs/*", MaxFiles: 1}, "without a slash"},
		{"pattern of hidden files", dir, &rotate.CleanOptions{Pattern: ".*", MaxFiles: 1}, "hidden"},
		{"no directory", "", &rotate.CleanOptions{MaxFiles: 1}, "empty"},
		{"missing directory", filepath.Join(dir, "x"), &rotate.CleanOptions{MaxFiles: 1}, "x"},
		{"a file", filepath.Join(dir, "a.log"), &rotate.CleanOptions{MaxFiles: 1}, "directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := rotate.Clean(t.Context(), tt.dir, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Clean = %v, want an error with %q", err, tt.want)
			}
			if report.Removed != nil {
				t.Errorf("removed %v", report.Removed)
			}
		})
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("%v is left", got)
	}
}

func TestCleanEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	aged(t, dir, map[string]time.Duration{"a.log": 3 * day, "b.log": 2 * day, "c.log": day})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	report, err := rotate.Clean(ctx, dir, &rotate.CleanOptions{MaxAge: time.Hour, Keep: func(b rotate.Backup) bool {
		if filepath.Base(b.Path) == "b.log" {
			cancel(cause)
		}
		return false
	}})
	if !errors.Is(err, cause) {
		t.Errorf("Clean = %v, want %v", err, cause)
	}
	if diff := cmp.Diff([]string{"a.log", "b.log"}, baseNames(report.Removed)); diff != "" {
		t.Errorf("removed mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"c.log"}, names(t, dir)); diff != "" {
		t.Errorf("directory mismatch (-want +got):\n%s", diff)
	}
}

func TestCleanGoesOnAfterAPanicOfKeep(t *testing.T) {
	dir := t.TempDir()
	aged(t, dir, map[string]time.Duration{"a.log": 3 * day, "b.log": 2 * day})
	report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: time.Hour, Keep: func(b rotate.Backup) bool {
		if filepath.Base(b.Path) == "a.log" {
			panic("oh")
		}
		return false
	}})
	if err == nil || !strings.Contains(err.Error(), "oh") || !strings.Contains(err.Error(), "a.log") {
		t.Errorf("Clean = %v", err)
	}
	if diff := cmp.Diff([]string{"b.log"}, baseNames(report.Removed)); diff != "" {
		t.Errorf("removed mismatch (-want +got):\n%s", diff)
	}
}

// What Keep is asked about can be gone, replaced or written to when it returns.
func TestCleanNoticesWhatHappensMeanwhile(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, path string) {
			t.Helper()
			writeFile(t, path+"2", "new\n")
			if err := os.Rename(path+"2", path); err != nil {
				t.Fatal(err)
			}
		},
		"replaced by a link": func(t *testing.T, path string) {
			t.Helper()
			if err := errors.Join(os.Rename(path, path+".1"), os.Symlink(path+".1", path)); err != nil {
				t.Skip(err)
			}
		},
		"written to": func(t *testing.T, path string) { t.Helper(); writeFile(t, path, "more\nlines\n") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			aged(t, dir, map[string]time.Duration{"a.log": 3 * day, "b.log": 2 * day})
			var left []string
			report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: time.Hour, Keep: func(b rotate.Backup) bool {
				if filepath.Base(b.Path) == "a.log" {
					change(t, b.Path)
					left = slices.DeleteFunc(names(t, dir), func(n string) bool { return n == "b.log" })
				}
				return false
			}})
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"b.log"}, baseNames(report.Removed)); diff != "" {
				t.Errorf("removed mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(left, names(t, dir), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("directory mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever a log is called, its backups tell their time.
func FuzzTimeInName(f *testing.F) {
	f.Add("app", ".log", int64(1795000000_123456), 0)
	f.Add("my-app.1234", ".log", int64(0), 12)
	f.Add("a-20200101T000000.000000Z", "", int64(1), 1)
	f.Add("-", ".gz", int64(253402300799_999999), 3)
	f.Add("日本-語", ".-", int64(951782400_000000), 0)
	f.Fuzz(func(t *testing.T, base, ext string, micros int64, seq int) {
		if _, ok := rotate.TimeInName(base + ext); ok && seq == 0 {
			return // the name of the log is that of a backup
		}
		at := time.UnixMicro(micros).UTC()
		if at.Year() < 1 || at.Year() > 9999 || strings.Count(ext, ".") > 1 || strings.ContainsAny(ext, `-/\`) || ext != "" && ext[0] != '.' ||
			ext == ".gz" || ext == ".zst" {
			return // Go knows no such time, or no such extension
		}
		stamp := at.Format("20060102T150405.000000Z")
		if seq > 0 {
			stamp += fmt.Sprintf("-%d", seq)
		}
		for _, form := range []string{"", ".gz", ".zst"} {
			name := base + "-" + stamp + ext + form
			got, ok := rotate.TimeInName(name)
			if first, isBackup := rotate.TimeInName(base); isBackup && got.Equal(first) {
				continue
			}
			if !ok || !got.Equal(at) {
				t.Errorf("TimeInName(%q) = %v, %v, want %v", name, got, ok, at)
			}
		}
	})
}

// No pattern makes Clean remove what it does not match, or what is hidden.
func FuzzCleanPattern(f *testing.F) {
	f.Add("*", "a.log")
	f.Add("*.log*", ".app.log")
	f.Add("[^a]*", "b")
	f.Add(`\.*`, ".x")
	f.Add("?app.log", ".app.log")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if filepath.Base(name) != name || name == "." || name == ".." {
			return
		}
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if os.WriteFile(path, []byte("x"), 0o600) != nil {
			return // no name for a file
		}
		setAge(t, path, 900*day)
		report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{Pattern: pattern, MaxFiles: 1, MaxTotalSize: 1, MaxAge: time.Hour})
		if pattern == "" {
			pattern = "*.log*"
		}
		matched, bad := filepath.Match(pattern, name)
		if bad != nil && err == nil && len(report.Removed) > 0 {
			t.Errorf("the bad pattern %q removed %q", pattern, name)
		}
		_, left := os.Stat(path)
		if left != nil && (!matched || name[0] == '.') {
			t.Errorf("pattern %q removed %q", pattern, name)
		}
		old := time.Now().Add(-time.Hour)
		if at, ok := rotate.TimeInName(name); err == nil && matched && name[0] != '.' && (!ok || at.Before(old)) && left == nil {
			t.Errorf("pattern %q left %q", pattern, name)
		}
	})
}

func TestCleanKnowsTheNamesOfLogs(t *testing.T) {
	dir := t.TempDir()
	logs := []string{
		"app.log", "app.log.1", "app.log.2.gz", "app.log-20200101", "app.log-20200101.xz", "app-2020-01-01.log", "a.log.log",
		"app-20200101T000000.000000Z.log", "app-2020-01-01T00-00-00.000.log.gz", "app.log-2020-01-01T00-00-00.000-size", "app.log_1",
	}
	others := []string{
		"company.logo.png", "users.login.db", "catalog.logrotate.conf", "app.logic.go", "x.log.sqlite", "x.log.bak", "app.txt", "app", ".app.log", ".log",
	}
	for _, name := range slices.Concat(logs, others) {
		writeFile(t, filepath.Join(dir, name), "line\n")
		setAge(t, filepath.Join(dir, name), 90*day)
	}
	report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: day})
	if err != nil || len(report.Removed) != len(logs) {
		t.Errorf("%d removed, %v, want %d", len(report.Removed), err, len(logs))
	}
	slices.Sort(others)
	if diff := cmp.Diff(others, names(t, dir)); diff != "" {
		t.Errorf("what is left mismatch (-want +got):\n%s", diff)
	}
}

// A time in the future is not when a file became a backup.
func TestCleanDoubtsNamesFromTheFuture(t *testing.T) {
	dir := t.TempDir()
	aged(t, dir, map[string]time.Duration{
		"app-99991231T235959.999999Z.log":    3 * day,
		"app-20990101T000000.000000Z.log.gz": time.Hour,
		stamped(2 * day):                     0,
		stamped(time.Hour):                   0,
	})
	report, err := rotate.Clean(t.Context(), dir, &rotate.CleanOptions{MaxAge: day})
	if err != nil || len(report.Removed) != 2 || len(names(t, dir)) != 2 {
		t.Errorf("Clean = %v, removed %v, left %v", err, baseNames(report.Removed), names(t, dir))
	}
	if _, err := os.Lstat(filepath.Join(dir, "app-99991231T235959.999999Z.log")); err == nil {
		t.Error("the oldest one is still there")
	}
}
