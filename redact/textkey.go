package redact

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxKey bounds how far before a separator a key is looked for.
const maxKey = 128

// A textKey is a key found in text, before a separator.
type textKey struct {
	rule    int // by which it is sensitive, or none
	name    string
	start   int
	quote   string // the quote that ends it, with its backslashes; empty if it is bare
	inQuery bool   // it stands where a key of a URL's query does
	encoded bool   // the separator behind it is percent-encoded
	column  bool   // it stands in parentheses, as its value does: (token)=(x)
}

// keyBefore looks for a key that ends before the separator at s[at]: bare, in quotes
// or in parentheses, with a space between or without, in one word or two.
func (w *walk) keyBefore(s string, at int) textKey {
	end := keyEnd(s, at)
	switch {
	case end == 0:
		return textKey{rule: none}
	case isQuote(s[end-1]):
		return w.quotedKey(s, end)
	case s[end-1] == ')':
		start, rule := columns(w, s, at, end)
		return textKey{rule: rule, name: s[start:end], start: start, column: true}
	}
	k := w.unquotedKey(s, end)
	k.encoded = s[at] == '%'
	return k
}

// quotedKey returns the key that a quote right before s[end] closes.
func (w *walk) quotedKey(s string, end int) textKey {
	c, stop := s[end-1], end-1
	for stop > 0 && s[stop-1] == '\\' {
		stop--
	}
	from := max(0, stop-maxKey)
	k := textKey{rule: none, quote: s[stop:end], start: strings.LastIndexByte(s[from:stop], c) + 1 + from}
	k.name = s[k.start:stop]
	if !strings.Contains(k.name, "://") { // Get "https://h/token": EOF
		k.rule = w.sensitive(k.name)
	}
	return k
}

// unquotedKey returns the key without quotes that ends right before s[end].
func (w *walk) unquotedKey(s string, end int) textKey {
	start := keyStart(w, s, end)
	k := textKey{rule: none, start: start, name: unescapedKey(s[start:end])}
	if k.name == "" {
		return k
	}
	before := byte(0)
	if start > 0 {
		before = s[start-1]
	}
	k.inQuery = before == '?' || before == '&' || before == '#'
	k.rule = w.sensitive(k.name)
	if k.rule == none && k.inQuery && w.inQuery(k.name) {
		k.rule = w.shared.query
	}
	if k.rule != none {
		return k
	}
	if before == ' ' {
		if two := keyStart(w, s, start-1); two < start-1 {
			if rule := w.sensitive(s[two:end]); rule != none {
				return textKey{rule: rule, name: s[two:end], start: two}
			}
		}
	}
	if short := asciiStart(s, start, end); short > start {
		if rule := w.sensitive(s[short:end]); rule != none {
			return textKey{rule: rule, name: s[short:end], start: short}
		}
	}
	return k
}

// unescapedKey returns a key without percent-encoding.
func unescapedKey(key string) string {
	if strings.IndexByte(key, '%') >= 0 {
		if name, err := url.PathUnescape(key); err == nil {
			return name
		}
	}
	return key
}

// keyEnd returns where a key would end whose separator is s[at]: blanks, and the
// colors of a terminal, may be between.
func keyEnd[T string | []byte](s T, at int) int {
	for at > 0 {
		switch s[at-1] {
		case ' ', '\t':
			at--
		case 'm':
			n := colorBefore(s, at)
			if n == 0 {
				return at
			}
			at -= n
		default:
			return at
		}
	}
	return at
}

// maxColor bounds the numbers of a color.
const maxColor = 20

// colorBefore returns the length of the sequence that sets a color of a terminal
// and ends right before s[end], as it is or as %q prints it; 0 if there is none.
func colorBefore[T string | []byte](s T, end int) int {
	i := end - 1
	for i > 0 && end-i < maxColor && (isDigit(s[i-1]) || s[i-1] == ';') {
		i--
	}
	if i == 0 || s[i-1] != '[' {
		return 0
	}
	i--
	for _, escape := range []string{"\x1b", `\x1b`, `\u001b`, `\033`} {
		if hasLiteral(s, i-len(escape), escape) {
			return end - i + len(escape)
		}
	}
	return 0
}

// asciiStart returns where behind the last letter beyond ASCII a key begins: scripts
// without case often have no space before it.
func asciiStart[T string | []byte](s T, start, end int) int {
	short := end
	for short > start && s[short-1] < utf8.RuneSelf {
		short--
	}
	if short == end {
		return start
	}
	return short
}

// columns returns the rule for the names in parentheses that end right before s[end],
// and where they begin: Key (tenant, token)=(5, x), as databases report what is
// there already.
func columns[T string | []byte](w *walk, s T, at, end int) (start, rule int) {
	rule = none
	if at != end || s[at] != '=' || at+1 == len(s) || s[at+1] != '(' {
		return end, none
	}
	open := 0
	for start = end; start > max(0, end-maxKey); start-- {
		switch c := s[start-1]; {
		case c == ')':
			open++
		case c == '(':
			if open--; open == 0 {
				return start, rule
			}
		case isKeyByte(c):
			stop := start
			start = keyStart(w, s, stop)
			if rule == none {
				rule = w.sensitive(string(s[start:stop]))
			}
			start++ // the loop goes back to the byte before
		case c == '\n':
			return end, none
		}
	}
	return end, none
}

// bareKey returns where the key without quotes begins that ends before s[end].
func bareKey(s string, end int) int {
	start := end
	for start > max(0, end-maxKey) && isKeyByte(s[start-1]) {
		start--
	}
	return start
}

func isKeyByte(c byte) bool { return isAlnum(c) || strings.IndexByte("_-.[]$%", c) >= 0 }

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

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

// isHeader reports whether key is a header whose value goes on after a space.
func isHeader(key string) bool {
	key = strings.TrimSuffix(fold(key), "s")
	return strings.HasSuffix(key, "authorization") || strings.HasSuffix(key, "cookie")
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

// separatorAt returns the length of the separator at s[i], or 0 if there is none:
// a colon or an equals sign, as it is, percent-encoded or as wide as an ideograph.
func separatorAt[T string | []byte](s T, i int) int {
	switch c := s[i]; {
	case c == ':' && (i+1 < len(s) && s[i+1] == ':' || i > 0 && s[i-1] == ':'):
		return 0 // std::token::next
	case c == ':' || c == '=':
		return 1
	case c == '%' && i+2 < len(s) && s[i+1] == '3' && (lower(s[i+2]) == 'd' || lower(s[i+2]) == 'a'):
		return 3
	case c == wide && i+2 < len(s) && s[i+1] == 0xbc && (s[i+2] == 0x9a || s[i+2] == 0x9d):
		return 3 // U+FF1A and U+FF1D
	}
	return 0
}

// wide is the first byte of the wide forms of ASCII.
const wide = 0xef
