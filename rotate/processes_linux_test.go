package rotate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/rotate"
)

const lockless = "ROTATE_TEST_LOCKLESS"

// TestWithoutLocks opens files where the system has no locks, as on some network
// file systems: who lives could not be told, so PerProcess is refused.
func TestWithoutLocks(t *testing.T) {
	dir := os.Getenv(lockless)
	if dir == "" {
		strace, err := exec.LookPath("strace")
		if err != nil {
			t.Skip(err)
		}
		inject := []string{"-f", "-qq", "-o", os.DevNull, "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"}
		if err := exec.CommandContext(t.Context(), strace, append(inject, "true")...).Run(); err != nil {
			t.Skip("strace must not trace here: ", err)
		}
		child := exec.CommandContext(t.Context(), strace, append(inject, os.Args[0], "-test.run=^TestWithoutLocks$", "-test.v")...)
		child.Env = append(os.Environ(), lockless+"="+t.TempDir(), noSleep)
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	path := filepath.Join(dir, "app.log")
	for name, opts := range map[string]rotate.Options{"PerProcess": {PerProcess: true}, "MultiProcess": {MultiProcess: true}} {
		_, err := rotate.Open(path, &opts)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "can not be locked") {
			t.Errorf("Open = %v, want that %s needs locks", err, name)
		}
		for _, left := range names(t, dir) {
			if strings.HasPrefix(left, ".app.") && left != lockFile && left != ".app.log.worker.lock" {
				t.Errorf("%s is left", left)
			}
		}
	}
	f := mustOpen(t, path, nil) // needs none
	mustWrite(t, f, "line\n")
	mustRotate(t, f)
}
