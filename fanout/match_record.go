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
// to, which are asked for each record. Nil means no limit.
func LevelIn(from, to slog.Leveler) Match {
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
// a program's own package is "main". Each place in the program is looked at once. A
// record without a PC is in no package.
func InPackage(patterns ...string) Match {
	return inSource(patterns, "/", func(s source.Source) string { return s.Package })
}

// InFunction returns a Match for records that were logged in a function whose full
// name one of patterns covers, as for [InPackage]: "github.com/acme/db.Open" covers
// the function literals in it too, which have a ".func1" behind its name. The star in
// the name of a method is a star like others, so "github.com/acme/db.(*Pool).Get" is
// that method alone, and "github.com/acme/db.(*Pool).*" all of its type. Each place in
// the program is looked at once. A record without a PC is in no function.
func InFunction(patterns ...string) Match {
	return inSource(patterns, ".", func(s source.Source) string { return s.Package + "." + s.Function })
}

func inSource(patterns []string, separators string, name func(source.Source) string) Match {
	patterns = slices.Clone(patterns)
	places := source.NewMemo(func(s source.Source) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return glob.Covers(p, name(s), separators) })
	})
	return func(_ context.Context, r slog.Record, _ Bound) bool { return r.PC != 0 && places.Get(r.PC) }
}
