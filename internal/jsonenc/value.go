package jsonenc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
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

// AppendAny appends a value of any type. An error that is no json.Marshaler
// becomes its text, everything else what encoding/json makes of it.
func AppendAny(b []byte, a any) (out []byte) {
	mark := len(b)
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(a); v.Kind() == reflect.Pointer && v.IsNil() {
				out = AppendString(b[:mark], "<nil>")
				return
			}
			out = AppendString(b[:mark], fmt.Sprint("!PANIC: ", r))
		}
	}()
	if level, ok := a.(slog.Level); ok {
		return AppendLevel(b, level)
	}
	if err, ok := a.(error); ok {
		if _, marshals := a.(json.Marshaler); !marshals {
			return AppendString(b, err.Error())
		}
	}
	out, err := appendJSON(b, a)
	if err != nil {
		return AppendString(b[:mark], "!ERROR:"+err.Error())
	}
	return out
}

// maxPooled is the capacity above which a buffer is left to the collector, so
// that one huge record does not hold its memory for ever.
const maxPooled = 64 << 10

type marshaler struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var marshalers = sync.Pool{New: func() any { //nolint:gochecknoglobals // a pool holds no state of the program
	m := new(marshaler)
	m.enc = json.NewEncoder(&m.buf)
	m.enc.SetEscapeHTML(false)
	return m
}}

func appendJSON(b []byte, a any) ([]byte, error) {
	m, _ := marshalers.Get().(*marshaler)
	defer func() {
		if m.buf.Cap() <= maxPooled {
			m.buf.Reset()
			marshalers.Put(m)
		}
	}()
	if err := m.enc.Encode(a); err != nil {
		return b, err
	}
	text := bytes.TrimSuffix(m.buf.Bytes(), []byte{'\n'})
	if !utf8.Valid(text) {
		// encoding/json checks a Marshaler's syntax but not its UTF-8. What
		// is invalid can only stand inside a string.
		text = bytes.ToValidUTF8(text, []byte(`\ufffd`))
	}
	return append(b, text...), nil
}
