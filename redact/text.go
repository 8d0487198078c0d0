package redact

import (
	"cmp"
	"slices"
	"strings"
)

// An edit replaces a span of a text.
type edit struct {
	span
	text string
	mask bool // it hides something by itself, other than one in JSON that has been counted
}

// text masks the secrets in s.
func (w *walk) text(s string) (string, bool) {
	found := w.suspect(s)
	if w.cleanText(s, found) {
		return s, false
	}
	return w.suspicious(s, found)
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
	for i, r := range w.shared.rules {
		if found.has(i) {
			edits = w.apply(r, s, parts, edits)
		}
	}
	edits = w.pairs(s, parts, edits)
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
	return found.rules == 0 && !found.keys &&
		(!found.opening || !found.escape && len(w.shared.keys.paths) == 0) &&
		(!found.escape || strings.IndexByte(s, '"') < 0)
}

// apply adds to edits what a rule finds, other than within one of parts.
func (w *walk) apply(r Rule, s string, parts, edits []edit) []edit {
	for _, f := range r.find(s) {
		for len(parts) > 0 && parts[0].end <= f.start {
			parts = parts[1:]
		}
		if len(parts) > 0 && parts[0].start < f.start && f.end < parts[0].end {
			continue // seen to
		}
		if !w.masked(s[f.start:f.end]) {
			edits = append(edits, edit{f, w.shared.mask, true})
		}
	}
	return edits
}

// masked reports whether s is a mask already.
func (w *walk) masked(s string) bool {
	return s == w.shared.mask || s == w.shared.deepMask || s == w.shared.panicMask
}

// maskAt returns the length of the mask that s begins with, or 0.
func (w *walk) maskAt(s string) int {
	for _, m := range []string{w.shared.mask, w.shared.deepMask, w.shared.panicMask} {
		if strings.HasPrefix(s, m) {
			return len(m)
		}
	}
	return 0
}

// cut makes the edits. Where they overlap, all that any of them covers is
// masked; of two for the same span, the later one is made.
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
				e = next
			case next.end > e.end || !e.mask && next.mask:
				e = edit{span{e.start, max(e.end, next.end)}, w.shared.mask, true}
			}
		}
		if e.mask {
			w.masks++
		}
		b.WriteString(s[done:e.start])
		b.WriteString(e.text)
		done = e.end
	}
	b.WriteString(s[done:])
	out := b.String()
	return out, out != s
}
