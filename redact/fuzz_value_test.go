package redact_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Values that print by methods, have a secret under a key, or are generic.
type (
	plantedStringer  struct{ Text string }
	plantedText      struct{ text string }
	plantedJSON      struct{ body string }
	plantedFormat    struct{ text string }
	plantedValuer    struct{ v slog.Value }
	plantedPanic     struct{ text string }
	plantedError     struct{ Token, Msg string } // its text does not show the token
	plantedLoudError struct {
		msg   string
		Token string
	} // its text does
	plantedTreeError struct {
		msg  string
		errs []error
	}
	plantedString         struct{ N, Token string } // its text shows the token
	plantedBytes          struct{ Password []byte } // so does its text
	shownJSON             struct{ Token string }    // its JSON does, under another key
	shownText             struct{ Password string } // its text form does
	plantedBox[T any]     struct{ V T }
	plantedPair[K, V any] struct {
		Name  K
		Value V
	}
	plantedNode struct {
		Password   string
		A, B, C, D *plantedNode
	}
	plantedLock struct {
		sync.Mutex
		secret string
		Token  string
		N      int
	}
	plantedBase struct {
		V      any
		hidden any
	}
	plantedName string // a string with a method that prints something else
	onPointer   struct{ text string }
	textPointer struct{ text string }
	jsonPointer struct{ body string }
	valPointer  struct{ v slog.Value }
)

func (x plantedStringer) String() string            { return "<" + x.Text + ">" }
func (x plantedText) MarshalText() ([]byte, error)  { return []byte(x.text), nil }
func (x plantedJSON) MarshalJSON() ([]byte, error)  { return []byte(x.body), nil }
func (x plantedFormat) Format(f fmt.State, _ rune)  { _, _ = io.WriteString(f, "~"+x.text) }
func (x plantedValuer) LogValue() slog.Value        { return x.v }
func (x plantedPanic) MarshalJSON() ([]byte, error) { panic(x.text) }
func (x plantedPanic) String() string               { panic(errors.New(x.text)) }
func (x plantedError) Error() string                { return x.Msg }
func (x plantedLoudError) Error() string            { return x.msg + " " + x.Token }
func (x plantedTreeError) Error() string            { return x.msg }
func (x plantedTreeError) Unwrap() []error          { return x.errs }
func (x plantedString) String() string              { return x.N + "=" + x.Token }
func (x plantedBytes) String() string {
	return fmt.Sprintf("%s %v", x.Password, x.Password)
}

func (x shownJSON) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"shown": x.Token, "n": 1})
}
func (x shownText) MarshalText() ([]byte, error)    { return []byte("shown " + x.Password), nil }
func (plantedName) String() string                  { return "name" }
func (x *onPointer) String() string                 { return "p " + x.text }
func (x *textPointer) MarshalText() ([]byte, error) { return []byte(x.text), nil }
func (x *jsonPointer) MarshalJSON() ([]byte, error) { return []byte(x.body), nil }
func (x *valPointer) LogValue() slog.Value          { return x.v }
func (x *plantedLock) String() string               { return "lock" }

// value returns a value with a secret somewhere in it.
func (p *planter) value(depth int) any {
	if p.room--; p.room <= 0 || depth > 7 || p.IntN(4) == 0 {
		return p.leaf()
	}
	v := func() any { return p.value(depth + 1) }
	if p.clean && p.IntN(3) == 0 {
		return p.cleanValue()
	}
	if p.own && p.IntN(6) == 0 {
		return p.ownValue(v)
	}
	switch p.IntN(44) {
	case 0:
		return []any{1, v(), nil, p.bystander()}
	case 1:
		return map[string]any{p.aWord(): v(), "zz": p.bystander()}
	case 2, 3:
		return map[string]any{p.aKey(): p.under(v), "n": 1}
	case 4:
		return struct{ Password any }{p.underClean(v)}
	case 5:
		return &struct {
			N int
			P any `json:"db_password"`
		}{1, p.underClean(v)}
	case 6:
		return plantedBox[any]{v()}
	case 7:
		x := v()
		return &x
	case 8:
		return [2]any{v(), p.bystander()}
	case 9:
		return map[any]any{p.IntN(9): v(), oneOf(p, "a", "b"): nil}
	case 10:
		if p.clean {
			return v()
		}
		return plantedValuer{slog.AnyValue(v())}
	case 11:
		if p.clean {
			return v()
		}
		return &valPointer{slog.GroupValue(p.attr(depth+1), slog.Int("n", 1))}
	case 12:
		return plantedBase{V: p.bystander(), hidden: v()}
	case 13:
		return struct {
			V any `json:"-"`
			W any `json:",omitempty"`
		}{v(), nil}
	case 14:
		return []map[string]any{{"k": v()}, nil}
	case 15:
		return struct {
			plantedBase
			N int
		}{plantedBase{V: v()}, 1}
	case 16:
		return &struct {
			*plantedBase
			N any
		}{&plantedBase{V: v()}, p.bystander()}
	case 17:
		return http.Header{strings.ReplaceAll(p.aKey(), "_", "-"): {"x", p.anything()}, "Accept": {p.text()}}
	case 18:
		return p.carried(p.jsonText(depth))
	case 19:
		return p.url()
	case 20:
		return url.Values{p.aKey(): {p.anything()}, "q": {p.text()}}
	case 21:
		return errors.Join(io.EOF, p.error(depth+1))
	case 22:
		return p.error(depth + 1)
	case 23:
		return map[string]string{p.keyText(): "v", p.aKey(): p.anything()}
	case 24:
		return []any{plantedString{"n", p.spelled()}, shownJSON{p.spelled()}, &shownText{p.spelled()}}[p.IntN(3)]
	case 25:
		return &plantedNode{Password: p.spelled(), B: &plantedNode{Password: p.spelled()}}
	case 26:
		if p.clean {
			return p.bystander()
		}
		n := &plantedNode{Password: p.spelled()}
		n.A, n.B, n.C, n.D = n, &plantedNode{Password: p.spelled(), A: n}, n, n
		return n
	case 27:
		if p.clean {
			return p.bystander()
		}
		m := map[string]any{"v": v()}
		m["self"] = m
		return m
	case 28:
		return p.structOf(v)
	case 29:
		return plantedPair[string, any]{p.aKey(), p.anything()}
	case 30:
		return map[string]any{"name": p.aKey(), "value": p.anything()}
	case 31:
		if p.clean {
			return []string{"run", "--user", p.core(), "A=" + p.core()}
		}
		return []string{"run", oneOf(p, "--", "-") + oneOf(p, "password", "token", "api-key"), p.core(), "DB_PASSWORD=" + p.core()}
	case 32, 33:
		if p.clean {
			return v()
		}
		if p.IntN(2) == 0 {
			return []any{p.attr(depth + 1)}
		}
		return []slog.Attr{p.attr(depth + 1), slog.Int("n", 1)}
	case 34:
		if p.clean {
			return v()
		}
		return []any{slog.AnyValue(v()), slog.GroupValue(p.attr(depth + 1)), slog.StringValue(p.text())}
	case 35:
		return struct {
			S sql.NullString
			N sql.Null[string]
		}{sql.NullString{String: p.text(), Valid: true}, sql.Null[string]{V: p.text(), Valid: true}}
	case 36:
		return plantedBytes{[]byte(p.spelled())}
	case 37:
		if p.clean {
			return v()
		}
		return &plantedLock{secret: p.spelled(), Token: p.spelled(), N: 1}
	case 38:
		s := p.text()
		ptr := &s
		return struct {
			P **string
			I fmt.Stringer
			N *int
		}{&ptr, plantedStringer{p.text()}, nil}
	case 39:
		return struct {
			Key  string `yaml:"api_key"`
			Pass string `env:"X_PASS,required" json:"p"`
			User string
		}{p.underTag(), p.underTag(), p.text()}
	case 40:
		if p.clean {
			return v() // has a map that is not exported, and is copied
		}
		return &http.Request{Method: http.MethodGet, URL: p.url(), Header: http.Header{"Authorization": {p.underTag()}}, Host: "h"}
	case 41:
		return map[plantedText]any{{p.keyText()}: v()}
	case 42:
		return []any{p.data, v(), plantedName("x"), []byte(p.text())}
	default:
		return []any{p.value(depth + 1), p.value(depth + 2)}
	}
}

// under returns what stands under a sensitive key: anything.
func (p *planter) under(v func() any) any {
	switch p.IntN(10) {
	case 0:
		return v()
	case 1:
		return []byte(p.anything())
	case 2:
		return []any{p.anything(), map[string]any{"a": p.anything()}}
	case 3:
		return json.Number(p.number())
	case 4:
		n, _ := new(big.Int).SetString(p.number(), 10)
		return n
	case 5:
		n, _ := strconv.ParseInt(p.number(), 10, 64)
		return oneOf[any](p, n, uint64(n), &n, []int64{n})
	case 6:
		return json.RawMessage(`{"a":["` + p.core() + `"]}`)
	case 7:
		return plantedStringer{p.anything()}
	case 8:
		return errors.New(p.anything())
	default:
		return p.anything()
	}
}

// underClean is under for a field whose name says that it is sensitive.
func (p *planter) underClean(v func() any) any {
	if p.clean {
		return oneOf[any](p, nil, "", true, time.Second, []string{}, map[string]any{})
	}
	return p.under(v)
}

// underTag returns the text of a sensitive field.
func (p *planter) underTag() string {
	if p.clean {
		return ""
	}
	return p.anything()
}

// spelled returns the text of a sensitive field that a method may print.
func (p *planter) spelled() string {
	if p.clean {
		return ""
	}
	return p.odd(" ", "-", ".", "=", "é", "/")
}

func (p *planter) number() string {
	if p.clean {
		return "12"
	}
	return p.plant(p.from("123456789", 15))
}

func (p *planter) url() *url.URL {
	if p.clean {
		return &url.URL{Scheme: "https", Host: "h", Path: "/p", RawQuery: "page=2"}
	}
	return &url.URL{
		Scheme: "https", Host: "h", Path: "/p", User: url.UserPassword("u", p.odd("/", ":", "!", "é", "@", " ")),
		RawQuery: url.QueryEscape(p.aKey()) + "=" + p.core() + "&x=1",
	}
}

// carried returns a text in one of the types that carry JSON.
func (p *planter) carried(s string) any {
	switch p.IntN(8) {
	case 0:
		return s
	case 1:
		return []byte(s)
	case 2:
		return plantedJSON{s}
	case 3:
		return &jsonPointer{s}
	case 4:
		return plantedText{s}
	case 5:
		return map[string]json.RawMessage{"r": json.RawMessage(s)}
	case 6:
		return []json.RawMessage{json.RawMessage(s)}
	default:
		return json.RawMessage(s)
	}
}

// error returns an error with a secret in it, or in what it wraps.
func (p *planter) error(depth int) error {
	if p.room--; p.room <= 0 || depth > 7 {
		return errors.New(p.text())
	}
	switch p.IntN(14) {
	case 0:
		return fmt.Errorf("w: %w", p.error(depth+1))
	case 1:
		return errors.Join(p.error(depth+1), io.EOF)
	case 2:
		return plantedTreeError{"quiet", []error{p.error(depth + 1), nil}}
	case 3:
		return plantedError{p.spelled(), "m"}
	case 4:
		return fmt.Errorf("w: %w", plantedLoudError{"m", p.spelled()})
	case 5:
		return &url.Error{Op: "Get", URL: p.url().String(), Err: p.error(depth + 1)}
	case 6:
		return &fs.PathError{Op: "open", Path: p.text(), Err: fs.ErrNotExist}
	case 7:
		return &json.UnmarshalTypeError{Value: p.text(), Type: reflect.TypeFor[int](), Field: "f"}
	case 8:
		return &strconv.NumError{Func: "Atoi", Num: p.harmlessOr(p.known), Err: strconv.ErrSyntax}
	case 9:
		return &net.OpError{Op: "dial", Net: "tcp", Err: p.error(depth + 1)}
	case 10:
		return formatted{p.text()}
	default:
		return errors.New(p.text())
	}
}

// formatted is an error that shows more to %+v, as those with a stack do.
type formatted struct{ more string }

func (formatted) Error() string { return "short" }

func (f formatted) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('+') {
		_, _ = io.WriteString(s, f.more)
		return
	}
	_, _ = io.WriteString(s, "short")
}

// keyText returns a text for a key.
func (p *planter) keyText() string {
	if p.clean {
		return oneOf(p, "token bucket", "x=y", `{"a":1}`, "日本", "\x1b[31m", "1763767845123456789", "https://h/?page=2")
	}
	return p.text()
}

func (p *planter) harmlessOr(text func() string) string {
	if p.clean {
		return p.harmless()
	}
	return text()
}

// structFields are fields for structs made at run time: few enough for the types
// that they make to be few.
var structFields = []struct {
	field     reflect.StructField
	sensitive bool
}{
	{reflect.StructField{Name: "Password", Type: reflect.TypeFor[string]()}, true},
	{reflect.StructField{Name: "APIKey", Type: reflect.TypeFor[any]()}, true},
	{reflect.StructField{Name: "A", Type: reflect.TypeFor[string](), Tag: `json:"db_password"`}, true},
	{reflect.StructField{Name: "B", Type: reflect.TypeFor[[]byte](), Tag: `json:"-" yaml:"client-secret"`}, true},
	{reflect.StructField{Name: "Session", Type: reflect.TypeFor[*string](), Tag: `json:"s,omitempty"`}, true},
	{reflect.StructField{Name: "Credentials", Type: reflect.TypeFor[[]any](), Tag: `json:",omitzero"`}, true},
	{reflect.StructField{Name: "token", Type: reflect.TypeFor[string](), PkgPath: "p"}, true},
	{reflect.StructField{Name: "J", Type: reflect.TypeFor[string](), Tag: `redact:"yes"`}, true},
	{reflect.StructField{Name: "C", Type: reflect.TypeFor[string]()}, false},
	{reflect.StructField{Name: "D", Type: reflect.TypeFor[any](), Tag: `json:"d,omitempty"`}, false},
	{reflect.StructField{Name: "E", Type: reflect.TypeFor[[]byte](), Tag: `json:"-"`}, false},
	{reflect.StructField{Name: "F", Type: reflect.TypeFor[*string](), Tag: `json:"f,string"`}, false},
	{reflect.StructField{Name: "G", Type: reflect.TypeFor[map[string]any]()}, false},
	{reflect.StructField{Name: "H", Type: reflect.TypeFor[[1]any]()}, false},
	{reflect.StructField{Name: "I", Type: reflect.TypeFor[error]()}, false},
	{reflect.StructField{Name: "N", Type: reflect.TypeFor[int]()}, false},
}

// structOf returns a struct of a type of its own.
func (p *planter) structOf(v func() any) any {
	table := structFields
	if p.clean {
		table = table[8:]
	}
	i, j := p.IntN(len(table)), p.IntN(len(table))
	fields := []reflect.StructField{table[i].field}
	if i != j {
		fields = append(fields, table[j].field)
	}
	s := reflect.New(reflect.StructOf(fields)).Elem()
	for n, f := range fields {
		if !f.IsExported() {
			continue
		}
		text := p.text
		if sensitive := table[[]int{i, j}[n]].sensitive; sensitive {
			text = p.anything
		}
		switch f.Type.Kind() {
		case reflect.String:
			s.Field(n).SetString(text())
		case reflect.Slice:
			if f.Type.Elem().Kind() == reflect.Uint8 {
				s.Field(n).SetBytes([]byte(text()))
			} else {
				s.Field(n).Set(reflect.ValueOf([]any{text(), v()}))
			}
		case reflect.Pointer:
			x := text()
			s.Field(n).Set(reflect.ValueOf(&x))
		case reflect.Map:
			s.Field(n).Set(reflect.ValueOf(map[string]any{p.keyText(): v()}))
		case reflect.Array:
			s.Field(n).Index(0).Set(reflect.ValueOf([]any{v()}))
		case reflect.Int:
			s.Field(n).SetInt(1)
		case reflect.Interface:
			if f.Name == "I" {
				s.Field(n).Set(reflect.ValueOf(p.error(5)))
			} else {
				s.Field(n).Set(reflect.ValueOf(text()))
			}
		default:
		}
	}
	if p.IntN(2) == 0 {
		return s.Addr().Interface()
	}
	return s.Interface()
}

// leaf returns a text with a secret in one of the types of texts.
func (p *planter) leaf() any {
	s := p.text()
	switch p.IntN(16) {
	case 0:
		return []byte(s)
	case 1:
		return errors.New(s)
	case 2:
		return plantedText{s}
	case 3:
		return plantedStringer{s}
	case 4:
		return []string{"a", s}
	case 5:
		return fmt.Errorf("w: %w", errors.New(s))
	case 6:
		return &onPointer{s}
	case 7:
		return &textPointer{s}
	case 8:
		return plantedFormat{s}
	case 9:
		if p.clean {
			return s
		}
		return plantedPanic{s}
	case 10:
		return plantedBox[string]{s}
	case 11:
		return json.RawMessage(s)
	case 12:
		return &s
	case 13:
		return p.cutOff()
	default:
		return s
	}
}

// bystander returns a value without a secret.
func (p *planter) bystander() any {
	var nilString *string
	return oneOf[any](p,
		nil, true, 1.5, -3, uint8(7), time.Second, time.Unix(1, 2).UTC(), netip.MustParseAddr("192.0.2.7"), net.IPv4(192, 0, 2, 7), nilString,
		(*plantedNode)(nil), map[string]any(nil), []string(nil), http.Header{"Accept": {"a"}}, json.RawMessage(`{"a": [1, "x"]}`), json.RawMessage("{no"),
		json.Number("12"), struct{}{}, []any{}, [0]int{}, slog.LevelWarn, big.NewInt(1<<40), error(nil), struct{ V any }{}, io.EOF, []byte{}, [2]byte{1, 2},
		map[int]string{1: "a"}, complex(1, 2), plantedName("x"), struct{ Token bool }{true}, []time.Duration{1}, "", "ok",
	)
}

// cleanValue returns a value without a secret, of any type.
func (p *planter) cleanValue() any {
	c, f := make(chan string, 1), func() string { return "x" }
	c <- "in a channel"
	return oneOf(p, p.bystander(), any(c), any(f), any(struct{ C chan string }{c}), any([]any{f}))
}

// attr returns an attr with a secret in it.
func (p *planter) attr(depth int) slog.Attr {
	switch p.IntN(12) {
	case 0:
		return slog.Group(p.aWord(), slog.Int("n", 1), p.attr(depth+1))
	case 1:
		return slog.Group(p.aKey(), slog.Any("v", p.anything()), slog.Group("g", slog.Any("w", p.anything())))
	case 2, 3:
		return slog.Any(p.aKey(), p.under(func() any { return p.value(depth + 1) }))
	case 4:
		return slog.String(p.aWord(), p.text())
	case 5:
		return slog.Int("k "+p.keyText(), 1)
	case 6:
		return slog.String(p.aKey(), p.anything())
	case 7:
		return slog.Any(p.aWord(), plantedValuer{slog.GroupValue(p.attr(depth+1), slog.Int("n", 1))})
	case 8:
		return slog.Any(p.aWord(), &valPointer{slog.AnyValue(plantedValuer{slog.AnyValue(p.value(depth + 1))})})
	case 9:
		n, _ := strconv.ParseInt(p.number(), 10, 64)
		return slog.Int64(p.aKey(), n)
	case 10:
		return slog.Any(oneOf(p, "error", "err", "exception"), p.error(depth+1))
	default:
		return slog.Any(p.aWord(), p.value(depth+1))
	}
}
