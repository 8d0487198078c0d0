package redact

import (
	"math"
	"math/bits"
	"slices"
)

// A prefilter tells in one pass over a text, without a regular expression, what
// there may be to find in it. Nearly all texts have nothing.
//
// It looks at every second window of three bytes. Each bit of masks is a kind of
// window: that with the bytes that have the bit, the first in masks[0], the second
// in masks[1], the third in masks[2]. A literal is of two kinds, as it may begin
// at an even or at an odd place; those that are alike share a kind. What passes
// the masks has bytes of windows of a kind, but maybe not of the same one: grams
// tells. Only then are the literals of the kind compared.
type prefilter struct {
	masks   [3][256]uint64
	grams   [1 << 15 / 64]uint64 // a bit for each three bytes that are a window
	kinds   [][]literal          // for each bit from the third on
	inKey   [256]bool            // bytes of keys that are not in quotes
	always  ruleSet              // rules that have to be tried on every text
	digits  []int                // rules that need a run of digits
	minRun  int                  // of so many at least
	rules   []*matcher
	windows []func() *windows // for each of the rules
}

// The first two kinds of windows have a mark as their first or second byte: one
// that separates a key from its value, as it is or percent-encoded, a bracket of
// JSON or a backslash.
const (
	firstMark = 1 << iota
	secondMark
	marks     = firstMark | secondMark
	markBytes = ":=%{[\\\xef"
	maxKinds  = 64 - 2
)

// A literal is a text without which a rule need not be tried.
type literal struct {
	text string
	at   int // where in it the window is; -1 if it is one byte before
	rule int
}

func newPrefilter(rules []*matcher) prefilter {
	p := prefilter{rules: rules, minRun: math.MaxInt, windows: make([]func() *windows, len(rules))}
	for c := range p.inKey {
		p.inKey[c] = isKeyByte(byte(c))
	}
	var kinds []kind
	for i, m := range rules {
		if m == nil {
			continue
		}
		p.windows[i] = m.lazyWindows()
		switch {
		case m.number > 0:
			p.digits = append(p.digits, i)
			p.minRun = min(p.minRun, m.number.minDigits())
		case len(m.literals) == 0 || slices.Contains(m.literals, ""):
			p.always.add(i)
		}
		for _, text := range m.literals {
			kinds = append(kinds, kindOf(text, 0, i), kindOf(text, 1, i))
		}
	}
	p.addKinds(kinds)
	p.addMarks()
	return p
}

func (p *prefilter) addKinds(kinds []kind) {
	for i := range kinds {
		p.addGrams(kinds[i].window)
	}
	for i, k := range joined(kinds) {
		for j, set := range k.window {
			p.setMask(j, set, 4<<i)
		}
		p.kinds = append(p.kinds, k.literals)
	}
}

// addGrams adds the windows that have one of each of the bytes.
func (p *prefilter) addGrams(window [3]byteSet) {
	var low [3][]byte // their last five bits, which letters have in both cases
	for j, set := range window {
		var bits byteSet
		for c := range 256 {
			if set.has(byte(c)) {
				bits.add(byte(c & 31))
			}
		}
		for c := range byte(32) {
			if bits.has(c) {
				low[j] = append(low[j], c)
			}
		}
	}
	for _, a := range low[0] {
		for _, b := range low[1] {
			for _, c := range low[2] {
				g := gramOf(a, b, c)
				p.grams[g/64] |= 1 << (g % 64)
			}
		}
	}
}

func gramOf(a, b, c byte) uint { return uint(a&31)<<10 | uint(b&31)<<5 | uint(c&31) }

func (p *prefilter) isGram(a, b, c byte) bool {
	g := gramOf(a, b, c)
	return p.grams[g/64]>>(g%64)&1 != 0
}

func (p *prefilter) addMarks() {
	var set byteSet
	for _, c := range []byte(markBytes) {
		set.add(c)
	}
	for j := range p.masks {
		first, second := everyByte(), everyByte()
		switch j {
		case 0:
			first = set
		case 1:
			second = set
		}
		p.setMask(j, first, firstMark)
		p.setMask(j, second, secondMark)
	}
}

func (p *prefilter) setMask(j int, set byteSet, mask uint64) {
	for c := range p.masks[j] {
		if set.has(byte(c)) {
			p.masks[j][c] |= mask
		}
	}
}

// A kind is a kind of window and the literals with one.
type kind struct {
	window   [3]byteSet
	cost     float64 // how often a window is of this kind, though none of the literals is there
	literals []literal
}

// kindOf returns the kind of the rarest window of a literal whose distance to the
// begin of the text is even or odd, with 0 or 1 for parity.
func kindOf(text string, parity, rule int) kind {
	var best kind
	for at := -parity; at < len(text); at += 2 {
		k := kind{cost: 1, literals: []literal{{text, at, rule}}}
		for j := range k.window {
			if i := at + j; i < 0 || i >= len(text) {
				k.window[j] = everyByte()
			} else {
				k.window[j].addFold(text[i])
			}
			k.cost *= k.window[j].frequency()
		}
		if best.literals == nil || k.cost < best.cost {
			best = k
		}
	}
	return best
}

// join makes k the kind of the windows of both.
func (k *kind) join(other *kind) {
	k.window, k.cost = joinWindows(k, other)
	k.literals = append(k.literals, other.literals...)
}

func joinWindows(a, b *kind) (window [3]byteSet, cost float64) {
	cost = 1
	for j := range window {
		window[j] = a.window[j].union(b.window[j])
		cost *= window[j].frequency()
	}
	return window, cost
}

// joined joins kinds, those first that this costs least, until there are few enough.
func joined(all []kind) []*kind {
	sorted := make([]*kind, len(all))
	for i := range all {
		sorted[i] = &all[i]
	}
	slices.SortStableFunc(sorted, func(a, b *kind) int {
		for j := range a.window {
			if c := slices.Compare(a.window[j][:], b.window[j][:]); c != 0 {
				return c
			}
		}
		return 0
	})
	kinds := sorted[:0]
	for _, k := range sorted {
		if n := len(kinds); n > 0 && kinds[n-1].window == k.window {
			kinds[n-1].literals = append(kinds[n-1].literals, k.literals...)
		} else {
			kinds = append(kinds, k)
		}
	}
	rise := func(i int) float64 {
		_, cost := joinWindows(kinds[i], kinds[i+1])
		return cost - kinds[i].cost - kinds[i+1].cost
	}
	var rises []float64 // by joining one with the next
	for i := range len(kinds) - 1 {
		rises = append(rises, rise(i))
	}
	for len(kinds) > maxKinds {
		i := slices.Index(rises, slices.Min(rises))
		kinds[i].join(kinds[i+1])
		kinds = slices.Delete(kinds, i+1, i+2)
		rises = slices.Delete(rises, i, i+1)
		for _, j := range []int{i - 1, i} {
			if 0 <= j && j < len(rises) {
				rises[j] = rise(j)
			}
		}
	}
	return kinds
}

// A suspicion is what a text may hold.
type suspicion struct {
	rules   ruleSet // that may find something
	keys    bool    // a sensitive key before a separator
	opening bool    // a bracket
	escape  bool    // a backslash
}

// none reports whether no rule has to be tried.
func (s suspicion) none() bool { return s.rules == ruleSet{} }

// has reports whether the rule with this index has to be tried.
func (s suspicion) has(rule int) bool { return s.rules.has(rule) }

// suspect says what there may be to find in s.
func (w *walk) suspect(s string) suspicion { return suspect(w, s) }

// suspectBytes is the same for bytes, without a copy of them.
func (w *walk) suspectBytes(b []byte) suspicion { return suspect(w, b) }

func suspect[T string | []byte](w *walk, s T) suspicion {
	p := &w.shared.filter
	i, mask := next(p, s, 0)
	if mask == 0 && !mayHaveNumber(p, s) {
		return suspicion{rules: p.always}
	}
	return suspectFrom(w, s, i, mask)
}

// suspectFrom goes on where the first window of some kind is.
func suspectFrom[T string | []byte](w *walk, s T, i int, mask uint64) suspicion {
	p := &w.shared.filter
	found := suspicion{rules: p.always}
	for ; mask != 0; i, mask = next(p, s, i+2) {
		if mask&firstMark != 0 {
			found = marked(w, s, i, found)
		}
		if mask&secondMark != 0 && i+1 < len(s) {
			found = marked(w, s, i+1, found)
		}
		for mask &^= marks; mask != 0; mask &= mask - 1 {
			for _, l := range p.kinds[bits.TrailingZeros64(mask)-2] {
				if hasLiteral(s, i-l.at, l.text) {
					found.rules.add(l.rule)
				}
			}
		}
	}
	if mayHaveNumber(p, s) {
		for _, rule := range p.digits {
			if findsNumber(p.rules[rule].number, s) {
				found.rules.add(rule)
			}
		}
	}
	return found
}

// next returns the first place from i on where there is a mark or a window, and
// the bits of its kinds, which are 0 if there is none up to the end. It looks at
// every second place.
func next[T string | []byte](p *prefilter, s T, i int) (at int, mask uint64) {
	for ; i < len(s)-4; i += 4 {
		b := s[i : i+5]
		mask = p.masks[0][b[0]] & p.masks[1][b[1]] & p.masks[2][b[2]]
		after := p.masks[0][b[2]] & p.masks[1][b[3]] & p.masks[2][b[4]]
		if mask|after == 0 {
			continue
		}
		if mask != 0 && (mask&marks != 0 || p.isGram(b[0], b[1], b[2])) {
			return i, mask
		}
		if after != 0 && (after&marks != 0 || p.isGram(b[2], b[3], b[4])) {
			return i + 2, after
		}
	}
	for ; i < len(s); i += 2 {
		var second, third byte // behind the end any will do
		if i+1 < len(s) {
			second = s[i+1]
		}
		if i+2 < len(s) {
			third = s[i+2]
		}
		mask = p.masks[0][s[i]] & p.masks[1][second] & p.masks[2][third]
		if mask != 0 && (mask&marks != 0 || p.isGram(s[i], second, third)) {
			return i, mask
		}
	}
	return i, 0
}

// marked returns found with what the mark at s[i] shows.
func marked[T string | []byte](w *walk, s T, i int, found suspicion) suspicion {
	switch s[i] {
	case '{', '[':
		found.opening = true
	case '\\':
		found.escape = true
	default:
		found.keys = found.keys || separatorAt(s, i) > 0 && endsKey(w, s, i)
	}
	return found
}

// literalAfter returns the first place from i on where there is a literal, or that
// of another one that overlaps with it. It is i if there are no literals to look
// for, and the length of s if none is met.
func (p *prefilter) literalAfter(s string, i int) int {
	if p.kinds == nil {
		return i
	}
	for at, mask := next(p, s, i); mask != 0; at, mask = next(p, s, at+2) {
		for mask &^= marks; mask != 0; mask &= mask - 1 {
			for _, l := range p.kinds[bits.TrailingZeros64(mask)-2] {
				if start := at - l.at; start >= i && hasLiteral(s, start, l.text) {
					return start
				}
			}
		}
	}
	return len(s)
}

// find returns what a rule finds in s.
func (p *prefilter) find(rule int, s string) []span {
	m := p.rules[rule]
	if m == nil { // it shares its bit with others
		return nil
	}
	if len(s) > maxWhole {
		if d := p.windows[rule](); d != nil {
			return d.find(m, s)
		}
	}
	return m.find(s)
}

// endsKey reports whether a key that is sensitive, or the name of a value with a
// name beside it, ends before the separator at s[at]. It finds what keyBefore does.
func endsKey[T string | []byte](w *walk, s T, at int) bool {
	end := keyEnd(s, at)
	if end == 0 {
		return false
	}
	if c := s[end-1]; isQuote(c) {
		for end--; end > 0 && s[end-1] == '\\'; end-- {
		}
		start := end
		for start > max(0, end-maxKey) && s[start-1] != c {
			start--
		}
		name := s[start:end]
		return len(name) > 0 && (w.sensitive(string(name)) != none || isValue(string(name)) || isNamed(w, s, at, start, end))
	} else if c == ')' {
		_, rule := columns(w, s, at, end)
		return rule != none
	}
	start := keyStart(w, s, end)
	if start == end {
		return false
	}
	if w.sensitive(string(s[start:end])) != none || hasEscape(s[start:end]) || isNamed(w, s, at, start, end) {
		return true
	}
	if short := asciiStart(s, start, end); short > start && w.sensitive(string(s[short:end])) != none {
		return true
	}
	if start == 0 {
		return false
	}
	switch s[start-1] {
	case '?', '&', '#':
		return w.inQuery(string(s[start:end]))
	case ' ':
		two := keyStart(w, s, start-1)
		return two < start-1 && w.sensitive(string(s[two:end])) != none
	}
	return false
}

// isNamed reports whether s[start:end], before the separator s[at], says that the
// value behind it is the name of a secret.
func isNamed[T string | []byte](w *walk, s T, at, start, end int) bool {
	if n := end - start; n != len("key") && n != len("name") {
		return false
	}
	rule, _ := namesSecret(w, s, string(s[start:end]), at+separatorAt(s, at))
	return rule != none
}

// keyStart returns where the key without quotes begins that ends before s[end].
func keyStart[T string | []byte](w *walk, s T, end int) int {
	start := end
	for start > max(0, end-maxKey) && w.shared.filter.inKey[s[start-1]] {
		start--
	}
	if start > 0 && start < end && s[start-1] == '\x1b' { // behind a color
		for i := start; i < min(end, start+maxColor); i++ {
			if s[i] == 'm' {
				return i + 1
			}
		}
	}
	return start
}

// hasEscape reports whether there is an escape of percent-encoding in s.
func hasEscape[T string | []byte](s T) bool {
	for i := range len(s) - 2 {
		if s[i] == '%' {
			return true
		}
	}
	return false
}

// hasLiteral reports whether s has text, which is in lower case, at place i.
func hasLiteral[T string | []byte](s T, i int, text string) bool {
	if i < 0 || len(s)-i < len(text) {
		return false
	}
	for j := range len(text) {
		if lower(s[i+j]) != text[j] {
			return false
		}
	}
	return true
}
