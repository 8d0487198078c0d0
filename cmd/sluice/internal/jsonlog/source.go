package jsonlog

import (
	"bytes"
	"log/slog"
	"path"
	"strconv"
	"strings"
)

// A place is what a line says of where it was logged: all in one value, or as JSON in several members.
type place struct {
	known                *knownSource
	file, line, function []byte
}

func (at *place) isZero() bool { return at.known == nil && at.file == nil }

// join makes a place of members of their own, if they look like one.
func (at *place) join(file, line, function *Member) {
	if file.Value[0] != '"' {
		return
	}
	name, number := cutLine(string(Unquote(file.Value)))
	switch {
	case !isCode(name):
		return
	case number > 0:
	case line == nil || line.Role != Attr || lineOf(line.Value) <= 0:
		return
	default:
		at.line, line.Role = line.Value, Source
	}
	at.file, file.Role = file.Value, Source
	if function != nil && function.Value[0] == '"' && function.Role == Attr {
		at.function, function.Role = function.Value, Source
	}
}

// Source returns where the line was logged; a zero Source if it does not say.
func (l *Line) Source() slog.Source { return l.place.source() }

func (at *place) source() slog.Source {
	switch {
	case at.known != nil:
		return at.known.Source
	case at.file == nil:
		return slog.Source{}
	}
	src := slog.Source{Function: string(Unquote(at.function))}
	if src.File, src.Line = cutLine(string(Unquote(at.file))); at.line != nil {
		src.Line = lineOf(at.line)
	}
	return src
}

// sources are the places that are known, by their JSON.
type sources map[string]*knownSource

type knownSource struct {
	slog.Source
	short string
}

// What is remembered of places, and of how much JSON.
const (
	maxSources = 1 << 10
	maxSource  = 1 << 10
)

// of returns the place that a value is, nil if it is none.
func (s *sources) of(v []byte) *knownSource {
	if len(v) > maxSource || !isPlace(v) {
		return nil
	}
	if src := (*s)[string(v)]; src != nil {
		return src
	}
	src, ok := sourceOf(v)
	if !ok {
		return nil
	}
	if *s == nil || len(*s) == maxSources {
		*s = make(sources)
	}
	known := &knownSource{src, shortSource(&src)}
	(*s)[string(v)] = known
	return known
}

// isPlace reports whether a value may be a place: "pay/charge.go:88", or an object that begins with one of its
// members.
func isPlace(v []byte) bool {
	switch v[0] {
	case '"':
		colon := bytes.LastIndexByte(v, ':')
		return colon > 1 && colon+2 < len(v) && digits(v, colon+1) == len(v)-1 && isCode(string(v[max(1, colon-maxName):colon]))
	case '{':
		for key := range membersOf(v) {
			switch string(key) {
			case "function", "func", "file", "line":
				return true
			}
			break
		}
	}
	return false
}

// maxName is how much of the end of a file's name is looked at.
const maxName = 20

// isCode reports whether a file is one of a program's.
func isCode(file string) bool {
	switch path.Ext(file) {
	case ".go", ".py", ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".java", ".kt", ".scala", ".clj", ".groovy", ".rb", ".php", ".rs", ".c", ".h",
		".cc", ".cpp", ".cxx", ".hpp", ".m", ".mm", ".cs", ".fs", ".vb", ".swift", ".ex", ".exs", ".erl", ".hs", ".ml", ".pl", ".pm", ".lua",
		".zig", ".nim", ".dart", ".sh", ".s", ".pyx", ".vue":
		return true
	}
	return false
}

// sourceOf reads a place that stands in one value. It is false if the value says anything else too.
func sourceOf(v []byte) (src slog.Source, ok bool) {
	if v[0] == '"' {
		src.File, src.Line = cutLine(string(Unquote(v)))
		return src, true
	}
	for key, value := range membersOf(v) {
		switch text := string(key); {
		case (text == "function" || text == "func") && value[0] == '"':
			src.Function = string(Unquote(value))
		case (text == "file" || text == "name" || text == "source") && value[0] == '"':
			src.File = string(Unquote(value))
		case text == "file" && value[0] == '{': // as ECS has it
			file, ok := sourceOf(value)
			if !ok {
				return src, false
			}
			src.File, src.Line = file.File, file.Line
		case text == "line" && (lineOf(value) > 0 || string(value) == "0"):
			src.Line = lineOf(value)
		default:
			return src, false
		}
	}
	return src, true
}

// cutLine cuts the number of the line off a file.
func cutLine(file string) (name string, line int) {
	if i := strings.LastIndexByte(file, ':'); i > 0 {
		if n, err := strconv.Atoi(file[i+1:]); err == nil && n > 0 {
			return file[:i], n
		}
	}
	return file, 0
}

// lineOf returns the number of a line, also in a string, or 0.
func lineOf(v []byte) int {
	n, _ := intOf(string(Unquote(v)))
	return max(n, 0)
}

// short returns the place as people read it, or nothing.
func (at *place) short() string {
	if at.known != nil {
		return at.known.short
	}
	src := at.source()
	return shortSource(&src)
}

// shortSource returns a place as people read it: pay/charge.go:88.
func shortSource(src *slog.Source) string {
	if src.File == "" {
		return src.Function
	}
	file := strings.ReplaceAll(src.File, `\`, "/")
	end := strings.LastIndexByte(file, '/')
	file = file[strings.LastIndexByte(file[:max(0, end)], '/')+1:]
	if src.Line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(src.Line)
}

// Logger returns the name of the logger, nil if there is none.
func (l *Line) Logger() []byte {
	if l.logger == nil {
		return nil
	}
	return Unquote(l.logger)
}
