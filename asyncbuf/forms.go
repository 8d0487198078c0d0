package asyncbuf

import (
	"log/slog"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// formsOf returns in which forms h and the handlers behind it print values. Those
// of this module are known by the names of their types: asyncbuf imports none of
// their packages.
func formsOf(h slog.Handler) snapshot.Forms {
	all, known := snapshot.Unknown, true
	walk(h, func(h slog.Handler) (further bool) {
		forms, ok := formOf(h)
		all |= forms
		known = known && ok
		return known
	})
	if !known {
		return snapshot.Unknown
	}
	return all
}

// formOf returns in which form h itself prints values, and whether it is known.
func formOf(h slog.Handler) (snapshot.Forms, bool) {
	switch h.(type) {
	case *slog.JSONHandler:
		return snapshot.JSON, !replaces(h)
	case *slog.TextHandler:
		return snapshot.Text, !replaces(h)
	}
	switch typeName(h) {
	case "handler.JSONHandler":
		return snapshot.JSON, !replaces(h)
	case "handler.ConsoleHandler":
		return snapshot.Text, !replaces(h)
	case "logstash.Handler":
		return snapshot.String, true
	case "asyncbuf.Handler", "handler.Gate", "handler.Recover", "handler.Context",
		"fanout.Handler", "fanout.Branch", "fanout.FirstMatch", "fanout.Failover", "rotate.Handler":
		return 0, true // they look at no value, and others are behind them
	default:
		return 0, false
	}
}

// replaces reports whether h calls a ReplaceAttr, which may look at anything. No
// handler says so, and all of these keep it under that name.
func replaces(h slog.Handler) bool {
	f, found := fieldOf(reflect.ValueOf(h), "ReplaceAttr", 4)
	return !found || f.Kind() != reflect.Func || !f.IsNil()
}

// fieldOf returns the field of a struct with a name, or that of a struct in it or
// behind a pointer in it, so many levels deep.
func fieldOf(v reflect.Value, name string, levels int) (reflect.Value, bool) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || levels == 0 {
		return reflect.Value{}, false
	}
	if f := v.FieldByName(name); f.IsValid() {
		return f, true
	}
	for _, field := range v.Fields() {
		if f, ok := fieldOf(field, name, levels-1); ok {
			return f, true
		}
	}
	return reflect.Value{}, false
}

// typeName returns the name of the type that h points to, with the path of its
// package from the root of this module.
func typeName(h slog.Handler) string {
	typ := reflect.TypeOf(h)
	if typ.Kind() != reflect.Pointer {
		return ""
	}
	typ = typ.Elem()
	root := strings.TrimSuffix(reflect.TypeFor[Handler]().PkgPath(), "asyncbuf")
	path, ok := strings.CutPrefix(typ.PkgPath(), root)
	if !ok {
		return ""
	}
	return path + "." + typ.Name()
}
