package scan_test

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

func TestBaseline(t *testing.T) {
	root := inside(t)
	code, _, errs := run(t, "log/...", "--write-baseline", "known.json")
	if code != cli.No || errs != timeless {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	text, err := os.ReadFile("known.json")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, root, "baseline", string(text))
	if info, err := os.Stat("known.json"); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	scan := func(what, want string, code int, args ...string) {
		t.Helper()
		got, out, errs := run(t, append(args, "--baseline", "known.json")...)
		if got != code || strings.TrimPrefix(errs, timeless) != "" || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", what, got, code, want, out, errs)
		}
	}
	scan("the same", "0 new secrets (and 4 known) in 0 of 3 files\n", cli.OK, "log")
	scan("what has no time", "1 new secret (and 4 known) in 1 of 4 files\n", cli.No, "log/...")

	// Rotated and compressed, moved, and with lines before it that were not there.
	write(t, "old/app-20261122T120000.000000Z.log.gz", gzipped(t, "one more\n"+appLog))
	if err := os.Remove("log/app.log"); err != nil {
		t.Fatal(err)
	}
	write(t, "log/app.log", "new and clean\n")
	scan("rotated", "0 new secrets (and 4 known) in 0 of 4 files\n", cli.OK, "log", "old")

	// The same secret once more is new, and so is another one.
	write(t, "log/app.log", appLog)
	scan("copied", "3 new secrets (and 4 known) in 1 of 4 files\n", cli.No, "old", "log")
	write(t, "log/app.log", strings.ReplaceAll(appLog, "10:00:01", "10:00:09"))
	if err := os.RemoveAll("old"); err != nil {
		t.Fatal(err)
	}
	scan("later", `log/app.log:2  password  user.password  {"time":"2026-11-22T10:00:09Z"`, cli.No, "log/...")
	write(t, "log/app.log", "")
	write(t, "log/other.log", appLog)
	scan("in another log", "3 new secrets (and 1 known) in 1 of 4 files\n", cli.No, "log")
}

// timeless is what is said of one secret that no baseline can know.
const timeless = "scan: 1 secret without a time in or above the line: no baseline can know them\n"

// Whatever is around it, and whatever the file is called, a new secret is not taken for one that was there before.
func TestBaselineHidesNothingNew(t *testing.T) {
	t.Chdir(t.TempDir())
	long := strings.Repeat("what is said in the meantime ", 20)
	for _, tt := range []struct{ name, before, after string }{
		{"JSON", `{"time":"2026-11-20T10:00:00Z","msg":"` + long + `","password":"SECRET"}`, `{"time":"2026-11-21T10:00:00Z","msg":"` + long + `","password":"SECRET"}`},
		{"time behind it", `{"password":"SECRET","msg":"` + long + `","ts":1795302046}`, `{"password":"SECRET","msg":"` + long + `","ts":1795302047}`},
		{"a constant time too", `{"since":"2026-01-01T00:00:00Z","password":"SECRET","ts":1795302046.5}`, `{"since":"2026-01-01T00:00:00Z","password":"SECRET","ts":1795302046.6}`},
		{"text", "2026/11/20 10:00:00 " + long + " password=SECRET", "2026/11/21 10:00:00 " + long + " password=SECRET"},
		{"syslog", "Nov 20 10:00:00 host " + long + " password=SECRET", "Nov 21 10:00:00 host " + long + " password=SECRET"},
		{"access log", "::1 - - [20/Nov/2026:10:00:00 +0000] \"GET /?password=SECRET\"", "::1 - - [21/Nov/2026:10:00:00 +0000] \"GET /?password=SECRET\""},
		{"below a line", "2026-11-20 10:00:00 environment:\nA=1\npassword=SECRET", "2026-11-21 10:00:00 environment:\nA=1\npassword=SECRET"},
		{"below others", "2026-11-20 10:00:00 one:\npassword=SECRET\n2026-11-20 10:00:01 two", "2026-11-20 10:00:00 one:\n2026-11-20 10:00:01 two\npassword=SECRET"},
		{"no time", "login password=SECRET", "login password=SECRET"},
		{"a time in the secret only", `{"password":"1795302046"}`, `{"password":"1795302046"}`},
		{"a day", `{"date":"2026-11-20","password":"SECRET"}`, `{"date":"2026-11-20","password":"SECRET"}`},
		{"a line that never ends", `{"time":"2026-11-20T10:00:00Z","password":"SECRET","msg":"` + strings.Repeat(long, 3000), `{"time":"2026-11-20T10:00:00Z","password":"SECRET","msg":"` + strings.Repeat(long, 3000)},
	} {
		write(t, "app.log", strings.ReplaceAll(tt.before, "SECRET", "hunter2")+"\n")
		_ = os.Remove("known.json")
		if code, out, _ := run(t, "app.log", "--write-baseline", "known.json"); code != cli.No || !strings.HasSuffix(out, "by rule:\n  password  1\n") {
			t.Errorf("%s: before: exit code %d, %s", tt.name, code, out)
		}
		code, _, _ := run(t, "app.log", "--baseline", "known.json")
		if want := cli.OK; tt.before != tt.after && code != want {
			t.Errorf("%s: the same: exit code %d, want %d", tt.name, code, want)
		}
		write(t, "app.log", strings.ReplaceAll(tt.after, "SECRET", "hunter3")+"\n")
		if code, _, _ := run(t, "app.log", "--baseline", "known.json"); code != cli.No {
			t.Errorf("%s: after: exit code %d, want %d", tt.name, code, cli.No)
		}
	}
}

// The limit of a baseline: a time says when something was logged, and not twice the same.
func TestBaselineBelievesTimes(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "app.log", `{"time":"2026-11-20T10:00:00Z","password":"hunter2"}`)
	_, _, _ = run(t, "app.log", "--write-baseline", "known.json")
	write(t, "app.log", `{"time":"2026-11-20T10:00:00Z","password":"hunter3"}`)
	if code, _, _ := run(t, "app.log", "--baseline", "known.json"); code != cli.OK {
		t.Errorf("another password at the same time: exit code %d, want %d", code, cli.OK)
	}
}

// What was not looked at is not forgotten; what was, and is not there, is.
func TestBaselineKeepsWhatWasNotRead(t *testing.T) {
	inside(t)
	line := func(day string) string {
		return `{"time":"2026-11-` + day + `T10:00:00Z","password":"hunter2","ip":"192.0.2.1"}` + "\n"
	}
	write(t, "in/a.log", line("20")+line("21"))
	write(t, "in/b.log", line("20"))
	scan := func(code int, args ...string) (entries int) {
		t.Helper()
		if got, out, errs := run(t, append(args, "--baseline", "known.json", "--write-baseline", "known.json")...); got != code {
			t.Errorf("%v: exit code %d, want %d; %s%s", args, got, code, out, errs)
		}
		text, err := os.ReadFile("known.json")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), `"count"`)
	}
	_, _, _ = run(t, "in", "--write-baseline", "known.json")
	write(t, "bad/b.log", gzipped(t, "clean\n")[:5])
	for _, tt := range []struct {
		name string
		want int
		code int
		args []string
	}{
		{"all", 3, cli.OK, []string{"in"}},
		{"another rule", 3, cli.OK, []string{"in", "--rule", "api_key"}},
		{"not this rule", 3, cli.OK, []string{"in", "--skip-rule", "password"}},
		{"another log", 3, cli.OK, []string{"log/clean.log"}},
		{"a log that cannot be read", 3, cli.Partial, []string{"bad"}},
	} {
		if got := scan(tt.code, tt.args...); got != tt.want {
			t.Errorf("%s: %d entries are left, want %d", tt.name, got, tt.want)
		}
	}
	if code, _, _ := run(t, "bad", "--write-baseline", "known.json"); code != cli.Partial || scan(cli.OK, "in") != 3 {
		t.Errorf("without reading it: exit code %d, or entries are gone", code)
	}
	write(t, "in/a.log", line("21"))
	if got := scan(cli.OK, "in"); got != 2 {
		t.Errorf("of what is gone: %d entries are left, want 2", got)
	}
}

// A baseline replaces a baseline, and no log that a shell has put behind the flag.
func TestBaselineReplacesNoLog(t *testing.T) {
	inside(t)
	write(t, "empty.log", "")
	write(t, "notes.txt", "password=hunter2\n")
	write(t, "empty", "")
	for name, want := range map[string]int{"log/app.log": cli.Usage, "empty.log": cli.Usage, "notes.txt": cli.Usage, "empty": cli.No, "new.json": cli.No} {
		before, _ := os.ReadFile(name)
		code, _, errs := run(t, "log", "--write-baseline", name)
		if after, _ := os.ReadFile(name); code != want || want == cli.Usage && !bytes.Equal(before, after) {
			t.Errorf("%s: exit code %d, want %d, %s, it holds %q", name, code, want, errs, after)
		}
	}
}

// A baseline that is written again is the same, byte by byte, and what is known is in it too.
func TestBaselineIsReplaced(t *testing.T) {
	inside(t)
	_, _, _ = run(t, "log/...", "--write-baseline", "known.json")
	before, err := os.ReadFile("known.json")
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "log/deep/er/web.log", "log", "--baseline", "known.json", "--write-baseline", "known.json")
	if code != cli.No || errs != timeless { // that of web.log
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	after, err := os.ReadFile("known.json")
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("%v, or it has changed:\n%s\n%s", err, before, after)
	}
	for _, name := range find(t) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("there is %s", name)
		}
	}
}

// There is nothing in a baseline by which a secret could be found.
func TestBaselineHasNoSecret(t *testing.T) {
	inside(t)
	var known []string
	for _, secret := range []string{"hunter2", "hunter3"} {
		write(t, "log/one.log", "2026-11-22T10:00:00Z login password="+secret+" ok\n")
		_, _, _ = run(t, "log/one.log", "--write-baseline", "known.json")
		text, err := os.ReadFile("known.json")
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, string(text))
	}
	if known[0] != known[1] || !strings.Contains(known[0], "[REDACTED]") {
		t.Errorf("the baseline depends on the secret:\n%s\n%s", known[0], known[1])
	}
}
