package jsonenc

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// truncated is the name of a member that a line gets which was too long. It holds
// how many bytes the line had.
const truncated = `"truncated"`

// mark returns what stands at the end of a text of which n bytes are left out.
func mark(n int) string { return "…(+" + strconv.Itoa(n) + " bytes)" }

// Cut returns s, or where it has more than limit bytes its first ones and a mark
// that says how many are left out. A limit of 0 is none.
func Cut(s string, limit int) string {
	if limit <= 0 || len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && n > limit-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark(len(s)-n)
}

// cutEncoded is Cut for an encoded string.
func cutEncoded(text []byte, limit int) []byte {
	if len(text) <= limit+2 {
		return text
	}
	i := 1
	for i < len(text)-1 {
		size := unit(text[i:])
		if i+size > limit+1 {
			break
		}
		i += size
	}
	cut := append(slices.Clip(text[:i]), mark(len(text)-1-i)...)
	return append(cut, '"')
}

// asString returns an encoded value as a string, which it may be already.
func asString(text []byte) []byte {
	if text[0] == '"' {
		return text
	}
	return append(append([]byte{'"'}, text...), '"')
}

// unit is the length of what stands for one character at the start of text. It
// keeps the two halves of a surrogate pair together.
func unit(text []byte) int {
	switch {
	case text[0] != '\\':
		_, size := utf8.DecodeRune(text)
		return size
	case text[1] != 'u':
		return 2
	case len(text) >= 12 && half(text, "89abAB") && half(text[6:], "cdefCDEF"):
		return 12
	default:
		return 6
	}
}

// half reports whether text begins with an escaped surrogate whose second digit is
// one of digits.
func half(text []byte, digits string) bool {
	return text[0] == '\\' && text[1] == 'u' && text[2]|0x20 == 'd' && strings.IndexByte(digits, text[3]) >= 0
}

// shortest is what a text is cut to at least. An id has room in it.
const shortest = 64

// shrink makes an object's text no longer than most bytes, if it can be done
// without the members to keep, and says in a member that it did, and how many
// bytes there were.
func (n *node) shrink(most, length int, rules *Rules) {
	n.kids = slices.DeleteFunc(n.kids, func(kid node) bool { return kid.name == truncated })
	n.kids = append(n.kids, node{name: truncated, text: strconv.AppendInt(nil, int64(length), 10)})
	n.cut(n.roomForTexts(most))
	if rules.Duplicates != KeepDuplicates {
		n.obey(rules) // of the names that were cut some may be the same now
	}
	n.trimLargest(n.size(0) - most)
	n.leaveOut(n.size(0)-most, rules.Keep)
}

// roomForTexts returns the length to cut all texts to, which is the largest for which
// there is room, if there is one.
func (n *node) roomForTexts(most int) int {
	tooLong := sort.Search(max(0, most-shortest), func(i int) bool { return n.size(shortest+i) > most })
	return shortest + max(0, tooLong-1)
}

// trimLargest takes what is at the ends of the largest arrays and objects.
func (n *node) trimLargest(excess int) {
	var large []*node
	for i := range n.kids {
		if excess > 0 && n.kids[i].kind != 0 {
			large = append(large, &n.kids[i])
		}
	}
	slices.SortStableFunc(large, func(a, b *node) int { return b.size(0) - a.size(0) })
	for _, kid := range large {
		if excess > 0 {
			was := kid.size(0)
			kid.trim(max(shortest, was-excess))
			excess -= was - kid.size(0)
		}
	}
}

// leaveOut takes members from the end, but for the first one with each of the names to
// keep.
func (n *node) leaveOut(excess int, keep []string) {
	if excess <= 0 {
		return
	}
	first := map[string]int{truncated: len(n.kids) - 1}
	for i, kid := range slices.Backward(n.kids) {
		if slices.Contains(keep, decoded(kid.name)) {
			first[kid.name] = i
		}
	}
	for i, kid := range slices.Backward(n.kids) {
		if at, stays := first[kid.name]; excess > 0 && (!stays || at != i) {
			excess -= len(kid.name) + 2 + kid.size(0)
			n.kids[i].name = ""
		}
	}
	n.kids = slices.DeleteFunc(n.kids, func(kid node) bool { return kid.name == "" })
}

// trim leaves as many elements from the start as have room in most bytes, and of the
// next one as much as has.
func (n *node) trim(most int) {
	room := most - 2
	for i := range n.kids {
		kid := &n.kids[i]
		around := 1 // a comma
		if n.kind == '{' {
			around += len(kid.name) + 1
		}
		size := kid.size(0)
		if around+size <= room {
			room -= around + size
			continue
		}
		if n.kids = n.kids[:i]; kid.kind != 0 && room > around+2 {
			kid.trim(room - around)
			n.kids = n.kids[:i+1]
		}
		return
	}
}

// cut cuts all texts, numbers and names that are longer than limit.
func (n *node) cut(limit int) {
	if n.kind == 0 && len(n.text) > limit+2 {
		n.text = cutEncoded(asString(n.text), limit)
	}
	for i := range n.kids {
		if kid := &n.kids[i]; len(kid.name) > limit+2 {
			kid.name = string(cutEncoded([]byte(kid.name), limit))
		}
		n.kids[i].cut(limit)
	}
}

// size is the length of the node's text, after a cut if limit is not 0.
func (n *node) size(limit int) int {
	if n.kind == 0 {
		return cutSize(len(n.text), limit)
	}
	size := 2 + max(0, len(n.kids)-1)
	for i := range n.kids {
		if n.kind == '{' {
			size += cutSize(len(n.kids[i].name), limit) + 1
		}
		size += n.kids[i].size(limit)
	}
	return size
}

// cutSize is what a text of n bytes has at most after a cut.
func cutSize(n, limit int) int {
	if limit > 0 && n > limit+2 {
		return limit + 2 + len(mark(n))
	}
	return n
}
