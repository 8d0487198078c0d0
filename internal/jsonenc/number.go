package jsonenc

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// AppendInt appends n in decimal.
func AppendInt(b []byte, n int64) []byte {
	if n < 0 {
		return AppendUint(append(b, '-'), -uint64(n)) //nolint:gosec // right for the smallest one too
	}
	return AppendUint(b, uint64(n))
}

// AppendUint appends n in decimal.
func AppendUint(b []byte, n uint64) []byte {
	switch {
	case n < 10:
		return append(b, byte('0'+n))
	case n < 1000:
		hundreds, tens := n/100, n/10
		x := (hundreds | (tens-10*hundreds)<<8 | (n-10*tens)<<16) | '0'<<16 | '0'<<8 | '0'
		if n < 100 {
			return appendWord(b, x>>8, 2)
		}
		return appendWord(b, x, 3)
	case n >= 1e8:
		b = AppendUint(b, n/1e8)
		return appendWord(b, digits(n%1e8)|zeros, 8)
	}
	d := digits(n)
	leading := min(bits.TrailingZeros64(d)/8, 7)
	return appendWord(b, (d|zeros)>>(8*leading), 8-leading)
}

// appendWord appends the n lowest bytes of x.
func appendWord(b []byte, x uint64, n int) []byte {
	at := len(b)
	b = grow(b, 8)
	binary.LittleEndian.PutUint64(b[at:at+8], x)
	return b[:at+n]
}

const zeros = '0' * lsb

// digits returns the eight decimal digits of n, which is less than 1e8, the first
// one in the lowest byte. All are computed at once: a multiplication and a shift
// divide two numbers of four digits by a hundred, then four of two digits by ten.
func digits(n uint64) uint64 {
	fours := n/10_000 | n%10_000<<32
	hundreds := fours * 10_486 >> 20 & (0x7f<<32 | 0x7f)
	twos := hundreds | (fours-100*hundreds)<<16
	tens := twos * 103 >> 10 & (0xf<<48 | 0xf<<32 | 0xf<<16 | 0xf)
	return tens | (twos-10*tens)<<8
}

// appendFraction appends a second's fraction without trailing zeros.
func appendFraction(b []byte, nanos int) []byte {
	if nanos == 0 {
		return b
	}
	first, rest := nanos/1e8, digits(uint64(nanos%1e8)) //nolint:gosec // nanos is not negative
	b = append(b, '.', byte('0'+first))                 //nolint:gosec // one digit
	return appendWord(b, rest|zeros, 8-bits.LeadingZeros64(rest)/8)
}

// appendDigits appends the first digits of a second's fraction.
func appendDigits(b []byte, nanos, n int) []byte {
	if n == 0 {
		return b
	}
	b = append(b, '.', byte('0'+nanos/1e8))                    //nolint:gosec // one digit
	return appendWord(b, digits(uint64(nanos%1e8))|zeros, n-1) //nolint:gosec // nanos is not negative
}

// AppendFloat appends f as encoding/json does. A value that JSON lacks becomes
// a string with an error.
func AppendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return AppendString(b, "!ERROR:json: unsupported value: "+strconv.FormatFloat(f, 'g', -1, 64))
	}
	// ECMAScript's rule for when the exponent form is the shorter one.
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 is written e-9
		b = b[:n-1]
	}
	return b
}
