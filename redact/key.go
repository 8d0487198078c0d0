package redact

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A keySet holds the key patterns of many rules and says of a key which rule has
// it. It is asked for every attr, group, map entry and struct field, and for every
// key in text: password=x, {"password":"x"}, ?password=x.
//
// A key is looked up from its end. Its last two letters select one of the tries;
// hardly any clean key has one, and is done. A trie has the letters that patterns
// end in, read backwards; what it finds is a candidate, and only then is the key
// cut into elements and words, and the whole pattern compared. So the number of
// patterns does not matter, but of those that end in a *: they are open, and
// compared with every key.
type keySet struct {
	ends  [1 << 10]uint16 // for the last two letters, which of the tries, from 1; 0 for none
	tries []*keyNode
	open  []*keyPattern
	depth int // how many of the last elements of a path matter
}

// A keyNode is a letter of a trie.
type keyNode struct {
	letter   byte
	sibling  *keyNode // another letter at the same place
	before   *keyNode // a letter before this one
	patterns []*keyPattern
}

// A keyPattern is a pattern of a rule. It has a key if its elements are the last
// ones of the path that ends in the key.
type keyPattern struct {
	rule     int
	elems    []keyElem
	ending   bool // all of it is in a trie, but for a border: *password, *_pass
	numbered bool // it has a key also without the number at its end: password2, password[0]
}

// A keyElem is an element of a pattern: parts with any letters between them.
type keyElem struct {
	parts      []keyPart
	head, tail bool // any letters before the first part, and after the last one
	deep       bool // this is any number of elements
}

// A keyPart is letters, in lower case, that stand together, and whether a word has
// to begin before them and end after them.
type keyPart struct {
	text          string
	before, after bool
}

const (
	noRule   = math.MaxInt
	anyDepth = math.MaxInt32

	// usualName is the length of an element up to which comparing allocates nothing.
	usualName = 64
)

// add adds a pattern of a rule. Elements are between dots. In an element, * is any
// letters or none, case and punctuation do not count, and punctuation next to a *
// is the border of a word. The element * is any one, ** any number of them; at the
// end, one at least.
func (k *keySet) add(pattern string, rule int) error {
	p := &keyPattern{rule: rule}
	wild := true
	for text := range strings.SplitSeq(pattern, ".") {
		elem := parseElem(text)
		switch {
		case text == "":
			return fmt.Errorf("key %q: empty element, want letters, digits and * between dots", pattern)
		case len(elem.parts) > 0:
			wild = false
		case text != "*" && text != "**":
			return fmt.Errorf("key %q: element %q is only punctuation, want letters, digits and * between dots", pattern, text)
		}
		if !elem.deep || len(p.elems) > 0 { // any number comes before each pattern
			p.elems = append(p.elems, elem)
		}
	}
	if wild {
		return fmt.Errorf("key %q: it would match every key, want one element at least that is not * or **", pattern)
	}
	if p.elems[len(p.elems)-1].deep {
		p.elems = append(p.elems, keyElem{head: true, tail: true})
	}
	k.depth = max(k.depth, p.depth())
	k.index(p)
	return nil
}

// parseElem parses an element. It has no parts if it has no letters.
func parseElem(text string) keyElem {
	elem := keyElem{deep: text == "**"}
	texts := strings.Split(text, "*")
	for i, text := range texts {
		first, last := i == 0, i == len(texts)-1
		part := keyPart{text: fold(text)}
		if text != "" {
			part.before = !first && isPunct(text[0])
			part.after = !last && isPunct(text[len(text)-1])
		}
		switch {
		case part.text != "":
			elem.parts = append(elem.parts, part)
		case first:
			elem.head = true
		case last:
			elem.tail = true
		case text != "":
			elem.parts = append(elem.parts, part)
		}
	}
	if fold(text) == "" {
		return keyElem{head: true, tail: true, deep: elem.deep}
	}
	return elem
}

// depth returns how many elements before a key matter.
func (p *keyPattern) depth() int {
	for _, elem := range p.elems {
		if elem.deep {
			return anyDepth
		}
	}
	return len(p.elems) - 1
}

// index adds p to the tries, or to the open patterns.
func (k *keySet) index(p *keyPattern) {
	elem := p.elems[len(p.elems)-1]
	if len(elem.parts) == 0 {
		k.open = append(k.open, p)
		return
	}
	part := elem.parts[len(elem.parts)-1]
	p.ending = len(p.elems) == 1 && len(elem.parts) == 1 && elem.head
	p.numbered = !elem.tail && (elem.head || len(elem.parts) > 1) || elem.tail && part.after
	switch size := len(part.text); {
	case elem.tail:
		k.open = append(k.open, p)
	case size == 1: // a key may have any letter before it, or none
		for before := range byte(1 << 5) {
			k.trie(before, part.text[0]).add(part.text, p)
		}
	default:
		k.trie(part.text[size-2], part.text[size-1]).add(part.text, p)
	}
}

// trie returns the trie, maybe a new one, for keys that end in two letters. It is
// a node before which the last letter is.
func (k *keySet) trie(a, b byte) *keyNode {
	end := &k.ends[pairOf(a, b)]
	if *end == 0 {
		k.tries = append(k.tries, &keyNode{})
		*end = uint16(len(k.tries)) //nolint:gosec // there are no more than ends
	}
	return k.tries[*end-1]
}

// pairOf is an index for two letters, the same for upper and lower case.
func pairOf(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// add adds a pattern that ends in text.
func (n *keyNode) add(text string, p *keyPattern) {
	for i := len(text) - 1; i >= 0; i-- {
		next := n.before.find(text[i])
		if next == nil {
			next = &keyNode{letter: text[i], sibling: n.before}
			n.before = next
		}
		n = next
	}
	n.patterns = append(n.patterns, p)
}

// find returns the node of a letter among n and its siblings.
func (n *keyNode) find(letter byte) *keyNode {
	for n != nil && n.letter != letter {
		n = n.sibling
	}
	return n
}

// hasPaths reports whether it matters for any key where it stands.
func (k *keySet) hasPaths() bool { return k.depth > 0 }

// find returns the lowest of the rules that have key, which stands in the groups
// of path.
func (k *keySet) find(path []string, key string) (rule int, ok bool) {
	a, b := lastLetters(key)
	if k.ends[pairOf(a, b)] == 0 && !isDigit(b) && a|b < utf8.RuneSelf && len(k.open) == 0 {
		return noRule, false
	}
	rule = k.closed(path, key, noRule, false)
	name := ""
	if isDigit(b) {
		name = withoutNumber(key)
		rule = k.closed(path, name, rule, true)
	}
	for _, p := range k.open {
		if p.rule < rule && (p.has(path, key) || p.numbered && name != "" && p.has(path, name)) {
			rule = p.rule
		}
	}
	return rule, rule != noRule
}

// closed returns the lowest rule, of rule and those with a pattern that has key and
// ends in letters; numbered leaves out the patterns that are not numbered.
func (k *keySet) closed(path []string, key string, rule int, numbered bool) int {
	a, b := lastLetters(key)
	end := k.ends[pairOf(a, b)]
	beyond := a|b >= utf8.RuneSelf
	if end == 0 && !beyond {
		return rule
	}
	key = withoutPunct(key)
	var n *keyNode
	if end > 0 {
		n = k.tries[end-1].before
	}
	for i := len(key) - 1; i >= 0 && key[i] != '.'; i-- {
		if isPunct(key[i]) {
			continue
		}
		if key[i] >= utf8.RuneSelf {
			if low := lowerBeyond(key); low != key {
				return k.closed(path, low, rule, numbered)
			}
		}
		if n = n.find(lower(key[i])); n == nil {
			break
		}
		for _, p := range n.patterns {
			if p.rule < rule && (p.numbered || !numbered) && p.endsAt(path, key, i) {
				rule = p.rule
			}
		}
		n = n.before
	}
	return rule
}

// lastLetters returns the last two letters or digits of a key, 0 for none.
func lastLetters(key string) (a, b byte) {
	i := len(key) - 1
	for i >= 0 && isPunct(key[i]) {
		i--
	}
	if i < 0 {
		return 0, 0
	}
	b = key[i]
	for i--; i >= 0 && isPunct(key[i]); i-- {
	}
	if i < 0 {
		return 0, b
	}
	return key[i], b
}

// withoutNumber returns a key that ends in digits without them, and what is around
// them: password of password[0].
func withoutNumber(key string) string {
	end := len(key)
	for end > 0 && (isDigit(key[end-1]) || isPunct(key[end-1])) {
		end--
	}
	return key[:end]
}

// withoutPunct returns a key without the punctuation at its end.
func withoutPunct(key string) string {
	end := len(key)
	for end > 0 && isPunct(key[end-1]) {
		end--
	}
	return key[:end]
}

// lowerBeyond returns s with the letters beyond ASCII in lower case.
func lowerBeyond(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if r < utf8.RuneSelf {
					return r
				}
				return unicode.ToLower(r)
			}, s)
		}
	}
	return s
}

// endsAt is has for a key of which is known that key[i:] is the last part.
func (p *keyPattern) endsAt(path []string, key string, i int) bool {
	if p.ending {
		return !p.elems[0].parts[0].before || beginsWord(key, i)
	}
	return p.has(path, key)
}

// has reports whether the last elements of path and key are those of the pattern.
func (p *keyPattern) has(path []string, key string) bool {
	rest := restOf(path, lowerBeyond(key))
	i := len(p.elems) - 1
	deep, from := -1, keyRest{} // the last ** so far, and where it begins
	for i >= 0 {
		if p.elems[i].deep {
			deep, from = i, rest
			i--
			continue
		}
		if rest.none {
			return false
		}
		name, before := rest.cut()
		switch {
		case p.elems[i].has(name):
			i, rest = i-1, before
		case deep < 0:
			return false
		default: // one more for the **
			_, from = from.cut()
			i, rest = deep-1, from
		}
	}
	return true
}

// A keyRest is what is left of a path, with elements that are cut off its end. Between
// the dots of a key, what has no letters is none, but a key without any is one.
type keyRest struct {
	path []string
	key  string
	none bool
}

func restOf(path []string, key string) keyRest {
	return keyRest{path: path, key: withoutPunct(key)}
}

// cut returns the last element, and what is before it.
func (r keyRest) cut() (name string, before keyRest) {
	dot := strings.LastIndexByte(r.key, '.')
	name = r.key[dot+1:]
	if before = restOf(r.path, r.key[:max(dot, 0)]); before.key != "" {
		return name, before
	}
	if last := len(r.path) - 1; last >= 0 {
		return name, restOf(r.path[:last], lowerBeyond(r.path[last]))
	}
	return name, keyRest{none: true}
}

// has reports whether name is what the element says. The leftmost place for each
// part leaves the most for those after it, so that no other has to be tried.
func (e *keyElem) has(name string) bool {
	if len(e.parts) == 0 {
		return true
	}
	f := foldWords(make([]byte, 0, usualName), make([]bool, 0, usualName), name)
	at := 0
	for i, part := range e.parts {
		switch {
		case i == 0 && !e.head:
			if !f.hasAt(0, part) {
				return false
			}
		case i == len(e.parts)-1 && !e.tail:
			if at = max(at, len(f.text)-len(part.text)); !f.hasAt(at, part) {
				return false
			}
		default:
			for !f.hasAt(at, part) {
				if at++; at > len(f.text) {
					return false
				}
			}
		}
		at += len(part.text)
	}
	return e.tail || at == len(f.text)
}

// A foldedName is an element of a key, folded, with its words.
type foldedName struct {
	text    []byte
	borders []bool // whether a word begins before each byte of text; the last one is the end
}

// foldWords folds a name.
func foldWords(text []byte, borders []bool, name string) foldedName {
	for i := range len(name) {
		if !isPunct(name[i]) {
			text, borders = append(text, lower(name[i])), append(borders, beginsWord(name, i))
		}
	}
	return foldedName{text, append(borders, true)}
}

// beginsWord reports whether a word begins at key[i]: after punctuation, or with a
// capital of ASCII, as in dbPass and DBPass, not BYPASS.
func beginsWord(key string, i int) bool {
	return i == 0 || isPunct(key[i-1]) ||
		isUpper(key[i]) && (!isUpper(key[i-1]) || i+1 < len(key) && isLower(key[i+1]))
}

// hasAt reports whether part begins at f.text[at].
func (f foldedName) hasAt(at int, part keyPart) bool {
	end := at + len(part.text)
	return end <= len(f.text) && string(f.text[at:end]) == part.text &&
		(!part.before || f.borders[at]) && (!part.after || f.borders[end])
}

// fold returns s in lower case and without the punctuation that styles of
// writing keys differ in.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

func isPunct(c byte) bool {
	return c < utf8.RuneSelf && (c < '0' || '9' < c && c < 'A' || 'Z' < c && c < 'a' || 'z' < c)
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return c >= utf8.RuneSelf || !isPunct(c) }

func lower(c byte) byte {
	if isUpper(c) {
		c += 'a' - 'A'
	}
	return c
}
