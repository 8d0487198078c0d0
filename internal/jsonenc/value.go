package jsonenc

import (
	"log/slog"
	"math"
	"strconv"
	"time"
)

// AppendValue appends a resolved value that is not a group, as encoding/json
// would write it, but for errors, which become their text. It never fails and
// never panics: a value that cannot be encoded becomes a string that begins
// with !ERROR: or !PANIC:, a nil receiver that panics becomes "<nil>".
func AppendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return AppendString(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return AppendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(v.Duration()), 10)
	case slog.KindTime:
		return AppendTime(b, v.Time())
	default:
		return AppendAny(b, v.Any())
	}
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
