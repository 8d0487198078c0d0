package jsonenc

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// AppendAny appends a value of any type as slog.JSONHandler prints it: an error
// that is no json.Marshaler becomes its text, everything else what encoding/json
// makes of it without escaping HTML. It never fails and never panics: a value
// that cannot be encoded becomes a string that begins with !ERROR: or !PANIC:,
// a nil pointer that panics becomes "<nil>". What is no single value to log/slog
// is the caller's: groups, LogValuers, a *slog.Source.
//
// In two cases the standard library prints what is no JSON in UTF-8, and AppendAny
// does not: a time.Time outside of the years 0 to 9999 becomes a string with an
// error, and invalid UTF-8 from a json.Marshaler becomes \ufffd.
//
// The types that are logged most are encoded without reflection. What is not
// known here, and what goes wrong in a way that is hard to imitate, is left to
// encoding/json. It has encoding/json's limit: a value nested hundreds of
// thousands deep overflows the stack, which nothing can recover from.
func AppendAny(b []byte, a any) (out []byte) {
	mark := len(b)
	defer func() {
		if r := recover(); r != nil {
			if isNilPointer(a) {
				out = AppendString(b[:mark], "<nil>")
				return
			}
			out = AppendString(b[:mark], "!PANIC: "+panics.Text(r))
		}
	}()
	// The kinds that log/slog prints in its own way. It never has them as an
	// Any, but our caller may.
	switch v := a.(type) {
	case string:
		return AppendString(b, v)
	case float32:
		return AppendFloat(b, float64(v))
	case float64:
		return AppendFloat(b, v)
	case time.Time:
		return AppendTime(b, v)
	case error:
		if _, marshals := a.(json.Marshaler); !marshals {
			return AppendString(b, v.Error())
		}
	}
	out, err := appendJSON(b, a, 0)
	if err == errCycle { //nolint:errorlint // never wrapped, and errors.Is calls methods that are not ours
		out, err = appendReflect(b[:mark], a)
	}
	if err != nil {
		// Formatted with %v, since Error may panic.
		return AppendString(b[:mark], panics.Sprintf("!ERROR:%v", err))
	}
	return out
}

// maxDepth is how many containers deep a value is followed here. What lies
// deeper is left to encoding/json, which notices cycles.
const maxDepth = 64

// appendJSON appends what encoding/json makes of a value that is in depth
// containers. After an error, the text that was appended is not to be used.
func appendJSON(b []byte, a any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return appendNested(b, a, depth)
	}
	// Only these very types, in any order. A type that is defined by one of
	// them can have methods, and comes after the interfaces.
	switch v := a.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return appendBool(b, v, depth)
	case string:
		return appendString(b, v, depth)
	case int:
		return appendInt(b, v, depth)
	case int64:
		return appendInt(b, v, depth)
	case float64:
		return appendFloat(b, v, depth)
	case time.Duration:
		return appendInt(b, v, depth)
	case time.Time:
		return appendTime(b, v, depth)
	case slog.Level:
		return AppendLevel(b, v), nil
	case json.Number:
		return appendNumber(b, v)
	case json.RawMessage:
		return appendRaw(b, v)

	case *bool:
		return appendPointer(b, v, depth, appendBool)
	case *string:
		return appendPointer(b, v, depth, appendString)
	case *int:
		return appendPointer(b, v, depth, appendInt)
	case *int64:
		return appendPointer(b, v, depth, appendInt)
	case *float64:
		return appendPointer(b, v, depth, appendFloat)
	case *time.Duration:
		return appendPointer(b, v, depth, appendInt)
	case *time.Time:
		return appendTimePointer(b, v, depth)

	case netip.Addr:
		return appendAddr(b, v, v.Zone())
	case netip.AddrPort:
		return appendAddr(b, v, v.Addr().Zone())
	case netip.Prefix:
		return appendAddr(b, v, "")
	case net.IP:
		return appendAddr(b, v, "")

	case []byte:
		return appendBytes(b, v), nil
	case []bool:
		return appendSlice(b, v, depth, appendBool)
	case []string:
		return appendSlice(b, v, depth, appendString)
	case []int:
		return appendSlice(b, v, depth, appendInt)
	case []int64:
		return appendSlice(b, v, depth, appendInt)
	case []float64:
		return appendSlice(b, v, depth, appendFloat)
	case []time.Duration:
		return appendSlice(b, v, depth, appendInt)
	case []time.Time:
		return appendSlice(b, v, depth, appendTime)
	case []any:
		return appendSlice(b, v, depth, appendJSON)
	case []map[string]any:
		return appendSlice(b, v, depth, appendObject)

	case map[string]bool:
		return appendMap(b, v, depth, appendBool)
	case map[string]string:
		return appendMap(b, v, depth, appendString)
	case map[string]int:
		return appendMap(b, v, depth, appendInt)
	case map[string]int64:
		return appendMap(b, v, depth, appendInt)
	case map[string]float64:
		return appendMap(b, v, depth, appendFloat)
	case map[string][]string:
		return appendMap(b, v, depth, appendStrings)
	case map[string]any:
		return appendObject(b, v, depth)

	case json.Marshaler:
		return appendMarshaler(b, v)
	case encoding.TextMarshaler:
		return appendTextMarshaler(b, v)
	default:
		return appendDefined(b, a, depth)
	}
}

// appendDefined appends a value whose type has no methods that matter: one that
// is defined by a basic type or by a common container, or else any.
func appendDefined(b []byte, a any, depth int) ([]byte, error) {
	v := reflect.ValueOf(a)
	switch v.Kind() {
	case reflect.Bool:
		return appendBool(b, v.Bool(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int(), depth)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return AppendUint(b, v.Uint()), nil
	case reflect.Float64:
		return appendFloat(b, v.Float(), depth)
	case reflect.String:
		return appendString(b, v.String(), depth)
	case reflect.Slice:
		if v.Type().Elem() == reflect.TypeFor[string]() {
			return appendStrings(b, converted[[]string](v), depth)
		}
	case reflect.Map:
		if v.Type().Key() != reflect.TypeFor[string]() {
			break
		}
		switch v.Type().Elem() {
		case reflect.TypeFor[any]():
			return appendObject(b, converted[map[string]any](v), depth)
		case reflect.TypeFor[string]():
			return appendMap(b, converted[map[string]string](v), depth, appendString)
		case reflect.TypeFor[[]string](): // http.Header, url.Values
			return appendMap(b, converted[map[string][]string](v), depth, appendStrings)
		}
	default:
	}
	return appendNested(b, a, depth)
}

// converted returns v, whose type is defined by T, as a T.
func converted[T any](v reflect.Value) T {
	t, _ := reflect.TypeAssert[T](v.Convert(reflect.TypeFor[T]()))
	return t
}

func isNilPointer(a any) bool {
	v := reflect.ValueOf(a)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// The functions below have the depth and the error that containers ask of what
// appends their elements.

func appendBool(b []byte, v bool, _ int) ([]byte, error) {
	return strconv.AppendBool(b, v), nil
}

func appendInt[T ~int | ~int64](b []byte, v T, _ int) ([]byte, error) {
	return AppendInt(b, int64(v)), nil
}

func appendFloat(b []byte, f float64, _ int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: strconv.FormatFloat(f, 'g', -1, 64)}
	}
	return AppendFloat(b, f), nil
}

// appendString appends s as encoding/json does, which writes \b and \f where
// log/slog writes \u0008 and \u000c.
func appendString(b []byte, s string, _ int) ([]byte, error) {
	mark := len(b)
	b = AppendString(b, s)
	if len(b) == mark+len(s)+len(`""`) { // nothing needed an escape
		return b, nil
	}
	if strings.IndexByte(s, '\b') < 0 && strings.IndexByte(s, '\f') < 0 {
		return b, nil
	}
	rest := b[mark:]
	b = b[:mark]
	for len(rest) > 0 {
		n := 1
		if rest[0] == '\\' {
			n = 2 // so that the second of two backslashes begins nothing
			if short := shortEscape(rest); short != "" {
				b = append(b, short...)
				rest = rest[len(`\u0000`):]
				continue
			}
		}
		b = append(b, rest[:n]...)
		rest = rest[n:]
	}
	return b, nil
}

func shortEscape(text []byte) string {
	if len(text) < len(`\u0000`) {
		return ""
	}
	switch string(text[:len(`\u0000`)]) {
	case `\u0008`:
		return `\b`
	case `\u000c`:
		return `\f`
	}
	return ""
}

func appendStrings(b []byte, s []string, depth int) ([]byte, error) {
	return appendSlice(b, s, depth, appendString)
}

// appendTime appends t as it marshals itself, which is stricter than AppendTime.
func appendTime(b []byte, t time.Time, _ int) ([]byte, error) {
	out, err := t.AppendText(append(b, '"'))
	if err != nil {
		return appendMarshaler(b, t) // whose error is worded otherwise
	}
	return append(out, '"'), nil
}

func appendTimePointer(b []byte, t *time.Time, depth int) ([]byte, error) {
	out, err := appendPointer(b, t, depth, appendTime)
	if err != nil {
		return appendMarshaler(b, t) // whose error names the pointer
	}
	return out, nil
}

func appendBytes(b, data []byte) []byte {
	if data == nil {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, data)
	return append(b, '"')
}

func appendNumber(b []byte, n json.Number) ([]byte, error) {
	if len(n) == 0 || numberLen(string(n)) != len(n) {
		return appendReflect(b, n)
	}
	return append(b, n...), nil
}
