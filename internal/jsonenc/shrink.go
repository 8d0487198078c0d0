package jsonenc

import (
	"slices"
	"strconv"
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

// unit is the length of what stands for one character at the start of text. It
// keeps the two halves of a surrogate pair together.
func unit(text []byte) int {
	switch {
	case text[0] != '\\':
		_, size := utf8.DecodeRune(text)
		return size
	case text[1] != 'u':
		return 2
	case len(text) >= 12 && text[2]|0x20 == 'd' && text[3]|0x20 >= '8' && text[3]|0x20 <= 'b' && text[6] == '\\':
		return 12
	default:
		return 6
	}
}

// shrink makes an object's text no longer than most bytes, if it can be done
// without the members in own, and says in a member that it did. It first cuts long
// texts, all to the same length, then takes elements from the end of the largest
// arrays and objects, then leaves out members from the end.
func (n *node) shrink(most int, own []string) {
	const shortest = 64 // which ids have room in
	n.kids = slices.DeleteFunc(n.kids, func(kid node) bool { return kid.name == truncated })
	n.kids = append(n.kids, node{name: truncated, text: strconv.AppendInt(nil, int64(n.size(0)), 10)})
	limit := most
	for limit > shortest && n.size(limit) > most {
		limit -= max(1, limit/8)
	}
	n.cut(max(limit, shortest))
	size := n.size(0)
	if size <= most {
		return
	}
	var large []*node
	for i := range n.kids {
		if n.kids[i].kind != 0 {
			large = append(large, &n.kids[i])
		}
	}
	slices.SortStableFunc(large, func(a, b *node) int { return b.size(0) - a.size(0) })
	for _, kid := range large {
		if size > most {
			was := kid.size(0)
			kid.trim(max(shortest, was-(size-most)))
			size += kid.size(0) - was
		}
	}
	for i := len(n.kids) - 2; i >= 0 && size > most; i-- {
		if name := n.kids[i].name; !slices.Contains(own, name[1:len(name)-1]) {
			size -= len(name) + 2 + n.kids[i].size(0)
			n.kids = slices.Delete(n.kids, i, i+1)
		}
	}
}

// trim leaves as many elements from the start as have room in most bytes, and of the
// next one as much as has.
func (n *node) trim(most int) {
	size := 2
	for i := range n.kids {
		kid := &n.kids[i]
		whole := len(kid.name) + 2 + kid.size(0)
		if size+whole <= most {
			size += whole
			continue
		}
		room := most - size - (whole - kid.size(0))
		if n.kids = n.kids[:i]; kid.kind != 0 && room > 2 {
			kid.trim(room)
			n.kids = n.kids[:i+1]
		}
		return
	}
}

// cut cuts all texts that are longer than limit.
func (n *node) cut(limit int) {
	switch {
	case n.kind != 0:
		for i := range n.kids {
			n.kids[i].cut(limit)
		}
	case n.text[0] == '"':
		n.text = cutEncoded(n.text, limit)
	}
}

// size is the length of the node's text, after a cut if limit is not 0.
func (n *node) size(limit int) int {
	if n.kind == 0 {
		size := len(n.text)
		if limit > 0 && n.text[0] == '"' && size > limit+2 {
			size = limit + 2 + len(mark(size))
		}
		return size
	}
	size := 2 + max(0, len(n.kids)-1)
	for i := range n.kids {
		if n.kind == '{' {
			size += len(n.kids[i].name) + 1
		}
		size += n.kids[i].size(limit)
	}
	return size
}
