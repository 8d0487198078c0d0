package scan_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/scan"
	"github.com/sluicelog/sluice/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files")

// call runs the command.
func call(ctx context.Context, in io.Reader, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := scan.Command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{}, args...))
	c.SetIn(in)
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

// run is call without standard input.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return call(t.Context(), strings.NewReader(""), args...)
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

// inside changes to a new directory with logs, and returns the one it was.
func inside(t *testing.T) (root string) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "log/app.log", appLog)
	write(t, "log/app-20261122T000000.000000Z.log.gz", gzipped(t, `{"time":"2026-11-21T10:00:00Z","level":"INFO","msg":"login","password":"hunter2"}`+"\n"))
	write(t, "log/deep/er/web.log", "GET /?page=1 200\nGET /?api_key=hunter2 200\n")
	write(t, "log/clean.log", "nothing\n")
	return root
}

const appLog = `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"listening","port":8080}
{"time":"2026-11-22T10:00:01Z","level":"INFO","msg":"login","user":{"name":"ann","password":"hunter2"}}
text with an escape` + "\x1b[31m" + ` and password=hunter2
{"time":"2026-11-22T10:00:02Z","level":"WARN","msg":"retry postgres://shop:hunter2@db:5432/shop by bob@example.com"}
`

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, err := io.WriteString(zip, text)
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	root := inside(t)
	_, help, _ := run(t, "--help")
	golden(t, root, "help", help)

	write(t, "config.json", `{"redaction": {"keys": ["port"], "disable": ["url_password"], "mask": "***"}}`)
	write(t, "a\x1b[31m\nb.log", "token=hunter2\n")
	write(t, "cut.log.xz", "\xfd7zXZ\x00...")
	write(t, "log-token=hunter2/one.log", "clean\npassword=hunter2\n")
	write(t, "log-token=hunter2/api_key=hunter2.log", "2026-11-22T10:00:00Z password=hunter2\n")
	write(t, "log-token=hunter2/cut.xz", "\xfd7zXZ\x00...")
	write(t, "password=hunter2.log", "password=hunter2\n")
	for _, tt := range []struct {
		name string
		args []string
		code int
	}{
		{"directory", []string{"log"}, cli.No},
		{"recursive", []string{"log/..."}, cli.No},
		{"recursive flag", []string{"-R", "log"}, cli.No},
		{"clean", []string{"log/clean.log"}, cli.OK},
		{"limit", []string{"log/app.log", "--max-findings", "1"}, cli.No},
		{"json limit", []string{"log/...", "--json", "--max-findings", "1"}, cli.No},
		{"sarif limit", []string{"log/...", "cut.log.xz", "--sarif", "--max-findings", "1"}, cli.No},
		{"secret name", []string{"log-token=hunter2/...", "password=hunter2.log"}, cli.No},
		{"secret name json", []string{"log-token=hunter2/...", "--json"}, cli.No},
		{"secret name sarif", []string{"log-token=hunter2/...", "--sarif"}, cli.No},
		{"json", []string{"log/...", "--json"}, cli.No},
		{"sarif", []string{"log/...", "--sarif"}, cli.No},
		{"color", []string{"log/app.log", "--color", "always"}, cli.No},
		{"configuration", []string{"log/app.log", "--config", "config.json"}, cli.No},
		{"rule", []string{"log/...", "--rule", "email", "--rule", "api_key"}, cli.No},
		{"skip rule", []string{"log/...", "--skip-rule", "password,api_key"}, cli.No},
		{"hostile name", []string{"a*b.log", "log/app*"}, cli.No},
	} {
		code, out, errs := run(t, tt.args...)
		if code != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.name, code, tt.code)
		}
		if strings.Contains(out+errs, "hunter2") {
			t.Errorf("%s: there is a secret in the output", tt.name)
		}
		golden(t, root, strings.ReplaceAll(tt.name, " ", "-"), "$ sluice scan "+strings.Join(tt.args, " ")+"\n"+out+"--- standard error\n"+errs)
	}
}

func TestSARIF(t *testing.T) {
	inside(t)
	for _, args := range [][]string{{"log/...", "--sarif"}, {"log/clean.log", "--sarif"}} {
		_, out, _ := run(t, args...)
		var got struct {
			Version string
			Runs    []struct {
				Invocations []struct{ ExecutionSuccessful bool }
				Tool        struct {
					Driver struct{ Rules []struct{ ID string } }
				}
				Results []struct {
					RuleID    string
					RuleIndex int
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.Version != "2.1.0" || len(got.Runs) != 1 || !got.Runs[0].Invocations[0].ExecutionSuccessful {
			t.Fatalf("%v: %v in %s", args, err, out)
		}
		for _, r := range got.Runs[0].Results {
			if id := got.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID; id != r.RuleID {
				t.Errorf("%v: rule %d is %s, want %s", args, r.RuleIndex, id, r.RuleID)
			}
		}
		if want := strings.Count(out, "ruleIndex"); len(got.Runs[0].Results) != want || (want > 0) != (len(args) > 1 && args[0] == "log/...") {
			t.Errorf("%v: %d results of %d", args, len(got.Runs[0].Results), want)
		}
	}
}

func TestStandardInput(t *testing.T) {
	for _, args := range [][]string{nil, {"-"}, {"-", "-"}} {
		code, out, _ := call(t.Context(), strings.NewReader("one\npassword=hunter2\n"), args...)
		if code != cli.No || !strings.HasPrefix(out, "-:2  password  -  password=[REDACTED]\n1 secret in 1 of 1 file\n") {
			t.Errorf("%v: exit code %d, %s", args, code, out)
		}
	}
}

// The files are scanned side by side, and what is found comes in the order of their names.
func TestOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	testlog.CheckGoroutines(t)
	var want strings.Builder
	for i := range 300 {
		name := fmt.Sprintf("%03d.log", i)
		n := i * 7919 % 5
		if i == 3 {
			n = 2000 // more than may wait
		}
		write(t, name, strings.Repeat("password=hunter2\n", n))
		for line := range n {
			fmt.Fprintf(&want, "%s:%d  password  -  password=[REDACTED]\n", name, line+1)
		}
	}
	code, out, errs := run(t, ".", "--max-findings", "0")
	if code != cli.No || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	summary, ok := strings.CutPrefix(out, want.String())
	if !ok {
		t.Error("what is found is another thing, or in another order")
	} else if !strings.HasPrefix(summary, "2,598 secrets in 240 of 300 files\n") || !strings.HasSuffix(summary, "  and 230 more files\n") {
		t.Errorf("the summary is %s", summary)
	}
}

func TestUsage(t *testing.T) {
	inside(t)
	write(t, "off.json", `{"redaction": {"enable": ["nix"]}}`)
	write(t, "broken.json", `{"version": 1, "findings": [`)
	write(t, "two.json", `{"version": 1, "findings": []}{"version": 1, "findings": []}`)
	write(t, "newer.json", `{"version": 2, "findings": []}`)
	write(t, "other.json", `{"version": 1, "findings": [{"log": "", "rule": "x", "excerpt": "", "count": 1}]}`)
	write(t, "gitleaks.json", `[{"RuleID": "jwt"}]`)
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args string
		want []string
	}{
		{"all at once", "nix\x1b log/*.nix [ --rule foo --skip-rule bar --max-findings -1 --color red --json --sarif", []string{
			`"nix\x1b": there is no such file or directory`, "log/*.nix: no file matches this pattern", "[: want a pattern in which each [ has its ]",
			`--rule: there is no rule or group "foo": --list-rules prints them`, `--skip-rule: there is no rule or group "bar"`,
			"--max-findings is -1: want 0 (no limit) or more", `--color is "red": want auto, always or never`, "--json and --sarif: want one of them",
		}},
		{"no rule is left", "log --rule password --skip-rule credentials,password", []string{"--skip-rule: there is nothing to look for, of what --rule names"}},
		{"no file", "empty", []string{"there is no file to scan in empty: directory/... takes those below it too"}},
		{"no configuration", "log --config nix.json", []string{"--config: ", "nix.json"}},
		{"wrong configuration", "log --config off.json", []string{"--config: ", "nix"}},
		{"no baseline", "log --baseline nix.json", []string{"--baseline: ", "nix.json"}},
		{"broken baseline", "log --baseline broken.json", []string{"--baseline: broken.json: want what --write-baseline writes: "}},
		{"two baselines in one", "log --baseline two.json", []string{"--baseline: two.json: want what --write-baseline writes: there is more"}},
		{"newer baseline", "log --baseline newer.json", []string{"--baseline: newer.json: this is version 2 of the format: want 1"}},
		{"other baseline", "log --baseline other.json", []string{"--baseline: other.json: want a log, a time, a rule and a count"}},
		{"baseline of another program", "log --baseline gitleaks.json", []string{"--baseline: gitleaks.json: want what"}},
		{"a directory for a baseline", "log --write-baseline empty", []string{"--write-baseline: empty: want the name of a file"}},
		{"no place for a baseline", "log --write-baseline nix/known.json", []string{"--write-baseline: ", "nix"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := run(t, strings.Fields(tt.args)...)
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
}

func TestListRules(t *testing.T) {
	code, out, errs := run(t, "--list-rules")
	if code != cli.OK || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, want := range []string{"password ", "credentials", "email ", "off\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

func TestDamagedArchive(t *testing.T) {
	inside(t)
	whole := gzipped(t, strings.Repeat("clean\n", 1000)+"password=hunter2\n"+strings.Repeat("clean as well\n", 1000))
	write(t, "cut.log.gz", whole[:len(whole)-20])
	write(t, "text.log", "clean\n")
	code, out, errs := run(t, "cut.log.gz", "text.log")
	if code != cli.No || !strings.Contains(errs, "scan: cut.log.gz: line ") || !strings.Contains(out, "of 2 files; 1 could not be read\n") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	if code, _, _ := run(t, "cut.log.gz", "text.log", "log/app.log"); code != cli.No {
		t.Errorf("with secrets in another file: exit code %d, want %d", code, cli.No)
	}
	write(t, "head.log.gz", whole[:5])
	if code, _, errs := run(t, "head.log.gz"); code != cli.Partial || !strings.Contains(errs, "head.log.gz: ") {
		t.Errorf("without a secret: exit code %d, want %d; %s", code, cli.Partial, errs)
	}
}

// What cannot be looked into is no good news.
func TestUnreadableFormats(t *testing.T) {
	inside(t)
	for begin, want := range map[string]string{
		"BZh91AY":                     "x.log: is compressed with bzip2, which is not read: pipe it through bzcat",
		"\xfd7zXZ\x00":                "x.log: is compressed with xz",
		"PK\x03\x04":                  "x.log: is a zip archive",
		"\xff\xfep\x00a\x00":          "x.log: is UTF-16",
		gzipped(t, "\xfe\xff\x00p"):   "x.log: is UTF-16",
		gzipped(t, gzipped(t, "a\n")): "x.log: is compressed twice",
	} {
		write(t, "x.log", begin)
		if code, _, errs := run(t, "x.log"); code != cli.Partial || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d, want %d and %q in %s", begin, code, cli.Partial, want, errs)
		}
	}
	for _, text := range []string{"", "B", "PK", "\xff"} {
		write(t, "x.log", text)
		if code, _, errs := run(t, "x.log"); code != cli.OK || errs != "" {
			t.Errorf("%q: exit code %d, %s", text, code, errs)
		}
	}
}

func TestBinaryFile(t *testing.T) {
	inside(t)
	write(t, "core", "\x00\x01\xff\x1b]0;title\x07 password=hunter2 \x00\x00\n\x80\x81")
	code, out, errs := run(t, "core")
	if code != cli.No || errs != "" || !strings.HasPrefix(out, `core:1  password  -  \x00\x01\xff\x1b]0;title\a password=[REDACTED] \x00\x00`+"\n") {
		t.Errorf("exit code %d, %q, %s", code, out, errs)
	}
}

// closed is a pipe that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestClosedOutput(t *testing.T) {
	inside(t)
	testlog.CheckGoroutines(t)
	for _, format := range []string{"--color=never", "--json", "--sarif"} {
		c := scan.Command()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs([]string{"log/...", format, "--write-baseline", "known.json"})
		c.SetOut(closed{})
		c.SetErr(io.Discard)
		if err := c.ExecuteContext(t.Context()); !cli.IsClosed(err) {
			t.Errorf("%s: got %v", format, err)
		}
	}
	if names := strings.Join(find(t), " "); strings.Contains(names, "known") {
		t.Errorf("there are %s", names)
	}
}

// find returns the files that there are.
func find(t *testing.T) (names []string) {
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

// stalled is standard input that has a line, and then nothing until it is released.
type stalled struct {
	line    string
	waiting func()
	release chan struct{}
}

func (s *stalled) Read(p []byte) (int, error) {
	if s.line != "" {
		n := copy(p, s.line)
		s.line = s.line[n:]
		return n, nil
	}
	s.waiting()
	<-s.release
	return 0, io.EOF
}

func TestInterrupted(t *testing.T) {
	inside(t)
	testlog.CheckGoroutines(t)
	ctx, cancel := context.WithCancel(t.Context())
	in := &stalled{line: "password=hunter2\n", waiting: cancel, release: make(chan struct{})}
	defer close(in.release)
	code, _, errs := call(ctx, in, "log/app.log", "-", "--write-baseline", "known.json")
	if code != cli.Interrupted || !strings.HasPrefix(errs, "scan: interrupted before all was scanned\n") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	ctx, cancel = context.WithCancel(t.Context())
	again := &stalled{line: "password=hunter2\n", waiting: cancel, release: in.release}
	code, out, errs := call(ctx, again, "log/app.log", "-", "--sarif")
	if code != cli.Interrupted || !strings.Contains(out, `"executionSuccessful":false,"toolExecutionNotifications":[{"level":"error","message":{"text":"interrupted`) {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	for _, name := range find(t) {
		if strings.Contains(name, "known") {
			t.Errorf("there is %s", name)
		}
	}
}

// A file that an interruption cuts short is none that could not be read.
func TestInterruptedFile(t *testing.T) {
	inside(t)
	testlog.CheckGoroutines(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 { // mostly the end of the scan is seen before that of the file
		code, out, errs := call(ctx, nil, "log/app.log", "log/deep/...")
		if want := "scan: interrupted before all was scanned\n"; code != cli.Interrupted || errs != want || strings.Contains(out, "could not be read") {
			t.Fatalf("exit code %d, %s%s", code, out, errs)
		}
	}
}

func TestFileWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read everything")
	}
	inside(t)
	if err := errors.Join(os.Chmod("log/clean.log", 0), os.Chmod("log/deep", 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod("log/deep", 0o700) })
	code, out, errs := run(t, "log/...", "--skip-rule", "credentials")
	if code != cli.Partial || strings.Count(errs, "permission denied") != 2 || !strings.Contains(out, "in 0 of 3 files; 2 could not be read") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
}
