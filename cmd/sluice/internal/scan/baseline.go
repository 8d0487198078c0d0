package scan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// fingerprint is by what a finding is known again. It has the log that the file belongs to, and not the file or the line, which
// change with each rotation; the masked text around the secret, and not the secret or a hash of it, by which a short one could
// be found by trying; and when it was logged. Without that nothing tells it from another secret in its place, so it is never known.
type fingerprint struct {
	Log     string `json:"log"`
	Time    string `json:"time"`
	Rule    string `json:"rule"`
	Path    string `json:"path,omitempty"`
	Excerpt string `json:"excerpt"`
}

func fingerprintOf(f finding) fingerprint {
	text := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") } // as JSON has it
	return fingerprint{Log: text(logOf(f.File)), Time: f.time, Rule: text(ruleName(f)), Path: text(f.Path), Excerpt: text(f.Excerpt)}
}

func (f fingerprint) compare(other fingerprint) int {
	return cmp.Or(strings.Compare(f.Log, other.Log), strings.Compare(f.Time, other.Time), strings.Compare(f.Rule, other.Rule),
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
	all  map[fingerprint]int
	left map[fingerprint]int
}

// take reports whether a finding is known. Each counts once.
func (b *baseline) take(f finding) bool {
	if b == nil || f.time == "" {
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
	b := &baseline{all: make(map[fingerprint]int, len(d.Findings))}
	for _, e := range d.Findings {
		if e.Count < 1 || e.Count > math.MaxInt32 || e.Rule == "" || e.Log == "" || e.Time == "" {
			return nil, fmt.Errorf("%s: want a log, a time, a rule and a count from 1 to %d in each finding", cli.Printable(path), math.MaxInt32)
		}
		b.all[e.fingerprint] += e.Count
	}
	b.left = maps.Clone(b.all)
	return b, nil
}
