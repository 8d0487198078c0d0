package redact_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

// Lines as services write them every day come out as they are.
func TestCleanLog(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "clean.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	if len(lines) < 300 {
		t.Errorf("%d lines, want 300", len(lines))
	}
	for i, line := range lines {
		if got := redact.String(line); got != line {
			t.Errorf("line %d: mismatch (-want +got):\n%s", i+1, cmp.Diff(line, got))
		}
	}
}
