package redact

import "strings"

// maxBeside bounds what is between a name and the value that it has beside it.
const maxBeside = 256

// A besideKey is what a text has for the value of a name: name="token" value="x".
const besideKey = "value"

// nameAfter returns the word that is the value behind the separator s[at]: bare or
// in quotes.
func nameAfter[T string | []byte](s T, at int) (start, end int) {
	start = at
	for stop := min(len(s), at+maxKey); start < stop && (isQuote(s[start]) || isBetween(s[start])); {
		start++
	}
	end = start
	for stop := min(len(s), start+maxKey); end < stop && isKeyByte(s[end]); {
		end++
	}
	return start, end
}

// isBetween reports whether c is between a separator and a value.
func isBetween(c byte) bool {
	return c == ' ' || c == '\t' || c == ':' || c == '=' || c == '>' || c == '\\'
}

// namesSecret returns the rule for the name behind the separator s[at], if key says
// that it is one: name: DB_PASSWORD.
func namesSecret[T string | []byte](w *walk, s T, key string, at int) (rule, end int) {
	if !isName(key) {
		return none, 0
	}
	start, end := nameAfter(s, at)
	if start == end {
		return none, 0
	}
	return w.sensitive(string(s[start:end])), end
}

// beside returns the key of the value beside a name, and where the value begins: in
// fmt's {Name:x Value:y}, in YAML, in XML, in the text form of protocol buffers. Its
// rule is none if there is no such value.
func (w *walk) beside(s string, at int, name textKey) (k textKey, start int) {
	rule, end := namesSecret(w, s, name.name, at)
	if rule == none {
		return textKey{rule: none}, 0
	}
	i := skipQuote(s, end)
	i = skipBetween(s, i)
	quoted := skipQuote(s, i)
	word := quoted + len(besideKey)
	if word > len(s) || !strings.EqualFold(s[quoted:word], besideKey) {
		return textKey{rule: none}, 0
	}
	after := skipQuote(s, word)
	sep := skipIndent(s, after)
	if sep == len(s) || separatorAt(s, sep) == 0 {
		return textKey{rule: none}, 0
	}
	return textKey{rule: rule, name: besideKey, start: quoted, quote: s[word:after]}, valueStart(s, sep+separatorAt(s, sep))
}

// skipQuote returns where the quote ends, with its backslashes, that is at s[i].
func skipQuote(s string, i int) int {
	quote, _ := quoteAt(s[i:min(len(s), i+maxColor)])
	return i + len(quote)
}

// skipBetween returns where what separates two pairs ends: blanks, a comma and one
// end of a line, as it is or in quotes.
func skipBetween(s string, i int) int {
	lines := 0
	for stop := min(len(s), i+maxBeside); i < stop; {
		switch {
		case strings.IndexByte(" \t\r,;", s[i]) >= 0:
			i++
		case s[i] == '\n' && lines == 0:
			lines++
			i++
		case strings.HasPrefix(s[i:], `\r`), strings.HasPrefix(s[i:], `\t`):
			i += 2
		case strings.HasPrefix(s[i:], `\n`) && lines == 0:
			lines++
			i += 2
		default:
			return i
		}
	}
	return i
}

// content returns the value that follows a name as the content of what is named: the
// part of a form, or an element of XML. Its rule is none if there is none.
func (w *walk) content(s string, at int, name textKey) (value span, rule int) {
	rule, end := namesSecret(w, s, name.name, at)
	if rule == none {
		return span{}, none
	}
	end = skipQuote(s, end)
	if strings.HasPrefix(s[end:], ">") {
		stop := strings.Index(s[end:], "</")
		if stop < 0 {
			stop = len(s) - end
		}
		return span{end + 1, end + stop}, rule
	}
	if strings.Contains(s[max(0, name.start-maxBeside):name.start], "form-data;") {
		if value = formPart(s, end); value.start > 0 {
			return value, rule
		}
	}
	return span{}, none
}

// formPart returns the body of the part of a form (RFC 7578) in whose header s[i] is,
// up to the line that begins with --. Its lines may end as %q prints them. It begins at
// 0 if there is none.
func formPart(s string, i int) span {
	head := s[i:min(len(s), i+maxBeside)]
	for _, eol := range []string{"\r\n", `\r\n`, "\n"} {
		n := strings.Index(head, eol+eol)
		if n < 0 {
			continue
		}
		start := i + n + 2*len(eol)
		end := strings.Index(s[start:], eol+"--")
		if end < 0 {
			end = len(s) - start
		}
		return span{start, start + end}
	}
	return span{}
}
