// Package glob matches names with patterns in which a star stands for any text.
package glob

import "strings"

// Match reports whether pattern, in which each * stands for any text, the empty
// one too, matches all of name.
func Match(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for {
		var part string
		part, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
}

// Covers is Match for names in a hierarchy, such as import paths: a pattern without
// a star matches a name, and all below it, which go on with one of the separators. It
// may end in "/...", which says the same.
func Covers(pattern, name, separators string) bool {
	if strings.IndexByte(pattern, '*') >= 0 {
		return Match(pattern, name)
	}
	pattern = strings.TrimSuffix(pattern, "/...")
	return strings.HasPrefix(name, pattern) &&
		(len(name) == len(pattern) || strings.IndexByte(separators, name[len(pattern)]) >= 0)
}

// Compare orders patterns, the most specific one first: the one with the most
// bytes that are no stars, then the one without a star, then by the alphabet.
func Compare(a, b string) int {
	starsA, starsB := strings.Count(a, "*"), strings.Count(b, "*")
	switch n := len(b) - starsB - (len(a) - starsA); {
	case n != 0:
		return n
	case (starsA == 0) != (starsB == 0):
		if starsA == 0 {
			return -1
		}
		return 1
	default:
		return strings.Compare(a, b)
	}
}
