package harness

import (
	"fmt"
	"os"
	"strings"
)

// A Block is the part of a page that a program writes, by its name: what is between the
// lines <!-- name:begin --> and <!-- name:end -->.
type Block string

// Read returns what is in the block of a page. An error names the lines that are missing.
func (b Block) Read(path string) (string, error) {
	_, text, _, err := b.cut(path)
	return text, err
}

// Write replaces the block of a page. A page that Read returns an error for is left as it is.
func (b Block) Write(path, text string) error {
	before, _, after, err := b.cut(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+text+after), 0o644) //nolint:gosec // a page for all
}

// cut returns what is before, in and after the block; the lines are not in it.
func (b Block) cut(path string) (before, in, after string, err error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return "", "", "", err
	}
	begin, end := fmt.Sprintf("<!-- %s:begin -->\n", b), fmt.Sprintf("<!-- %s:end -->\n", b)
	before, rest, ok := strings.Cut(string(page), begin)
	in, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", "", "", fmt.Errorf("%s: want the lines %q and %q", path, begin, end)
	}
	return before + begin, in, end + after, nil
}
