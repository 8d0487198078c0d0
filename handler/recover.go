package handler

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/panics"
)

// RecoverOptions are options for a [Recover]. A zero RecoverOptions consists
// entirely of default values.
type RecoverOptions struct {
	// OnError is called with each error of the next handler, by the goroutine that
	// logs: those that its Handle returns, as they are, and a [*PanicError] for
	// each panic of any of its methods. It must not log to the same handler. Nil
	// means that errors are only counted and returned.
	OnError func(error)
}

// Recover is a [slog.Handler] that keeps the panics of the handler behind it from
// the program. A panic in Handle is an error of Handle. After one in Enabled the
// record is offered nevertheless. After one in WithAttrs or WithGroup what was
// bound is kept here, and given to the handler as it was before with each record.
//
// A call of [runtime.Goexit] ends the goroutine as ever, and what is fatal to a
// program remains so: a concurrent map write, a stack that overflows.
//
// All methods are safe for concurrent use.
type Recover struct {
	next   slog.Handler
	bound  *attrs.Bound // what next could not be derived with, and all since
	shared *recoverShared
}

type recoverShared struct {
	onError func(error)
	outcomes
}

var _ slog.Handler = (*Recover)(nil)

// NewRecover returns a Recover before next. Nil opts are the default options. It
// panics if next is nil.
func NewRecover(next slog.Handler, opts *RecoverOptions) *Recover {
	if next == nil {
		panic("handler: NewRecover: nil next handler")
	}
	if opts == nil {
		opts = &RecoverOptions{}
	}
	return &Recover{next: next, shared: &recoverShared{onError: opts.OnError}}
}

// Enabled reports whether the next handler takes the level, and true if it panics.
func (h *Recover) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	defer func() {
		if v := recover(); v != nil {
			tell(h.shared.onError, newPanicError(methodOf(h.next, "Enabled"), v))
			enabled = true
		}
	}()
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record. It returns the error of the next handler, or a
// [*PanicError].
func (h *Recover) Handle(ctx context.Context, r slog.Record) (err error) {
	if h.bound != nil {
		r = h.bound.Build(&r, nil, nil)
	}
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil { // or else the goroutine ends
				err = newPanicError(methodOf(h.next, "Handle"), v)
			}
		}
		h.shared.count(returned && err == nil)
		if err != nil {
			tell(h.shared.onError, err)
		}
	}()
	err = h.next.Handle(ctx, r)
	returned = true
	return err
}

// WithAttrs returns a Recover before the next handler with attrs.
func (h *Recover) WithAttrs(as []slog.Attr) slog.Handler {
	if len(as) == 0 {
		return h
	}
	if h.bound == nil {
		if next := h.derive("WithAttrs", func() slog.Handler { return h.next.WithAttrs(slices.Clone(as)) }); next != nil {
			return &Recover{next: next, shared: h.shared}
		}
	}
	return &Recover{h.next, h.bound.WithAttrs(attrs.ResolveAll(as)), h.shared}
}

// WithGroup returns a Recover before the next handler with a group.
func (h *Recover) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if h.bound == nil {
		if next := h.derive("WithGroup", func() slog.Handler { return h.next.WithGroup(name) }); next != nil {
			return &Recover{next: next, shared: h.shared}
		}
	}
	return &Recover{h.next, h.bound.WithGroup(name), h.shared}
}

// derive returns what f does, and nil if it panics.
func (h *Recover) derive(method string, f func() slog.Handler) (next slog.Handler) {
	defer func() {
		if v := recover(); v != nil {
			tell(h.shared.onError, newPanicError(methodOf(h.next, method), v))
			next = nil
		}
	}()
	return f()
}

// Unwrap returns the next handler.
func (h *Recover) Unwrap() slog.Handler { return h.next }

// Stats counts the records that the next handler was given, with an error or a
// panic as dropped. Derived handlers count together.
func (h *Recover) Stats() Stats { return h.shared.stats() }

func methodOf(h slog.Handler, method string) string { return fmt.Sprintf("%T.%s", h, method) }

// outcomes counts records.
type outcomes struct{ written, dropped atomic.Uint64 }

func (o *outcomes) count(written bool) {
	if written {
		o.written.Add(1)
	} else {
		o.dropped.Add(1)
	}
}

func (o *outcomes) stats() Stats {
	written, dropped := o.written.Load(), o.dropped.Load()
	return Stats{Accepted: written + dropped, Written: written, Dropped: dropped}
}

// tell calls a hook. One that panics must not take the program down with it, and
// there is nobody left to tell.
func tell(onError func(error), err error) {
	if onError == nil {
		return
	}
	defer func() { _ = recover() }()
	onError(err)
}

// PanicError is the error that a panic becomes which a handler of this package
// keeps from the program.
type PanicError struct {
	Value any // what panic was called with

	in  string
	pcs []uintptr
}

// newPanicError returns the error for a value that a deferred function has just
// recovered from a panic in something.
func newPanicError(in string, v any) *PanicError {
	var pcs [64]uintptr
	n := runtime.Callers(3, pcs[:])
	return &PanicError{Value: v, in: in, pcs: append([]uintptr(nil), panicking(pcs[:n])...)}
}

// panicking returns the part of a stack that begins with what called panic, in
// front of which is what the runtime does about it.
func panicking(pcs []uintptr) []uintptr {
	thrown := false
	for i := range pcs {
		f, _ := runtime.CallersFrames(pcs[i : i+1]).Next()
		switch {
		case f.Function == "runtime.gopanic":
			thrown = true
		case thrown && !strings.HasPrefix(f.Function, "runtime."):
			return pcs[i:]
		}
	}
	return nil
}

// Error says where the panic was and what it was about.
func (e *PanicError) Error() string {
	text := "handler: panic in " + e.in + ": " + panicText(e.Value)
	if len(e.pcs) > 0 {
		f, _ := runtime.CallersFrames(e.pcs[:1]).Next()
		text += " at " + f.Function + " (" + f.File + ":" + strconv.Itoa(f.Line) + ")"
	}
	return text
}

// panicText prints what the runtime prints of a panic.
func panicText(v any) string {
	if err, ok := v.(error); ok {
		return errtrace.Message(err)
	}
	return panics.Text(v)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Callers returns the program counters of the stack of the panic, the innermost
// first, no more than 64, for [runtime.CallersFrames]. A handler that prints the
// stacks of errors prints it, such as [ErrorStack].
func (e *PanicError) Callers() []uintptr { return e.pcs }
