package jsonenc

import (
	"strings"
	"unicode/utf8"
)

// A Hash is a small hash of a name, for a Set.
type Hash uint16

// A Set holds hashes. That one is in it says that a name may be, that it is not
// in it that the name is not. The zero Set is empty.
type Set [8]uint64

// Add adds h.
func (s *Set) Add(h Hash) { s[h/64%8] |= 1 << (h % 64) }

// Has reports whether h is in the set.
func (s *Set) Has(h Hash) bool { return s[h/64%8]>>(h%64)&1 != 0 }

// Inspect returns the hash of a name and whether it is surely one that
// [CleanName] keeps.
func Inspect(name string) (h Hash, clean bool) {
	const prime = 0x9E3779B97F4A7C15
	if len(name) < 8 {
		x := short(name)
		return Hash(x * prime >> 55), unfit(x) == 0 && len(name) > 0 && name[0] > ' '
	}
	last := len(name) - 8
	x := load(name[last:])
	marks := unfit(x)
	for i := 0; i < last; i += 8 {
		w := load(name[i : i+8])
		marks |= unfit(w)
		x = (x ^ w) * prime
	}
	return Hash(x * prime >> 55), marks == 0 && name[0] > ' '
}

// unfit marks the bytes that are brackets or dots and, for want of certainty, a
// backslash, those beyond ASCII and maybe one above another mark.
func unfit(x uint64) uint64 {
	dot := x ^ '.'*lsb
	fromBracket, behindBracket := x+(0x80-'[')*lsb, x+(0x80-']'-1)*lsb
	return (x | fromBracket&^behindBracket | (dot - lsb)) & msb
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
	bound []string // encoded, in the part of the object that a With has bound
	first int      // where those begin in Line.spans that are in the line
}

// A span is where an encoded name stands in the line.
type span struct{ from, to int }

// note remembers the name that b ends with, and sees to it that the line is
// reworked if it cannot stay as it is.
func (l *Line) note(b []byte, from int, name string) {
	if b[from] == ',' {
		from++
	}
	s := span{from, len(b) - 1}
	switch {
	case !l.clean && (l.rules.Names && CleanName(name) != name || !utf8.ValidString(name)):
		l.rework = true // of names that are not UTF-8, different ones can look the same
	case l.names.seen.Has(l.hash) && l.has(b, s):
		l.rework = true
	}
	l.names.seen.Add(l.hash)
	l.spans = append(l.spans, s)
}

// has reports whether the open object has the name at s already.
func (l *Line) has(b []byte, s span) bool {
	for _, name := range l.names.bound {
		if string(b[s.from:s.to]) == name {
			return true
		}
	}
	for _, other := range l.spans[l.names.first:] {
		if string(b[s.from:s.to]) == string(b[other.from:other.to]) {
			return true
		}
	}
	return false
}
