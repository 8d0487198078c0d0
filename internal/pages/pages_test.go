package pages_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/pages"
)

const fence = "```"

func TestBlocks(t *testing.T) {
	t.Parallel()
	got, err := pages.Blocks(map[string]string{
		"b.md": "text\n\n" + fence + "go zap\nx := 1\n" + fence + "\n",
		"a.md": fence + "\n" + fence + "\n" + fence + "json\n{}\n\n" + fence + "\n",
		"c.md": "no `" + fence + "` begins a line\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []pages.Block{
		{Page: "a.md", Line: 1},
		{Page: "a.md", Line: 3, Info: "json", Text: "{}\n\n"},
		{Page: "b.md", Line: 3, Info: "go zap", Text: "x := 1\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if _, err := pages.Blocks(map[string]string{"a.md": "\n" + fence + "go\n"}); err == nil || !strings.Contains(err.Error(), "a.md:2") {
		t.Errorf("a block without an end: %v", err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "docs", "a.md"), []byte("x\r\ny\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := pages.Read(dir, "*.md", "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"docs/a.md": "x\ny\n"}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if _, err := pages.Read(dir, "*.md"); err == nil {
		t.Error("no page at all is no error")
	}
}

func TestShows(t *testing.T) {
	t.Parallel()
	b := pages.Block{Text: "log()\n// {\"time\":\"…\",\"n\":…,\"a\":{},\n//  \"b\":[1]}\n// not output\n"}
	for printed, want := range map[string]bool{
		`{"time":"now","n":12.5,"a":{},"b":[1]}` + "\n": true,
		`{"time":"now","n":12,"a":{},"b":[2]}` + "\n":   false,
		`{"time":"now","n":x,"a":{},"b":[1]}` + "\n":    false,
		`{"time":"","n":1,"a":{},"b":[1]}` + "\nmore\n": false,
		"": false,
	} {
		if got := b.Shows(printed); got != want {
			t.Errorf("%q: %t", printed, got)
		}
	}
	if (pages.Block{Text: "x := 1 // {}\n"}).Output() != "" {
		t.Error("a comment behind code is output")
	}
}

// TestRun builds blocks in this module. What is wrong is found where it stands in the page.
func TestRun(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	root := filepath.Join("..", "..")
	known := map[string]string{"fmt": "fmt", "slog": "log/slog"}
	blocks := []pages.Block{
		{Page: "a.md", Line: 3, Text: "var _ slog.Attr // fmt.Println is not used\npanic(1)\n"},
		{Page: "a.md", Line: 9, Text: "fmt.Println(word)\n// {}\n"},
	}
	got, err := pages.Run(t.Context(), root, known, "const word = `{}`\n", blocks)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 2 || got[0] != "" || !blocks[1].Shows(got[1]) {
		t.Errorf("it prints %q", got)
	}
	for text, want := range map[string]string{
		"x := 1\n":                                "a.md:4",
		"\nvar y int = `text`\n_ = y\n":           "a.md:5",
		"return fmt.Errorf(\"no file\")\n// {}\n": "no file",
	} {
		_, err := pages.Run(t.Context(), root, known, "", []pages.Block{{Page: "a.md", Line: 3, Text: text}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
