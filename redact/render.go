package redact

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
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
	if !printsByJSON(reflect.TypeOf(x)) {
		return w.texted(x, v, t, dirty)
	}
	out, changed = w.printed(x)
	return out, changed || dirty
}

// texted masks the secrets in what prints itself as text, but not as JSON.
func (w *walk) texted(x any, v reflect.Value, t reflect.Type, dirty bool) (out any, changed bool) {
	text, changed, own, ok := w.formatted(x)
	if !ok { // only a pointer to it prints by a method
		return w.inner(v, w.shared.info(t))
	}
	if dirty && !own && w.hidden == 0 {
		if out := w.members(x, v, text); out != nil {
			return out, true
		}
	}
	return text, dirty || changed
}

// formatted masks the secrets in what fmt prints of x by a method of its own. Own
// says that there are others than those behind the method. A String method that fmt
// does not call is looked at as well, since there are handlers that do.
func (w *walk) formatted(x any) (masked string, changed, own, ok bool) {
	var text string
	s, stringer := x.(fmt.Stringer)
	switch f, formatter := x.(fmt.Formatter); {
	case formatter:
		text = panics.Sprintf("%+v", f)
		if stringer {
			_, own = w.printedText(s.String())
		}
	case stringer:
		text = s.String()
	default:
		return "", false, false, false
	}
	plain := w.withoutSecrets(text)
	masked, more := w.text(plain)
	own = own || more
	return masked, own || plain != text, own, true
}

// members returns what stands for a map or a list that encoding/json prints by its
// members: an object stays an object. All that the text gives away has to be in
// these, where it is masked, or else, and of a struct, which may be a URL, the text
// is all that remains, and members returns nil.
func (w *walk) members(x any, v reflect.Value, text string) any {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
	default:
		return nil
	}
	hits := len(w.hits)
	inner, changed := w.inner(v, w.shared.info(v.Type()))
	w.hits = w.hits[:hits] // as for the text
	if !changed || w.blind || w.over {
		return nil
	}
	raw := w.withoutSecrets(string(jsonenc.AppendAny(nil, inner)))
	if strings.HasPrefix(raw, `"!ERROR:`) || !json.Valid([]byte(raw)) {
		return nil
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
	if text, dirty, _, ok := w.formatted(x); ok {
		changed = changed || dirty
		if out == nil {
			out = text
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
