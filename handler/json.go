package handler

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/sink"
)

// JSONOptions are options for a [JSONHandler]. A zero JSONOptions consists
// entirely of default values, with which the handler writes what log/slog does.
type JSONOptions struct {
	// HandlerOptions are the options of log/slog, with the same meaning.
	slog.HandlerOptions

	// Duplicates is what becomes of a key that an object has already. The zero
	// value is KeepDuplicates.
	Duplicates Duplicates

	// NullNonFinite writes NaN and infinite numbers as null. False writes the
	// string that log/slog does, such as "!ERROR:json: unsupported value: NaN".
	// A value that only contains such a number becomes that string either way.
	NullNonFinite bool

	// MaxFieldBytes bounds keys and strings. A longer one is cut, between two
	// characters, and ends in a mark: "…(+123 bytes)". An array, an object that is not
	// a group, or a number that was encoded by a Marshaler becomes such a string.
	// Other numbers, and times, are not bounded. 0 and less is no bound.
	MaxFieldBytes int

	// MaxLineBytes bounds the line with its newline. In a longer one the longest
	// strings are cut; if that is not enough, the largest arrays and objects lose
	// what is at their ends, and last the attrs at the end are left out. It gets a
	// field "truncated", in place of an attr with that key, with the length that it had
	// at first, without the newline. 0 and less is no bound, and fewer than 1024 mean 1024.
	MaxLineBytes int

	// TimeFormat is the layout, as for [time.Time.Format], of the record's time and
	// of attrs that are times, though not of times inside of other values or behind
	// pointers. Empty is RFC 3339 with up to nanoseconds.
	TimeFormat string

	// TimePrecision is a unit of which those times are cut to a multiple, such as
	// time.Millisecond. Without a TimeFormat they have as many digits of a second
	// as it has, trailing zeros included. 0 and less keeps the nanoseconds, and
	// leaves out trailing zeros.
	TimePrecision time.Duration

	// LevelName returns what the field "level" says, and is asked for each record; one
	// that panics costs the name. [LevelName] is one. If there is a ReplaceAttr, that comes
	// first, and what it leaves a slog.Level is named. Nil means the names of log/slog.
	LevelName func(slog.Level) string

	// OnError is called with each error that Handle returns, by the goroutine
	// that logs, outside the handler's lock. Nil means that errors are only
	// counted. It must not log to the same handler.
	OnError func(error)
}

// Duplicates is what becomes of a key that an object of a line has already, be it
// one of an attr, of a With or of a built-in field. In all cases but
// KeepDuplicates and RenameDuplicates, two objects with the same key become one
// that has the members of both. A record in which a key comes twice, which it does in
// each one where the key is in a With, takes several times as long. What is none of
// these values is KeepDuplicates.
type Duplicates int

const (
	// KeepDuplicates writes both, as log/slog does. Most readers take the last
	// one, strict ones refuse the line.
	KeepDuplicates = Duplicates(jsonenc.KeepDuplicates)

	// LastWins leaves out the earlier one. An attr "msg" takes the place of the
	// message.
	LastWins = Duplicates(jsonenc.LastWins)

	// FirstWins leaves out the later one.
	FirstWins = Duplicates(jsonenc.FirstWins)

	// RenameDuplicates gives a number to the later ones: key, key_2, key_3.
	RenameDuplicates = Duplicates(jsonenc.RenameDuplicates)
)

func builtIns() []string {
	return []string{slog.TimeKey, slog.LevelKey, slog.SourceKey, slog.MessageKey}
}

// rules returns what the options mean to the encoder.
func (o *JSONOptions) rules() jsonenc.Rules {
	r := jsonenc.Rules{
		Replace:       o.ReplaceAttr,
		Duplicates:    jsonenc.Duplicates(o.Duplicates),
		Own:           builtIns(),
		Keep:          builtIns(),
		NullNonFinite: o.NullNonFinite,
		MaxField:      o.MaxFieldBytes,
		TimeFormat:    o.TimeFormat,
		TimePrecision: o.TimePrecision,
	}
	if r.Duplicates < jsonenc.KeepDuplicates || r.Duplicates > jsonenc.RenameDuplicates {
		r.Duplicates = jsonenc.KeepDuplicates
	}
	if o.MaxLineBytes > 0 {
		r.MaxLine = max(o.MaxLineBytes, 1024)
	}
	if o.LevelName != nil && o.ReplaceAttr != nil {
		r.Replace = o.replaceThenName
	}
	return r
}

// recordLevel is the level of a record, as opposed to one that is logged.
type recordLevel slog.Level

// replaceThenName is ReplaceAttr, and names the record's level if that is left.
func (o *JSONOptions) replaceThenName(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return o.ReplaceAttr(groups, a)
	}
	level, ok := a.Value.Any().(recordLevel)
	if !ok {
		return o.ReplaceAttr(groups, a)
	}
	a = o.ReplaceAttr(groups, slog.Any(a.Key, slog.Level(level)))
	a.Value = a.Value.Resolve()
	if level, ok := a.Value.Any().(slog.Level); ok {
		name, _ := jsonenc.CallLevelName(o.LevelName, level)
		a.Value = slog.StringValue(name)
	}
	return a
}

// JSONHandler is a [slog.Handler] that writes each record as a line of JSON, as
// [slog.JSONHandler] does. It differs where that writes invalid JSON or puts
// things in the wrong place:
//
//   - A group that is left empty, by ReplaceAttr or because all in it is empty,
//     vanishes, and what follows it is intact. The standard library loses a
//     comma or prints an empty group.
//   - ReplaceAttr gets the right groups for the attr after such a group.
//   - WithGroup("") returns the receiver.
//   - A time with a year before 0 or after 9999 becomes one error text.
//   - Invalid UTF-8 from a json.Marshaler becomes \ufffd.
//   - A group nested more than 128 deep, as only one that contains itself is, is
//     cut off there, and no further group of the record is written. The same
//     goes for a record with more than 65,536 attrs in groups.
//   - A ReplaceAttr, or a method of a value, that panics costs that value.
//
// Like that, it writes the controls from U+007F to U+009F as they are, which JSON
// allows: a file of JSON lines is for a program, not for a terminal.
//
// All methods are safe for concurrent use.
type JSONHandler struct {
	shared *jsonShared
	bound  jsonenc.Bound
}

var _ slog.Handler = (*JSONHandler)(nil)

// jsonShared is what a handler and all derived from it have in common.
type jsonShared struct {
	opts    JSONOptions
	encoder *jsonenc.Encoder
	sink    *sink.Sink
	sources sync.Map // from a PC to its encoded source; as many as there are calls in the program
}

// NewJSONHandler returns a JSONHandler that writes to w. Nil opts are the
// default options. It panics if w is nil.
func NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	if opts == nil {
		opts = &slog.HandlerOptions{}
	}
	return JSONOptions{HandlerOptions: *opts}.NewHandler(w)
}

// NewHandler returns a JSONHandler with these options that writes to w. It
// panics if w is nil.
func (o JSONOptions) NewHandler(w io.Writer) *JSONHandler {
	if w == nil {
		panic("handler: NewJSONHandler: nil writer")
	}
	shared := &jsonShared{opts: o, encoder: jsonenc.New(o.rules()), sink: sink.New("handler", w, o.OnError)}
	sink.Announce(w, func(w io.Writer) slog.Handler { return o.NewHandler(w) })
	return &JSONHandler{shared, shared.encoder.Bound()}
}

// Enabled reports whether level is at or above the minimum level.
func (h *JSONHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= minLevel(h.shared.opts.Level)
}

func minLevel(l slog.Leveler) slog.Level {
	if l == nil {
		return slog.LevelInfo
	}
	return l.Level()
}

// Handle writes the record as one line, in one Write. It returns the writer's
// error.
func (h *JSONHandler) Handle(_ context.Context, r slog.Record) error {
	l := h.shared.encoder.Line()
	defer l.Free()
	b := append(l.Buf, '{') //nolint:gocritic // back in l.Buf below
	if h.shared.opts.ReplaceAttr == nil {
		b = h.appendBuiltIns(l, b, &r)
	} else {
		b = h.replaceBuiltIns(l, b, &r)
	}
	b = l.Begin(b, &h.bound)
	r.Attrs(func(a slog.Attr) bool {
		b = l.Attr(b, a)
		return true
	})
	b = l.End(b, &h.bound)
	b = l.Finish(append(b, '}'))
	l.Buf = b
	return h.shared.sink.Write(r.Level, b)
}

// appendBuiltIns appends time, level, source and message.
func (h *JSONHandler) appendBuiltIns(l *jsonenc.Line, b []byte, r *slog.Record) []byte {
	if !r.Time.IsZero() {
		b = l.RecordTime(b, `"time":`, r.Time)
		b = append(b, ',')
	}
	switch {
	case h.shared.opts.AddSource:
		b = h.appendLevel(l, b, r.Level)
		b = append(b, h.source(l, r.PC)...)
		b = append(b, `,"msg":`...)
	case r.Level == slog.LevelInfo && h.shared.opts.LevelName == nil: // most records are, and it is one piece then
		b = append(b, `"level":"INFO","msg":`...)
	default:
		b = h.appendLevel(l, b, r.Level)
		b = append(b, `,"msg":`...)
	}
	return l.Text(b, r.Message)
}

func (h *JSONHandler) appendLevel(l *jsonenc.Line, b []byte, level slog.Level) []byte {
	b = append(b, `"level":`...)
	if h.shared.opts.LevelName == nil {
		return jsonenc.AppendLevel(b, level)
	}
	name, _ := jsonenc.CallLevelName(h.shared.opts.LevelName, level)
	return l.Text(b, name)
}

// source returns the encoded source attr of a PC, with its leading comma.
func (h *JSONHandler) source(l *jsonenc.Line, pc uintptr) []byte {
	if known, ok := h.shared.sources.Load(pc); ok {
		text, _ := known.([]byte)
		return text
	}
	text := l.Attr(nil, slog.Any(slog.SourceKey, sourceOf(pc)))
	h.shared.sources.Store(pc, text)
	return text
}

// sourceOf is never nil; a zero PC has an empty source, which prints nothing.
func sourceOf(pc uintptr) *slog.Source {
	if pc == 0 {
		return &slog.Source{}
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return &slog.Source{Function: f.Function, File: f.File, Line: f.Line}
}

// replaceBuiltIns appends what ReplaceAttr makes of the built-in attrs.
func (h *JSONHandler) replaceBuiltIns(l *jsonenc.Line, b []byte, r *slog.Record) []byte {
	if !r.Time.IsZero() {
		b = l.Attr(b, slog.Time(slog.TimeKey, r.Time.Round(0))) // Round drops the monotonic clock
	}
	if h.shared.opts.LevelName == nil {
		b = l.Attr(b, slog.Any(slog.LevelKey, r.Level))
	} else {
		b = l.Attr(b, slog.Any(slog.LevelKey, recordLevel(r.Level)))
	}
	if h.shared.opts.AddSource {
		b = l.Attr(b, slog.Any(slog.SourceKey, sourceOf(r.PC)))
	}
	return l.Attr(b, slog.String(slog.MessageKey, r.Message))
}

// WithAttrs returns a handler that writes attrs with every record. They are
// encoded now.
func (h *JSONHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	bound := h.bound.WithAttrs(h.shared.encoder, func(l *jsonenc.Line, b []byte) []byte {
		for _, a := range attrs {
			b = l.Attr(b, a)
		}
		return b
	})
	return &JSONHandler{shared: h.shared, bound: bound}
}

// WithGroup returns a handler that writes all later attrs inside a group. An
// empty name returns the receiver.
func (h *JSONHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &JSONHandler{shared: h.shared, bound: h.bound.WithGroup(name)}
}

// Flush flushes the writer if it has a method Flush(context.Context) error or
// Flush() error, and does nothing otherwise.
func (h *JSONHandler) Flush(ctx context.Context) error { return h.shared.sink.Flush(ctx) }

// EndBatch flushes a writer that has a method Flush() error, as bufio.Writer has
// it. A handler that hands over many records at a time calls it after them, as
// asyncbuf.Handler does.
func (h *JSONHandler) EndBatch() error { return h.shared.sink.EndBatch() }

// Stats returns the counts of the writer, which derived handlers share.
func (h *JSONHandler) Stats() Stats { return statsOf(h.shared.sink) }
