package pipeline

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice/redact"
)

// textError is about text that is none of its kind.
type textError struct {
	kind string // such as "size"
	text string
	want string
	near string // what was probably meant, or empty
}

func (e *textError) Error() string {
	return fmt.Sprintf("pipeline: %s %s: %s", e.kind, quote(e.text), e.wanted())
}

// at returns the error with the place of the text in place of its kind.
func (e *textError) at(place string) string {
	return fmt.Sprintf("%s is %s: %s", place, quote(e.text), e.wanted())
}

func (e *textError) wanted() string {
	if e.near == "" {
		return "want " + e.want
	}
	return fmt.Sprintf("want %s; did you mean %q?", e.want, e.near)
}

// quote returns a value as errors show it: on one line, bounded, and without what
// may be a password at the wrong place.
func quote(text string) string {
	const most = 80
	if text = redact.String(text); len(text) > most { // what is cut first may show what it was cut from
		cut := most
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		return fmt.Sprintf("%q…", text[:cut])
	}
	return fmt.Sprintf("%q", text)
}

// unmarshalJSON gives v the text of a JSON string, or of a number.
func unmarshalJSON(data []byte, v encoding.TextUnmarshaler) error {
	var token any
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&token); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	switch token := token.(type) {
	case nil:
		return nil
	case string:
		return v.UnmarshalText([]byte(token))
	case json.Number:
		return v.UnmarshalText([]byte(token))
	}
	return fmt.Errorf("pipeline: %.40q: want text or a number", data)
}

// measure is a kind of numbers with units.
type measure struct {
	kind, want string
	units      []unit
	bare       int64 // what a number without a unit counts
	signed     bool  // may begin with a minus
	compound   bool  // may be a sum, as in 1h30m
}

type unit struct {
	name  string
	value int64
}

// parse returns what text says. Of text that is empty it returns zero.
func (m *measure) parse(text string) (int64, *textError) {
	n, bad, ok := m.read(text)
	if ok {
		return n, nil
	}
	wrong := &textError{kind: m.kind, text: text, want: m.want}
	near := text
	for range 4 { // wrong units
		if bad == "" {
			break
		}
		unit := nearest(bad, m.names())
		if unit == "" {
			break
		}
		near = strings.Replace(near, bad, unit, 1)
		if _, bad, ok = m.read(near); ok {
			wrong.near = near
			break
		}
	}
	return 0, wrong
}

// read is parse, and returns the unit that there is not, if that is what is wrong.
func (m *measure) read(text string) (n int64, bad string, ok bool) {
	sum := new(big.Rat)
	rest, negative := strings.CutPrefix(text, "-")
	if negative && (!m.signed || rest == "") {
		return 0, "", false
	}
	for first := true; rest != ""; first = false {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		name, after := cutWord(rest[len(number):])
		value, right := new(big.Rat).SetString(number)
		unit := m.unit(name)
		if first && number == rest {
			unit = m.bare
		}
		switch {
		case len(number) > 40 || !right || !first && !m.compound:
			return 0, "", false
		case unit == 0:
			return 0, name, false
		}
		sum.Add(sum, value.Mul(value, new(big.Rat).SetInt64(unit)))
		rest = after
	}
	if negative {
		sum.Neg(sum)
	}
	if !sum.IsInt() || !sum.Num().IsInt64() {
		return 0, "", false
	}
	return sum.Num().Int64(), "", true
}

// cutWord cuts a unit off, and the blanks around it. A unit ends where a number
// begins.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " ")
	end := strings.IndexAny(s, " 0123456789.-")
	if end < 0 {
		return s, ""
	}
	word, rest = s[:end], s[end:]
	if trimmed := strings.TrimLeft(rest, " "); trimmed != "" {
		rest = trimmed
	}
	return word, rest
}

// unit returns the value of a unit, 0 for one that there is not. Short names are
// as they are written: 5m is not 5M.
func (m *measure) unit(name string) int64 {
	for _, u := range m.units {
		if name == u.name || len(name) > 1 && strings.EqualFold(name, u.name) {
			return u.value
		}
	}
	return 0
}

func (m *measure) names() []string {
	names := make([]string, 0, len(m.units))
	for _, u := range m.units {
		names = append(names, u.name)
	}
	return names
}

// words are the names of the values of an int, from 0 on.
type words []string

func (w words) of(kind string, n int) string {
	if n < 0 || n >= len(w) {
		return fmt.Sprintf("%s(%d)", kind, n)
	}
	return w[n]
}

func (w words) marshal(kind string, n int) ([]byte, error) {
	if n < 0 || n >= len(w) {
		return nil, fmt.Errorf("pipeline: %s: want %s", w.of(kind, n), strings.Join(w, ", "))
	}
	return []byte(w[n]), nil
}

func (w words) parse(kind, text string, also map[string]string) (int, error) {
	for i, name := range w {
		if strings.EqualFold(name, text) {
			return i, nil
		}
	}
	near := also[strings.ToLower(text)]
	if near == "" {
		near = nearest(text, w)
	}
	return 0, &textError{kind: kind, text: text, want: strings.Join(w, ", "), near: near}
}

// asTextError returns what a text type says about text, whoever's type it is.
func asTextError(err error, text string, choices []string) *textError {
	if wrong, ok := errors.AsType[*textError](err); ok {
		return wrong
	}
	want := err.Error()
	if i := strings.LastIndex(want, "want "); i >= 0 { // the text may want something, too
		want = want[i+len("want "):]
	}
	return &textError{kind: "value", text: text, want: want, near: nearest(text, choices)}
}
