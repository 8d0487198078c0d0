package redact

import (
	"errors"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// failure masks the secrets in an error. All errors that it wraps are looked at too:
// a handler may print them on their own.
func (w *walk) failure(err error, v reflect.Value, t reflect.Type) (out any, changed bool) {
	hits := len(w.hits)
	dirty := w.behindError(err, v, t)
	_, inMethods := w.printed(err)
	typ, _ := w.text(errtrace.TypeName(err))
	w.hits = w.hits[:hits] // none of these is printed
	text, changed := w.printedText(err.Error())
	if !changed && !dirty && !inMethods {
		return nil, false
	}
	return &maskedError{
		text: text, typ: typ,
		is: func(target error) bool { return errors.Is(err, target) },
	}, true
}

// behindError reports whether there is a secret in what err is made of or wraps,
// all of which is looked at once.
func (w *walk) behindError(err error, v reflect.Value, t reflect.Type) bool {
	w.hidden++
	defer w.unhide()
	n := 0
	dirty := w.wrapped(err, &n)
	dirty = w.told(err, t) || dirty
	return w.behindMethods(v, t) || dirty
}

// told reports whether there is a secret in what an error tells besides its text:
// its type, and its stack where that is text.
func (w *walk) told(err error, t reflect.Type) (dirty bool) {
	if !w.shared.info(t).tells {
		return false
	}
	look := func(text string) {
		_, changed := w.text(text)
		dirty = dirty || changed
	}
	if e, ok := err.(interface{ ErrorType() string }); ok {
		look(e.ErrorType())
	}
	trace := snapshot.Tracer(err)
	if trace == nil {
		return dirty
	}
	switch trace := trace().(type) {
	case string:
		look(trace)
	case []byte:
		look(string(trace))
	case []string:
		look(strings.Join(trace, "\n"))
	}
	return dirty
}

// maxErrors is how many errors one may wrap.
const maxErrors = 1000

// wrapped reports whether there is a secret in the text of an error in the tree
// of err, or too many of them to tell.
func (w *walk) wrapped(err error, n *int) (dirty bool) {
	var errs []error
	switch x := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		errs = []error{x.Unwrap()}
	case interface{ Unwrap() []error }:
		errs = x.Unwrap()
	}
	for _, e := range errs {
		if e == nil {
			continue
		}
		if *n++; *n > maxErrors {
			w.blind = true
			return true
		}
		_, inText := w.text(e.Error())
		v := reflect.ValueOf(e)
		if rule := w.shared.info(v.Type()).rule; rule != none {
			w.secrets = append(w.secrets, secret{e.Error(), rule})
			inText = true
		}
		inFields := w.behindMethods(v, v.Type())
		told := w.told(e, v.Type())
		if w.wrapped(e, n) || inText || inFields || told {
			dirty = true
		}
	}
	return dirty
}

// A maskedError is an error with the secrets masked in its text. [errors.Is]
// still knows what it was; nothing leads back to the error itself.
type maskedError struct {
	text string
	typ  string
	is   func(target error) bool // in a closure, where no handler can print it
}

// Error returns the masked text.
func (e *maskedError) Error() string { return e.text }

// ErrorType returns the type of the error that was masked, as OpenTelemetry and
// the handlers of this module ask for it.
func (e *maskedError) ErrorType() string { return e.typ }

// Is reports what the error that was masked reports.
func (e *maskedError) Is(target error) bool { return e.is(target) }
