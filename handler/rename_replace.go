package handler

import (
	"log/slog"
	"reflect"
	"time"
)

// ReplaceType returns a function for [RenameOptions] and [slog.HandlerOptions] that
// replaces the values of type T, or if T is an interface those that implement it,
// by what f returns. A value that a [slog.LogValuer] has resolved to counts by what
// it has become. The types that a [slog.Value] keeps as one of its kinds are those
// of the kinds: an int is an int64 there, a float32 a float64. ReplaceType panics if f
// is nil.
func ReplaceType[T any](f func(T) slog.Value) func(groups []string, a slog.Attr) slog.Attr {
	if f == nil {
		panic("handler: ReplaceType: nil function")
	}
	kind, all := kindOf(reflect.TypeFor[T]())
	return func(_ []string, a slog.Attr) slog.Attr {
		if k := a.Value.Kind(); k != kind && !all || k == slog.KindGroup || k == slog.KindLogValuer {
			return a
		}
		if v, ok := a.Value.Any().(T); ok {
			a.Value = f(v)
		}
		return a
	}
}

// kindOf returns the kind of the values of a type, or that they may be of all.
func kindOf(t reflect.Type) (kind slog.Kind, all bool) {
	switch t {
	case reflect.TypeFor[string]():
		return slog.KindString, false
	case reflect.TypeFor[int64]():
		return slog.KindInt64, false
	case reflect.TypeFor[uint64]():
		return slog.KindUint64, false
	case reflect.TypeFor[float64]():
		return slog.KindFloat64, false
	case reflect.TypeFor[bool]():
		return slog.KindBool, false
	case reflect.TypeFor[time.Duration]():
		return slog.KindDuration, false
	case reflect.TypeFor[time.Time]():
		return slog.KindTime, false
	}
	return slog.KindAny, t.Kind() == reflect.Interface
}

// ReplaceAll returns a function for [RenameOptions] and [slog.HandlerOptions] that
// calls several in turn. Each is given what the one before it has returned. After
// one that returns the zero Attr no other is called. It panics if one is nil.
func ReplaceAll(funcs ...func(groups []string, a slog.Attr) slog.Attr) func(groups []string, a slog.Attr) slog.Attr {
	funcs = append([]func([]string, slog.Attr) slog.Attr(nil), funcs...)
	for _, f := range funcs {
		if f == nil {
			panic("handler: ReplaceAll: nil function")
		}
	}
	return func(groups []string, a slog.Attr) slog.Attr {
		for _, f := range funcs {
			if a = f(groups, a); a.Equal(slog.Attr{}) {
				break
			}
		}
		return a
	}
}
