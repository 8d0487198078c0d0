package snapshot

import (
	"reflect"
	"runtime"
	"strings"
)

// Tracer returns the method of err that tells its trace, or nil. These are the
// ones that libraries have. One that has program counters or frames comes
// before one that has text. Of an error that stands for another, the method
// tells what that one told.
func Tracer(err error) func() any {
	var text func() any
	switch e := err.(type) { //nolint:errorlint // every error of the chain is asked
	case interface{ self() *fault }:
		if trace := e.self().trace; trace != nil {
			return func() any { return trace }
		}
		return nil
	case interface{ Callers() []uintptr }: // go-errors/errors, bugsnag-go
		return func() any { return e.Callers() }
	case interface{ StackFrames() []uintptr }: // rotisserie/eris
		return func() any { return e.StackFrames() }
	case interface{ StackFrames() []runtime.Frame }: // samber/oops
		return func() any { return e.StackFrames() }
	case interface{ Stack() []uintptr }:
		return func() any { return e.Stack() }
	case interface{ Stack() []byte }: // what debug.Stack returns
		text = func() any { return e.Stack() }
	case interface{ Stacktrace() string }:
		text = func() any { return e.Stacktrace() }
	case interface{ Stack() string }:
		text = func() any {
			if s := e.Stack(); strings.Contains(s, "\n") {
				return s
			}
			return nil // there are stacks of other kinds, which have names
		}
	}
	// The result mostly has a type of the library's own: []Frame, a uintptr, in
	// pkg/errors and what descends from it, []Frame, a struct, in ztrue/tracerr,
	// []string in juju/errors. The name is a constant so that the linker can
	// still leave out methods that nobody calls.
	m, ok := reflect.TypeOf(err).MethodByName("StackTrace")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		return text
	}
	return func() any { return m.Func.Call([]reflect.Value{reflect.ValueOf(err)})[0].Interface() }
}

// traceOf returns a copy of the trace that err tells, nil if it tells none or
// one that cannot be copied.
func (c *copier) traceOf(err error) (trace any) {
	defer func() {
		if recover() != nil {
			trace = nil
		}
	}()
	if !c.taker.plan(reflect.TypeOf(err)).tell {
		return nil
	}
	if trace, ok := c.any(Tracer(err)()); ok {
		return trace
	}
	return nil
}
