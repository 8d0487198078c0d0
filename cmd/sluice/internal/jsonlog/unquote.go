package jsonlog

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the text of a JSON string, and any other value as it stands. It returns part of value
// if nothing in it is escaped. What is not UTF-8 becomes U+FFFD.
func Unquote(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	text := value[1 : len(value)-1]
	if isPlain(text) {
		return text
	}
	return appendUnquoted(make([]byte, 0, len(text)), text)
}

// isPlain reports whether the text between the quotes of a string stands for itself.
func isPlain(text []byte) bool { return bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) }

// appendUnquoted appends what the text between the quotes of a valid string stands for.
func appendUnquoted(b, text []byte) []byte {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			var r rune
			r, i = unescape(text, i)
			b = utf8.AppendRune(b, r) // a half of a pair becomes U+FFFD
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			b = utf8.AppendRune(b, r)
			i += size
		}
	}
	return b
}

// unescape returns the rune that the escape at i stands for, and where it ends.
func unescape(text []byte, i int) (r rune, end int) {
	switch c := text[i+1]; c {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
		r = hex4(text, i)
		if i += 6; utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, hex4(text, i)); pair != utf8.RuneError {
				return pair, i + 6
			}
		}
		return r, i
	default:
		return rune(c), i + 2
	}
}

// hex4 returns the number of the escape \uXXXX at i, -1 if there is none.
func hex4(text []byte, i int) rune {
	if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
