package redact

// The length of a payment card's number.
const (
	minCard = 13
	maxCard = 19
)

// findCards finds the numbers of payment cards: digits in one piece, or in
// groups with a space or a hyphen between.
func findCards(s string) []span {
	var found []span
	for i := 0; i < len(s); {
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
	if start > 0 && isWord(s[start-1]) || start > 1 && s[start-1] == '.' && isDigit(s[start-2]) {
		return 0
	}
	var digits []byte
	for n, g := range groups {
		size := g.end - g.start
		if g.end < len(s) && isWord(s[g.end]) {
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

// isCard reports whether digits begin like a card of the networks (so that no
// time since 1970 does) and pass the Luhn check.
func isCard(digits []byte) bool {
	if d := digits[0]; d < '2' || d > '6' {
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

func isWord(c byte) bool { return isAlnum(c) || c == '_' }
