package redact

import (
	"cmp"
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Limits on the literals of a pattern. More cost more than they save.
const (
	maxLiterals  = 64
	maxExact     = 32 // texts that a part of a pattern may match to be told one by one
	maxCopies    = 8  // of what is repeated
	maxFrequency = 0.002
	tableCost    = 1e-7 // of a literal that is never met
)

// common lists the bytes of logs from the most frequent to rarer ones, letters in
// lower case.
const common = ` e0ta1oin2rs3d-lc5.4m:u9/87p6",fghb=w_yvk[]()x{}jTz%q+@#&;<>*|$!?~^` + "`\\'\n\t\r"

// frequency returns about how often a byte of a log is c, or c in upper case.
func frequency(c byte) float64 { return frequencies()[c] }

// frequencies has the frequency of each byte.
//
//nolint:gochecknoglobals // built once, never changed
var frequencies = sync.OnceValue(func() *[256]float64 {
	var all [256]float64
	for c := range all {
		rank := strings.IndexByte(common, byte(c))
		if rank < 0 {
			rank = len(common)
		}
		all[c] = 0.08 * math.Exp(-0.08*float64(rank))
	}
	return &all
})

// literalsOf returns texts, with ASCII in lower case, of which every match of re
// has one, if ASCII in it is in lower case too. It returns nil if there are none,
// or none rare enough to be worth looking for.
func literalsOf(re *syntax.Regexp) []string {
	literals := needOf(re).literals()
	if len(literals) > maxLiterals || costOf(literals) > maxFrequency {
		return nil
	}
	return literals
}

// A need is what a regular expression asks of each text that it matches.
type need struct {
	exact []string // the text is one of these; nil: unknown
	some  []string // one of these is in the text; nil: unknown
}

// literals returns the rarer of the two lists.
func (n need) literals() []string { return rarer(n.some, n.exact) }

func needOf(re *syntax.Regexp) need {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return need{exact: []string{""}}
	case syntax.OpLiteral:
		return needOfLiteral(re)
	case syntax.OpCharClass:
		return needOfClass(re.Rune)
	case syntax.OpCapture:
		return needOf(re.Sub[0])
	case syntax.OpPlus:
		return need{some: needOf(re.Sub[0]).literals()}
	case syntax.OpQuest:
		return optional(needOf(re.Sub[0]))
	case syntax.OpRepeat:
		return needOfRepeat(re)
	case syntax.OpConcat:
		var c chain
		for _, sub := range re.Sub {
			c.add(needOf(sub))
		}
		return c.need()
	case syntax.OpAlternate:
		return needOfAlternate(re.Sub)
	default:
		return need{} // any character, any number of times, or no match
	}
}

func needOfLiteral(re *syntax.Regexp) need {
	if re.Flags&syntax.FoldCase == 0 {
		if slices.ContainsFunc(re.Rune, isAmbiguous) {
			return need{}
		}
		return need{exact: []string{asciiLower(string(re.Rune))}}
	}
	// K and S are also the Kelvin sign and the long s. What is between them is one
	// literal, to spell out all the ways to write the whole is another.
	var whole, between chain
	for _, r := range re.Rune {
		n := needOfClass(orbit(r))
		whole.add(n)
		if len(n.exact) > 1 {
			n = need{}
		}
		between.add(n)
	}
	n := whole.need()
	n.some = rarer(n.some, between.need().some)
	return n
}

// orbit returns the runes that are the same as r if case does not count, as ranges.
func orbit(r rune) []rune {
	ranges := []rune{r, r}
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		ranges = append(ranges, other, other)
	}
	return ranges
}

// isAmbiguous reports whether r is also what bytes that are not UTF-8 are read as.
func isAmbiguous(r rune) bool { return r == utf8.RuneError || !utf8.ValidRune(r) }

// needOfClass returns the need for one rune of the ranges.
func needOfClass(ranges []rune) need {
	var exact []string
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if isAmbiguous(r) || len(exact) == maxExact {
				return need{}
			}
			if text := asciiLower(string(r)); !slices.Contains(exact, text) {
				exact = append(exact, text)
			}
		}
	}
	return need{exact: exact}
}

// optional returns the need for what may also be left out.
func optional(n need) need {
	if n.exact == nil {
		return need{}
	}
	return need{exact: append(slices.Clip(n.exact), "")}
}

func needOfRepeat(re *syntax.Regexp) need {
	n := needOf(re.Sub[0])
	if re.Min == 0 {
		if re.Max == 1 {
			return optional(n)
		}
		return need{}
	}
	var c chain
	for range min(re.Min, maxCopies) {
		c.add(n)
	}
	if re.Min > maxCopies || re.Max != re.Min {
		c.add(need{})
	}
	return c.need()
}

func needOfAlternate(subs []*syntax.Regexp) need {
	var all need
	exact := true
	for i, sub := range subs {
		n := needOf(sub)
		if exact = exact && n.exact != nil && len(all.exact)+len(n.exact) <= maxExact; exact {
			all.exact = append(all.exact, n.exact...)
		}
		literals := n.literals()
		if literals == nil || i > 0 && all.some == nil {
			all.some = nil
			continue
		}
		all.some = append(all.some, literals...)
	}
	if !exact {
		all.exact = nil
	}
	return all
}

// A chain is the need for parts in a row.
type chain struct {
	last   []string // what the last parts are; nil at the beginning
	broken bool     // there are others before them
	some   []string
}

func (c *chain) add(n need) {
	if c.last == nil {
		c.last = []string{""}
	}
	c.some = rarer(c.some, n.some)
	if n.exact != nil && len(c.last)*len(n.exact) <= maxExact {
		c.last = product(c.last, n.exact)
		return
	}
	c.some = rarer(c.some, c.last)
	c.broken = true
	if c.last = n.exact; c.last == nil {
		c.last = []string{""}
	}
}

func (c *chain) need() need {
	if c.last == nil {
		return need{exact: []string{""}}
	}
	n := need{some: rarer(c.some, c.last)}
	if !c.broken {
		n.exact = c.last
	}
	return n
}

// product returns all texts of one of a and one of b.
func product(a, b []string) []string {
	all := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// rarer returns the list of literals of which one is met less often, without what
// is superfluous. A list with the empty text, which is everywhere, is nil.
func rarer(a, b []string) []string {
	if a, b = minimal(a), minimal(b); costOf(b) < costOf(a) {
		return b
	}
	return a
}

// minimal returns literals without those that have another one in them.
func minimal(literals []string) []string {
	byLength := slices.SortedStableFunc(slices.Values(literals), func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	var short []string
	for _, text := range byLength {
		if text == "" {
			return nil
		}
		if !slices.ContainsFunc(short, func(s string) bool { return strings.Contains(text, s) }) {
			short = append(short, text)
		}
	}
	return short
}

// costOf returns about how often one of the literals is met at a place in a log,
// and more if there are many.
func costOf(literals []string) float64 {
	if literals == nil {
		return math.Inf(1)
	}
	sum := 0.0
	for _, text := range literals {
		p := 1.0
		for i := range len(text) {
			p *= frequency(text[i])
		}
		sum += p + tableCost
	}
	return sum
}
