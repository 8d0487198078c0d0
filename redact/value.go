package redact

import (
	"log/slog"
	"reflect"
	"slices"
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
