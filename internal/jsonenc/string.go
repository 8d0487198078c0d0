package jsonenc

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// AppendString appends s as a JSON string, quotes included. Like log/slog it
// leaves <, > and & alone, writes U+2028 and U+2029 as escapes, and writes
// \ufffd for every byte that is not valid UTF-8.
//
// Nearly all strings need no escape. They are looked at and copied in one pass,
// eight bytes at a time, the last eight overlapping those before.
func AppendString(b []byte, s string) []byte {
	b = grow(b, len(s)+10) // room for the quotes, and to store eight bytes where fewer are meant
	n := len(b)
	b = append(b, '"')
	d := b[n+1 : n+len(s)+10]
	if len(s) < 8 {
		var x uint64
		if len(s) >= 4 {
			x = join(load4(s), load4(s[len(s)-4:]), len(s))
		} else {
			x = upToThree(s)
		}
		if special(x) != 0 {
			return appendEscaped(b[:n+1], s)
		}
		binary.LittleEndian.PutUint64(d, x)
		d[len(s)] = '"'
		return b[:n+len(s)+2]
	}
	last := len(s) - 8
	for i := 0; i < last; i += 8 {
		x := load(s[i : i+8])
		if special(x) != 0 {
			return appendEscaped(b[:n+1+i], s[i:])
		}
		binary.LittleEndian.PutUint64(d[i:], x)
	}
	x := load(s[last:])
	if m := special(x); m != 0 {
		binary.LittleEndian.PutUint64(d[last:], x)
		plain := last + bits.TrailingZeros64(m)/8
		return appendEscaped(b[:n+1+plain], s[plain:])
	}
	binary.LittleEndian.PutUint64(d[last:], x)
	d[len(s)] = '"'
	return b[:n+len(s)+2]
}

// grow makes room for n bytes more.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		return reallocate(b, n)
	}
	return b
}

// reallocate is not inlined, to leave the registers to the callers of grow.
//
//go:noinline
func reallocate(b []byte, n int) []byte { return slices.Grow(b, n) }

const (
	lsb = 0x0101010101010101 // the lowest bit of every byte
	msb = 0x8080808080808080 // the highest bit of every byte
)

// load returns eight bytes, the first one lowest: the compiler makes it one load.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// short is load for fewer than eight bytes, with others behind them that need no
// escape. Where time matters its two cases are called, which are inlined.
func short(s string) uint64 {
	if len(s) < 4 {
		return upToThree(s)
	}
	return join(load4(s), load4(s[len(s)-4:]), len(s))
}

// load4 is load for four bytes.
func load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// join returns the n bytes, four to seven, of which lo are the first four and hi the
// last.
func join(lo, hi uint64, n int) uint64 {
	bits := 8 * uint(n)
	return lo | hi<<(bits-32) | padding<<bits
}

func upToThree(s string) uint64 {
	n := uint(len(s))
	if n == 0 {
		return padding
	}
	return uint64(s[0]) | uint64(s[n/2])<<(n/2*8) | uint64(s[n-1])<<(8*n-8) | padding<<(8*n)
}

const (
	spaces  = ' ' * lsb
	padding = 0x7f * lsb
)

// special marks the highest bit of each byte that does not stand in a JSON string
// as it is, which is all but printable ASCII without the quote and the backslash.
// A borrow in a subtraction can also mark a byte above one that is marked rightly,
// so only the lowest mark is sure.
func special(x uint64) uint64 {
	quote, backslash := x^('"'*lsb), x^('\\'*lsb)
	return (x | (x - spaces) | (quote - lsb) | (backslash - lsb)) & msb
}

const hex = "0123456789abcdef"

// appendEscaped appends s and the closing quote.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				for i+8 <= len(s) && special(load(s[i:i+8])) == 0 {
					i += 8
				}
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
	b = append(b, s[start:]...)
	return append(b, '"')
}
