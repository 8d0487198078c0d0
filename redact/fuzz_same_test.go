package redact_test

import (
	"context"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"testing"
)

// keeper keeps the attrs that it is given.
type keeper struct{ attrs []slog.Attr }

func (*keeper) Enabled(context.Context, slog.Level) bool { return true }

func (c *keeper) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { c.attrs = append(c.attrs, a); return true })
	return nil
}

func (c *keeper) WithAttrs(attrs []slog.Attr) slog.Handler {
	c.attrs = append(c.attrs, attrs...)
	return c
}

func (c *keeper) WithGroup(string) slog.Handler { return c }

// identical reports attrs that are not the very ones that are wanted: of another
// key or type, or a copy.
func identical(t *testing.T, want, got []slog.Attr) {
	t.Helper()
	want = slices.DeleteFunc(slices.Clone(want), printsNothing)
	got = slices.DeleteFunc(slices.Clone(got), printsNothing)
	if len(want) != len(got) {
		t.Errorf("want the attrs %v, got %v", want, got)
		return
	}
	for i, w := range want {
		wv, gv := w.Value.Resolve(), got[i].Value.Resolve()
		if w.Key != got[i].Key || wv.Kind() != gv.Kind() {
			t.Errorf("%s=%v has become %s=%v", w.Key, wv, got[i].Key, gv)
			continue
		}
		if wv.Kind() == slog.KindGroup {
			identical(t, wv.Group(), gv.Group())
			continue
		}
		if !isIt(reflect.ValueOf(wv.Any()), reflect.ValueOf(gv.Any())) {
			t.Errorf("%s: the %T %[2]v has become the %[3]T %[3]v", w.Key, wv.Any(), gv.Any())
		}
	}
}

// printsNothing reports whether nothing is printed of an attr.
func printsNothing(a slog.Attr) bool {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return a.Key == "" && v.Equal(slog.Value{})
	}
	return !slices.ContainsFunc(v.Group(), func(a slog.Attr) bool { return !printsNothing(a) })
}

// isIt reports whether b is a: of the same type, with the same pointers.
func isIt(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Map, reflect.Pointer, reflect.Chan, reflect.Func:
		return a.Pointer() == b.Pointer()
	case reflect.Slice:
		return a.Len() == b.Len() && a.Pointer() == b.Pointer()
	default:
		return deepEqual(a, b, map[[2]uintptr]bool{})
	}
}

// sameValue reports whether two values, made one as the other, have the same in them.
func sameValue(a, b any) bool {
	return deepEqual(reflect.ValueOf(a), reflect.ValueOf(b), map[[2]uintptr]bool{})
}

// deepEqual is [reflect.DeepEqual], but any two functions and channels are the same, and so
// are NaNs.
func deepEqual(a, b reflect.Value, seen map[[2]uintptr]bool) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return a.IsNil() == b.IsNil()
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if a.IsNil() != b.IsNil() {
			return false
		}
		pair := [2]uintptr{a.Pointer(), b.Pointer()}
		if a.IsNil() || a.Kind() != reflect.Slice && seen[pair] {
			return true
		}
		seen[pair] = true
	default:
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return deepEqual(a.Elem(), b.Elem(), seen)
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			if other := b.MapIndex(it.Key()); !other.IsValid() || !deepEqual(it.Value(), other, seen) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !deepEqual(a.Index(i), b.Index(i), seen) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[slog.Value]() { // it holds pointers to types and to strings
			if !a.CanInterface() {
				return true
			}
			av, okA := reflect.TypeAssert[slog.Value](a)
			bv, okB := reflect.TypeAssert[slog.Value](b)
			return okA && okB && av.Kind() == bv.Kind() && deepEqual(reflect.ValueOf(av.Any()), reflect.ValueOf(bv.Any()), seen)
		}
		for i := range a.NumField() {
			if !deepEqual(a.Field(i), b.Field(i), seen) {
				return false
			}
		}
		return true
	default:
		return a.Comparable() && a.Equal(b)
	}
}
