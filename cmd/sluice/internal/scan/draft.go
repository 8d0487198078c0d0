package scan

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/internal/logname"
)

// draft is a baseline that gets its name when it is complete. A nil one is none.
type draft struct {
	file  *cli.File
	found map[fingerprint]int
	old   *baseline // that it replaces
}

// newDraft creates the file, so that it is known before the scan that it can be written. It replaces what a link leads to, but no
// directory or device, and nothing else than a baseline: least of all the first log of a pattern, behind a flag without its value.
func newDraft(path string) (*draft, error) {
	d := &draft{found: make(map[fingerprint]int)}
	switch info, err := os.Stat(path); {
	case err != nil || !info.Mode().IsRegular(): // there is none, or CreateFile says what is wrong
	case info.Size() > 0:
		if d.old, err = readBaseline(path); err != nil {
			return nil, cli.Usagef("--write-baseline: not replaced: %w", err)
		}
	case logname.IsLog(filepath.Base(path)):
		return nil, cli.Usagef("--write-baseline: %s: not replaced: this is an empty log", cli.Printable(path))
	}
	var err error
	if d.file, err = cli.CreateFile(path, 0o600); err != nil {
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
		err = d.file.Publish()
	}
	if err != nil {
		return &cli.ExitError{Code: cli.Partial, Err: fmt.Errorf("--write-baseline: %w", err)}
	}
	return nil
}
