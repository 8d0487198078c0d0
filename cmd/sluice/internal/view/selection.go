package view

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// A selection says which attrs are printed. Those in groups have dotted paths.
type selection struct {
	only []string // in this order; nil means all
	hide []string
}

func newSelection(only, hide []string, noSource bool) (selection, error) {
	var errs []error
	check := func(flag string, paths []string) []string {
		for i, path := range paths {
			if paths[i] = strings.TrimSpace(path); paths[i] == "" {
				errs = append(errs, fmt.Errorf("--%s: %q has an empty name: write them as in status,request.id", flag, strings.Join(paths, ",")))
				break
			}
		}
		return paths
	}
	s := selection{only: check("fields", only), hide: check("hide", hide)}
	if noSource {
		s.hide = append(s.hide, slog.SourceKey)
	}
	return s, errors.Join(errs...)
}

// of returns the attrs that are printed. It may change attrs.
func (s *selection) of(attrs []slog.Attr) []slog.Attr {
	for _, path := range s.hide {
		attrs = without(attrs, path)
	}
	if s.only == nil {
		return attrs
	}
	found := make([]slog.Attr, 0, len(s.only))
	for _, path := range s.only {
		if v, ok := find(attrs, path); ok {
			found = append(found, slog.Attr{Key: path, Value: v})
		}
	}
	return found
}

// find returns the value at a path.
func find(attrs []slog.Attr, path string) (slog.Value, bool) {
	for _, a := range attrs {
		if a.Key == path {
			return a.Value, true
		}
		if rest, ok := below(a, path); ok {
			if v, ok := find(a.Value.Group(), rest); ok {
				return v, true
			}
		}
	}
	return slog.Value{}, false
}

// without returns attrs without what is at a path. Groups are copied, attrs itself is changed.
func without(attrs []slog.Attr, path string) []slog.Attr {
	kept := attrs[:0]
	for _, a := range attrs {
		if a.Key == path {
			continue
		}
		if rest, ok := below(a, path); ok {
			a.Value = slog.GroupValue(without(slices.Clone(a.Value.Group()), rest)...)
		}
		kept = append(kept, a)
	}
	return kept
}

// below returns the rest of a path that leads into a group.
func below(a slog.Attr, path string) (rest string, ok bool) {
	if a.Value.Kind() != slog.KindGroup {
		return "", false
	}
	rest, ok = strings.CutPrefix(path, a.Key)
	if !ok || !strings.HasPrefix(rest, ".") {
		return "", false
	}
	return rest[1:], true
}
