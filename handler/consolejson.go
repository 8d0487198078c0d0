package handler

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// wideText returns the text of a value of any type for LayoutWide: JSON for what
// is made of fields or elements, if that shows all of it, and all that an error has
// to say of itself.
func wideText(a any) (text string, isJSON bool) {
	switch a := a.(type) {
	case json.RawMessage:
		return jsonText(a)
	case error:
		if f, ok := a.(fmt.Formatter); ok { // as errors with a stack are
			return formatted(f), false
		}
		return anyText(a), false
	case fmt.Stringer, fmt.Formatter, encoding.TextMarshaler, []byte, []slog.Attr, []slog.Value, *slog.Source: // a slog.Attr is a Stringer
		return anyText(a), false
	case json.Marshaler:
		return jsonText(a)
	}
	v := reflect.Indirect(reflect.ValueOf(a))
	switch v.Kind() { //nolint:exhaustive // all others are words and numbers
	case reflect.Map, reflect.Struct, reflect.Slice, reflect.Array:
		if w := (jsonWalk{}); snapshot.Finite(a) && !w.hidden(v, 0) {
			return jsonText(a)
		}
	}
	return anyText(a), false
}

// formatted renders an error as fmt does with %+v.
func formatted(f fmt.Formatter) (text string) {
	defer func() {
		if recover() != nil {
			text = anyText(f)
		}
	}()
	return panics.Sprintf("%+v", f)
}

// jsonText returns a as JSON without anything that acts on a terminal, or as text
// if it is no object and no array.
func jsonText(a any) (text string, isJSON bool) {
	b := jsonenc.AppendAny(nil, a)
	if b[0] != '{' && b[0] != '[' {
		return anyText(a), false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, b) != nil {
		return anyText(a), false
	}
	b = b[:0]
	for _, r := range compact.String() {
		if acts(r) { // it is in a string
			b = appendHex(append(b, `\u`...), r, 4)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b), true
}

// A jsonWalk looks for what JSON would not show of a value: the text of errors and
// of others with a method for it, structs without an exported field, functions. It
// looks at the first values only.
type jsonWalk struct{ nodes int }

func (w *jsonWalk) hidden(v reflect.Value, depth int) bool {
	if w.nodes++; w.nodes > 1000 || depth > 8 || !v.IsValid() {
		return false
	}
	switch v.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Map, reflect.Struct, reflect.Slice, reflect.Array, reflect.Pointer, reflect.Interface:
	default:
		return false
	}
	if depth > 0 && v.CanInterface() {
		switch v.Interface().(type) {
		case json.Marshaler, encoding.TextMarshaler:
			return false
		case error, fmt.Stringer, fmt.Formatter:
			return true
		}
	}
	return w.inside(v, depth+1)
}

func (w *jsonWalk) inside(v reflect.Value, depth int) bool {
	switch v.Kind() { //nolint:exhaustive // hidden has looked at the others
	case reflect.Pointer, reflect.Interface:
		return w.hidden(v.Elem(), depth)
	case reflect.Map:
		for _, member := range v.Seq2() {
			if w.hidden(member, depth) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for _, member := range v.Seq2() {
			if w.hidden(member, depth) {
				return true
			}
		}
	case reflect.Struct:
		exported := 0
		for field, member := range v.Fields() {
			if !field.IsExported() {
				continue
			}
			if exported++; w.hidden(member, depth) {
				return true
			}
		}
		return exported == 0 && v.NumField() > 0
	}
	return false
}
