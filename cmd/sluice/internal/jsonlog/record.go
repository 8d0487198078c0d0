package jsonlog

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
)

// maxGroups is how deep objects become groups. What is nested deeper is text.
const maxGroups = 100

// Record returns the line as a record: the members that are attrs, objects as groups, in their order; and behind
// them logger, source, tags and the stack where there are such. Numbers keep their digits. The record has copies of all that it needs.
func (l *Line) Record() slog.Record {
	r := slog.NewRecord(l.Time, l.Level, string(l.Message), 0)
	attrs := make([]slog.Attr, 0, len(l.Members)+4)
	for i := range l.Members {
		m := &l.Members[i]
		if m.Role != Attr {
			continue
		}
		if l.log != nil && &m.Value[0] == &l.log[0] {
			if rest := l.restOfLog(); len(rest) > 0 {
				attrs = append(attrs, slog.GroupAttrs(string(m.Key), rest...))
			}
			continue
		}
		attrs = append(attrs, slog.Attr{Key: string(m.Key), Value: valueOf(m.Value, 0)})
	}
	if l.logger != nil {
		attrs = append(attrs, slog.String("logger", string(Unquote(l.logger))))
	}
	if src := l.Source(); src != (slog.Source{}) {
		attrs = append(attrs, slog.String("source", shortSource(&src)))
	}
	if l.tags != nil {
		attrs = append(attrs, slog.Attr{Key: "tags", Value: valueOf(l.tags, 0)})
	}
	if l.stack != nil {
		attrs = append(attrs, slog.Attr{Key: "stack", Value: stackOf(l.stack)})
	}
	r.AddAttrs(attrs...)
	return r
}

// restOfLog returns what has no role in the object log.
func (l *Line) restOfLog() (attrs []slog.Attr) {
	for key, value := range membersOf(l.log) {
		if f := inLog(key); f == noField || !l.inLog.has(f) {
			attrs = append(attrs, slog.Attr{Key: string(unquotedKey(key)), Value: valueOf(value, 1)})
		}
	}
	return attrs
}

func unquotedKey(key []byte) []byte {
	if isPlain(key) {
		return key
	}
	return appendUnquoted(nil, key)
}

// valueOf returns the value of an attr for JSON.
func valueOf(v []byte, depth int) slog.Value {
	switch v[0] {
	case '"':
		return slog.StringValue(string(Unquote(v)))
	case '{':
		if depth >= maxGroups {
			return slog.StringValue(string(v))
		}
		var members []slog.Attr
		for key, value := range membersOf(v) {
			members = append(members, slog.Attr{Key: string(unquotedKey(key)), Value: valueOf(value, depth+1)})
		}
		if members == nil {
			return slog.StringValue("{}") // handlers print nothing of an empty group
		}
		return slog.GroupValue(members...)
	case '[':
		return slog.AnyValue(anyOf(v, depth, exact))
	case 't', 'f':
		return slog.BoolValue(v[0] == 't')
	case 'n':
		return slog.AnyValue(nil)
	}
	switch n := exact(v).(type) {
	case int:
		return slog.IntValue(n)
	case float64:
		return slog.Float64Value(n)
	default:
		return slog.AnyValue(n)
	}
}

// anyOf returns a value as encoding/json would, but for numbers.
func anyOf(v []byte, depth int, number func([]byte) any) any {
	switch v[0] {
	case '"':
		return string(Unquote(v))
	case '{':
		members := make(map[string]any)
		if depth > maxGroups {
			return string(v)
		}
		for key, value := range membersOf(v) {
			k := string(unquotedKey(key))
			if _, ok := members[k]; !ok {
				members[k] = anyOf(value, depth+1, number)
			}
		}
		return members
	case '[':
		if depth > maxGroups {
			return string(v)
		}
		elements := []any{}
		for element := range elementsOf(v) {
			elements = append(elements, anyOf(element, depth+1, number))
		}
		return elements
	case 't', 'f':
		return v[0] == 't'
	case 'n':
		return nil
	}
	return number(v)
}

// exact returns a number with all its digits.
func exact(v []byte) any {
	text := string(v)
	if n, err := strconv.Atoi(text); err == nil && text != "-0" {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		var b [32]byte
		if string(strconv.AppendFloat(b[:0], f, 'g', -1, 64)) == text {
			return f
		}
	}
	return json.Number(text)
}

// compared returns a number for an expression: an int if it is one that fits, which compares exactly.
func compared(v []byte) any {
	if n, err := strconv.Atoi(string(v)); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(string(v), 64)
	return f
}

// Map returns the object as encoding/json would, but integers as int where they fit, so that they are exact.
func (l *Line) Map() map[string]any {
	m := make(map[string]any, len(l.Members))
	for i := range l.Members {
		v := &l.Members[i]
		if _, ok := m[string(v.Key)]; !ok {
			m[string(v.Key)] = anyOf(v.Value, 0, compared)
		}
	}
	return m
}

// stackOf returns a stack as text, a line for each of its frames.
func stackOf(v []byte) slog.Value {
	if v[0] == '"' {
		return slog.StringValue(string(Unquote(v)))
	}
	var b strings.Builder
	for frame := range elementsOf(v) {
		if frame[0] == '"' {
			b.Write(append(Unquote(frame), '\n'))
			continue
		}
		src, ok := slog.Source{}, frame[0] == '{'
		if ok { // as of zerolog
			src, ok = sourceOf(frame)
		}
		if !ok {
			return valueOf(v, 0)
		}
		b.WriteString(src.Function + "\n\t" + src.File + ":" + strconv.Itoa(src.Line) + "\n")
	}
	return slog.StringValue(strings.TrimSuffix(b.String(), "\n"))
}
