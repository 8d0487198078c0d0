package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// printer prints findings, in the order of the files.
type printer interface {
	finding(f redact.Finding) error
	end() error // of a file
	close(a *account) error
}

// textPrinter prints for people, a line for each finding.
type textPrinter struct {
	w                io.Writer
	grouped, colored bool
	mask             string
	limit            int // of each file; 0 is none

	file string
	n    int // findings in it
}

// The colors of what is printed, as parameters of escape sequences.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	yellow = "33"
)

func (p *textPrinter) paint(color, s string) string {
	if !p.colored || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (p *textPrinter) finding(f redact.Finding) error {
	p.n++
	if p.limit > 0 && p.n > p.limit {
		return nil
	}
	name := cli.Printable(f.File)
	line := fmt.Sprintf("%s:%d", p.paint(bold, name), f.Line)
	if p.grouped {
		line = fmt.Sprintf("%7d", f.Line)
		if p.n == 1 {
			line = p.paint(bold, name) + "\n" + line
		}
	}
	path := f.Path
	if path == "" {
		path = "-"
	}
	excerpt := strings.ReplaceAll(f.Excerpt, p.mask, p.paint(red, p.mask))
	_, err := fmt.Fprintf(p.w, "%s  %s  %s  %s\n", line, p.paint(yellow, ruleName(f)), p.paint(faint, path), excerpt)
	p.file = name
	return err
}

func (p *textPrinter) end() error {
	more := p.n - p.limit
	shown := p.n > 0
	p.n = 0
	if !shown {
		return nil
	}
	var err error
	if p.limit > 0 && more > 0 {
		text := fmt.Sprintf("and %s more", humanize.Comma(int64(more)))
		if p.grouped {
			_, err = fmt.Fprintf(p.w, "         %s\n", text)
		} else {
			_, err = fmt.Fprintf(p.w, "%s: %s\n", p.file, text)
		}
	}
	if p.grouped && err == nil {
		_, err = fmt.Fprintln(p.w)
	}
	return err
}

func (p *textPrinter) close(a *account) error { return a.print(p.w) }

// jsonPrinter prints an object for each finding.
type jsonPrinter struct{ out *json.Encoder }

func newJSONPrinter(w io.Writer) *jsonPrinter {
	p := &jsonPrinter{json.NewEncoder(w)}
	p.out.SetEscapeHTML(false)
	return p
}

func (p *jsonPrinter) finding(f redact.Finding) error {
	return p.out.Encode(struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Rule    string `json:"rule"`
		Path    string `json:"path,omitempty"`
		Excerpt string `json:"excerpt"`
	}{f.File, f.Line, ruleName(f), f.Path, f.Excerpt})
}

func (*jsonPrinter) end() error { return nil }

func (*jsonPrinter) close(a *account) error {
	fmt.Fprintln(a.stderr, a)
	return nil
}

// sarifPrinter prints one document of SARIF 2.1.0, with a result for each finding as it comes.
type sarifPrinter struct {
	w     io.Writer
	rules []string // in the order of their first result
	err   error
}

func newSARIFPrinter(w io.Writer) *sarifPrinter {
	p := &sarifPrinter{w: w}
	p.print(`{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":[`)
	return p
}

func (p *sarifPrinter) print(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// object is one of JSON.
type object map[string]any

func (p *sarifPrinter) encode(v any) {
	data, err := json.Marshal(v)
	if p.err == nil {
		p.err = err
	}
	p.print(string(data))
}

func (p *sarifPrinter) finding(f redact.Finding) error {
	rule := ruleName(f)
	index := slices.Index(p.rules, rule)
	first := len(p.rules) == 0
	if index < 0 {
		index = len(p.rules)
		p.rules = append(p.rules, rule)
	}
	if !first {
		p.print(",")
	}
	p.print("\n")
	message := "A secret, found by " + rule
	if f.Path != "" {
		message += ", at " + f.Path
	}
	p.encode(object{
		"ruleId": rule, "ruleIndex": index, "level": "error",
		"message": object{"text": message + ": " + f.Excerpt},
		"locations": []object{{"physicalLocation": object{
			"artifactLocation": object{"uri": (&url.URL{Path: filepath.ToSlash(f.File)}).String()},
			"region":           object{"startLine": f.Line},
		}}},
		"partialFingerprints": object{"sluice/v1": fingerprintOf(f).sum()},
	})
	return p.err
}

// sum returns a hash of the fingerprint, in which there is no secret.
func (f fingerprint) sum() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Log, f.Rule, f.Path, f.Excerpt}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (*sarifPrinter) end() error { return nil }

func (p *sarifPrinter) close(a *account) error {
	rules := make([]object, 0, len(p.rules))
	for _, name := range p.rules {
		rules = append(rules, object{"id": name, "shortDescription": object{"text": "A secret in a log (" + name + ")"}})
	}
	p.print("\n]," + `"tool":`)
	p.encode(object{"driver": object{"name": "sluice", "informationUri": "https://github.com/sluicelog/sluice", "rules": rules}})
	p.print("}]}\n")
	fmt.Fprintln(a.stderr, a)
	return p.err
}
