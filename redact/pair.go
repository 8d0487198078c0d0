package redact

import (
	"net/url"
	"slices"
	"strings"
)

// maxKey bounds how far before a separator a key is looked for.
const maxKey = 128

// A textKey is a key found in text, before a separator.
type textKey struct {
	sensitive bool
	name      string
	start     int
	quote     string // the quote that ends it, with its backslashes; empty if it is bare
	inQuery   bool   // it stands where a key of a URL's query does
	encoded   bool   // the separator behind it is percent-encoded
}

// keyBefore looks for a key that ends before the separator at s[at]: bare or
// quoted, with a space between or without, in one word or two.
func (w *walk) keyBefore(s string, at int) textKey {
	end := at
	for end > 0 && (s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	if end == 0 {
		return textKey{}
	}
	var k textKey
	if c := s[end-1]; c == '"' || c == '\'' || c == '`' {
		stop := end - 1
		for stop > 0 && s[stop-1] == '\\' {
			stop--
		}
		k.quote = s[stop:end]
		k.start = strings.LastIndexByte(s[max(0, stop-maxKey):stop], c) + 1 + max(0, stop-maxKey)
		k.name = s[k.start:stop]
	} else {
		k.start = bareKey(s, end)
		k.name = s[k.start:end]
		if strings.IndexByte(k.name, '%') >= 0 {
			if name, err := url.PathUnescape(k.name); err == nil {
				k.name = name
			}
		}
	}
	if k.name == "" {
		return textKey{}
	}
	k.encoded = s[at] == '%'
	k.inQuery = k.quote == "" && k.start > 0 && strings.IndexByte("?&#", s[k.start-1]) >= 0
	if k.sensitive = w.sensitive(k.name) || k.inQuery && w.inQuery(k.name); k.sensitive || k.quote != "" {
		return k
	}
	if k.start > 1 && s[k.start-1] == ' ' {
		if two := bareKey(s, k.start-1); two < k.start-1 && w.sensitive(s[two:end]) {
			return textKey{sensitive: true, name: s[two:end], start: two}
		}
	}
	return k
}

func bareKey(s string, end int) int {
	start := end
	for start > max(0, end-maxKey) && isKeyByte(s[start-1]) {
		start--
	}
	return start
}

func isKeyByte(c byte) bool { return isAlnum(c) || strings.IndexByte("_-.[]$%", c) >= 0 }

// pairs adds the values behind sensitive keys to the edits by rules. What is in
// one of parts is JSON and has been seen to.
func (w *walk) pairs(s string, parts, edits []edit) []edit {
	found := edits
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
		if !k.sensitive {
			continue
		}
		start := valueStart(s, i+size)
		if strings.HasSuffix(s[:k.start], "//") && w.isPassword(s, start, edits) {
			continue // the key is the name of a user in a URL
		}
		if e, ok := w.pairValue(s, start, k); ok {
			found = append(found, e)
			i = max(i, e.end-1)
		}
	}
	return found
}

// isPassword reports whether what begins at s[start] is a password that a rule
// has found, or that has been masked before.
func (w *walk) isPassword(s string, start int, edits []edit) bool {
	n := w.maskAt(s[start:])
	return n > 0 && strings.HasPrefix(s[start+n:], "@") ||
		slices.ContainsFunc(edits, func(e edit) bool { return e.start == start })
}

// inQuery reports whether a key is sensitive in the query of a URL, but not
// elsewhere.
func (w *walk) inQuery(key string) bool {
	switch fold(key) {
	case "sig", "signature", "code":
		return w.shared.queries && !w.shared.allow.has(w.path, key)
	}
	return false
}

// separatorAt returns the length of the separator at s[i], or 0 if there is none:
// a colon or an equals sign, as it is or percent-encoded.
func separatorAt(s string, i int) int {
	switch {
	case s[i] == ':' || s[i] == '=':
		return 1
	case s[i] == '%' && i+2 < len(s) && s[i+1] == '3' && (lower(s[i+2]) == 'd' || lower(s[i+2]) == 'a'):
		return 3
	}
	return 0
}

// valueStart returns where the value begins whose separator goes on at s[i].
func valueStart(s string, i int) int {
	for ; i < len(s) && (s[i] == '=' || s[i] == ':' || s[i] == '>'); i++ {
	}
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// pairValue returns the edit that masks the value of key k from start on.
func (w *walk) pairValue(s string, start int, k textKey) (edit, bool) {
	rest := s[start:]
	if n := w.maskAt(rest); n > 0 && (n == len(rest) || endsValue(rest[n]) || k.encoded && rest[n] == '%') {
		return edit{}, false
	}
	if quote, depth := quoteAt(rest); quote != "" {
		return w.quotedValue(s, start+len(quote), quote, depth)
	}
	length := bareValue(rest, k, s[:k.start])
	if length == 0 || isNothing(rest[:length]) {
		return edit{}, false
	}
	text := k.quote + w.shared.mask + k.quote // so that JSON stays JSON
	return edit{span{start, start + length}, text, true}, true
}

// quotedValue returns the edit that masks a value in quotes.
func (w *walk) quotedValue(s string, start int, quote string, depth int) (edit, bool) {
	rest, text := s[start:], w.shared.mask
	length := quotedEnd(rest, quote[len(quote)-1], depth)
	if tail := length + len(quote); tail < len(rest) && !endsValue(rest[tail]) {
		length, text = tail+wordEnd(rest[tail:], ""), text+quote // "two"words
	}
	if length == 0 || w.masked(rest[:length]) {
		return edit{}, false
	}
	return edit{span{start, start + length}, text, true}, true
}

// bareValue returns the length of the value of key k that s begins with and that
// is not in quotes.
func bareValue(s string, k textKey, before string) int {
	switch block := blockEnd(s); {
	case block > 0 && (block == len(s) || endsValue(s[block])):
		return block
	case block > 0:
		return block + wordEnd(s[block:], "")
	case isHeader(k.name):
		return headerEnd(s, before)
	case k.quote != "":
		return bareEnd(s, ",}])")
	case k.encoded:
		end := bareEnd(s, "&#\"'<>")
		if next := strings.Index(s[:end], "%26"); next >= 0 {
			return next
		}
		return end
	case k.inQuery:
		return bareEnd(s, "&#\"'<>")
	default:
		return bareEnd(s, "")
	}
}

// quoteAt returns the quote that s begins with, with its backslashes, and how
// often the text around it has been quoted again.
func quoteAt(s string) (quote string, depth int) {
	n := 0
	for n < len(s) && s[n] == '\\' {
		n++
	}
	if n == len(s) || s[n] != '"' && s[n] != '\'' && s[n] != '`' {
		return "", 0
	}
	for i := n; i > 0; i = (i - 1) / 2 {
		if i%2 == 0 {
			return "", 0
		}
		depth++
	}
	return s[:n+1], depth
}

// quotedEnd returns where the quoted text s ends: before the quote that closes
// it, or before one that closes the text around it, or at the end.
func quotedEnd(s string, quote byte, depth int) int {
	backslashes := 0
	for i := range len(s) {
		switch s[i] {
		case '\\':
			backslashes++
			continue
		case quote:
			n, level := backslashes, depth
			for level > 0 && n%2 == 1 {
				n, level = (n-1)/2, level-1
			}
			if n%2 == 0 {
				return i - min(backslashes, 1<<depth-1)
			}
		}
		backslashes = 0
	}
	return len(s)
}

// blockEnd returns where the block in brackets that s begins with ends, or 0 if
// there is none. A block that is not closed goes to the end.
func blockEnd(s string) int {
	if s == "" || s[0] != '{' && s[0] != '[' {
		return 0
	}
	open := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				return i + 1
			}
		case '"':
			i += 1 + quotedEnd(s[i+1:], '"', 0)
		}
	}
	return len(s)
}

// isNothing reports whether a bare value is what programs print for none.
func isNothing(s string) bool { return s == "null" || s == "nil" || s == "<nil" || s == "undefined" }

// wordEnd returns where s has a space or one of stops.
func wordEnd(s, stops string) int {
	if end := strings.IndexAny(s, " \t\r\n"+stops); end >= 0 {
		return end
	}
	return len(s)
}

// bareEnd returns where a bare value ends: at a space or one of stops, without
// the punctuation that closes the sentence or the brackets around it.
func bareEnd(s, stops string) int {
	end := wordEnd(s, stops)
	for end > 0 && strings.IndexByte(",;.)]}>\"'`|\\", s[end-1]) >= 0 {
		end--
	}
	return end
}

// endsValue reports whether c, right after a closing quote or bracket, shows
// that the value ends there.
func endsValue(c byte) bool { return strings.IndexByte(" \t\r\n,;:.&)}]>|/\\\"'`", c) >= 0 }

// isHeader reports whether key is a header whose value goes on after a space.
func isHeader(key string) bool {
	key = fold(key)
	return strings.HasSuffix(key, "authorization") || strings.HasSuffix(key, "cookie")
}

// headerEnd returns where the value of a header that s begins with ends. Of the
// text before it, a quote at the end closes the header too.
func headerEnd(s, before string) int {
	if before != "" && strings.IndexByte("\"'`", before[len(before)-1]) >= 0 {
		if i := strings.IndexByte(s, before[len(before)-1]); i >= 0 {
			s = s[:i]
		}
	}
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	scheme, rest, found := strings.Cut(s, " ")
	switch strings.ToLower(scheme) {
	case "basic", "bearer", "token", "negotiate", "ntlm", "apikey", "dpop":
		if found {
			rest = strings.TrimLeft(rest, " \t")
			return len(s) - len(rest) + bareEnd(rest, "")
		}
	}
	return len(strings.TrimRight(s, " \t"))
}
