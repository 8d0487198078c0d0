package scan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// fingerprint is by what a finding is known again. It has the log that the file belongs to, and not the file or the line, which
// change with each rotation; and the masked line around the secret, and not the secret or a hash of it, by which a short
// one could be found by trying. A line has a time or an id in it, as a rule: the same secret in a later line is new.
type fingerprint struct {
	Log     string `json:"log"`
	Rule    string `json:"rule"`
	Path    string `json:"path,omitempty"`
	Excerpt string `json:"excerpt"`
}

func fingerprintOf(f redact.Finding) fingerprint {
	return fingerprint{Log: logOf(f.File), Rule: ruleName(f), Path: f.Path, Excerpt: f.Excerpt}
}

func (f fingerprint) compare(other fingerprint) int {
	return cmp.Or(strings.Compare(f.Log, other.Log), strings.Compare(f.Rule, other.Rule),
		strings.Compare(f.Path, other.Path), strings.Compare(f.Excerpt, other.Excerpt))
}

// entry is a finding of a baseline, and how often it is there.
type entry struct {
	fingerprint
	Count int `json:"count"`
}

// document is a baseline as it is written.
type document struct {
	Version  int     `json:"version"`
	Findings []entry `json:"findings"`
}

// version is that of the document.
const version = 1

// baseline is what is known. A nil one is empty.
type baseline struct {
	left map[fingerprint]int
}

// take reports whether a finding is known. Each counts once.
func (b *baseline) take(f redact.Finding) bool {
	if b == nil {
		return false
	}
	key := fingerprintOf(f)
	if b.left[key] == 0 {
		return false
	}
	b.left[key]--
	return true
}

func readBaseline(path string) (*baseline, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d document
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&d); err != nil {
		return nil, fmt.Errorf("%s: want what --write-baseline writes: %w", cli.Printable(path), err)
	}
	if d.Version != version {
		return nil, fmt.Errorf("%s: this is version %d of the format: want %d", cli.Printable(path), d.Version, version)
	}
	b := &baseline{left: make(map[fingerprint]int, len(d.Findings))}
	for _, e := range d.Findings {
		if e.Count < 1 || e.Rule == "" || e.Log == "" {
			return nil, fmt.Errorf("%s: want a log, a rule and a count of 1 or more in each finding", cli.Printable(path))
		}
		b.left[e.fingerprint] += e.Count
	}
	return b, nil
}

// draft is a baseline that gets its name when it is complete.
type draft struct {
	path  string
	file  *os.File
	found map[fingerprint]int
}

// newDraft creates the file, so that it is known before the scan that it can be written.
func newDraft(path string) (*draft, error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, &cli.Exit{Code: cli.Usage, Err: fmt.Errorf("--write-baseline: %w", err)}
	}
	return &draft{path: path, file: file, found: make(map[fingerprint]int)}, nil
}

func (d *draft) add(f redact.Finding) { d.found[fingerprintOf(f)]++ }

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
		return fmt.Errorf("--write-baseline: %w", err)
	}
	return nil
}

// discard removes what has no name yet.
func (d *draft) discard() {
	_ = d.file.Close()
	_ = os.Remove(d.file.Name()) // not there if it was published
}
