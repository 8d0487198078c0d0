package view_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostileTexts are what must not reach a terminal, in all places of a line.
var hostileTexts = []string{
	"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\link", "\x9b31m", "\u009b31m", "\rINF all is well", "\b\b\b", "\u202etxt.exe", "\u2066", "\u200f",
	"\x00", "\x7f", "\xff\xfe", "\u2028line", "\x0c", "\v",
}

func hostileLog() string {
	var b strings.Builder
	for _, text := range hostileTexts {
		quoted, _ := json.Marshal(text)
		b.WriteString(`{"time":"2026-11-22T10:00:00Z","level":"INFO","msg":` + string(quoted) + `,"attr":` + string(quoted) + `,` + string(quoted) + `:1,"logger":` + string(quoted) +
			`,"list":[` + string(quoted) + `],"tags":[` + string(quoted) + `],"level_name":` + string(quoted) + `}` + "\n")
		if !strings.ContainsAny(text, "\x1b\x07\x00\x0c\r\b\v") { // which are not valid in JSON
			b.WriteString(`{"level":"` + text + `","msg":"` + text + `","source":"` + text + `"}` + "\n")
		}
		b.WriteString(text + ` {"level":"INFO","msg":"behind a prefix"}` + "\n")
		b.WriteString("text " + text + "\n")
		b.WriteString(`{"level":"ERROR","msg":"broken ` + text + "\n")
	}
	b.WriteString(strings.Repeat("\x00\x1b\xff", 2<<20/3) + "\n")
	b.WriteString(`{"level":"ERROR","msg":"` + strings.Repeat("\x1b", 2<<20) + `"}` + "\n")
	b.WriteString(strings.Repeat(`{"a":`, 100_000) + "\n")
	b.WriteString(strings.Repeat(`[`, 100_000) + "\n")
	return b.String()
}

func TestNothingInALogActsOnATerminal(t *testing.T) {
	t.Parallel()
	log := hostileLog()
	for _, args := range []string{"", "--layout wide --width 80", "--layout wide", "--name", "--context 1 --level info", "-n 1000", "--json"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, _ := viewed(t, log, strings.Fields(args)...)
			if stdout == "" || !utf8.ValidString(stdout) {
				t.Fatalf("printed %d bytes, not all of them UTF-8", len(stdout))
			}
			for line := range strings.Lines(stdout) {
				if args == "--json" && !json.Valid([]byte(line)) {
					t.Errorf("not JSON: %q", line)
				}
			}
			if args == "--json" {
				return // in a terminal it is escaped
			}
			for line := range strings.Lines(stdout + stderr) {
				line = strings.TrimSuffix(line, "\n")
				if i := strings.IndexFunc(line, acts); i >= 0 {
					t.Fatalf("printed %q", line[max(0, i-100):min(len(line), i+20)])
				}
			}
		})
	}
}

// acts reports whether a terminal may do something else with r than to show it.
func acts(r rune) bool {
	return unicode.IsControl(r) || r == '\u061c' || r == '\u200e' || r == '\u200f' || 0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// Whoever writes text into a log cannot make it look like a line of JSON.
func TestTextCannotBeForged(t *testing.T) {
	t.Parallel()
	const forged = "2026-11-22 10:00:00.000 INF all is well"
	log := forged + "\n" + forged + "\r\n" + strings.Repeat(" ", 74) + forged + "\n" + `{"log":"` + forged + `\n` + forged + `\n","stream":"stdout"}` + "\n" +
		`{"level":"INFO","msg":"a\n` + forged + `"}` + "\n" + forged + ` {"level":"INFO","msg":"a"}` + "\n" + forged + ` | {"level":"INFO","msg":"a"}` + "\n"
	for _, args := range []string{"", "--layout wide --width 80", "--layout wide"} {
		stdout, _, _ := viewed(t, log, strings.Fields(args)...)
		for line := range strings.Lines(stdout) {
			if strings.HasPrefix(line, forged) {
				t.Errorf("%s: printed\n%s", args, stdout)
			}
		}
	}
}
