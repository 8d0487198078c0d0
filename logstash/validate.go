package logstash

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// What an event may hold at most. Logstash reads events with Jackson, whose
// defaults are these two, and closes the connection over more.
const (
	maxNesting = 1000 // objects and arrays inside each other
	maxNumber  = 1000 // bytes of a number
)

// checkEvent returns line without the white space around it, and an error
// that Is [ErrTooLarge] or [ErrInvalid] unless it is one JSON object, in
// UTF-8 and on one line, of at most limit bytes.
func checkEvent(line []byte, limit int) (event []byte, err error) {
	event = bytes.TrimSpace(line)
	if len(event) > limit {
		return event, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(event), limit)
	}
	text := jsonText(event)
	i, ok := 0, false
	if text.at(0) == '{' {
		i, ok = text.value(0, 1)
	}
	switch {
	case ok && i == len(event):
		return event, nil
	case i == len(event):
		return event, fmt.Errorf("%w: ends after %d bytes, want a whole JSON object", ErrInvalid, len(event))
	}
	return event, fmt.Errorf("%w: byte %q at offset %d, want one JSON object on one line", ErrInvalid, event[i], i)
}

// jsonText is checked as it is gone through. Its methods say whether they have
// found what they are named after, from i on, and return where it ends, or what is
// wrong. It takes less than a third of the time of json.Valid, and knows of UTF-8.
type jsonText []byte

// at returns the byte at i, 0 at the end, which nothing may begin with.
func (b jsonText) at(i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// next skips blanks, but no newlines, and returns what comes then, and where.
func (b jsonText) next(i int) (int, byte) {
	for ; i < len(b); i++ {
		if c := b[i]; c != ' ' && c != '\t' {
			return i, c
		}
	}
	return i, 0
}

func (b jsonText) value(i, depth int) (int, bool) {
	i, c := b.next(i)
	switch c {
	case '"':
		return b.str(i)
	case '{':
		return b.list(i, '}', depth)
	case '[':
		return b.list(i, ']', depth)
	case 't':
		return b.literal(i, "true")
	case 'f':
		return b.literal(i, "false")
	case 'n':
		return b.literal(i, "null")
	default:
		return b.number(i)
	}
}

// list is an object or an array, which end differently.
func (b jsonText) list(i int, end byte, depth int) (int, bool) {
	if depth > maxNesting {
		return i, false
	}
	i, c := b.next(i + 1)
	if c == end {
		return i + 1, true
	}
	var ok bool
	for ; ; i++ { // over each comma
		if end == '}' {
			if i, ok = b.key(i); !ok {
				return i, false
			}
		}
		if i, ok = b.value(i, depth+1); !ok {
			return i, false
		}
		if i, c = b.next(i); c != ',' {
			break
		}
	}
	if c != end {
		return i, false
	}
	return i + 1, true
}

// key is that of a member of an object, with its colon.
func (b jsonText) key(i int) (int, bool) {
	i, c := b.next(i)
	if c != '"' {
		return i, false
	}
	i, ok := b.str(i)
	if !ok {
		return i, false
	}
	if i, c = b.next(i); c != ':' {
		return i, false
	}
	return i + 1, true
}

// str is a string, from its first quote to behind its last.
func (b jsonText) str(i int) (int, bool) {
	for i++; i < len(b); {
		if i+8 <= len(b) {
			marks := special(binary.LittleEndian.Uint64(b[i:]))
			if marks == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(marks) / 8
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, true
		case c == '\\':
			var ok bool
			if i, ok = b.escape(i); !ok {
				return i, false
			}
		case c < ' ':
			return i, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return i, false
			}
			i += size
		}
	}
	return len(b), false
}

// special marks the first of the eight bytes of x, from the lowest on, that is a
// quote, a backslash, a control character or beyond ASCII, by its top bit. It
// may mark any byte above that one.
func special(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	control := x - ones*' ' // borrows from the next byte if a byte is below ' '
	quote := (x ^ ones*'"') - ones
	backslash := (x ^ ones*'\\') - ones
	return (x | control | quote | backslash) & tops
}

// escape is what a backslash begins.
func (b jsonText) escape(i int) (int, bool) {
	i++
	switch b.at(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, true
	case 'u':
		for range 4 {
			i++
			if c := b.at(i); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return i, false
			}
		}
		return i + 1, true
	}
	return i, false
}

func (b jsonText) literal(i int, word string) (int, bool) {
	if !bytes.HasPrefix(b[i:], []byte(word)) {
		return i, false
	}
	return i + len(word), true
}

func (b jsonText) number(i int) (int, bool) {
	start := i
	var ok bool
	if b.at(i) == '-' {
		i++
	}
	if b.at(i) == '0' {
		i++
	} else if i, ok = b.digits(i); !ok {
		return i, false
	}
	if b.at(i) == '.' {
		if i, ok = b.digits(i + 1); !ok {
			return i, false
		}
	}
	if c := b.at(i); c == 'e' || c == 'E' {
		i++
		if c := b.at(i); c == '+' || c == '-' {
			i++
		}
		if i, ok = b.digits(i); !ok {
			return i, false
		}
	}
	return i, i-start <= maxNumber
}

// digits is one digit or more.
func (b jsonText) digits(i int) (int, bool) {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i, i > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
