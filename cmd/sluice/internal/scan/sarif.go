package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

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

func (p *sarifPrinter) finding(f finding) error {
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
	result := object{
		"ruleId": rule, "ruleIndex": index, "level": "error",
		"message": object{"text": message + ": " + f.Excerpt},
		"locations": []object{{"physicalLocation": object{
			"artifactLocation": object{"uri": (&url.URL{Path: filepath.ToSlash(f.File)}).String()},
			"region":           object{"startLine": f.Line},
		}}},
	}
	if f.time != "" {
		result["partialFingerprints"] = object{"sluice/v1": fingerprintOf(f).sum()}
	}
	p.encode(result)
	return p.err
}

// sum returns a hash of the fingerprint, in which there is no secret.
func (f fingerprint) sum() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Log, f.Time, f.Rule, f.Path, f.Excerpt}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (*sarifPrinter) end(int) error { return nil }

func (p *sarifPrinter) close(a *account) error {
	rules := make([]object, 0, len(p.rules))
	for _, name := range p.rules {
		rules = append(rules, object{"id": name, "shortDescription": object{"text": "A secret in a log (" + name + ")"}})
	}
	notes := make([]object, 0, len(a.failures))
	for _, text := range a.failures {
		notes = append(notes, object{"level": "error", "message": object{"text": text}})
	}
	if a.hidden > 0 {
		notes = append(notes, object{"level": "warning", "message": object{"text": a.ofScripts()}})
	}
	p.print("\n]," + `"invocations":`)
	p.encode([]object{{"executionSuccessful": len(a.failures) == 0, "toolExecutionNotifications": notes}})
	p.print(`,"tool":`)
	p.encode(object{"driver": object{"name": "sluice", "informationUri": "https://github.com/sluicelog/sluice", "rules": rules}})
	p.print("}]}\n")
	a.say(a.ofScripts())
	return p.err
}
