package redact

import "log/slog"

// resolved masks the secrets in the value that a LogValuer, in a place where
// handlers do not look for one, stands for.
func (w *walk) resolved(l slog.LogValuer) any {
	out, _ := w.plain(w.resolve(slog.AnyValue(l)))
	return out
}

// logged masks the secrets in a value of slog's, in a place where handlers do not
// look for one.
func (w *walk) logged(v slog.Value) (out any, changed bool) {
	out, changed = w.plain(w.resolve(v))
	return out, changed || v.Kind() == slog.KindLogValuer
}

// plain returns a value, masked, as encoding/json can print it.
func (w *walk) plain(v slog.Value) (out any, changed bool) {
	switch v.Kind() {
	case slog.KindGroup:
		a, changed, keep := w.group(slog.Attr{Value: v}, false)
		obj := object{}
		if !keep {
			return obj, changed
		}
		if a.Value.Kind() != slog.KindGroup {
			return a.Value.Any(), true // too deep
		}
		for _, m := range a.Value.Group() {
			obj = appendAttr(obj, m)
		}
		return obj, changed
	case slog.KindString:
		return w.text(v.String())
	case slog.KindAny:
		if x, changed := w.any(v.Any()); changed {
			return x, true
		}
	default:
	}
	return v.Any(), false
}

// appendAttr appends an attr, masked and resolved, to an object.
func appendAttr(obj object, a slog.Attr) object {
	if a.Value.Kind() != slog.KindGroup {
		return append(obj, objectMember{a.Key, a.Value.Any(), 0})
	}
	inner := object{}
	if a.Key == "" {
		inner = obj
	}
	for _, m := range a.Value.Group() {
		inner = appendAttr(inner, m)
	}
	if a.Key == "" {
		return inner
	}
	return append(obj, objectMember{a.Key, inner, 0})
}
