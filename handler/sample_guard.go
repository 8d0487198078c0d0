package handler

import (
	"errors"
	"fmt"
	"log/slog"
)

// errNoReturn is what went wrong with a handler that ended its goroutine.
var errNoReturn = errors.New("the handler did not return")

// noReturn returns what went wrong with a handler that did not return: it panicked
// with v, or ended its goroutine if that is nil.
func noReturn(h slog.Handler, v any) error {
	if v == nil {
		return errNoReturn
	}
	return panicked(fmt.Sprintf("%T", h), v)
}

// guard calls f, which calls a function of the user's. A panic becomes an error.
func guard(name string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(name, v)
		}
	}()
	f()
	return nil
}

func panicked(name string, v any) error { return &PanicError{Value: v, in: name} }
