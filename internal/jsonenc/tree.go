package jsonenc

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rework returns a line as the rules want it, and not longer than most bytes if
// that is not negative.
func (r *Rules) rework(line []byte, most int) []byte {
	length := len(line)
	p := parser{most: length}
	if most >= 0 {
		p.most = most // an element takes two bytes at least, so that more than this have no room
	}
	root, _ := p.value(line, 0)
	root.obey(r)
	if most >= 0 && (p.short || root.size(0) > most) {
		root.shrink(most, length, r)
	}
	return append(line[:0], root.append(nil)...)
}

// A node is a value of a line that has to be changed after it was written, which
// few lines have to be.
type node struct {
	name string // encoded, of a member of an object
	kind byte   // '{', '[', or 0 for what text holds
	text []byte
	kids []node
}

// RenameScalar returns object, an encoded one, with another name for a member that is
// no object.
func RenameScalar(object []byte, name, to string) []byte {
	root := parse(object)
	for i := range root.kids {
		if kid := &root.kids[i]; kid.name == encoded(name) && kid.kind != '{' {
			kid.name = encoded(to)
		}
	}
	return root.append(nil)
}

// parse returns text, which is valid JSON.
func parse(text []byte) node {
	p := parser{most: len(text)}
	n, _ := p.value(text, 0)
	return n
}

// A parser makes nodes of valid JSON, but no more than most of a member of the
// outermost object.
type parser struct {
	most, left int
	short      bool // whether there was more
}

// value returns the value that text begins with, and the rest of text.
func (p *parser) value(text []byte, depth int) (n node, rest []byte) {
	p.left--
	c := text[0]
	if c != '{' && c != '[' {
		n.text, rest = token(text)
		return n, rest
	}
	n.kind = c
	text = text[1:]
	for text[0] != c+2 { // the closing one of both is two further
		if depth == 0 {
			p.left = p.most
		} else if p.left <= 0 {
			p.short = true
			return n, behind(text)
		}
		if text[0] == ',' {
			text = text[1:]
		}
		var name []byte
		if c == '{' {
			name, text = token(text)
			text = text[1:] // the colon
		}
		var kid node
		kid, text = p.value(text, depth+1)
		kid.name = canonical(name)
		n.kids = append(n.kids, kid)
	}
	return n, text[1:]
}

// behind returns what follows the array or object in which text begins.
func behind(text []byte) []byte {
	for depth := 1; depth > 0; {
		switch text[0] {
		case '"':
			_, text = token(text)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		text = text[1:]
	}
	return text
}

// token returns the string, number or word that text begins with.
func token(text []byte) (tok, rest []byte) {
	if text[0] != '"' {
		end := bytes.IndexAny(text, ",]}")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	end := 1
	for ; text[end] != '"'; end++ {
		if text[end] == '\\' {
			end++
		}
	}
	return text[:end+1], text[end+1:]
}

// canonical returns an encoded name in the form that AppendString writes, so that
// one name has one form.
func canonical(name []byte) string {
	for _, c := range name {
		if c == '\\' || c >= utf8.RuneSelf {
			return encoded(decoded(string(name)))
		}
	}
	return string(name)
}

func decoded(text string) string {
	var s string
	if strings.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	_ = json.Unmarshal([]byte(text), &s) // valid, and nothing else than a string
	return s
}

func encoded(s string) string { return string(AppendString(nil, s)) }

// append appends the node without its name.
func (n *node) append(b []byte) []byte {
	if n.kind == 0 {
		return append(b, n.text...)
	}
	b = append(b, n.kind)
	for i := range n.kids {
		if i > 0 {
			b = append(b, ',')
		}
		if n.kind == '{' {
			b = append(b, n.kids[i].name...)
			b = append(b, ':')
		}
		b = n.kids[i].append(b)
	}
	return append(b, n.kind+2)
}

// obey changes what the rules do not allow.
func (n *node) obey(rules *Rules) {
	switch n.kind {
	case 0:
		n.text = rules.scalar(n.text)
	case '{':
		for i := range n.kids {
			if name := decoded(n.kids[i].name); rules.Names && CleanName(name) != name {
				n.kids[i].name = encoded(CleanName(name))
			}
		}
		if rules.Duplicates != KeepDuplicates {
			n.single(rules.Duplicates)
		}
	}
	for i := range n.kids {
		n.kids[i].obey(rules)
	}
}

// scalar returns a string or a number as the rules want it, and what is neither as it
// is.
func (r *Rules) scalar(text []byte) []byte {
	c := text[0]
	if r.Names && c == '"' && surrogates(text) {
		return AppendString(nil, decoded(string(text))) // which has U+FFFD for half a pair
	}
	if c != '-' && (c < '0' || c > '9') {
		return text
	}
	quoted := len(text) > r.MaxNumber && r.MaxNumber > 0
	switch {
	case r.Integers == AllIntegers || quoted:
	case bytes.ContainsAny(text, ".eE"):
		if _, err := strconv.ParseFloat(string(text), 64); err != nil {
			return []byte("null") // 1e400, which Logstash reads as a string
		}
	default:
		n, err := strconv.ParseInt(string(text), 10, 64)
		quoted = err != nil || r.Integers.quotes(n)
	}
	if quoted {
		return []byte(`"` + string(text) + `"`)
	}
	return text
}

// surrogates reports whether there is an escaped half of a pair in an encoded
// string. Logstash removes one that is alone.
func surrogates(text []byte) bool {
	return bytes.Contains(text, []byte(`\ud`)) || bytes.Contains(text, []byte(`\uD`))
}

// single leaves one member of each name. Objects that become one may have names twice
// afterwards.
func (n *node) single(policy Duplicates) {
	at := make(map[string]int, len(n.kids)) // the place of a name in kept
	next := make(map[string]int)            // the number to try for a name
	if policy == RenameDuplicates {
		for _, kid := range n.kids {
			at[kid.name] = -1
		}
	}
	kept := make([]node, 0, len(n.kids))
	for _, kid := range n.kids {
		i, known := at[kid.name]
		switch {
		case !known || i < 0:
		case policy == RenameDuplicates:
			kid.name = free(kid.name, at, next)
		case kid.kind == '{' && kept[i].kind == '{':
			kid.kids = append(kept[i].kids, kid.kids...)
			kept[i].name = ""
		case policy == FirstWins:
			continue
		default:
			kept[i].name = ""
		}
		at[kid.name] = len(kept)
		kept = append(kept, kid)
	}
	n.kids = slices.DeleteFunc(kept, func(kid node) bool { return kid.name == "" })
}

// free returns name with the first number that no member has.
func free(name string, taken, next map[string]int) string {
	for i := max(2, next[name]); ; i++ {
		other := name[:len(name)-1] + "_" + strconv.Itoa(i) + `"`
		if _, used := taken[other]; !used {
			next[name] = i + 1
			return other
		}
	}
}

// inspect reports whether a rule may want text, which is valid JSON, to be reworked: a
// name, a number, or a name that comes twice in an object. It also reports whether
// the values in it are too deep in each other, for which there is no remedy.
func (r *Rules) inspect(text []byte) (rework, tooDeep bool) {
	const long = 16                // digits of the smallest integer beyond 2^53
	objects := make([]names, 0, 8) // those that are open
	depth := 0                     // with the arrays
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '{', '[':
			depth++
			tooDeep = tooDeep || depth > r.MaxNesting && r.MaxNesting > 0
			if i++; c == '{' {
				objects = append(objects, names{at: i})
			}
		case '}', ']':
			depth--
			if i++; c == '}' {
				objects = objects[:len(objects)-1]
			}
		case '"':
			start, escaped := i+1, false
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					escaped = true
					i++
				}
			}
			tok := text[start:i]
			i++
			rework = rework || escaped && r.Names && surrogates(tok)
			if i == len(text) || text[i] != ':' {
				continue
			}
			h, clean := Inspect(string(tok))
			rework = rework || escaped || !clean && r.Names && CleanName(string(tok)) != string(tok) ||
				r.Duplicates != KeepDuplicates && objects[len(objects)-1].again(h, text[:i+1], start-1)
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			start, exponent := i, false
			for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' {
				exponent = exponent || text[i]|0x20 == 'e'
				i++
			}
			rework = rework || r.Integers != AllIntegers && (exponent || i-start >= long) || i-start > r.MaxNumber && r.MaxNumber > 0
		default:
			i++
		}
	}
	return rework, tooDeep
}
