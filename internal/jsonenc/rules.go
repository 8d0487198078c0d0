package jsonenc

import (
	"log/slog"
	"time"
)

// Rules are what an encoder may want otherwise. The zero Rules change nothing.
type Rules struct {
	// Replace is slog.HandlerOptions.ReplaceAttr.
	Replace func(groups []string, a slog.Attr) slog.Attr

	// Any appends a value of no basic kind in place of AppendAny. It must not
	// panic. It reports whether the text is an object that it has made itself, in
	// which there is nothing that another rule could want otherwise.
	Any func(b []byte, a any) (text []byte, made bool)

	// Duplicates is what becomes of a name that an object has already.
	Duplicates Duplicates

	// Own are the names of the encoder's own fields. An attr beside them that has
	// one is a duplicate.
	Own []string

	// Keep are the names of fields that outlast the others in a line that is too
	// long.
	Keep []string

	// Reserved are the hashes of names outside of groups that Scalar leaves to its
	// caller.
	Reserved Set

	// Names are to be as CleanName makes them.
	Names bool

	// Integers is which of them are written as strings.
	Integers Integers

	// NullNonFinite writes null for NaN and infinite numbers in place of a string.
	NullNonFinite bool

	// MaxNesting bounds how many objects and arrays a value of no basic kind has in
	// each other, and MaxNumber the bytes of a number in it, which becomes a string
	// beyond that. 0 is no bound.
	MaxNesting, MaxNumber int

	// MaxField and MaxLine bound values and the line, in bytes. 0 is no bound.
	MaxField, MaxLine int

	// TimeFormat is a layout for time.Time.Format. Empty is RFC 3339.
	TimeFormat string

	// TimePrecision is what times are cut to a multiple of. 0 is what they have.
	TimePrecision time.Duration
}

// Duplicates is what becomes of a name that an object has already.
type Duplicates int

// In all cases but the first, two objects become one with the members of both,
// to which the same applies.
const (
	KeepDuplicates   Duplicates = iota // both are written
	LastWins                           // the earlier one is left out
	FirstWins                          // the later one is left out
	RenameDuplicates                   // the later one gets a number: a, a_2, a_3
)

// Integers is which of them are written as strings, for readers that would take
// them for something else.
type Integers int

// See Integers.
const (
	AllIntegers  Integers = iota // all are numbers
	LongIntegers                 // those beyond 64 bits with a sign are strings
	SafeIntegers                 // those beyond 2^53 are, which float64 cannot tell apart
)

// quotes reports whether n has to be written as a string.
func (i Integers) quotes(n int64) bool {
	const safe = 1 << 53
	return i == SafeIntegers && (n > safe || n < -safe)
}

func (i Integers) quotesUnsigned(n uint64) bool {
	const safe, long = 1 << 53, 1<<63 - 1
	return i == SafeIntegers && n > safe || i != AllIntegers && n > long
}
