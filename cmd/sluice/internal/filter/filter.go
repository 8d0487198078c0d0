// Package filter says which lines of a log are wanted.
package filter

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/jsonlog"
)

// Options are the flags that the commands have in common, as they were given.
type Options struct {
	Level        string
	Since, Until string
	Where        []string
	Grep, Except []string
	Tags         []string
}

// AddFlags adds the flags to those of a command.
func (o *Options) AddFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.Level, "level", "l", "", "only lines of this `level` and above: debug, info, warn, error, …")
	f.StringVarP(&o.Since, "since", "s", "", "only lines from this `time` on: 15m or \"3 days\" ago, 10:30, today, 2026-11-22, RFC 3339")
	f.StringVarP(&o.Until, "until", "u", "", "only lines before this `time`")
	f.StringArrayVarP(&o.Where, "where", "w", nil, "only lines for which this `expression` holds: 'status >= 500 and path contains \"/api\"'")
	f.StringArrayVarP(&o.Grep, "grep", "g", nil, "only lines that this regular `expression` matches, anywhere in the line")
	f.StringArrayVarP(&o.Except, "except", "v", nil, "no lines that this regular `expression` matches")
	f.StringArrayVarP(&o.Tags, "tag", "t", nil, "only lines with this `tag`")
}

// A Filter says which lines are wanted. It is safe for concurrent use.
type Filter struct {
	hasLevel     bool
	level        slog.Level
	since, until time.Time
	where        []*where
	grep, except []*regexp.Regexp
	tags         []string
}

// New returns the filter that the flags describe. An error names the flag.
func (o *Options) New(now time.Time) (*Filter, error) {
	f := &Filter{tags: o.Tags}
	var errs []error
	if o.Level != "" {
		if f.level, f.hasLevel = jsonlog.ParseLevel(o.Level); !f.hasLevel {
			errs = append(errs, fmt.Errorf("--level: %q is no level: want trace, debug, info, notice, warn, error, critical, fatal, INFO+2 or a number", o.Level))
		}
	}
	moment := func(flag, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		t, err := parseTime(text, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
		return t
	}
	f.since, f.until = moment("since", o.Since), moment("until", o.Until)
	if !f.since.IsZero() && !f.until.IsZero() && !f.since.Before(f.until) {
		errs = append(errs, fmt.Errorf("--until: %s is not after --since %s", f.until.Format(time.RFC3339), f.since.Format(time.RFC3339)))
	}
	for _, text := range o.Where {
		w, err := compile(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--where: %w", err))
			continue
		}
		f.where = append(f.where, w)
	}
	expressions := func(flag string, texts []string) (all []*regexp.Regexp) {
		for _, text := range texts {
			e, err := regexp.Compile(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("--%s: %q: %w", flag, text, err))
				continue
			}
			all = append(all, e)
		}
		return all
	}
	f.grep, f.except = expressions("grep", o.Grep), expressions("except", o.Except)
	if err := errors.Join(errs...); err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return f, nil
}

// Since returns the time of --since, zero if there is none: files last written to before need not be read.
func (f *Filter) Since() time.Time { return f.since }

// Empty reports whether every line is wanted.
func (f *Filter) Empty() bool {
	return !f.Structured() && len(f.grep)+len(f.except) == 0
}

// Structured reports whether something is asked of the lines that only JSON can answer.
func (f *Filter) Structured() bool {
	return f.hasLevel || !f.since.IsZero() || !f.until.IsZero() || len(f.where)+len(f.tags) > 0
}

// Rejects reports whether a line is not wanted for its level, without parsing all of it. If it is false,
// Match decides.
func (f *Filter) Rejects(p *jsonlog.Parser, text []byte) bool {
	if !f.hasLevel {
		return false
	}
	level, ok := p.LevelOf(text)
	return ok && level < f.level
}

// Match reports whether a line is wanted. One without a level or a time is not where that is asked for.
func (f *Filter) Match(l *jsonlog.Line) bool {
	switch {
	case f.hasLevel && (!l.HasLevel || l.Level < f.level):
		return false
	case !f.since.IsZero() && (l.Time.IsZero() || l.Time.Before(f.since)):
		return false
	case !f.until.IsZero() && (l.Time.IsZero() || !l.Time.Before(f.until)):
		return false
	}
	for _, tag := range f.tags {
		if !l.HasTag(tag) {
			return false
		}
	}
	if !f.MatchText(l.Text) {
		return false
	}
	if len(f.where) > 0 {
		m := members(l)
		for _, w := range f.where {
			if !w.holds(m) {
				return false
			}
		}
	}
	return true
}

// MatchText reports whether a line that is no JSON is wanted as far as the regular expressions say.
func (f *Filter) MatchText(text []byte) bool {
	for _, e := range f.grep {
		if !e.Match(text) {
			return false
		}
	}
	return !f.Excepts(text)
}

// Excepts reports whether a line is not wanted for an expression of --except.
func (f *Filter) Excepts(text []byte) bool {
	return slices.ContainsFunc(f.except, func(e *regexp.Regexp) bool { return e.Match(text) })
}
