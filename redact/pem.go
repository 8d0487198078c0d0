package redact

import "regexp"

// pemFinder returns the find function for PEM blocks with a private key. It looks
// at each line once: where a block begins that no end follows, no later one has
// an end either.
func pemFinder() func(string) []span {
	const label = `[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`
	begin, end := regexp.MustCompile(`-----BEGIN `+label), regexp.MustCompile(`-----END `+label)
	body := regexp.MustCompile(`^[\sA-Za-z0-9+/=\\:,.-]*`) // of a key that is cut off, as a log line may be
	return func(s string) (found []span) {
		ends := end.FindAllStringIndex(s, -1)
		done := 0
		for _, b := range begin.FindAllStringIndex(s, -1) {
			start := b[1]
			if start < done {
				continue
			}
			for len(ends) > 0 && ends[0][0] < start {
				ends = ends[1:]
			}
			if len(ends) > 0 {
				done = ends[0][0]
			} else {
				done = start + body.FindStringIndex(s[start:])[1]
			}
			if done > start {
				found = append(found, span{start, done})
			}
		}
		return found
	}
}
