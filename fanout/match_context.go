package fanout

import (
	"context"
	"log/slog"
	"reflect"
)

// ContextIs returns a Match for records that are logged with a context whose value
// for key is equal to value, as [AttrIs] compares them, which allocates where that
// does, and for a value that is a []slog.Attr. A nil value is that of a context without
// one. It panics if key is nil or cannot be compared, as [context.WithValue] does.
func ContextIs(key, value any) Match {
	if key == nil {
		panic("fanout: ContextIs: nil key")
	}
	if !reflect.TypeOf(key).Comparable() {
		panic("fanout: ContextIs: key is not comparable")
	}
	want := slog.AnyValue(value).Resolve()
	return func(ctx context.Context, _ slog.Record, _ Bound) bool {
		var got any
		if ctx != nil {
			got = ctx.Value(key)
		}
		return equal(slog.AnyValue(got).Resolve(), want)
	}
}

// ContextFunc returns a Match for records that are logged with a context of which
// f is true. It panics if f is nil.
func ContextFunc(f func(context.Context) bool) Match {
	if f == nil {
		panic("fanout: ContextFunc: nil func")
	}
	return func(ctx context.Context, _ slog.Record, _ Bound) bool { return f(ctx) }
}
