package redact

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// rendered masks the secrets in a value that prints by methods of its own. Since
// one handler may call one method, another a different one, and a third print
// what the value is made of, all of it is looked at. If there is a secret in any
// of it, what the value prints is all that remains.
func (w *walk) rendered(v reflect.Value) (out any, changed bool) {
	defer func() {
		if p := recover(); p != nil {
			out, changed = w.panicked(v.Type(), p), true
		}
		if w.hidden > 0 {
			return
		}
		clear(w.secrets)
		w.secrets = w.secrets[:0]
		if w.blind { // there may be others
			out, changed, w.blind = w.tooDeep(), true, false
		}
	}()
	t := v.Type()
	if v.Kind() != reflect.Pointer && v.CanAddr() {
		v = v.Addr() // not to copy it, and because encoding/json does
	}
	x := v.Interface()
	if l, ok := x.(slog.LogValuer); ok {
		return w.resolved(l), true
	}
	if err, ok := x.(error); ok {
		return w.failure(err, v, t)
	}
	dirty := w.behindMethods(v, t) // first, to know what it may print
	out, changed = w.printed(x)
	if out == nil { // only a pointer to it prints by a method
		return w.inner(v, w.shared.info(t))
	}
	changed = changed || dirty
	if text, ok := out.(string); ok && changed && w.hidden == 0 && !printsByJSON(reflect.TypeOf(x)) {
		out = w.twofold(x, v, text)
	}
	return out, changed
}

// twofold returns what stands for a map or a list that prints itself as text, but
// that encoding/json prints by its members: an object stays an object. A struct
// becomes its text, as a URL should.
func (w *walk) twofold(x any, v reflect.Value, text string) any {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
	default:
		return text
	}
	info := w.shared.info(v.Type())
	if w.blind || w.over {
		return text
	}
	hits := len(w.hits)
	inner, changed := w.inner(v, info)
	w.hits = w.hits[:hits] // as for the text
	if w.blind || w.over {
		return text
	}
	if !changed {
		inner = x
	}
	raw := w.withoutSecrets(string(jsonenc.AppendAny(nil, inner)))
	if !json.Valid([]byte(raw)) {
		return text
	}
	_, stringer := x.(fmt.Stringer)
	return snapshot.Printed([]byte(raw), text, stringer)
}

// printed masks the secrets in what the methods of x print. It returns the one
// that encoding/json, or else fmt, would choose.
func (w *walk) printed(x any) (out any, changed bool) {
	if m, ok := x.(json.Marshaler); ok {
		out, changed = w.marshaled(m)
	}
	if m, ok := x.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			text = []byte("!ERROR:" + err.Error())
		}
		masked, dirty := w.printedText(string(text))
		changed = changed || dirty
		if out == nil {
			out = masked
		}
	}
	text, ok := "", true
	switch x := x.(type) {
	case fmt.Formatter:
		text = fmt.Sprintf("%+v", x)
	case fmt.Stringer:
		text = x.String()
	default:
		ok = false
	}
	if ok {
		masked, dirty := w.printedText(text)
		changed = changed || dirty
		if out == nil {
			out = masked
		}
	}
	return out, changed
}

func (w *walk) marshaled(m json.Marshaler) (out any, changed bool) {
	b, err := m.MarshalJSON()
	if err != nil {
		return w.printedText("!ERROR:" + err.Error())
	}
	raw := string(bytes.TrimSpace(b))
	if !json.Valid([]byte(raw)) {
		return w.printedText(raw)
	}
	cut := w.withoutSecrets(raw)
	if !json.Valid([]byte(cut)) {
		return w.shared.mask, true
	}
	t := jsonText{w: w, s: cut}
	t.value(0)
	s, changed := t.result()
	changed = changed || cut != raw
	if s[0] == '"' {
		return unquoteJSON(s), changed
	}
	return json.RawMessage(s), changed
}
