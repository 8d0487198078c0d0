package redact

import (
	"net/url"
	"strings"
)

// minCode is the length of the shortest authorization code of OAuth, and of the
// shortest signature of a URL.
const minCode = 10

// maxType bounds the name of a type before a value.
const maxType = 16

// maxKey bounds how far before a separator a key is looked for.
const maxKey = 128

// maxNested is how many sensitive keys within a value are looked at on their own.
const maxNested = 32

// A textKey is a key found in text, before a separator.
type textKey struct {
	rule    int // by which it is sensitive, or none
	name    string
	start   int
	quote   string // the quote that ends it, with its backslashes; empty if it is bare
	inQuery bool   // it stands where a key of a URL's query does
	encoded bool   // the separator behind it is percent-encoded
}

// keyBefore looks for a key that ends before the separator at s[at]: bare or
// quoted, with a space between or without, in one word or two.
func (w *walk) keyBefore(s string, at int) textKey {
	end := at
	for end > 0 && (s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	if end == 0 {
		return textKey{rule: none}
	}
	k := textKey{rule: none}
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
		return textKey{rule: none}
	}
	k.encoded = s[at] == '%'
	k.inQuery = k.quote == "" && k.start > 0 && strings.IndexByte("?&#", s[k.start-1]) >= 0
	if k.rule = w.sensitive(k.name); k.rule == none && k.inQuery && w.inQuery(k.name) {
		k.rule = w.shared.query
	}
	if k.rule != none || k.quote != "" {
		return k
	}
	if k.start > 1 && s[k.start-1] == ' ' {
		if two := bareKey(s, k.start-1); two < k.start-1 {
			if rule := w.sensitive(s[two:end]); rule != none {
				return textKey{rule: rule, name: s[two:end], start: two}
			}
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
		if k.rule == none {
			continue
		}
		start := valueStart(s, i+size)
		if strings.HasSuffix(s[:k.start], "//") && w.isPassword(s, start, starts) {
			continue // the key is the name of a user in a URL
		}
		if inName(s, k.start, i) {
			continue
		}
		e, ok := w.pairValue(s, start, k)
		if lines := linesBelow(s, k.start, start); lines.end > 0 {
			below := s[lines.start:lines.end]
			e, ok = edit{lines, w.hideIn(k.rule, below), k.rule, true}, !w.masked(below)
		}
		if !ok {
			continue
		}
		if start >= within {
			nested = 0
		}
		within = max(within, e.end)
		switch {
		case e.start > start || strings.IndexByte("{[", s[start]) >= 0:
			i = max(i, e.end-1) // in quotes or brackets, it is all there is
		case nested == maxNested:
			e.end = within + lineEnd(s[within:])
			i = e.end - 1
		default:
			nested++
		}
		found = append(found, e)
	}
	return found
}

// inName reports whether the key at s[key] and the separator behind it are parts of
// a name: arn:aws:secretsmanager:eu-west-1:123456789012:secret:db.
func inName(s string, key, at int) bool {
	if s[at] != ':' || key == 0 || s[key-1] != ':' {
		return false
	}
	name := s[max(0, key-maxKey):key]
	name = name[strings.LastIndexAny(name, " \t\r\n\"'`=(<[{,")+1:]
	return strings.HasPrefix(name, "arn:") || strings.HasPrefix(name, "urn:")
}

// linesBelow returns the lines that are the value, as in YAML, of the key at
// s[key]: if nothing follows it in its line, those indented deeper.
func linesBelow(s string, key, start int) span {
	i := start
	for i < len(s) && i < start+3 && strings.IndexByte("|>+-", s[i]) >= 0 {
		i++
	}
	if i < len(s) && s[i] == '\r' {
		i++
	}
	if i == len(s) || s[i] != '\n' {
		return span{}
	}
	line := strings.LastIndexByte(s[:key], '\n') + 1
	indent := skipIndent(s, line) - line
	var below span
	for i++; i < len(s); i++ {
		text := skipIndent(s, i)
		if deeper := text-i > indent; !deeper && text < len(s) && s[text] != '\n' && s[text] != '\r' {
			break
		}
		next := strings.IndexByte(s[text:], '\n')
		if next < 0 {
			next = len(s) - text
		}
		if end := text + len(strings.TrimRight(s[text:text+next], "\r")); end > text {
			if below.end == 0 {
				below.start = text
			}
			below.end = end
		}
		i = text + next
	}
	return below
}

func skipIndent(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// isPassword reports whether what begins at s[start] is a password that a rule
// has found, or that has been masked before.
func (w *walk) isPassword(s string, start int, starts map[int]bool) bool {
	n := w.maskAt(s[start:])
	return n > 0 && strings.HasPrefix(s[start+n:], "@") ||
		starts[start]
}

// inQuery reports whether a key is sensitive in the query of a URL, but not
// elsewhere.
func (w *walk) inQuery(key string) bool {
	switch fold(key) {
	case "sig", "signature", "code":
		_, ok := w.shared.allow.find(w.path, key)
		return w.shared.query != none && !ok
	}
	return false
}

// separatorAt returns the length of the separator at s[i], or 0 if there is none:
// a colon or an equals sign, as it is or percent-encoded.
func separatorAt(s string, i int) int {
	switch {
	case s[i] == ':' && (i+1 < len(s) && s[i+1] == ':' || i > 0 && s[i-1] == ':'):
		return 0 // std::token::next
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
	i = skipIndent(s, i)
	if strings.HasPrefix(s[i:], "!!") { // a type of YAML
		i += wordEnd(s[i:min(len(s), i+maxType)], "")
	}
	return skipIndent(s, i)
}

// pairValue returns the edit that masks the value of key k from start on.
func (w *walk) pairValue(s string, start int, k textKey) (edit, bool) {
	rest := s[start:]
	if n := w.maskAt(rest); n > 0 && (n == len(rest) || endsValue(rest[n]) || k.encoded && rest[n] == '%') {
		return edit{}, false
	}
	if quote, depth := quoteAt(rest); quote != "" {
		return w.quotedValue(s, start+len(quote), quote, depth, k.rule)
	}
	length := bareValue(rest, k, s[:k.start])
	if length == 0 || isNothing(rest[:length]) || isCountText(k.name, rest[:length]) || meansElse(k.name, rest[:length]) || w.hidesAll(k.rule, rest[:length]) {
		return edit{}, false
	}
	text := w.hideIn(k.rule, rest[:length])
	if !strings.HasPrefix(rest[length:], k.quote) {
		text = k.quote + text + k.quote // so that JSON stays JSON
	}
	return edit{span{start, start + length}, text, k.rule, true}, true
}

// meansElse reports whether a bare value shows that the key is none of a secret:
// PWD is a directory too, and a code in a query an error.
func meansElse(key, value string) bool {
	switch fold(key) {
	case "pwd", "oldpwd":
		return value[0] == '/' || len(value) > 2 && value[1:3] == `:\`
	case "code", "sig", "signature":
		return len(value) < minCode
	}
	return false
}

// quotedValue returns the edit that masks a value in quotes.
func (w *walk) quotedValue(s string, start int, quote string, depth, rule int) (edit, bool) {
	rest, closing := s[start:], ""
	length := quotedEnd(rest, quote[len(quote)-1], depth)
	for end := length + 1; depth == 0 && end < len(rest) && rest[end] == quote[0]; end = length + 1 {
		length = end + 1 + quotedEnd(rest[end+1:], quote[0], 0) // in SQL and CSV, two quotes are one
	}
	if tail := length + len(quote); tail < len(rest) && !endsValue(rest[tail]) {
		length, closing = tail+wordEnd(rest[tail:], ""), quote // "two"words
	}
	if length == 0 || w.masked(rest[:length]) || length == 1 && isPunct(rest[0]) { // token: '}'
		return edit{}, false
	}
	return edit{span{start, start + length}, w.hideIn(rule, rest[:length]) + closing, rule, true}, true
}

// bareValue returns the length of the value of key k that s begins with and that
// is not in quotes.
func bareValue(s string, k textKey, before string) int {
	if open := typeEnd(s); open > 0 {
		end := open + blockEnd(s[open:])
		if end < len(s) && !endsValue(s[end]) {
			end += wordEnd(s[end:], "")
		}
		return end
	}
	switch block := blockEnd(s); {
	case block > 0 && (block == len(s) || endsValue(s[block])):
		return block
	case block > 0:
		return block + bareEnd(s[block:], "")
	case isHeader(k.name):
		return headerEnd(s, before)
	case k.quote != "":
		return bareEnd(s, ",}])")
	case k.encoded:
		for i := range len(s) { // the nearer of the two, not to look at the rest again and again
			if strings.HasPrefix(s[i:], "%26") {
				return i
			}
			if strings.IndexByte(" \t\r\n&#\"'<>", s[i]) >= 0 {
				return bareEnd(s[:i], "")
			}
		}
		return bareEnd(s, "")
	case k.inQuery:
		return bareEnd(s, "&#\"'<>")
	default:
		return max(bareEnd(s, ""), schemeEnd(s))
	}
}

// typeEnd returns where the type ends that s begins with and that its value in
// braces follows, as %#v prints it, or 0 if there is none.
func typeEnd(s string) int {
	for i := range len(s) {
		if s[i] == '{' {
			return i
		}
		if !isWord(s[i]) && strings.IndexByte(".*&[]", s[i]) < 0 {
			break
		}
	}
	return 0
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

// isNothing reports whether a bare value is what programs print for none, or
// says whether there is one, or of which type.
func isNothing(s string) bool {
	switch strings.ToLower(strings.TrimRight(s, "\"'`:;,.)]}>|\\")) {
	case "", "null", "nil", "<nil", "none", "undefined", "true", "false", "string", "str":
		return true
	}
	return false
}

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
	const closing = ")]}"
	end := wordEnd(s, stops)
	for ; end > 0 && strings.IndexByte(",;.>\"'`|\\"+closing, s[end-1]) >= 0; end-- {
		if strings.IndexByte(closing, s[end-1]) >= 0 {
			return end - surplus(s[:end])
		}
	}
	return end
}

// surplus returns how much of the punctuation at the end of a value comes with the
// brackets around it: from a bracket on that has not been opened in the value.
func surplus(s string) int {
	var open [1 << 7]int // how many of a kind are open, by what closes them
	last := len(strings.TrimRight(s, ",;.)]}>\"'`|\\"))
	for i := range len(s) {
		switch c := s[i]; c {
		case '(':
			open[')']++
		case '[', '{':
			open[c+2]++
		case ')', ']', '}':
			if open[c]--; open[c] < 0 && i >= last {
				return len(s) - len(strings.TrimRight(s[:i], ",;.>\"'`|\\"))
			}
		}
	}
	return 0
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
	if last := len(before) - 1; last >= 0 && strings.IndexByte("\"'`", before[last]) >= 0 {
		_, depth := quoteAt(before[len(strings.TrimRight(before[:last], `\`)):])
		s = s[:quotedEnd(s, before[last], depth)]
	}
	if end := schemeEnd(s); end > 0 {
		return end
	}
	return len(strings.TrimRight(s[:lineEnd(s)], " \t"))
}

// schemeEnd returns where the credentials end of the scheme of HTTP that s begins
// with, or 0 if it begins with none.
func schemeEnd(s string) int {
	scheme := s[:wordEnd(s, "")]
	rest := strings.TrimLeft(s[len(scheme):], " \t")
	if len(scheme) > len("negotiate") || len(scheme)+len(rest) == len(s) {
		return 0
	}
	switch strings.ToLower(scheme) {
	case "basic", "bearer", "token", "negotiate", "ntlm", "apikey", "dpop":
		return len(s) - len(rest) + bareEnd(rest, "")
	}
	return 0
}

func lineEnd(s string) int {
	if end := strings.IndexAny(s, "\r\n"); end >= 0 {
		return end
	}
	return len(s)
}
