package jsonlog

import (
	"strconv"
	"time"
)

// A clock reads times, and remembers what is often the same in one line and the next.
type clock struct {
	date   [10]byte // such as 2026-11-22
	day    int64    // the seconds from 1970 to it
	offset int
	zone   *time.Location
	layout string
}

// value reads a JSON value as a time.
func (c *clock) value(v []byte) (t time.Time, ok bool) {
	switch v[0] {
	case '"':
		if t, ok = c.moment(v[1 : len(v)-1]); ok {
			return t, true
		}
		text := Unquote(v)
		if t, ok = c.moment(text); ok {
			return t, true
		}
		if t, ok = epoch(text); ok {
			return t, true
		}
		if len(text) == len(c.date) {
			day, ok := dayOf(text)
			return time.Unix(day, 0).UTC(), ok
		}
		return c.other(text)
	case '{':
		return c.object(v)
	default:
		return epoch(v)
	}
}

// object reads {"$date":"2026-11-22T10:00:00Z"} of MongoDB, and {"epochSecond":1795341600,"nanoOfSecond":0} of log4j2.
func (c *clock) object(v []byte) (t time.Time, ok bool) {
	nano := 0
	for key, value := range membersOf(v) {
		switch string(key) {
		case "$date":
			if value[0] != '"' {
				return t, false
			}
			return c.moment(value[1 : len(value)-1])
		case "epochSecond":
			if t, ok = epoch(value); !ok {
				return t, false
			}
		case "nanoOfSecond":
			if nano, ok = intOf(string(value)); !ok || nano < 0 || nano > 999_999_999 {
				return t, false
			}
		default:
			return t, false
		}
	}
	return t.Add(time.Duration(nano)), !t.IsZero()
}

// moment reads the forms of RFC 3339, also with a space instead of the T, a comma instead of the dot, and an offset without a
// colon. A time without an offset is in UTC.
func (c *clock) moment(s []byte) (t time.Time, ok bool) {
	const seconds = len("2006-01-02T15:04:05")
	if len(s) < seconds || s[10] != 'T' && s[10] != ' ' && s[10] != 't' || s[13] != ':' || s[16] != ':' {
		return t, false
	}
	if date := [10]byte(s); date != c.date {
		day, ok := dayOf(s)
		if !ok {
			return t, false
		}
		c.date, c.day = date, day
	}
	h, m, sec := two(s, 11), two(s, 14), two(s, 17)
	if h > 23 || m > 59 || sec > 60 { // 60 is a leap second
		return t, false
	}
	rest, nano := s[seconds:], 0
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		end := digits(rest, 1)
		if end == 1 {
			return t, false
		}
		nano, rest = fraction(rest[1:end]), rest[end:]
	}
	offset, ok := offsetOf(rest)
	if !ok {
		return t, false
	}
	t = time.Unix(c.day+int64(h*3600+m*60+sec-offset), int64(nano))
	if offset == 0 {
		return t.UTC(), true
	}
	if c.zone == nil || offset != c.offset {
		c.zone, c.offset = time.FixedZone("", offset), offset
	}
	return t.In(c.zone), true
}

// dayOf returns the seconds from 1970 to the date that s begins with.
func dayOf(s []byte) (seconds int64, ok bool) {
	year, month, day := two(s, 0)*100+two(s, 2), two(s, 5), two(s, 8)
	if s[4] != '-' || s[7] != '-' || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return date.Unix(), date.Day() == day // else the month has no such day
}

// two returns the number that two digits are, one that is too large for anything if they are none.
func two(s []byte, i int) int {
	tens, units := s[i]-'0', s[i+1]-'0'
	if tens > 9 || units > 9 {
		return 10_000
	}
	return int(tens)*10 + int(units)
}

// fraction returns the nanoseconds of the digits behind the point.
func fraction(s []byte) (nano int) {
	for i := range 9 {
		nano *= 10
		if i < len(s) {
			nano += int(s[i] - '0')
		}
	}
	return nano
}

// offsetOf reads Z, UTC, +01:00, +0100, +01, each with or without a space before it, and nothing.
func offsetOf(s []byte) (seconds int, ok bool) {
	if len(s) > 1 && s[0] == ' ' {
		s = s[1:]
	}
	switch string(s) {
	case "", "Z", "z", "UTC", "GMT":
		return 0, true
	}
	sign := 1
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	if s = s[1:]; len(s) == len("01:00") && s[2] == ':' {
		seconds = two(s, 3) * 60
	} else if len(s) == len("0100") {
		seconds = two(s, 2) * 60
	} else if len(s) != len("01") {
		return 0, false
	}
	seconds += two(s, 0) * 3600
	return sign * seconds, seconds <= 24*3600
}

// epoch reads a number as the time since 1970, in seconds, or in ms, µs or ns where seconds would be in a
// far future. The years before 1973 are none: such a number is a duration or the like.
func epoch(s []byte) (t time.Time, ok bool) {
	end := digits(s, 0)
	if end == 0 || end > 19 {
		return t, false
	}
	n, err := strconv.ParseInt(string(s[:end]), 10, 64)
	if err != nil {
		return t, false
	}
	var below []byte // the digits behind the point
	switch rest := s[end:]; {
	case len(rest) == 0:
	case rest[0] == '.' && len(rest) > 1 && digits(rest, 1) == len(rest):
		below = rest[1:]
	case rest[0] != '.' && rest[0]|0x20 != 'e':
		return t, false
	default:
		f, err := strconv.ParseFloat(string(s), 64)
		if err != nil || f < 0 || f >= 1<<62 {
			return t, false
		}
		n = int64(f)
		below = strconv.AppendFloat(nil, f-float64(n), 'f', 9, 64)[len("0."):]
	}
	const first, much = 1e8, 1000
	switch nano := int64(fraction(below)); {
	case n < first:
		return t, false
	case n < first*much:
		t = time.Unix(n, nano)
	case n < first*much*much:
		t = time.Unix(n/1e3, n%1e3*1e6+nano/1e3)
	case n < first*much*much*much:
		t = time.Unix(n/1e6, n%1e6*1e3+nano/1e6)
	default:
		t = time.Unix(n/1e9, n%1e9)
	}
	return t.UTC(), true
}

// other reads the forms that are rarer, first that of the last time.
func (c *clock) other(text []byte) (t time.Time, ok bool) {
	if len(text) < len("2006-01-02T15:04Z") || len(text) > 64 {
		return t, false
	}
	s := string(text)
	for _, layout := range [...]string{
		c.layout, "2006-01-02T15:04Z07:00", "2006/01/02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700 MST",
		"02/Jan/2006:15:04:05 -0700", time.RFC1123Z, time.RFC1123, time.RFC850, time.UnixDate, time.ANSIC, time.RubyDate,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			c.layout = layout
			return t, true
		}
	}
	return t, false
}
