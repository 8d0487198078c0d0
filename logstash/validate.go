package logstash

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
	s := scanner{b: event}
	if s.peek() == '{' && s.value(1) && s.i == len(event) {
		return event, nil
	}
	if s.i == len(event) {
		return event, fmt.Errorf("%w: ends after %d bytes, want a whole JSON object", ErrInvalid, len(event))
	}
	return event, fmt.Errorf("%w: byte %q at offset %d, want one JSON object on one line", ErrInvalid, event[s.i], s.i)
}

// scanner checks JSON as it goes. Its methods report whether they have found
// what they are named after, from i on, and move i behind it, or to what is
// wrong. It takes less than half the time of
// json.Valid, and knows of UTF-8.
type scanner struct {
	b []byte
	i int
}

// peek returns the next byte, 0 at the end, which nothing may begin with.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// next skips blanks, but no newlines, and returns what comes then.
func (s *scanner) next() byte {
	for {
		c := s.peek()
		if c != ' ' && c != '\t' {
			return c
		}
		s.i++
	}
}

func (s *scanner) value(depth int) bool {
	switch s.next() {
	case '"':
		return s.str()
	case '{':
		return depth <= maxNesting && s.list('}', depth, true)
	case '[':
		return depth <= maxNesting && s.list(']', depth, false)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// list is an array or, with keys, an object.
func (s *scanner) list(end byte, depth int, keys bool) bool {
	s.i++
	if s.next() == end {
		s.i++
		return true
	}
	for {
		if keys {
			if s.next() != '"' || !s.str() || s.next() != ':' {
				return false
			}
			s.i++
		}
		if !s.value(depth + 1) {
			return false
		}
		c := s.next()
		if c != ',' && c != end {
			return false
		}
		s.i++
		if c == end {
			return true
		}
	}
}

// str is a string, from its first quote to behind its last.
func (s *scanner) str() bool {
	for i := s.i + 1; i < len(s.b); {
		if i+8 <= len(s.b) && plain(binary.LittleEndian.Uint64(s.b[i:])) {
			i += 8
			continue
		}
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return true
		case c == '\\':
			if s.i = i; !s.escape() {
				return false
			}
			i = s.i
		case c < ' ':
			s.i = i
			return false
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(s.b[i:])
			if r == utf8.RuneError && size == 1 {
				s.i = i
				return false
			}
			i += size
		}
	}
	s.i = len(s.b)
	return false
}

// plain reports whether none of the eight bytes of x is a quote, a backslash, a
// control character or beyond ASCII. It may say no for want of certainty.
func plain(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	control := x - ones*' ' // borrows from the top bit of a byte below ' '
	quote := (x ^ ones*'"') - ones
	backslash := (x ^ ones*'\\') - ones
	return (x|control|quote|backslash)&tops == 0
}

// escape is what a backslash begins.
func (s *scanner) escape() bool {
	s.i++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return true
	case 'u':
		for range 4 {
			s.i++
			c := s.peek()
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
		s.i++
		return true
	}
	return false
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.b[s.i:], []byte(word)) {
		return false
	}
	s.i += len(word)
	return true
}

func (s *scanner) number() bool {
	start := s.i
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return false
		}
	}
	return s.i-start <= maxNumber
}

// digits is one digit or more.
func (s *scanner) digits() bool {
	start := s.i
	for isDigit(s.peek()) {
		s.i++
	}
	return s.i > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
