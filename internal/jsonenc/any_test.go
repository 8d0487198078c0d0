package jsonenc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/jsonenc"
	"github.com/sluicelog/sluice/internal/testlog"
)

// slogText returns what slog.JSONHandler prints for a value. It may copy invalid
// UTF-8 out of a Marshaler, which is replaced: that is our one wanted difference.
func slogText(tb testing.TB, v any) string {
	tb.Helper()
	var buf bytes.Buffer
	rec := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0)
	rec.AddAttrs(slog.Any("k", v))
	if err := slog.NewJSONHandler(&buf, nil).Handle(context.Background(), rec); err != nil {
		tb.Fatal(err)
	}
	text, begins := strings.CutPrefix(buf.String(), `{"level":"INFO","msg":"","k":`)
	text, ends := strings.CutSuffix(text, "}\n")
	if !begins || !ends {
		tb.Fatalf("the standard library's line has another shape: %q", buf.String())
	}
	return strings.ToValidUTF8(text, `\ufffd`)
}

// checkAny compares AppendAny with the standard library, and what holds anyway: the
// text before stays, and what comes is one JSON value on one line.
func checkAny(tb testing.TB, v any) {
	tb.Helper()
	const before = `{"a":`
	got, begins := bytes.CutPrefix(jsonenc.AppendAny([]byte(before), v), []byte(before))
	if !begins {
		tb.Fatalf("%T: the text before is lost", v)
	}
	if diff := cmp.Diff(abridged(slogText(tb, v)), abridged(string(got))); diff != "" {
		tb.Errorf("%T: mismatch (-want +got):\n%s", v, diff)
	}
	if !json.Valid(got) || bytes.ContainsAny(got, "\n\r") {
		tb.Errorf("%T: not JSON in one line: %q", v, abridged(string(got)))
	}
}

// abridged keeps a diff of huge values readable. It keeps their length.
func abridged(s string) string {
	if len(s) < 10_000 {
		return s
	}
	return fmt.Sprintf("%s…%s (%d bytes)", s[:1000], s[len(s)-1000:], len(s))
}

type (
	marshals     struct{ text string }
	marshalsNot  struct{ err error }
	marshalPanic struct{ with any }
	byPointer    struct{ text string }

	texts     struct{ text string }
	textsNot  struct{ err error }
	textPanic struct{ with any }
	uuid      [16]byte
	both      struct{}

	namedBool    bool
	namedInt     int8
	namedUint    uint16
	namedFloat   float64
	namedFloat32 float32
	namedString  string
	namedStrings []string
	namedMap     map[string]any
	namedTexts   map[string]string
	namedBytes   []byte
	namedKey     string

	marshalMap     map[string]any
	marshalStrings []string
	textString     string
	textInt        int
	stringsOfNamed []namedString
	wrapsTime      struct{ time.Time }
	embedsRaw      struct{ json.RawMessage }

	marshalError  struct{ text string }
	textError     struct{ text string }
	pointerError  struct{ text string }
	formatter     struct{ Text string }
	node          struct{ Next any }
	panicsAsError struct{}
)

func (m marshals) MarshalJSON() ([]byte, error)     { return []byte(m.text), nil }
func (m marshalsNot) MarshalJSON() ([]byte, error)  { return []byte("1"), m.err }
func (m marshalPanic) MarshalJSON() ([]byte, error) { panic(m.with) }
func (m *byPointer) MarshalJSON() ([]byte, error)   { return json.Marshal(m.text) }
func (m texts) MarshalText() ([]byte, error)        { return []byte(m.text), nil }
func (m textsNot) MarshalText() ([]byte, error)     { return []byte("1"), m.err }
func (m textPanic) MarshalText() ([]byte, error)    { panic(m.with) }
func (u uuid) MarshalText() ([]byte, error)         { return hex.AppendEncode(nil, u[:]), nil }
func (both) MarshalJSON() ([]byte, error)           { return []byte(`"json"`), nil }
func (both) MarshalText() ([]byte, error)           { return []byte(`text`), nil }
func (marshalMap) MarshalJSON() ([]byte, error)     { return []byte(`"a map"`), nil }
func (marshalStrings) MarshalJSON() ([]byte, error) { return []byte(`"strings"`), nil }
func (s textString) MarshalText() ([]byte, error)   { return []byte("<" + s + ">"), nil }
func (i textInt) MarshalText() ([]byte, error)      { return fmt.Appendf(nil, "#%d", int(i)), nil }
func (e marshalError) Error() string                { return e.text }
func (e marshalError) MarshalJSON() ([]byte, error) { return json.Marshal("json " + e.text) }
func (e textError) Error() string                   { return e.text }
func (e textError) MarshalText() ([]byte, error)    { return []byte("text " + e.text), nil }
func (e *pointerError) Error() string               { return e.text }
func (f formatter) String() string                  { return "String" }
func (f formatter) Format(s fmt.State, _ rune)      { _, _ = io.WriteString(s, "Format") }
func (panicsAsError) Error() string                 { panic("in Error") }
func (namedKey) MarshalText() ([]byte, error)       { return []byte("not for string kinds"), nil }
func (e *pointerError) Unwrap() error               { return nil }
func (wrapsTime) String() string                    { return "wraps" }
func nilOf[T any]() *T                              { return nil }
func nested(v any) []any                            { return []any{v, map[string]any{"k": v}, []any{[]any{v}}} }

// hard are strings in which every rule for escapes has its say.
func hard() []string {
	return []string{
		"", "x", "plain", "1234567", "12345678", "123456789", "plain text of some length, longer than a word",
		`"`, `\`, `\\"\`, "\b", "\f", "\b\f\n\r\t\v\a\x00\x1f\x7f", `\u0008`, `\\u000c`, "\\\b", `\` + "\b" + `u0008`,
		"\u2028", "\u2029 and more", "<a href='x'>&amp;</a>", "é", "日本語", "😀", "\ufffd", "\ufeff",
		"\xff", "a\xffb", "\xed\xa0\x80", "\xe2\x80", "\xe2\x80\b", "\xf0\x9f\x98", "\xc0\xaf",
		"u0008", `\b`, `\f`, "12345678\b", "\f12345678", "\x1b[31mred\x1b[0m", "line\nline",
	}
}

func TestAppendAnyLikeSlog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 4, 5, 6, 789000000, time.FixedZone("", 5400))
	sixDeep := any(1)
	for range 6 {
		sixDeep = map[string]any{"a": []any{sixDeep}}
	}
	tests := map[string][]any{
		"nothing":  {nil, any(nil)},
		"booleans": {true, false, namedBool(true)},
		"ints": {
			0, -1, int8(-128), int16(1), int32(1), int64(math.MinInt64), int64(math.MaxInt64), uint(1), uint8(1),
			uint16(1), uint32(1), uint64(math.MaxUint64), uintptr(7), namedInt(-8), namedUint(16), time.Month(5),
		},
		"floats": {
			0.0, math.Copysign(0, -1), 1.5, 1e-7, 1e20, 1e21, -1e-9, math.MaxFloat64, math.SmallestNonzeroFloat64,
			namedFloat(1e-7), float32(0.1), namedFloat32(0.1), math.NaN(), math.Inf(1), math.Inf(-1),
			namedFloat(math.NaN()), namedFloat32(math.Inf(1)),
		},
		"durations": {time.Second, time.Duration(-1), []time.Duration{1, -1}, []time.Duration(nil)},
		"times": {
			at, at.UTC(),
			time.Time{},
			time.Unix(0, 1).UTC(), at.In(time.FixedZone("", -3*3600)),
			time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
			[]time.Time{at, {}},
			[]time.Time(nil),
			[]time.Time{},
			wrapsTime{at},
		},
		"times that RFC 3339 lacks": {
			[]any{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
			[]any{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
			[]any{at.In(time.FixedZone("", 24*3600))},
			[]time.Time{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
			new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
			wrapsTime{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		},
		"levels": {slog.LevelInfo, slog.LevelWarn + 2, slog.Level(-100), new(slog.LevelError), new(slog.LevelVar)},
		"pointers": {
			new(true), new("s\b"), new(1), new(int64(2)), new(1.5), new(math.NaN()),
			new(time.Second), new(at), new(uint8(3)),
			nilOf[bool](), nilOf[string](), nilOf[int](), nilOf[int64](), nilOf[float64](), nilOf[time.Duration](),
			nilOf[time.Time](), nilOf[uint8](), nilOf[http.Header](), new(new("s")), new(nilOf[string]()), new(any(1)),
			new([]any{1}), new(namedMap{"a": 1}), new(namedString("s")), new(byPointer{"p"}), new(new(byPointer{"p"})),
		},
		"slices": {
			[]bool{true, false},
			[]bool{},
			[]bool(nil),
			[]int{1, -2},
			[]int{},
			[]int(nil),
			[]int64{1},
			[]int64(nil),
			[]float64{1, 1e-7},
			[]float64(nil),
			[]float64{1, math.Inf(-1)},
			[]string{},
			[]string(nil),
			[]string{""},
			hard(),
			[]any{},
			[]any(nil),
			[]any{nil, 1, "x", nil},
			[3]int{1, 2},
			[]float32{0.1},
			[]uint16{1},
			namedStrings(hard()), namedStrings(nil),
			namedStrings{},
			stringsOfNamed{"a"},
			[]error{errors.New("x"), nil},
			[]map[string]any{{"b": 1, "a": "\f"}, nil, {}},
			[]map[string]any(nil),
			[][]string{{"a"}, nil},
			[]fmt.Stringer{at, nil},
		},
		"bytes": {
			[]byte("any"),
			[]byte{},
			[]byte(nil),
			[]byte{0xff},
			[]byte("\x00\x01"),
			namedBytes("x"), namedBytes(nil),
			[2]byte{1},
		},
		"maps": {
			map[string]string{"b": "2", "a": "1", "": "<\b>"},
			map[string]string{},
			map[string]string(nil),
			map[string]int{"b": 2, "a": 1},
			map[string]int(nil),
			map[string]int64{"x": -1},
			map[string]bool{"t": true},
			map[string]float64{"f": 1e-7},
			map[string]float64{"f": math.NaN()},
			map[string]any{},
			map[string]any(nil),
			map[string]any{"z": nil, "a": []any{1, "x"}, "m": map[string]any{"y": true, "b": 1.5}},
			map[int]string{10: "b", 9: "a"},
			map[namedKey]int{"b": 1, "a": 2},
			map[bool]int{true: 1},
			map[textInt]string{1: "x"},
			namedMap{"b": 1, "a": nil},
			namedMap(nil),
			namedTexts{"b": "1", "a": "2"},
			map[string]namedString{"a": "b"},
			map[string]error{"e": errors.New("x")},
			sixDeep,
		},
		"headers": {
			http.Header{"B": {"1", "2"}, "A": nil, "C": {}},
			http.Header(nil),
			url.Values{"q": {"<x>"}},
			map[string][]string{"x": {"\b"}, "w": nil},
		},
		"addresses": {
			netip.Addr{},
			netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"),
			netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("fe80::1%eth0"),
			netip.MustParseAddr("fe80::1").WithZone("\"\b\xff\n"),
			netip.AddrPort{},
			netip.MustParseAddrPort("192.0.2.1:80"),
			netip.MustParseAddrPort("[2001:db8::1]:443"),
			netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(`"`), 1),
			netip.Prefix{},
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
			net.ParseIP("192.0.2.1"), net.IPv4(192, 0, 2, 1).To4(), net.ParseIP("2001:db8::1"), net.IP(nil),
			net.IP{},
			net.IP{1, 2, 3},
			new(netip.MustParseAddr("192.0.2.1")), nilOf[netip.Addr](),
			net.IPNet{IP: net.IP{1, 2, 3, 4}},
			&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80},
			[]netip.Addr{netip.MustParseAddr("192.0.2.1")},
		},
		"numbers": {
			json.Number(""), json.Number("0"), json.Number("-0"), json.Number("1.5e+10"),
			json.Number("12345678901234567890"),
			json.Number("01"), json.Number("1."), json.Number("1e"), json.Number("1e+"),
			json.Number(".5"), json.Number("-"),
			json.Number("x"), json.Number("1 "), json.Number("0x1"), json.Number("NaN"),
			json.Number("1,2"), json.Number("\n1"),
			big.NewInt(7), big.NewFloat(1.5), nilOf[big.Int](),
		},
		"raw messages": {
			json.RawMessage(nil), json.RawMessage(""), json.RawMessage("  "),
			json.RawMessage(`{"a": [1, 2 , {} ], "b":"<>"}`),
			json.RawMessage("{\n\t\"a\" :\r\n null\n}\n"), json.RawMessage("\"a\nb\""), json.RawMessage(`"\ud800"`),
			json.RawMessage("\"\xff\xfe\b\""), json.RawMessage("\"\xff\xfe\""),
			json.RawMessage("\"\u2028\""), new(json.RawMessage("1")),
			nilOf[json.RawMessage](), json.RawMessage("{}x"), json.RawMessage("{} {}"), json.RawMessage(`{"a"}`),
			embedsRaw{[]byte(`[1 ]`)},
			json.RawMessage(strings.Repeat("[", 200) + strings.Repeat("]", 200)),
			json.RawMessage(strings.Repeat("[ ", 10001) + strings.Repeat("]", 10001)),
			json.RawMessage(strings.Repeat("[ ", 200) + "\"\xff\"" + strings.Repeat("]", 200)),
		},
		"marshalers": {
			marshals{`{"a": 1}`},
			&marshals{`"x"`}, nilOf[marshals](),
			marshals{""},
			marshals{"{"},
			marshals{"\"\xff\""},
			marshals{"[\n1\n]\n"},
			marshalsNot{errors.New("no\b\"\xff")},
			marshalsNot{io.EOF},
			&marshalsNot{io.EOF},
			marshalPanic{"oh\b"},
			marshalPanic{errors.New("an error")},
			marshalPanic{7},
			&marshalPanic{nil},
			byPointer{"not called"},
			&byPointer{"called"}, nilOf[byPointer](),
			both{},
			marshalMap{"a": 1},
			marshalMap(nil),
			marshalStrings{"a"},
			marshalsNot{panicsAsError{}},
			marshalsNot{nilOf[pointerError]()},
		},
		"text marshalers": {
			texts{""},
			texts{"plain"},
			texts{"\b\xff<\"\u2028"},
			&texts{"p"}, nilOf[texts](),
			textsNot{io.EOF},
			textsNot{errors.New("\b")},
			textPanic{"oh"},
			textPanic{nil},
			uuid{1, 2, 3},
			new(uuid{}), textString("s"), textInt(5),
			[]textInt{1},
			textsNot{panicsAsError{}},
			textsNot{nilOf[pointerError]()},
			map[string]textString{"a": "b"},
		},
		"errors": {
			errors.New("plain"), errors.New("\b\f\"\xff\u2028"), fmt.Errorf("outer: %w", io.EOF),
			marshalError{"m"},
			&marshalError{"m"},
			textError{"t"},
			&pointerError{"p"}, nilOf[pointerError](),
			panicsAsError{},
			nilOf[marshalError](), errors.Join(io.EOF, io.EOF),
			&json.MarshalerError{Type: reflect.TypeFor[int](), Err: io.EOF},
		},
		"structs, and Stringers, which print as such": {
			struct{}{},
			struct {
				Name string `json:"name,omitempty"`
				n    int
				P    *int
			}{Name: "\b<"},
			node{node{nil}},
			&url.URL{Scheme: "https", Host: "example.com"},
			formatter{"f"},
			&formatter{"\f"}, new(struct{}{}),
		},
		"what JSON lacks": {
			make(chan int), func() {}, complex(1, 2),
			[]any{make(chan int)},
			map[string]any{"f": func() {}},
			nilOf[chan int](),
			(func())(nil),
			[]any{1, math.NaN()},
			map[string]any{"a": math.Inf(1)},
			node{math.NaN()},
		},
	}
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range values {
				checkAny(t, v)
				for _, v := range nested(v) {
					checkAny(t, v)
				}
				checkAny(t, map[string]any{"v": nested(v)})
			}
		})
	}
}

func TestAppendAnyEscapesLikeSlog(t *testing.T) {
	t.Parallel()
	for _, s := range hard() {
		for _, v := range []any{
			s, errors.New(s), namedString(s), new(s),
			[]string{s, s},
			[]any{s},
			map[string]string{s: s},
			map[string]any{s: s},
			http.Header{s: {s}},
			texts{s},
			&texts{s}, textString(s), json.Number(s), json.RawMessage(s),
			marshals{s},
			marshalsNot{errors.New(s)},
			textsNot{errors.New(s)},
			marshalPanic{s},
			json.RawMessage(`"` + s + `"`),
			marshals{"[" + s + "\n]"},
			[]byte(s),
			map[string]any{"e": errors.New(s)},
			slog.Level(len(s)),
			struct{ S string }{s},
		} {
			checkAny(t, v)
			checkAny(t, []any{v, v})
		}
	}
}

// In these the standard library prints no JSON, or not in UTF-8.
func TestAppendAnyWhereSlogPrintsNoJSON(t *testing.T) {
	t.Parallel()
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		value any
		want  string
	}{
		"time":                   {late, `"!ERROR:time.Time year outside of range [0,9999]"`},
		"UTF-8 of a Marshaler":   {marshals{"[\"a\xffb\", \"\xff\xfe\"]"}, `["a\ufffdb","\ufffd"]`},
		"UTF-8 of a RawMessage":  {json.RawMessage("\"\xe2\x80\""), `"\ufffd"`},
		"UTF-8 inside of a type": {node{json.RawMessage("\"\xff\"")}, `{"Next":"\ufffd"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, string(jsonenc.AppendAny(nil, test.value))); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendAnyCycles(t *testing.T) {
	t.Parallel()
	object := map[string]any{"a": 1}
	object["self"] = object
	array := []any{1, nil}
	array[1] = array
	pointer := &node{}
	pointer.Next = pointer
	named := namedMap{}
	named["self"] = named

	// The error names the type at which encoding/json notices, which is another
	// for another length of the way there.
	mixed := map[string]any{}
	mixed["x"] = []any{&node{[]map[string]any{mixed}}}
	objects := []map[string]any{{}}
	objects[0]["x"] = objects
	for _, v := range []any{object, array, pointer, named, mixed, objects, marshals{"1"}} {
		for range 12 {
			checkAny(t, v)
			v = []any{v}
		}
	}
}

func TestAppendAnyDeep(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{60, 63, 64, 65, 66, 67, 200, 900, 1500} {
		var arrays, objects, structs any = "\b", math.NaN(), []byte("x")
		for range depth {
			arrays = []any{arrays, "\f", errors.New("x")}
			objects = map[string]any{"a": objects, "b": []map[string]any{{"c": 1}}}
			structs = &node{[]map[string]any{{"s": structs}}}
		}
		checkAny(t, arrays)
		checkAny(t, objects)
		checkAny(t, structs)
	}
}

// A marshaler may count its calls. It is called once, also where a part of the
// value is left to encoding/json.
func TestAppendAnyCallsMarshalersOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *counter) any{
		"alone":                  func(c *counter) any { return c },
		"before an error":        func(c *counter) any { return []any{c, math.NaN()} },
		"before a panic":         func(c *counter) any { return []any{c, marshalPanic{"x"}} },
		"in a struct":            func(c *counter) any { return []any{node{c}, make(chan int)} },
		"in a struct with a NaN": func(c *counter) any { return []any{node{[]any{c, math.NaN()}}} },
		"before a time":          func(c *counter) any { return []any{c, time.Time{}.AddDate(10000, 0, 0)} },
		"its error":              func(c *counter) any { c.err = io.EOF; return []any{c} },
		"no JSON":                func(c *counter) any { c.text = "{"; return []any{c} },
		"deep": func(c *counter) any {
			v := any(c)
			for range 100 {
				v = []any{v}
			}
			return v
		},
	}
	for name, value := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &counter{text: "1"}
			jsonenc.AppendAny(nil, value(c))
			if c.calls != 1 {
				t.Errorf("%d calls of MarshalJSON, want 1", c.calls)
			}
		})
	}
}

// An error's methods may do anything. Only Error is called.
func TestAppendAnyErrorMethods(t *testing.T) {
	t.Parallel()
	for _, v := range []any{marshalsNot{strictError{}}, textsNot{strictError{}}, node{marshalsNot{strictError{}}}} {
		checkAny(t, v)
		checkAny(t, []any{v})
	}
}

type strictError struct{}

func (strictError) Error() string { return "strict" }
func (strictError) Is(error) bool { panic("Is was called") }
func (strictError) As(any) bool   { panic("As was called") }
func (strictError) Unwrap() error { panic("Unwrap was called") }

type counter struct {
	calls int
	text  string
	err   error
}

func (c *counter) MarshalJSON() ([]byte, error) {
	c.calls++
	return []byte(c.text), c.err
}

func TestAppendAnyHuge(t *testing.T) {
	t.Parallel()
	size := 10 << 20
	if testlog.Race {
		size = 1 << 19 // reading a byte takes twenty times as long
	}
	text := strings.Repeat("x", size)
	escaped := strings.Repeat("\b\"é\xff", size/5)
	many := make(map[string]any, 10_000)
	for i := range 10_000 {
		many[strconv.Itoa(i)] = []any{i}
	}
	for _, v := range []any{
		[]string{text},
		[]any{escaped},
		errors.New(text),
		map[string]string{text: text},
		[]byte(text), json.RawMessage(`"` + text + `"`),
		texts{escaped},
		many, json.Number(strings.Repeat("1", size)),
		marshals{strings.Repeat(" ", size) + "1"},
		json.RawMessage(strings.Repeat("[", size)),
	} {
		checkAny(t, v)
	}
}

// A panic or an error leaves nothing behind in what is pooled.
func TestAppendAnyAfterFailures(t *testing.T) {
	t.Parallel()
	for range 100 {
		for _, v := range []any{
			map[string]any{"a": "kept?", "b": marshalPanic{"x"}},
			map[string]any{"a": "kept?", "b": math.NaN()},
			[]any{"kept?", node{marshalPanic{"x"}}},
			json.RawMessage("[1,"),
			node{make(chan int)},
			map[string]any{},
			[]any{node{1}},
			map[string]any{"x": json.RawMessage(strings.Repeat("[", 100) + "1")},
		} {
			checkAny(t, v)
		}
	}
}

func TestAppendAnyConcurrentSafe(t *testing.T) {
	t.Parallel()
	shared := map[string]any{
		"b": []any{1, node{2}}, "a": map[string]string{"y": "2", "x": "1"}, "c": netip.MustParseAddr("192.0.2.1"),
	}
	wanted := slogText(t, shared)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 500 {
				if got := string(jsonenc.AppendAny(nil, shared)); got != wanted {
					t.Fatalf("got %s, want %s", got, wanted)
				}
			}
		})
	}
}

func TestAppendAnyAllocs(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole program
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	at := time.Now()
	tests := map[string]struct {
		value any
		max   float64
	}{
		"error":             {errors.New("connection refused"), 0},
		"strings":           {[]string{"a", "b\b"}, 0},
		"defined strings":   {namedStrings{"a", "b"}, 0},
		"ints":              {[]int{1, 2, 300}, 0},
		"floats":            {[]float64{1, 1.5}, 0},
		"times":             {[]time.Time{at}, 0},
		"pointer to a time": {&at, 0},
		"pointer":           {new("x"), 0},
		"nil pointer":       {nilOf[string](), 0},
		"bytes":             {[]byte("x"), 0},
		"array of any":      {[]any{1, "x", nil, true, 1.5, at, time.Second}, 0},
		"map of strings":    {map[string]string{"b": "1", "a": "2"}, 0},
		"map of any":        {map[string]any{"b": map[string]any{"d": 1, "c": []string{"x"}}, "a": "2"}, 0},
		"defined map":       {namedMap{"b": 1, "a": "x"}, 0},
		"header":            {http.Header{"Accept": {"a", "b"}}, 0},
		"addr":              {netip.MustParseAddr("2001:db8::1"), 0},
		"addr and port":     {netip.MustParseAddrPort("192.0.2.1:80"), 0},
		"ip":                {net.ParseIP("192.0.2.1"), 0},
		"defined int":       {namedInt(1), 0},
		"defined string":    {namedString("x"), 0},
		"level":             {slog.LevelWarn + 1, 0},
		"number":            {json.Number("12.5"), 0},
		"raw message":       {json.RawMessage(`{"a": [1, true, "x"]}`), 0},
		"marshaler":         {marshals{`{"a": 1}`}, 1}, // its own
		"text marshaler":    {texts{"a text of more than thirty-two bytes"}, 1},
	}
	for name, test := range tests { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			b := make([]byte, 0, 1024)
			got := testing.AllocsPerRun(100, func() { b = jsonenc.AppendAny(b[:0], test.value) })
			if got > test.max {
				t.Errorf("%v allocations, want at most %v", got, test.max)
			}
		})
	}
}
