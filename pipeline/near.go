package pipeline

import "strings"

// nearest returns the word that was probably meant by a wrong one, in upper or
// lower case: one of those that differ least, or else one that it is the beginning
// of, or that is its first word. It returns "" if none is near.
func nearest(wrong string, words []string) string {
	if wrong == "" || len(wrong) > 64 {
		return ""
	}
	wrong = strings.ToLower(wrong)
	best, least := "", 1+min((len(wrong)+2)/3, 3)
	for _, word := range words {
		lower := strings.ToLower(word)
		// What differs in every letter is not near, however short.
		d := distance(wrong, lower)
		if d == least && len(best) != len(wrong) && strings.HasPrefix(wrong, lower) {
			best = word // MBit is more like MB than like MiB
		}
		if d < least && d < max(len(wrong), len(lower)) {
			best, least = word, d
		}
	}
	if best != "" || len(wrong) < 2 {
		return best
	}
	for _, word := range words {
		if lower := strings.ToLower(word); strings.HasPrefix(lower, wrong) || strings.HasPrefix(wrong, lower+"_") {
			return word
		}
	}
	return ""
}

// distance returns how many bytes have to be put in, left out, replaced, or
// swapped with the next one, to make one word the other.
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range now {
		now[j] = j
	}
	for i := range len(a) {
		before, last, now = last, now, before
		now[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(last[j]+cost, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
	}
	return now[len(b)]
}
