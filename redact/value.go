package redact

import (
	"encoding"
	"encoding/base64"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// any masks the secrets in a value of any type. If there is one, out is the JSON
// form of the value, masked: an object, a map[string]any, a []any or a string.
func (w *walk) any(x any) (out any, changed bool) {
	return w.value(reflect.ValueOf(x))
}

// value looks at all that encoding/json or fmt would print of v: the exported
// fields with what pointers lead to, and the other fields as they are.
func (w *walk) value(v reflect.Value) (out any, changed bool) {
	if !v.IsValid() || w.over {
		return nil, w.over
	}
	info := w.shared.info(v.Type())
	if info.inert || !w.count() {
		return nil, w.over
	}
	if info.rule != none && !holdsNothing(v) {
		w.remember(v, info.rule)
		return w.hideValue(info.rule, v), true
	}
	if v.CanInterface() {
		switch v.Type() {
		case reflect.TypeFor[slog.Attr]():
			a, changed, keep := w.attr(v.Interface().(slog.Attr)) //nolint:forcetypeassert // it is one
			if changed && !keep {
				return removed{}, true
			}
			return a, changed
		case reflect.TypeFor[slog.Value]():
			return w.logged(v.Interface().(slog.Value)) //nolint:forcetypeassert // it is one
		}
	}
	if info.methods && v.CanInterface() && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		if w.hidden > 0 {
			if l, ok := w.look(v); ok && has(w.looked, l) {
				return nil, false
			}
		}
		return w.rendered(v)
	}
	return w.inner(v, info)
}

// inner masks the secrets in what v is made of.
func (w *walk) inner(v reflect.Value, info *typeInfo) (out any, changed bool) {
	switch v.Kind() {
	case reflect.String:
		return anyOf(w.text(v.String()))
	case reflect.Interface:
		return w.value(v.Elem())
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || v.Kind() == reflect.Pointer && !v.CanInterface() {
			return nil, false
		}
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return anyOf(w.textOf(v.Bytes()))
		}
		self := ref{v.Pointer(), 0, v.Type()}
		if v.Kind() == reflect.Slice {
			self.len = v.Len()
		}
		if slices.Contains(w.open, self) {
			if w.hidden > 0 {
				return nil, false // a method need not print it all
			}
			return w.tooDeep(), true
		}
		if w.hidden > 0 && v.CanInterface() {
			l, _ := w.look(reflect.ValueOf(self))
			if has(w.looked, l) {
				return nil, false
			}
			w.looked[l] = struct{}{}
		}
		w.open = append(w.open, self)
		defer func() { w.open = w.open[:len(w.open)-1] }()
	case reflect.Array, reflect.Struct:
	default:
		return nil, false
	}
	if w.depth >= maxDepth {
		return w.tooDeep(), true
	}
	w.depth++
	defer w.leave()
	switch v.Kind() {
	case reflect.Pointer:
		return w.value(v.Elem())
	case reflect.Map:
		if w.cleanMap(v) {
			return nil, false
		}
		return w.entries(v)
	case reflect.Struct:
		return w.structure(v, info)
	default:
		return w.elements(v)
	}
}

func has[K comparable](set map[K]struct{}, key K) bool {
	_, ok := set[key]
	return ok
}

func anyOf(s string, changed bool) (any, bool) {
	if !changed {
		return nil, false
	}
	return s, true
}

// elements masks the secrets in a slice or an array.
func (w *walk) elements(v reflect.Value) (out any, changed bool) {
	if v.Kind() == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8 {
		return anyOf(w.text(string(bytesOf(v))))
	}
	var list []any
	before := ""
	rule := w.listRule()
	for i := range v.Len() {
		elem, dirty := w.element(v.Index(i), rule)
		if text, ok := textOf(v.Index(i)); ok {
			left := text
			if dirty {
				left, _ = elem.(string)
			}
			if masked, ok := w.argument(before, left); ok {
				elem, dirty = masked, true
			}
			before = text
		}
		if w.over {
			return nil, true
		}
		if dirty && list == nil {
			list = make([]any, 0, v.Len())
			for j := range i {
				list = append(list, w.kept(v.Index(j)))
			}
		}
		switch {
		case isRemoved(elem):
		case dirty:
			list = append(list, elem)
		case list != nil:
			list = append(list, w.kept(v.Index(i)))
		}
	}
	return list, list != nil
}

// element masks the secrets in an element of a list, or all of it by a rule.
func (w *walk) element(v reflect.Value, rule int) (out any, changed bool) {
	if rule == none || blank(v) {
		return w.value(v)
	}
	w.remember(v, rule)
	return w.hideValue(rule, v), true
}

// textOf returns the text that a value is, or points to.
func textOf(v reflect.Value) (string, bool) {
	for (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return string(v.Bytes()), true
	}
	return "", false
}

// argument masks an element of a list that may be the arguments, or the
// environment, of a program: the one after --password, and all after PASSWORD=.
func (w *walk) argument(before, text string) (masked string, ok bool) {
	if strings.HasPrefix(before, "-") && !strings.ContainsAny(before, "= \t") && !strings.HasPrefix(text, "--") &&
		text != "" && !w.masked(text) {
		if rule := w.sensitive(strings.TrimLeft(before, "-")); rule != none {
			masked, _ := w.hide(rule, text, true)
			return masked, true
		}
	}
	name, value, found := strings.Cut(text, "=")
	if !found || value == "" || w.masked(value) || isNothing(value) || meansElse(name, value) ||
		bareKey(name, len(name)) > 0 {
		return "", false
	}
	rule := w.sensitive(strings.TrimLeft(name, "-"))
	if rule == none {
		return "", false
	}
	masked, _ = w.hide(rule, value, true)
	return name + "=" + masked, true
}

// maxPair is how many entries a map has at most that is looked at as a name and
// a value, with what describes them.
const maxPair = 8

// cleanMap reports, at little cost, whether a map of one of the usual types is
// clean for certain.
func (w *walk) cleanMap(v reflect.Value) bool {
	if w.shared.slow || !v.CanInterface() || v.Len() > maxNodes-w.nodes-w.behind {
		return false
	}
	switch t := v.Type(); {
	case t.ConvertibleTo(reflect.TypeFor[map[string]string]()):
		m, _ := v.Convert(reflect.TypeFor[map[string]string]()).Interface().(map[string]string)
		for key, text := range m {
			if !w.cleanMember(key, text) {
				return false
			}
		}
	case t.ConvertibleTo(reflect.TypeFor[map[string][]string]()): // http.Header, url.Values
		m, _ := v.Convert(reflect.TypeFor[map[string][]string]()).Interface().(map[string][]string)
		for key, texts := range m {
			if len(texts) > 1 || !w.cleanMember(key, strings.Join(texts, "")) {
				return false
			}
		}
	case t.ConvertibleTo(reflect.TypeFor[map[string]any]()):
		m, _ := v.Convert(reflect.TypeFor[map[string]any]()).Interface().(map[string]any)
		for key, value := range m {
			switch value := value.(type) {
			case string:
				if !w.cleanMember(key, value) {
					return false
				}
			case nil, bool, int, int64, uint64, float64, time.Time, time.Duration:
				if !w.cleanMember(key, "") {
					return false
				}
			default:
				return false
			}
		}
	default:
		return false
	}
	return true
}

// cleanMember reports whether a key and the text that it has are clean for certain.
func (w *walk) cleanMember(key, text string) bool {
	return w.count() && w.sensitive(key) == none && w.cleanText(key, w.suspect(key)) && w.cleanText(text, w.suspect(text)) &&
		(!isName(key) || w.sensitive(text) == none)
}

// entries masks the secrets in a map, and in its keys.
func (w *walk) entries(v reflect.Value) (out any, changed bool) {
	type entry struct {
		key   string
		value any
	}
	entries := make([]entry, 0, min(v.Len(), maxNodes))
	named := w.nameRule(v)
	for it := v.MapRange(); it.Next(); {
		if !w.count() {
			return nil, true
		}
		name := w.mapKey(it.Key())
		key, dirtyKey := w.name(w.withoutSecretsOf(it.Key(), name))
		dirtyKey = dirtyKey || key != name
		rule := w.memberRule(name, it.Value())
		if rule == none && isValue(name) {
			rule = named
		}
		value, dirty := w.member(it.Value(), key, rule)
		if w.over {
			return nil, true
		}
		if isRemoved(value) {
			changed = true
			continue
		}
		if !dirty {
			value = w.kept(it.Value())
		}
		changed = changed || dirty || dirtyKey
		entries = append(entries, entry{key, value})
	}
	if !changed {
		return nil, false
	}
	masked := make(map[string]any, len(entries))
	same := map[string]int{} // how many of a key there are so far
	for _, e := range entries {
		key := e.key
		for taken := true; taken; {
			if same[e.key]++; same[e.key] > 1 {
				key = e.key + "#" + strconv.Itoa(same[e.key]) // nothing is lost where masked keys are the same
			}
			_, taken = masked[key]
		}
		masked[key] = e.value
	}
	return masked, true
}

// mapKey returns the text that the key of a map entry prints.
func (w *walk) mapKey(k reflect.Value) (text string) {
	for k.Kind() == reflect.Interface && !k.IsNil() {
		k = k.Elem()
	}
	if k.Kind() == reflect.String {
		return k.String()
	}
	if !k.CanInterface() {
		return fmt.Sprint(k)
	}
	defer func() {
		if p := recover(); p != nil {
			text = w.panicked(k.Type(), p)
		}
	}()
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](k); ok {
		if b, err := m.MarshalText(); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(k.Interface())
}

// withoutSecretsOf masks, in what the key of a map prints, the secrets that are in
// its fields.
func (w *walk) withoutSecretsOf(k reflect.Value, text string) string {
	if k.Kind() == reflect.Interface {
		k = k.Elem()
	}
	if !k.IsValid() || k.Type() == reflect.TypeFor[string]() || w.over {
		return text
	}
	if rule := w.shared.info(k.Type()).rule; rule != none {
		if out, gone := w.hide(rule, text, true); !gone {
			return out
		}
		return w.shared.mask
	}
	if k.Kind() == reflect.String || isScalar(k.Kind()) {
		return text
	}
	hits, secrets := len(w.hits), len(w.secrets)
	w.hidden++
	_, dirty := w.value(k)
	w.unhide()
	w.hits = w.hits[:hits]
	defer func() { w.secrets = w.secrets[:secrets] }()
	if !dirty {
		return text
	}
	if masked := w.withoutSecrets(text); masked != text {
		return masked
	}
	return w.fail(w.shared.mask, "a key of type %v prints a secret otherwise than as it is", k.Type())
}

// nameRule returns the rule by which the name in a map of a name and a value is
// sensitive, or none.
func (w *walk) nameRule(v reflect.Value) int {
	if v.Type().Key().Kind() != reflect.String || v.Len() > maxPair {
		return none
	}
	for it := v.MapRange(); it.Next(); {
		if !isName(it.Key().String()) {
			continue
		}
		if name, ok := textOf(it.Value()); ok {
			if rule := w.sensitive(name); rule != none {
				return rule
			}
		}
	}
	return none
}

// memberRule returns the rule by which what has one of these names is sensitive,
// or none.
func (w *walk) memberRule(name string, v reflect.Value) int {
	if len(w.shared.matching) == 0 || !v.IsValid() || !v.CanInterface() {
		return w.sensitive(name)
	}
	return w.sensitiveValue(name, slog.AnyValue(v.Interface()))
}

// member masks a value that has a key: all of it if there is a rule for that.
func (w *walk) member(v reflect.Value, name string, rule int) (out any, changed bool) {
	w.push(name)
	defer w.pop()
	if rule == none {
		return w.value(v)
	}
	if blank(v) || isCount(name, v) {
		return nil, false
	}
	if text, ok := textOf(v); ok && w.hides(rule, text) {
		return nil, false
	}
	w.remember(v, rule)
	return w.hideValue(rule, v), true
}

// hideValue masks all of a value.
func (w *walk) hideValue(rule int, v reflect.Value) any {
	text, ok := "", false
	if w.shared.rules[rule].Action.needsText() {
		switch {
		case v.Kind() == reflect.String:
			text, ok = v.String(), true
		case v.CanInterface():
			text, ok = w.plainText(slog.AnyValue(v.Interface()))
		}
	}
	out, gone := w.hide(rule, text, ok)
	if gone {
		return removed{}
	}
	return out
}

// remember keeps the texts and numbers under a sensitive key, if they are behind
// a method that may print them.
func (w *walk) remember(v reflect.Value, rule int) {
	if w.hidden == 0 || !v.IsValid() || w.depth >= maxDepth || !w.count() {
		return
	}
	w.depth++
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
				string(text), base64.StdEncoding.EncodeToString(text), strings.Trim(fmt.Sprint(text), "[]"),
				fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprintf("% x", text), fmt.Sprintf("% X", text),
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

// blank reports whether v shows nothing that could be the secret under a key: what
// is empty, whether there is one, or how long it is good for.
func blank(v reflect.Value) bool {
	if !v.IsValid() || v.Kind() == reflect.Bool || v.Type() == reflect.TypeFor[time.Duration]() {
		return true
	}
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		return blank(v.Elem())
	}
	return holdsNothing(v)
}

// maxCount is the largest number that is a count under a key in the plural.
const maxCount = 999

// isCount reports whether a number says how many there are: cookies=5.
func isCount(key string, v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case !isPlural(key):
		return false
	case v.CanInt():
		return 0 <= v.Int() && v.Int() <= maxCount
	case v.CanUint():
		return v.Uint() <= maxCount
	}
	return false
}

// isCountText is isCount for a number in a text.
func isCountText(key, text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n <= maxCount && isPlural(key)
}

// isPlural reports whether a key ends in an s, other than in pass.
func isPlural(key string) bool {
	key = fold(key)
	return strings.HasSuffix(key, "s") && !strings.HasSuffix(key, "ss")
}

// holdsNothing reports whether v is nil, or an empty text, map or slice.
func holdsNothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.String, reflect.Map, reflect.Slice, reflect.Array:
		return v.Len() == 0
	default:
		return false
	}
}

// structure masks the secrets in a struct.
func (w *walk) structure(v reflect.Value, info *typeInfo) (out any, changed bool) {
	var obj object
	if info.guarded && w.hidden > 0 {
		return nil, info.exposed(w.unseen, false)
	}
	guarded := w.guarded
	defer func() { w.guarded = guarded }()
	w.guarded = guarded || info.guarded
	if w.guarded && info.private && !w.unseen {
		// What a lock guards is not for us to read, nor for fmt to print.
		obj, changed = object{}, true
	}
	named := none
	if info.pair {
		if name, ok := textOf(v.Field(info.named)); ok {
			named = w.sensitive(name)
		}
		if info.cookie {
			named = w.shared.cookie
		}
	}
	for i, f := range info.fields {
		if w.guarded && !f.exported && !f.inline {
			continue
		}
		rule := w.fieldRule(v.Field(f.index), f)
		if rule == none && f.index == info.value {
			rule = named
		}
		value, dirty := w.field(v.Field(f.index), f, rule)
		if w.over {
			return nil, true
		}
		if dirty && !changed {
			obj, changed = object{}, true
			for _, before := range info.fields[:i] {
				obj = w.appendField(obj, before, v.Field(before.index), nil, false)
			}
		}
		if changed {
			obj = w.appendField(obj, f, v.Field(f.index), value, dirty)
		}
	}
	if !changed {
		return nil, false
	}
	return obj.unique(), true
}

// fieldRule returns the rule by which a field is sensitive, or none.
func (w *walk) fieldRule(v reflect.Value, f field) int {
	first := f.rule
	names := f.names
	if f.inline {
		names = names[:1] // that of its type
	}
	for _, name := range names {
		if rule := w.memberRule(name, v); rule != none && (first == none || rule < first) {
			first = rule
		}
	}
	return first
}

func (w *walk) field(v reflect.Value, f field, rule int) (out any, changed bool) {
	if !f.inline {
		return w.member(v, f.name, rule)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, false
		}
		v = v.Elem()
	}
	if rule != none {
		return w.hideValue(rule, v), true
	}
	return w.value(v)
}

// appendField appends a field to obj as encoding/json prints it: as it is, or as
// value if it is dirty.
func (w *walk) appendField(obj object, f field, v reflect.Value, value any, dirty bool) object {
	if !f.printed || isRemoved(value) || f.omitZero && v.IsZero() || f.omitEmpty && isEmpty(v) {
		return obj
	}
	if f.inline {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return obj
			}
			v = v.Elem()
		}
		inner, ok := value.(object)
		if dirty && !ok {
			return append(obj, objectMember{f.name, value, 0})
		}
		if !dirty {
			info := w.shared.info(v.Type())
			for _, g := range info.fields {
				inner = w.appendField(inner, g, v.Field(g.index), nil, false)
			}
		}
		for _, m := range inner {
			m.level++
			obj = append(obj, m)
		}
		return obj
	}
	if !dirty {
		value = w.kept(v)
		if f.quoted {
			value = quotedForm(v, value)
		}
	}
	return append(obj, objectMember{f.name, value, 0})
}

// quotedForm returns what the option "string" of encoding/json makes of a value.
func quotedForm(v reflect.Value, value any) any {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String:
		return string(quoteJSON(v.String()))
	case isScalar(v.Kind()):
		return fmt.Sprint(v)
	default:
		return value
	}
}

// kept returns a value without a secret for a place in a masked copy.
func (w *walk) kept(v reflect.Value) any {
	if !v.CanInterface() {
		return nil // never printed by encoding/json
	}
	if v.CanAddr() && w.shared.info(v.Type()).locked {
		return v.Addr().Interface()
	}
	return v.Interface()
}

func isScalar(k reflect.Kind) bool {
	return reflect.Bool <= k && k <= reflect.Float64 && k != reflect.Uintptr
}

// isEmpty is what omitempty means by it.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}
