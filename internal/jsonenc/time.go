package jsonenc

import (
	"encoding/binary"
	"time"
)

// AppendTime appends t in the form of RFC 3339 with the precision it has. RFC
// 3339 has no years before 0 or after 9999: such a time becomes a string with
// an error.
func AppendTime(b []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		return append(b, `"!ERROR:time.Time year outside of range [0,9999]"`...)
	}
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// second is a cached second: what stands before the fraction, from the field's name
// on, and after it.
type second struct {
	unix   int64
	loc    *time.Location
	before []byte
	after  []byte // "Z" or an offset, and a quote
	word   uint64 // after, where that has up to eight bytes
}

// Time appends t like AppendTime, as far as the rules do not want it otherwise. It
// formats only the fraction when the last time was in the same second, as it
// mostly is.
func (l *Line) Time(b []byte, t time.Time) []byte { return l.time(b, &l.attrSecond, "", t) }

// RecordTime appends name, which is an encoded one with its colon and the same for
// all lines under the same rules, and the record's time.
func (l *Line) RecordTime(b []byte, name string, t time.Time) []byte {
	return l.time(b, &l.second, name, t)
}

func (l *Line) time(b []byte, c *second, name string, t time.Time) []byte {
	if l.rules.TimePrecision > 0 {
		t = t.Truncate(l.rules.TimePrecision)
	}
	if l.rules.TimeFormat != "" {
		return appendLayout(append(b, name...), t, l.rules.TimeFormat)
	}
	if unix, loc := t.Unix(), t.Location(); c.unix != unix || c.loc != loc {
		if y := t.Year(); y < 0 || y > 9999 {
			return AppendTime(append(b, name...), t)
		}
		c.unix, c.loc = unix, loc
		c.before = t.AppendFormat(append(c.before[:0], name...), `"2006-01-02T15:04:05`)
		c.after = t.AppendFormat(c.after[:0], `Z07:00"`)
		var word [8]byte
		copy(word[:], c.after)
		c.word = binary.LittleEndian.Uint64(word[:])
	}
	b = append(b, c.before...)
	if l.rules.TimePrecision <= 0 {
		b = appendFraction(b, t.Nanosecond())
	} else {
		b = appendDigits(b, t.Nanosecond(), fractionDigits(l.rules.TimePrecision))
	}
	if len(c.after) > 8 { // a zone a hundred hours away
		return append(b, c.after...)
	}
	return appendWord(b, c.word, len(c.after))
}

// fractionDigits returns how many digits of a second's fraction a multiple of d
// can have.
func fractionDigits(d time.Duration) int {
	n := 0
	for unit := time.Second; n < 9 && d%unit != 0; n++ {
		unit /= 10
	}
	return n
}

// appendLayout appends t as a string in the form of a layout, in which anything
// may stand.
func appendLayout(b []byte, t time.Time, layout string) []byte {
	start := len(b)
	b = append(b, '"')
	b = t.AppendFormat(b, layout)
	for _, c := range b[start+1:] {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return AppendString(b[:start], string(b[start+1:]))
		}
	}
	return append(b, '"')
}
