package input_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// folder makes files, each with its name as its only line, and returns the directory.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		data := []byte(name + "\n")
		switch filepath.Ext(name) {
		case ".gz":
			data = gzipped(t, data)
		case ".zst":
			data = zstandard(t, data)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, data)
	}
	return dir
}

// read returns the lines that are read with names, and the names of the files, without dir.
func read(t *testing.T, dir string, o input.Options, names ...string) (lines, files []string) {
	t.Helper()
	for i, name := range names {
		if name != "-" {
			names[i] = dir + "/" + name
		}
	}
	r, err := input.Open(names, &o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Files() {
		files = append(files, strings.TrimPrefix(f, dir+"/"))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	got := readAll(t, names, o)
	if len(got.errs) > 0 {
		t.Errorf("errors: %q", got.errs)
	}
	return strings.Fields(got.data.String()), files
}

func TestNames(t *testing.T) {
	all := []string{
		"app.log", "app-20261122T110000.000000Z.log", "app-20261122T000000.000000Z.log.gz", "app-20261122T110000.000000Z-1.log.zst",
		"app-2026-11-21T23-30-46.123.log", "app-2026-11-21T23-30-46.125-size.log.gz",
		"errors.log", "errors.log.1", "errors.log.2.gz", "errors.log.10.gz",
		"audit.log", "audit.log-20261120.gz", "audit.log-20261121",
		"notes.txt", ".hidden.log", "deep/more.log", "deep/er/most.log", "deep/.git/x.log",
	}
	app := []string{
		"app-2026-11-21T23-30-46.123.log", "app-2026-11-21T23-30-46.125-size.log.gz", "app-20261122T000000.000000Z.log.gz",
		"app-20261122T110000.000000Z.log", "app-20261122T110000.000000Z-1.log.zst", "app.log",
	}
	errs := []string{"errors.log.10.gz", "errors.log.2.gz", "errors.log.1", "errors.log"}
	audit := []string{"audit.log-20261120.gz", "audit.log-20261121", "audit.log"}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for name, tt := range map[string]struct {
		opts  input.Options
		names []string
		want  []string
	}{
		"one file":                  {input.Options{}, []string{"app.log"}, []string{"app.log"}},
		"files in the order given":  {input.Options{}, []string{"notes.txt", "errors.log", "app.log"}, []string{"notes.txt", "errors.log", "app.log"}},
		"a set by time":             {input.Options{Rotated: true}, []string{"app.log"}, app},
		"a set by number":           {input.Options{Rotated: true}, []string{"errors.log"}, errs},
		"a set by date":             {input.Options{Rotated: true}, []string{"audit.log"}, audit},
		"a set up to a backup":      {input.Options{Rotated: true}, []string{"errors.log.2.gz"}, errs[:2]},
		"two sets":                  {input.Options{Rotated: true}, []string{"errors.log", "app.log"}, join(errs, app)},
		"some of a set":             {input.Options{}, []string{"errors.log", "errors.log.1", "notes.txt", "errors.log.10.gz"}, []string{"errors.log.10.gz", "errors.log.1", "errors.log", "notes.txt"}},
		"a file twice":              {input.Options{}, []string{"app.log", "errors.log", "../" + "SELF/app.log", "app.log"}, []string{"app.log", "errors.log"}},
		"a backup alone":            {input.Options{}, []string{"errors.log.2.gz"}, []string{"errors.log.2.gz"}},
		"a backup since compressed": {input.Options{}, []string{"app-20261122T000000.000000Z.log", "app.log"}, []string{"app-20261122T000000.000000Z.log.gz", "app.log"}},
		"a directory":               {input.Options{}, []string{"."}, join(app, audit, errs)},
		"a directory below":         {input.Options{}, []string{"deep"}, []string{"deep/more.log"}},
		"all below a directory":     {input.Options{}, []string{"deep/..."}, []string{"deep/er/most.log", "deep/more.log"}},
		"a pattern":                 {input.Options{}, []string{"*rrors.log*"}, errs},
		"a pattern for directories": {input.Options{}, []string{"[den]*"}, join(errs, []string{"notes.txt"})},
		"the last of a set":         {input.Options{Rotated: true, Tail: 5}, []string{"app.log"}, []string{"app.log"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, all...)
			for i, n := range tt.names {
				tt.names[i] = strings.ReplaceAll(n, "SELF", filepath.Base(dir))
			}
			lines, files := read(t, dir, tt.opts, tt.names...)
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("lines mismatch (-want +got):\n%s", diff)
			}
			for i, f := range files {
				files[i] = strings.TrimPrefix(filepath.Clean(f), filepath.Clean(dir)+"/")
			}
			if diff := cmp.Diff(tt.want, files); diff != "" {
				t.Errorf("files mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	dir := folder(t, "app.log.1", "app.log.2.gz", "other.log")
	lines, _ := read(t, dir, input.Options{Rotated: true}, "app.log") // its program has not started yet
	if diff := cmp.Diff([]string{"app.log.2.gz", "app.log.1"}, lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	// One that was removed after the shell has listed the directory.
	got := readAll(t, []string{dir + "/app.log.1", dir + "/app.log.3", dir + "/other.log"}, input.Options{})
	want := []string{"read " + dir + "/app.log.3: file does not exist"}
	if diff := cmp.Diff(want, got.errs); diff != "" || got.stats.Failed != 1 {
		t.Errorf("%+v, errors mismatch (-want +got):\n%s", got.stats, diff)
	}
	if diff := cmp.Diff("app.log.1\nother.log\n", got.data.String()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestLogs(t *testing.T) {
	dir := folder(t, "app.log", "app.log.1.gz", "errors.log", "notes.txt", "app.log.2.gz")
	r, err := input.Open([]string{dir + "/notes.txt", dir, "-"}, &input.Options{Rotated: true})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"notes.txt"}, {"app.log.2.gz", "app.log.1.gz", "app.log"}, {"errors.log"}, {"-"}}
	for _, log := range want {
		for i, name := range log {
			if name != "-" {
				log[i] = filepath.Join(dir, name)
			}
		}
	}
	if diff := cmp.Diff(want, r.Logs()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestPlainBesideCompressed(t *testing.T) {
	dir := folder(t, "app-20261122T000000.000000Z.log", "app.log")
	write(t, dir, "app-20261122T000000.000000Z.log.gz", gzipped(t, []byte("not finished"))[:15])
	lines, _ := read(t, dir, input.Options{Rotated: true}, "app.log")
	if diff := cmp.Diff([]string{"app-20261122T000000.000000Z.log", "app.log"}, lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestLinksAreOneFile(t *testing.T) {
	dir := folder(t, "app.log")
	if err := os.Link(dir+"/app.log", dir+"/hard.log"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("app.log", dir+"/soft.log"); err != nil {
		t.Fatal(err)
	}
	lines, _ := read(t, dir, input.Options{}, "soft.log", "app.log", "hard.log")
	if diff := cmp.Diff([]string{"app.log"}, lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	// As a rotation leaves it for a moment: the log file has the name of a backup as well.
	if err := os.Link(dir+"/app.log", dir+"/app-20261122T000000.000000Z.log"); err != nil {
		t.Fatal(err)
	}
	for _, o := range []input.Options{{Rotated: true}, {}} {
		lines, files := read(t, dir, o, "app.log")
		if diff := cmp.Diff([]string{"app.log"}, lines); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"app.log"}, files); diff != "" {
			t.Errorf("files mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestNamesThatStandForTheSame(t *testing.T) {
	dir := folder(t, "app.log", "deep/more.log")
	lines, _ := read(t, dir, input.Options{}, ".", "./...", "app.log", "deep/...", "*.log")
	if diff := cmp.Diff([]string{"app.log", "deep/more.log"}, lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestSince(t *testing.T) {
	dir := folder(t, "app.log", "app.log.1", "app.log.2.gz", "other.log")
	now := time.Now()
	for name, age := range map[string]time.Duration{"app.log": 0, "app.log.1": time.Hour, "app.log.2.gz": 3 * time.Hour, "other.log": 3 * time.Hour} {
		if err := os.Chtimes(filepath.Join(dir, name), now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	lines, _ := read(t, dir, input.Options{Rotated: true, Since: now.Add(-2 * time.Hour)}, "app.log", "other.log")
	if diff := cmp.Diff([]string{"app.log.1", "app.log"}, lines); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	lines, _ = read(t, dir, input.Options{Since: now.Add(-3*time.Hour + time.Second)}, "other.log")
	if diff := cmp.Diff([]string{"other.log"}, lines); diff != "" {
		t.Errorf("within two seconds: mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := folder(t, "app.log", "empty/x.txt")
	for name, tt := range map[string]struct {
		opts  input.Options
		names []string
		want  string
	}{
		"no file":      {input.Options{}, []string{dir + "/a.log", dir + "/app.log", dir + "/b\x1b.log"}, "DIR/a.log: there is no such file\n\"DIR/b\\x1b.log\": there is no such file"},
		"no match":     {input.Options{}, []string{dir + "/x*.log"}, "DIR/x*.log: there is no such file, and none whose name matches"},
		"bad pattern":  {input.Options{}, []string{dir + "/x[.log"}, "DIR/x[.log: there is no such file, and as a pattern it has a syntax error in pattern"},
		"no logs":      {input.Options{}, []string{dir + "/empty"}, "DIR/empty: there are no log files in this directory (those below it are meant by DIR/empty/...)"},
		"nothing deep": {input.Options{}, []string{dir + "/empty/..."}, "DIR/empty/...: there are no log files below this directory"},
		"no directory": {input.Options{}, []string{dir + "/none/..."}, "DIR/none/...: no such file or directory"},
		"no name":      {input.Options{}, []string{""}, `"": no file has an empty name`},
		"bad MaxLine":  {input.Options{MaxLine: -1}, nil, "MaxLine is -1, must be 0 (1 MiB) or more"},
		"huge MaxLine": {input.Options{MaxLine: 1 << 30}, nil, "MaxLine is 1073741824, must be 268435456 (256 MiB) or less"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := input.Open(tt.names, &tt.opts)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(err.Error(), dir, "DIR")); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}
