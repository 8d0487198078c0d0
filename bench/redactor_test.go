package bench_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/bench"
)

func BenchmarkRedact(b *testing.B) {
	peers := bench.Redactors()
	for _, c := range bench.RedactionCases() {
		b.Run(c.Name, func(b *testing.B) {
			for _, p := range peers {
				b.Run(p.Name, func(b *testing.B) {
					if err := c.Check(p); err != nil {
						b.Skip(err)
					}
					if err := c.Run(b, p); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	for _, text := range bench.Texts() {
		b.Run(text.Name, func(b *testing.B) {
			for _, s := range bench.Scanners() {
				b.Run(s.Name, func(b *testing.B) {
					if err := s.Check(text); err != nil {
						b.Skip(err)
					}
					s.Run(b, text)
				})
			}
		})
	}
}

// TestRedactorsKeepSecrets fails when a peer prints a secret, or something else
// than was logged, and also when one that is known to do so has mended its ways.
func TestRedactorsKeepSecrets(t *testing.T) {
	known := map[string]string{
		// A replacement takes the quotes around it along.
		"slog.JSONHandler → 4 regexps, 5 attrs, one a password": "invalid character '}' after object key",
		"slog.JSONHandler → 4 regexps, a password in a struct":  "invalid character ',' after object key",
		// Authorization is none of the words, and none of the names.
		"slog.JSONHandler → 4 regexps, a token in an http.Header":     "a secret in",
		"masq, 2 names → slog.JSONHandler, a token in an http.Header": "a secret in",
		// Names say nothing of texts.
		"masq, 2 names → slog.JSONHandler, a password in a text":  "a secret in",
		"masq, 10 names → slog.JSONHandler, a password in a text": "a secret in",
	}
	peers := bench.Redactors()
	for _, c := range bench.RedactionCases() {
		for _, p := range peers {
			name := p.Name + ", " + c.Name
			err := c.Check(p)
			switch want, faulty := known[name]; {
			case !faulty && err != nil:
				t.Error(err)
			case faulty && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s: got %v, want an error with %q", name, err, want)
			}
			delete(known, name)
		}
	}
	for name := range known {
		t.Errorf("%s: no such peer or case", name)
	}
}

// TestScannersFindSecretsAlone fails when a scanner would stop before the end of a
// text, and also when it does not look at it.
func TestScannersFindSecretsAlone(t *testing.T) {
	for _, s := range bench.Scanners() {
		for _, text := range bench.Texts() {
			if err := s.Check(text); err != nil {
				t.Error(err)
			}
			dirty := text
			dirty.Text += " curl -u u:hunter2 --token=hunter2hunter2hunter2 https://u:hunter2@h/"
			if err := s.Check(dirty); err == nil {
				t.Errorf("%s, %s: a secret was not found", s.Name, text.Name)
			}
		}
	}
}
