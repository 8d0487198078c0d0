package errtrace

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/snapshot"
)

// maxFrames is how many frames of one trace are looked at, maxTraceLine how many
// bytes of a message or a name that an error gave, maxTraceText how many of a
// text.
const (
	maxFrames    = 512
	maxTraceLine = 1 << 10
	maxTraceText = 64 << 10
)

// A trace is what an error tells of its stack, the innermost frame first.
type trace struct {
	frames []frame
	more   int // how many there are beyond frames
}

// unknown is a trace's more if it was cut before it could be counted.
const unknown = -1

// A frame is one line of a trace. One that was read from text and not
// understood has all of it in file.
type frame struct {
	function, file string
	line           int
}

// traceOf returns the trace that err itself carries.
func traceOf(err error) (t trace) {
	defer func() {
		if recover() != nil {
			t = trace{}
		}
	}()
	get := snapshot.Tracer(err)
	if get == nil {
		return trace{}
	}
	v := reflect.ValueOf(get())
	if v.Kind() == reflect.String {
		return parseTrace(v.String())
	}
	if v.Kind() != reflect.Slice {
		return trace{}
	}
	n := min(v.Len(), maxFrames)
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		text := v.Bytes()
		return parseTrace(string(text[:min(len(text), maxTraceText+1)]))
	case reflect.Uintptr: // what runtime.Callers returns
		pcs := make([]uintptr, n)
		for i := range pcs {
			pcs[i] = uintptr(v.Index(i).Uint())
		}
		t = resolve(pcs)
	case reflect.Struct: // like runtime.Frame
		fields := fieldsOf(v.Type().Elem())
		for i := range n {
			t.add(fields.frame(v.Index(i)))
		}
	case reflect.String:
		for i := range n {
			t.add(frame{file: textLine(v.Index(i).String())})
		}
	default:
		return trace{}
	}
	if t.more = v.Len() - n; t.more == 0 {
		t.trim()
	}
	return t
}

func (t *trace) add(f frame) {
	if f.function != "" || f.file != "" {
		t.frames = append(t.frames, f)
	}
}

// trim cuts off the outermost frames, which say nothing.
func (t *trace) trim() {
	for n := len(t.frames); n > 0; n = len(t.frames) {
		if f := t.frames[n-1].function; f != "runtime.goexit" && f != "runtime.main" {
			break
		}
		t.frames = t.frames[:n-1]
	}
}

func resolve(pcs []uintptr) (t trace) {
	t.frames = make([]frame, 0, len(pcs))
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		t.add(frame{f.Function, f.File, f.Line})
	}
	return t
}

// frameFields are the places of a frame's fields in a struct, below 0 for none.
type frameFields struct{ function, file, line int }

// fieldsOf finds the fields by the names that libraries give them.
func fieldsOf(typ reflect.Type) frameFields {
	fields := frameFields{-1, -1, -1}
	for i := range typ.NumField() {
		field := typ.Field(i)
		text := field.Type.Kind() == reflect.String
		switch field.Name {
		case "Function", "Func", "Name":
			if text && fields.function < 0 {
				fields.function = i
			}
		case "File", "Path":
			if text && fields.file < 0 {
				fields.file = i
			}
		case "Line", "LineNumber":
			if field.Type.Kind() == reflect.Int {
				fields.line = i
			}
		}
	}
	return fields
}

func (fields frameFields) frame(v reflect.Value) (f frame) {
	if fields.function >= 0 {
		f.function = oneLine(v.Field(fields.function).String())
	}
	if fields.file >= 0 {
		f.file = oneLine(v.Field(fields.file).String())
	}
	if fields.line >= 0 {
		f.line = int(v.Field(fields.line).Int())
	}
	return f
}

// parseTrace reads the text of a trace. In what [debug.Stack] writes, a frame is
// a line with the function and one with the place, after a tab; any other line
// stands for itself.
func parseTrace(text string) (t trace) {
	if len(text) > maxTraceText {
		text, t.more = text[:maxTraceText], unknown
		if end := strings.LastIndexByte(text, '\n'); end >= 0 {
			text = text[:end] // whole lines
		}
	}
	for text != "" {
		if len(t.frames) == maxFrames {
			t.more = unknown
			break
		}
		var line, next string
		line, text, _ = strings.Cut(text, "\n")
		next, rest, _ := strings.Cut(text, "\n")
		if f, ok := parseFrame(line, next); ok {
			text = rest
			if len(t.frames) > 0 || f.function != "runtime/debug.Stack" {
				t.add(f)
			}
			continue
		}
		if strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(strings.TrimSpace(line), "]:") {
			continue
		}
		t.add(frame{file: textLine(line)})
	}
	if t.more == 0 {
		t.trim()
	}
	return t
}

func parseFrame(function, place string) (f frame, ok bool) {
	if function == "" || function[0] == '\t' || !strings.HasPrefix(place, "\t") {
		return frame{}, false
	}
	place, _, _ = strings.Cut(strings.TrimSpace(place), " +0x")
	colon := strings.LastIndexByte(place, ':')
	if colon < 0 {
		return frame{}, false
	}
	line, err := strconv.Atoi(place[colon+1:])
	if err != nil {
		return frame{}, false
	}
	function, _, _ = strings.Cut(strings.TrimSpace(function), " in goroutine ")
	return frame{oneLine(withoutArgs(function)), oneLine(place[:colon]), line}, true
}

// withoutArgs cuts the arguments off, which differ from call to call.
func withoutArgs(call string) string {
	if !strings.HasSuffix(call, ")") {
		return call
	}
	open := 0
	for i := len(call) - 1; i > 0; i-- {
		switch call[i] {
		case ')':
			open++
		case '(':
			if open--; open == 0 {
				return call[:i]
			}
		}
	}
	return call
}

func textLine(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "--- ") // samber/oops
	return oneLine(strings.TrimSuffix(strings.TrimPrefix(s, "at "), ":"))
}

// oneLine returns s cut to the length of a line, and with a space for each
// control character: text that an error gives cannot forge a line.
func oneLine(s string) string {
	if len(s) > maxTraceLine {
		end := maxTraceLine
		for end > maxTraceLine-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// hash adds the functions of t.
func (t trace) hash(h traceHash) traceHash {
	for _, f := range t.frames {
		if f.function != "" {
			h = h.add(f.function)
			continue
		}
		if place := placeOf(f.file); place != "" {
			h = h.add(place)
		}
	}
	return h
}

// placeOf returns what a line of text begins with, up to a line number. What
// comes after may be a message, and so may a line that does not begin so.
func placeOf(text string) string {
	word, _, _ := strings.Cut(text, " ")
	for i := range len(word) - 1 {
		if digit := word[i+1]; word[i] == ':' && '0' <= digit && digit <= '9' {
			return word[:i]
		}
	}
	return ""
}

// common returns how many frames t shares with the outer end of above.
func (t trace) common(above trace) int {
	if t.more != 0 || above.more != 0 {
		return 0 // the outer end is not known
	}
	n := 0
	for n < min(len(t.frames), len(above.frames)) &&
		t.frames[len(t.frames)-1-n] == above.frames[len(above.frames)-1-n] {
		n++
	}
	return n
}
