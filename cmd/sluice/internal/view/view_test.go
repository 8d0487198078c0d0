package view_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

const demo = "../../testdata/demo"

// call runs the command and returns its exit code, as the program would have it.
func call(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, args ...string) int {
	c := view.Command()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{}, args...)) // nil would mean those of the test
	c.SetIn(stdin)
	c.SetOut(stdout)
	c.SetErr(stderr)
	err := c.ExecuteContext(ctx)
	var exit *cli.ExitError
	switch {
	case err == nil:
		return cli.OK
	case cli.IsClosed(err):
		return cli.Closed
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(stderr, exit.Err)
		}
		return exit.Code
	case errors.Is(err, context.Canceled):
		return cli.Interrupted
	}
	fmt.Fprintln(stderr, err)
	return cli.Partial
}

// viewed returns what the command prints of stdin, or of the files in args.
func viewed(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = call(t.Context(), strings.NewReader(stdin), &out, &errs, append([]string{"--utc"}, args...)...)
	return out.String(), errs.String(), code
}

func TestGolden(t *testing.T) {
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(demo)
	for name, args := range map[string]string{
		"help":             "--help",
		"makes":            "log/makes",
		"makes-wide":       "--layout wide --width 120 --color always log/makes",
		"makes-wide-names": "--layout wide --width 80 --name log/makes/ecs.log log/makes/docker.log log/makes/kubernetes.log",
		"makes-json":       "--json log/makes",
		"makes-raw":        "--raw log/makes",
		"makes-merged":     "--merge log/makes/zap.log log/makes/ecs.log log/makes/docker.log",
		"merged-sets":      "--merge --rotated --level error --last 8 --no-source log/app",
		"rotated-errors":   "--rotated --level error --since 2026-11-22T12:00:00Z --until 2026-11-22T14:00:00Z log/app/app.log",
		"names":            "--level error --first 6 log/app/app.log log/app/errors.log",
		"where":            "--where status>=500 --fields=status,request.id,nothing,source --no-source log/app/app.log",
		"hide":             "--first 3 --hide request.user,duration_ms --time-format clock log/app/app.log",
		"fields-json":      "--json --first 2 --fields status,request.user,request,source,nothing.at.all log/app/app.log",
		"hide-json":        "--json --first 2 --hide request.user,path,duration_ms --no-source log/app/app.log",
		"raw-names":        "--raw --name --level error --last 2 log/app/app.log",
		"context":          "--layout wide --width 100 --color always --context 1 --grep panic:|retrying log/app/app.log",
		"context-compact":  "--before 1 --after 2 --level error --first 2 log/app/app.log",
		"context-merged":   "--merge --context 1 --level critical log/makes/sluice.log log/makes/zap.log",
		"panic":            "--grep goroutine log/app/app.log",
		"last":             "--last 2 log/app/app.log",
		"last-errors":      "--last 2 --level error --context 1 log/app/app.log",
		"first-json":       "--first 2 --json --name --where status==404 log/app/app.log",
		"count":            "--count --level error log/app/app.log",
		"count-first":      "--count --first 2 --level error log/app/app.log",
		"nothing":          "--level fatal log/app/app.log",
		"broken":           "--grep 13:10: --time-format none log/app/app.log",
		"broken-quiet":     "--quiet --grep 13:10: log/app/app.log",
		"broken-json":      "--json --grep 13:10: log/app/app.log",
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := viewed(t, "", strings.Fields(args)...)
			got := fmt.Sprintf("$ sluice view %s\n%s--- stderr ---\n%s--- exit code %d\n", args, stdout, stderr, code)
			path := filepath.Join(testdata, name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("mismatch (-want +got)\n%s", diff)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args string
		want []string
	}{
		{
			"all that is wrong is said at once", "--color blue --layout broad --width 12 --level loud --last 0 --first -1 --context 5000 --time-format HH:mm --fields a,,b",
			[]string{
				`--color: "blue" is none of auto, always, never`, `--layout: "broad" is none of auto, wide, compact`, "--width: 12 must be 40 or more",
				"--level:", "--last: 0 must be from 1", "--first: -1 must be 1 or more", "--context: 5000 must be from 0 to 1000", `--time-format: "HH:mm"`, "--fields: \"a,,b\"",
			},
		},
		{"two forms", "--raw --json", []string{"--raw does not go with --json"}},
		{"attrs of what is not taken apart", "--raw -o a -x b --no-source", []string{"--raw does not go with --fields", "--raw does not go with --hide", "--raw does not go with --no-source"}},
		{"a look for what is not printed for people", "--json --layout wide --width 90", []string{"--json does not go with --layout", "--json does not go with --width"}},
		{"attrs of what is only counted", "-c -o a", []string{"--count does not go with --fields"}},
		{"a count of what has no end", "-c -f", []string{"--count does not go with --follow"}},
		{"a merge of one", "--merge " + demo + "/log/makes/ecs.log", []string{"--merge: there are 1 logs, and it takes from 2 to 16"}},
		{"a merge of what grows", "--merge -f a.log b.log", []string{"--merge does not go with --follow"}},
		{"both ends", "-m 1 -n 1", []string{"--first does not go with --last"}},
		{"a file that is not there", "no.log", []string{"no.log"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := viewed(t, "", strings.Fields(tt.args)...)
			if code != cli.Usage || stdout != "" {
				t.Errorf("exit code %d, printed %q", code, stdout)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("the error does not say %q:\n%s", want, stderr)
				}
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	const line = `{"level":"INFO","msg":"a"}` + "\n"
	for _, tt := range []struct {
		name, stdin, args string
		want              int
	}{
		{"all is printed", line, "", cli.OK},
		{"nothing is there", "", "", cli.OK},
		{"something matches", line, "-l info", cli.OK},
		{"nothing matches", line, "-l warn", cli.No},
		{"nothing is counted", line, "-c -l warn", cli.No},
		{"broken lines are no failure", line + "{", "-l info", cli.OK},
		{"half an archive", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "", cli.Partial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if stdout, stderr, code := viewed(t, tt.stdin, strings.Fields(tt.args)...); code != tt.want {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.want, stdout, stderr)
			}
		})
	}
}

func TestLinesOfTextGoWithTheLineBefore(t *testing.T) {
	t.Parallel()
	const log = `first text
{"level":"ERROR","msg":"one"}
panic: boom
	main.go:3
{"level":"INFO","msg":"two"}
text of two
{"level":"ERROR","msg":"three"}
`
	for _, tt := range []struct{ name, args, want string }{
		{"all", "", "  │   first text\nERR one\n  │   panic: boom\n  │       main.go:3\nINF two\n  │   text of two\nERR three\n"},
		{"that of what is shown", "-l error", "ERR one\n  │   panic: boom\n  │       main.go:3\nERR three\n"},
		{"but what is not wanted", "-l error -v panic", "ERR one\n  │       main.go:3\nERR three\n"},
		{"text that matches by itself", "-g text", "  │   first text\n  │   text of two\n"},
		{"the text of the first ones", "-m 1 -l error", "ERR one\n  │   panic: boom\n  │       main.go:3\n"},
		{"the text of the last ones", "-n 2 -l error", "ERR one\n  │   panic: boom\n  │       main.go:3\nERR three\n"},
		{"is not counted", "-c -l error", "2\n"},
		{"is counted where it matches by itself", "-c", "7\n"},
		{"has no member but msg", "-j -l error -m 1", `{"level":"ERROR","msg":"one"}` + "\n" + `{"msg":"panic: boom"}` + "\n" + `{"msg":"\tmain.go:3"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, _ := viewed(t, log, strings.Fields(tt.args)...)
			if diff := cmp.Diff(tt.want, stdout+stderr); diff != "" {
				t.Errorf("mismatch (-want +got)\n%s", diff)
			}
		})
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	const log = `app-1   | {"level":"INFO","msg":"compose"}
2026-11-22T10:00:00Z stdout F {"level":"INFO","msg":"kubernetes","time":"2026-11-22T10:00:00Z"}
Nov 22 10:00:00 host app[12]: {"level":"INFO","msg":"journal","a":1}
`
	for _, tt := range []struct{ name, args, want string }{
		{"for people", "--time-format none", "app-1 | INF compose\nINF kubernetes\nINF journal a=1 prefix=\"Nov 22 10:00:00 host app[12]:\"\n"},
		{"hidden", "--time-format none --hide prefix", "app-1 | INF compose\nINF kubernetes\nINF journal a=1\n"},
		{"as JSON", "--json --time-format none --grep compose", `{"level":"INFO","msg":"compose","prefix":"app-1 |"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, _ := viewed(t, log, strings.Fields(tt.args)...)
			if diff := cmp.Diff(tt.want, stdout+stderr); diff != "" {
				t.Errorf("mismatch (-want +got)\n%s", diff)
			}
		})
	}
}

func TestBrokenLinesAreCounted(t *testing.T) {
	t.Parallel()
	const log = `{"level":"INFO","msg":"a"}
{"level":"INFO","msg":"b
{"level":"ERROR","msg":"c"}
{"level":"ERROR","msg":
`
	long := `{"level":"ERROR","msg":"` + strings.Repeat("x", 2<<20) + `"}` + "\n"
	for _, tt := range []struct {
		name, log, args, stdout, stderr string
	}{
		{"where nothing is asked", log, "", "INF a\n  │   broken: {\"level\":\"INFO\",\"msg\":\"b\nERR c\n  │   broken: {\"level\":\"ERROR\",\"msg\":\n", "view: 2 broken lines (-:2 first)\n"},
		{"where only JSON can answer", log, "-l error", "ERR c\n", "view: 2 broken lines (-:2 first)\n"},
		{"in silence", log, "-q -l error", "ERR c\n", ""},
		{"unless they are not looked at", "", "-l error", "", ""},
		{
			"apart from those that are too long", long + log, "-g xxx -q",
			"  │   broken: {\"level\":\"ERROR\",\"msg\":\"" + strings.Repeat("x", 1024-len(`{"level":"ERROR","msg":"`)) + "… (2.0 MiB more)\n", "",
		},
		{"and those too", long + log, "-l error", "ERR c\n", "view: 2 broken lines (-:3 first), 1 line cut at 1 MiB\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, _ := viewed(t, tt.log, strings.Fields(tt.args)...)
			if diff := cmp.Diff([]string{tt.stdout, tt.stderr}, []string{stdout, stderr}); diff != "" {
				t.Errorf("mismatch (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAClosedOutputEndsIt(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"-f"}, {"-n", "3"}, {"-c"}, {"-m", "3"}, {"-m", "3", "-f"}} {
		if code := call(t.Context(), strings.NewReader(strings.Repeat(`{"msg":"a"}`+"\n", 1000)), w, io.Discard, args...); code != cli.Closed {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

func TestACancelledContextEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{nil, {"-f"}, {"-n", "3"}, {"--merge", demo + "/log/makes/ecs.log", demo + "/log/makes/zap.log"}} {
		if code := call(ctx, strings.NewReader(`{"msg":"a"}`+"\n"), io.Discard, io.Discard, args...); code != cli.Interrupted {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

func TestTimesAreLocalUnlessUTCIsAsked(t *testing.T) { // not parallel, for the zone is that of the process
	local := time.Local
	defer func() { time.Local = local }()
	time.Local = time.FixedZone("", 3600)
	for flag, want := range map[string]string{"--utc": "2026-11-22 10:00:00.000", "--utc=false": "2026-11-22 11:00:00.000"} {
		if stdout, _, _ := viewed(t, `{"time":"2026-11-22T12:00:00+02:00","level":"INFO","msg":"x"}`, flag); stdout != want+" INF x\n" {
			t.Errorf("%s: printed %s", flag, stdout)
		}
	}
}

func TestLastKeepsNoMoreThanItsBytes(t *testing.T) {
	t.Parallel()
	line := `{"msg":"` + strings.Repeat("x", 1_000_000) + `"}` + "\n"
	stdout, stderr, _ := viewed(t, strings.Repeat(line, 20), "--raw", "--last", "20", "--grep", "x")
	if want := strings.Repeat(line, 8); stdout != want {
		t.Errorf("%d bytes are printed, want %d", len(stdout), len(want))
	}
	if want := "view: --last 20 took more than 8.0 MiB: these are the last 8 lines\n"; stderr != want {
		t.Errorf("said %s", stderr)
	}
}

// Text goes with the JSON before it, also in the file of the log before that one, but not with that of another log.
func TestTextGoesWithItsOwnLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.log.1": `{"level":"ERROR","msg":"one"}` + "\n", "a.log": "of one\n" + `{"level":"ERROR","msg":"two"}` + "\n", "b.log": "of nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stdout, _, _ := viewed(t, "", "--rotated", "--level", "error", "--raw", filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log"))
	if want := `{"level":"ERROR","msg":"one"}` + "\nof one\n" + `{"level":"ERROR","msg":"two"}` + "\n"; stdout != want {
		t.Errorf("printed\n%s", stdout)
	}
}
