package jsonenc

import (
	"math/bits"
	"unicode/utf8"
)

// AppendString appends s as a JSON string, quotes included. Like log/slog it
// leaves <, > and & alone, writes U+2028 and U+2029 as escapes, and writes
// \ufffd for every byte that is not valid UTF-8.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	n := plain(s)
	b = append(b, s[:n]...)
	if n < len(s) {
		b = appendEscaped(b, s[n:])
	}
	return append(b, '"')
}

const (
	lsb = 0x0101010101010101 // the lowest bit of every byte
	msb = 0x8080808080808080 // the highest bit of every byte
)

// plain returns the length of the prefix of s that stands in a JSON string as
// it is: printable ASCII but for the quote and the backslash. It looks at
// eight bytes at a time, the last eight overlapping those before.
func plain(s string) int {
	if len(s) < 8 {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
				return i
			}
		}
		return len(s)
	}
	for i := 0; ; i += 8 {
		i = min(i, len(s)-8)
		if m := special(load(s[i : i+8])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		if i == len(s)-8 {
			return len(s)
		}
	}
}

// load returns eight bytes, the first one lowest: the compiler makes it one load.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// special marks the highest bit of each byte that is not plain. A borrow in a
// subtraction can also mark a byte above one that is marked rightly, so only the
// lowest mark is sure.
func special(x uint64) uint64 {
	quote, backslash := x^('"'*lsb), x^('\\'*lsb)
	return (x | (x - ' '*lsb) | (quote - lsb) | (backslash - lsb)) & msb
}

const hex = "0123456789abcdef"

func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '\\', '"':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			// JSON allows them; JavaScript before ES2019 does not.
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hex[r&0xF])
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}
