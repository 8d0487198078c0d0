package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// The lines of the page between which the result is.
const (
	beginMark = "<!-- fleet:begin -->\n"
	endMark   = "<!-- fleet:end -->\n"
)

// write writes a run into the page, its plots and its JSON beside it.
func write(run result.Run, docs string) error {
	for i := range run.Results {
		r := &run.Results[i]
		if err := os.WriteFile(filepath.Join(docs, "img", plotFile(r.Scenario)), []byte(plot(r)), 0o644); err != nil { //nolint:gosec // for all
			return err
		}
	}
	if err := writeJSON(run, filepath.Join(docs, "img", "fleet.json")); err != nil {
		return err
	}
	return writePage(filepath.Join(docs, "fleet.md"), markdown(run))
}

func writeJSON(run result.Run, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(run.Write(f), f.Close())
}

// writePage replaces what is between the marks of a page.
func writePage(path, text string) error {
	before, after, err := cutPage(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+beginMark+text+endMark+after), 0o644) //nolint:gosec // a page for all
}

// cutPage returns what is before and after the marks of a page.
func cutPage(path string) (before, after string, err error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	before, rest, ok := strings.Cut(string(page), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if !ok || !closed {
		return "", "", fmt.Errorf("%s: want the lines %q and %q", path, beginMark, endMark)
	}
	return before, after, nil
}
