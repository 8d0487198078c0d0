package asyncbuf

import (
	"errors"
	"iter"
	"log/slog"
)

// batchEnd returns a function that tells h and the handlers behind it of the end
// of a batch, those that want to hear of it; nil if there are none.
func batchEnd(h slog.Handler) func() error {
	var all []func() error
	for h := range behind(h) {
		switch h := h.(type) {
		case interface{ EndBatch() error }:
			all = append(all, h.EndBatch)
		case interface{ Flush() error }:
			all = append(all, h.Flush)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return func() error {
		var errs []error
		for _, end := range all {
			errs = append(errs, rescue("handler", end))
		}
		return errors.Join(errs...)
	}
}

// behind yields h and the handlers behind it that Unwrap finds, the outermost
// first.
func behind(h slog.Handler) iter.Seq[slog.Handler] {
	return func(yield func(slog.Handler) bool) { walk(h, yield) }
}

func walk(h slog.Handler, yield func(slog.Handler) bool) bool {
	if h == nil || !yield(h) {
		return h == nil
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
