package redact

// A number is a kind of number that is known by its digits.
type number uint8

const (
	_ number = iota
	cardNumber
	accountNumber
)

// minDigits is how many digits a number has, with single separators at most.
func (n number) minDigits() int {
	if n == accountNumber {
		return minIBANDigits
	}
	return minCard
}

// numberAt returns where a number that begins at s[i] ends, or 0 if there is none.
func numberAt[T string | []byte](n number, s T, i int) int {
	if n == accountNumber {
		return ibanAt(s, i)
	}
	return cardAt(s, i)
}

func (n number) matcher() *matcher {
	return &matcher{number: n, find: func(s string) []span {
		var found []span
		for i := 0; i < len(s); {
			if end := numberAt(n, s, i); end > 0 {
				found = append(found, span{i, end})
				i = end
			} else {
				i++
			}
		}
		return found
	}}
}

// runMargin is how far before its digits a number may begin, and go on behind.
const runMargin = 40

// findsNumber reports whether there is a number of this kind in s. It is tried
// where there are enough digits with single separators between: these are often a
// date, a UUID or a time since 1970.
func findsNumber[T string | []byte](n number, s T) bool {
	minDigits := n.minDigits()
	done := 0
	for i := minDigits - 1; i < len(s); i += minDigits { // a run has one of these bytes
		if !inRun(s[i]) {
			continue
		}
		start, end, digits := runAt(s, i)
		i = end
		if digits < minDigits {
			continue
		}
		for at := max(done, start-runMargin); at < end; at++ {
			if n.begins(s[at]) && numberAt(n, s, at) > 0 {
				return true
			}
		}
		done = end
	}
	return false
}

// begins reports whether a number may begin with c.
func (n number) begins(c byte) bool {
	if n == accountNumber {
		return isUpper(c)
	}
	return isDigit(c)
}

// mayHaveNumber reports whether there is a run in s with enough digits for a number.
// Most texts have none with eight bytes that are all among the thirty-two that
// digits and separators are of, and to know that costs much less than to look for
// the runs.
func mayHaveNumber[T string | []byte](p *prefilter, s T) bool {
	const (
		lowest = 0x0101010101010101
		step   = min(minCard, minIBANDigits) - 8 + 1
	)
	if len(s) < p.minRun {
		return false
	}
	for i := 0; i <= len(s)-8; i += step {
		b := s[i : i+8]
		word := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if word&(0xe0*lowest) == ' '*lowest && inRun(s[i]) {
			_, end, digits := runAt(s, i)
			if digits >= p.minRun {
				return true
			}
			i = max(i, end+1-step)
		}
	}
	return false
}

// runAt returns the run that s[i] is in, and how many digits that has.
func runAt[T string | []byte](s T, i int) (start, end, digits int) {
	for start = i; start > 0 && inRun(s[start-1]); {
		start--
	}
	for end = start; end < len(s) && inRun(s[end]); end++ {
		if isDigit(s[end]) {
			digits++
		}
	}
	return start, end, digits
}

// inRun reports whether c may be in a run of digits.
func inRun(c byte) bool { return isDigit(c) || c == ' ' || c == '-' }
