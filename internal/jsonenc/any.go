package jsonenc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"unicode/utf8"
)

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
