package asyncbuf

import "log/slog"

// enders returns the functions by which h and the handlers behind it are told of
// the end of a batch, those that want to hear of it. Behind a Handler they hear of
// it from that.
func enders(h slog.Handler) (all []func() error) {
	walk(h, func(h slog.Handler) (further bool) {
		switch h := h.(type) {
		case *Handler:
			return false
		case interface{ EndBatch() error }:
			all = append(all, h.EndBatch)
		case interface{ Flush() error }:
			all = append(all, h.Flush)
		}
		return true
	})
	return all
}

// handlers returns the cores of the Handlers among h and those behind it.
func handlers(h slog.Handler) (all []*core) {
	walk(h, func(h slog.Handler) (further bool) {
		if h, ok := h.(*Handler); ok {
			all = append(all, &h.to.core)
		}
		return true
	})
	return all
}

// walk visits h and, as long as visit says so, the handlers behind it that Unwrap
// finds, the outermost first.
func walk(h slog.Handler, visit func(slog.Handler) (further bool)) {
	if h == nil || !visit(h) {
		return
	}
	switch u := h.(type) {
	case interface{ Unwrap() slog.Handler }:
		walk(u.Unwrap(), visit)
	case interface{ Unwrap() []slog.Handler }:
		for _, next := range u.Unwrap() {
			walk(next, visit)
		}
	}
}
