package handler

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/lmittmann/tint"
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

// ConsoleOptions are options for a [ConsoleHandler]. A zero ConsoleOptions
// consists entirely of default values.
type ConsoleOptions struct {
	// Level is the minimum level, asked for each record. Nil means
	// slog.LevelInfo.
	Level slog.Leveler

	// AddSource prints the file and line of the log call.
	AddSource bool

	// ReplaceAttr rewrites attrs as in [slog.HandlerOptions].
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// TimeFormat is a layout of package time. Empty means "15:04:05.000".
	TimeFormat string

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

// ConsoleHandler is a [slog.Handler] that prints records for people, by way of
// tint:
//
//	23:30:00.123 INF listening port=8080 http.tls=false
//
// Groups are dotted. Whatever a message, a key or a value holds, a record is
// one line and no control sequence of theirs reaches the terminal: in a message
// control characters and the marks that reverse the direction of text become
// escapes such as \n and \x1b, in keys and values the text is quoted where it
// needs to be, with ␛ for an escape character. Invalid UTF-8 becomes U+FFFD.
//
// All methods are safe for concurrent use.
type ConsoleHandler struct {
	shared *consoleShared
	groups []string    // the names given to WithGroup
	prefix string      // groups, dotted, with a dot behind
	bound  []slog.Attr // flat and printable
}

var _ slog.Handler = (*ConsoleHandler)(nil)

// consoleShared is what a handler and all derived from it have in common.
type consoleShared struct {
	opts  ConsoleOptions
	zoned bool // TimeFormat prints the name of the zone
	color bool
	sink  *sink.Sink
	tints sync.Pool // of *tinter
}

// A tinter is one of tint's handlers and the buffer it prints into. Each is used
// by one goroutine at a time, so that nothing is encoded under a lock and the
// line's level is still known when it is written.
type tinter struct {
	buf   bytes.Buffer
	tint  slog.Handler
	attrs []slog.Attr // the attrs of one record
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
	shared := &consoleShared{opts: *opts, color: opts.Color.wanted(w), sink: sink.New("handler", w, opts.OnError)}
	if shared.opts.TimeFormat = printableMessage(shared.opts.TimeFormat); shared.opts.TimeFormat == "" {
		shared.opts.TimeFormat = "15:04:05.000"
	}
	shared.zoned = strings.Contains(shared.opts.TimeFormat, "MST")
	shared.tints.New = func() any {
		t := new(tinter)
		// Always in color: without it tint deletes what follows a U+FFFD.
		// The colors are taken out again where they are not wanted.
		t.tint = tint.NewTextHandler(&t.buf, &tint.Options{
			AddSource:   shared.opts.AddSource,
			ReplaceAttr: shared.replaceBuiltIn(),
			TimeFormat:  shared.opts.TimeFormat,
		})
		return t
	}
	same := shared.opts
	if same.Color = ColorNever; shared.color {
		same.Color = ColorAlways
	}
	sink.Announce(w, func(w io.Writer) slog.Handler { return NewConsoleHandler(w, &same) })
	return &ConsoleHandler{shared: shared, groups: []string{}}
}

// wanted reports whether to print to w in color.
func (c Color) wanted(w io.Writer) bool {
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
	f, ok := w.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// Enabled reports whether level is at or above the minimum level.
func (h *ConsoleHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= minLevel(h.shared.opts.Level)
}

// Handle prints the record as one line, in one Write. It returns the writer's
// error.
func (h *ConsoleHandler) Handle(ctx context.Context, r slog.Record) error {
	t, _ := h.shared.tints.Get().(*tinter)
	defer h.shared.put(t)
	safe := slog.NewRecord(h.shared.printableTime(r.Time), r.Level, r.Message, r.PC)
	if h.shared.opts.ReplaceAttr == nil {
		safe.Message = printableMessage(r.Message)
	}
	f := flattener{replace: h.shared.opts.ReplaceAttr, attrs: append(t.attrs, h.bound...)}
	r.Attrs(func(a slog.Attr) bool {
		f.add(h.groups, h.prefix, a)
		return true
	})
	safe.AddAttrs(f.attrs...)
	t.attrs = f.attrs
	if err := t.tint.Handle(ctx, safe); err != nil {
		return err
	}
	line := t.buf.Bytes()
	if !h.shared.color {
		line = withoutColor(line)
	}
	return h.shared.sink.Write(r.Level, line)
}

// put gives a tinter back for the next record, unless that would keep the memory
// of a huge one.
func (s *consoleShared) put(t *tinter) {
	if t.buf.Cap() > 64<<10 || cap(t.attrs) > 256 {
		return
	}
	clear(t.attrs)
	t.attrs = t.attrs[:0]
	t.buf.Reset()
	s.tints.Put(t)
}

// WithAttrs returns a handler that prints attrs with every record. They are
// rendered now.
func (h *ConsoleHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	f := flattener{replace: h.shared.opts.ReplaceAttr, attrs: slices.Clip(h.bound)}
	for _, a := range attrs {
		f.add(h.groups, h.prefix, a)
	}
	return &ConsoleHandler{shared: h.shared, groups: h.groups, prefix: h.prefix, bound: f.attrs}
}

// WithGroup returns a handler that prints all later attrs with a dotted prefix.
// An empty name returns the receiver.
func (h *ConsoleHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	groups := append(slices.Clip(h.groups), name)
	return &ConsoleHandler{shared: h.shared, groups: groups, prefix: h.prefix + name + ".", bound: h.bound}
}

// Flush flushes the writer if it has a method Flush(context.Context) error or
// Flush() error, and does nothing otherwise.
func (h *ConsoleHandler) Flush(ctx context.Context) error { return h.shared.sink.Flush(ctx) }

// EndBatch does what [JSONHandler.EndBatch] does.
func (h *ConsoleHandler) EndBatch() error { return h.shared.sink.EndBatch() }

// Stats returns the counts of the writer, which derived handlers share.
func (h *ConsoleHandler) Stats() Stats { return statsOf(h.shared.sink) }
