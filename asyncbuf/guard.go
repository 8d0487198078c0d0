package asyncbuf

import (
	"context"
	"runtime"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/panics"
)

// A place says what of the user's a goroutine is in. To wait for a buffer there
// could be to wait for oneself, directly or in a circle of buffers that log into
// each other. The frames on the stack are the only way to know, and are looked at
// only by who would have to wait.
type place uint8

const (
	inSink    place = 1 << iota // behind a Writer
	inHandler                   // behind a Handler
	inHook
)

// placeOf returns where a function leads to, by its name in this package. None of
// them may be inlined.
func placeOf(function string) place {
	switch function {
	case "(*writerTarget).write", "(*writerTarget).endBatch":
		return inSink
	case "(*handlerTarget).handle", "(*handlerTarget).endBatch":
		return inHandler
	case "guardHook":
		return inHook
	default:
		return 0
	}
}

// here returns where the calling goroutine is.
func here() (all place) {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if n == 0 {
			return all
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if _, name, ok := strings.Cut(frame.Function, "/asyncbuf."); ok {
				all |= placeOf(name)
			}
		}
		if n < len(pcs) {
			return all
		}
	}
}

// inside reports whether the calling goroutine must not wait for c. A Writer never
// waits for a Handler, so behind one it may wait. A Handler may wait for one that
// is built over it, and has handed it the record: these make no circle.
func (c *core) inside(ctx context.Context) bool {
	switch all := here(); {
	case all&inSink != 0:
		return true
	case !c.opts.single || all&inHandler == 0:
		return false
	case ctx == nil:
		return true
	}
	from, ok := ctx.Value(handing{}).(*core)
	return !ok || !slices.Contains(from.behind, c)
}

// handing is the key under which the context of a record has the core that hands
// it over.
type handing struct{}

type handedContext struct {
	context.Context //nolint:containedctx // it is one

	from *core
}

func (h *handedContext) Value(key any) any {
	if key == (handing{}) {
		return h.from
	}
	return h.Context.Value(key)
}

// guardHook calls f, which calls a hook. A panic becomes an error.
//
//go:noinline
func guardHook(name string, f func() error) error { return rescue(name, f) }

// rescue calls f and turns a panic into an error.
func rescue(name string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(name, v)
		}
	}()
	return f()
}

// panicked returns an error that says who panicked with v.
func panicked(name string, v any) error {
	e := &panicError{text: name + " panicked: " + panics.Text(v)}
	e.cause, _ = v.(error)
	return e
}

type panicError struct {
	text  string
	cause error // what it panicked with, nil if that is no error
}

func (e *panicError) Error() string { return e.text }
func (e *panicError) Unwrap() error { return e.cause }
