package view

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/filter"
	"github.com/sluicelog/sluice/handler"
)

// flags are those of the command.
type flags struct {
	filter                 filter.Options
	rotated, follow, merge bool
	count, raw, json       bool
	first, last            int
	before, after, around  int
	fields, hide           []string
	noSource, name         bool
	showSecrets, utc       bool
	layout, color          string
	width                  int
	timeFormat             string
	quiet                  bool
}

const (
	followed   = 10      // the lines that --follow begins with, as tail does
	maxContext = 1000    // the most lines of context
	maxMerged  = 16      // the most logs that are merged: each is open and has buffers
	maxLast    = 100_000 // the most of --last
	maxTail    = 1000    // the most lines that are found from the end of a file on, which takes memory
)

// add adds the flags to a command.
func (f *flags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.SortFlags = false // first what is read, then which lines, then how they look
	fs.BoolVarP(&f.follow, "follow", "f", false, "go on as the files grow, through rotations, from the last 10 lines on or what --last, --since and --rotated say")
	fs.BoolVarP(&f.rotated, "rotated", "r", false, "read the rotated files of each log too, oldest first")
	fs.BoolVar(&f.merge, "merge", false, "print the lines of several logs in the order of their times")
	f.filter.AddFlags(fs)
	fs.IntVarP(&f.last, "last", "n", 0, "only the last `N` lines that match; with --follow, begin N lines before the end")
	fs.IntVarP(&f.first, "first", "m", 0, "end after `N` lines that match")
	fs.BoolVarP(&f.count, "count", "c", false, "print only how many lines match")
	fs.IntVarP(&f.after, "after", "A", 0, "print `N` lines of context after each line that matches")
	fs.IntVarP(&f.before, "before", "B", 0, "print `N` lines of context before each line that matches")
	fs.IntVarP(&f.around, "context", "C", 0, "print `N` lines of context before and after each line that matches")
	fs.StringSliceVarP(&f.fields, "fields", "o", nil, "print only these `attrs`, in this order: status,request.id,source")
	fs.StringSliceVarP(&f.hide, "hide", "x", nil, "leave out these `attrs`")
	fs.BoolVar(&f.noSource, "no-source", false, "leave out where a line was logged")
	fs.BoolVar(&f.name, "name", false, "print the file and the number of each line; the default for several logs, --name=false is off")
	fs.BoolVar(&f.raw, "raw", false, "print the lines as they stand, but for secrets")
	fs.BoolVarP(&f.json, "json", "j", false, "print one form of JSON for all makes of lines: time, level, msg, attrs")
	fs.BoolVar(&f.showSecrets, "show-secrets", false, "do not mask secrets")
	fs.BoolVar(&f.utc, "utc", false, "take and print times in UTC")
	fs.StringVar(&f.timeFormat, "time-format", "datetime", "`format` of times: datetime, clock, rfc3339, none, or a layout such as \"02.01. 15:04:05\"")
	fs.StringVar(&f.layout, "layout", "auto", "`layout`: wide, in columns; compact, one line each; auto, wide on a terminal")
	fs.IntVar(&f.width, "width", 0, "`columns` of the wide layout, 40 or more; 0 means those of the terminal")
	fs.StringVar(&f.color, "color", "auto", "`when` to print in color: auto, always, never; auto heeds NO_COLOR and FORCE_COLOR")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "do not say what could not be read; the exit code does")

	for flag, values := range map[string][]string{
		"color":       {"auto", "always", "never"},
		"layout":      {"auto", "wide", "compact"},
		"time-format": {"datetime", "clock", "rfc3339", "none"},
		"level":       {"trace", "debug", "info", "notice", "success", "warn", "error", "fail", "critical", "fatal"},
	} {
		if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// A form is how lines are printed.
type form int

const (
	people form = iota
	asJSON
	asTheyStand
)

// settings are what the flags say.
type settings struct {
	filter        *filter.Filter
	structured    bool // the filter asks what only JSON can answer
	follow, merge bool

	tail                       int // input.Options.Tail
	count                      bool
	first, last, before, after int

	form     form
	console  handler.ConsoleOptions
	terminal *os.File // that is printed to, nil if that is none
	wide     bool
	color    bool
	zone     *time.Location
	timeless bool
	shown    selection
	secrets  bool // are shown
	names    names
}

// settings returns what the flags say. The error has all that is wrong.
func (f *flags) settings(c *cobra.Command) (*settings, error) {
	s := &settings{
		follow: f.follow, merge: f.merge,
		count: f.count, first: f.first, before: max(f.before, f.around), after: max(f.after, f.around),
		zone: time.Local, secrets: f.showSecrets,
	}
	if f.utc {
		s.zone = time.UTC
	}
	var err error
	if s.filter, err = f.filter.New(time.Now().In(s.zone)); err == nil {
		s.structured = s.filter.Structured()
		s.tail = f.tail(s.filter, c.Flags().Changed("last"))
	}
	if !f.follow {
		s.last = f.last
	}
	errs := []error{err, f.wrong(c), f.conflicts(c.Flags().Changed)}
	switch {
	case f.raw:
		s.form = asTheyStand
	case f.json:
		s.form = asJSON
	}
	s.shown, err = newSelection(f.fields, f.hide, f.noSource)
	errs = append(errs, err, f.look(s, c.OutOrStdout()))
	if err := errors.Join(errs...); err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return s, nil
}

// wrong returns what is wrong with single flags.
func (f *flags) wrong(c *cobra.Command) error {
	var errs []error
	for _, n := range []struct {
		flag       string
		value      int
		least, max int
	}{
		{"last", f.last, 1, maxLast},
		{"first", f.first, 1, math.MaxInt},
		{"after", f.after, 0, maxContext},
		{"before", f.before, 0, maxContext},
		{"context", f.around, 0, maxContext},
	} {
		switch {
		case !c.Flags().Changed(n.flag) || n.least <= n.value && n.value <= n.max || n.flag == "last" && f.follow && n.value == 0:
		case n.max == math.MaxInt:
			errs = append(errs, fmt.Errorf("--%s: %d must be %d or more", n.flag, n.value, n.least))
		default:
			errs = append(errs, fmt.Errorf("--%s: %d must be from %d to %d", n.flag, n.value, n.least, n.max))
		}
	}
	return errors.Join(errs...)
}

// conflicts returns which flags exclude each other.
func (f *flags) conflicts(given func(flag string) bool) error {
	context := f.before+f.after+f.around > 0
	var errs []error
	for _, pair := range []struct {
		both     bool
		one, two string
	}{
		{f.raw && f.json, "raw", "json"},
		{f.raw && len(f.fields) > 0, "raw", "fields"},
		{f.raw && len(f.hide) > 0, "raw", "hide"},
		{f.raw && f.noSource, "raw", "no-source"},
		{f.raw && given("layout"), "raw", "layout"},
		{f.raw && given("width"), "raw", "width"},
		{f.raw && given("time-format"), "raw", "time-format"},
		{f.json && given("layout"), "json", "layout"},
		{f.json && given("width"), "json", "width"},
		{f.merge && f.follow, "merge", "follow (which prints several logs as they grow)"},
		{f.count && f.follow, "count", "follow"},
		{f.count && f.last > 0, "count", "last"},
		{f.count && context, "count", "context"},
		{f.count && len(f.fields) > 0, "count", "fields"},
		{f.count && len(f.hide) > 0, "count", "hide"},
		{f.count && f.raw, "count", "raw"},
		{f.count && f.json, "count", "json"},
		{f.json && context, "json", "context"},
		{f.first > 0 && f.last > 0 && !f.follow, "first", "last"},
	} {
		if pair.both {
			errs = append(errs, fmt.Errorf("--%s does not go with --%s", pair.one, pair.two))
		}
	}
	return errors.Join(errs...)
}

// look adds how lines look.
func (f *flags) look(s *settings, w io.Writer) error {
	var errs []error
	choice := func(flag, value string, values ...string) int {
		i := slices.Index(values, value)
		if i < 0 {
			errs = append(errs, fmt.Errorf("--%s: %q is none of %s", flag, value, strings.Join(values, ", ")))
		}
		return i
	}
	s.console = handler.ConsoleOptions{
		Level:  slog.Level(math.MinInt),
		Layout: []handler.Layout{handler.LayoutAuto, handler.LayoutWide, handler.LayoutCompact}[max(0, choice("layout", f.layout, "auto", "wide", "compact"))],
		Color:  []handler.Color{handler.ColorAuto, handler.ColorAlways, handler.ColorNever}[max(0, choice("color", f.color, "auto", "always", "never"))],
		Width:  f.width,
	}
	if f.width != 0 && f.width < 40 {
		errs = append(errs, fmt.Errorf("--width: %d must be 40 or more, or 0 for that of the terminal", f.width))
	}
	switch f.timeFormat {
	case "datetime":
		s.console.TimeFormat = "2006-01-02 15:04:05.000"
	case "clock":
		s.console.TimeFormat = "15:04:05.000"
	case "rfc3339":
		s.console.TimeFormat = "2006-01-02T15:04:05.000Z07:00"
	case "none":
		s.timeless = true
	default:
		s.console.TimeFormat = f.timeFormat
		if a := time.Date(2001, 1, 1, 1, 1, 1, 0, time.UTC); a.Format(f.timeFormat) == a.AddDate(7, 5, 11).Add(8*time.Hour+21*time.Minute+33*time.Second).Format(f.timeFormat) {
			errs = append(errs, fmt.Errorf("--time-format: %q is none of datetime, clock, rfc3339, none, and no layout: write how you want to see 2006-01-02 15:04:05.000, with or without Monday and MST", f.timeFormat))
		}
	}
	if cli.IsTerminal(w) {
		s.terminal, _ = w.(*os.File)
	}
	s.wide = s.console.Layout == handler.LayoutWide || s.console.Layout == handler.LayoutAuto && s.terminal != nil
	s.color = s.form == people && colored(s)
	return errors.Join(errs...)
}

// colored reports whether the console prints in color, which it finds out by itself.
func colored(s *settings) bool {
	out := newScreen(s.terminal)
	h := handler.NewConsoleHandler(out, &handler.ConsoleOptions{Color: s.console.Color})
	slog.New(h).Error("")
	return slices.Contains(out.buf, '\x1b')
}

// tail returns where the reader is to begin, as input.Options.Tail has it.
func (f *flags) tail(wanted *filter.Filter, given bool) int {
	switch {
	case f.follow && given && f.last == 0:
		return -1
	case f.follow && given:
		return f.last
	case f.follow && !f.rotated && wanted.Since().IsZero():
		return followed
	case !f.follow && !f.rotated && !f.merge && f.last <= maxTail && wanted.Empty():
		return f.last
	}
	return 0
}

// names reports whether to print the names of files: as grep does, if there are several logs.
func (f *flags) names(c *cobra.Command, logs int) bool {
	if c.Flags().Changed("name") {
		return f.name
	}
	return logs > 1 && !f.raw && !f.json
}
