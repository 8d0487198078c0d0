package jsonlog

import (
	"bytes"
	"log/slog"
	"path"
	"strconv"
	"strings"
)

// A place is where a line was logged.
type place struct {
	slog.Source
	short string // as people read it: pay/charge.go:88
}

// places are those that are known, by their JSON.
type places map[string]*place

// What is remembered of places, and of how much JSON.
const (
	maxPlaces = 1 << 10
	maxPlace  = 1 << 10
)

// get returns the place with some JSON, which of finds if it is not known. It is nil if there is none.
func (p *places) get(text []byte, of func() (slog.Source, bool)) *place {
	if at := (*p)[string(text)]; at != nil {
		return at
	}
	src, ok := of()
	if !ok || len(text) > maxPlace {
		return nil
	}
	if *p == nil || len(*p) == maxPlaces {
		*p = make(places)
	}
	at := &place{src, shortSource(&src)}
	(*p)[string(text)] = at
	return at
}

// source gives a member its role if it is a place.
func (p *Parser) source(m *Member) {
	if p.line.place == nil && isPlace(m.Value) {
		if p.line.place = p.places.get(m.Value, func() (slog.Source, bool) { return sourceOf(m.Value) }); p.line.place != nil {
			m.Role = Source
		}
	}
}

// joinSource does so with the members that are a place together: a file, with or without a number behind it, and what
// is beside it.
func (p *Parser) joinSource(file, line, function *Member) {
	if file == nil || file.Value[0] != '"' || p.line.place != nil {
		return
	}
	v := file.Value
	if isPlace(v) {
		line = nil
	} else if line == nil || line.Role != Attr || lineOf(line.Value) == 0 || !isCode(string(v[max(1, len(v)-1-maxExt):len(v)-1])) {
		return
	}
	if function != nil && (function.Role != Attr || function.Value[0] != '"') {
		function = nil
	}
	all := [...]*Member{file, line, function}
	start := len(p.text)
	for _, m := range all {
		if m != nil {
			p.text = append(p.text, m.Value...)
		}
	}
	p.line.place = p.places.get(p.text[start:], func() (slog.Source, bool) {
		src, _ := sourceOf(v)
		if line != nil {
			src.Line = lineOf(line.Value)
		}
		if function != nil {
			src.Function = string(Unquote(function.Value))
		}
		return src, true
	})
	for _, m := range all {
		if m != nil && p.line.place != nil {
			m.Role = Source
		}
	}
}

// Source returns where the line was logged; a zero Source if it does not say.
func (l *Line) Source() slog.Source {
	if l.place == nil {
		return slog.Source{}
	}
	return l.place.Source
}

// isPlace reports whether a value may be a place: "pay/charge.go:88", or an object that begins with one of its
// members.
func isPlace(v []byte) bool {
	switch v[0] {
	case '"':
		colon := bytes.LastIndexByte(v, ':')
		return colon > 1 && colon+2 < len(v) && digits(v, colon+1) == len(v)-1 && isCode(string(v[max(1, colon-maxExt):colon]))
	case '{':
		for key := range membersOf(v) {
			switch string(key) {
			case "function", "func", "file", "line", "file.name", "file.line":
				return true
			}
			break
		}
	}
	return false
}

// maxExt is how much of the end of a file's name is looked at.
const maxExt = 20

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
		case (text == "file" || text == "name" || text == "source" || text == "file.name") && value[0] == '"':
			src.File = string(Unquote(value))
		case text == "file" && value[0] == '{': // as ECS has it
			file, ok := sourceOf(value)
			if !ok {
				return src, false
			}
			src.File, src.Line = file.File, file.Line
		case (text == "line" || text == "file.line") && (lineOf(value) > 0 || string(value) == "0"):
			src.Line = lineOf(value)
		default:
			return src, false
		}
	}
	return src, src.File+src.Function != "" || src.Line == 0
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
