package redact

import "strings"

// A jsonScan finds where a JSON value ends (RFC 8259). What encoding/json calls
// valid, it does too, unless it is nested too deep.
type jsonScan struct {
	s     string
	i     int // how far it has come
	depth int
	deep  bool // it is nested too deep
}

// value reports whether there is a value at i, and goes past it.
func (j *jsonScan) value() bool {
	if j.i == len(j.s) {
		return false
	}
	switch c := j.s[j.i]; {
	case c == '{' || c == '[':
		if j.depth == maxDepth {
			j.deep = true
			return false
		}
		j.depth++
		defer func() { j.depth-- }()
		return j.block(c == '{')
	case c == '"':
		return j.text()
	case c == '-' || isDigit(c):
		return j.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(j.s[j.i:], word) {
			j.i += len(word)
			return true
		}
	}
	return false
}

// block goes past an object or an array.
func (j *jsonScan) block(object bool) bool {
	end := j.s[j.i] + 2 // ] and } are two behind [ and {
	j.i = skipSpace(j.s, j.i+1)
	if j.is(end) {
		return true
	}
	for {
		if object {
			if j.i == len(j.s) || j.s[j.i] != '"' || !j.text() {
				return false
			}
			if j.i = skipSpace(j.s, j.i); !j.is(':') {
				return false
			}
			j.i = skipSpace(j.s, j.i)
		}
		if !j.value() {
			return false
		}
		if j.i = skipSpace(j.s, j.i); j.is(end) {
			return true
		}
		if !j.is(',') {
			return false
		}
		j.i = skipSpace(j.s, j.i)
	}
}

// is reports whether c is next, and goes past it.
func (j *jsonScan) is(c byte) bool {
	if j.i == len(j.s) || j.s[j.i] != c {
		return false
	}
	j.i++
	return true
}

// text goes past a string.
func (j *jsonScan) text() bool {
	for j.i++; j.i < len(j.s); j.i++ {
		switch c := j.s[j.i]; {
		case c == '"':
			j.i++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if j.i++; j.i == len(j.s) {
				return false
			}
			if j.s[j.i] == 'u' {
				if j.i+4 >= len(j.s) || !isHex(j.s[j.i+1:j.i+5]) {
					return false
				}
				j.i += 4
			} else if strings.IndexByte(`"\/bfnrt`, j.s[j.i]) < 0 {
				return false
			}
		}
	}
	return false
}

// number goes past a number.
func (j *jsonScan) number() bool {
	j.is('-')
	if !j.is('0') && !j.digits() {
		return false
	}
	if j.is('.') && !j.digits() {
		return false
	}
	if j.is('e') || j.is('E') {
		if !j.is('+') {
			j.is('-')
		}
		return j.digits()
	}
	return true
}

// digits goes past at least one digit.
func (j *jsonScan) digits() bool {
	start := j.i
	for j.i < len(j.s) && isDigit(j.s[j.i]) {
		j.i++
	}
	return j.i > start
}
