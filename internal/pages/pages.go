// Package pages reads the blocks of code in pages of Markdown and runs those in Go.
// It is for the tests of the documentation, here and in nested modules.
package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Block is a fenced block of a page.
type Block struct {
	Page string // the name of the page
	Line int    // of the fence, from 1
	Info string // what stands behind the fence: the language and, after a blank, a word for a test
	Text string // with a newline at its end
	Runs bool   // even if it shows no output
}

// String returns where the block is.
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// Read returns the texts of the files that match the patterns of filepath.Glob
// below root, by their names below root, with slashes.
func Read(root string, patterns ...string) (map[string]string, error) {
	texts := make(map[string]string)
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Clean(name))
			if err != nil {
				return nil, err
			}
			short, err := filepath.Rel(root, name)
			if err != nil {
				return nil, err
			}
			texts[filepath.ToSlash(short)] = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("pages: nothing matches %s", strings.Join(patterns, ", "))
	}
	return texts, nil
}

// Blocks returns the blocks of pages, in the order of their names.
func Blocks(texts map[string]string) ([]Block, error) {
	var all []Block
	for _, page := range slices.Sorted(maps.Keys(texts)) {
		n := 0
		open := -1 // the block that is not closed yet
		for line := range strings.Lines(texts[page]) {
			n++
			info, fence := strings.CutPrefix(line, "```")
			switch {
			case fence && open < 0:
				open = len(all)
				all = append(all, Block{Page: page, Line: n, Info: strings.TrimSpace(info)})
			case fence:
				open = -1
			case open >= 0:
				all[open].Text += line
			}
		}
		if open >= 0 {
			return nil, fmt.Errorf("pages: %v: the block has no end", all[open])
		}
	}
	return all, nil
}

// Output returns the output that a block of Go shows, "" for none: a comment that
// begins with "// {" is a line of it, which comments that begin with "//  " go on with.
func (b Block) Output() string {
	var lines []string
	for line := range strings.Lines(b.Text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//")
		if more, goesOn := strings.CutPrefix(comment, "  "); goesOn && len(lines) > 0 {
			lines[len(lines)-1] += strings.TrimSpace(more)
		} else if ok && strings.HasPrefix(comment, " {") {
			lines = append(lines, strings.TrimSpace(comment))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// Shows reports whether the block shows what it printed. In what it shows, "…" in
// quotes is any string, and a value … any number.
func (b Block) Shows(printed string) bool {
	pattern := strings.NewReplacer(`"…"`, `"[^"]*"`, `:…`, `:[0-9.]+`).Replace(regexp.QuoteMeta(b.Output()))
	return regexp.MustCompile("^" + pattern + "$").MatchString(printed)
}

// Run builds blocks of Go as the bodies of functions of one program, in the module
// whose folder is root, and runs those that show output or have Runs. It returns what
// each has printed to standard output. The packages that blocks may use are known by their
// names; declarations are for all of them. An overlay puts the program into the
// module without writing to the tree.
func Run(ctx context.Context, root string, known map[string]string, declarations string, blocks []Block,
) (printed []string, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice-pages-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	const end = "end of a block"
	var main strings.Builder
	main.WriteString("package main\n\nimport \"fmt\"\n\nfunc main() {\n")
	files := make(map[string]string)
	for i, b := range blocks {
		files[fmt.Sprintf("block%d.go", i)] = file(i, known, b)
		if b.Output() != "" || b.Runs {
			fmt.Fprintf(&main, "if err := block%d(); err != nil {\npanic(err)\n}\n", i)
		}
		fmt.Fprintf(&main, "fmt.Println(%q)\n", end)
	}
	files["types.go"] = imports(known, declarations) + declarations
	files["main.go"] = main.String() + "}\n"

	place := make(map[string]string)
	for name, code := range files {
		place[filepath.Join(root, "blocks", name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o600); err != nil {
			return nil, err
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": place})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "run", "-overlay", filepath.Join(dir, "overlay.json"), "./blocks") //nolint:gosec // our own
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("pages: %w\n%s", err, stderr.String())
	}
	return strings.Split(string(out), end+"\n"), nil
}

// file returns a file with a block as a function. The compiler says where in the
// page a fault is.
func file(i int, known map[string]string, b Block) string {
	code := regexp.MustCompile(`(?m)(^|\s)//(\s.*)?$`).ReplaceAllString(b.Text, "") // what is in a comment is not used
	return fmt.Sprintf("%s\nvar _ = block%d\n\nfunc block%d() error {\n//line %s:%d\n%s\nreturn nil\n}\n",
		imports(known, code), i, i, b.Page, b.Line+1, code)
}

// imports returns the beginning of a file with the imports that code needs.
func imports(known map[string]string, code string) string {
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if regexp.MustCompile(`(?:^|[^.\w])` + name + `\.[A-Z]`).MatchString(code) {
			fmt.Fprintf(&b, "%s %q\n", name, known[name])
		}
	}
	return b.String() + ")\n"
}
