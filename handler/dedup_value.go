package handler

import (
	"encoding"
	"encoding/json"
	"hash/maphash"
	"math"
	"net/url"
	"reflect"
	"slices"
	"time"
)

// typeFacts is what is known of a type.
type typeFacts struct {
	number uint64 // no other type has it
	means  means
}

// means are how values of a type are compared.
type means uint8

const (
	notAtAll  means = iota
	byData          // by what they hold
	byPrinted       // by how they marshal themselves
	asError         // by their text
)

func (id *identifier) facts(typ reflect.Type) *typeFacts {
	known, ok := id.types.Load(typ)
	if !ok {
		known, _ = id.types.LoadOrStore(typ, &typeFacts{number: id.last.Add(1), means: meansOf(typ)})
	}
	f, _ := known.(*typeFacts)
	return f
}

func meansOf(typ reflect.Type) means {
	switch {
	case typ.Implements(reflect.TypeFor[error]()):
		return asError
	case holdsData(spot{typ, false}, nil):
		return byData
	case typ.Implements(reflect.TypeFor[json.Marshaler]()), typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return byPrinted
	default:
		return notAtAll
	}
}

// A spot is where a value of a type may be. Shared is one that others have too:
// what a value there keeps to itself may be under some lock.
type spot struct {
	typ    reflect.Type
	shared bool
}

// holdsData reports whether all that a value at p holds can be read, and says what
// the value is. Outer are the spots that this one is within.
func holdsData(p spot, outer []spot) bool {
	if slices.Contains(outer, p) {
		return true // if the rest of it does
	}
	outer = append(outer, p)
	switch p.typ.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Invalid:
		return false
	case reflect.Pointer, reflect.Slice:
		return holdsData(spot{p.typ.Elem(), true}, outer)
	case reflect.Array:
		return holdsData(spot{p.typ.Elem(), p.shared}, outer)
	case reflect.Map:
		return holdsData(spot{p.typ.Key(), false}, outer) && holdsData(spot{p.typ.Elem(), false}, outer)
	case reflect.Struct:
		return structHoldsData(p, outer)
	default: // of an interface, it depends on what is in it
		return true
	}
}

func structHoldsData(p spot, outer []spot) bool {
	if p.typ == reflect.TypeFor[time.Time]() || p.typ == reflect.TypeFor[url.Userinfo]() {
		return true
	}
	if path := p.typ.PkgPath(); path == "sync" || path == "sync/atomic" {
		return false
	}
	for f := range p.typ.Fields() {
		if !f.IsExported() && (p.shared || refers(f.Type)) || !holdsData(spot{f.Type, p.shared}, outer) {
			return false
		}
	}
	return true
}

// refers reports whether a value of a type can hold what others have too.
func refers(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	case reflect.Array:
		return refers(typ.Elem())
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return false
		}
		for f := range typ.Fields() {
			if refers(f.Type) {
				return true
			}
		}
	default:
	}
	return false
}

// any writes down a value of any type.
func (s *scribe) any(a any) bool {
	if a == nil {
		s.buf = append(s.buf, tagNil)
		return true
	}
	return s.interfaceValue(reflect.ValueOf(a), a, 0)
}

// interfaceValue writes down v, which is a, with its type.
func (s *scribe) interfaceValue(v reflect.Value, a any, depth int) bool {
	switch facts := s.id.facts(v.Type()); facts.means {
	case asError:
		s.number(tagError, facts.number)
		return s.marshal(a)
	case byPrinted:
		s.number(tagPrinted, facts.number)
		return s.marshal(a)
	case byData:
		s.number(tagData, facts.number)
		return s.data(v, depth)
	default:
		return false
	}
}

// marshal writes down all texts that a value has for handlers.
func (s *scribe) marshal(a any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if err, is := a.(error); is && !s.text(tagString, err.Error()) {
		return false
	}
	if e, is := a.(interface{ ErrorType() string }); is && !s.text(tagError, e.ErrorType()) { // it stands for one
		return false
	}
	if m, is := a.(json.Marshaler); is {
		b, err := m.MarshalJSON()
		if err != nil || !s.text(tagPrinted, string(b)) {
			return false
		}
	}
	if m, is := a.(encoding.TextMarshaler); is {
		b, err := m.MarshalText()
		if err != nil || !s.text(tagPrinted, string(b)) {
			return false
		}
	}
	return true
}

// data writes down what v holds, of which the type is known to the reader.
func (s *scribe) data(v reflect.Value, depth int) bool {
	if s.nodes++; s.nodes > maxNodes || depth > maxNesting || len(s.buf) > maxIdentity {
		return false
	}
	switch v.Kind() {
	case reflect.Bool:
		s.number(tagBool, truth(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.number(tagInt, uint64(v.Int())) //nolint:gosec // any bits will do
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.number(tagUint, v.Uint())
	case reflect.Float32, reflect.Float64:
		s.number(tagFloat, math.Float64bits(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		s.number(tagFloat, math.Float64bits(real(v.Complex())))
		s.number(tagFloat, math.Float64bits(imag(v.Complex())))
	case reflect.String:
		return s.text(tagString, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			s.buf = append(s.buf, tagNil)
			return true
		}
		s.buf = append(s.buf, tagData)
		return s.data(v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() {
			s.buf = append(s.buf, tagNil)
			return true
		}
		return v.CanInterface() && s.interfaceValue(v.Elem(), v.Interface(), depth+1)
	case reflect.Slice, reflect.Array:
		return s.list(v, depth)
	case reflect.Map:
		return s.mapping(v, depth)
	case reflect.Struct:
		return s.fields(v, depth)
	default:
		return false
	}
	return true
}

func (s *scribe) list(v reflect.Value, depth int) bool {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			s.buf = append(s.buf, tagNil)
			return true
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return s.text(tagString, string(v.Bytes()))
		}
	}
	s.number(tagData, uint64(v.Len())) //nolint:gosec // never negative
	for i := range v.Len() {
		if !s.data(v.Index(i), depth+1) {
			return false
		}
	}
	return true
}

// mapping writes down a map: the sum of what its entries hash to, which is the same
// in any order.
func (s *scribe) mapping(v reflect.Value, depth int) bool {
	if v.IsNil() {
		s.buf = append(s.buf, tagNil)
		return true
	}
	n := len(s.buf)
	var sum [2]uint64
	for entry := v.MapRange(); entry.Next(); {
		if !s.data(entry.Key(), depth+1) || !s.data(entry.Value(), depth+1) {
			return false
		}
		for i, seed := range s.id.seeds {
			sum[i] += maphash.Bytes(seed, s.buf[n:])
		}
		s.buf = s.buf[:n]
	}
	s.number(tagData, uint64(v.Len())) //nolint:gosec // never negative
	s.number(tagData, sum[0])
	s.number(tagData, sum[1])
	return true
}

func (s *scribe) fields(v reflect.Value, depth int) bool {
	if v.Type() == reflect.TypeFor[time.Time]() {
		if !v.CanInterface() {
			return false
		}
		t, _ := reflect.TypeAssert[time.Time](v)
		s.time(t)
		return true
	}
	for i := range v.NumField() { //nolint:modernize // the iterator allocates
		if !s.data(v.Field(i), depth+1) {
			return false
		}
	}
	return true
}
