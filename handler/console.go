package handler

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/sluicelog/sluice/internal/sink"
)

// Color says when a [ConsoleHandler] prints in color.
type Color int

// The values of Color.
const (
	ColorAuto   Color = iota // when the writer is a terminal and the environment does not object
	ColorAlways              // always
	ColorNever               // never
)

// Layout says how a [ConsoleHandler] arranges a record.
type Layout int

// The values of Layout.
const (
	LayoutAuto    Layout = iota // LayoutWide on a terminal, LayoutCompact for all else
	LayoutCompact               // one line a record, whatever is in it
	LayoutWide                  // columns, and lines below for what has several lines
)

// ConsoleOptions are options for a [ConsoleHandler]. A zero ConsoleOptions
// consists entirely of default values.
type ConsoleOptions struct {
	// Level is the minimum level, asked for each record. Nil means
	// slog.LevelInfo.
	Level slog.Leveler

	// AddSource prints the file and line of the log call behind the attrs, as in
	// (db/pool.go:42). The file is that below the working directory, where editors
	// and their terminals find it by a click; that within its module elsewhere.
	AddSource bool

	// SourceURL returns the address of a log call, which terminals that know OSC 8
	// open by a click: "file://" + s.File, or one of an editor's. It is asked once
	// for each log call, with ReplaceAttr for each record, and only in color with
	// AddSource. Nil and the empty string mean no link.
	SourceURL func(s *slog.Source) string

	// ReplaceAttr rewrites attrs as in [slog.HandlerOptions]. Of what it returns,
	// the color of a tint.Attr is kept.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// TimeFormat is a layout of package time. Empty means "15:04:05.000".
	TimeFormat string

	// Elapsed prints the time since NewConsoleHandler in the place of the clock, as
	// in +12.345s. A clock that is set meanwhile does not matter, but with
	// ReplaceAttr, which is given times without a monotonic reading.
	Elapsed bool

	// Layout says how a record is arranged. The zero value is LayoutAuto. What
	// counts lines, such as a log collector, needs LayoutCompact.
	Layout Layout

	// Width is how many columns LayoutWide has. Zero means those of the terminal,
	// asked for each record, and no limit if the writer is none. Negative means no
	// limit. The least is 40.
	Width int

	// MessageWidth is how many columns a message is padded to, so that the attrs
	// behind line up. Zero means none in LayoutCompact, and in LayoutWide three
	// tenths of the width, but 24 to 40. Negative means none. The most is 1000.
	MessageWidth int

	// LevelName returns the name to print for a level. Nil means names of three
	// letters: TRC, DBG, INF, NTC, SUC, WRN, ERR, FAI, CRT, FTL, and between them
	// as in INF+1. [LevelName] is another choice. It is called by NewConsoleHandler
	// for each level from TRACE to FATAL, later for others. One that panics costs the
	// name.
	LevelName func(slog.Level) string

	// LevelColor returns the color of a level's name and message as the parameters
	// of the sequence that sets it (SGR in ECMA-48): "91" is bright red, "1;38;5;208"
	// bold orange, the empty string the terminal's own. Anything but digits and
	// semicolons is no color. Nil means red from ERROR on, yellow from WARN on, and
	// so on. It is called as LevelName is.
	LevelColor func(slog.Level) string

	// Color says when to print in color. The zero value, ColorAuto, prints in
	// color to a terminal. Three environment variables are heeded: NO_COLOR, if
	// not empty, turns color off (https://no-color.org); else FORCE_COLOR, if
	// neither empty nor 0, turns it on (https://force-color.org); else
	// TERM=dumb turns it off.
	Color Color

	// OnError is called with each error that Handle returns, as in
	// [JSONOptions].
	OnError func(error)
}

// ConsoleHandler is a [slog.Handler] that prints records for people. tint prints
// the time, the level and the message; columns, attrs and what keeps a terminal
// safe are ours. LayoutCompact is for files, pipes and log collectors:
//
//	23:30:00.123 INF listening port=8080 http.tls=false
//
// LayoutWide is for a terminal. The message is padded, so that attrs line up. What
// does not fit into the width goes below, behind a gutter that nothing that is
// logged can imitate, and so does a value of several lines, and a map, struct or
// slice of more than 60 columns, as JSON. A string attr with the key logger that
// With has bound outside of groups stands before the message, unless there is a
// ReplaceAttr:
//
//	23:30:00.123 ERR [db] no connection           attempt=3
//	  │ err:
//	  │   dial tcp 10.0.0.7:5432
//	  │   connection refused
//
// Behind │ and one space there are attrs; behind │ and three, the lines of a value
// or, ahead of all attrs, of the message; a line with ┊ goes on with the one before,
// one with ┆ with a key. Errors are red.
//
// Groups are dotted. Whatever a message, a key or a value holds, in LayoutCompact a
// record is one line, and in both no control sequence of theirs reaches the
// terminal: what acts on one, the marks that reverse the direction of text
// included, becomes an escape such as \n and \x1b. A key or a value that could be
// taken for something else is quoted. Invalid UTF-8 is escaped or becomes U+FFFD.
//
// A value of tint.Attr or tint.Err has its color. All methods are safe for
// concurrent use.
type ConsoleHandler struct {
	shared *consoleShared
	groups []string // the names given to WithGroup
	prefix string   // groups, dotted, with a dot behind
	bound  string   // LayoutCompact: the attrs of With as they are printed
	items  []item   // LayoutWide: the attrs of With
	logger string   // LayoutWide: the column of the logger, with a space before it
}

var _ slog.Handler = (*ConsoleHandler)(nil)

// consoleShared is what a handler and all derived from it have in common.
type consoleShared struct {
	opts     ConsoleOptions
	start    time.Time
	color    bool
	wide     bool
	terminal interface{ Fd() uintptr } // asked for its width, if not nil
	zoned    bool                      // TimeFormat prints the name of the zone
	levels   levelTexts
	sources  *sourceTexts
	sink     *sink.Sink
	printers sync.Pool // of *printer
}

// NewConsoleHandler returns a ConsoleHandler that prints to w. Nil opts are the
// default options. It panics if w is nil.
func NewConsoleHandler(w io.Writer, opts *ConsoleOptions) *ConsoleHandler {
	if w == nil {
		panic("handler: NewConsoleHandler: nil writer")
	}
	if opts == nil {
		opts = &ConsoleOptions{}
	}
	return newConsoleHandler(w, *opts, time.Now())
}

func newConsoleHandler(w io.Writer, opts ConsoleOptions, start time.Time) *ConsoleHandler {
	s := &consoleShared{start: start, sink: sink.New("handler", w, opts.OnError)}
	terminal := terminalOf(w)
	s.color = opts.Color.wanted(terminal != nil)
	if s.wide = opts.Layout == LayoutWide || opts.Layout == LayoutAuto && terminal != nil; s.wide {
		if opts.Width == 0 {
			s.terminal = terminal
		}
	}
	if opts.TimeFormat = printableMessage(opts.TimeFormat); opts.TimeFormat == "" {
		opts.TimeFormat = "15:04:05.000"
	}
	s.zoned = strings.Contains(opts.TimeFormat, "MST")
	s.opts = opts
	s.levels = newLevelTexts(s)
	if opts.AddSource {
		s.sources = newSourceTexts(s)
	}
	s.printers.New = func() any { return newPrinter(s) }
	sink.Announce(w, func(w io.Writer) slog.Handler { return newConsoleHandler(w, s.resolved(), start) })
	return &ConsoleHandler{shared: s, groups: []string{}}
}

// resolved returns the options with what has been found out about the writer.
func (s *consoleShared) resolved() ConsoleOptions {
	opts := s.opts
	if opts.Color = ColorNever; s.color {
		opts.Color = ColorAlways
	}
	if opts.Layout = LayoutCompact; s.wide {
		opts.Layout = LayoutWide
	}
	return opts
}

// terminalOf returns w if it is a terminal.
func terminalOf(w io.Writer) interface{ Fd() uintptr } {
	f, ok := w.(interface{ Fd() uintptr })
	if ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd())) {
		return f
	}
	return nil
}

// wanted reports whether to print in color.
func (c Color) wanted(terminal bool) bool {
	switch force := os.Getenv("FORCE_COLOR"); {
	case c != ColorAuto:
		return c == ColorAlways
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case os.Getenv("TERM") == "dumb":
		return false
	}
	return terminal
}

// Enabled reports whether level is at or above the minimum level.
func (h *ConsoleHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= minLevel(h.shared.opts.Level)
}

// Handle prints the record in one Write. It returns the writer's error.
func (h *ConsoleHandler) Handle(ctx context.Context, r slog.Record) error {
	p, _ := h.shared.printers.Get().(*printer)
	defer p.free()
	if err := p.begin(ctx, h.logger, r); err != nil {
		return err
	}
	p.bound(h.bound)
	for i := range h.items {
		p.print(&h.items[i])
	}
	p.prefix = append(p.prefix, h.prefix...)
	r.Attrs(func(a slog.Attr) bool {
		p.attr(h.groups, a, uncolored)
		return true
	})
	p.end(r.PC)
	return h.shared.sink.Write(r.Level, p.line)
}

// WithAttrs returns a handler that prints attrs with every record. They are
// rendered now.
func (h *ConsoleHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	p, _ := h.shared.printers.Get().(*printer)
	defer p.free()
	h2 := *h
	p.prefix = append(p.prefix, h.prefix...)
	p.binding = h.shared.wide
	for _, a := range attrs {
		if logger, ok := h.loggerOf(a); ok {
			h2.logger += logger
			continue
		}
		p.attr(h.groups, a, uncolored)
	}
	h2.bound += string(p.line)
	h2.items = append(slices.Clip(h.items), p.items...)
	return &h2
}

// WithGroup returns a handler that prints all later attrs with a dotted prefix.
// An empty name returns the receiver.
func (h *ConsoleHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.groups = slices.Clip(append(slices.Clip(h.groups), name)) // all records give it to ReplaceAttr
	h2.prefix += name + "."
	return &h2
}

// loggerOf returns the column for an attr that names the logger.
func (h *ConsoleHandler) loggerOf(a slog.Attr) (column string, ok bool) {
	s := h.shared
	if !s.wide || len(h.groups) > 0 || s.opts.ReplaceAttr != nil || a.Key != "logger" || a.Value.Kind() != slog.KindString {
		return "", false
	}
	name := "[" + printableMessage(a.Value.String()) + "]"
	if s.color {
		name = sgr("36") + name + resetColor
	}
	return " " + name, true
}

// Flush flushes the writer if it has a method Flush(context.Context) error or
// Flush() error, and does nothing otherwise.
func (h *ConsoleHandler) Flush(ctx context.Context) error { return h.shared.sink.Flush(ctx) }

// EndBatch does what [JSONHandler.EndBatch] does.
func (h *ConsoleHandler) EndBatch() error { return h.shared.sink.EndBatch() }

// Stats returns the counts of the writer, which derived handlers share.
func (h *ConsoleHandler) Stats() Stats { return statsOf(h.shared.sink) }
