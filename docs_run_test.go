package sluice_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/pages"
)

// scratch is a directory in which blocks find what is on a machine that is ready for
// production: a configuration, a log with an error, and an older one of lumberjack.
func scratch(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/app/logging.json":    `{"sinks": [{"type": "file", "path": "` + filepath.ToSlash(dir) + `/var/log/app/app.log"}]}`,
		"etc/orders/logging.json": `{"sinks": [{"type": "console", "stderr": true}]}`,
		"var/log/app/app.log": `{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":"good"}` + "\n" +
			`{"time":"2026-11-22T10:00:01Z","level":"ERROR","msg":"bad","order":7}` + "\n",
		"var/log/app/app-20261121T233046.123456Z.log": "old\n",
		"tmp/none": "",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.ToSlash(dir)
}

// within makes the paths in a block those below dir.
func within(dir, text string) string {
	return regexp.MustCompile(`(^|[\s"'])/(var|etc|tmp)/`).ReplaceAllString(text, "${1}"+dir+"/$2/")
}

// TestDocsCodeRunsInADirectory runs the blocks of Go of the pages that say what a
// service writes, with paths in a temporary directory and without a network. One that
// fails returns an error.
func TestDocsCodeRunsInADirectory(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	names := []string{
		"README.md", "docs/audit.md", "docs/configuration.md", "docs/containers.md", "docs/from-slog.md", "docs/guide.md",
		"docs/kubernetes.md", "docs/systemd.md",
	}
	dir := scratch(t)
	run := slices.DeleteFunc(blocksOf(t), func(b pages.Block) bool {
		serves := strings.Contains(b.Text, "ListenAndServe") // until a signal comes
		return b.Info != "go" || !slices.Contains(names, b.Page) || serves
	})
	for i := range run {
		run[i].Runs = true
		run[i].Text = strings.ReplaceAll(within(dir, run[i].Text), `"logstash:`, `"127.0.0.1:`)
	}
	if len(run) < 20 {
		t.Fatalf("%d blocks", len(run))
	}
	if _, err := pages.Run(t.Context(), ".", knownPackages(), "", run); err != nil {
		t.Error(err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "tmp", "benchmark.log")); strings.Count(string(log), "\n") != 10_000 {
		t.Errorf("the benchmark of the guide has logged %d lines, %v", strings.Count(string(log), "\n"), err)
	}
}

// What a block of bash takes from a machine. That sudo becomes somebody else, and
// install gives to somebody, is left out.
const shell = `
sudo() { if [ "$1" = -u ]; then shift 2; fi; "$@"; }
install() {
	local args=()
	while [ $# -gt 0 ]; do
		case $1 in -o | -g) shift 2 ;; *) args+=("$1") && shift ;; esac
	done
	command install "${args[@]}"
}
journalctl() { [ "$*" = "-u orders -o cat --since -1h" ] && cat /var/log/app/app.log; }
`

// testBash runs a block, with paths in a temporary directory.
func testBash(t *testing.T, b pages.Block) {
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no bash")
	}
	jq := strings.Contains(b.Text, "jq ")
	if _, err := exec.LookPath("jq"); jq && err != nil {
		t.Skip("no jq")
	}
	dir := scratch(t)
	cmd := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", within(dir, shell+b.Text))
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", b, err, out)
	}
	if found := strings.Contains(string(out), "2026-11-22"); found != jq {
		t.Errorf("%v: it prints\n%s", b, out)
	}
	if !strings.Contains(b.Text, "mv ") {
		return
	}
	if _, err := os.Stat(filepath.Join(dir, "var", "log", "app", "app-2026-11-21T23-30-46.123.log")); err != nil {
		t.Errorf("%v: %v", b, err)
	}
}
