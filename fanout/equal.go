package fanout

import (
	"log/slog"
	"reflect"

	"github.com/sluicelog/sluice/internal/attrs"
)

// equal compares two resolved values as [AttrIs] says. It never panics.
func equal(a, b slog.Value) bool {
	if k := a.Kind(); k == slog.KindString || k == slog.KindInt64 {
		if k == b.Kind() { // as for most
			return a.Equal(b)
		}
	}
	var budget attrs.Budget
	return equalWithin(a, b, &budget)
}

func equalWithin(a, b slog.Value, budget *attrs.Budget) bool {
	if a.Kind() == slog.KindAny && b.Kind() == slog.KindAny {
		return same(a.Any(), b.Any())
	}
	a, b = basic(a), basic(b)
	if isNumber(a) && isNumber(b) {
		return sameNumber(a, b)
	}
	if a.Kind() != b.Kind() || a.Kind() == slog.KindAny {
		return false
	}
	if a.Kind() != slog.KindGroup {
		return a.Equal(b)
	}
	as, bs := a.Group(), b.Group()
	if len(as) != len(bs) || !budget.Enter(as) {
		return false
	}
	defer budget.Leave()
	for i := range as {
		if as[i].Key != bs[i].Key || !equalWithin(as[i].Value.Resolve(), bs[i].Value.Resolve(), budget) {
			return false
		}
	}
	return true
}

// same compares what log/slog knows nothing about.
func same(a, b any) (eq bool) {
	typ := reflect.TypeOf(a)
	if typ != reflect.TypeOf(b) {
		return false
	}
	if typ != nil && !typ.Comparable() {
		return reflect.DeepEqual(a, b)
	}
	defer func() {
		if recover() != nil { // an interface inside holds what cannot be compared
			eq = reflect.DeepEqual(a, b)
		}
	}()
	return a == b
}

// basic returns the value of a type that is made of a basic one as such.
func basic(v slog.Value) slog.Value {
	if v.Kind() != slog.KindAny {
		return v
	}
	switch rv := reflect.ValueOf(v.Any()); {
	case rv.Kind() == reflect.String:
		return slog.StringValue(rv.String())
	case rv.Kind() == reflect.Bool:
		return slog.BoolValue(rv.Bool())
	case rv.CanInt():
		return slog.Int64Value(rv.Int())
	case rv.CanUint():
		return slog.Uint64Value(rv.Uint())
	case rv.CanFloat():
		return slog.Float64Value(rv.Float())
	default:
		return v
	}
}

func isNumber(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		return true
	default:
		return false
	}
}

// sameNumber compares without rounding: a float is equal to an integer only if it
// is exactly that.
func sameNumber(a, b slog.Value) bool {
	if b.Kind() == slog.KindFloat64 || a.Kind() == slog.KindUint64 && b.Kind() == slog.KindInt64 {
		a, b = b, a
	}
	switch {
	case a.Kind() == b.Kind():
		return a.Equal(b)
	case a.Kind() == slog.KindInt64: // and b a uint64
		return a.Int64() >= 0 && uint64(a.Int64()) == b.Uint64() //nolint:gosec // it is not negative
	case b.Kind() == slog.KindInt64: // and a a float
		f := a.Float64()
		return f >= -1<<63 && f < 1<<63 && float64(int64(f)) == f && int64(f) == b.Int64()
	default: // b is a uint64 and a a float
		f := a.Float64()
		return f >= 0 && f < 1<<64 && float64(uint64(f)) == f && uint64(f) == b.Uint64()
	}
}
