package jsonenc

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// appendMarshaler appends what a value makes of itself.
func appendMarshaler(b []byte, m json.Marshaler) ([]byte, error) {
	if isNilPointer(m) {
		return append(b, "null"...), nil
	}
	text, err := m.MarshalJSON()
	if err == nil {
		b, err = appendCompact(b, text)
	}
	if err != nil {
		return b, &json.MarshalerError{Type: reflect.TypeOf(m), Err: err}
	}
	return b, nil
}

func appendRaw(b []byte, raw json.RawMessage) ([]byte, error) {
	if raw == nil {
		return append(b, "null"...), nil
	}
	b, err := appendCompact(b, raw)
	if err != nil {
		return b, &json.MarshalerError{Type: reflect.TypeOf(raw), Err: err}
	}
	return b, nil
}

func appendTextMarshaler(b []byte, m encoding.TextMarshaler) ([]byte, error) {
	if isNilPointer(m) {
		return append(b, "null"...), nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return b, &textError{reflect.TypeOf(m), err}
	}
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendString(b, string(text), 0)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"'), nil
}

// textError is a json.MarshalerError that names MarshalText, which only
// encoding/json can make.
type textError struct {
	typ reflect.Type
	err error
}

func (e *textError) Error() string {
	return "json: error calling MarshalText for type " + e.typ.String() + ": " + e.err.Error()
}

type address interface {
	encoding.TextAppender
	encoding.TextMarshaler
}

// appendAddr appends an address without the memory that MarshalText takes. The
// zone is the only part that can need an escape.
func appendAddr[T address](b []byte, addr T, zone string) ([]byte, error) {
	if zone != "" {
		return appendTextMarshaler(b, addr)
	}
	out, err := addr.AppendText(append(b, '"'))
	if err != nil {
		return appendTextMarshaler(b, addr)
	}
	return append(out, '"'), nil
}

// errCycle says that encoding/json found a cycle below a container that was
// followed here. It names the type at which it noticed, and that depends on
// where it began: only with the whole value it names the right one.
var errCycle = errors.New("jsonenc: cycle")

// appendNested leaves a value in depth containers to encoding/json.
func appendNested(b []byte, a any, depth int) ([]byte, error) {
	b, err := appendReflect(b, a)
	//nolint:errorlint // a cycle that a Marshaler met is its own, and errors.As calls methods that are not ours
	unsupported, ok := err.(*json.UnsupportedValueError)
	if ok && depth > 0 && strings.HasPrefix(unsupported.Str, "encountered a cycle") {
		return b, errCycle
	}
	return b, err
}

// maxPooled is the capacity above which a buffer is left to the collector, so
// that one huge record does not hold its memory for ever.
const maxPooled = 64 << 10

// A fallback is an encoder of encoding/json that appends to out.
type fallback struct {
	json *json.Encoder
	out  []byte
}

func (f *fallback) Write(p []byte) (int, error) {
	f.out = append(f.out, p...)
	return len(p), nil
}

var fallbacks = sync.Pool{New: func() any { //nolint:gochecknoglobals // a pool holds no state of the program
	f := new(fallback)
	f.json = json.NewEncoder(f)
	f.json.SetEscapeHTML(false)
	return f
}}

// appendReflect leaves a value to encoding/json.
func appendReflect(b []byte, a any) ([]byte, error) {
	f, _ := fallbacks.Get().(*fallback)
	f.out = b
	err := f.json.Encode(a) // writes all or nothing
	out := f.out
	f.out = nil
	fallbacks.Put(f)
	if err != nil {
		return b, err
	}
	return validFrom(out[:len(out)-len("\n")], len(b)), nil
}

// validFrom makes what is behind the mark valid UTF-8. encoding/json checks the
// syntax of what a Marshaler returns, but not that. What is invalid can only
// stand inside a string.
func validFrom(b []byte, mark int) []byte {
	if text := b[mark:]; !utf8.Valid(text) {
		b = append(b[:mark], bytes.ToValidUTF8(text, []byte(`\ufffd`))...)
	}
	return b
}
