// Package errtrace tells the stack traces that errors carry, by the methods that
// libraries give them, and the one of a log call.
package errtrace

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/panics"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// maxErrors is how many errors of one tree are looked at. No frame is written
// once the text has maxTraceText bytes: whatever an error does, its text is not
// much longer.
const maxErrors = 64

// Style says how stack traces are written, in the form that Java's have:
//
//	*app.QueryError: load user: connection refused
//		at app.(*Store).User (/src/app/store.go:41)
//		... 13 more
//	Caused by: *net.OpError: connection refused
//		at app.(*Store).dial (/src/app/store.go:17)
//		... 12 common frames omitted
//
// Each error has a line with its type and its message, then its frames, the
// innermost first. Frames beyond the depth are only counted, and so are those at
// the outer end that the nearest trace above, among the errors that wrap it, has
// there too. The runtime's own frames at the outer end are left out. An error
// that adds no message to the only one it wraps, and where not both have a
// trace, is written as one with it, under the latter's type. Of several errors
// that one error wraps, each begins with "Caused by (1 of 2): ". The text does
// not end in a newline.
//
// With RootFirst every error stands below what it wraps and begins with
// "Wrapped by: ", the first of a branch with "Branch (1 of 2): ", and the frames
// that are not written again are those that the trace below has in common with
// the one above.
//
// The hash is the FNV-1a of the types of the errors and of the functions of
// their frames, in eight hexadecimal digits. It does not depend on messages,
// lines, or how the trace is written: the same fault has the same hash until
// its call path changes.
type Style struct {
	Depth     int  // most frames of one trace that are written; below 1 all, up to 512
	RootFirst bool // the innermost error first
	Hash      bool // whether a hash is wanted
}

// OfError returns the traces of an error and all that it wraps. Both results
// are empty where none of them carries one.
func (s Style) OfError(err error) (text, sum string) {
	if !carriesTrace(err) {
		return "", ""
	}
	b := treeBuilder{left: maxErrors}
	root := b.fault(err)
	if !b.traced {
		return "", ""
	}
	w := traceWriter{Style: s}
	if s.RootFirst {
		w.rootFirst(root, "")
	} else {
		w.rootLast(root, "", trace{})
	}
	if s.Hash {
		sum = root.hash(newTraceHash).String()
	}
	return string(w.b), sum
}

// OfCall returns the lines for the frames of the calling goroutine, from the
// one with the given program counter, as [slog.Record] has it, outwards. Both
// results are empty if there is no such frame: the record was handed over by
// another goroutine, or is older than the call.
func (s Style) OfCall(pc uintptr) (text, sum string) {
	var pcs [maxFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	i := slices.Index(pcs[:n], pc)
	if pc == 0 || i < 0 {
		return "", ""
	}
	t := resolve(slices.Clone(pcs[i:n]))
	if n == len(pcs) {
		t.more = unknown
	} else {
		t.trim()
	}
	w := traceWriter{Style: s}
	w.trace(t, 0)
	if s.Hash {
		sum = t.hash(newTraceHash).String()
	}
	return string(w.b), sum
}

// A traceHash is a 32-bit FNV-1a of words, each ended by a newline. That of
// hash/fnv would cost two copies of every word.
type traceHash uint32

const newTraceHash traceHash = 2166136261

func (h traceHash) add(word string) traceHash {
	const prime = 16777619
	for i := range len(word) {
		h = (h ^ traceHash(word[i])) * prime
	}
	return (h ^ '\n') * prime
}

func (h traceHash) String() string { return fmt.Sprintf("%08x", uint32(h)) }

// carriesTrace reports whether err or an error that it wraps has a method that
// tells its trace. Most errors have none: this is all that they cost.
func carriesTrace(err error) (found bool) {
	defer func() {
		if recover() != nil {
			found = true // for the builder to see, which guards every call
		}
	}()
	found, _ = findTrace(err, maxErrors)
	return found
}

func findTrace(err error, left int) (found bool, rest int) {
	for ; err != nil && left > 0; left-- {
		if reflect.TypeOf(err).NumMethod() == 1 {
			return false, left - 1 // it has Error, and nothing else
		}
		if snapshot.Tracer(err) != nil {
			return true, left
		}
		switch e := err.(type) { //nolint:errorlint // this is how the chain is followed
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			left--
			for _, cause := range e.Unwrap() {
				if found, left = findTrace(cause, left); found || left <= 0 {
					break
				}
			}
			return found, left
		default:
			return false, left
		}
	}
	return false, left
}

// A fault is an error as it is written.
type fault struct {
	kind, message string
	trace         trace
	causes        []*fault
	cut           int // causes that were not looked at
}

// hash adds the types and functions of f and its causes.
func (f *fault) hash(h traceHash) traceHash {
	h = f.trace.hash(h.add(f.kind))
	for _, c := range f.causes {
		h = c.hash(h)
	}
	return h
}

// A treeBuilder makes faults of an error and all that it wraps.
type treeBuilder struct {
	left   int  // errors that may still be looked at
	traced bool // whether one had a trace
}

func (b *treeBuilder) fault(err error) *fault {
	b.left--
	f := &fault{kind: typeName(err), message: Message(err), trace: traceOf(err)}
	if len(f.trace.frames) > 0 {
		b.traced = true
	}
	for _, cause := range snapshot.Causes(err) {
		if cause == nil {
			continue
		}
		if b.left <= 0 {
			f.cut++
			continue
		}
		f.causes = append(f.causes, b.fault(cause))
	}
	if len(f.causes) != 1 || f.cut > 0 || f.causes[0].message != f.message {
		return f
	}
	switch only := f.causes[0]; {
	case len(f.trace.frames) == 0:
		return only
	case len(only.trace.frames) == 0:
		only.trace = f.trace
		return only
	}
	return f
}

// Message returns the text of err, "<nil>" of a nil pointer whose method needs
// more, and what it panics with if it does.
func Message(err error) (message string) {
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
				message = "<nil>"
				return
			}
			message = "!PANIC: " + panics.Text(r)
		}
	}()
	return err.Error()
}

// TypeName returns the type of the error at the end of the chain of errors that
// err wraps, which says most. Where one wraps several it ends, at the last one
// whose type is of more than package errors or fmt.
func TypeName(err error) string { return typeName(rootCause(err)) }

// typeName is snapshot.TypeName on one line, since a method of err may return it.
func typeName(err error) string { return oneLine(snapshot.TypeName(err)) }

func rootCause(err error) error {
	const longest = 100 // a chain that leads to itself ends here
	cause, telling := err, error(nil)
	for range longest {
		if name := snapshot.TypeName(cause); !strings.HasPrefix(name, "*errors.") && !strings.HasPrefix(name, "*fmt.") {
			telling = cause
		}
		next, several := onlyCause(cause)
		switch {
		case several && telling != nil:
			return telling
		case several || next == nil:
			return cause
		}
		cause = next
	}
	return cause
}

// onlyCause returns the error that err wraps, or that there are several.
func onlyCause(err error) (cause error, several bool) {
	defer func() {
		if recover() != nil {
			cause, several = nil, false
		}
	}()
	e, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return errors.Unwrap(err), false
	}
	for _, c := range e.Unwrap() {
		if c != nil && cause != nil {
			return nil, true
		}
		if c != nil {
			cause = c
		}
	}
	return cause, false
}

// A traceWriter writes faults.
type traceWriter struct {
	Style

	b []byte
}

// rootLast writes f, then its causes. The frames that its trace shares with the
// one above are left out.
func (w *traceWriter) rootLast(f *fault, label string, above trace) {
	w.fault(f, label, above)
	if len(f.trace.frames) > 0 {
		above = f.trace
	}
	for i, c := range f.causes {
		w.rootLast(c, "Caused by"+f.nth(i, " ")+": ", above)
	}
	if f.cut > 0 {
		w.line("Caused by: ...")
	}
}

// rootFirst writes the causes of f, then f, and returns the trace written last.
func (w *traceWriter) rootFirst(f *fault, label string) (above trace) {
	for i, c := range f.causes {
		if branch := f.nth(i, "Branch "); branch != "" {
			label = branch + ": "
		}
		above = w.rootFirst(c, label)
		label = "Wrapped by: "
	}
	if f.cut > 0 {
		w.line("...")
		label = "Wrapped by: "
	}
	w.fault(f, label, above)
	if len(f.trace.frames) > 0 {
		above = f.trace
	}
	return above
}

// nth returns the place of a cause among several, and nothing for the only one.
func (f *fault) nth(i int, before string) string {
	n := len(f.causes) + f.cut
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("%s(%d of %d)", before, i+1, n)
}

func (w *traceWriter) fault(f *fault, label string, above trace) {
	w.line(label, f.kind)
	if f.message != "" {
		w.b = append(w.b, ": "...)
		w.b = append(w.b, oneLine(f.message)...)
	}
	w.trace(f.trace, f.trace.common(above))
}

// trace writes all frames but the last ones that are common.
func (w *traceWriter) trace(t trace, common int) {
	own := len(t.frames) - common
	shown := own
	if w.Depth > 0 {
		shown = min(own, w.Depth)
	}
	for i, f := range t.frames[:shown] {
		if len(w.b) > maxTraceText {
			shown = i
			break
		}
		w.frame(f)
	}
	switch more := own - shown + t.more; {
	case t.more == unknown:
		w.line("\t... more")
	case more > 0:
		w.line("\t... ", strconv.Itoa(more), " more")
	}
	if common > 0 {
		w.line("\t... ", strconv.Itoa(common), " common frames omitted")
	}
}

func (w *traceWriter) frame(f frame) {
	w.line("\tat ", f.function)
	if f.file == "" {
		return
	}
	if f.function != "" {
		w.b = append(w.b, " ("...)
	}
	w.b = append(w.b, f.file...)
	if f.line > 0 {
		w.b = strconv.AppendInt(append(w.b, ':'), int64(f.line), 10)
	}
	if f.function != "" {
		w.b = append(w.b, ')')
	}
}

// line begins a line.
func (w *traceWriter) line(parts ...string) {
	if len(w.b) > 0 {
		w.b = append(w.b, '\n')
	}
	for _, p := range parts {
		w.b = append(w.b, p...)
	}
}
