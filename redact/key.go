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
// compared with every key. A keySet does not change after the last add, and may then
// be used by any number of goroutines.
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
)

// add adds a pattern of a rule. Elements are between dots. In an element, * is any
// letters or none, case and punctuation do not count, and punctuation next to a *
// is the border of a word. The element * is any one, ** any number of them; at the
// end, one at least.
func (k *keySet) add(pattern string, rule int) error {
	p := &keyPattern{rule: rule}
	if strings.ContainsRune(pattern, utf8.RuneError) {
		return fmt.Errorf("key %q: want UTF-8", pattern)
	}
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
	p.numbered = len(elem.parts) > 0 && (elem.head || elem.tail || len(elem.parts) > 1)
	if elem.tail {
		k.open = append(k.open, p)
		return
	}
	p.ending = len(p.elems) == 1 && len(elem.parts) == 1 && elem.head
	text := elem.parts[len(elem.parts)-1].text
	if size := len(text); size > 1 {
		k.trie(text[size-2], text[size-1]).add(text, p)
		return
	}
	for before := range byte(1 << 5) { // any letter, or none
		k.trie(before, text[0]).add(text, p)
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
	if i := strings.IndexByte(key, '['); i > 0 && i+1 < len(key) && isAlnum(key[i+1]) && !isDigit(key[i+1]) {
		key = withDots(key)
	}
	a, b := lastLetters(key)
	end := k.ends[pairOf(a, b)]
	if end == 0 && !isDigit(b) && a|b < utf8.RuneSelf && len(k.open) == 0 {
		return noRule, false
	}
	if a|b >= utf8.RuneSelf {
		if low := lowerBeyond(key); low != key {
			return k.find(path, low)
		}
	}
	rule = k.closed(path, key, end, noRule, false)
	name := ""
	if isDigit(b) {
		name = lowerBeyond(withoutNumber(key))
		rule = k.closed(path, name, k.ends[pairOf(lastLetters(name))], rule, true)
	}
	for _, p := range k.open {
		if p.rule < rule && (p.has(path, key) || p.numbered && name != "" && p.has(path, name)) {
			rule = p.rule
		}
	}
	return rule, rule != noRule
}

// withDots returns the key user.email for user[email], as it is in a form.
func withDots(key string) string {
	dotted := make([]byte, 0, len(key))
	for _, c := range []byte(key) {
		switch c {
		case '[':
			dotted = append(dotted, '.')
		case ']':
		default:
			dotted = append(dotted, c)
		}
	}
	return string(dotted)
}

// closed returns the lowest rule, of rule and those with a pattern that has key and
// ends in letters. These are in the trie for end. Only numbered patterns are looked at
// if numbered is true.
func (k *keySet) closed(path []string, key string, end uint16, rule int, numbered bool) int {
	if end == 0 {
		return rule
	}
	key = withoutPunct(key)
	n := k.tries[end-1].before
	for i := len(key) - 1; i >= 0 && key[i] != '.'; i-- {
		c := key[i]
		if isPunct(c) {
			continue
		}
		if c >= utf8.RuneSelf {
			if low := lowerBeyond(key); low != key {
				return k.closed(path, low, end, rule, numbered)
			}
		}
		if n = n.find(lower(c)); n == nil {
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

// endsAt is has for a key that is known to end, from key[i] on, in the last part.
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

// has reports whether name is what the element says. The leftmost place for a part
// leaves the most for those after it, so that no other has to be tried.
func (e *keyElem) has(name string) bool {
	at := skipPunct(name, 0)
	for i, part := range e.parts {
		first, last := i == 0 && !e.head, i == len(e.parts)-1 && !e.tail
		for {
			if end, ok := part.at(name, at); ok && (!last || end == len(name)) {
				at = end
				break
			}
			if first || at == len(name) {
				return false
			}
			at = skipPunct(name, at+1)
		}
	}
	return true
}

// at reports whether the part begins at the letter name[i], and which letter
// follows it.
func (p *keyPart) at(name string, i int) (end int, ok bool) {
	if p.before && !beginsWord(name, i) {
		return 0, false
	}
	for _, c := range []byte(p.text) {
		if i == len(name) || lower(name[i]) != c {
			return 0, false
		}
		i = skipPunct(name, i+1)
	}
	return i, !p.after || beginsWord(name, i)
}

// skipPunct returns where the first letter of name[i:] is, or the end.
func skipPunct(name string, i int) int {
	for i < len(name) && isPunct(name[i]) {
		i++
	}
	return i
}

// beginsWord reports whether a word begins, or all of them end, at key[i]: after
// punctuation, in ASCII after a letter of a script without case, in which there
// are often no spaces, or with a capital of ASCII, as in dbPass and DBPass, not
// BYPASS.
func beginsWord(key string, i int) bool {
	return i == 0 || i == len(key) || isPunct(key[i-1]) || key[i-1] >= utf8.RuneSelf && key[i] < utf8.RuneSelf && hasNoCase(key[:i]) ||
		isUpper(key[i]) && (!isUpper(key[i-1]) || i+1 < len(key) && isLower(key[i+1]))
}

// hasNoCase reports whether s ends in a letter that is neither upper nor lower case.
func hasNoCase(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.Lo, r)
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
