package handlertest

import (
	"context"
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

// nested is what logs through the handler that prints it.
type nested struct{ h slog.Handler }

func (n *nested) log() string {
	_ = n.h.Handle(context.Background(), record(slog.LevelInfo, "nested"))
	return "text"
}

type nestedValuer struct{ n *nested }

func (v nestedValuer) LogValue() slog.Value { return slog.StringValue(v.n.log()) }

type nestedError struct{ n *nested }

func (e nestedError) Error() string { return e.n.log() }

type nestedMarshaler struct{ n *nested }

func (m nestedMarshaler) MarshalJSON() ([]byte, error) { return []byte(`"` + m.n.log() + `"`), nil }
