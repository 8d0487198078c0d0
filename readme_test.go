package sluice_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeNamesTestsThatExist keeps the table of guarantees true to its word.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\|.*\\| (.*`(?:Test|Fuzz).*) in `([a-z0-9/.]+)` \\|$").FindAllStringSubmatch(readme(t), -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rows name a test", len(rows))
	}
	for _, row := range rows {
		source := testsIn(t, row[2])
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`").FindAllStringSubmatch(row[1], -1) {
			if !strings.Contains(source, "\nfunc "+name[1]+"(") {
				t.Errorf("README.md names %s in %s, where there is none", name[1], row[2])
			}
		}
	}
}

// TestReadmeCodeCompiles builds each block of Go in the README as the body of a
// function.
func TestReadmeCodeCompiles(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	var code strings.Builder
	code.WriteString("package readme\n\nimport (\n")
	for _, pkg := range []string{"log/slog", "os"} {
		fmt.Fprintf(&code, "%q\n", pkg)
	}
	for _, pkg := range []string{"asyncbuf", "fanout", "handler", "pipeline", "redact", "rotate"} {
		fmt.Fprintf(&code, "%q\n", "github.com/sluicelog/sluice/"+pkg)
	}
	code.WriteString(")\n")
	for i, block := range blocks {
		fmt.Fprintf(&code, "func block%d() error {\n%sreturn nil\n}\n", i, block[1])
	}

	// An overlay puts the file into the module without writing to the tree.
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "readme.go"), filepath.Join(dir, "overlay.json")
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	place := map[string]map[string]string{"Replace": {filepath.Join(root, "internal", "readme", "readme.go"): file}}
	text, err := json.Marshal(place)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{file: []byte(code.String()), overlay: text} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), goTool, "build", "-overlay", overlay, "./internal/readme").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
