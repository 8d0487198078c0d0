package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/logname"
)

// draft is a baseline that gets its name when it is complete. A nil one is none.
type draft struct {
	path  string
	file  *os.File
	found map[fingerprint]int
	old   *baseline // that it replaces
}

// newDraft creates the file, so that it is known before the scan that it can be written. It replaces what a link leads to, but no
// directory or device, and nothing else than a baseline: least of all the first log of a pattern, behind a flag without its value.
func newDraft(path string) (*draft, error) {
	target := path
	if end, err := filepath.EvalSymlinks(path); err == nil {
		target = end
	}
	info, err := os.Lstat(target)
	if err == nil && !info.Mode().IsRegular() {
		return nil, cli.Usagef("--write-baseline: %s: want the name of a file", cli.Printable(path))
	}
	d := &draft{path: target, found: make(map[fingerprint]int)}
	switch {
	case err != nil: // there is none
	case info.Size() > 0:
		if d.old, err = readBaseline(target); err != nil {
			return nil, cli.Usagef("--write-baseline: not replaced: %w", err)
		}
	case logname.IsLog(filepath.Base(target)):
		return nil, cli.Usagef("--write-baseline: %s: not replaced: this is an empty log", cli.Printable(path))
	}
	d.file, err = os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return nil, cli.Usagef("--write-baseline: %w", err)
	}
	return d, nil
}

func (d *draft) add(f finding) {
	if d != nil && f.time != "" {
		d.found[fingerprintOf(f)]++
	}
}

// keep takes over what was known before, where this scan cannot say that it is gone.
func (d *draft) keep(known *baseline, unseen func(fingerprint) bool) {
	for _, b := range []*baseline{d.old, known} {
		if b == nil {
			continue
		}
		for f, n := range b.all {
			if unseen(f) {
				d.found[f] = max(d.found[f], n)
			}
		}
	}
}

// publish writes the baseline, and replaces the one of this name.
func (d *draft) publish() error {
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
