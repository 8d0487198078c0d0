package redact

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// A typeInfo is what has to be known about a type to look at its values.
type typeInfo struct {
	inert   bool    // prints nothing but numbers under harmless keys
	methods bool    // it, or a pointer to it, prints by a method
	locked  bool    // it holds a lock: a copy of it would be a bug
	guarded bool    // what is in it, only its methods may read, with a lock held
	open    bool    // it has an exported field that prints text
	private bool    // it has a field that prints text and is not exported
	tells   bool    // it is an error that tells its type or its stack
	rule    int     // by which all of it is a secret, or none
	fields  []field // of a struct
	pair    bool    // it is a struct with a name, in field named, and a value, in field value
	cookie  bool    // the value is a secret, whatever the name is
	named   int
	value   int
}

// A field is a field of a struct as encoding/json sees it.
type field struct {
	index     int
	name      string   // in JSON
	names     []string // all that it has, in Go and in any format
	exported  bool
	printed   bool // in JSON
	inline    bool // its fields are those of the struct around it
	omitEmpty bool
	omitZero  bool
	quoted    bool
	rule      int // by which its tag says that it is a secret, or none
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
		guarded: isGuarded(t),
		tells:   tells(t),
		rule:    s.ofType(t),
	}
	if t.Kind() == reflect.Struct {
		info.fields = s.fieldsOf(t)
		info.named, info.value, info.pair = pairOfFields(t)
		info.cookie = info.pair && s.cookie != none && isCookie(t)
		for _, f := range info.fields {
			if s.prints(t.Field(f.index).Type, map[reflect.Type]bool{}) {
				info.open = info.open || f.exported || f.inline
				info.private = info.private || !f.exported && !f.inline
			}
		}
	}
	s.types.Store(t, info)
	return info
}

func tells(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || !t.Implements(reflect.TypeFor[error]()) {
		return false
	}
	err, _ := reflect.TypeAssert[error](reflect.Zero(t))
	_, typed := err.(interface{ ErrorType() string })
	return typed || snapshot.Tracer(err) != nil
}

// prints reports whether a value of type t can print a text, or anything under a
// sensitive key.
func (s *shared) prints(t reflect.Type, seen map[reflect.Type]bool) bool {
	if len(s.matching) > 0 || s.ofType(t) != none {
		return true
	}
	if seen[t] {
		return t.Kind() == reflect.Slice || t.Kind() == reflect.Map // it may contain itself, and fmt would never end
	}
	if isNumber(t) {
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
			if s.keys.hasPaths() || s.fieldIsSensitive(f) || s.prints(f.Type, seen) {
				return true
			}
		}
	default:
	}
	return false
}

func (s *shared) fieldIsSensitive(f reflect.StructField) bool {
	return slices.ContainsFunc(s.rules, func(r Rule) bool { return r.hasTag(f) }) ||
		slices.ContainsFunc(namesOf(f), func(name string) bool {
			_, ok := s.keys.find(nil, name)
			return ok
		})
}

// namesOf returns the name of a field in Go, and in each format whose tag it has.
func namesOf(f reflect.StructField) []string {
	names := []string{f.Name}
	for _, format := range []string{"json", "yaml", "toml", "xml", "env", "mapstructure", "db", "form", "header"} {
		name, _, _ := strings.Cut(f.Tag.Get(format), ",")
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// pairOfFields returns the indexes of the fields of a struct that is a name and a
// value, as a variable of an environment is; ok is false if it is none.
func pairOfFields(t reflect.Type) (name, value int, ok bool) {
	name, value = -1, -1
	for f := range t.Fields() {
		switch {
		case isName(f.Name) && mayBeText(f.Type):
			name = f.Index[0]
		case isValue(f.Name):
			value = f.Index[0]
		}
	}
	return name, value, name >= 0 && value >= 0
}

// mayBeText reports whether a value of type t may be, or point to, a text.
func mayBeText(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.String || t.Kind() == reflect.Interface
}

// isCookie reports whether t is what http.Cookie is.
func isCookie(t reflect.Type) bool {
	_, is := t.FieldByName("HttpOnly")
	return is
}

func isName(key string) bool { return strings.EqualFold(key, "name") || strings.EqualFold(key, "key") }

func isValue(key string) bool { return strings.EqualFold(key, "value") }

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

// isGuarded reports whether only the methods of t know when its fields may be
// read: it holds a lock, its own or that of others, or a map that is not
// exported, which must not be read while it is written.
func isGuarded(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isGuarded(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Type.Implements(reflect.TypeFor[sync.Locker]()) || !f.IsExported() && holdsMap(f.Type) || isGuarded(f.Type) {
				return true
			}
		}
		return hasLock(t)
	default:
		return false
	}
}

func holdsMap(t reflect.Type) bool {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t.Kind() == reflect.Map
}

// exposed reports whether fmt or encoding/json, which print t by methods of it
// or not, would print fields that are not for us to look at.
func (info *typeInfo) exposed(byFmt, byJSON bool) bool {
	return info.open && (!byFmt || !byJSON) || info.private && !byFmt
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
func (s *shared) fieldsOf(t reflect.Type) []field {
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
			name:      cmp.Or(name, f.Name),
			names:     namesOf(f),
			exported:  f.IsExported(),
			printed:   tag != "-" && (f.IsExported() || inline),
			inline:    inline,
			omitEmpty: has("omitempty"),
			omitZero:  has("omitzero"),
			quoted:    has("string"),
			rule:      slices.IndexFunc(s.rules, func(r Rule) bool { return r.hasTag(f) }),
		})
	}
	return fields
}
