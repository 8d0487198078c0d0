package fanout

import (
	"context"
	"log/slog"

	"github.com/sluicelog/sluice/internal/attrs"
)

// HasAttr returns a Match for records that carry an attr at path, of their own or
// bound by With.
//
// A path is the key of the attr behind the names of the groups it is in, joined by
// dots: "user.id" is the attr id in the group user, whether that is an attr of the
// record, a bound one, one that WithGroup opened, or what a [slog.LogValuer]
// becomes. It is as well an attr with the key "user.id". A path may lead to a
// group; one in which nothing is printed is not there. To look at a group that
// WithGroup opened it allocates.
//
// Where several attrs are at the path, one that fits is enough. Groups are looked
// into 128 deep, and no further when those of a record have had 65536 attrs.
func HasAttr(path string) Match {
	return atPath(path, func(slog.Value) bool { return true })
}

// AttrIs returns a Match for records that carry an attr at path, see [HasAttr],
// that is equal to value.
//
// Numbers are equal if they have the same value, whatever their types: 1, int64(1)
// and 1.0. A value whose type is made of a basic one, such as a string, is equal to
// that. Times are equal if they are the same moment, groups if their members are, in
// their order. All else has to have the same type, and is compared with == where Go
// can, so that an error is equal to itself; where it cannot, with [reflect.DeepEqual],
// and then it may allocate.
func AttrIs(path string, value any) Match {
	want := slog.AnyValue(value).Resolve()
	return atPath(path, func(v slog.Value) bool { return equal(v, want) })
}

// AttrKindIs returns a Match for records that carry an attr at path, see
// [HasAttr], whose value is of a kind. It is resolved, so it never is of
// [slog.KindLogValuer].
func AttrKindIs(path string, kind slog.Kind) Match {
	return atPath(path, func(v slog.Value) bool { return v.Kind() == kind })
}

// AttrFunc returns a Match for records that carry an attr at path, see [HasAttr],
// of whose value f is true. The value is resolved. It panics if f is nil.
func AttrFunc(path string, f func(slog.Value) bool) Match {
	if f == nil {
		panic("fanout: AttrFunc: nil func")
	}
	return atPath(path, f)
}

func atPath(path string, f func(slog.Value) bool) Match {
	return func(_ context.Context, r slog.Record, bound Bound) bool { return bound.list.Find(&r, path, f) }
}

// HasTag returns a Match for the records that carry a tag: an attr with the key
// "tags", of the record or bound, in whatever group, whose value is the tag, or
// a list that has it: a []string, a []any, or one of a type made of these. Groups are
// looked into as far as by [HasAttr].
func HasTag(tag string) Match {
	tagged := func(v slog.Value) bool {
		found := false
		attrs.EachTag(v, func(t string, other any) bool {
			found = other == nil && t == tag
			return !found
		})
		return found
	}
	return func(_ context.Context, r slog.Record, bound Bound) bool {
		return bound.list.Named(&r, "tags", tagged)
	}
}
