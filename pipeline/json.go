package pipeline

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse returns the Config that JSON describes, by the names in the tags of Config,
// Sink, Match, Sampling and Redaction:
//
//	{
//	  "level": "WARN",
//	  "sinks": [
//	    {"type": "console", "level": "INFO"},
//	    {"type": "file", "path": "/var/log/app/app.log", "rotation": "100 MB", "retention": "30 days", "async": true}
//	  ]
//	}
//
// It is strict: a field that there is not, a field twice, a value of another kind, a
// comment, and anything behind the object are mistakes. The error names them at
// once, up to 20 and the number of the others, each with its line and its path, and
// where it can what was probably meant. A null is a field left out. What is missing or
// contradicts itself is for [Load], [Open] and [Config.Check] to say: the program may
// have more to add.
//
// A Config that Parse has returned and [json.Marshal] has written is read to the
// same. Programs that would rather be lenient can use [json.Unmarshal].
func Parse(data []byte) (Config, error) {
	cfg, _, err := parse("config", data)
	return cfg, err
}

// Load is [Parse] of a regular file, whose path is in each error. It also refuses a
// file with mistakes that [Open] would refuse, each with its line and its path, but for
// what a file cannot have or does not hold: a Func, a Handler, and what is in the
// files of TLS.
func Load(path string) (Config, error) {
	source := "config: " + printable(path)
	data, err := readRegular(path)
	if err != nil {
		return Config{}, err
	}
	cfg, r, err := parse(source, data)
	if err != nil {
		return Config{}, err
	}
	var m mistakes
	cfg.completed(&m, true)
	for _, one := range m.all {
		r.errs = append(r.errs, fmt.Errorf("%s: line %d: %w", source, r.lineOf(one.place), one))
	}
	if r.more = m.more; len(r.errs) > 0 {
		return Config{}, r.err()
	}
	return cfg, nil
}

// readRegular returns what is in a regular file: reading a pipe may never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("config: %s is no regular file: want one, or Parse of what was read", printable(path))
	}
	data, err := os.ReadFile(path)
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("config: %s %s: %w", failed.Op, printable(path), failed.Err)
	}
	return data, err
}

func parse(source string, data []byte) (Config, *jsonReader, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // as some editors begin a file
	r := &jsonReader{source: source, data: data, dec: json.NewDecoder(bytes.NewReader(data)), lines: make(map[string]int)}
	r.dec.UseNumber()
	if err := r.checkSyntax(); err != nil {
		return Config{}, nil, err
	}
	var cfg Config
	r.value("", r.token(), reflect.ValueOf(&cfg).Elem())
	if len(r.errs) > 0 {
		return Config{}, nil, r.err()
	}
	return cfg, r, nil
}

// jsonReader decodes JSON whose syntax is right, token by token, so that it knows
// where each mistake is and can go on behind it.
type jsonReader struct {
	source   string // what errors begin with
	data     []byte
	dec      *json.Decoder
	newlines int // in data[:counted]
	counted  int
	lines    map[string]int // of the values, by their paths
	errs     []error
	more     int // mistakes beyond those in errs
}

func (r *jsonReader) err() error { return errors.Join(andMore(r.errs, r.source+": ", r.more)...) }

// full reports whether there are so many mistakes that the others are only counted.
func (r *jsonReader) full() bool { return len(r.errs) >= mostMistakes }

// lineOf returns the line of a value, or of the nearest around it that is there.
func (r *jsonReader) lineOf(path string) int {
	for path != "" {
		if line, found := r.lines[path]; found {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return r.lines[""]
}

// checkSyntax returns an error about what is not one JSON value in UTF-8.
func (r *jsonReader) checkSyntax() error {
	var syntax *json.SyntaxError
	var all json.RawMessage
	switch err := json.Unmarshal(r.data, &all); {
	case len(bytes.TrimSpace(r.data)) == 0:
		return fmt.Errorf("%s: is empty: want a JSON object, {} for the defaults", r.source)
	case bytes.HasPrefix(r.data, []byte("\xff\xfe")), bytes.HasPrefix(r.data, []byte("\xfe\xff")):
		return fmt.Errorf("%s: is UTF-16: want UTF-8", r.source)
	case !utf8.Valid(r.data):
		i := 0
		for c, size := utf8.DecodeRune(r.data); c != utf8.RuneError || size != 1; c, size = utf8.DecodeRune(r.data[i:]) {
			i += size
		}
		return fmt.Errorf("%s: line %d: byte %#x is no UTF-8", r.source, r.line(i), r.data[i])
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: line %d: %w%s", r.source, r.line(int(syntax.Offset)-1), syntax, r.hint(int(syntax.Offset)-1))
	case err != nil:
		return fmt.Errorf("%s: %w", r.source, err)
	}
	return nil
}

// hint says what JSON has not, if that is what stands at a place.
func (r *jsonReader) hint(at int) string {
	at = max(0, min(at, len(r.data)-1))
	before := bytes.TrimSpace(r.data[:at])
	switch c := r.data[at]; {
	case c == '/' || c == '#':
		return ": JSON has no comments"
	case (c == ']' || c == '}') && bytes.HasSuffix(before, []byte(",")):
		return ": JSON has no comma behind the last one"
	case c == '\'':
		return `: JSON has its text in "double quotes"`
	case c == '\n':
		return ": a text ends on its line, want \\n in it"
	case len(before) == 0:
		return ": want a JSON object; for YAML or TOML, decode a Config with a library for it"
	case bytes.HasPrefix(before, []byte("{")) && bytes.HasSuffix(before, []byte("}")):
		return ": want one JSON object, and nothing behind it"
	}
	return ""
}

// here returns the number of the line of the last token.
func (r *jsonReader) here() int {
	now := int(r.dec.InputOffset())
	r.newlines += bytes.Count(r.data[r.counted:now], []byte("\n"))
	r.counted = now
	return 1 + r.newlines
}

// line returns the number of the line of a byte.
func (r *jsonReader) line(at int) int {
	return 1 + bytes.Count(r.data[:max(0, min(at, len(r.data)))], []byte("\n"))
}

func (r *jsonReader) token() json.Token {
	token, err := r.dec.Token()
	if err != nil { // no way to get here: the syntax is right
		r.errs = append(r.errs, fmt.Errorf("%s: %w", r.source, err))
	}
	return token
}

// wrong notes a mistake in the line of the last token.
func (r *jsonReader) wrong(format string, args ...any) {
	if r.full() {
		r.more++
		return
	}
	place := fmt.Sprintf("%s: line %d: ", r.source, r.here())
	r.errs = append(r.errs, errors.New(place+fmt.Sprintf(format, args...)))
}

// kind notes that a value is of another kind than what is wanted, and skips it.
func (r *jsonReader) kind(path string, token json.Token, want string) {
	if path == "" {
		path = "the whole"
	}
	if r.full() {
		r.more++
	} else {
		r.wrong("%s is %s: want %s", path, show(token), want)
	}
	r.skip(token)
}

func show(token json.Token) string {
	switch token := token.(type) {
	case nil:
		return "null"
	case string:
		return quote(token)
	case json.Delim:
		if token == '{' {
			return "an object"
		}
		return "a list"
	default:
		return fmt.Sprintf("%.40v", token)
	}
}

// skip reads on to the end of the value that begins with token.
func (r *jsonReader) skip(token json.Token) {
	for depth := 0; ; token = r.token() {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 || len(r.data) == int(r.dec.InputOffset()) {
			return
		}
	}
}

// value sets v to the value that begins with token.
func (r *jsonReader) value(path string, token json.Token, v reflect.Value) {
	r.lines[path] = r.here()
	if text, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		r.text(path, token, text)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.object(path, token, v)
	case reflect.Slice:
		r.list(path, token, v)
	case reflect.Map:
		r.attrs(path, token, v)
	case reflect.String:
		if s, ok := token.(string); ok {
			v.SetString(s)
		} else {
			r.kind(path, token, "text in quotes")
		}
	case reflect.Bool:
		if b, ok := token.(bool); ok {
			v.SetBool(b)
		} else {
			r.kind(path, token, "true or false, without quotes")
		}
	case reflect.Int:
		number, _ := token.(json.Number)
		if n, err := strconv.Atoi(number.String()); err == nil {
			v.SetInt(int64(n))
		} else {
			r.kind(path, token, "a whole number, without quotes")
		}
	case reflect.Float64:
		number, _ := token.(json.Number)
		if f, err := number.Float64(); err == nil {
			v.SetFloat(f)
		} else if number != "" {
			r.kind(path, token, "a number of 64 bits")
		} else {
			r.kind(path, token, "a number, without quotes")
		}
	default:
		panic("pipeline: a field of the kind " + v.Kind().String())
	}
}

// text sets v, and says in words for people what it does not take.
func (r *jsonReader) text(path string, token json.Token, v encoding.TextUnmarshaler) {
	var text string
	switch token := token.(type) {
	case string:
		text = token
	case json.Number:
		if _, ok := v.(json.Unmarshaler); !ok {
			r.kind(path, token, oneOf(choices(v)))
			return
		}
		text = token.String()
	default:
		r.kind(path, token, "text in quotes")
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		r.wrong("%s", asTextError(err, text, choices(v)).at(path))
	}
}

// choices returns the names of the values of v, if it is an int with names.
func choices(v encoding.TextUnmarshaler) []string {
	n := reflect.ValueOf(v).Elem()
	if n.Kind() != reflect.Int {
		return nil
	}
	var names []string
	for i := range 16 {
		value := reflect.New(n.Type()).Elem()
		value.SetInt(int64(i))
		name := fmt.Sprint(value.Interface())
		if strings.Contains(name, "(") { // Policy(3)
			break
		}
		names = append(names, name)
	}
	return names
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return "text in quotes"
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

func (r *jsonReader) object(path string, token json.Token, v reflect.Value) {
	if token != json.Delim('{') {
		r.kind(path, token, "an object with "+strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	r.members(path, func(name, path string) {
		i := fieldIndex(v.Type(), name)
		if i < 0 {
			r.unknown(path, name, v.Type())
			r.skip(r.token())
			return
		}
		if token := r.token(); token != nil {
			r.value(path, token, v.Field(i))
		}
	})
}

// members calls f with the name and the path of each member of an object, whose
// value f reads. One that was there before is a mistake.
func (r *jsonReader) members(path string, f func(name, path string)) {
	lines := make(map[string]int)
	for r.dec.More() {
		name, _ := r.token().(string)
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		if line, again := lines[name]; again {
			r.wrong("%s is there twice, first in line %d", clean(inner), line)
			r.skip(r.token())
			continue
		}
		lines[name] = r.here()
		f(name, clean(inner))
	}
	r.token()
}

// clean returns a path for an error, on one line.
func clean(path string) string {
	const most = 200
	if quoted := strconv.Quote(path); path != "" && len(path) <= most && quoted[1:len(quoted)-1] == path {
		return path
	}
	return quote(path)
}

func (r *jsonReader) list(path string, token json.Token, v reflect.Value) {
	if token != json.Delim('[') {
		want := "a list"
		if text, ok := token.(string); ok && v.Type().Elem().Kind() == reflect.String {
			want = "a list, as in [" + quote(text) + "]"
		}
		r.kind(path, token, want)
		return
	}
	for i := 0; r.dec.More(); i++ {
		if i == mostSinks && v.Type().Elem().Kind() == reflect.Struct {
			token := r.token()
			r.wrong("%s has more than %d: want %d at most", path, mostSinks, mostSinks)
			for r.skip(token); r.dec.More(); {
				r.skip(r.token())
			}
			break
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		r.value(fmt.Sprintf("%s[%d]", path, i), r.token(), elem)
		v.Set(reflect.Append(v, elem))
	}
	r.token()
}

// attrs reads the values of attrs, which are no objects and no lists.
func (r *jsonReader) attrs(path string, token json.Token, v reflect.Value) {
	if token != json.Delim('{') {
		r.kind(path, token, `an object, as in {"region": "eu"}`)
		return
	}
	r.members(path, func(name, path string) {
		token := r.token()
		var value any = token
		switch number := token.(type) {
		case nil:
			return
		case string, bool:
		case json.Number:
			var err error
			if value, err = numberOf(number); err != nil {
				r.kind(path, token, "a number of 64 bits")
				return
			}
		default:
			r.kind(path, token, "text, a number, true or false")
			return
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(value))
	})
}

// numberOf returns an int64 where that is exact, and else a float64.
func numberOf(number json.Number) (any, error) {
	if n, err := number.Int64(); err == nil {
		return n, nil
	}
	f, err := number.Float64()
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f), err
	}
	return f, err
}

// fieldNames returns the names of the fields of a struct that text can set.
func fieldNames(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if name := fieldName(f); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func fieldIndex(t reflect.Type, name string) int {
	for i := range t.NumField() {
		if name != "" && fieldName(t.Field(i)) == name {
			return i
		}
	}
	return -1
}

// unknown says what is nearest to a field that there is not.
func (r *jsonReader) unknown(path, name string, t reflect.Type) {
	if r.full() {
		r.more++
		return
	}
	names := fieldNames(t)
	for _, other := range []struct {
		of    any
		where string
	}{{Config{}, "of the whole"}, {Sink{}, "of a sink"}, {Match{}, "of match"}, {Sampling{}, "of sampling"}, {Redaction{}, "of redaction"}} {
		if slices.Contains(fieldNames(reflect.TypeOf(other.of)), name) {
			r.wrong("%s: unknown field, it is one %s", path, other.where)
			return
		}
	}
	near := fieldsElsewhere[name]
	if !slices.Contains(names, near) {
		near = nearest(name, names)
	}
	if near == "" {
		r.wrong("%s: unknown field, want one of %s", path, strings.Join(names, ", "))
		return
	}
	r.wrong("%s: unknown field, did you mean %q?", path, near)
}

// fieldsElsewhere are what other libraries call the fields.
//
//nolint:gochecknoglobals // never written
var fieldsElsewhere = map[string]string{
	"outputs": "sinks", "handlers": "sinks", "redact": "redaction", "min_level": "level",
	"filename": "path", "file": "path", "max_size": "rotation", "size_limit": "rotation", "when": "rotation",
	"max_age": "retention", "max_backups": "retention", "backup_count": "retention", "keep": "retention", "compression": "compress",
	"enqueue": "async", "async_write": "async", "serialize": "format", "json": "format", "encoder": "format",
	"colorize": "no_color", "color": "no_color", "colour": "no_color", "no_colour": "no_color", "caller": "add_source", "source": "add_source",
	"url": "addr", "host": "addr", "hosts": "addr", "address": "addr", "endpoint": "addr", "ssl_ca": "ca_file", "ca": "ca_file",
	"cert": "cert_file", "key": "key_file", "spool": "spool_dir", "filter": "match", "mode": "file_mode", "permissions": "file_mode",
}
