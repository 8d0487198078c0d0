package handler

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// ErrorStackOptions are options for an [ErrorStack]. A zero ErrorStackOptions
// consists entirely of default values.
type ErrorStackOptions struct {
	// MessageKey, TypeKey, StackKey and CausesKey are the keys of what is told of an
	// error. Empty means "message", "type", "stack" and "causes".
	MessageKey, TypeKey, StackKey, CausesKey string

	// Beside leaves an error as it is, and puts what is told of it beside it, under
	// the error's key and the one above: err, err_type, err_stack, err_causes. False
	// makes a group of it.
	Beside bool

	// Depth is the most frames of each stack that are told, the innermost ones.
	// 0 means 50, less than 0 no stacks.
	Depth int

	// RootFirst tells the stack of the innermost error first. False tells it last.
	RootFirst bool

	// Stack returns the stack of an error, as text, in the place of what would be
	// told of it; it is for errors that no method tells it of. The empty string
	// means that it does not know. It is called for errors, not for those that they
	// wrap. Nil knows none.
	Stack func(err error) string

	// CallLevel is the level from which on a record gets the stack of the log call,
	// at the top level, whether there is an error or not. It is asked for each
	// record. Nil means none. Groups that WithGroup has opened are passed on in such
	// a record, as by a [Context].
	CallLevel slog.Leveler

	// CallKey is the key of that stack. Empty means "stack".
	CallKey string

	// OnError is called with a [*PanicError] for each call of Stack that panics, by
	// the goroutine that logs. It must not log to the same handler. Nil means that
	// nothing tells of it.
	OnError func(error)
}

// ErrorStack is a [slog.Handler] that tells more of each error than its text, before
// whatever handler is behind it. An error anywhere among the attrs becomes a group:
//
//	message  the text
//	type     the type of the error at the end of the chain that it wraps, which says
//	         most: "*net.OpError" rather than "*fmt.wrapError"; where one of them
//	         wraps several, the last whose type is of more than errors or fmt
//	stack    if it or one that it wraps has one: the stacks of all of them, with the
//	         type and text of each, as text of several lines
//	causes   if it wraps several errors: their texts
//
// A []error becomes a list of texts. What becomes of an error without a key stands
// outside of a group, as it does of every group without one.
//
// Stacks are found by the methods that errors of pkg/errors, cockroachdb/errors,
// go-errors, eris, oops, tracerr, juju/errors and their like have, see
// [ErrorStackOptions.Stack] for others. A stack has up to 512 frames and the text up
// to about 64 KiB, of up to 64 errors of one tree, and all begin with "\tat ". Frames
// that an error's stack has in common with that of the error around it are not
// told again.
//
// An error whose method panics, or that is a nil pointer, has a placeholder as its
// text. A record without an error is passed on as it is.
//
// The stack of a log call is missing if the record comes from another goroutine,
// as behind an asynchronous handler.
//
// All methods are safe for concurrent use.
type ErrorStack struct {
	topLevel

	shared *errorStackShared
}

type errorStackShared struct {
	opts  ErrorStackOptions
	style errtrace.Style
	rw    rewriter
}

var _ slog.Handler = (*ErrorStack)(nil)

// NewErrorStack returns an ErrorStack before next. Nil opts are the default options.
// It panics if next is nil.
func NewErrorStack(next slog.Handler, opts *ErrorStackOptions) *ErrorStack {
	if next == nil {
		panic("handler: NewErrorStack: nil next handler")
	}
	s := new(errorStackShared)
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	o.MessageKey, o.TypeKey = cmp.Or(o.MessageKey, "message"), cmp.Or(o.TypeKey, "type")
	o.StackKey, o.CausesKey = cmp.Or(o.StackKey, "stack"), cmp.Or(o.CausesKey, "causes")
	o.CallKey, o.Depth = cmp.Or(o.CallKey, "stack"), cmp.Or(o.Depth, 50)
	s.style = errtrace.Style{Depth: o.Depth, RootFirst: o.RootFirst}
	s.rw.replace, s.rw.concerns = s.replace, isError
	return &ErrorStack{topLevel{next: next}, s}
}

func isError(v any) bool {
	switch v.(type) {
	case error, []error:
		return true
	}
	return false
}

// replace is for a rewriter.
func (s *errorStackShared) replace(_ []string, a slog.Attr) (out slog.Attr, changed, done bool) {
	if a.Value.Kind() != slog.KindAny {
		return a, false, false
	}
	switch v := a.Value.Any().(type) {
	case error:
		return s.tell(a.Key, v), true, true
	case []error:
		if v != nil {
			a.Value = slog.AnyValue(texts(v))
			return a, true, true
		}
	}
	return a, false, false
}

// tell returns what is told of an error.
func (s *errorStackShared) tell(key string, err error) slog.Attr {
	o := &s.opts
	list := make([]slog.Attr, 0, 4)
	name := func(of string) string { return of }
	if o.Beside {
		name = func(of string) string { return key + "_" + of }
		list = append(list, slog.Any(key, err))
	} else {
		list = append(list, slog.String(o.MessageKey, errtrace.Message(err)))
	}
	list = append(list, slog.String(name(o.TypeKey), errtrace.TypeName(err)))
	if stack := s.stack(err); stack != "" {
		list = append(list, slog.String(name(o.StackKey), stack))
	}
	if causes := severalCauses(err); len(causes) > 0 {
		list = append(list, slog.Any(name(o.CausesKey), texts(causes)))
	}
	if o.Beside {
		key = ""
	}
	return slog.Attr{Key: key, Value: slog.GroupValue(list...)}
}

// stack returns the text of the stacks of an error, or nothing.
func (s *errorStackShared) stack(err error) string {
	if s.opts.Depth < 0 {
		return ""
	}
	if s.opts.Stack != nil {
		if text := s.askForStack(err); text != "" {
			return text
		}
	}
	text, _ := s.style.OfError(err)
	return text
}

func (s *errorStackShared) askForStack(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			tell(s.opts.OnError, newPanicError("ErrorStackOptions.Stack", v))
			text = ""
		}
	}()
	return s.opts.Stack(err)
}

// maxCauses is how many errors are looked at, or told, of those that one wraps.
const maxCauses = 64

// severalCauses returns the errors that the first one in the chain wraps that may
// wrap several.
func severalCauses(err error) []error {
	for range maxCauses {
		causes := snapshot.Causes(err)
		switch {
		case len(causes) == 0:
			return nil
		case len(causes) > 1:
			return causes
		}
		if err = causes[0]; err == nil {
			return nil
		}
	}
	return nil
}

func texts(errs []error) []string {
	list := make([]string, 0, min(len(errs), maxCauses))
	for _, err := range errs {
		switch {
		case err == nil:
		case len(list) == maxCauses:
			return append(list, "...")
		default:
			list = append(list, errtrace.Message(err))
		}
	}
	return list
}

// Enabled reports whether the next handler takes the level.
func (h *ErrorStack) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record with what there is to tell.
func (h *ErrorStack) Handle(ctx context.Context, r slog.Record) error {
	r = h.shared.rw.record(r, place{})
	if from := h.shared.opts.CallLevel; from != nil && r.Level >= from.Level() && h.shared.opts.Depth > 0 {
		if stack, _ := h.shared.style.OfCall(r.PC); stack != "" {
			next, whole := h.with(&r, nil, nil)
			whole.AddAttrs(slog.String(h.shared.opts.CallKey, stack))
			return next.Handle(ctx, whole)
		}
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs returns an ErrorStack before the next handler with attrs, of whose
// errors is told what there is now.
func (h *ErrorStack) WithAttrs(as []slog.Attr) slog.Handler {
	if as = h.shared.rw.bound(as, place{}); len(as) == 0 {
		return h
	}
	return &ErrorStack{h.withAttrs(as), h.shared}
}

// WithGroup returns an ErrorStack before the next handler with a group.
func (h *ErrorStack) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if h.shared.opts.CallLevel == nil { // nothing is ever added outside of the group
		return &ErrorStack{topLevel{next: h.next.WithGroup(name)}, h.shared}
	}
	return &ErrorStack{h.withGroup(name), h.shared}
}

// Unwrap returns the next handler.
func (h *ErrorStack) Unwrap() slog.Handler { return h.next }
