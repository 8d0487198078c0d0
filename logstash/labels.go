package logstash

import (
	"log/slog"
	"strings"

	"github.com/sluicelog/sluice/internal/attrs"
	"github.com/sluicelog/sluice/internal/errtrace"
	"github.com/sluicelog/sluice/internal/jsonenc"
)

// label appends an attr as ECS labels, of which none is an object, see
// https://www.elastic.co/docs/reference/ecs/ecs-base.
func (e *event) label(b []byte, prefix string, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() == slog.KindAny {
		if source, ok := a.Value.Any().(*slog.Source); ok { // a group, as log/slog has it
			a.Value = slog.GroupValue(jsonenc.SourceAttrs(source)...)
		}
	}
	key := prefix + a.Key
	switch a.Value.Kind() {
	case slog.KindGroup:
		if !e.line.Enter(a.Value.Group()) {
			return e.line.Attr(b, slog.String(labelName(key), attrs.TooLarge))
		}
		defer e.line.Leave()
		if a.Key != "" {
			prefix = key + "_"
		}
		for _, m := range a.Value.Group() {
			b = e.label(b, prefix, m)
		}
		return b
	case slog.KindAny:
		if a.Equal(slog.Attr{}) {
			return b
		}
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(errtrace.Message(v))
		default:
			if text := e.encode(&a); text[0] == '{' || text[0] == '[' {
				a.Value = slog.StringValue(string(text))
			}
		}
	default:
	}
	return e.line.Attr(b, slog.Attr{Key: labelName(key), Value: a.Value})
}

// labelName returns a name without the characters that the name of a label must not
// have.
func labelName(name string) string {
	return jsonenc.CleanName(strings.Map(func(r rune) rune {
		if r == '.' || r == '*' || r == '\\' {
			return '_'
		}
		return r
	}, name))
}
