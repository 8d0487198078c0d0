package bench

import (
	"maps"
	"strings"
)

// thisCall stands for the place of a log call in this package.
const thisCall = containing("cases.go")

// standardLayout is that of log/slog, and of who writes as it does.
func standardLayout(e event) map[string]any {
	line := merge(e.attrs, map[string]any{"level": e.level.String(), "msg": e.message})
	if e.err != nil {
		line["error"] = e.err.Error()
	}
	if e.source {
		line["source"] = map[string]any{"file": thisCall}
	}
	return line
}

func logstashLayout(e event) map[string]any {
	line := merge(e.attrs, map[string]any{"@version": "1", "level": e.level.String(), "message": e.message})
	if e.err != nil {
		line["error"] = map[string]any{"message": e.err.Error()}
	}
	if e.source {
		line["caller_file_name"] = thisCall
	}
	return line
}

// zerologLayout joins the names of groups by dots, as zerolog does.
func zerologLayout(e event) map[string]any {
	line := map[string]any{"level": strings.ToLower(e.level.String()), "message": e.message}
	flatten(line, "", e.attrs)
	if e.err != nil {
		line["error"] = e.err.Error()
	}
	return line
}

func flatten(into map[string]any, prefix string, attrs map[string]any) {
	for key, value := range attrs {
		if group, ok := value.(map[string]any); ok {
			flatten(into, prefix+key+".", group)
		} else {
			into[prefix+key] = value
		}
	}
}

func zapLayout(e event) map[string]any {
	line := standardLayout(e)
	if e.source {
		line["source"] = thisCall
	}
	return line
}

func samberLayout(e event) map[string]any {
	extra := maps.Clone(e.attrs)
	line := map[string]any{"level": e.level.String(), "message": e.message}
	if e.err != nil {
		line["error"] = map[string]any{"error": e.err.Error()}
	}
	if e.source {
		extra["source"] = map[string]any{"file": thisCall}
	}
	if extra != nil {
		line["extra"] = extra
	}
	return line
}
