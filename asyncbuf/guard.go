package asyncbuf

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// What belongs to the user is called by one of three functions, whose frames on
// the stack say where a goroutine is. To wait for a buffer there could be to wait
// for oneself, directly or in a circle of buffers that log into each other. A
// walk of the stack is the only way to know, and is done only by who would have
// to wait.

const (
	inSink    = "(*writerTarget).write"
	inHandler = "(*handlerTarget).handle"
	inHook    = "guardHook"
)

// guardHook calls f, which calls a hook. A panic becomes an error.
//
//go:noinline
func guardHook(name string, f func() error) error { return rescue(name, f) }

// within reports whether the calling goroutine is inside of one of the functions
// with these names.
func within(names ...string) bool {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			_, name, _ := strings.Cut(frame.Function, "/asyncbuf.")
			if slices.Contains(names, name) {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}

// inside reports whether the calling goroutine must not wait for c. Who waits for
// a Writer inside of the handler behind a Handler may do so: a Writer never waits
// for a Handler.
func (c *core) inside() bool {
	if c.opts.single {
		return within(inSink, inHandler)
	}
	return within(inSink)
}

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
	if err, ok := v.(error); ok {
		return fmt.Errorf("%s panicked: %w", name, err)
	}
	return fmt.Errorf("%s panicked: %v", name, v)
}
