package redact

import (
	"log/slog"
	"slices"
	"sync"
)

// A Redactor masks secrets in what does not go through a [Handler], with rules of
// one's own. [String], [Bytes], [ReplaceAttr] and [Scan] are those of a Redactor
// with default options.
//
// All methods are safe for concurrent use. There is no lock and no goroutine.
type Redactor struct{ shared *shared }

// New returns a Redactor. Nil opts are the default options. The error is that of
// [Options.Validate].
func New(opts *Options) (*Redactor, error) {
	s, err := newShared(opts)
	if err != nil {
		return nil, err
	}
	return &Redactor{s}, nil
}

// defaults is what the functions use.
//
//nolint:gochecknoglobals // built once, never changed
var defaults = sync.OnceValue(func() *Redactor {
	s, _ := newShared(nil) // which is valid
	return &Redactor{s}
})

// String returns s with its secrets masked.
func String(s string) string { return defaults().String(s) }

// Bytes returns b with its secrets masked: b itself if it has none, and otherwise
// a copy.
func Bytes(b []byte) []byte { return defaults().Bytes(b) }

// ReplaceAttr masks the secrets in an attr. It is for
// [slog.HandlerOptions].ReplaceAttr, where a handler cannot be wrapped, and less
// than a [Handler]: log/slog does not call it for groups, whose names may hold
// secrets. The time, the level and the source of a record are left alone.
func ReplaceAttr(groups []string, a slog.Attr) slog.Attr { return defaults().ReplaceAttr(groups, a) }

// String returns s with its secrets masked.
func (r *Redactor) String(s string) string {
	w := r.shared.walk()
	defer r.shared.done(w)
	s, _ = w.text(s)
	return s
}

// Bytes returns b with its secrets masked: b itself if it has none, and otherwise
// a copy.
func (r *Redactor) Bytes(b []byte) []byte {
	w := r.shared.walk()
	defer r.shared.done(w)
	if s, changed := w.textOf(b); changed {
		return []byte(s)
	}
	return b
}

// ReplaceAttr masks the secrets in an attr, as the function of this name does.
// [Remove] leaves an attr with the mask: a group that ends up empty is more than
// log/slog can print.
func (r *Redactor) ReplaceAttr(groups []string, a slog.Attr) slog.Attr {
	w := r.shared.walk()
	defer r.shared.done(w)
	if len(groups) == 0 {
		switch v := a.Value.Any().(type) {
		case string:
			if a.Key == slog.MessageKey {
				a.Value = slog.StringValue(w.message(v))
				return a
			}
		case *slog.Source:
			if a.Key == slog.SourceKey {
				return a
			}
		}
		if a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime || a.Key == slog.LevelKey && isLevel(a.Value) {
			return a
		}
	}
	for i, group := range groups {
		w.path = groups[:i:i]
		if w.inside == none {
			w.inside = w.sensitive(group)
		}
	}
	w.path = slices.Clone(groups)
	out, _, keep := w.top(a)
	if !keep && a.Value.Kind() != slog.KindGroup && !a.Equal(slog.Attr{}) {
		out.Value = slog.StringValue(r.shared.mask)
	}
	return out
}

func isLevel(v slog.Value) bool {
	_, ok := v.Any().(slog.Level)
	return ok
}

// Stats returns the counts. Accepted is always 0: there are no records.
func (r *Redactor) Stats() Stats { return r.shared.stats() }
