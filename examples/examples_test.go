// Package examples_test runs every example as a reader would.
package examples_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "write what the examples print to testdata")

// TestEveryExample builds all programs in this folder and runs them. What one
// prints, and how it ends, is compared with testdata/NAME.txt. One that has tests
// of its own may do without such a file.
func TestEveryExample(t *testing.T) {
	t.Parallel()
	if testlog.Race {
		t.Skip("the programs are built without the race detector")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the examples show modes, signals and paths of Unix")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	readSources(t)
	// A symbolic link would make two paths of one directory.
	tmp, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(tmp, "bin")
	build := exec.CommandContext(t.Context(), goTool, "build", "-ldflags=-s -w", "-o", bin+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	t.Run("each", func(t *testing.T) { // returns when all are done, and tmp may go
		for _, name := range names(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				runExample(t, filepath.Join(bin, name), filepath.Join(tmp, name+".tmp"))
			})
		}
	})
}

func runExample(t *testing.T, program, tmp string) {
	t.Helper()
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name := filepath.Base(program)
	args := map[string][]string{
		"volume": {"-interval=4s"}, // in which it logs everything, even on a machine that stands still for a while
	}
	cmd := exec.CommandContext(ctx, program, args[name]...)
	cmd.Dir = ".." // where the comments say to run it
	cmd.Env = append(environment(), "TMPDIR="+tmp, "TZ=UTC")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}

	got := stdout.String()
	if stderr.Len() > 0 {
		got += "-- stderr --\n" + stderr.String()
	}
	if err != nil {
		got += fmt.Sprintf("-- %v --\n", err)
	}
	got = withoutVarying(name, tmp, got)
	golden := filepath.Join("testdata", name+".txt")
	if ownTests, err := filepath.Glob(filepath.Join(name, "*_test.go")); err != nil || len(ownTests) > 0 {
		if _, err := os.Stat(golden); errors.Is(err, fs.ErrNotExist) {
			if cmd.ProcessState.ExitCode() != 0 {
				t.Errorf("it ended so:\n%s", got)
			}
			return
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.ReplaceAll(string(want), "\r\n", "\n")
	if diff := cmp.Diff(strings.Split(lines, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("mismatch (-want +got), as go test ./examples -update would write it:\n%s", diff)
	}
	left, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		t.Errorf("it leaves %s in the temporary directory", file.Name())
	}
}

// environment returns the environment without what an example would heed.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "LOG_") || slices.Contains([]string{"NO_COLOR", "FORCE_COLOR", "TERM"}, name)
	})
}

// A varying is something that is another one each time, and what stands for it.
type varying struct{ pattern, as string }

// withoutVarying replaces what no two runs have in common.
func withoutVarying(name, tmp, text string) string {
	text = strings.ReplaceAll(text, tmp, "TMP")
	everywhere := []varying{
		{`TMP/[a-z]+-\d+`, "DIR"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)`, "TIME"},
		{`\b\d\d:\d\d:\d\d\.\d{3}\b`, "TIME"},
		{`\b\d{8}T\d{6}\.\d{6}Z(-\d+)?`, "STAMP"},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
		{`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b`, "TIME"},
		{`"file":"[^"]*/examples/`, `"file":"examples/`},
		{`"line":\d+`, `"line":N`},
		{`belongs to \S+ and`, "belongs to OWNER and"},
		{`"host":\{"name":"[^"]*"\}`, `"host":{"name":"HOST"}`},
		{`"host\.name":"[^"]*"`, `"host.name":"HOST"`},
		{`"request_id":"[A-Z2-7]{26}"`, `"request_id":"ID"`},
	}
	special := map[string][]varying{
		"troubleshooting": {{`\d+ bytes of 104`, "N bytes of 104"}, {`: \S+ for the caller.* full`, ": N ms for the caller, N writes of up to N ms, at most N % full"}},
		"volume":          {{`elapsed=\S+`, "elapsed=N"}, {`(per_second|bytes)=[\d.]+`, "$1=N"}, {`\d+ a second`, "N a second"}, {`hand: \d+`, "hand: N"}},
		"backup":          {{`(bytes|compressed)=\d+`, "$1=N"}},
		"benchmark":       {{` +\d+(\.\d)?\b`, " N"}},
		"memory":          {{`\d+\.\d MB`, "N MB"}, {`\d+ records queued, \d+ dropped`, "N records queued, N dropped"}},
		"throughput":      {{`in .* queued at most`, "in N s, N a second; N writes, N bytes queued at most"}, {`\d+ lines dropped`, "N lines dropped"}},
		"multiprocess":    {{`in \d\d? files`, "in N files"}},
	}
	for _, v := range append(everywhere, special[name]...) {
		text = regexp.MustCompile(v.pattern).ReplaceAllString(text, v.as)
	}
	return text
}

// names returns the folders that have a program.
func names(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Dir(files[i])
	}
	return files
}

// readSources reads the names, sizes and times of all that the programs are built
// of, so that go test runs them again when one of these has changed.
func readSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadmeNamesEveryExample compares the table with the folders.
func TestReadmeNamesEveryExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, link := range regexp.MustCompile(`\[[a-z]+\]\(([a-z]+)/?\)`).FindAllSubmatch(text, -1) {
		if name := string(link[1]); name != "testdata" {
			listed = append(listed, name)
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(names(t), slices.Compact(listed)); diff != "" {
		t.Errorf("mismatch (-folders +README.md):\n%s", diff)
	}
}

// TestEachSaysHowToRunIt reads the comments at the beginning of the programs.
func TestEachSaysHowToRunIt(t *testing.T) {
	t.Parallel()
	for _, name := range names(t) {
		text, err := os.ReadFile(filepath.Join(name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		comment, _, _ := strings.Cut(string(text), "\npackage main\n")
		if !regexp.MustCompile(`//\s+go run \./examples/` + name + `\b`).MatchString(comment) {
			t.Errorf("the comment of %s does not say how to run it", name)
		}
	}
}
