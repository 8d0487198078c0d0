package redact

import "unicode/utf8"

// The length of a payment card's number.
const (
	minCard = 13
	maxCard = 16 // the rare ones of 19 look like any 64-bit number
)

// findCards finds the numbers of payment cards: digits in one piece, or in
// groups with a space or a hyphen between.
func findCards(s string) []span {
	var found []span
	for i := 0; i < len(s); {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1:i+3]) {
			i += 3 // %20, no digits
			continue
		}
		if !isDigit(s[i]) {
			i++
			continue
		}
		groups := digitGroups(s, i)
		for from := 0; from < len(groups); {
			if n := cardIn(s, groups[from:]); n > 0 {
				found = append(found, span{groups[from].start, groups[from+n-1].end})
				from += n
			} else {
				from++
			}
		}
		i = groups[len(groups)-1].end
	}
	return found
}

// digitGroups returns the groups of digits from i on that have one separator
// between them.
func digitGroups(s string, i int) []span {
	var groups []span
	for {
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		groups = append(groups, span{start, i})
		if i+1 >= len(s) || s[i] != ' ' && s[i] != '-' || !isDigit(s[i+1]) {
			return groups
		}
		i++
	}
}

// cardIn returns how many of the first groups are the number of a card.
func cardIn(s string, groups []span) int {
	start := groups[0].start
	if start > 0 && isWordByte(s[start-1]) && !isEscaped(s, start) || start > 1 && s[start-1] == '.' && isDigit(s[start-2]) {
		return 0
	}
	var digits []byte
	for n, g := range groups {
		size := g.end - g.start
		if g.end < len(s) && isWordByte(s[g.end]) {
			return 0
		}
		alone := n == 0 && size >= minCard
		if !alone && (size < 2 || size > 6 || n == 0 && size != 4) || len(digits)+size > maxCard {
			return 0
		}
		digits = append(digits, s[g.start:g.end]...)
		if len(digits) >= minCard && isCard(digits) {
			return n + 1
		}
		if alone {
			return 0
		}
	}
	return 0
}

// isCard reports whether digits begin, and are as many, as on a card of the
// networks (so that no time since 1970 is one) and pass the Luhn check.
func isCard(digits []byte) bool {
	if !hasIssuer(digits) {
		return false
	}
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// hasIssuer reports whether digits begin like the numbers of a network that have
// this length.
func hasIssuer(digits []byte) bool {
	n, first := len(digits), 0
	for _, c := range digits[:4] {
		first = first*10 + int(c-'0')
	}
	switch {
	case first/1000 == 4: // Visa
		return n == 13 || n == 16
	case 5100 <= first && first <= 5599, 2221 <= first && first <= 2720: // Mastercard
		return n == 16
	case first/100 == 34, first/100 == 37: // American Express
		return n == 15
	case 3000 <= first && first <= 3059, first/100 == 36, first/100 == 38, first/100 == 39: // Diners Club
		return n == 14 || n == 16
	case 3528 <= first && first <= 3589, first == 6011, 6440 <= first && first <= 6599, first/100 == 62: // JCB, Discover, UnionPay
		return n == 16
	case first == 5018, first == 5020, first == 5038, first == 5893, first == 6304, first == 6759, 6761 <= first && first <= 6763: // Maestro
		return n == 16
	}
	return false
}

func isWord(c byte) bool { return isAlnum(c) || c == '_' }

// isWordByte is isWord as \b of package regexp has it: letters beyond ASCII are
// none, since not all scripts put a space before a number.
func isWordByte(c byte) bool { return c < utf8.RuneSelf && isWord(c) }
