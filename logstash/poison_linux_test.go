package logstash_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/internal/testlog"
)

// A pipe that nobody reads holds up nothing.
func TestQuarantineInAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	testQuarantine(t, pipe, "", "not in quarantine")
}

// There is never half an event in the file.
func TestQuarantineOnAFullDisk(t *testing.T) {
	path := filepath.Join(testlog.TinyDisk(t, "size=8k"), "q")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 8<<10-10), 0o600); err != nil {
		t.Fatal(err)
	}
	testQuarantine(t, path, "", "no space left")
}
