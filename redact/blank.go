package redact

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

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
