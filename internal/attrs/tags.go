package attrs

import (
	"log/slog"
	"reflect"
)

// EachTag calls yield with each tag in the value of an attr named "tags", until
// it returns false. It reports whether the value is a tag or a list of tags: a
// string, or a slice or an array of strings or of interfaces, whatever the types
// are called. What such a list holds besides strings is given as other, which is
// nil for a string.
func EachTag(v slog.Value, yield func(tag string, other any) bool) (isList bool) {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindString:
		yield(v.String(), nil)
		return true
	case slog.KindAny:
	default: // which is not to be put into an interface
		return false
	}
	switch v := v.Any().(type) {
	case []string:
		for _, tag := range v {
			if !yield(tag, nil) {
				break
			}
		}
		return true
	case nil:
		return false
	default:
		return eachTag(reflect.ValueOf(v), yield)
	}
}

func eachTag(v reflect.Value, yield func(tag string, other any) bool) (isList bool) {
	switch v.Kind() {
	case reflect.String:
		yield(v.String(), nil)
		return true
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); k != reflect.String && k != reflect.Interface {
			return false
		}
		for i := range v.Len() {
			elem := v.Index(i)
			if elem.Kind() == reflect.Interface {
				elem = elem.Elem()
			}
			more := true
			switch {
			case elem.Kind() == reflect.String:
				more = yield(elem.String(), nil)
			case elem.IsValid() && elem.CanInterface():
				more = yield("", elem.Interface())
			}
			if !more {
				break
			}
		}
		return true
	default:
		return false
	}
}
