package logstash

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/sink"
)

// Options are options for a [Handler]. A zero Options consists entirely of
// default values.
type Options struct {
	// Level is the minimum level, asked for each record. Nil means
	// slog.LevelInfo.
	Level slog.Leveler

	// AddSource adds caller_method_name, caller_file_name and
	// caller_line_number.
	AddSource bool

	// LoggerName is the field logger_name. Empty leaves it out. A string attr
	// with the key "logger" or "logger_name" outside of groups takes its place.
	LoggerName string

	// Host is the field host.name. Empty means what os.Hostname says.
	Host string

	// Tags are the first of the field tags, before those of the attrs.
	Tags []string

	// OnError is called with each error that Handle returns, by the goroutine
	// that logs, outside the handler's lock. Nil means that errors are only
	// counted. It must not log to the same handler.
	OnError func(error)
}

// Handler is a [slog.Handler] that writes each record as an event for Logstash,
// in the fields of the format V1 that logstash-logback-encoder writes:
//
//	@timestamp   the time in UTC, RFC 3339; absent for a zero time
//	@version     "1"
//	message      the message
//	level        as slog.Level.String writes it
//	level_value  20000 for INFO, 30000 for WARN, 40000 for ERROR, and between
//	host         {"name": …}; never a string, which Logstash 8's inputs refuse
//	logger_name  see Options
//	tags         an array of strings, from Options and from attrs named "tags"
//	caller_…     see Options
//
// Attrs stand beside these, groups as objects. An error value is an object with
// its message and the type of the error at the end of its chain. Outside of
// groups some keys are kept from harm:
//
//   - The fields above, @metadata that is not an object, and what Logstash 8
//     takes for an object of its own, event, http, url and user_agent where the
//     value is not one, get the prefix "attr_" ("@" is left out).
//   - "error" with a value that is no object becomes an object with a message,
//     so that the field has one type.
//
// All methods are safe for concurrent use.
type Handler struct {
	shared *shared
	bound  jsonenc.Bound
	meta   meta
}

var _ slog.Handler = (*Handler)(nil)

// shared is what a handler and all derived from it have in common.
type shared struct {
	opts  Options
	host  []byte // the encoded field, with its comma
	rules jsonenc.Rules
	sink  *sink.Sink
}

// meta is what attrs say about the event as a whole.
type meta struct {
	logger string
	tags   []string // never appended to in place
}

// NewHandler returns a Handler that writes one event to w with each Write, ended
// by a newline. Nil opts are the default options. It panics if w is nil.
func NewHandler(w io.Writer, opts *Options) *Handler {
	if w == nil {
		panic("logstash: NewHandler: nil writer")
	}
	if opts == nil {
		opts = &Options{}
	}
	s := &shared{opts: *opts, rules: jsonenc.Rules{Any: appendAny}, sink: sink.New("logstash", w, opts.OnError)}
	host := opts.Host
	if host == "" {
		host, _ = os.Hostname() // a machine that does not know its name has none
	}
	if host != "" {
		s.host = append(jsonenc.AppendString([]byte(`,"host":{"name":`), host), '}')
	}
	return &Handler{shared: s, meta: meta{logger: opts.LoggerName, tags: slices.Clone(opts.Tags)}}
}

// Enabled reports whether level is at or above the minimum level.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	if h.shared.opts.Level == nil {
		return level >= slog.LevelInfo
	}
	return level >= h.shared.opts.Level.Level()
}

// Handle writes the record as one event, in one Write. It returns the writer's
// error.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	l := jsonenc.New(&h.shared.rules)
	defer l.Free()
	b := append(l.Buf, '{') //nolint:gocritic // back in l.Buf below
	if y := r.Time.UTC().Year(); !r.Time.IsZero() && 0 <= y && y <= 9999 {
		b = append(b, `"@timestamp":`...)
		b = l.Time(b, r.Time.UTC())
		b = append(b, ',')
	}
	b = append(b, `"@version":"1","message":`...)
	b = jsonenc.AppendString(b, r.Message)
	b = append(b, `,"level":`...)
	b = jsonenc.AppendLevel(b, r.Level)
	b = append(b, `,"level_value":`...)
	b = appendLevelValue(b, r.Level)
	b = append(b, h.shared.host...)
	if h.shared.opts.AddSource && r.PC != 0 {
		b = appendCaller(b, r.PC)
	}
	e := event{l, h.shared.opts.AddSource, h.meta}
	b = l.Begin(b, &h.bound)
	r.Attrs(func(a slog.Attr) bool {
		b = h.appendAttr(&e, b, a)
		return true
	})
	b = l.End(b, &h.bound)
	b = e.appendMeta(b)
	b = l.Finish(append(b, '}'))
	l.Buf = b
	return h.shared.sink.Write(r.Level, b)
}

func (h *Handler) appendAttr(e *event, b []byte, a slog.Attr) []byte {
	if h.bound.InGroup() {
		return e.line.Attr(b, a)
	}
	return e.root(b, a)
}

// appendLevelValue appends the number that logback has for a level: a step of
// 10,000 between two names, and 5,000 for TRACE.
func appendLevelValue(b []byte, level slog.Level) []byte {
	const farOut = 1 << 20 // far beyond every name, far below an overflow
	n := int64(max(-farOut, min(level, farOut)))
	if n < int64(slog.LevelDebug) {
		return appendInt(b, 10_000+(n-int64(slog.LevelDebug))*1250)
	}
	return appendInt(b, 20_000+n*2500)
}

func appendCaller(b []byte, pc uintptr) []byte {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	b = append(b, `,"caller_method_name":`...)
	b = jsonenc.AppendString(b, f.Function)
	b = append(b, `,"caller_file_name":`...)
	b = jsonenc.AppendString(b, f.File)
	b = append(b, `,"caller_line_number":`...)
	return appendInt(b, int64(f.Line))
}

// WithAttrs returns a handler that writes attrs with every event. They are
// encoded now.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	e := event{nil, h.shared.opts.AddSource, h.meta}
	bound := h.bound.WithAttrs(&h.shared.rules, func(l *jsonenc.Line, b []byte) []byte {
		e.line = l
		for _, a := range attrs {
			b = h.appendAttr(&e, b, a)
		}
		return b
	})
	return &Handler{shared: h.shared, bound: bound, meta: e.meta}
}

// WithGroup returns a handler that writes all later attrs inside an object. An
// empty name returns the receiver.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if !h.bound.InGroup() && fieldOf(name, h.shared.opts.AddSource) == own {
		name = renamed(name)
	}
	return &Handler{shared: h.shared, bound: h.bound.WithGroup(name), meta: h.meta}
}

// Flush flushes the writer if it has a method Flush(context.Context) error or
// Flush() error, and does nothing otherwise.
func (h *Handler) Flush(ctx context.Context) error { return h.shared.sink.Flush(ctx) }

// HandlerStats counts the events of a handler and of all handlers derived from
// it. At every moment Accepted is Written plus Dropped.
type HandlerStats struct {
	Accepted uint64 // events encoded and offered to the writer
	Written  uint64 // events that the writer took
	Dropped  uint64 // events that the writer refused
}

// Stats returns the counts of the writer, which derived handlers share.
func (h *Handler) Stats() HandlerStats {
	written, dropped := h.shared.sink.Counts()
	return HandlerStats{Accepted: written + dropped, Written: written, Dropped: dropped}
}
