package redact

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// An edit replaces a span of a text.
type edit struct {
	span
	text string
	rule int  // that it hides something by
	mask bool // it hides something by itself, other than one in JSON that has been counted
}

// text masks the secrets in s.
func (w *walk) text(s string) (string, bool) {
	place, known := w.knownText(s)
	if known || s == w.last {
		return s, false
	}
	found := w.suspect(s)
	if w.cleanText(s, found) {
		if w.shared.anywhere {
			w.last = s
			w.knowText(place, s)
		}
		return s, false
	}
	return w.suspicious(s, found)
}

// textOf masks the secrets in b, of which it returns the text only if it has some.
func (w *walk) textOf(b []byte) (string, bool) {
	found := w.suspectBytes(b)
	if w.cleanFor(found) && (!found.escape || bytes.IndexByte(b, '"') < 0) {
		return "", false
	}
	return w.suspicious(string(b), found)
}

// suspicious masks the secrets in a text that may have some.
func (w *walk) suspicious(s string, found suspicion) (string, bool) {
	w.depth++
	defer w.leave()
	if w.depth > maxDepth {
		return w.tooDeep(), true
	}
	if out, changed, ok := w.wholeJSON(s); ok {
		return out, changed
	}
	var parts, edits []edit
	if found.opening {
		parts = w.embedded(s)
	}
	for i := range w.shared.rules {
		if found.has(i) {
			edits = w.apply(i, s, parts, edits)
		}
	}
	if found.keys {
		edits = w.pairs(s, parts, edits)
	}
	return w.cut(s, append(parts, edits...))
}

// byStart orders edits so that one comes before those that it contains.
func byStart(a, b edit) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
}

// cleanText reports whether a text is clean for certain: nothing is suspicious,
// and it is no JSON that hides something from suspect, behind escapes or under a
// key that is only sensitive below others.
func (w *walk) cleanText(s string, found suspicion) bool {
	return w.cleanFor(found) && (!found.escape || strings.IndexByte(s, '"') < 0)
}

// cleanFor is cleanText but for the escapes.
func (w *walk) cleanFor(found suspicion) bool {
	return found.none() && !found.keys &&
		(!found.opening || !found.escape && w.shared.anywhere && len(w.shared.matching) == 0)
}

// apply adds to edits what a rule finds, other than within one of parts.
func (w *walk) apply(rule int, s string, parts, edits []edit) []edit {
	for _, f := range w.shared.filter.find(rule, s) {
		for len(parts) > 0 && parts[0].end <= f.start {
			parts = parts[1:]
		}
		if len(parts) > 0 && parts[0].start < f.start && f.end < parts[0].end {
			continue // seen to
		}
		if secret := s[f.start:f.end]; !w.masked(secret) {
			edits = append(edits, edit{f, w.hideIn(rule, secret), rule, true})
		}
	}
	return edits
}

// masked reports whether s is a mask already.
func (w *walk) masked(s string) bool { return s != "" && w.maskAt(s) == len(s) }

// maxKept is how many characters beside a mask may be what KeepLast and Truncate
// have left. A secret with more of them is masked again.
const maxKept = 4

// maskAt returns the length of the longest mask that s begins with, or 0.
func (w *walk) maskAt(s string) int {
	longest := hashAt(w.shared.mask, s)
	for _, m := range w.shared.masks {
		if len(m) <= longest || !strings.HasPrefix(s, m) {
			continue
		}
		if rest := s[len(m):]; !isAlnum(m[len(m)-1]) {
			longest = len(m) + w.keptPart(rest)
		} else if rest == "" || !isAlnum(rest[0]) {
			longest = len(m) // a mask of letters may begin a secret
		}
	}
	if n := w.keptPart(s); longest == 0 && n > 0 && !isAlnum(w.shared.mask[0]) && strings.HasPrefix(s[n:], w.shared.mask) {
		return n + len(w.shared.mask)
	}
	return longest
}

// keptPart returns how much of s may be that.
func (w *walk) keptPart(s string) int {
	n := 0
	if !w.shared.keeps {
		return n
	}
	for n < len(s) && n < maxKept && isAlnum(s[n]) && s[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// cut makes the edits. Where they overlap, all that any of them covers is
// masked; of two for the same span, that of the rule that decides is made.
func (w *walk) cut(s string, edits []edit) (string, bool) {
	if len(edits) == 0 {
		return s, false
	}
	slices.SortStableFunc(edits, byStart)
	var b strings.Builder
	done := 0
	for i := 0; i < len(edits); {
		e := edits[i]
		for i++; i < len(edits) && edits[i].start < e.end; i++ {
			switch next := edits[i]; {
			case next.span == e.span:
				if !e.mask || next.mask && next.rule < e.rule {
					e = next
				}
			case next.end > e.end || !e.mask && next.mask:
				rule := next.rule
				if e.mask {
					rule = min(rule, e.rule)
				}
				e = edit{span{e.start, max(e.end, next.end)}, w.shared.mask, rule, true}
			}
		}
		if e.mask {
			w.hit(e.rule)
		}
		b.WriteString(s[done:e.start])
		b.WriteString(e.text)
		done = e.end
	}
	b.WriteString(s[done:])
	out := b.String()
	return out, out != s
}
