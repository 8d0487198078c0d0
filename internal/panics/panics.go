// Package panics prints what a program panics with, and values whose methods panic.
// Package fmt looks into what it has to print: a map that contains itself, panicked
// with, is a stack that overflows, which nothing recovers from.
package panics

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"unicode/utf8"
)

// maxText is how many bytes are printed, of what can be a whole file.
const maxText = 16 << 10

// Text returns the text of what has been recovered from a panic: words and numbers,
// what an error or a [fmt.Stringer] says, and of all else the type in parentheses.
// Of a method that panics in turn it has what fmt prints. It never panics.
func Text(v any) string { return cut(text(v, 2)) }

// text is Text, with so many methods to be called: each may panic with a value that
// has the next one.
func text(v any, methods int) (s string) {
	method := "Error"
	defer func() {
		if r := recover(); r != nil {
			s = instead(v, 'v', method, r, methods-1)
		}
	}()
	switch v := v.(type) {
	case slog.Value, *slog.Value, slog.Attr, *slog.Attr: // Stringers that print all they hold
	case error:
		if methods > 0 {
			return v.Error()
		}
	case fmt.Stringer:
		if method = "String"; methods > 0 {
			return v.String()
		}
	case fmt.Formatter:
	default:
		if k := reflect.ValueOf(v).Kind(); k <= reflect.Complex128 || k == reflect.String {
			return fmt.Sprint(v)
		}
	}
	return fmt.Sprintf("(%T)", v)
}

// instead returns what fmt prints of a value if a method of it has panicked with r.
func instead(v any, verb rune, method string, r any, methods int) string {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return "<nil>"
	}
	return fmt.Sprintf("%%!%c(PANIC=%s method: %s)", verb, method, text(r, methods))
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > maxText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}

// Sprintf is [fmt.Sprintf] for one value and a verb without flags for words, which
// are v, +v and s. If the method that prints the value panics, whatever it panics
// with is printed as [Text] does. Methods of what the value holds are called by fmt,
// which prints what these panic with: see [Of].
func Sprintf(format string, v any) string { return fmt.Sprintf(format, guard(v)) }

// Of calls the method by which fmt prints v, if it has one, and returns what that
// panics with, or nil.
func Of(v any) (recovered any) {
	catch := func() { recovered = recover() }
	switch v := v.(type) {
	case fmt.Formatter:
		_, _ = fmt.Fprintf(io.Discard, "%+v", formatter(func(s fmt.State, verb rune) {
			defer catch()
			v.Format(s, verb)
		}))
	case error:
		defer catch()
		_ = v.Error()
	case fmt.Stringer:
		defer catch()
		_ = v.String()
	}
	return recovered
}

type formatter func(fmt.State, rune)

func (f formatter) Format(s fmt.State, verb rune) { f(s, verb) }

func guard(v any) any {
	inner := v
	if rv, ok := v.(reflect.Value); ok { // fmt looks through it
		if !rv.IsValid() || !rv.CanInterface() {
			return v
		}
		inner = rv.Interface()
	}
	switch inner.(type) {
	case fmt.Formatter, error, fmt.Stringer:
		return guarded{inner}
	}
	return v
}

// guarded is a value that prints itself.
type guarded struct{ v any }

// Format prints what fmt prints of the value.
func (g guarded) Format(s fmt.State, verb rune) {
	var method string
	defer func() {
		if r := recover(); r != nil {
			_, _ = io.WriteString(s, cut(instead(g.v, verb, method, r, 2)))
		}
	}()
	switch v := g.v.(type) {
	case fmt.Formatter:
		method = "Format"
		v.Format(s, verb)
	case error:
		method = "Error"
		_, _ = io.WriteString(s, v.Error())
	case fmt.Stringer:
		method = "String"
		_, _ = io.WriteString(s, v.String())
	}
}
