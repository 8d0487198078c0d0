package jsonlog

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
)

// maxGroups is how deep objects become groups and maps. What is nested deeper is text.
const maxGroups = 100

// Record returns the line as a record: the members that are attrs, objects as groups, in their order; and behind
// them logger, source, tags and the stack where there are such. Numbers keep their digits. The record has copies of all that it needs.
func (l *Line) Record() slog.Record {
	c := copied{l.Text, string(l.Text)}
	r := slog.NewRecord(l.Time, l.Level, c.string(l.Message), 0)
	attrs := make([]slog.Attr, 0, 32)
	for i := range l.Members {
		m := &l.Members[i]
		switch {
		case m.Role != Attr:
		case l.outer != noField && i == l.outerAt:
			if rest := l.rest(c, m.Value); len(rest) > 0 {
				attrs = append(attrs, slog.GroupAttrs(c.string(m.Key), rest...))
			}
		default:
			attrs = append(attrs, slog.Attr{Key: c.string(m.Key), Value: c.value(m.Value, 0)})
		}
	}
	if l.logger != nil {
		attrs = append(attrs, slog.Attr{Key: "logger", Value: c.value(l.logger, 0)})
	}
	if l.place != nil && l.place.short != "" {
		attrs = append(attrs, slog.String(slog.SourceKey, l.place.short))
	}
	if l.tags != nil {
		attrs = append(attrs, slog.Attr{Key: "tags", Value: c.value(l.tags, 0)})
	}
	if l.stack != nil {
		attrs = append(attrs, slog.Attr{Key: "stack", Value: c.stack(l.stack)})
	}
	r.AddAttrs(attrs...)
	return r
}

// rest returns what has no role in the object in which something has one.
func (l *Line) rest(c copied, object []byte) (attrs []slog.Attr) {
	for key, value := range membersOf(object) {
		if f := l.outer.inside(key); f == noField || !l.inner.has(f) {
			attrs = append(attrs, slog.Attr{Key: c.key(key), Value: c.value(value, 1)})
		}
	}
	return attrs
}

// A copied text is one whose parts are copied at once, as parts of its copy.
type copied struct {
	text []byte
	copy string
}

// string returns a copy of s, which may be a part of the text.
func (c copied) string(s []byte) string {
	// A part of the text has the capacity that is left of the text's.
	at := cap(c.text) - cap(s)
	if len(s) > 0 && at >= 0 && at+len(s) <= len(c.text) && &s[0] == &c.text[at] {
		return c.copy[at : at+len(s)]
	}
	return string(s)
}

// key returns a copy of a key, given as it stands between its quotes.
func (c copied) key(key []byte) string {
	if isPlain(key) {
		return c.string(key)
	}
	return string(appendUnquoted(nil, key))
}

// value returns the value of an attr for JSON.
func (c copied) value(v []byte, depth int) slog.Value {
	switch v[0] {
	case '"':
		return slog.StringValue(c.string(Unquote(v)))
	case '{':
		if depth >= maxGroups {
			return slog.StringValue(c.string(v))
		}
		members := make([]slog.Attr, 0, 4)
		for key, value := range membersOf(v) {
			members = append(members, slog.Attr{Key: c.key(key), Value: c.value(value, depth+1)})
		}
		if len(members) == 0 {
			return slog.StringValue("{}") // handlers print nothing of an empty group
		}
		return slog.GroupValue(members...)
	case '[':
		return slog.AnyValue(c.any(v, depth, exact))
	case 't', 'f':
		return slog.BoolValue(v[0] == 't')
	case 'n':
		return slog.AnyValue(nil)
	}
	return numberValue(c.string(v))
}

// stack returns a stack as text, with a line for each of its frames.
func (c copied) stack(v []byte) slog.Value {
	if v[0] == '"' {
		return c.value(v, 0)
	}
	var b strings.Builder
	for frame := range elementsOf(v) {
		switch frame[0] {
		case '"':
			b.Write(Unquote(frame))
		case '{': // as of zerolog
			src, ok := sourceOf(frame)
			if !ok {
				return c.value(v, 0)
			}
			b.WriteString(src.Function + "\n\t" + src.File + ":" + strconv.Itoa(src.Line))
		default:
			return c.value(v, 0)
		}
		b.WriteByte('\n')
	}
	return slog.StringValue(strings.TrimSuffix(b.String(), "\n"))
}

// numberValue returns a number with all its digits.
func numberValue(text string) slog.Value {
	if n, ok := intOf(text); ok && text != "-0" {
		return slog.IntValue(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		var b [32]byte
		if string(strconv.AppendFloat(b[:0], f, 'g', -1, 64)) == text {
			return slog.Float64Value(f)
		}
	}
	return slog.AnyValue(json.Number(text))
}

func exact(text string) any { return numberValue(text).Any() }

// intOf returns an integer that an int holds.
func intOf(text string) (n int, ok bool) {
	if strings.ContainsAny(text, ".eE") {
		return 0, false // without the error that Atoi would make
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// Map returns the object as encoding/json would, but integers as int where they fit, so that they are exact.
func (l *Line) Map() map[string]any {
	c := copied{l.Text, string(l.Text)}
	m := make(map[string]any, len(l.Members))
	for i := range l.Members {
		v := &l.Members[i]
		if _, ok := m[string(v.Key)]; !ok {
			m[c.string(v.Key)] = c.any(v.Value, 0, compared)
		}
	}
	return m
}

// compared returns a number for an expression: an int if it is one that fits, which compares exactly.
func compared(text string) any {
	if n, ok := intOf(text); ok {
		return n
	}
	f, _ := strconv.ParseFloat(text, 64) // one that is too large is infinite
	return f
}

// any returns a value as encoding/json would, but for numbers.
func (c copied) any(v []byte, depth int, number func(string) any) any {
	switch v[0] {
	case '"':
		return c.string(Unquote(v))
	case '{':
		if depth >= maxGroups {
			return c.string(v)
		}
		members := make(map[string]any)
		for key, value := range membersOf(v) {
			k := c.key(key)
			if _, ok := members[k]; !ok {
				members[k] = c.any(value, depth+1, number)
			}
		}
		return members
	case '[':
		if depth >= maxGroups {
			return c.string(v)
		}
		elements := []any{}
		for element := range elementsOf(v) {
			elements = append(elements, c.any(element, depth+1, number))
		}
		return elements
	case 't', 'f':
		return v[0] == 't'
	case 'n':
		return nil
	}
	return number(c.string(v))
}
