package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplaceBlock(t *testing.T) {
	const beginMarker, endMarker = "<!-- bench:begin -->", "<!-- bench:end -->"
	const begin, end = beginMarker + "\n", endMarker + "\n"
	tests := []struct {
		name, text, want, err string
	}{
		{"between", "a\n" + begin + "old\n" + end + "z\n", "a\n" + begin + "new\n" + end + "z\n", ""},
		{"nothing yet", begin + end, begin + "new\n" + end, ""},
		{"no newline at the end", begin + endMarker, begin + "new\n" + endMarker, ""},
		{
			"carriage returns", "a\r\n" + beginMarker + "\r\n" + endMarker + "\r\n",
			"a\r\n" + beginMarker + "\r\nnew\n" + endMarker + "\r\n", "",
		},
		{"named in a line", begin + end + "between " + begin, begin + "new\n" + end + "between " + begin, ""},
		{"empty", "", "", "no line " + beginMarker},
		{"no begin", "a\n" + end, "", "no line " + beginMarker},
		{"no end", begin + "a\n", "", "no line " + endMarker},
		{"swapped", end + begin, "", endMarker + " stands before " + beginMarker},
		{"those of another", bufferBlock.begin() + "\n" + bufferBlock.end() + "\n", "", "no line " + beginMarker},
		{"twice", begin + end + begin + end, "", beginMarker + " stands there more than once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := encoderBlock.replace(tt.text, "new\n")
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"first", "2nd"} {
		if err := replaceFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	// A folder with something in it cannot be replaced.
	if err := os.MkdirAll(filepath.Join(dir, "folder", "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(filepath.Join(dir, "folder"), nil); err == nil {
		t.Error("no error")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
