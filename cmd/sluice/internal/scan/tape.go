package scan

import (
	"bytes"
	"regexp"
	"strings"
)

// stamps are times as logs have them, with a day and to the minute or better, and the seconds since 1970 or their thousandths,
// millionths and so on.
var stamps = regexp.MustCompile(`\b(` + strings.Join([]string{
	`(19|20)\d\d[-/.]?[01]\d[-/.]?[0-3]\d`,                   // 2026-11-22
	`[0-3]?\d[-/. ]([0-3]\d|[A-Z][a-z]{2})[-/. ](19|20)\d\d`, // 22/Nov/2026
	`[A-Z][a-z]{2} [ \d]\d(, \d{4})?`,                        // Nov 22
	`[IWEF][01]\d[0-3]\d`,                                    // I1122
}, "|") + `)[T _:,-]{1,2}[0-2]?\d:?[0-5]\d(:?[0-5]\d)?([.,]\d+)?( ?[AP]M)?(Z| ?[+-]\d\d:?\d\d)?` +
	`|(^|[\s"':=\[(])1[4-9]\d{8}(\d{3}|\d{6}|\d{9}|\.\d+)?\b`)

const (
	tapeSize = 2 << 20 // more than a scan reads ahead of what it finds, but for lines as long
	maxLine  = 1 << 20 // longer ones are not looked at as a whole
)

// tape has the end of what was read of a text, and tells when something was logged.
type tape struct {
	mask func([]byte) []byte
	text []byte
	line int  // the number of the first one, from 1
	cut  bool // that begins before the text
	end  bool // there is no more to come

	asked int // the line that was asked for last
	time  string
}

// add adds what was read.
func (t *tape) add(p []byte) {
	if len(t.text) > 2*tapeSize {
		over := len(t.text) - tapeSize
		t.line += bytes.Count(t.text[:over], []byte{'\n'})
		t.cut = t.text[over-1] != '\n'
		t.text = append(t.text[:0], t.text[over:]...)
	}
	t.text = append(t.text, p...)
}

// timeOf returns the times in a line, or in the last one above it that has some. It is empty if there is none, or if the line is
// too long. Lines are asked for in their order.
func (t *tape) timeOf(line int) string {
	if line == t.asked {
		return t.time
	}
	start := 0
	for n := t.line; n < line; n++ {
		start += bytes.IndexByte(t.text[start:], '\n') + 1
	}
	end := bytes.IndexByte(t.text[start:], '\n')
	if end < 0 && t.end {
		end = len(t.text) - start
	}
	found := ""
	if line >= t.line && end >= 0 && end <= maxLine {
		found = t.above(line, start, start+end)
	}
	if line > t.line {
		t.text, t.line, t.cut = t.text[start:], line, false
	}
	t.asked, t.time = line, found
	return found
}

// above looks for a time from the line between start and end upwards, as far as the one that was asked for before.
func (t *tape) above(line, start, end int) string {
	for ; line > t.asked; line-- {
		if line < t.line || line == t.line && t.cut {
			return "" // it is on the tape no more
		}
		// Without its secrets, of which a part may look like a time.
		var found []string
		for _, stamp := range stamps.FindAllString(string(t.mask(t.text[start:end])), -1) {
			found = append(found, strings.TrimLeft(stamp, " \t\"':=[("))
		}
		if len(found) > 0 {
			return strings.ToValidUTF8(strings.Join(found, " "), "\uFFFD")
		}
		end = max(start-1, 0)
		start = bytes.LastIndexByte(t.text[:end], '\n') + 1
	}
	return t.time
}
