package logstash

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/jsonenc"
)

// meta is what attrs say about the event as a whole.
type meta struct {
	logger   string
	tags     []string
	metadata []byte // encoded members of @metadata, each after a comma

	failedAs             string // the key of the error that the event's own fields show
	errType, errMessage  string
	errText              []byte // in place of errMessage, encoded, of what is no error
	stackTrace, stackSum string
}

// shows reports whether there is more than the logger.
func (m *meta) shows() bool {
	return len(m.tags) > 0 || len(m.metadata) > 0 || m.failedAs != "" || m.stackTrace != ""
}

// event is one event while its attrs are written.
type event struct {
	*encoder
	line    *jsonenc.Line
	outside bool   // whether the attrs are outside of groups
	nested  bool   // whether they are in an object of their own, where no key collides
	labels  bool   // whether that is labels
	prefix  string // of labels

	bound   *meta // what With has bound
	own     meta  // in its place once changed is set
	changed bool
}

func (s *encoder) newEvent(l *jsonenc.Line) *event {
	return &event{encoder: s, line: l, nested: s.opts.Attrs != "", labels: s.opts.Attrs == "labels"}
}

// newEvent returns an event for a handler. It is given back with free.
func (h *Handler) newEvent() *event {
	e, _ := h.shared.events.Get().(*event)
	if e == nil {
		e = h.shared.newEvent(h.shared.json.Line())
	}
	e.outside, e.bound = h.groups == 0, &h.meta
	if e.nested {
		e.prefix = h.prefix
	}
	return e
}

func (e *event) free() {
	if !e.line.Reset() {
		return
	}
	e.bound = nil
	if e.changed {
		e.own, e.changed = meta{}, false
	}
	e.events.Put(e)
}

func (e *event) meta() *meta {
	if e.changed {
		return &e.own
	}
	return e.bound
}

func (e *event) change() *meta {
	if !e.changed {
		e.own, e.changed = *e.bound, true
		// The list that is appended to must not be what others append to.
		e.own.tags = slices.Clip(e.own.tags)
	}
	return &e.own
}

// attr appends an attr.
func (e *event) attr(b []byte, a slog.Attr) []byte {
	if h := e.line.Inspect(a.Key); e.outside && e.meanings.hashes.Has(h) {
		if is := e.meanings.of[a.Key]; is != free {
			a.Value = a.Value.Resolve()
			return e.meaningful(b, a, is)
		}
	}
	if e.labels {
		return e.label(b, e.prefix, a)
	}
	return e.line.Inspected(b, a)
}

// meaningful appends an attr whose key means something, or remembers it.
func (e *event) meaningful(b []byte, a slog.Attr, is meaning) []byte {
	group := a.Value.Kind() == slog.KindGroup
	if group && len(a.Value.Group()) == 0 {
		return b
	}
	switch is {
	case inline:
		if group {
			return e.inline(b, a.Value.Group())
		}
		return e.plain(b, a)
	case isTags:
		if attrs.EachTag(a.Value, e.addTag) {
			return b
		}
		return e.collide(b, a)
	case isLogger:
		return e.logger(b, a)
	case isMetadata:
		return e.addMetadata(b, a)
	case isError:
		if group {
			return e.plain(b, a)
		}
		return e.failure(b, a, object)
	case object, shared:
		return e.object(b, a, is)
	default:
		return e.collide(b, a)
	}
}

// logger remembers the name of the logger.
func (e *event) logger(b []byte, a slog.Attr) []byte {
	if a.Value.Kind() == slog.KindString {
		if name := a.Value.String(); name != "" {
			e.change().logger = name
		}
		return b
	}
	if slices.Contains(e.meanings.paths, a.Key) {
		return e.collide(b, a)
	}
	return e.plain(b, a)
}

// object appends an attr whose key is that of an object.
func (e *event) object(b []byte, a slog.Attr, is meaning) []byte {
	group := a.Value.Kind() == slog.KindGroup
	switch {
	case a.Key == "error" && !group:
		return e.failure(b, a, is)
	case e.nested:
		return e.plain(b, a)
	case group && !e.line.Room(a.Value.Group()): // what stands for it is no object
		return e.collide(b, a)
	case group && is == shared:
		a.Value = slog.GroupValue(e.spare(a.Key, a.Value.Group())...)
		return e.plain(b, a)
	case group:
		return e.plain(b, a)
	case is == object && a.Value.Kind() == slog.KindAny:
		if text := e.encode(&a); text[0] == '{' || string(text) == "null" {
			return e.plain(b, a)
		}
	}
	return e.collide(b, a)
}

// encode returns the text of a value that is no group, and leaves it to the attr, so
// that the value is asked for it only once.
func (e *event) encode(a *slog.Attr) jsonenc.Encoded {
	text := jsonenc.Encoded(e.line.Value(nil, a.Value))
	a.Value = slog.AnyValue(text)
	return text
}

// plain appends an attr as if its key meant nothing.
func (e *event) plain(b []byte, a slog.Attr) []byte {
	if e.labels {
		return e.label(b, e.prefix, a)
	}
	return e.line.Attr(b, a)
}

// spare returns the members of an object outside of groups, renamed where they are
// the event's own.
func (e *event) spare(object string, members []slog.Attr) []slog.Attr {
	clean := members
	for i, m := range members {
		switch {
		case m.Key == "":
			if m.Value = m.Value.Resolve(); m.Value.Kind() == slog.KindGroup && e.line.Enter(m.Value.Group()) {
				m.Value = slog.GroupValue(e.spare(object, m.Value.Group())...)
				e.line.Leave()
			}
		case e.meanings.takes(object, m.Key):
			m.Key = renamed(m.Key)
		default:
			continue
		}
		if &clean[0] == &members[0] {
			clean = slices.Clone(members)
		}
		clean[i] = m
	}
	return clean
}

// collide appends an attr that cannot stand under its key.
func (e *event) collide(b []byte, a slog.Attr) []byte {
	if e.nested {
		return e.plain(b, a) // there is nothing to collide with
	}
	switch e.opts.Collisions {
	case DropCollisions:
		return b
	case NestCollisions:
		if a.Key == "labels" {
			break
		}
		if a.Key == "@metadata" {
			a.Key = renamed(a.Key)
		}
		return e.line.Attr(b, slog.Attr{Key: "labels", Value: slog.GroupValue(a)})
	case RenameCollisions:
	}
	a.Key = renamed(a.Key)
	return e.line.Attr(b, a)
}

func (e *event) inline(b []byte, members []slog.Attr) []byte {
	if !e.line.Enter(members) {
		return e.line.Attr(b, slog.String("attr_", attrs.TooLarge))
	}
	defer e.line.Leave()
	for _, a := range members {
		b = e.attr(b, a)
	}
	return b
}

// failure appends an error under the key "err" or "error", or remembers it for the
// event's own fields. These show the first one, unless there is a later one under the
// same key.
func (e *event) failure(b []byte, a slog.Attr, is meaning) []byte {
	err, ok := a.Value.Any().(error)
	switch {
	case ok:
	case e.nested:
		return e.plain(b, a)
	default:
		return e.failureText(b, a, is)
	}
	trace, sum := e.stackOf(err)
	m := e.meta()
	if e.places[errorMessageField] != nil {
		if m.failedAs == "" || m.failedAs == a.Key {
			m = e.change()
			m.failedAs, m.errMessage, m.errText, m.errType = a.Key, errtrace.Message(err), nil, errtrace.TypeName(err)
			m.stackTrace, m.stackSum = trace, sum
			return b
		}
		if a.Key == "error" { // which is the object of the other one
			return e.collide(b, a)
		}
	} else if e.places[stackField] != nil && (trace != "" && m.failedAs == "" || m.failedAs == a.Key) {
		m = e.change()
		m.failedAs, m.stackTrace, m.stackSum = a.Key, trace, sum
		a.Value = slog.AnyValue(traceless{err})
	}
	return e.plain(b, a)
}

// failureText appends what is no error under the key "error" as the message of one,
// unless it is an object, so that the field has one type.
func (e *event) failureText(b []byte, a slog.Attr, is meaning) []byte {
	text := e.encode(&a)
	m := e.meta()
	switch ecs := e.places[errorMessageField] != nil; {
	case text[0] == '{' && is == object || string(text) == "null" && (!ecs || m.failedAs == ""):
		return e.plain(b, a)
	case text[0] == '{' || ecs && a.Key == "error" && m.failedAs != "" && m.failedAs != a.Key:
		return e.collide(b, a) // with the event's own
	case text[0] != '"':
		text = jsonenc.AppendString(nil, string(text))
	}
	if ecs := e.places[errorMessageField] != nil; ecs && (m.failedAs == "" || m.failedAs == a.Key) {
		m = e.change()
		m.failedAs, m.errText, m.errType, m.stackTrace, m.stackSum = a.Key, text, "", "", ""
		return b
	} else if !ecs && m.failedAs == a.Key { // the error whose trace is shown is not
		m = e.change()
		m.failedAs, m.stackTrace, m.stackSum = "", "", ""
	}
	return e.plain(b, slog.Group(a.Key, slog.Any("message", text)))
}

// addTag adds a tag, or as one the text of something else.
func (e *event) addTag(tag string, other any) bool {
	if other != nil {
		v := slog.AnyValue(other).Resolve()
		if v.Kind() == slog.KindGroup {
			v = slog.StringValue("!ERROR:a group is no tag")
		}
		var text []byte
		if err, ok := v.Any().(error); ok {
			text = jsonenc.AppendString(nil, errtrace.Message(err))
		} else if text = e.loose.Value(v); string(text) == "null" {
			return true
		}
		if json.Unmarshal(text, &tag) != nil { // it is no text, and stands for itself
			tag = string(text)
		}
	}
	m := e.change()
	m.tags = append(m.tags, tag)
	return true
}

// addMetadata remembers the members of an object for @metadata.
func (e *event) addMetadata(b []byte, a slog.Attr) []byte {
	const before, after = `{"m":{`, "}}\n"
	if a.Value.Kind() != slog.KindGroup {
		e.encode(&a)
	}
	l := e.loose.Line()
	defer l.Free()
	text := l.Attr([]byte{'{'}, slog.Attr{Key: "m", Value: a.Value})
	if known := e.meta().metadata; len(known) > 0 && bytes.HasPrefix(text, []byte(before)) && text[len(before)] != '}' {
		text = slices.Concat([]byte(before), known[1:], []byte{','}, text[len(before):])
	}
	l.Rework() // some may have come twice, or have been encoded before
	text = l.Finish(append(text, '}'))
	switch {
	case bytes.HasPrefix(text, []byte(before)):
	case a.Value.Kind() == slog.KindGroup && len(text) < len(before):
		return b // it is empty
	default:
		return e.collide(b, a)
	}
	object := text[len(before)-1 : len(text)-len(after)+1]
	if bytes.Contains(object, []byte(`"input":`)) {
		// The tcp input puts an object there.
		object = jsonenc.RenameScalar(object, "input", renamed("input"))
	}
	if members := object[1 : len(object)-1]; len(members) > 0 {
		e.change().metadata = append([]byte{','}, members...)
	}
	return b
}

// appendTail appends what attrs said about the event as a whole.
func (e *event) appendTail(b []byte, r *slog.Record, id []byte) []byte {
	m := e.meta()
	w := writer{places: &e.places}
	if e.changed && m.logger != e.bound.logger {
		b = w.text(b, loggerField, m.logger)
		if e.bound.logger != "" || len(e.places[loggerField]) > 1 {
			e.line.Rework() // it takes the place of the bound one, or goes to the others of its object
		}
	}
	if own := e.places[errorMessageField]; len(own) > 1 && bytes.Contains(b, []byte(`"error":`)) {
		e.line.Rework() // the attrs have the same object
	}
	if m.failedAs != "" {
		b = w.text(b, errorTypeField, m.errType)
		if text, ok := w.key(b, errorMessageField); ok && m.errText != nil {
			b = text
			b = append(b, m.errText...)
		} else if ok {
			b = e.line.Text(text, m.errMessage)
		}
	}
	trace, sum := m.stackTrace, m.stackSum
	if at := e.opts.StackLevel; at != nil && trace == "" && e.opts.StackDepth >= 0 && r.Level >= at.Level() {
		trace, sum = e.stacks.OfCall(r.PC)
	}
	if trace != "" {
		if text, ok := w.key(b, stackField); ok {
			b = e.line.Text(text, trace)
		}
		b = w.text(b, hashField, sum)
	}
	b = e.appendTags(b, &w, r.Level)
	b = e.appendMetadata(b, &w, r, id)
	return w.close(b, 0)
}

func (e *event) appendTags(b []byte, w *writer, level slog.Level) []byte {
	tags, levelTag := e.meta().tags, ""
	if e.opts.LevelTag != nil {
		levelTag = e.tagOf(level)
	}
	if len(tags) == 0 && levelTag == "" {
		return b
	}
	b, ok := w.key(b, tagsField)
	if !ok {
		return b
	}
	b = append(b, '[')
	for _, tag := range tags {
		b = append(e.line.Text(b, tag), ',')
	}
	if levelTag != "" {
		b = append(e.line.Text(b, levelTag), ',')
	}
	b[len(b)-1] = ']' // in place of the last comma
	return b
}

func (e *event) appendMetadata(b []byte, w *writer, r *slog.Record, id []byte) []byte {
	members := e.meta().metadata
	if len(members) == 0 && !e.opts.EventID {
		return b
	}
	b, _ = w.key(b, metadataField)
	b = append(b, '{')
	switch {
	case !e.opts.EventID:
		b = appendMore(b, members)
	case bytes.Contains(members, []byte(`"_id"`)): // ours is the last one, which wins
		b = appendMetadataID(appendMore(b, members), id, r)
		e.line.Rework()
	default: // first, where what is too long does not lose it
		b = appendMore(appendMetadataID(b, id, r), members)
	}
	return append(b, '}')
}

// appendMetadataID appends the id of the event, which is made here if the event's own
// fields do not have it.
func appendMetadataID(b, id []byte, r *slog.Record) []byte {
	b = append(jsonenc.AppendKey(b, "_id"), '"')
	if id == nil {
		b = appendID(b, r)
	}
	return append(append(b, id...), '"')
}

// tagOf calls the user's function, which must not take the record with it.
func (e *event) tagOf(level slog.Level) (tag string) {
	defer func() {
		if recover() != nil {
			tag = "!PANIC"
		}
	}()
	return e.opts.LevelTag(level)
}
