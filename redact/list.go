package redact

import (
	"reflect"
	"strings"
)

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
