package asyncbuf

import (
	"iter"
	"log/slog"
)

// enders returns the functions by which h and the handlers behind it are told of
// the end of a batch, those that want to hear of it.
func enders(h slog.Handler) (all []func() error) {
	for h := range behind(h) {
		switch h := h.(type) {
		case interface{ EndBatch() error }:
			all = append(all, h.EndBatch)
		case interface{ Flush() error }:
			all = append(all, h.Flush)
		}
	}
	return all
}

// handlers returns the cores of the Handlers among h and those behind it.
func handlers(h slog.Handler) (all []*core) {
	for h := range behind(h) {
		if h, ok := h.(*Handler); ok {
			all = append(all, &h.to.core)
		}
	}
	return all
}

// behind yields h and the handlers behind it that Unwrap finds, the outermost
// first.
func behind(h slog.Handler) iter.Seq[slog.Handler] {
	return func(yield func(slog.Handler) bool) { walk(h, yield) }
}

func walk(h slog.Handler, yield func(slog.Handler) bool) bool {
	if h == nil {
		return true
	}
	if !yield(h) {
		return false
	}
	switch u := h.(type) {
	case interface{ Unwrap() slog.Handler }:
		return walk(u.Unwrap(), yield)
	case interface{ Unwrap() []slog.Handler }:
		for _, next := range u.Unwrap() {
			if !walk(next, yield) {
				return false
			}
		}
	}
	return true
}
