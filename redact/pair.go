package redact

import "strings"

// minCode is the length of the shortest authorization code of OAuth, and of the
// shortest signature of a URL.
const minCode = 10

// maxNested is how many sensitive keys within a value are looked at on their own.
const maxNested = 32

// pairs adds the values behind sensitive keys to the edits by rules. What is in
// one of parts is JSON and has been seen to.
func (w *walk) pairs(s string, parts, edits []edit) []edit {
	found := edits
	starts := make(map[int]bool, len(edits))
	for _, e := range edits {
		starts[e.start] = true
	}
	within, nested := 0, 0 // a value without quotes, and the keys in it: session: Authorization: Bearer x
	for i := 0; i < len(s); i++ {
		for len(parts) > 0 && parts[0].start <= i {
			i = max(i, parts[0].end)
			parts = parts[1:]
		}
		if i >= len(s) {
			break
		}
		size := separatorAt(s, i)
		if size == 0 {
			continue
		}
		k := w.keyBefore(s, i)
		if value, rule := w.content(s, i+size, k); rule != none {
			if value.start < value.end && !w.masked(s[value.start:value.end]) {
				found = append(found, edit{value, w.hideIn(rule, s[value.start:value.end]), rule, true})
			}
			i = max(i, value.end-1)
			continue
		}
		k, start := w.valueOf(s, i, size, k)
		if k.rule == none || inName(s, k.start, i) || strings.HasSuffix(s[:k.start], "//") && w.isPassword(s, start, starts) {
			continue
		}
		for start > 0 {
			e, whole, ok := w.valueAt(s, start, k)
			if ok {
				if start >= within {
					nested = 0
				}
				within = max(within, e.end)
				if nested == maxNested && !whole {
					e.end, whole = within+lineEnd(s[within:]), true
				}
				if !whole {
					nested++
				}
				found = append(found, e)
			}
			if !whole {
				break
			}
			i = max(i, e.end-1)
			start = changedStart(s, e.end)
		}
	}
	return found
}

// valueOf returns the sensitive key whose separator is s[at], and where its value
// begins. The value of a name stands beside it.
func (w *walk) valueOf(s string, at, size int, k textKey) (textKey, int) {
	switch {
	case k.column:
		return k, at + len("=(")
	case k.rule == none && isName(k.name):
		return w.beside(s, at+size, k)
	case k.rule == none:
		return k, 0
	}
	return k, valueStart(s, at+size)
}

// isPassword reports whether what begins at s[start], behind the name of a user in a
// URL, is a password that a rule has found, or that has been masked before.
func (w *walk) isPassword(s string, start int, starts map[int]bool) bool {
	n := w.maskAt(s[start:])
	return n > 0 && strings.HasPrefix(s[start+n:], "@") ||
		starts[start]
}

// changedStart returns where the value begins that the quoted one which ends before
// s[end] has become: "old" -> "new". It is 0 if there is none.
func changedStart(s string, end int) int {
	i := skipQuote(s, end)
	rest, ok := strings.CutPrefix(s[i:], " -> ")
	if !ok {
		rest, ok = strings.CutPrefix(s[i:], " => ")
	}
	if quote, _ := quoteAt(rest[:min(len(rest), maxColor)]); !ok || i == end || quote == "" {
		return 0
	}
	return len(s) - len(rest)
}

// valueAt returns the edit that masks the value of key k from start on, and whether
// that is a secret. It is whole if nothing in it is to be looked at.
func (w *walk) valueAt(s string, start int, k textKey) (e edit, whole, ok bool) {
	if below := lines(s, k.start, start); below.start < below.end {
		text := s[below.start:below.end]
		ok = !w.masked(text)
		return edit{below, w.hideIn(k.rule, text), k.rule, true}, ok, ok
	}
	rest := s[start:]
	if n := w.maskAt(rest); n > 0 && (n == len(rest) || endsValue(rest[n]) || k.encoded && rest[n] == '%') {
		return edit{span: span{start, start + n}}, false, false
	}
	if quote, depth := quoteAt(rest); quote != "" {
		e, ok = w.quotedValue(s, start+len(quote), quote, depth, k.rule)
		return e, true, ok
	}
	if n := bracketsEnd(rest); n > 0 && w.isBracketed(rest[:n]) {
		return edit{span: span{start, start + n}}, false, false
	}
	length := bareValue(s, start, k)
	if length == 0 || w.isNoSecret(s, start, length, k) || w.hidesAll(k.rule, rest[:length]) {
		return edit{span: span{start, start + length}}, false, false
	}
	text := w.hideIn(k.rule, rest[:length])
	if !strings.HasPrefix(rest[length:], k.quote) {
		text = k.quote + text + k.quote // so that JSON stays JSON
	}
	return edit{span{start, start + length}, text, k.rule, true}, k.column || rest[0] == '{' || rest[0] == '[', true
}

// quotedValue returns the edit that masks a value in quotes, and whether that is a
// secret.
func (w *walk) quotedValue(s string, start int, quote string, depth, rule int) (edit, bool) {
	rest, closing := s[start:], ""
	length := quotedEnd(rest, quote[len(quote)-1], depth)
	for end := length + 1; depth == 0 && end < len(rest) && rest[end] == quote[0]; end = length + 1 {
		length = end + 1 + quotedEnd(rest[end+1:], quote[0], 0) // in SQL and CSV, two quotes are one
	}
	if tail := length + len(quote); tail < len(rest) && !endsValue(rest[tail]) {
		length, closing = tail+wordEnd(rest[tail:], ""), quote // "two"words
	}
	value := rest[:length]
	e := edit{span{start, start + length}, w.hideIn(rule, value) + closing, rule, true}
	if isNothing(value) || w.isPlaceholder(value) || w.masked(value) {
		return e, false
	}
	return e, length > 1 || !isPunct(value[0]) // token: '}'
}
