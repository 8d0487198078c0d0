package redact

import (
	"fmt"
	"reflect"
)

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
