package snapshot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// The types of values, by what they have to do with being copied.
type (
	plain struct {
		Name string
		n    int
		At   time.Time
	}
	exported struct {
		Name  string `json:"name"`
		Tags  []string
		Inner *exported
		Any   any
		n     int
	}
	hidden struct {
		name string
		tags []string
	}
	stringer     struct{ tags []string }
	pointStringr struct{ Name string }
	textMarshal  struct{ tags []string }
	jsonMarshal  struct{ tags []string }
	bothMarshal  struct{ tags []string }
	formatter    struct{ tags []string }
	panicAll     struct{ tags []string }
	failsAll     struct{ tags []string }
	counter      struct {
		N atomic.Int64
	}
	byFunc func() string
	holder struct{ F byFunc }
	tree   struct {
		Name   string
		Kids   []*tree
		Parent *tree `json:"-"`
	}
	attrHolder struct {
		V    slog.Value
		A    slog.Attr
		List []slog.Attr
	}
	resolves struct{ v *[]string }

	mutableError struct{ text []byte }
	fieldError   struct {
		Op   string
		Err  error
		Tags []string
	}
	codeError  struct{ code int } // told apart by identity
	jsonError  struct{ text []byte }
	textError  struct{ text []byte }
	panicError struct{ text []byte }
	stackError struct {
		text  []byte
		stack *[]uintptr
		cause error
	}
	frame      uintptr
	namedError struct {
		Name string
		text []byte
	}
	multiError       []error
	unwrapPanicError struct{ text []byte }
	uncomparable     struct {
		text []byte
		f    func()
	}
)

func (s *stringer) String() string                  { return "s" + fmt.Sprint(s.tags) }
func (s *pointStringr) String() string              { return "<" + s.Name + ">" }
func (t *textMarshal) MarshalText() ([]byte, error) { return []byte(fmt.Sprint("t", t.tags)), nil }
func (j *jsonMarshal) MarshalJSON() ([]byte, error) { return json.Marshal(j.tags) }
func (b *bothMarshal) MarshalText() ([]byte, error) { return []byte(fmt.Sprint("t", b.tags)), nil }
func (b *bothMarshal) MarshalJSON() ([]byte, error) { return json.Marshal(b.tags) }
func (b *bothMarshal) String() string               { return "both" + fmt.Sprint(b.tags) }
func (f *formatter) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, "%c%v%v", verb, s.Flag('+'), f.tags)
}
func (p *panicAll) String() string               { panic(p.tags[0]) }
func (p *panicAll) MarshalJSON() ([]byte, error) { panic(p.tags[0]) }
func (p *panicAll) MarshalText() ([]byte, error) { panic(p.tags[0]) }
func (f *failsAll) MarshalJSON() ([]byte, error) { return nil, errors.New(f.tags[0]) }
func (f *failsAll) MarshalText() ([]byte, error) { return nil, errors.New(f.tags[0]) }
func (f byFunc) String() string                  { return f() }
func (r resolves) LogValue() slog.Value          { return slog.AnyValue(*r.v) }

func (e *mutableError) Error() string { return string(e.text) }
func (e *fieldError) Error() string   { return e.Op + ": " + fmt.Sprint(e.Err, e.Tags) }
func (e *fieldError) Unwrap() error   { return e.Err }
func (e *codeError) Error() string    { return "code " + strconv.Itoa(e.code) }
func (e *jsonError) Error() string    { return string(e.text) }
func (e *jsonError) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"e": string(e.text)})
}
func (e *textError) Error() string                { return string(e.text) }
func (e *textError) MarshalText() ([]byte, error) { return []byte("text of " + string(e.text)), nil }
func (e *panicError) Error() string               { panic(string(e.text)) }
func (e *stackError) Error() string               { return string(e.text) }
func (e *stackError) Unwrap() error               { return e.cause }
func (e *stackError) StackTrace() []frame {
	out := make([]frame, 0, len(*e.stack))
	for _, pc := range *e.stack {
		out = append(out, frame(pc))
	}
	return out
}

func (e *stackError) Format(s fmt.State, _ rune) {
	_, _ = s.Write(e.text)
	if s.Flag('+') {
		fmt.Fprintf(s, " with %d frames", len(*e.stack))
	}
}
func (e *namedError) Error() string       { return string(e.text) }
func (m multiError) Error() string        { return fmt.Sprint([]error(m)) }
func (m multiError) Unwrap() []error      { return m }
func (e *unwrapPanicError) Error() string { return string(e.text) }
func (e *unwrapPanicError) Unwrap() error { panic("unwrap") }
func (e uncomparable) Error() string      { return string(e.text) }

// The method sets of errors with a trace.
type (
	traceError    struct{ text []byte }
	countersError struct {
		traceError

		pcs []uintptr
	}
	framesError struct {
		traceError

		frames []runtime.Frame
	}
	placesError struct {
		traceError

		places []place
	}
	place struct {
		Func string
		Path string
		Line int
	}
	linesError struct {
		traceError

		lines []string
	}
	bytesError struct {
		traceError

		stack []byte
	}
	noStackError struct{ traceError }
)

func (e *traceError) Error() string                 { return string(e.text) }
func (e *countersError) Callers() []uintptr         { return e.pcs }
func (e *framesError) StackFrames() []runtime.Frame { return e.frames }
func (e *placesError) StackTrace() []place          { return e.places }
func (e *linesError) StackTrace() []string          { return e.lines }
func (e *bytesError) Stack() []byte                 { return e.stack }
func (e *noStackError) Callers() []uintptr          { panic("no stack") }

func callers() *[]uintptr {
	pcs := make([]uintptr, 16)
	pcs = pcs[:runtime.Callers(2, pcs)]
	return &pcs
}

// A specimen is a value as it is logged, and a change to it afterwards.
type specimen struct {
	name   string
	make   func() (v any, change func())
	cyclic bool // log/slog and fmt would not come to an end
}

func constant(name string, v any) specimen {
	return specimen{name: name, make: func() (any, func()) { return v, func() {} }}
}

// of makes a specimen whose value is new each time.
func of[T any](name string, create func() T, change func(T)) specimen {
	return specimen{name: name, make: func() (any, func()) {
		v := create()
		return v, func() { change(v) }
	}}
}

func tags() []string { return []string{"a", "b"} }

func spoil(list []string) { list[0] = "spoiled" }

func specimens() []specimen {
	one := 1
	var nilMap map[string]any
	list := []specimen{
		constant("nil", nil), constant("a string", "s"), constant("a number", 1.5),
		constant("NaN", math.NaN()), constant("a complex", 1i), constant("a level", slog.LevelWarn+1),
		constant("a plain struct", plain{"n", 1, time.Unix(1, 0).UTC()}), constant("an array", [2]string{"a", "b"}),
		constant("an address", netip.MustParseAddr("192.0.2.1")), constant("a prefix", netip.MustParsePrefix("192.0.2.0/24")),
		constant("a type", reflect.TypeFor[int]()), constant("a location", time.UTC), constant("a month", time.May),
		constant("a nil pointer", (*exported)(nil)), constant("a nil Stringer", (*stringer)(nil)),
		constant("a nil error", (*mutableError)(nil)), constant("a nil Marshaler", (*jsonMarshal)(nil)),
		constant("a nil map", nilMap), constant("a nil slice", []string(nil)), constant("nil bytes", []byte(nil)),
		constant("empty bytes", []byte{}), constant("an empty slice", []any{}),
		constant("io.EOF", io.EOF), constant("a wrapped io.EOF", fmt.Errorf("read: %w", io.EOF)),
		constant("errors.Join", errors.Join(io.EOF, fs.ErrNotExist)),
		constant("two wrapped", fmt.Errorf("%w and %w", io.EOF, fs.ErrNotExist)),
		constant("context.DeadlineExceeded", context.DeadlineExceeded), constant("an Errno", syscall.ENOENT),
		constant("a chan in a struct", struct{ C chan int }{nil}),
		of("[]byte", func() []byte { return []byte("abc") }, func(b []byte) { b[0] = 'x' }),
		of("json.RawMessage", func() json.RawMessage { return json.RawMessage(`{"a":1}`) }, func(b json.RawMessage) { b[2] = 'x' }),
		of("invalid json.RawMessage", func() json.RawMessage { return json.RawMessage(`{"a`) }, func(b json.RawMessage) { b[2] = 'x' }),
		of("[]string", tags, spoil),
		of("[]int", func() []int { return []int{1, 2} }, func(v []int) { v[0] = 9 }),
		of("[]uint16", func() []uint16 { return []uint16{1, 2} }, func(v []uint16) { v[0] = 9 }),
		of("[][]string", func() [][]string { return [][]string{tags(), nil} }, func(v [][]string) { spoil(v[0]) }),
		of("an array of slices", func() *[1][]string { return &[1][]string{tags()} }, func(v *[1][]string) { spoil(v[0]) }),
		of("map[string]string", func() map[string]string { return map[string]string{"a": "b"} }, func(m map[string]string) { m["a"] = "x" }),
		of("map[string]any", func() map[string]any {
			return map[string]any{"a": map[string]any{"b": []any{1, tags()}}, "p": nil}
		}, func(m map[string]any) { clear(m["a"].(map[string]any)); m["x"] = 1 }),
		of("a map of numbers", func() map[int][]string { return map[int][]string{1: tags(), 2: nil} }, func(m map[int][]string) { spoil(m[1]) }),
		of("a map of any", func() map[any]any { return map[any]any{1: tags(), "x": nil} }, func(m map[any]any) { clear(m) }),
		of("a map of pointers", func() map[*int]int { return map[*int]int{&one: 1} }, func(m map[*int]int) { clear(m) }),
		of("http.Header", func() http.Header { return http.Header{"A": {"b"}} }, func(h http.Header) { h.Set("A", "x") }),
		of("net.IP", func() net.IP { return net.IPv4(192, 0, 2, 1) }, func(ip net.IP) { ip[15] = 9 }),
		of("*int", func() *int { return new(1) }, func(p *int) { *p = 2 }),
		of("*string", func() *string { return new("a") }, func(p *string) { *p = "x" }),
		of("**string", func() **string { return new(new("a")) }, func(p **string) { **p = "x" }),
		of("*time.Time", func() *time.Time { return new(time.Unix(1, 0).UTC()) }, func(p *time.Time) { *p = p.AddDate(1, 1, 1) }),
		of("*url.URL", func() *url.URL {
			u, _ := url.Parse("https://u:secret@example.com/p?q=1")
			return u
		}, func(u *url.URL) { u.Host = "other"; u.User = nil }),
		of("a struct", func() exported { return exported{Name: "n", Tags: tags(), n: 1} }, func(v exported) { spoil(v.Tags) }),
		of("a pointer to a struct", func() *exported {
			return &exported{Name: "n", Tags: tags(), Inner: &exported{Any: tags()}, Any: &exported{Name: "x"}}
		}, func(v *exported) { spoil(v.Tags); v.Name = "x"; v.Inner.Name = "y"; v.Any.(*exported).Name = "z" }),
		of("a struct that hides a slice", func() *hidden { return &hidden{"n", tags()} }, func(v *hidden) { spoil(v.tags); v.name = "x" }),
		of("a slice of those", func() []hidden { return []hidden{{"n", tags()}} }, func(v []hidden) { spoil(v[0].tags) }),
		of("a map of those", func() map[string]any { return map[string]any{"h": hidden{"n", tags()}} }, func(m map[string]any) { spoil(m["h"].(hidden).tags) }),
		of("a Stringer", func() *stringer { return &stringer{tags()} }, func(v *stringer) { spoil(v.tags) }),
		of("a Stringer that is copied", func() *pointStringr { return &pointStringr{"n"} }, func(v *pointStringr) { v.Name = "x" }),
		of("a slice of Stringers", func() []*stringer { return []*stringer{{tags()}} }, func(v []*stringer) { spoil(v[0].tags) }),
		of("a TextMarshaler", func() *textMarshal { return &textMarshal{tags()} }, func(v *textMarshal) { spoil(v.tags) }),
		of("a json.Marshaler", func() *jsonMarshal { return &jsonMarshal{tags()} }, func(v *jsonMarshal) { spoil(v.tags) }),
		of("a Stringer with marshalers", func() *bothMarshal { return &bothMarshal{tags()} }, func(v *bothMarshal) { spoil(v.tags) }),
		of("a Formatter", func() *formatter { return &formatter{tags()} }, func(v *formatter) { spoil(v.tags) }),
		of("methods that panic", func() *panicAll { return &panicAll{tags()} }, func(v *panicAll) { spoil(v.tags) }),
		of("methods that fail", func() *failsAll { return &failsAll{tags()} }, func(v *failsAll) { spoil(v.tags) }),
		of("a counter", func() *counter { return new(counter) }, func(v *counter) { v.N.Add(1) }),
		{name: "a func that is a Stringer", make: func() (any, func()) {
			s := "a"
			return byFunc(func() string { return s }), func() { s = "x" }
		}},
		{name: "a struct that holds one", make: func() (any, func()) {
			s := "a"
			return &holder{func() string { return s }}, func() { s = "x" }
		}},
		of("*big.Int", func() *big.Int { return big.NewInt(7) }, func(v *big.Int) { v.SetInt64(8) }),
		of("*slog.LevelVar", func() *slog.LevelVar { return new(slog.LevelVar) }, func(v *slog.LevelVar) { v.Set(slog.LevelError) }),
		of("*slog.Source", func() *slog.Source { return &slog.Source{File: "/a.go", Line: 1} }, func(v *slog.Source) { v.Line = 2 }),
		constant("an empty *slog.Source", &slog.Source{}),
		of("*http.Request", func() *http.Request {
			r, _ := http.NewRequest(http.MethodGet, "https://example.com/", http.NoBody)
			return r
		}, func(r *http.Request) { r.Method = "x"; r.Header.Set("A", "x") }),
		of("slog values in a struct", func() *attrHolder {
			group := []slog.Attr{slog.Int("n", 1), slog.Any("tags", tags())}
			return &attrHolder{slog.GroupValue(group...), slog.Any("a", tags()), group}
		}, func(v *attrHolder) { v.List[0] = slog.Int("x", 1); v.V.Group()[0] = slog.Int("x", 1) }),
		of("[]slog.Attr", func() []slog.Attr { return []slog.Attr{slog.Int("n", 1), slog.Any("t", tags())} }, func(v []slog.Attr) { v[0] = slog.Int("x", 1) }),
		of("a group", func() slog.Value {
			return slog.GroupValue(slog.Int("n", 1), slog.Group("g", slog.Any("t", tags())), slog.Any("", nil))
		}, func(v slog.Value) {
			v.Group()[0] = slog.Int("x", 1)
			spoil(v.Group()[1].Value.Group()[0].Value.Any().([]string))
		}),
		{name: "a LogValuer", make: func() (any, func()) {
			v := tags()
			return resolves{&v}, func() { v = []string{"x"} }
		}},
		{name: "a LogValuer in a group", make: func() (any, func()) {
			v := tags()
			return slog.GroupValue(slog.Any("l", resolves{&v})), func() { v = []string{"x"} }
		}},
		{name: "a LogValuer in a struct", make: func() (any, func()) {
			v := tags()
			return &exported{Any: resolves{&v}}, func() { v = []string{"x"} }
		}},
		constant("a LogValuer of nothing", valuer{slog.GroupValue()}),
		constant("a group of LogValuers of nothing", slog.GroupValue(slog.Any("a", valuer{slog.GroupValue()}))),
		constant("a LogValuer of a valuer", valuer{slog.AnyValue(valuer{slog.AnyValue(tags())})}),

		of("*fs.PathError", func() *fs.PathError { return &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT} }, func(e *fs.PathError) { e.Path = "x" }),
		{name: "a wrapped *fs.PathError", make: func() (any, func()) {
			e := &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT}
			return fmt.Errorf("load: %w", e), func() { e.Path = "x"; e.Err = nil }
		}},
		{name: "a joined *fs.PathError", make: func() (any, func()) {
			e := &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT}
			return errors.Join(io.EOF, e), func() { e.Path = "x" }
		}},
		of("*net.OpError", func() *net.OpError {
			return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}, func(e *net.OpError) { e.Op = "x"; e.Addr.(*net.TCPAddr).Port = 2 }),
		of("*url.Error", func() *url.Error { return &url.Error{Op: "Get", URL: "/", Err: io.EOF} }, func(e *url.Error) { e.URL = "x" }),
		of("a mutable error", func() *mutableError { return &mutableError{[]byte("a")} }, func(e *mutableError) { e.text[0] = 'x' }),
		of("an error with a mutable one", func() *fieldError {
			return &fieldError{"op", &mutableError{[]byte("a")}, tags()}
		}, func(e *fieldError) {
			e.Err.(*mutableError).text[0] = 'x' //nolint:errorlint // it is this one
			spoil(e.Tags)
		}),
		of("an error by identity", func() *codeError { return &codeError{1} }, func(e *codeError) { e.code = 2 }),
		of("an error that is a json.Marshaler", func() *jsonError { return &jsonError{[]byte("a")} }, func(e *jsonError) { e.text[0] = 'x' }),
		of("an error that is a TextMarshaler", func() *textError { return &textError{[]byte("a")} }, func(e *textError) { e.text[0] = 'x' }),
		of("an error that panics", func() *panicError { return &panicError{[]byte("a")} }, func(e *panicError) { e.text[0] = 'x' }),
		of("an Unwrap that panics", func() *unwrapPanicError { return &unwrapPanicError{[]byte("a")} }, func(e *unwrapPanicError) { e.text[0] = 'x' }),
		of("an error with func and slice", func() uncomparable { return uncomparable{[]byte("a"), func() {}} }, func(e uncomparable) { e.text[0] = 'x' }),
		of("a list of errors", func() multiError { return multiError{io.EOF, &mutableError{[]byte("a")}} }, func(e multiError) { e[0] = fs.ErrClosed }),
		of("[]error", func() []error { return []error{io.EOF, &mutableError{[]byte("a")}} }, func(e []error) { e[0] = fs.ErrClosed }),
		of("[]error with fields", func() []error { return []error{&namedError{"n", []byte("a")}} }, func(e []error) { e[0] = io.EOF }),
		{name: "a map of pointers that are Stringers", make: func() (any, func()) {
			keys := new([8]pointStringr)
			m := map[any]int{}
			for i := range keys {
				m[&keys[i]] = i
			}
			return m, func() { clear(m) }
		}},
		of("an error with a stack", func() *stackError {
			return &stackError{[]byte("a"), callers(), &stackError{[]byte("b"), callers(), io.EOF}}
		}, func(e *stackError) { e.text[0] = 'x'; *e.stack = nil; e.cause = nil }),

		of("a stack of counters", func() *countersError { return &countersError{traceError{[]byte("a")}, *callers()} },
			func(e *countersError) { e.pcs[0] = 0 }),
		of("a stack of frames", func() *framesError {
			return &framesError{traceError{[]byte("a")}, []runtime.Frame{{Function: "app.f", File: "/a.go", Line: 1}}}
		}, func(e *framesError) { e.frames[0].Function = "x" }),
		of("a stack of structs", func() *placesError {
			return &placesError{traceError{[]byte("a")}, []place{{"app.f", "/a.go", 1}}}
		}, func(e *placesError) { e.places[0].Func = "x" }),
		of("a stack in lines", func() *linesError {
			return &linesError{traceError{[]byte("a")}, []string{"a.go:1: x", "b.go:2: y"}}
		}, func(e *linesError) { spoil(e.lines) }),
		of("a stack of bytes", func() *bytesError {
			return &bytesError{traceError{[]byte("a")}, []byte("app.f()\n\t/a.go:1\n")}
		}, func(e *bytesError) { e.stack[0] = 'x' }),
		of("a stack that panics", func() *noStackError { return &noStackError{traceError{[]byte("a")}} },
			func(e *noStackError) { e.text[0] = 'x' }),

		of("a tree with parents", func() *tree {
			root := &tree{Name: "root"}
			root.Kids = []*tree{{Name: "kid", Parent: root}}
			return root
		}, func(v *tree) { v.Name = "x"; v.Kids = nil }),
		{name: "a cyclic map", cyclic: true, make: func() (any, func()) {
			m := map[string]any{"n": 1}
			m["m"] = m
			return m, func() { clear(m) }
		}},
		{name: "a cyclic slice", cyclic: true, make: func() (any, func()) {
			s := []any{1, nil}
			s[1] = s
			return s, func() { s[0] = 2 }
		}},
		{name: "a deep value", cyclic: true, make: func() (any, func()) {
			s := []any{1}
			for range 200 {
				s = []any{s}
			}
			return s, func() { s[0] = 2 }
		}},
	}
	return list
}

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }
