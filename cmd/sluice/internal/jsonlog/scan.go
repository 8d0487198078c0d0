package jsonlog

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// maxDepth is how deep arrays and objects may be nested, as in encoding/json.
const maxDepth = 10_000

// A depthStack knows of each open bracket whether it is that of an object.
type depthStack struct {
	objects [maxDepth/64 + 1]uint64
	depth   int
}

func (d *depthStack) push(object bool) bool {
	if d.depth == maxDepth {
		return false
	}
	word, bit := d.depth/64, uint64(1)<<(d.depth%64)
	if d.objects[word] &^= bit; object {
		d.objects[word] |= bit
	}
	d.depth++
	return true
}

func (d *depthStack) inObject() bool {
	top := d.depth - 1
	return d.objects[top/64]>>(top%64)&1 == 1
}

// blank returns where the white space ends that begins at i.
func blank(s []byte, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// closing returns where the quote is that ends the string whose text begins at i, -1 if the string is not
// valid. It is plain if it stands for itself: no escapes, and nothing that may not be UTF-8.
func closing(s []byte, i int) (end int, plain bool) {
	escaped, high := false, uint64(0)
	for {
		for i+8 <= len(s) {
			w := binary.LittleEndian.Uint64(s[i:])
			quote, escape := w^(ones*'"'), w^(ones*'\\')
			// The lowest bit that is set is that of the first byte looked for; those above may be wrong.
			found := ((quote-ones)&^quote | (escape-ones)&^escape | (w-ones*' ')&^w) & highs
			high |= w // perhaps only behind the quote: then the text is looked at once more, in vain
			if found == 0 {
				i += 8
				continue
			}
			if i += bits.TrailingZeros64(found) / 8; s[i] == '"' {
				return i, !escaped && high&highs == 0
			}
			break
		}
		for i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= ' ' {
			high |= uint64(s[i])
			i++
		}
		if i >= len(s) {
			return -1, false
		}
		if s[i] == '"' {
			return i, !escaped && high&highs == 0
		}
		if i = behindEscape(s, i); i < 0 {
			return -1, false
		}
		escaped = true
	}
}

// behindEscape returns where the escape ends that begins at i, -1 if it is none.
func behindEscape(s []byte, i int) int {
	if s[i] != '\\' || i+1 >= len(s) {
		return -1
	}
	switch s[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 <= len(s) && isHex(s[i+2]) && isHex(s[i+3]) && isHex(s[i+4]) && isHex(s[i+5]) {
			return i + 6
		}
	}
	return -1
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// number returns where the number ends that begins at i, -1 if it is none.
func number(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	first := i
	if i = digits(s, i); i == first || i > first+1 && s[first] == '0' {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		if first, i = i+1, digits(s, i+1); i == first {
			return -1
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if first, i = i, digits(s, i); i == first {
			return -1
		}
	}
	return i
}

func digits(s []byte, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// behindScalar returns where the value ends that begins at i and is no object and no array, -1 if it is not valid.
func behindScalar(s []byte, i int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case c == '"':
		end, _ := closing(s, i+1)
		if end < 0 {
			return -1
		}
		return end + 1
	case c == '-' || '0' <= c && c <= '9':
		return number(s, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s)-i >= len(word) && string(s[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return -1
}

// behindKey returns where the value begins whose key begins at i, -1 if there is none.
func behindKey(s []byte, i int) int {
	if i = blank(s, i); i >= len(s) || s[i] != '"' {
		return -1
	}
	end, _ := closing(s, i+1)
	if end < 0 {
		return -1
	}
	if i = blank(s, end+1); i >= len(s) || s[i] != ':' {
		return -1
	}
	return blank(s, i+1)
}

// behindValue returns where the value ends that begins at i, -1 if it is not valid.
func (d *depthStack) behindValue(s []byte, i int) int {
	if i >= len(s) || s[i] != '{' && s[i] != '[' {
		return behindScalar(s, i)
	}
	d.depth = 1 // the line's own object
	for {
		// A value begins here.
		switch {
		case i >= len(s):
			return -1
		case s[i] == '{' || s[i] == '[':
			object := s[i] == '{'
			if !d.push(object) {
				return -1
			}
			if i = blank(s, i+1); i < len(s) && (s[i] == '}' && object || s[i] == ']' && !object) {
				break // it is empty
			}
			if object {
				if i = behindKey(s, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			if i = behindScalar(s, i); i < 0 {
				return -1
			}
		}
		// And here it has ended, perhaps with those around it.
		for {
			if i = blank(s, i); i >= len(s) {
				return -1
			}
			object := d.inObject()
			if s[i] == ',' {
				if i = blank(s, i+1); object {
					i = behindKey(s, i)
				}
				if i < 0 {
					return -1
				}
				break
			}
			if s[i] != '}' && object || s[i] != ']' && !object {
				return -1
			}
			i++
			if d.depth--; d.depth == 1 {
				return i
			}
		}
	}
}

// skip returns where the value ends that begins at i, -1 if it does not end. It finds out nothing else about it.
func skip(s []byte, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if i, _ = closing(s, i+1); i < 0 {
				return -1
			}
		case c == '{' || c == '[':
			depth++
			continue
		case (c == ',' || isBlank(c)) && depth == 0:
			return i
		case c == '}' || c == ']':
			if depth == 0 {
				return i
			}
			depth--
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return -1
}

// membersOf returns the keys, as they stand between their quotes, and the values of an object that is valid.
func membersOf(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := blank(object, 1); object[i] == '"'; i = blank(object, i) {
			end, _ := closing(object, i+1)
			key := object[i+1 : end]
			start := blank(object, blank(object, end+1)+1)
			i = skip(object, start)
			if !yield(key, object[start:i]) {
				return
			}
			if i = blank(object, i); object[i] == ',' {
				i++
			}
		}
	}
}

// elementsOf returns the elements of an array that is valid.
func elementsOf(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := blank(array, 1); array[i] != ']'; i = blank(array, i) {
			start := i
			i = skip(array, start)
			if !yield(array[start:i]) {
				return
			}
			if i = blank(array, i); array[i] == ',' {
				i++
			}
		}
	}
}
