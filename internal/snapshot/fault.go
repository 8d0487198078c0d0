package snapshot

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// maxFaults is how many of the errors that an error wraps are frozen. It is more
// than any handler of this module looks at.
const maxFaults = 128

// fixed reports whether err can be passed on as it is.
func (t *Taker) fixed(err error) bool {
	_, ok := t.fixedWithin(err, maxFaults)
	return ok
}

func (t *Taker) fixedWithin(err error, left int) (rest int, ok bool) {
	for err != nil {
		if left--; left < 0 {
			return 0, false
		}
		p := t.plan(reflect.TypeOf(err))
		if p.mode != wraps {
			_, ok := t.shares(err)
			return left, ok
		}
		switch e := err.(type) { //nolint:errorlint // this is how the chain is followed
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				if left, ok = t.fixedWithin(cause, left); !ok {
					return left, false
				}
			}
			return left, true
		}
	}
	return left, true
}

// error returns what stands for an error: itself, a copy, or a fault.
func (c *copier) error(err error) error {
	if out, ok := c.any(err); ok {
		if same, ok := out.(error); ok {
			return same
		}
	}
	return c.fault(err)
}

// fault returns what stands for an error that can be neither shared nor copied.
func (c *copier) fault(err error) error {
	c.faults--
	f := fault{message: messageOf(err), typ: TypeName(err)}
	_, formats := err.(fmt.Formatter)
	if formats || strings.HasPrefix(f.message, "!") { // which may be a panic, for which fmt has other words
		f.texts = c.taker.textsOf(err, nil) // an error has a text
	} else {
		f.texts = texts{f.message, f.message, f.message}
	}
	c.size += len(f.message) + f.size()
	if reflect.TypeOf(err).Comparable() {
		f.original = err
	}
	f.trace = c.traceOf(err)
	causes, several := c.causesOf(err)
	wrap, join := wrapError{fault: f}, joinError{f, causes}
	if len(causes) > 0 {
		wrap.cause = causes[0]
	}
	switch err.(type) { //nolint:errorlint // not that of a cause
	case json.Marshaler:
		js, text := asJSON{jsonenc.AppendAny(nil, err)}, asTextOf(err, &f.texts)
		c.size += len(js.json) + len(text.text)
		if several {
			return &joinJSONError{join, js, text}
		}
		return &wrapJSONError{wrap, js, text}
	case encoding.TextMarshaler:
		text := asTextOf(err, &f.texts)
		c.size += len(text.text)
		if several {
			return &joinTextError{join, text}
		}
		return &wrapTextError{wrap, text}
	}
	if several {
		return &join
	}
	return &wrap
}

// A fault stands for an error that cannot be copied.
type fault struct {
	texts

	message, typ string
	original     error // not to be looked into: it can change
	trace        any
}

func (f *fault) Error() string { return f.message }

// Is reports whether target is the original.
func (f *fault) Is(target error) (same bool) {
	defer func() {
		if recover() != nil { // a struct can hold what cannot be compared
			same = false
		}
	}()
	return f.original != nil && f.original == target
}

func (f *fault) self() *fault { return f }

// ErrorType returns the type of the error that f stands for.
func (f *fault) ErrorType() string { return f.typ }

// The kinds of faults, by the methods that the original has.
type (
	wrapError struct {
		fault

		cause error
	}
	joinError struct {
		fault

		causes []error
	}
	wrapJSONError struct {
		wrapError
		asJSON
		asText
	}
	joinJSONError struct {
		joinError
		asJSON
		asText
	}
	wrapTextError struct {
		wrapError
		asText
	}
	joinTextError struct {
		joinError
		asText
	}
)

func (f *wrapError) Unwrap() error   { return f.cause }
func (f *joinError) Unwrap() []error { return f.causes }

// TypeName returns the name of the type of err, or of what err stands for, which
// it says by a method ErrorType.
func TypeName(err error) (name string) {
	defer func() {
		if recover() != nil || name == "" {
			name = reflect.TypeOf(err).String()
		}
	}()
	if e, ok := err.(interface{ ErrorType() string }); ok {
		return e.ErrorType()
	}
	return ""
}

func messageOf(err error) string {
	return guard(err, func(err error) ([]byte, error) { return []byte(err.Error()), nil })
}

// causesOf returns the frozen causes of err, and whether it may have several.
func (c *copier) causesOf(err error) (causes []error, several bool) {
	_, several = err.(interface{ Unwrap() []error })
	for _, cause := range Causes(err) {
		if cause == nil {
			continue
		}
		if c.faults <= 0 {
			break
		}
		causes = append(causes, c.error(cause))
	}
	return causes, several
}

// Causes returns the errors that err wraps, one or several; none if that panics.
func Causes(err error) (causes []error) {
	defer func() {
		if recover() != nil {
			causes = nil
		}
	}()
	if e, ok := err.(interface{ Unwrap() []error }); ok {
		return e.Unwrap()
	}
	if cause := errors.Unwrap(err); cause != nil {
		return []error{cause}
	}
	return nil
}
