package snapshot

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/panics"
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

func (t *texts) size() int {
	if t.plain == t.plus && t.plus == t.str { // it is the same string
		return len(t.plain)
	}
	return len(t.plain) + len(t.plus) + len(t.str)
}

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
	case reflect.Value: // fmt looks through it
	case error, fmt.Stringer:
		if !formats && !strings.HasPrefix(plain, "%!v(PANIC=") { // all verbs print the same
			return all(plain)
		}
	}
	return texts{plain, sprintf("%+v", a), sprintf("%s", a)}
}

// sprintf is panics.Sprintf, which lets a panic through if fmt does, of a value
// inside that panics with a value that panics.
func sprintf(format string, a any) string {
	return guard(a, func(a any) ([]byte, error) { return []byte(panics.Sprintf(format, a)), nil })
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
			text = "!PANIC: " + panics.Text(r)
		}
	}()
	b, err := method(v)
	if err != nil {
		return panics.Sprintf("!ERROR:%v", err)
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

// Printed returns what stands for a value that prints itself as text and that
// encoding/json prints as something else. Stringer says that it has the method of
// a fmt.Stringer.
func Printed(json []byte, text string, stringer bool) any {
	v := value{texts{text, text, text}, asJSON{json}, asText{[]byte(text)}}
	if stringer {
		return &Stringer{v, text}
	}
	return &v
}

// Forms are the forms in which the handlers behind print values that are no
// errors. A value is rendered in these only, since each costs what printing costs
// and calls methods that nobody else may call. The others are the same text.
// While it is not known what is wanted, a value that prints itself and has a
// lock is not printed as JSON, for which encoding/json would look behind it.
type Forms uint8

// The forms.
const (
	JSON   Forms = 1 << iota // as slog.JSONHandler does
	Text                     // as slog.TextHandler does, and fmt
	String                   // the text of a fmt.Stringer that is no marshaler, otherwise JSON
)

// Unknown is for handlers of which nothing is known. It is the zero value.
const Unknown Forms = 0

func (t *Taker) wants(f Forms) bool { return t.Forms == Unknown || t.Forms&f != 0 }

// render returns what stands for a value that cannot be copied, and its size.
func (t *Taker) render(a any) (out any, size int) {
	var (
		v             value
		text          string
		_, marshalsJS = a.(json.Marshaler)
		_, marshalsTx = a.(encoding.TextMarshaler)
		stringer, is  = a.(fmt.Stringer)
		alone         = is && !marshalsJS && !marshalsTx
	)
	if is && (t.Forms == Unknown || alone && t.wants(String)) {
		text = guard(stringer, func(s fmt.Stringer) ([]byte, error) { return []byte(s.String()), nil })
		size += len(text)
	}
	_, formats := a.(fmt.Formatter)
	hidden := t.Forms == Unknown && (alone || formats && !marshalsJS && !marshalsTx) && t.locked(a)
	if (t.wants(JSON) || t.wants(String) && !alone) && !hidden {
		v.json = jsonenc.AppendAny(nil, a)
	}
	if t.wants(Text) {
		v.texts = t.textsOf(a, func() string { return plainText(v.json) })
		v.asText = asTextOf(a, &v.texts)
	}
	v.fill(text)
	size += v.size() + len(v.json) + len(v.text)
	switch {
	case !is || t.Forms != Unknown && (!alone || !t.wants(String)):
		return &v, size
	case alone:
		return &Stringer{v, text}, size
	default:
		return &marshalingStringer{v, text}, size
	}
}

// locked reports whether a lock is part of a value, or of what it points to.
func (t *Taker) locked(a any) bool {
	typ := reflect.TypeOf(a)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return t.plan(typ).lock
}

// fill puts what there is in the place of what was not wanted.
func (v *value) fill(text string) {
	if v.json == nil && v.text == nil {
		v.text = []byte(text)
	}
	if v.json == nil {
		v.json = jsonenc.AppendString(nil, string(v.text))
	}
	if v.text == nil {
		text := plainText(v.json)
		v.texts, v.text = texts{text, text, text}, []byte(text)
	}
}

// plainText returns JSON as text: a string without its quotes.
func plainText(b []byte) string {
	var text string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &text) == nil {
		return text
	}
	return string(b)
}
