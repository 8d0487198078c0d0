package scan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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
	text := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") } // as JSON has it
	return fingerprint{Log: text(logOf(f.File)), Rule: text(ruleName(f)), Path: text(f.Path), Excerpt: text(f.Excerpt)}
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
	err = in.Decode(&d)
	if _, end := in.Token(); err == nil && !errors.Is(end, io.EOF) {
		err = errors.New("there is more behind the object")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: want what --write-baseline writes: %w", cli.Printable(path), err)
	}
	if d.Version != version {
		return nil, fmt.Errorf("%s: this is version %d of the format: want %d", cli.Printable(path), d.Version, version)
	}
	b := &baseline{left: make(map[fingerprint]int, len(d.Findings))}
	for _, e := range d.Findings {
		if e.Count < 1 || e.Count > math.MaxInt32 || e.Rule == "" || e.Log == "" {
			return nil, fmt.Errorf("%s: want a log, a rule and a count from 1 to %d in each finding", cli.Printable(path), math.MaxInt32)
		}
		b.left[e.fingerprint] += e.Count
	}
	return b, nil
}
