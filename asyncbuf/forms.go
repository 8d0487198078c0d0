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
	all := snapshot.Unknown
	for h := range behind(h) {
		switch h.(type) {
		case *Handler: // behind it are more
			continue
		case *slog.JSONHandler:
			all |= snapshot.JSON
			continue
		case *slog.TextHandler:
			all |= snapshot.Text
			continue
		}
		switch name := typeName(h); name {
		case "handler.Gate", "fanout.Handler", "fanout.Branch", "rotate.Handler":
			// They look at no value of an attr, and others are behind them.
		case "handler.JSONHandler":
			all |= snapshot.JSON
		case "handler.ConsoleHandler":
			all |= snapshot.Text
		case "logstash.Handler":
			all |= snapshot.String
		default:
			return snapshot.Unknown
		}
	}
	return all
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
