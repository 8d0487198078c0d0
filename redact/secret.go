package redact

import (
	"bytes"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
)

// secretMask is what every [Secret] prints.
const secretMask = "[REDACTED]"

// Secret holds a value that must not be printed, and gives it only to Reveal.
// Whatever else asks sees "[REDACTED]": log/slog, fmt with every verb, log,
// encoding/json, encoding/xml, templates, and all that print by MarshalText or
// String. So a field of a config that is a Secret cannot end up in a log by
// printing the config, with or without a [Handler].
//
// A Secret is decoded as a T is: by encoding/json whatever T is, and from text
// (encoding/xml, YAML, [flag.TextVar]) if T is a string, a []byte or an
// [encoding.TextUnmarshaler]. The mask itself is refused, and so is what T
// refuses, with an error that does not show it; the Secret stays what it was.
//
// Where a mask would be taken for the value, there is an error instead: from
// encoding/gob and others that use MarshalBinary, and as an argument of
// database/sql.
//
// The zero Secret prints its mask and reveals the zero T. A Secret may be copied
// and used as the key of a map; a copy equals the Secret it was made of, and no
// other, even of the same value. It is safe for concurrent use but for decoding
// into it, if T is safe to read.
//
// A Secret is no vault: the value is not copied, not encrypted and not wiped from
// memory, debuggers and core dumps have it, and so has everyone who was given it
// by Reveal. Where fmt calls no methods, as on fields that are not exported, it
// prints an address.
type Secret[T any] struct {
	held *held[T]
}

// held keeps a value in a closure, where no printer that goes by reflection
// comes to it. It is behind a pointer so that a Secret can be compared.
type held[T any] struct {
	reveal func() T
}

// NewSecret returns a Secret that holds v.
func NewSecret[T any](v T) Secret[T] {
	return Secret[T]{&held[T]{func() T { return v }}}
}

// Reveal returns the value.
func (s Secret[T]) Reveal() T {
	if s.held == nil {
		var zero T
		return zero
	}
	return s.held.reveal()
}

// String returns the mask.
func (s Secret[T]) String() string { return secretMask }

// GoString returns the mask.
func (s Secret[T]) GoString() string { return secretMask }

// Format writes the mask, whatever the verb and the flags are.
func (s Secret[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMask) }

// LogValue returns the mask.
func (s Secret[T]) LogValue() slog.Value { return slog.StringValue(secretMask) }

// MarshalJSON returns the mask as a JSON string.
func (s Secret[T]) MarshalJSON() ([]byte, error) { return []byte(`"` + secretMask + `"`), nil }

// MarshalText returns the mask.
func (s Secret[T]) MarshalText() ([]byte, error) { return []byte(secretMask), nil }

// MarshalBinary returns an error: what is encoded so is for a program, which would
// take the mask for the value.
func (s Secret[T]) MarshalBinary() ([]byte, error) {
	return nil, fmt.Errorf("redact: encode %T: refused, encode what Reveal returns", s)
}

// Value returns an error, lest a database stores the mask.
func (s Secret[T]) Value() (driver.Value, error) {
	return nil, fmt.Errorf("redact: %T as a database value: refused, pass what Reveal returns", s)
}

// UnmarshalJSON makes s a Secret of the T that data holds. As is the custom, null
// changes nothing.
func (s *Secret[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if string(data) == `"`+secretMask+`"` {
		return s.refuse(errMask)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return s.refuse(err)
	}
	*s = NewSecret(v)
	return nil
}

// UnmarshalText makes s a Secret of text, or of the T that text stands for.
func (s *Secret[T]) UnmarshalText(text []byte) error {
	if string(text) == secretMask {
		return s.refuse(errMask)
	}
	var v T
	if err := unmarshalText(&v, text); err != nil {
		return s.refuse(err)
	}
	*s = NewSecret(v)
	return nil
}

var (
	errMask   = errors.New("it is the mask, not a value")
	errNoText = errors.New("it takes no text, want a string, a []byte or an encoding.TextUnmarshaler")
)

// refuse returns the error for what cannot be decoded. The errors of others are
// apt to quote what they refuse.
func (s *Secret[T]) refuse(err error) error {
	if errors.Is(err, errMask) || errors.Is(err, errNoText) {
		return fmt.Errorf("redact: decode %T: %w", *s, err)
	}
	return fmt.Errorf("redact: decode %T: refused with a %T, which may quote the value", *s, err)
}

// unmarshalText sets *p to what text stands for.
func unmarshalText[T any](p *T, text []byte) error {
	if u, ok := any(p).(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText(text)
	}
	v := reflect.ValueOf(p).Elem()
	if v.Kind() == reflect.Pointer { // to what has the method
		v.Set(reflect.New(v.Type().Elem()))
		if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v); ok {
			return u.UnmarshalText(text)
		}
	}
	switch {
	case v.Kind() == reflect.String:
		v.SetString(string(text))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(bytes.Clone(text))
	default:
		return errNoText
	}
	return nil
}
