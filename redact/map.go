package redact

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

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
		m, _ := reflect.TypeAssert[map[string]string](v.Convert(reflect.TypeFor[map[string]string]()))
		for key, text := range m {
			if !w.cleanMember(key, text) {
				return false
			}
		}
	case t.ConvertibleTo(reflect.TypeFor[map[string][]string]()): // http.Header, url.Values
		m, _ := reflect.TypeAssert[map[string][]string](v.Convert(reflect.TypeFor[map[string][]string]()))
		for key, texts := range m {
			if len(texts) > 1 || !w.cleanMember(key, strings.Join(texts, "")) {
				return false
			}
		}
	case t.ConvertibleTo(reflect.TypeFor[map[string]any]()):
		m, _ := reflect.TypeAssert[map[string]any](v.Convert(reflect.TypeFor[map[string]any]()))
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
	return panics.Sprintf("%v", k.Interface())
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
