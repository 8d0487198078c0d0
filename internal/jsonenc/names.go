package jsonenc

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// A Hash is a small hash of a name, for a Set.
type Hash uint

// A Set holds hashes. That one is in it says that a name may be, that it is not
// in it that the name is not. The zero Set is empty.
type Set [8]uint64

// Add adds h.
func (s *Set) Add(h Hash) { s[h/64%8] |= 1 << (h % 64) }

// Has reports whether h is in the set.
func (s *Set) Has(h Hash) bool { return s[h/64%8]>>(h%64)&1 != 0 }

// Inspect returns the hash of a name and whether it is surely one that
// [CleanName] keeps and that has no escape.
func Inspect(name string) (h Hash, clean bool) {
	if len(name) < 8 {
		x := short(name)
		return hashOf(x), unfit(x) == 0 && len(name) > 0 && name[0] > ' '
	}
	x, marks := uint64(0), uint64(0)
	last := len(name) - 8
	for i := 0; i < last; i += 8 {
		w := load(name[i : i+8])
		marks |= unfit(w)
		x = mix(x, w)
	}
	w := load(name[last:])
	return hashOf(mix(x, w)), marks|unfit(w) == 0 && name[0] > ' '
}

// newKey appends a name if Inspect finds it clean and the open object has none with
// its hash, and remembers it. It reports whether it did. It does in one pass what
// Inspect, AppendKey and note do in three.
func (l *Line) newKey(b []byte, name string) (text []byte, ok bool) {
	if len(name) == 0 || len(name) > l.limit || name[0] <= ' ' {
		return b, false
	}
	b = grow(b, len(name)+12)
	n, from := len(b), len(b)
	if n == 0 || b[n-1] != '{' {
		b = append(b, ',')
		n++
	}
	b = append(b, '"')
	d := b[n+1 : n+len(name)+11]
	var x, marks uint64
	if len(name) < 8 {
		if len(name) >= 4 {
			x = join(load4(name), load4(name[len(name)-4:]), len(name))
		} else {
			x = upToThree(name)
		}
		marks = unusual(x)
		binary.LittleEndian.PutUint64(d, x)
	} else {
		last := len(name) - 8
		for i := 0; i < last; i += 8 {
			w := load(name[i : i+8])
			marks |= unusual(w)
			x = mix(x, w)
			binary.LittleEndian.PutUint64(d[i:], w)
		}
		w := load(name[last:])
		marks |= unusual(w)
		x = mix(x, w)
		binary.LittleEndian.PutUint64(d[last:], w)
	}
	h := hashOf(x)
	word, bit := h/64%8, uint64(1)<<(h%64)
	if l.names.seen[word]&bit != 0 || l.names.root && l.rules.Reserved[word]&bit != 0 {
		return b[:from], false
	}
	if marks != 0 {
		if _, clean := Inspect(name); !clean {
			return b[:from], false
		}
	}
	l.names.seen[word] |= bit
	d[len(name)] = '"'
	d[len(name)+1] = ':'
	return b[:n+len(name)+3], true
}

func mix(x, w uint64) uint64 { return (x ^ w) * 0x9E3779B97F4A7C15 }

func hashOf(x uint64) Hash { return Hash(x * 0x9E3779B97F4A7C15 >> 55) }

// unfit marks the bytes that have to be escaped in a string, or are brackets or
// dots, and maybe one above another mark.
func unfit(x uint64) uint64 {
	dot, quote := x^('.'*lsb), x^('"'*lsb)
	fromBracket, behindBracket := x+(0x80-'[')*lsb, x+(0x80-']'-1)*lsb // and a backslash is between them
	return (x | fromBracket&^behindBracket | (dot - lsb) | (quote - lsb) | (x - spaces)) & msb
}

// unusual marks what unfit does, and with fewer steps than that also what comes before
// the digits, such as a hyphen.
func unusual(x uint64) uint64 {
	fromBracket, behindBracket := x+(0x80-'[')*lsb, x+(0x80-']'-1)*lsb
	return (x | (x - '0'*lsb) | fromBracket&^behindBracket) & msb
}

// CleanName returns name as Logstash and Elasticsearch can work with it. A
// bracket, which is the syntax of a reference to a field, becomes an underscore,
// and so does a dot that has no name on one of its sides, which Elasticsearch
// rejects, as it does a name that is empty or blank. See
// https://www.elastic.co/docs/reference/logstash/event-dependent-configuration.
func CleanName(name string) string {
	if strings.TrimSpace(name) == "" {
		return "_"
	}
	if !strings.ContainsAny(name, "[].") {
		return name
	}
	clean := []byte(name)
	for i, c := range clean {
		switch {
		case c == '[', c == ']', c == '.' && (i == 0 || i == len(clean)-1 || clean[i-1] == '.'):
			clean[i] = '_'
		}
	}
	return string(clean)
}

// names are those in the innermost object that is open, to notice one that comes
// a second time.
type names struct {
	seen  Set
	at    int  // where the object begins in the line
	alike int  // how many had the hash of another
	root  bool // whether it is the line itself
}

// maxAlike is how many names of an object are looked for in its text.
const maxAlike = 32

// note remembers the name and the colon that b ends with, and sees to it that the
// line is reworked if it cannot stay as it is.
func (l *Line) note(b []byte, from int, name string) {
	if b[from] == ',' {
		from++
	}
	switch {
	case !l.clean && (l.rules.Names && CleanName(name) != name || !utf8.ValidString(name)):
		l.rework = true // of names that are not UTF-8, different ones can look the same
	case !l.rework:
		l.rework = l.names.again(l.hash, b, from)
	}
	l.names.seen.Add(l.hash)
}

// again adds the name that text has, with a colon, from from on, and reports whether the
// object may have it already. It can also be a name in an object inside, or one of
// so many that to look for each would take the square of their number: the second
// pass knows.
func (n *names) again(h Hash, text []byte, from int) bool {
	if !n.seen.Has(h) {
		n.seen.Add(h)
		return false
	}
	n.alike++
	return n.alike > maxAlike || bytes.Contains(text[n.at:from], text[from:])
}
