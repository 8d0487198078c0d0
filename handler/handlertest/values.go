package handlertest

import (
	"errors"
	"log/slog"
)

// The values that a handler has to survive.

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type counter int64

func (c *counter) LogValue() slog.Value {
	*c++
	return slog.Int64Value(int64(*c))
}

type panicker struct{}

func (panicker) LogValue() slog.Value { panic("LogValue") }

type ptrValuer struct{ s string }

func (p *ptrValuer) LogValue() slog.Value { return slog.StringValue(p.s) }

type loop struct{}

func (l loop) LogValue() slog.Value { return slog.AnyValue(l) }

type panickingError struct{}

func (panickingError) Error() string { panic("Error") }

type ptrError struct{ s string }

func (p *ptrError) Error() string { return p.s }

type panickingStringer struct{}

func (panickingStringer) String() string { panic("String") }

type panickingMarshaler struct{}

func (panickingMarshaler) MarshalJSON() ([]byte, error) { panic("MarshalJSON") }

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("no JSON") }

type panickingText struct{}

func (panickingText) MarshalText() ([]byte, error) { panic("MarshalText") }

type ptrText struct{ s string }

func (p *ptrText) MarshalText() ([]byte, error) { return []byte(p.s), nil }
