package handler

import (
	"context"
	"log/slog"
	"math"
	"reflect"
)

// RenameOptions are options for a [Rename]. A zero RenameOptions consists entirely
// of default values, which change nothing.
type RenameOptions struct {
	// Keys are new keys for attrs and groups, by the old ones. An old key is a path
	// with the names of the groups that the attr is in, those opened by WithGroup
	// included: "http.status" is the attr status in the group http, and an attr
	// "http.status" outside of groups too. A new key stands in the same group as the
	// old one. An empty new key makes a group's attrs stand outside of it,
	// and an attr that is no group one without a key. What has no key is renamed by
	// the old key "".
	Keys map[string]string

	// Replace rewrites attrs like the function of that name in
	// [slog.HandlerOptions]: it is called for each attr that is not a group, with
	// its value resolved and the groups that it is in, and returns what to print
	// instead; the zero Attr removes it. If it returns a group, it is called for
	// the attrs of that. It sees the keys and groups as they were logged: Keys
	// renames afterwards what it has not given another key. It is not called for
	// the time, level and message of a record, which are no attrs yet. It must not
	// keep or change groups, nor what a value points to. What is bound by With is
	// rewritten once, when it is bound. Nil leaves all attrs as they are.
	Replace func(groups []string, a slog.Attr) slog.Attr

	// ReplaceGroups calls Replace for groups too, before it is called for what is
	// in them; if it returns something else than a group, that is all. It is not
	// called for groups opened by WithGroup, which have no attrs yet.
	ReplaceGroups bool

	// Flatten puts what is in groups outside of them, under a key made of the names
	// of the groups and the attr's with Flatten in between, most often ".". Empty
	// leaves groups as they are.
	Flatten string

	// OnError is called with a [*PanicError] for each call of Replace that panics, by
	// the goroutine that logs. It must not log to the same handler. Nil means that
	// only the attr shows it.
	OnError func(error)
}

// Rename is a [slog.Handler] that rewrites attrs before the handler behind it sees
// them, whichever that is: their keys, their values, their groups. A record to which
// nothing happens is passed on as it is.
//
// A group that is left without attrs is left out. A Replace that panics costs the
// attr's value. A group that contains itself is cut off.
//
// It changes what is logged, not what goes on in a program: to keep secrets from
// logs, package redact looks deeper.
//
// All methods are safe for concurrent use, if Replace is.
type Rename struct {
	next slog.Handler
	rw   *rewriter
	at   place
}

var _ slog.Handler = (*Rename)(nil)

// NewRename returns a Rename before next. Nil opts are the default options. It
// panics if next is nil.
func NewRename(next slog.Handler, opts *RenameOptions) *Rename {
	if next == nil {
		panic("handler: NewRename: nil next handler")
	}
	if opts == nil {
		opts = &RenameOptions{}
	}
	rw := &rewriter{groups: opts.ReplaceGroups, names: newRenames(opts.Keys), flatten: opts.Flatten}
	if opts.Replace != nil {
		rw.replace = replacer(opts.Replace, opts.OnError)
	}
	return &Rename{next, rw, place{names: rw.names}}
}

// replacer makes the function for a rewriter of one that a user has given.
func replacer(f func([]string, slog.Attr) slog.Attr, onError func(error),
) func([]string, slog.Attr) (slog.Attr, bool, bool) {
	return func(groups []string, a slog.Attr) (out slog.Attr, changed, done bool) {
		defer func() {
			if v := recover(); v != nil {
				err := newPanicError("RenameOptions.Replace", v)
				tell(onError, err)
				out, changed, done = slog.String(a.Key, "!PANIC: "+err.Error()), true, true
			}
		}()
		out = f(groups, a)
		return out, out.Key != a.Key || !same(out.Value, a.Value), false
	}
}

// same reports whether two values are the same one, as far as that can be told at
// little cost.
func same(a, b slog.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case slog.KindAny:
		return sameAny(a.Any(), b.Any())
	case slog.KindGroup:
		g, h := a.Group(), b.Group()
		return len(g) == len(h) && (len(g) == 0 || &g[0] == &h[0])
	case slog.KindTime: // with its zone
		return a.Time() == b.Time() //nolint:staticcheck // Equal is also true of two zones
	case slog.KindFloat64: // with its sign, which 0 has too
		return math.Float64bits(a.Float64()) == math.Float64bits(b.Float64())
	case slog.KindLogValuer: // to be resolved
		return false
	default:
		return a.Equal(b)
	}
}

func sameAny(a, b any) (same bool) {
	t := reflect.TypeOf(a)
	if t == nil || t != reflect.TypeOf(b) {
		return a == nil && b == nil
	}
	switch t.Kind() {
	case reflect.Slice:
		v, w := reflect.ValueOf(a), reflect.ValueOf(b)
		return v.Len() == w.Len() && v.Pointer() == w.Pointer()
	case reflect.Map:
		return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
	default:
	}
	if !t.Comparable() {
		return false
	}
	defer func() {
		if recover() != nil { // an interface in it holds what cannot be compared
			same = false
		}
	}()
	return a == b
}

// Enabled reports whether the next handler takes the level.
func (h *Rename) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes on the record with its attrs rewritten.
func (h *Rename) Handle(ctx context.Context, r slog.Record) error {
	return h.next.Handle(ctx, h.rw.record(r, h.at))
}

// WithAttrs returns a Rename before the next handler with attrs, rewritten now.
func (h *Rename) WithAttrs(as []slog.Attr) slog.Handler {
	if as = h.rw.bound(as, h.at); len(as) == 0 {
		return h
	}
	return &Rename{h.next.WithAttrs(as), h.rw, h.at}
}

// WithGroup returns a Rename before the next handler with a group, under its new
// name.
func (h *Rename) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	to, next := name, h.next
	if n := h.at.names.find(name); n != nil && n.renamed {
		to = n.to
	}
	if h.rw.flatten == "" && to != "" {
		next = next.WithGroup(to)
	}
	return &Rename{next, h.rw, h.at.in(name, to, h.rw.flatten)}
}

// Unwrap returns the next handler.
func (h *Rename) Unwrap() slog.Handler { return h.next }
