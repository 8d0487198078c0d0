package redact

import "math/bits"

// A byteSet is a set of bytes.
type byteSet [4]uint64

func (b *byteSet) add(c byte) { b[c>>6] |= 1 << (c & 63) }

// addFold adds c and, of a letter, the other case.
func (b *byteSet) addFold(c byte) {
	b.add(c)
	if isLower(c) {
		b.add(c - 'a' + 'A')
	}
}

func (b *byteSet) has(c byte) bool { return b[c>>6]>>(c&63)&1 != 0 }

// union returns the bytes that are in b or in other.
func (b byteSet) union(other byteSet) byteSet {
	for i := range b {
		b[i] |= other[i]
	}
	return b
}

// everyByte returns the set of all bytes.
func everyByte() byteSet { return byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)} }

// frequency returns how often a byte of a log is in the set, from 0 to 1.
func (b *byteSet) frequency() float64 {
	if *b == everyByte() {
		return 1
	}
	all, sum := frequencies(), 0.0
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if c := byte(i<<6 | bits.TrailingZeros64(word)); !isUpper(c) { //nolint:gosec // less than 256
				sum += all[c]
			}
		}
	}
	return min(sum, 1)
}
