package logstash

import (
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/jsonenc"
)

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// event is the part of one event that attrs outside of groups can change.
type event struct {
	line   *jsonenc.Line
	caller bool // whether the caller_ fields are taken
	meta   meta
}

// root appends an attr that stands outside of groups.
func (e *event) root(b []byte, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	group := a.Value.Kind() == slog.KindGroup
	if group && a.Key == "" {
		return e.inline(b, a.Value.Group())
	}
	switch a.Key {
	case "tags":
		if isList := attrs.EachTag(a.Value, e.addTag); isList {
			return b
		}
	case "logger", "logger_name":
		if a.Value.Kind() == slog.KindString {
			e.meta.logger = a.Value.String()
			return b
		}
	}
	switch fieldOf(a.Key, e.caller) {
	case own:
		a.Key = renamed(a.Key)
	case object:
		switch {
		case !group:
			return e.object(b, a)
		case !e.line.Room(a.Value.Group()): // what stands for it is no object
			a.Key = renamed(a.Key)
		}
	case free:
	}
	return e.line.Attr(b, a)
}

// addTag adds a tag, or as one the text of something else.
func (e *event) addTag(tag string, other any) bool {
	if other != nil {
		v := slog.AnyValue(other).Resolve()
		if v.Kind() == slog.KindGroup {
			v = slog.StringValue("!ERROR:a group is no tag")
		}
		text := jsonenc.AppendValue(nil, v)
		if json.Unmarshal(text, &tag) != nil { // it is no text, and stands for itself
			tag = string(text)
		}
	}
	e.meta.tags = append(slices.Clip(e.meta.tags), tag)
	return true
}

func (e *event) inline(b []byte, members []slog.Attr) []byte {
	if !e.line.Enter(members) {
		return jsonenc.AppendString(jsonenc.AppendKey(b, "attr_"), attrs.TooLarge)
	}
	defer e.line.Leave()
	for _, a := range members {
		b = e.root(b, a)
	}
	return b
}

// object appends an attr whose key Logstash knows as an object's. One that is
// something else is written otherwise.
func (e *event) object(b []byte, a slog.Attr) []byte {
	start := len(b)
	b = jsonenc.AppendKey(b, a.Key)
	mark := len(b)
	b = e.line.Value(b, a.Value)
	if b[mark] == '{' || a.Key != "@metadata" && string(b[mark:]) == "null" {
		return b
	}
	value := slices.Clone(b[mark:])
	if a.Key != "error" {
		return append(jsonenc.AppendKey(b[:start], renamed(a.Key)), value...)
	}
	if value[0] != '"' { // a number, an array: as text, so that the type stays
		value = jsonenc.AppendString(nil, string(value))
	}
	b = append(b[:mark], `{"message":`...)
	b = append(b, value...)
	return append(b, '}')
}

// appendMeta appends what attrs said about the event as a whole.
func (e *event) appendMeta(b []byte) []byte {
	if e.meta.logger != "" {
		b = append(b, `,"logger_name":`...)
		b = jsonenc.AppendString(b, e.meta.logger)
	}
	if len(e.meta.tags) == 0 {
		return b
	}
	b = append(b, `,"tags":[`...)
	for i, tag := range e.meta.tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonenc.AppendString(b, tag)
	}
	return append(b, ']')
}

// A field says what a key outside of groups means to Logstash.
type field int

const (
	free   field = iota // nothing
	own                 // it is the event's own
	object              // its value has to be an object
)

func fieldOf(key string, caller bool) field {
	switch key {
	case "@timestamp", "@version", "message", "level", "level_value", "logger_name", "host", "tags":
		return own
	case "caller_method_name", "caller_file_name", "caller_line_number":
		if caller {
			return own
		}
	case "@metadata", "event", "http", "url", "user_agent", "error":
		return object
	}
	return free
}

func renamed(key string) string { return "attr_" + strings.TrimPrefix(key, "@") }

// appendAny appends an error as an object, everything else as JSON has it.
func appendAny(b []byte, a any) (out []byte) {
	err, ok := a.(error)
	if !ok {
		mark := len(b)
		b = jsonenc.AppendAny(b, a)
		// In as many groups as there may be around it.
		if s := (scanner{b: b[mark:]}); !s.value(maxNesting/5) || s.i < len(s.b) {
			return jsonenc.AppendString(b[:mark], "!ERROR:nested too deep, or a number too long, for Logstash")
		}
		return b
	}
	if _, marshals := a.(json.Marshaler); marshals {
		a = textOnly{err}
	}
	b = append(b, `{"message":`...)
	b = jsonenc.AppendAny(b, a)
	b = append(b, `,"type":`...)
	b = jsonenc.AppendString(b, reflect.TypeOf(rootCause(err)).String())
	return append(b, '}')
}

// textOnly hides an error's MarshalJSON.
type textOnly struct{ error } //nolint:errname // not an error of this package

// rootCause returns the end of the chain of errors that err wraps, whose type
// says most.
func rootCause(err error) (cause error) {
	defer func() {
		if recover() != nil {
			cause = err
		}
	}()
	const longest = 100 // a chain that leads to itself ends here
	cause = err
	for range longest {
		next := errors.Unwrap(cause)
		if next == nil {
			break
		}
		cause = next
	}
	return cause
}
