package thirdparty_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page returns docs/third-party.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "third-party.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestDocsShowsWhatRuns looks for the lines of each block of Go, one after the other,
// in the test or example that it names.
func TestDocsShowsWhatRuns(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range regexp.MustCompile(`\nfunc (\w+)\((?s:.*?)\n}\n`).FindAllStringSubmatch(string(text), -1) {
			functions[f[1]] = unindented(f[0])
		}
	}
	blocks := regexp.MustCompile("\n```go (.*)\n((?s:.*?))\n```\n").FindAllStringSubmatch(page(t), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(functions[block[1]], unindented(block[2]+"\n")) {
			t.Errorf("%s does not run\n%s", block[1], block[2])
		}
	}
}

// unindented returns lines without the white space around them, and without empty ones.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// TestDocsNamesTheVersions compares the versions in the table with those that run.
func TestDocsNamesTheVersions(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("(?m)^\\| `([^` ]+)` \\| (v[^ ]+) ").FindAllStringSubmatch(page(t), -1)
	if len(named) < 10 {
		t.Fatalf("%d versions", len(named))
	}
	for _, library := range named {
		if !strings.Contains(string(mod), "\t"+library[1]+" "+library[2]+"\n") {
			t.Errorf("%s is not required in version %s", library[1], library[2])
		}
	}
}
