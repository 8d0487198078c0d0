package redact

import "strings"

// maxType bounds the name of a type before a value.
const maxType = 64

// valueStart returns where the value begins whose separator goes on at s[i].
func valueStart(s string, i int) int {
	for ; i < len(s) && (s[i] == '=' || s[i] == ':' || s[i] == '>'); i++ {
	}
	i = skipIndent(s, i)
	if strings.HasPrefix(s[i:], "!!") { // a type of YAML
		i = skipIndent(s, i+wordEnd(s[i:min(len(s), i+maxType)], ""))
	}
	if i+2 < len(s) && s[i] == '\\' && s[i+1] == 't' && strings.IndexByte(`[{"'\`, s[i+2]) >= 0 { // a tab in quotes
		i += 2
	}
	for i < len(s) && s[i] == '\x1b' {
		n := strings.IndexByte(s[i:min(len(s), i+maxColor)], 'm') + 1
		if n == 0 {
			break
		}
		i += n
	}
	return dumpedStart(s, i)
}

// dumpedStart returns where the value begins if its type and length are before it,
// as dumps of values have them: (string) (len=3) "abc".
func dumpedStart(s string, i int) int {
	if i == len(s) || s[i] != '(' {
		return i
	}
	start, sized := i, false
	for i < len(s) && s[i] == '(' {
		n := strings.IndexByte(s[i:min(len(s), i+maxType)], ')') + 1
		if n == 0 {
			return start
		}
		size := s[i : i+n]
		sized = sized || strings.HasPrefix(size, "(len=") || strings.HasPrefix(size, "(cap=") || isNumberType(size[1:n-1])
		i = skipIndent(s, i+n)
	}
	if !sized {
		return start
	}
	return i
}

// isNumberType reports whether t is a type of Go that dumps print without a length.
func isNumberType(t string) bool {
	return isOneOf("int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 float32 float64 bool", t)
}

func skipIndent(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// bareValue returns the length of the value of key k that begins at s[start] and
// that is not in quotes.
func bareValue(s string, start int, k textKey) int {
	rest := s[start:]
	if open := typeEnd(rest); open > 0 {
		end := open + blockEnd(rest[open:])
		if end < len(rest) && !endsValue(rest[end]) {
			end += wordEnd(rest[end:], "")
		}
		return end
	}
	switch block := blockEnd(rest); {
	case k.column:
		return columnEnd(rest)
	case block > 0 && (block == len(rest) || endsValue(rest[block])):
		return block
	case block > 0:
		return block + bareEnd(rest[block:], "")
	case isHeader(k.name):
		return headerEnd(rest, s[:k.start])
	case k.quote != "":
		return bareEnd(rest, ",}])")
	case k.encoded:
		return encodedEnd(rest)
	case k.inQuery:
		return bareEnd(rest, "&#\"'<>")
	default:
		return max(bareEnd(rest, ""), schemeEnd(rest), taggedEnd(s, start))
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
	if n == len(s) || !isQuote(s[n]) {
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

// columnEnd returns where the parentheses around s close, or its line ends.
func columnEnd(s string) int {
	s = s[:lineEnd(s)]
	open := 1
	for i := range len(s) {
		switch s[i] {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return i
			}
		}
	}
	return len(s)
}

// wordEnd returns where s has a space or one of stops.
func wordEnd(s, stops string) int {
	if end := strings.IndexAny(s, " \t\r\n"+stops); end >= 0 {
		return end
	}
	return len(s)
}

// Punctuation at the end of a value: what closes brackets belongs to it if they are
// opened in it.
const (
	closing = ")]}>"
	ending  = ",;.\"'`|\\" + closing
)

// bareEnd returns where a bare value ends: at a space or one of stops, without
// the punctuation that closes the sentence or the brackets around it.
func bareEnd(s, stops string) int {
	end := wordEnd(s, stops)
	for ; end > 0 && strings.IndexByte(ending, s[end-1]) >= 0; end-- {
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
	last := len(strings.TrimRight(s, ending))
	for i := range len(s) {
		switch c := s[i]; c {
		case '(':
			open[')']++
		case '[', '{', '<':
			open[c+2]++
		case ')', ']', '}', '>':
			if open[c]--; open[c] < 0 && i >= last {
				return len(s) - len(strings.TrimRight(s[:i], ",;.\"'`|\\"))
			}
		}
	}
	return 0
}

// endsValue reports whether c, right after a closing quote or bracket, shows
// that the value ends there.
func endsValue(c byte) bool { return strings.IndexByte(" \t\r\n,;:.&)}]>|/\\\"'`", c) >= 0 }

// encodedEnd returns where a value ends that is percent-encoded: at the nearer of
// two ends, not to look at the rest again and again.
func encodedEnd(s string) int {
	for i := range len(s) {
		if strings.HasPrefix(s[i:], "%26") {
			return i
		}
		if strings.IndexByte(" \t\r\n&#\"'<>", s[i]) >= 0 {
			return bareEnd(s[:i], "")
		}
	}
	return bareEnd(s, "")
}

// headerEnd returns where the value of a header that s begins with ends. Of the
// text before it, a quote at the end closes the header too.
func headerEnd(s, before string) int {
	if last := len(before) - 1; last >= 0 && isQuote(before[last]) {
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
	const longest = len("negotiate")
	scheme := s[:wordEnd(s[:min(len(s), longest+1)], "")]
	rest := strings.TrimLeft(s[len(scheme):], " \t")
	if len(scheme) > longest || len(scheme)+len(rest) == len(s) ||
		!isOneOf("basic bearer token negotiate ntlm apikey dpop", scheme) {
		return 0
	}
	return len(s) - len(rest) + bareEnd(rest, "")
}

// taggedEnd returns where the value at s[start] ends if a tag or an anchor of YAML
// is before it, or 0 if there is none. They may be the secret as well.
func taggedEnd(s string, start int) int {
	word := tagEnd(s, start)
	if word == 0 || word == len(s) || s[word] != ' ' {
		return 0
	}
	return word + 1 + bareEnd(s[word+1:], "") - start
}

// tagEnd returns where the tag or the anchor of YAML at s[start] ends, or 0.
func tagEnd(s string, start int) int {
	if start == len(s) || s[start] != '!' && s[start] != '&' || !behindColon(s, start) {
		return 0
	}
	return start + wordEnd(s[start:min(len(s), start+maxType)], "")
}

// behindColon reports whether a colon and a blank are right before s[start].
func behindColon(s string, start int) bool {
	return start > 1 && s[start-1] == ' ' && strings.HasSuffix(strings.TrimRight(s[:start], " \t"), ":")
}

func lineEnd(s string) int {
	if end := strings.IndexAny(s, "\r\n"); end >= 0 {
		return end
	}
	return len(s)
}
