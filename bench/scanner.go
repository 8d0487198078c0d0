package bench

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/redact"
)

// A Scanner looks for secrets in a text.
type Scanner struct {
	Name    string
	Version string // as that of a [Peer]

	scan func(string) string // the text, or the first secret in it
}

// Scanners returns package redact with its default rules, the patterns of these
// rules without what makes them fast, and the four regexps of [Redactors]. Only
// the first looks for keys with any value, for numbers of cards and for PEM, too.
func Scanners() []Scanner {
	rules := redact.DefaultRules()
	patterns := make([]*regexp.Regexp, 0, len(rules))
	for i := range rules {
		if rules[i].Pattern != "" && !rules[i].Optional {
			patterns = append(patterns, regexp.MustCompile(rules[i].Pattern))
		}
	}
	replacements := commonReplacements()
	common := make([]*regexp.Regexp, len(replacements))
	for i, r := range replacements {
		common[i] = r.pattern
	}
	module := version("github.com/sluicelog/sluice")
	return []Scanner{
		{"redact.String", module, redact.String},
		{"its patterns, one by one", fmt.Sprintf("%s (%d patterns)", module, len(patterns)), oneByOne(patterns)},
		{"4 regexps", runtime.Version(), oneByOne(common)},
	}
}

// oneByOne gives the text to each of the patterns.
func oneByOne(patterns []*regexp.Regexp) func(string) string {
	return func(text string) string {
		for _, p := range patterns {
			if at := p.FindStringIndex(text); at != nil {
				return text[at[0]:at[1]]
			}
		}
		return text
	}
}

// Check returns an error if the scanner finds something in the text: not all of
// them would look at the rest of it.
func (s Scanner) Check(t Text) error {
	if got := s.scan(t.Text); got != t.Text {
		return fmt.Errorf("bench: %s, %s: found %q", s.Name, t.Name, got)
	}
	return nil
}

// Run times the scanner with the text.
func (s Scanner) Run(b *testing.B, t Text) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(t.Text)))
	for b.Loop() {
		s.scan(t.Text)
	}
}

// Text is what there is to scan. It has no secret.
type Text struct{ Name, Text string }

// Texts returns a short message, and 1 KB of what programs print.
func Texts() []Text {
	return []Text{
		{"a message of 1 KB", cleanText},
		{"1 KB of words", strings.Repeat("the quick brown fox jumps over the lazy dog and runs on through the wood ", 15)[:1024]},
		{"a message of 50 bytes", "request for user 5 done in 12ms, 3 rows, cache=hit"},
	}
}

// cleanText is 1024 bytes as programs print them, with much that a rule could take
// an interest in: keys, quotes, URLs, paths, identifiers and numbers.
const cleanText = `2026-11-22T13:53:04.123Z upstream "orders" answered GET ` +
	`https://orders.example.com:8443/v1/customers/4711?page=2&sort=-created_at ` +
	`with status=503 after 1.532s (attempt 2 of 5, backoff=250ms): dial tcp 10.20.30.40:8443: connect: ` +
	`connection refused; ` +
	`trace_id=4bf92f3577b34da6a3ce929d0e0e4736 request_id=0190f3a4-7c1e-7d3a-9f52-8a6b1c2d3e4f tenant=acme-corp ` +
	`user_agent="Mozilla/5.0 (X11; Linux x86_64)" cache: {"hit": false, "age": 17, "key": ` +
	`"orders:4711", "by": ["lru", null]} ` +
	"at github.com/acme/orders/client.(*Client).Do(0xc000123400, {0x10, 0x20}) /src/client/client.go:218 +0x1d4\n" +
	`worker 3 took job 18234 from queue eu-central-1/invoices: 1,204 rows in 12 batches, 98 % of them ` +
	`new, none refused; ` +
	`wrote /var/lib/orders/2026/11/22/part-00017.parquet (3.4 MiB, sha256 ` +
	`9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08), ` +
	`then waited for the lease until 14:02:11+01:00. Next run: Monday, 06:30. See ` +
	`https://wiki.example.com/ops/orders#retries ` +
	`for what to do if this happens more often than twice a day, or call.`
