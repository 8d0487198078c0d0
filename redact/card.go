package redact

// The length of a payment card's number.
const (
	minCard = 13
	maxCard = 16 // the rare ones of 19 look like any 64-bit number
)

// cardAt returns where the number of a payment card that begins at s[start] ends,
// or 0 if there is none: digits in one piece, or in groups with a space or a
// hyphen between.
func cardAt[T string | []byte](s T, start int) int {
	if !isDigit(s[start]) || start > 0 && isWordByte(s[start-1]) && !isEscaped(s, start) ||
		start > 1 && s[start-1] == '.' && isDigit(s[start-2]) {
		return 0
	}
	var digits [maxCard]byte
	n := 0
	for i := start; ; i++ {
		group := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		size := i - group
		alone := n == 0 && size >= minCard
		if i < len(s) && isWordByte(s[i]) || n+size > maxCard || !alone && (size < 2 || size > 6 || n == 0 && size != 4) {
			return 0
		}
		n += copy(digits[n:], s[group:i])
		switch {
		case n >= minCard && isCard(digits[:n]):
			return i
		case alone || i+1 >= len(s) || s[i] != ' ' && s[i] != '-' || !isDigit(s[i+1]):
			return 0
		}
	}
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
