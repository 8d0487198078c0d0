package snapshot

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
)

// frozen is implemented by all that stands for something else.
type frozen interface{ frozen() }

// texts are what fmt printed of a value.
type texts struct{ plain, plus, str string } // %v, %+v, %s

// Format prints what the original printed, with the padding that is asked for.
func (t *texts) Format(s fmt.State, verb rune) {
	text := t.plain
	switch {
	case verb == 's':
		text = t.str
	case s.Flag('+'):
		text = t.plus
	}
	width, padded := s.Width()
	if n := width - len([]rune(text)); padded && n > 0 {
		padding := strings.Repeat(" ", n)
		if s.Flag('-') {
			text += padding
		} else {
			text = padding + text
		}
	}
	_, _ = io.WriteString(s, text)
}

func (*texts) frozen() {}

func (t *texts) size() int { return len(t.plain) + len(t.plus) + len(t.str) }

// textsOf asks fmt for the texts of a value. Where fmt would look behind a lock
// the text is instead: whoever prints JSON only may change what lies there, and
// a map that changes under fmt is the end of the program.
func (t *Taker) textsOf(a any, instead func() string) texts {
	all := func(text string) texts { return texts{text, text, text} }
	_, formats := a.(fmt.Formatter)
	if w := (walk{taker: t}); !formats && !w.top(a) {
		if w.locked {
			return all(instead())
		}
		return all(TooLarge)
	}
	plain := sprintf("%v", a)
	switch a.(type) {
	case error, fmt.Stringer:
		if !formats && !strings.HasPrefix(plain, "%!v(PANIC=") { // all verbs print the same
			return all(plain)
		}
	}
	return texts{plain, sprintf("%+v", a), sprintf("%s", a)}
}

// sprintf is fmt.Sprintf, which lets a panic through if printing its value
// panics.
func sprintf(format string, a any) string {
	return guard(a, func(a any) ([]byte, error) { return fmt.Appendf(nil, format, a), nil })
}

// asJSON is what slog.JSONHandler printed of a value.
type asJSON struct{ json []byte }

// MarshalJSON returns it.
func (m *asJSON) MarshalJSON() ([]byte, error) { return m.json, nil }

// asText is what slog.TextHandler printed of a value.
type asText struct{ text []byte }

// MarshalText returns it.
func (m *asText) MarshalText() ([]byte, error) { return m.text, nil }

func asTextOf(a any, t *texts) asText {
	if m, ok := a.(encoding.TextMarshaler); ok {
		return asText{[]byte(guard(m, encoding.TextMarshaler.MarshalText))}
	}
	return asText{[]byte(t.plus)}
}

// guard returns the text that a method returns, or what log/slog prints if it
// fails or panics.
func guard[T any](v T, method func(T) ([]byte, error)) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint("!PANIC: ", r)
		}
	}()
	b, err := method(v)
	if err != nil {
		return fmt.Sprintf("!ERROR:%v", err)
	}
	return string(b)
}

// A value stands for one that cannot be copied.
type value struct {
	texts
	asJSON
	asText
}

// A Stringer stands for a fmt.Stringer that is no json.Marshaler and no
// encoding.TextMarshaler, although it is itself: what it marshals is what the
// original looked like from outside.
type Stringer struct {
	value

	string string
}

func (s *Stringer) String() string { return s.string }

// A marshalingStringer stands for a fmt.Stringer with a marshaler.
type marshalingStringer struct {
	value

	string string
}

func (s *marshalingStringer) String() string { return s.string }

// render returns what stands for a value that cannot be copied, and its size.
func (t *Taker) render(a any) (out any, size int) {
	v := value{asJSON: asJSON{jsonenc.AppendAny(nil, a)}}
	v.texts = t.textsOf(a, func() string { return string(v.json) })
	v.asText = asTextOf(a, &v.texts)
	size = v.size() + len(v.json) + len(v.text)
	stringer, ok := a.(fmt.Stringer)
	if !ok {
		return &v, size
	}
	text := guard(stringer, func(s fmt.Stringer) ([]byte, error) { return []byte(s.String()), nil })
	size += len(text)
	switch a.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return &marshalingStringer{v, text}, size
	default:
		return &Stringer{v, text}, size
	}
}
