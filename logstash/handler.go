package logstash

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/sink"
)

// Handler is a [slog.Handler] that writes each record as an event for Logstash. In
// the [Profile] V1 it has the fields that logstash-logback-encoder writes:
//
//	@timestamp   the time in UTC, RFC 3339; absent for a zero time
//	@version     "1"
//	level        TRACE, DEBUG, INFO, NOTICE, SUCCESS, WARN, …, see Options
//	level_value  20000 for INFO, 30000 for WARN, 40000 for ERROR, and between
//	logger_name  see Options
//	caller_…     see Options
//	message      the message
//	host         {"name": …}; never a string, which Logstash 8's inputs refuse
//	stack_trace  of the error under the key "err" or "error", where it has one
//	tags         an array of strings, from Options, the level and attrs named "tags"
//
// The attrs named there are those outside of groups.
// ECS and ECSDotted have the names of the Elastic Common Schema for these, ecs.version
// in place of @version, and the error under the key "err" or "error" as
// error.message, error.type and error.stack_trace.
//
// Attrs stand beside these, groups as objects. An attr that is an error is an object with
// its message and the type of the error at the end of its chain; a stack trace that
// the event does not show elsewhere is its member stack_trace. A fmt.Stringer that
// is no Marshaler is its text, and so is a url.URL, without its password.
//
// What Logstash, Elasticsearch or Filebeat would reject or read as something else
// is written otherwise:
//
//   - Of two members of an object with the same name the last one is written. Two
//     objects become one.
//   - Brackets in names, and dots at their ends or next to each other, become
//     underscores. An empty name becomes "_".
//   - NaN and infinite numbers become null, integers beyond 64 bits strings.
//   - "error" and "err" with a value that is no object become an object with a
//     message, so that the field has one type.
//   - Outside of groups, an attr collides, see [Collisions], that has the key of a
//     field of the event's own or of Elasticsearch's, such as _id; or, with a value
//     that is no object, the key of an object that Logstash's inputs or Filebeat
//     fill: event, http, url, user_agent, host, agent, ecs, log, input; in ECS also
//     that of another field set. So does an @metadata that is no object. Of an object
//     with members that are the event's own, a group gets the other members, and
//     prefixes those with "attr_"; any other value collides.
//   - An event that is too long is shortened, see Options.
//
// All methods are safe for concurrent use.
type Handler struct {
	shared *encoder
	bound  jsonenc.Bound
	meta   meta
	heads  *heads
	groups int    // how often WithGroup was called
	prefix string // of labels: the names given to WithGroup
	tail   bool   // whether meta has something to show behind the attrs
}

var _ slog.Handler = (*Handler)(nil)

// encoder is what a handler and all derived from it have in common.
type encoder struct {
	opts     Options
	places   places
	meanings *meanings
	json     *jsonenc.Encoder
	loose    *jsonenc.Encoder // without the event's own names
	stacks   errtrace.Style
	sink     *sink.Sink
	timeKey  string // the encoded name of the time, with its colon
	static   []byte // the encoded fields that are the same in all events, each after a comma
	rework   bool   // whether they have an object that others of the event's own fields have, too
	dynamic  bool   // whether there are fields between static and the attrs
	tail     bool   // whether there are fields behind the attrs, whatever the attrs are
	sequence atomic.Uint64
	events   sync.Pool
	callers  sync.Map // from a PC to its *caller; as many as there are calls in the program
}

// heads are the encoded fields between the time and the message, for the levels from
// TRACE to FATAL that have occurred.
type heads [25]atomic.Pointer[[]byte]

// NewHandler returns a Handler that writes one event to w with each Write, ended
// by a newline. Nil opts are the default options. It panics if w is nil.
func NewHandler(w io.Writer, opts *Options) *Handler {
	if w == nil {
		panic("logstash: NewHandler: nil writer")
	}
	if opts == nil {
		opts = &Options{}
	}
	if s, ok := w.(*Shipper); ok {
		w = encoded{s}
	}
	s := &encoder{opts: *opts, stacks: opts.stacks(), places: opts.places(), sink: sink.New("logstash", w, opts.OnError)}
	same := *opts
	same.Sequence = false // the numbers are those of the program's events
	sink.Announce(w, func(w io.Writer) slog.Handler { return NewHandler(w, &same) })
	o := &s.opts
	for f, on := range map[field]bool{
		idField: o.EventID, sequenceField: o.Sequence, traceField: o.Trace != nil, spanField: o.Trace != nil,
		methodField: o.AddSource, fileField: o.AddSource, lineField: o.AddSource, typeField: o.Type != "",
		datasetField: o.Service.Name != "", serviceField: o.Service.Name != "", serviceVersionField: o.Service.Version != "",
		serviceEnvironmentField: o.Service.Environment != "", serviceNodeField: o.Service.Node != "",
	} {
		if !on {
			s.places[f] = nil
		}
	}
	s.dynamic = o.EventID || o.Sequence || o.Trace != nil
	s.tail = o.EventID || o.LevelTag != nil || o.StackLevel != nil
	s.meanings = newMeanings(o, &s.places)
	rules := o.rules()
	rules.Any = s.appendAny
	loose := rules
	loose.MaxLine = 0 // what is in it is measured with the event
	s.loose = jsonenc.New(loose)
	rules.Reserved = s.meanings.hashes

	if p := s.places[timestampField]; p != nil {
		s.timeKey = string(jsonenc.AppendKey([]byte{'{'}, p[0])[1:])
	}
	h := &Handler{shared: s}
	h.meta.logger = o.LoggerName
	rules.Own = ownNames(&s.places, func(f field) bool { return !s.isStatic(f) })
	names := h.addStatic(jsonenc.New(rules))
	rules.Own = append(rules.Own, names...)
	rules.Keep = ownNames(&s.places, func(field) bool { return true })
	s.json = jsonenc.New(rules)
	h.bound = s.json.Bound()
	if o.Attrs != "" {
		h.bound = h.bound.WithGroup(s.meanings.attrs)
	}
	h.heads = new(heads)
	return h
}

// isStatic reports whether a field is the same in all events.
func (s *encoder) isStatic(f field) bool {
	return f >= ecsField && f <= typeField || f == datasetField && !s.dynamic
}

// addStatic encodes the fields that are the same in all events, and returns their
// names.
func (h *Handler) addStatic(json *jsonenc.Encoder) []string {
	s := h.shared
	o := &s.opts
	host := o.Host
	if host == "" {
		host, _ = os.Hostname() // a machine that does not know its name has none
	}
	w := writer{places: &s.places}
	b := []byte{'{'}
	b = w.text(b, ecsField, ecsVersion)
	b = w.text(b, hostField, host)
	b = w.text(b, serviceField, o.Service.Name)
	b = w.text(b, serviceVersionField, o.Service.Version)
	b = w.text(b, serviceEnvironmentField, o.Service.Environment)
	b = w.text(b, serviceNodeField, o.Service.Node)
	b = w.text(b, typeField, o.Type)
	if o.Service.Name != "" && !s.dynamic {
		b = w.text(b, datasetField, o.Service.Name+".log")
	}
	b = w.close(b, 0)
	own := json.Bound().WithAttrs(json, func(l *jsonenc.Line, text []byte) []byte {
		if len(b) > 1 {
			text = append(append(text, ','), b[1:]...)
		}
		e := event{encoder: s, line: l, bound: &h.meta, outside: true} // and never nested
		e.change().tags = append([]string(nil), o.Tags...)
		l.Rework() // the attrs in Fields may have names that are in b
		for _, a := range o.Fields {
			text = e.attr(text, a)
		}
		text = e.addMetadata(text, slog.Attr{Key: "@metadata", Value: slog.GroupValue(o.Metadata...)})
		h.meta = *e.change()
		return text
	})
	h.tail = h.meta.shows()
	s.static, s.rework = own.Text(), own.Rework() || s.places.scattered()
	return own.Names()
}

// ecsVersion is that of the schema whose names the fields of ECS have.
const ecsVersion = "8.11.0"

// appendHead appends the fields between the time and the message, and what stands
// before the message. It is not the same the next time if ok is false.
func (s *encoder) appendHead(b []byte, level slog.Level, logger string, from *caller) (text []byte, ok bool) {
	w := writer{places: &s.places}
	ok = true
	b = w.text(b, versionField, "1")
	if text, has := w.key(b, levelField); has {
		if s.opts.LevelName == nil {
			b = jsonenc.AppendLevelName(text, level)
		} else {
			var name string
			name, ok = jsonenc.CallLevelName(s.opts.LevelName, level)
			b = jsonenc.AppendString(text, name)
		}
	}
	if text, ok := w.key(b, levelValueField); ok {
		b = appendLevelValue(text, level)
	}
	b = w.text(b, loggerField, logger)
	if from != nil {
		b = w.text(b, methodField, from.function)
		b = w.text(b, fileField, from.file)
		b = w.int(b, lineField, int64(from.line))
	}
	b = w.close(b, 0)
	b, _ = w.key(b, messageField)
	return w.close(b, 0), ok
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
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.shared
	e := h.newEvent()
	l := e.line
	b := append(l.Buf, '{') //nolint:gocritic // back in l.Buf below
	if s.hasTime(r.Time) {
		b = l.RecordTime(b, s.timeKey, r.Time.UTC())
	}
	if head := h.heads.of(r.Level); head != nil {
		b = appendMore(b, *head)
	} else {
		b = h.appendHead(b, &r)
	}
	if s.places[messageField] != nil {
		b = l.Text(b, r.Message)
	}
	b = appendMore(b, s.static)
	if s.rework {
		l.Rework()
	}
	var id []byte
	if s.dynamic {
		b, id = s.appendDynamic(ctx, b, &r)
	}
	b = l.Begin(b, &h.bound)
	fast := s.opts.Attrs == ""
	r.Attrs(func(a slog.Attr) bool {
		if fast {
			var ok bool
			if b, ok = l.Scalar(b, a); ok { // whose key means nothing
				return true
			}
		}
		b = e.attr(b, a)
		return true
	})
	b = l.End(b, &h.bound)
	if s.tail || e.changed || h.tail {
		b = e.appendTail(b, &r, id)
	}
	b = l.Finish(append(b, '}'))
	l.Buf = b
	err := s.sink.Write(r.Level, b)
	e.free()
	return err
}

// hasTime reports whether the event has the time t. One that RFC 3339 cannot write,
// with a year before 0 or after 9999, would make Logstash tag the event.
func (s *encoder) hasTime(t time.Time) bool {
	const year0, year10000 = -62167219200, 253402300800
	unix := t.Unix()
	return s.timeKey != "" && !t.IsZero() && year0 <= unix && unix < year10000
}

// of returns the head for a level, or nil if there is none.
func (hs *heads) of(level slog.Level) *[]byte {
	if slot := hs.slot(level); slot != nil {
		return slot.Load()
	}
	return nil
}

func (hs *heads) slot(level slog.Level) *atomic.Pointer[[]byte] {
	if i := uint64(level + 8); i < uint64(len(hs)) { //nolint:gosec // below TRACE it is large
		return &hs[i]
	}
	return nil
}

// appendHead appends what stands before the message of a record that has no head.
func (h *Handler) appendHead(b []byte, r *slog.Record) []byte {
	slot := h.heads.slot(r.Level)
	if slot == nil || h.shared.opts.AddSource { // each call has another one
		var from *caller
		if h.shared.opts.AddSource && r.PC != 0 {
			from = h.shared.callerOf(r.PC)
		}
		b, _ = h.shared.appendHead(b, r.Level, h.meta.logger, from)
		return b
	}
	head, same := h.shared.appendHead(nil, r.Level, h.meta.logger, nil)
	if same {
		slot.Store(&head)
	}
	return appendMore(b, head)
}

// appendMore appends text that begins with a comma.
func appendMore(b, text []byte) []byte {
	if len(text) > 0 && b[len(b)-1] == '{' {
		text = text[1:]
	}
	return append(b, text...)
}

// appendDynamic appends the fields that are new in every event, and returns the id.
func (s *encoder) appendDynamic(ctx context.Context, b []byte, r *slog.Record) (text, id []byte) {
	w := writer{places: &s.places}
	if s.places[datasetField] != nil {
		b = w.text(b, datasetField, s.opts.Service.Name+".log")
	}
	if text, ok := w.key(b, idField); ok {
		b = appendID(append(text, '"'), r)
		id = b[len(text)+1:]
		b = append(b, '"')
	}
	if s.opts.Sequence {
		b = w.int(b, sequenceField, int64(s.sequence.Add(1))) //nolint:gosec // far from an overflow
	}
	if s.opts.Trace != nil {
		traceID, spanID := s.trace(ctx)
		b = w.text(b, traceField, traceID)
		b = w.text(b, spanField, spanID)
	}
	return w.close(b, 0), id
}

// trace calls the user's function, which must not take the record with it.
func (s *encoder) trace(ctx context.Context) (traceID, spanID string) {
	defer func() {
		if recover() != nil {
			traceID, spanID = "!PANIC", ""
		}
	}()
	return s.opts.Trace(ctx)
}

// appendLevelValue appends the number that logback has for a level: a step of
// 10,000 between two names, and 5,000 for TRACE.
func appendLevelValue(b []byte, level slog.Level) []byte {
	const farOut = 1 << 20 // far beyond every name, far below an overflow
	n := int64(max(-farOut, min(level, farOut)))
	if n < int64(slog.LevelDebug) {
		return jsonenc.AppendInt(b, 10_000+(n-int64(slog.LevelDebug))*1250)
	}
	return jsonenc.AppendInt(b, 20_000+n*2500)
}

// A caller is where a record was logged.
type caller struct {
	function, file string
	line           int
}

func (s *encoder) callerOf(pc uintptr) *caller {
	if known, ok := s.callers.Load(pc); ok {
		c, _ := known.(*caller)
		return c
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	c := &caller{f.Function, f.File, f.Line}
	s.callers.Store(pc, c)
	return c
}

// WithAttrs returns a handler that writes attrs with every event. They are
// encoded now.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	h2 := *h
	h2.bound = h.bound.WithAttrs(h.shared.json, func(l *jsonenc.Line, b []byte) []byte {
		e := h.shared.newEvent(l)
		e.bound, e.outside, e.prefix = &h.meta, h.groups == 0, h.prefix
		for _, a := range attrs {
			b = e.attr(b, a)
		}
		h2.meta = *e.meta()
		return b
	})
	h2.tail = h2.meta.shows()
	if h2.meta.logger != h.meta.logger {
		h2.heads = new(heads)
	}
	return &h2
}

// maxGroups is how many groups WithGroup opens in each other. Logstash refuses an
// event that is nested deeper than maxNesting.
const maxGroups = maxNesting / 2

// WithGroup returns a handler that writes all later attrs inside an object. An
// empty name returns the receiver, and so does a call when 500 groups are open.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" || h.groups == maxGroups {
		return h
	}
	h2 := *h
	h2.groups++
	if h.shared.opts.Attrs == "labels" {
		h2.prefix += name + "_"
		return &h2
	}
	if h.groups == 0 && h.shared.opts.Attrs == "" {
		name = h.shared.meanings.group(name)
	}
	h2.bound = h.bound.WithGroup(jsonenc.CleanName(name))
	return &h2
}

// Flush flushes the writer if it has a method Flush(context.Context) error or
// Flush() error, and does nothing otherwise.
func (h *Handler) Flush(ctx context.Context) error { return h.shared.sink.Flush(ctx) }

// EndBatch flushes a writer that has a method Flush() error, as bufio.Writer has
// it. A handler that hands over many records at a time calls it after them, as
// asyncbuf.Handler does.
func (h *Handler) EndBatch() error { return h.shared.sink.EndBatch() }

// HandlerStats counts the events of a handler and of all handlers derived from
// it. At every moment Accepted is Written plus Dropped.
type HandlerStats struct {
	Accepted uint64 // events encoded and offered to the writer
	Written  uint64 // events that the writer took
	Dropped  uint64 // events that the writer refused

	WrittenBytes uint64 // bytes of the events that the writer took, newlines included
}

// Stats returns the counts of the writer, which derived handlers share.
func (h *Handler) Stats() HandlerStats {
	c := h.shared.sink.Counts()
	return HandlerStats{Accepted: c.Written + c.Dropped, Written: c.Written, Dropped: c.Dropped, WrittenBytes: c.WrittenBytes}
}
