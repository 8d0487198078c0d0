package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// draft is a baseline that gets its name when it is complete. A nil one is none.
type draft struct {
	path  string
	file  *os.File
	found map[fingerprint]int
}

// newDraft creates the file, so that it is known before the scan that it can be written. It replaces what a link leads to, and no
// directory or device.
func newDraft(path string) (*draft, error) {
	target := path
	if end, err := filepath.EvalSymlinks(path); err == nil {
		target = end
	}
	info, err := os.Lstat(target)
	if err == nil && !info.Mode().IsRegular() {
		return nil, cli.Usagef("--write-baseline: %s: want the name of a file", cli.Printable(path))
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return nil, cli.Usagef("--write-baseline: %w", err)
	}
	return &draft{path: target, file: file, found: make(map[fingerprint]int)}, nil
}

func (d *draft) add(f redact.Finding) {
	if d != nil {
		d.found[fingerprintOf(f)]++
	}
}

// publish writes the baseline, and replaces the one of this name.
func (d *draft) publish() error {
	if d == nil {
		return nil
	}
	all := document{Version: version, Findings: make([]entry, 0, len(d.found))}
	for f, n := range d.found {
		all.Findings = append(all.Findings, entry{f, n})
	}
	slices.SortFunc(all.Findings, func(a, b entry) int { return a.compare(b.fingerprint) })
	out := json.NewEncoder(d.file)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(all)
	if err == nil {
		err = d.file.Sync()
	}
	if err = errors.Join(err, d.file.Close()); err == nil {
		err = os.Rename(d.file.Name(), d.path)
	}
	if err != nil {
		return &cli.Exit{Code: cli.Partial, Err: fmt.Errorf("--write-baseline: %w", err)}
	}
	return nil
}

// discard removes what has no name yet.
func (d *draft) discard() {
	_ = d.file.Close()
	_ = os.Remove(d.file.Name()) // not there if it was published
}
