package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/snapshot"
)

// Records are records for a test to look at. Each method returns those of them that
// it describes, so that calls can be chained:
//
//	logs.Records().Level(slog.LevelError).Attr("http.status", 500)
type Records []slog.Record

// Level returns the records of a level.
func (rs Records) Level(level slog.Level) Records {
	return rs.Func(func(r slog.Record) bool { return r.Level == level })
}

// Message returns the records with a message.
func (rs Records) Message(msg string) Records {
	return rs.Func(func(r slog.Record) bool { return r.Message == msg })
}

// Contains returns the records whose message contains a text.
func (rs Records) Contains(text string) Records {
	return rs.Func(func(r slog.Record) bool { return strings.Contains(r.Message, text) })
}

// Has returns the records with an attr at a path, as [Lookup] has it.
func (rs Records) Has(path string) Records {
	return rs.Func(func(r slog.Record) bool {
		_, ok := Lookup(r, path)
		return ok
	})
}

// Attr returns the records with an attr at a path, as [Lookup] has it, that equals a
// value: integers of Go's own types are equal whatever these are, an error is also equal to one that
// it Is, and other values are if [reflect.DeepEqual] says so.
func (rs Records) Attr(path string, value any) Records {
	return rs.Func(func(r slog.Record) bool {
		v, ok := Lookup(r, path)
		return ok && equals(v, value)
	})
}

// Func returns the records for which keep is true.
func (rs Records) Func(keep func(slog.Record) bool) Records {
	var kept Records
	for i := range rs {
		if keep(rs[i]) {
			kept = append(kept, rs[i])
		}
	}
	return kept
}

// String returns the records as text for people, one line each, as %v prints them.
func (rs Records) String() string {
	var b strings.Builder
	for i := range rs {
		b.WriteString(lineOf(rs[i]))
	}
	return b.String()
}

// Lookup returns the value of the attr at a path in a record, resolved. A path is
// the key of the attr behind the names of the groups it is in, joined by dots:
// "user.id" is the attr id in the group user. It is as well an attr with the key
// "user.id". A path may lead to a group; one in which nothing is printed is not
// there. Of several attrs at the path it is the last. What With has bound is not in
// a record, but for the records of [Func] and [Test].
func Lookup(r slog.Record, path string) (v slog.Value, ok bool) {
	(*attrs.Bound)(nil).Find(&r, path, func(found slog.Value) bool {
		v, ok = found, true
		return false
	})
	return v, ok
}

// equals reports whether a logged value is what a test wants.
func equals(got slog.Value, value any) bool {
	want := slog.AnyValue(value).Resolve()
	if got.Kind() == slog.KindInt64 && want.Kind() == slog.KindUint64 {
		got, want = want, got
	}
	if got.Kind() == slog.KindUint64 && want.Kind() == slog.KindInt64 {
		return want.Int64() >= 0 && uint64(want.Int64()) == got.Uint64() //nolint:gosec // it fits
	}
	switch {
	case got.Kind() != want.Kind():
		return false
	case got.Kind() == slog.KindTime:
		return got.Time().Equal(want.Time())
	case got.Kind() == slog.KindGroup:
		return equalGroups(got.Group(), want.Group())
	case got.Kind() != slog.KindAny:
		return got.Equal(want)
	}
	if err, ok := got.Any().(error); ok {
		if target, ok := want.Any().(error); ok && is(err, target) {
			return true
		}
	}
	if reflect.DeepEqual(got.Any(), want.Any()) {
		return true
	}
	frozen := new(snapshot.Taker).Attrs([]slog.Attr{{Value: want}}) // as a Test has done with got
	return reflect.DeepEqual(got.Any(), frozen[0].Value.Any())
}

// is is errors.Is for errors whose methods may panic.
func is(err, target error) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return errors.Is(err, target)
}

func equalGroups(got, want []slog.Attr) bool {
	if len(got) != len(want) {
		return false
	}
	for i, a := range got {
		if a.Key != want[i].Key || !equals(a.Value, want[i].Value.Any()) {
			return false
		}
	}
	return true
}

// lineOf returns a record as a line of text.
func lineOf(r slog.Record) string {
	var b strings.Builder
	h := NewConsoleHandler(&b, &ConsoleOptions{AddSource: true, Color: ColorNever, Level: slog.Level(-1 << 31)})
	if err := h.Handle(context.Background(), r); err != nil {
		fmt.Fprintf(&b, "%v %s: %v\n", r.Level, r.Message, err)
	}
	return b.String()
}
