//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The lines between which the tables stand.
const (
	beginLine = "<!-- strategies:begin -->"
	endLine   = "<!-- strategies:end -->"
)

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

func pageOf(root string) string { return filepath.Join(root, "docs", "logstash-strategies.md") }

// rewrite puts tables into a page. What the page says in lines that begin with one
// of keep, and that the tables do not have, stays.
func rewrite(page, tables string, keep []string) (string, error) {
	before, rest, ok := strings.Cut(page, beginLine+"\n")
	if !ok {
		return "", fmt.Errorf("no line %s", beginLine)
	}
	old, after, ok := strings.Cut(rest, endLine+"\n")
	if !ok {
		return "", fmt.Errorf("no line %s behind %s", endLine, beginLine)
	}
	for _, prefix := range keep {
		tables = restore(tables, old, prefix)
	}
	return before + beginLine + "\n" + tables + endLine + "\n" + after, nil
}

// restore puts the lines of old that begin with prefix back into tables: rows into
// each table as its first one, another line to the end.
func restore(tables, old, prefix string) string {
	var kept []string
	for line := range strings.Lines(old) {
		if strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	var out []string
	for line := range strings.Lines(tables) {
		out = append(out, line)
		if len(kept) > 0 && kept[0][0] == '|' && strings.HasPrefix(line, "| ---") {
			out, kept = append(out, kept[0]), kept[1:]
		}
	}
	return strings.Join(append(out, kept...), "")
}
