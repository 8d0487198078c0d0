package handler

import (
	"context"
	"errors"
	"log/slog"
)

// Flush writes out all that h and the handlers behind it have buffered. It
// calls Flush(context.Context) error on each handler that has it, outermost
// first, and finds the handlers behind by Unwrap() slog.Handler and
// Unwrap() []slog.Handler. Every error is returned, joined; one branch that
// fails does not keep another from being flushed. A nil h is flushed already.
//
// It cannot see what is behind a handler without Unwrap, such as
// [slog.MultiHandler].
func Flush(ctx context.Context, h slog.Handler) error {
	var errs []error
	if f, ok := h.(interface{ Flush(context.Context) error }); ok {
		errs = append(errs, f.Flush(ctx))
	}
	switch u := h.(type) {
	case interface{ Unwrap() slog.Handler }:
		errs = append(errs, Flush(ctx, u.Unwrap()))
	case interface{ Unwrap() []slog.Handler }:
		for _, next := range u.Unwrap() {
			errs = append(errs, Flush(ctx, next))
		}
	}
	return errors.Join(errs...)
}
