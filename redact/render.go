package redact

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
	return out, changed || dirty
}

// A secret of another length than these is not cut out of a text: all of the text
// is masked.
const (
	minSecret = 4
	maxSecret = 1 << 10
)

// maxOdd is how many secrets of another length are looked for.
const maxOdd = 64

// printedText masks the secrets in what a method prints.
func (w *walk) printedText(s string) (string, bool) {
	text := w.withoutSecrets(s)
	masked, changed := w.text(text)
	return masked, changed || text != s
}

// withoutSecrets masks, in what a method prints, the texts that stand under
// sensitive keys behind it: all that gives away a password that String prints.
func (w *walk) withoutSecrets(text string) string {
	if len(w.secrets) == 0 {
		return text
	}
	var forms []string
	rule := w.secrets[0].rule
	for _, secret := range w.secrets {
		forms = append(forms, secret.text)
		for _, quoted := range []string{string(quoteJSON(secret.text)), strconv.Quote(secret.text), strconv.QuoteToASCII(secret.text)} {
			if len(quoted) != len(secret.text)+2 {
				forms = append(forms, quoted[1:len(quoted)-1])
			}
		}
	}
	slices.SortFunc(forms, func(a, b string) int { // the longest first, not to leave a rest of it
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var pairs []string
	odd := 0
	for _, form := range slices.Compact(forms) {
		if len(form) >= minSecret && len(form) <= maxSecret {
			if !w.masked(form) {
				pairs = append(pairs, form, w.shared.mask)
			}
			continue
		}
		if odd++; form != "" && (odd > maxOdd || strings.Contains(text, form)) {
			w.hit(rule)
			return w.shared.mask
		}
	}
	if masked := strings.NewReplacer(pairs...).Replace(text); masked != text {
		w.hit(rule)
		return masked
	}
	return text
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

// behindMethods reports whether there is a secret in what v is made of, or too
// much of it to tell. V may be the address of the value of type t to print.
func (w *walk) behindMethods(v reflect.Value, t reflect.Type) bool {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	hits, failed, over, unseen := len(w.hits), len(w.failed), w.over, w.unseen
	w.unseen = unseen || printsByFmt(t)
	w.hidden++
	defer func() {
		// Whatever was found is in no output.
		w.unhide()
		w.hits, w.failed, w.over, w.unseen = w.hits[:hits], w.failed[:failed], over, unseen
	}()
	if l, ok := w.look(v); ok {
		if has(w.looked, l) {
			return false
		}
		w.looked[l] = struct{}{}
	}
	if v.Kind() == reflect.Pointer {
		if elem := v.Elem(); elem.Kind() != reflect.Interface {
			v = elem
		}
	}
	info := w.shared.info(v.Type())
	if info.guarded {
		return info.exposed(w.unseen, printsByJSON(t))
	}
	_, dirty := w.inner(v, info)
	return dirty
}

// printsByFmt reports whether fmt prints a t by a method.
func printsByFmt(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[fmt.Formatter]()) || t.Implements(reflect.TypeFor[fmt.Stringer]()) ||
		t.Implements(reflect.TypeFor[error]())
}

// printsByJSON reports whether encoding/json prints a t by a method.
func printsByJSON(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// resolved masks the secrets in the value that a LogValuer, in a place where
// handlers do not look for one, stands for.
func (w *walk) resolved(l slog.LogValuer) any {
	out, _ := w.plain(w.resolve(slog.AnyValue(l)))
	return out
}

// logged masks the secrets in a value of slog's, in a place where handlers do not
// look for one.
func (w *walk) logged(v slog.Value) (out any, changed bool) {
	out, changed = w.plain(w.resolve(v))
	return out, changed || v.Kind() == slog.KindLogValuer
}

// plain returns a value, masked, as encoding/json can print it.
func (w *walk) plain(v slog.Value) (out any, changed bool) {
	switch v.Kind() {
	case slog.KindGroup:
		a, changed, keep := w.group(slog.Attr{Value: v}, false)
		obj := object{}
		if !keep {
			return obj, changed
		}
		if a.Value.Kind() != slog.KindGroup {
			return a.Value.Any(), true // too deep
		}
		for _, m := range a.Value.Group() {
			obj = appendAttr(obj, m)
		}
		return obj, changed
	case slog.KindString:
		return w.text(v.String())
	case slog.KindAny:
		if x, changed := w.any(v.Any()); changed {
			return x, true
		}
	default:
	}
	return v.Any(), false
}

// appendAttr appends an attr, masked and resolved, to an object.
func appendAttr(obj object, a slog.Attr) object {
	if a.Value.Kind() != slog.KindGroup {
		return append(obj, objectMember{a.Key, a.Value.Any(), 0})
	}
	inner := object{}
	if a.Key == "" {
		inner = obj
	}
	for _, m := range a.Value.Group() {
		inner = appendAttr(inner, m)
	}
	if a.Key == "" {
		return inner
	}
	return append(obj, objectMember{a.Key, inner, 0})
}

// failure masks the secrets in an error. All errors that it wraps are looked at too:
// a handler may print them on their own.
func (w *walk) failure(err error, v reflect.Value, t reflect.Type) (out any, changed bool) {
	hits := len(w.hits)
	dirty := w.behindError(err, v, t)
	_, inMethods := w.printed(err)
	w.hits = w.hits[:hits] // none of these is printed
	text, changed := w.printedText(err.Error())
	if !changed && !dirty && !inMethods {
		return nil, false
	}
	return &maskedError{text: text, is: func(target error) bool { return errors.Is(err, target) }}, true
}

// behindError reports whether there is a secret in what err is made of or wraps,
// all of which is looked at once.
func (w *walk) behindError(err error, v reflect.Value, t reflect.Type) bool {
	w.hidden++
	defer w.unhide()
	n := 0
	dirty := w.wrapped(err, &n)
	return w.behindMethods(v, t) || dirty
}

// maxErrors is how many errors one may wrap.
const maxErrors = 1000

// wrapped reports whether there is a secret in the text of an error in the tree
// of err, or too many of them to tell.
func (w *walk) wrapped(err error, n *int) (dirty bool) {
	var errs []error
	switch x := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		errs = []error{x.Unwrap()}
	case interface{ Unwrap() []error }:
		errs = x.Unwrap()
	}
	for _, e := range errs {
		if e == nil {
			continue
		}
		if *n++; *n > maxErrors {
			w.blind = true
			return true
		}
		_, inText := w.text(e.Error())
		v := reflect.ValueOf(e)
		if rule := w.shared.info(v.Type()).rule; rule != none {
			w.secrets = append(w.secrets, secret{e.Error(), rule})
			inText = true
		}
		inFields := w.behindMethods(v, v.Type())
		if w.wrapped(e, n) || inText || inFields {
			dirty = true
		}
	}
	return dirty
}

// A maskedError is an error with the secrets masked in its text. [errors.Is]
// still knows what it was; nothing leads back to the error itself.
type maskedError struct {
	text string
	is   func(target error) bool // in a closure, where no handler can print it
}

// Error returns the masked text.
func (e *maskedError) Error() string { return e.text }

// Is reports what the error that was masked reports.
func (e *maskedError) Is(target error) bool { return e.is(target) }
