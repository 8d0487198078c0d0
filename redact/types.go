package redact

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A typeInfo is what has to be known about a type to look at its values.
type typeInfo struct {
	inert   bool    // prints nothing but numbers under harmless keys
	methods bool    // it, or a pointer to it, prints by a method
	locked  bool    // it holds a lock: a copy of it would be a bug
	live    bool    // it holds a lock, and beside it what is not exported and prints text
	fields  []field // of a struct
}

// A field is a field of a struct as encoding/json sees it.
type field struct {
	index     int
	goName    string
	name      string // in JSON
	exported  bool
	printed   bool // in JSON
	inline    bool // its fields are those of the struct around it
	omitEmpty bool
	omitZero  bool
	quoted    bool
}

// info returns what there is to know about t. It is found out once.
func (s *shared) info(t reflect.Type) *typeInfo {
	if info, ok := s.types.Load(t); ok {
		return info.(*typeInfo) //nolint:forcetypeassert // nothing else is stored
	}
	info := &typeInfo{
		inert:   !s.prints(t, map[reflect.Type]bool{}),
		methods: hasMethods(t),
		locked:  hasLock(t),
	}
	if t.Kind() == reflect.Struct {
		info.fields = fieldsOf(t)
		for _, f := range info.fields {
			if info.locked && !f.exported && s.prints(t.Field(f.index).Type, map[reflect.Type]bool{}) {
				info.live = true
			}
		}
	}
	s.types.Store(t, info)
	return info
}

// prints reports whether a value of type t can print a text, or anything under a
// sensitive key.
func (s *shared) prints(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || isNumber(t) {
		return false
	}
	seen[t] = true
	if hasMethods(t) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return t.Elem().Kind() == reflect.Uint8 && t.Kind() != reflect.Pointer || s.prints(t.Elem(), seen)
	case reflect.Map:
		return s.prints(t.Key(), seen) || s.prints(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if len(s.keys.paths) > 0 || s.fieldIsSensitive(f) || s.prints(f.Type, seen) {
				return true
			}
		}
	default:
	}
	return false
}

func (s *shared) fieldIsSensitive(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return s.keys.has(nil, f.Name) || s.keys.has(nil, name)
}

// isNumber reports whether t prints by a method, but nothing that could be text.
func isNumber(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Month](),
		reflect.TypeFor[time.Weekday](), reflect.TypeFor[slog.Level](), reflect.TypeFor[reflect.Kind]():
		return true
	}
	return false
}

// hasMethods reports whether log/slog, encoding/json or fmt print a t, or a *t,
// by a method of its own.
func hasMethods(t reflect.Type) bool {
	if isNumber(t) || t.Kind() == reflect.Interface {
		return false
	}
	p := reflect.PointerTo(t)
	for _, m := range []reflect.Type{
		reflect.TypeFor[slog.LogValuer](), reflect.TypeFor[error](), reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[fmt.Formatter](), reflect.TypeFor[fmt.Stringer](),
	} {
		if p.Implements(m) || t.Implements(m) {
			return true
		}
	}
	return false
}

// hasLock reports whether a value of type t must not be copied.
func hasLock(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return hasLock(t.Elem())
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[sync.Locker]()) {
			return true
		}
		for f := range t.Fields() {
			if hasLock(f.Type) {
				return true
			}
		}
	default:
	}
	return false
}

// fieldsOf reads the tags of a struct as encoding/json does.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, opts, _ := strings.Cut(tag, ",")
		has := func(opt string) bool { return strings.Contains(","+opts+",", ","+opt+",") }
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		inline := f.Anonymous && name == "" && inner.Kind() == reflect.Struct
		fields = append(fields, field{
			index:     f.Index[0],
			goName:    f.Name,
			name:      cmp.Or(name, f.Name),
			exported:  f.IsExported(),
			printed:   tag != "-" && (f.IsExported() || inline),
			inline:    inline,
			omitEmpty: has("omitempty"),
			omitZero:  has("omitzero"),
			quoted:    has("string"),
		})
	}
	return fields
}
