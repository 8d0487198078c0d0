package view

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escaped returns a line with nothing in it that acts on a terminal. Valid JSON stays that: only in its strings
// is anything that does.
func escaped(line []byte) []byte {
	if !slices.ContainsFunc(line, func(b byte) bool { return (b < ' ' || b >= 0x7f) && b != '\n' }) {
		return line
	}
	out := make([]byte, 0, len(line)+64)
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		line = line[size:]
		switch {
		case unicode.IsPrint(r) || r == '\n' || r == '\t':
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
