package redact

import (
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// remember keeps the texts and numbers under a sensitive key, if they are behind
// a method that may print them.
func (w *walk) remember(v reflect.Value, rule int) {
	if w.hidden == 0 || !v.IsValid() {
		return
	}
	if !w.enter() {
		w.blind = true
		return
	}
	defer w.leave()
	switch v.Kind() {
	case reflect.String:
		w.secrets = append(w.secrets, secret{v.String(), rule})
	case reflect.Interface, reflect.Pointer:
		w.remember(v.Elem(), rule)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			text := bytesOf(v)
			for _, form := range []string{
				string(text), base64.StdEncoding.EncodeToString(text), strings.Trim(fmt.Sprintf("%d", text), "[]"),
				hex.EncodeToString(text), fmt.Sprintf("%X", text), fmt.Sprintf("% x", text), fmt.Sprintf("% X", text),
			} {
				w.secrets = append(w.secrets, secret{form, rule})
			}
			return
		}
		if runes, ok := reflect.TypeAssert[[]rune](v); ok && v.CanInterface() {
			w.secrets = append(w.secrets, secret{string(runes), rule})
		}
		for i := range v.Len() {
			w.remember(v.Index(i), rule)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			w.remember(it.Value(), rule)
		}
	case reflect.Struct:
		if w.shared.info(v.Type()).guarded {
			return
		}
		for _, f := range v.Fields() {
			w.remember(f, rule)
		}
	default:
		if !v.IsZero() && isScalar(v.Kind()) && v.Kind() != reflect.Bool {
			w.secrets = append(w.secrets, secret{fmt.Sprint(v), rule})
		}
	}
}

// bytesOf returns the bytes of a slice or an array.
func bytesOf(v reflect.Value) []byte {
	text := make([]byte, v.Len())
	for i := range text {
		text[i] = byte(v.Index(i).Uint()) //nolint:gosec // a uint8
	}
	return text
}

// A secret is a text that a method may print.
type secret struct {
	text string
	rule int
}

// A look is a value that has been looked at, and what was known of it by then.
type look struct {
	v      any
	path   string // as much of it as a sensitive key may have
	unseen bool
}

// look says how v is looked at now; ok is false if it cannot be told from others.
func (w *walk) look(v reflect.Value) (l look, ok bool) {
	if v.Kind() != reflect.Pointer && !v.Comparable() {
		return look{}, false
	}
	l = look{v: v.Interface(), unseen: w.unseen}
	if n := max(w.shared.keys.depth, w.shared.allow.depth); n > 0 {
		l.path = strings.Join(w.path[max(0, len(w.path)-n):], ".")
	}
	return l, true
}

// unhide leaves what is behind a method.
func (w *walk) unhide() {
	if w.hidden--; w.hidden == 0 {
		clear(w.looked)
	}
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
