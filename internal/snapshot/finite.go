package snapshot

import (
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// TooLarge is printed in place of a value that fmt could print without an end.
const TooLarge = "!ERROR:value too deep or too large"

// Limits on a value that fmt is asked to print. fmt would follow a map that
// contains itself until the stack overflows, which no recover can stop.
const (
	maxFiniteDepth = 32
	maxFiniteNodes = 1 << 16
)

// Finite reports whether fmt comes to an end with a: it calls the methods that
// print a value, and otherwise follows interfaces, maps, slices, arrays and
// structs, but a pointer only at the top. What a method prints is its own
// affair, and may not even be looked at: it may need a lock. Only those of
// log/slog's Attr and Value are known to print all that they hold. One that panics
// is fmt's affair, which prints what it panics with: inside of a it is tried; where
// a itself has one, it is for [panics.Sprintf].
func Finite(a any) bool {
	w := walk{}
	return w.top(a)
}

// A walk follows a value as fmt does.
type walk struct {
	depth, nodes int

	taker  *Taker // if set, the walk ends at a lock
	locked bool   // whether it did
}

// top is for a value that fmt is called with.
func (w *walk) top(a any) bool {
	if prints(a) {
		return true
	}
	v := reflect.ValueOf(a)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return w.value(v)
}

// prints reports whether a has a method that fmt calls, and that is not known.
func prints(a any) bool {
	switch a.(type) {
	case reflect.Value, slog.Value, *slog.Value, slog.Attr, *slog.Attr:
		return false
	case fmt.Formatter, fmt.Stringer, error:
		return true
	}
	return false
}

func (w *walk) value(v reflect.Value) bool {
	if w.nodes++; w.depth > maxFiniteDepth || w.nodes > maxFiniteNodes {
		return false
	}
	w.depth++
	defer func() { w.depth-- }()
	if w.guarded(v) {
		w.locked = true
		return false
	}
	if v.IsValid() && v.CanInterface() {
		a := v.Interface()
		if prints(a) {
			return w.printed(a)
		}
		switch a := a.(type) {
		case reflect.Value: // fmt looks into it
			if a.IsValid() && a.CanInterface() {
				return w.inner(a.Interface())
			}
			return w.value(a)
		case slog.Attr:
			return w.slogValue(a.Value)
		case *slog.Attr:
			return a == nil || w.slogValue(a.Value)
		case slog.Value:
			return w.slogValue(a)
		case *slog.Value:
			return a == nil || w.slogValue(*a)
		}
	}
	return w.parts(v)
}

// guarded reports whether a lock is part of a value. It does so without a look at
// the value.
func (w *walk) guarded(v reflect.Value) bool {
	return w.taker != nil && v.IsValid() && w.taker.plan(v.Type()).lock
}

// inner is for a value that fmt comes to on its way.
func (w *walk) inner(a any) bool {
	if prints(a) {
		return w.printed(a)
	}
	return w.top(a)
}

// printed reports whether fmt comes to an end with what a prints, or panics with.
func (w *walk) printed(a any) bool {
	switch a.(type) {
	case time.Time, time.Duration, netip.Addr, net.IP, *big.Int, slog.Level: // which never panic
		return true
	}
	r := panics.Of(a)
	return r == nil || w.top(r)
}

func (w *walk) parts(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return v.IsNil() || w.value(v.Elem())
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !w.value(it.Key()) || !w.value(it.Value()) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); k <= reflect.Complex128 || k == reflect.String {
			return true
		}
		for i := range v.Len() {
			if !w.value(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !w.value(field) {
				return false
			}
		}
	default:
	}
	return true
}

// slogValue follows a slog.Value, which gives what it holds to fmt.
func (w *walk) slogValue(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindGroup:
		return w.value(reflect.ValueOf(v.Group()))
	case slog.KindAny, slog.KindLogValuer:
		return w.inner(v.Any())
	default:
		return true
	}
}
