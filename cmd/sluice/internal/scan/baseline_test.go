package scan_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

func TestBaseline(t *testing.T) {
	root := inside(t)
	code, _, errs := run(t, "log/...", "--write-baseline", "known.json")
	if code != cli.No || errs != "" {
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
		if got != code || errs != "" || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", what, got, code, want, out, errs)
		}
	}
	scan("the same", "0 new secrets (and 5 known) in 0 of 4 files\n", cli.OK, "log/...")

	// Rotated and compressed, moved, and with lines before it that were not there.
	write(t, "old/app-20261122T120000.000000Z.log.gz", gzipped(t, "one more\n"+appLog))
	if err := os.Remove("log/app.log"); err != nil {
		t.Fatal(err)
	}
	write(t, "log/app.log", "new and clean\n")
	scan("rotated", "0 new secrets (and 5 known) in 0 of 5 files\n", cli.OK, "log/...", "old")

	// The same secret once more is new, and so is another one.
	write(t, "log/app.log", appLog)
	scan("copied", "3 new secrets (and 5 known) in 1 of 5 files\n", cli.No, "old", "log/...")
	write(t, "log/app.log", strings.ReplaceAll(appLog, "10:00:01", "10:00:09"))
	if err := os.RemoveAll("old"); err != nil {
		t.Fatal(err)
	}
	scan("later", `log/app.log:2  password  user.password  {"time":"2026-11-22T10:00:09Z"`, cli.No, "log/...")
	scan("in another log", "2 new secrets", cli.No, "log/...", filepath.Join("log", "app.log"), writeOther(t))
}

func writeOther(t *testing.T) string {
	t.Helper()
	write(t, "other/web2.log", "GET /?api_key=hunter2 200\n")
	return "other/web2.log"
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
	if code != cli.OK || errs != "" {
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
		write(t, "log/one.log", "login password="+secret+" ok\n")
		_, _, _ = run(t, "log/one.log", "--write-baseline", "known.json")
		text, err := os.ReadFile("known.json")
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, string(text))
	}
	if known[0] != known[1] {
		t.Errorf("the baseline depends on the secret:\n%s\n%s", known[0], known[1])
	}
}
