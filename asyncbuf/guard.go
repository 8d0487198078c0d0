package asyncbuf

import (
	"fmt"
	"runtime"
	"strings"
)

// guard calls f, which belongs to the user: a sink or a hook. A panic becomes
// an error. Its frame on the stack is what guarded looks for, so only calls
// that must not wait for a Writer go through it.
//
//go:noinline
func guard(name string, f func() error) error { return rescue(name, f) }

// guarded reports whether the calling goroutine is inside guard, of any Writer.
// To wait here could be to wait for oneself, directly or in a circle of Writers
// that log into each other. A walk of the stack is the only way to know, and is
// done only by who would have to wait.
func guarded() bool {
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
			if strings.HasSuffix(frame.Function, "/asyncbuf.guard") {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}

// rescue calls f and turns a panic into an error.
func rescue(name string, f func() error) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("%s panicked: %w", name, v)
		default:
			err = fmt.Errorf("%s panicked: %v", name, v)
		}
	}()
	return f()
}
