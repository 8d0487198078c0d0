package fanout

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/glob"
	"github.com/sluicelog/sluice/internal/source"
)

// LevelIn returns a Match for records whose level is not below from and not above
// to, which are asked for each record. Nil, and a nil pointer, mean no limit.
func LevelIn(from, to slog.Leveler) Match {
	if isNil(from) {
		from = nil
	}
	if isNil(to) {
		to = nil
	}
	return func(_ context.Context, r slog.Record, _ Bound) bool {
		return (from == nil || r.Level >= from.Level()) && (to == nil || r.Level <= to.Level())
	}
}

// LevelIs returns a Match for records whose level is one of levels.
func LevelIs(levels ...slog.Level) Match {
	levels = slices.Clone(levels)
	return func(_ context.Context, r slog.Record, _ Bound) bool { return slices.Contains(levels, r.Level) }
}

// MessageIs returns a Match for records whose message is one of messages.
func MessageIs(messages ...string) Match {
	messages = slices.Clone(messages)
	return func(_ context.Context, r slog.Record, _ Bound) bool { return slices.Contains(messages, r.Message) }
}

// MessageContains returns a Match for records that have text in their message.
func MessageContains(text string) Match {
	return func(_ context.Context, r slog.Record, _ Bound) bool { return strings.Contains(r.Message, text) }
}

// MessageMatches returns a Match for records whose message, or a part of it,
// matches re. It panics if re is nil.
func MessageMatches(re *regexp.Regexp) Match {
	if re == nil {
		panic("fanout: MessageMatches: nil regexp")
	}
	return func(_ context.Context, r slog.Record, _ Bound) bool { return re.MatchString(r.Message) }
}

// InPackage returns a Match for records that were logged in a package whose import
// path one of patterns covers. A pattern without a star covers what it names and
// all below that: "github.com/acme/db" also covers "github.com/acme/db/pool". In a
// pattern with stars, each stands for any text, and the whole has to match. That of
// a program's own package is "main". What is found for a place in the program is
// remembered, for 65536 of them. A record without a PC is in no package.
func InPackage(patterns ...string) Match {
	return inSource(patterns, func(pattern string, s source.Source) bool {
		return glob.Covers(pattern, s.Package, "/")
	})
}

// InFunction returns a Match for records that were logged in a function whose full
// name one of patterns covers, as for [InPackage]: "github.com/acme/db.Open" covers
// the function literals in it too, which have a ".func1" behind its name. The star in
// the name of a method is a star like others, so "github.com/acme/db.(*Pool).Get" is
// that method without its literals, and "github.com/acme/db.(*Pool).*" all of its type.
//
// The body of a loop over a func, which has a "-range1" behind its name, counts as well
// by the name of the function that it is in. The "[...]" of what has type parameters
// counts for nothing. A record without a PC is in no function.
func InFunction(patterns ...string) Match {
	return inSource(patterns, func(pattern string, s source.Source) bool {
		pattern, name := withoutTypes(pattern), withoutTypes(s.Function)
		outer, _, _ := strings.Cut(name, "-range")
		return glob.Covers(pattern, s.Package+"."+name, ".") || glob.Covers(pattern, s.Package+"."+outer, ".")
	})
}

func withoutTypes(function string) string { return strings.ReplaceAll(function, "[...]", "") }

func inSource(patterns []string, covers func(pattern string, s source.Source) bool) Match {
	patterns = slices.Clone(patterns)
	places := source.NewMemo(func(s source.Source) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, s) })
	})
	return func(_ context.Context, r slog.Record, _ Bound) bool { return r.PC != 0 && places.Get(r.PC) }
}
