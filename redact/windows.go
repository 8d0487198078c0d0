package redact

import (
	"regexp/syntax"
	"sync"
	"unicode/utf8"
)

// Limits on the texts that a regular expression is run over.
const (
	maxWhole  = 64 << 10 // a text up to here is not divided
	minWindow = 1 << 10  // not to begin anew for every literal
	margin    = 16       // what is seen on both sides of a window
)

// windows divide a long text for a pattern, into windows that together have all
// matches. The time that a regular expression takes for a byte is many times that
// of a prefilter.
//
// What the pattern cannot match any byte of is the border of a window, so that no
// match is cut, however long it is. A window begins before a border and ends
// behind one: \b, ^ and $ see there what they see in the whole text. A text
// without borders is one window.
type windows struct {
	filter prefilter // for the literals of the pattern
	within byteSet   // what a match may have in it
}

// lazyWindows returns what makes the windows for m when they are first needed. It
// returns nil if m has to see all of a text, as only what is no regular expression
// has.
func (m *matcher) lazyWindows() func() *windows {
	return sync.OnceValue(func() *windows {
		if m.pattern == "" {
			return nil
		}
		re, err := syntax.Parse(m.pattern, syntax.Perl)
		if err != nil {
			return nil
		}
		d := &windows{}
		d.addBytes(re)
		var kinds []kind
		for _, text := range literalsOf(re) {
			kinds = append(kinds, kindOf(text, 0, 0), kindOf(text, 1, 0))
		}
		d.filter.addKinds(kinds)
		return d
	})
}

// addBytes adds the bytes that a match of re may have in it. Beyond ASCII, that
// is all.
func (d *windows) addBytes(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpAnyChar:
		d.within = everyByte()
	case syntax.OpAnyCharNotNL:
		d.addRunes([]rune{0, '\n' - 1, '\n' + 1, utf8.RuneSelf - 1})
	case syntax.OpCharClass:
		d.addRunes(re.Rune)
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			ranges := []rune{r, r}
			if re.Flags&syntax.FoldCase != 0 {
				ranges = orbit(r)
			}
			d.addRunes(ranges)
		}
	default:
	}
	for _, sub := range re.Sub {
		d.addBytes(sub)
	}
}

func (d *windows) addRunes(ranges []rune) {
	for i := 0; i+1 < len(ranges); i += 2 {
		for c := range byte(utf8.RuneSelf) {
			if ranges[i] <= rune(c) && rune(c) <= ranges[i+1] {
				d.within.add(c)
			}
		}
	}
}

func (d *windows) isBorder(c byte) bool { return c < utf8.RuneSelf && !d.within.has(c) }

// next returns the next window of s from place i on. It is empty if there is none.
func (d *windows) next(s string, i int) span {
	hit := d.filter.literalAfter(s, i)
	if hit == len(s) {
		return span{}
	}
	w := span{hit, min(len(s), max(hit+1, i+minWindow))}
	for w.start > i && !d.isBorder(s[w.start-1]) {
		w.start--
	}
	for w.end < len(s) && !d.isBorder(s[w.end]) {
		w.end++
	}
	return w
}

// find returns what m finds in s.
func (d *windows) find(m *matcher, s string) []span {
	var found []span
	for w := d.next(s, 0); w.start < w.end; w = d.next(s, w.end) {
		from, to := max(0, w.start-margin), min(len(s), w.end+margin)
		for _, f := range m.find(s[from:to]) {
			if f.start += from; w.start <= f.start && f.start < w.end {
				found = append(found, span{f.start, f.end + from})
			}
		}
	}
	return found
}
