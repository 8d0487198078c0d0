package scan

import (
	"encoding/json"
	"io"
)

// jsonPrinter prints an object for each finding.
type jsonPrinter struct{ out *json.Encoder }

func newJSONPrinter(w io.Writer) *jsonPrinter {
	p := &jsonPrinter{json.NewEncoder(w)}
	p.out.SetEscapeHTML(false)
	return p
}

func (p *jsonPrinter) finding(f finding) error {
	return p.out.Encode(struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Rule    string `json:"rule"`
		Path    string `json:"path,omitempty"`
		Excerpt string `json:"excerpt"`
	}{f.File, f.Line, ruleName(f), f.Path, f.Excerpt})
}

func (*jsonPrinter) end(int) error { return nil }

func (*jsonPrinter) close(a *account) error {
	a.say(a.ofScripts())
	return nil
}
