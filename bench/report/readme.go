package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A block is the part of a page that belongs to one report, by its name:
// what is between two lines.
type block string

const (
	encoderBlock block = "bench"
	bufferBlock  block = "buffers"
	fileBlock    block = "files"
	redactBlock  block = "redaction"
	shipBlock    block = "shipping"
	spoolBlock   block = "spool"
	handlerBlock block = "handlers"
	wholeBlock   block = "pipeline"
	toolBlock    block = "tool"
	brokerBlock  block = "brokers"
	balanceBlock block = "balance"
	redactRows   block = "redaction-rows" // the most important ones
	handlerRows  block = "handlers-rows"
)

// page returns the file that the block is in, from the root of the repository.
func (b block) page() string {
	switch b {
	case bufferBlock, redactBlock, shipBlock, spoolBlock, handlerBlock, wholeBlock, toolBlock, brokerBlock, balanceBlock:
		return filepath.Join("docs", "figures.md")
	default:
		return "README.md"
	}
}

// rows returns the block of the README for the most important rows, if there is one.
func (b block) rows() (block, bool) {
	switch b {
	case redactBlock:
		return redactRows, true
	case handlerBlock:
		return handlerRows, true
	default:
		return "", false
	}
}

// picture returns the file of the picture, from the root of the repository, and what is to be
// seen. There is none if the file is "".
func (b block) picture() (file, seen string) {
	switch b {
	case encoderBlock:
		return filepath.Join("bench", "report.svg"), "the same as a chart"
	case brokerBlock:
		return filepath.Join("docs", "img", "brokers.svg"), "How many events ours gets acked while the broker's own client gets one, by case and client, " +
			"with the spread of the rounds and the line of what was asked for"
	case balanceBlock:
		return filepath.Join("docs", "img", "balance.svg"), "Events a second acked by receivers alike, slow and dead, by kind of Shipper, " +
			"with the spread of the rounds, what is possible and what was asked for"
	default:
		return "", ""
	}
}

func (b block) begin() string { return "<!-- " + string(b) + ":begin -->" }
func (b block) end() string   { return "<!-- " + string(b) + ":end -->" }

// replace returns text with what is between the two lines replaced. Each of them
// must be there once, on a line of its own.
func (b block) replace(text, with string) (string, error) {
	lines := strings.SplitAfter(text, "\n")
	begin, err := lineOf(lines, b.begin())
	if err != nil {
		return "", err
	}
	end, err := lineOf(lines, b.end())
	if err != nil {
		return "", err
	}
	if end < begin {
		return "", fmt.Errorf("%s stands before %s", b.end(), b.begin())
	}
	return strings.Join(lines[:begin+1], "") + strings.TrimSuffix(with, "\n") + "\n" + strings.Join(lines[end:], ""), nil
}

// rebuilt returns the text of a file with the block replaced.
func (b block) rebuilt(path, with string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	whole, err := b.replace(string(text), with)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return whole, nil
}

// write replaces the block in its page.
func (b block) write(root, with string) error {
	page := filepath.Join(root, b.page())
	whole, err := b.rebuilt(page, with)
	if err != nil {
		return err
	}
	return replaceFile(page, []byte(whole))
}

// draw writes the picture, and returns the line of the page that shows it.
func (b block) draw(root, picture string) (string, error) {
	file, seen := b.picture()
	link, err := filepath.Rel(filepath.Dir(b.page()), file)
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for all, as what is in it
		return "", err
	}
	return fmt.Sprintf("![%s](%s)\n", seen, filepath.ToSlash(link)), replaceFile(path, []byte(picture))
}

// lineOf returns the index of the one line that is the marker.
func lineOf(lines []string, marker string) (int, error) {
	found := -1
	for i, line := range lines {
		if strings.TrimRight(line, "\r\n") != marker {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("line %s stands there more than once", marker)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("no line %s", marker)
	}
	return found, nil
}

// findRoot returns the folder of the repository that dir is in.
func findRoot(dir string) (string, error) {
	for root := dir; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "bench", "go.mod")); err == nil {
			return root, nil
		}
		if root == filepath.Dir(root) {
			return "", fmt.Errorf("no file bench/go.mod in %s or a folder above: run this in the repository", dir)
		}
	}
}

// replaceFile writes data to a file as a whole or not at all.
func replaceFile(path string, data []byte) (err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
