package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/redact"
)

// harmless returns a text of a file or a peer without secrets, and as one line that does nothing to a terminal.
func harmless(s string) string { return oneLine(redact.String(s)) }

// oneLine returns a text, such as that of several errors, as one line that does nothing to a terminal.
func oneLine(s string) string {
	return cli.Printable(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "))
}

// harmlessLines is harmless for each line of a text.
func harmlessLines(s string) string {
	lines := strings.Split(redact.String(s), "\n")
	for i, line := range lines {
		lines[i] = cli.Printable(strings.ReplaceAll(line, "\t", "  "))
	}
	return strings.Join(lines, "\n")
}

// word returns a path as one word of a command line.
func word(path string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("/._-+,:@%=", r)
	}
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// counted returns a number with the word for what is counted.
func counted(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", grouped(n), more)
}

// grouped returns a number with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
