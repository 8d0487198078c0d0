package redact

import (
	"math"
	"strings"
)

// A prefilter tells in one pass over a text, without a regular expression, what
// there may be to find in it. Nearly all texts have nothing.
type prefilter struct {
	class  [256]class
	pairs  [1 << 10]uint8 // for two bytes, which of the lists has the literals with them; 0 for none
	lists  [][]literal
	single [256]uint64 // rules with a literal of one byte
	always uint64      // rules that have to be tried on every text
	digits uint64      // rules that need a run of digits
	minRun int
}

// A class says what a byte may be part of.
type class uint8

const (
	anchor    class = 1 << iota // the rarest byte of a literal
	separator                   // between key and value, as it is or percent-encoded
	opening                     // of JSON: a bracket
	digit
	joint // may stand between two digits of a run
	escape
)

// A literal is a text without which a rule need not be tried.
type literal struct {
	text string
	at   int // where in it the anchor is
	rule uint64
}

// maxRules is how many rules the bits of a suspicion can tell apart. All from
// there on count as one.
const maxRules = 64

// rarity lists bytes of literals from the rarest in log lines to the most
// frequent. What is not in it is rarer still.
const rarity = "zqjx(@_kv:bpwyg/fmcul.dh-rsnioate"

func newPrefilter(rules []*matcher) prefilter {
	var p prefilter
	for _, c := range "0123456789" {
		p.class[c] |= digit
	}
	for c, is := range map[byte]class{
		' ': joint, '-': joint, ':': separator, '=': separator, '%': separator, '{': opening, '[': opening, '\\': escape,
	} {
		p.class[c] |= is
	}
	for i, r := range rules {
		if r == nil {
			continue
		}
		bit := uint64(1) << min(i, maxRules-1)
		switch {
		case r.digits > 0:
			p.digits |= bit
			if p.minRun == 0 || r.digits < p.minRun {
				p.minRun = r.digits
			}
		case len(r.literals) == 0:
			p.always |= bit
		}
		for _, text := range r.literals {
			p.addLiteral(text, bit)
		}
	}
	return p
}

// addLiteral makes the rarest byte of text, with the one behind it, its anchor.
func (p *prefilter) addLiteral(text string, rule uint64) {
	at := 0
	for j := range len(text) - 1 {
		if strings.IndexByte(rarity, text[j]) < strings.IndexByte(rarity, text[at]) {
			at = j
		}
	}
	c := text[at]
	p.class[c] |= anchor
	if 'a' <= c && c <= 'z' {
		p.class[c-'a'+'A'] |= anchor
	}
	if len(text) == 1 {
		p.single[c] |= rule
		return
	}
	pair := &p.pairs[pairOf(c, text[at+1])]
	switch {
	case *pair > 0:
		p.lists[*pair-1] = append(p.lists[*pair-1], literal{text, at, rule})
	case len(p.lists) < math.MaxUint8:
		p.lists = append(p.lists, []literal{{text, at, rule}})
		*pair = uint8(len(p.lists)) //nolint:gosec // at most MaxUint8
	default:
		p.always |= rule
	}
}

// A suspicion is what a text may hold.
type suspicion struct {
	rules   uint64 // a bit for each rule that may find something
	keys    bool   // a sensitive key before a separator
	opening bool   // a bracket
	escape  bool   // a backslash
}

// suspect says what there may be to find in s.
func (w *walk) suspect(s string) suspicion {
	p := &w.shared.filter
	found := suspicion{rules: p.always}
	var seen class
	run := 0
	for i := range len(s) {
		c := p.class[s[i]]
		if c == 0 {
			run = 0
			continue
		}
		seen |= c
		switch {
		case c&digit != 0:
			if run++; run == p.minRun {
				found.rules |= p.digits
			}
		case c&joint == 0:
			run = 0
		}
		if c&anchor != 0 {
			found.rules |= p.single[lower(s[i])]
			if i+1 < len(s) {
				found.rules |= p.literalsAt(s, i)
			}
		}
		if c&separator != 0 && !found.keys && separatorAt(s, i) > 0 {
			k := w.keyBefore(s, i)
			found.keys = k.rule != none || k.quote != "" && isValue(k.name) // with a name beside it
		}
	}
	found.opening, found.escape = seen&opening != 0, seen&escape != 0
	return found
}

// literalsAt returns the rules that have a literal with its anchor at s[i].
func (p *prefilter) literalsAt(s string, i int) (rules uint64) {
	list := p.pairs[pairOf(s[i], s[i+1])]
	if list == 0 {
		return 0
	}
	for _, l := range p.lists[list-1] {
		if start := i - l.at; start >= 0 && hasPrefixFold(s[start:], l.text) {
			rules |= l.rule
		}
	}
	return rules
}

// none reports whether no rule has to be tried.
func (s suspicion) none() bool { return s.rules == 0 }

// has reports whether the rule with this index has to be tried.
func (s suspicion) has(rule int) bool { return s.rules>>min(rule, maxRules-1)&1 != 0 }

func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}
