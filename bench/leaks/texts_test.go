package leaks_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/redact"
)

// A probe is a text, and what is secret in it.
type probe struct {
	text    string
	secrets []string // in the order in which they are in the text; none of a text that is clean
	want    verdict  // on the regexps
}

// probes returns what is known of the regexps.
func probes() []probe {
	one := []string{secret}
	return []probe{
		{"login password=hunter2 ok", one, holds},
		{"token: hunter2", one, holds},
		{"api_key=hunter2", one, holds},

		{"Password: hunter2", one, leaks},
		{"Authorization: Bearer hunter2", one, leaks},
		{"apikey=hunter2 api-key=hunter2", one, leaks},
		{"postgres://u:hunter2@h/db", one, leaks},
		{"passwd=hunter2 pwd=hunter2", one, leaks},

		{`password = "two words"`, []string{"two", "words"}, part},
		{`password=hun"ter2`, []string{"hun", "ter2"}, part},
		{"password=hun&ter2", []string{"hun", "ter2"}, part},
		{`password="hun\"ter2"`, []string{"hun", "ter2"}, part},

		{`{"password":"hunter2"}`, one, breaks},
		{`{"password": 12345}`, []string{"12345"}, breaks},
		{`{"token":"hunter2","user":"u"}`, one, breaks},

		{"password reset requested", nil, corrupts},
		{"token expired for u", nil, corrupts},
	}
}

// TestTexts fails when redact does not hold, or when the regexps are better or
// worse than they are said to be.
func TestTexts(t *testing.T) {
	tb := table{peer: "4 regexps"}
	patterns := map[string]*regexp.Regexp{}
	words := []string{"password", "secret", "token", "api_key"}
	for _, word := range words {
		patterns[word] = regexp.MustCompile(word + `["\s:=]+([^"\s&]+)`)
	}
	for _, p := range probes() {
		t.Run(p.text, func(t *testing.T) {
			theirs := p.text
			for _, word := range words {
				theirs = patterns[word].ReplaceAllString(theirs, word+"=***")
			}
			ours := redact.String(p.text)
			tb.put(t, code(p.text), p.want, outcome{p.judge(theirs), theirs}, outcome{p.judge(ours), ours})
		})
	}
	if tb.rows == len(probes()) {
		tb.page(t, "texts", "| text | the regexps | they leave | redact leaves |")
	}
}

func (p probe) judge(got string) verdict {
	shown := 0
	for _, s := range p.secrets {
		if strings.Contains(got, s) {
			shown++
		}
	}
	switch {
	case shown > 0 && shown == len(p.secrets):
		return leaks
	case shown > 0:
		return part
	case json.Valid([]byte(p.text)) && !json.Valid([]byte(got)):
		return breaks
	case len(p.secrets) == 0 && got != p.text:
		return corrupts
	}
	return holds
}
