package jsonenc

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
)

// appendCompact appends JSON text without the space between its tokens, or
// returns the error that encoding/json has for text that is no JSON.
func appendCompact(b, text []byte) ([]byte, error) {
	c := compactor{b: b, text: text}
	if c.value(0) && c.end() {
		return validFrom(c.b, len(b)), nil
	}
	// Something is wrong, or nested deeper than we follow.
	var buf bytes.Buffer
	if err := json.Compact(&buf, text); err != nil {
		return b, err
	}
	return validFrom(append(b, buf.Bytes()...), len(b)), nil
}

// A compactor reads JSON by the grammar of RFC 8259. Its methods report whether
// what they are named after came next.
type compactor struct {
	b    []byte
	text []byte // what has not been appended
	n    int    // how much of text has been read
}

func (c *compactor) value(depth int) bool {
	if c.space(); c.n == len(c.text) || depth > maxDepth {
		return false
	}
	switch c.text[c.n] {
	case '{':
		return c.list('}', depth, true)
	case '[':
		return c.list(']', depth, false)
	case '"':
		return c.skip(stringLen(c.text[c.n:]))
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	default:
		return c.skip(numberLen(c.text[c.n:]))
	}
}

// list reads an array, or an object, whose values have keys.
func (c *compactor) list(end byte, depth int, keys bool) bool {
	c.skip(1)
	if c.token(end) {
		return true
	}
	for {
		if keys && !c.key() || !c.value(depth+1) {
			return false
		}
		if !c.token(',') {
			return c.token(end)
		}
	}
}

func (c *compactor) key() bool {
	c.space()
	return c.skip(stringLen(c.text[c.n:])) && c.token(':')
}

func (c *compactor) token(t byte) bool {
	c.space()
	return c.n < len(c.text) && c.text[c.n] == t && c.skip(1)
}

func (c *compactor) literal(s string) bool {
	rest := c.text[c.n:]
	return len(rest) >= len(s) && string(rest[:len(s)]) == s && c.skip(len(s))
}

// skip reads n bytes, and reports whether that is any.
func (c *compactor) skip(n int) bool {
	c.n += n
	return n > 0
}

// space reads the space between tokens, and appends what is before it.
func (c *compactor) space() {
	end := c.n
	for c.n < len(c.text) && isSpace(c.text[c.n]) {
		c.n++
	}
	if c.n > end {
		c.b = append(c.b, c.text[:end]...)
		c.text = c.text[c.n:]
		c.n = 0
	}
}

// end appends the rest, if all has been read.
func (c *compactor) end() bool {
	c.space()
	c.b = append(c.b, c.text[:c.n]...)
	return c.n == len(c.text)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// stringLen returns the length of the string that text begins with, or 0.
func stringLen(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	i := 1
	for i+8 <= len(text) && special(binary.LittleEndian.Uint64(text[i:])) == 0 {
		i += 8
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			n := escapeLen(text[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case c < ' ':
			return 0
		}
	}
	return 0
}

// escapeLen returns the length of the escape that text begins with, or 0.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) >= 6 && isHex(text[2]) && isHex(text[3]) && isHex(text[4]) && isHex(text[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// numberLen returns the length of the number that text begins with, or 0.
func numberLen[T []byte | string](text T) int {
	i := 0
	if i < len(text) && text[i] == '-' {
		i++
	}
	whole := skipDigits(text, i)
	if whole == i || text[i] == '0' && whole > i+1 {
		return 0
	}
	i = whole
	if i < len(text) && text[i] == '.' {
		fraction := skipDigits(text, i+1)
		if fraction == i+1 {
			return 0
		}
		i = fraction
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		exponent := skipDigits(text, i)
		if exponent == i {
			return 0
		}
		i = exponent
	}
	return i
}

// skipDigits returns where the digits that begin at text[i] end.
func skipDigits[T []byte | string](text T, i int) int {
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return i
}
