package monitor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
)

// Limits of what is taken apart of a line, whose length the Handler limits.
const (
	maxLineAttrs = 100
	maxLineDepth = 8 // groups
)

// A pageLine is a line of the log as the page shows it.
type pageLine struct {
	N     uint64      `json:"n,omitempty"` // which of the errors it is
	Time  string      `json:"time"`
	Level string      `json:"level"`
	Class string      `json:"class"` // error, warn, info or debug
	Msg   string      `json:"msg"`
	Attrs [][2]string `json:"attrs"` // in their order, also those whose keys are there twice
	Raw   string      `json:"raw"`

	Source string `json:"source,omitempty"` // file:line and function
}

// newPageLine takes apart a line of JSON. A line that is none is all message.
func newPageLine(from line) pageLine {
	raw := bytes.TrimSuffix(from.text, []byte("\n"))
	l := pageLine{Attrs: [][2]string{}, Raw: string(raw), Class: className(from.level)}
	own := true // the first members are the handler's, an attr may have their names
	if !json.Valid(raw) || !members(raw, func(key string, value []byte) {
		switch {
		case own && key == slog.TimeKey:
			l.Time = valueText(value)
		case own && key == slog.LevelKey:
			l.Level = valueText(value)
		case own && key == slog.SourceKey:
			l.Source = sourceText(value)
		case own && key == slog.MessageKey:
			l.Msg, own = valueText(value), false
		default:
			l.addAttr(key, value, 0)
		}
	}) {
		l.Msg = string(raw)
	}
	return l
}

// numberLines takes apart the last errors, of which there have been n.
func numberLines(from []line, n uint64) []pageLine {
	lines := make([]pageLine, len(from))
	for i, l := range slices.Backward(from) {
		lines[i] = newPageLine(l)
		lines[i].N = n
		n--
	}
	return lines
}

// addAttr adds the attrs that a value has, whose names tell the groups they are in.
func (l *pageLine) addAttr(key string, value []byte, depth int) {
	if len(l.Attrs) >= maxLineAttrs {
		l.Attrs[maxLineAttrs-1] = [2]string{"…", "and more"}
		return
	}
	if value[0] == '{' && len(value) > 2 && depth < maxLineDepth {
		members(value, func(name string, value []byte) { l.addAttr(key+"."+name, value, depth+1) })
		return
	}
	l.Attrs = append(l.Attrs, [2]string{key, valueText(value)})
}

// members calls f with the members of a JSON object in their order. It reports false
// if text is none.
func members(text []byte, f func(key string, value []byte)) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return false
		}
		name, _ := key.(string)
		f(name, value)
	}
	return true
}

// valueText returns what a JSON string says, and of other values their JSON.
func valueText(value []byte) string {
	var text string
	if value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// sourceText returns what people read of a [slog.Source].
func sourceText(value []byte) string {
	var source slog.Source
	if json.Unmarshal(value, &source) != nil {
		return valueText(value)
	}
	return fmt.Sprintf("%s:%d %s", source.File, source.Line, source.Function)
}

// className returns the name of the class of a level.
func className(level slog.Level) string {
	switch class(level) {
	case erroneous:
		return "error"
	case warn:
		return "warn"
	case info:
		return "info"
	}
	return "debug"
}
