package redact

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A start says where that would begin which a rule finds around its literal at
// s[at], or returns -1 if there is no such thing. It looks at a few bytes only.
type start func(s string, at int) int

// from returns the rule with a search that runs its expression nowhere else than
// from where start says: a word such as password is in many texts, and to run an
// expression over a text costs a hundred times what it does to look for the word.
func (r Rule) from(start start) Rule {
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + r.Pattern + `)`) })
	literals := newTexts(r.matcher.literals)
	r.matcher.find = func(s string) []span {
		var found []span
		done := 0
		for at := literals.in(s, 0); at >= 0; at = literals.in(s, at+1) {
			i := start(s, at)
			if i < done {
				continue
			}
			if m := re().FindStringSubmatchIndex(s[i:]); m != nil {
				if f := secretOf(m); f.start < f.end {
					found = append(found, span{i + f.start, i + f.end})
				}
				done = i + m[1]
				at = max(at, done-1)
			}
		}
		return found
	}
	return r
}

// here is the start of what begins with its literal.
func here(_ string, at int) int { return at }

// word is the start of what begins with its literal, which is the begin of a word.
func word(s string, at int) int {
	if at > 0 && isWordByte(s[at-1]) {
		return -1
	}
	return at
}

// before is the start of what has n bytes before its literal, and a border before
// these.
func before(n int) start {
	return func(s string, at int) int {
		if at < n || !borderBefore(s, at-n) {
			return -1
		}
		return at - n
	}
}

// secretIDStart is the start of a secret of Entra ID, which needs no border.
func secretIDStart(_ string, at int) int { return max(-1, at-3) }

// maxFlag is how long the name of a flag may be before the word that makes it one
// for a secret.
const maxFlag = 40

// flagStart is the start of a flag with a word in it: of --db-password, and of
// -token with the space before.
func flagStart(s string, at int) int {
	run := at
	for run > max(0, at-maxFlag-2) && (isWordByte(s[run-1]) || s[run-1] == '-') {
		run--
	}
	if i := strings.Index(s[run:at+1], "--"); i >= 0 {
		return run + i
	}
	if at > 1 && s[at-1] == '-' && isSpace(s[at-2]) {
		return at - 2
	}
	return -1
}

// botStart is the start of a token of a bot: in a URL, or with the digits of its
// ID before the colon.
func botStart(s string, at int) int {
	if s[at] == '/' {
		return at
	}
	for n := 10; n >= 8; n-- {
		if at >= n && isDigits(s[at-n:at]) && borderBefore(s, at-n) {
			return at - n
		}
	}
	return -1
}

// maxPayment is how many letters and digits the ID of a payment may have.
const maxPayment = 100

// paymentStart is the start of the client secret of a payment: of its kind before
// the ID.
func paymentStart(s string, at int) int {
	id := at
	for id > max(0, at-maxPayment) && isWordByte(s[id-1]) && s[id-1] != '_' {
		id--
	}
	for _, kind := range []string{"pi_", "seti_", "cs_live_", "cs_test_"} {
		if strings.HasSuffix(s[:id], kind) && borderBefore(s, id-len(kind)) {
			return id - len(kind)
		}
	}
	return -1
}

// texts are literals in lower case, to look for in a text whatever its case is.
type texts struct {
	all           []string
	first, second byteSet
	exact         bool // there is only one, and it has no letters
}

func newTexts(all []string) *texts {
	t := &texts{all: all, exact: len(all) == 1 && !slices.ContainsFunc([]byte(all[0]), isLower)}
	for _, text := range all {
		t.first.addFold(text[0])
		if len(text) > 1 {
			t.second.addFold(text[1])
		} else {
			t.second = everyByte()
		}
	}
	return t
}

// in returns the first place from i on where there is one of the texts in s, or -1.
func (t *texts) in(s string, i int) int {
	if i >= len(s) {
		return -1
	}
	if t.exact {
		if at := strings.Index(s[i:], t.all[0]); at >= 0 {
			return i + at
		}
		return -1
	}
	for ; i < len(s); i++ {
		if !t.first.has(s[i]) || i+1 < len(s) && !t.second.has(s[i+1]) {
			continue
		}
		for _, text := range t.all {
			if hasLiteral(s, i, text) {
				return i
			}
		}
	}
	return -1
}
