package redact

import "unicode/utf8"

// The classes of bytes. What is beyond ASCII is a letter.

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isPunct(c byte) bool {
	return c < utf8.RuneSelf && (c < '0' || '9' < c && c < 'A' || 'Z' < c && c < 'a' || 'z' < c)
}

func isAlnum(c byte) bool { return c >= utf8.RuneSelf || !isPunct(c) }

func isWord(c byte) bool { return isAlnum(c) || c == '_' }

// isWordByte is what \b of package regexp takes for a part of a word: letters
// beyond ASCII are none, since not all scripts put a space before a number.
func isWordByte(c byte) bool { return c < utf8.RuneSelf && isWord(c) }

// isSpace is what \s of package regexp is.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' && c != '\v' }

// isHexByte reports whether c is a hexadecimal digit.
func isHexByte(c byte) bool { return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'f' }

func isHex(s string) bool { return all(s, isHexByte) }

func isDigits(s string) bool { return all(s, isDigit) }

// all reports whether all bytes of s are of a class.
func all(s string, class func(byte) bool) bool {
	for _, c := range []byte(s) {
		if !class(c) {
			return false
		}
	}
	return true
}

// lower returns an ASCII letter in lower case, and any other byte as it is.
func lower(c byte) byte {
	if isUpper(c) {
		c += 'a' - 'A'
	}
	return c
}

// asciiLower returns s with ASCII letters in lower case.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}
