package redact_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

type (
	user struct {
		Name     string
		Password string
	}
	tagged struct {
		Name string `json:"name"`
		P    string `json:"password"`
	}
	goNamed struct {
		Password string `json:"p"`
	}
	inner struct{ Password string }
	outer struct {
		inner
		N int
	}
	node struct {
		Password   string
		A, B, C, D *node
	}
	withPIN    struct{ Password int }
	tokenError struct{ Token string }
	marshaler  struct{ body string }
	valuer     struct{ v slog.Value }
	textual    struct{ text string }
	stringer   struct{ Text string }
	quietKey   struct{ key string }
	quietText  struct{ Password string }
	server     struct {
		sync.Mutex
		password string
		Addr     string
	}
)

type (
	quotesToken struct{ Token string }
	runeSecret  struct{ Password []rune }
	upperHex    struct{ Password []byte }
)

func (q quotesToken) String() string { return fmt.Sprintf("bad %q", q.Token) }

// A mutedError does not print its token.
type mutedError struct{ Token, Msg string }

func (e mutedError) Error() string { return e.Msg }

func (r runeSecret) String() string { return string(r.Password) }
func (u upperHex) String() string   { return fmt.Sprintf("%X %X", u.Password, u.Password) }

// keyed is a type for keys of maps that prints its field.
type keyed struct{ Token string }

func (k keyed) MarshalText() ([]byte, error) { return []byte("T:" + k.Token), nil }

type ptrStringer struct{ password string }

func (*ptrStringer) String() string { return "ptr" }

type viaPointer struct{ Password, X string }

type anySecrets struct {
	Password    []byte
	APIKeys     []string
	Credentials user
	Passcode    int
	Host        string
}

func (a anySecrets) String() string {
	return fmt.Sprintf("{%s %v %v %d %s}", a.Password, a.APIKeys, a.Credentials, a.Passcode, a.Host)
}

type namePassword struct{ Name, Password string }

func (n namePassword) String() string { return n.Name + " " + n.Password }

type twoTokens struct{ AToken, BToken string }

func (x twoTokens) String() string { return x.AToken + " " + x.BToken }

type formatter struct{ _ []string }

func (formatter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "x hunter2") }

type loudError struct{ _ []string }

func (loudError) Error() string                { return "quiet" }
func (loudError) MarshalText() ([]byte, error) { return []byte("hunter2"), nil }

type (
	shadowed struct {
		A string
		N int
	}
	shadowing struct {
		shadowed
		A string
	}
)

// The limits are those of one attr, and what is within them is looked at.
func TestLimits(t *testing.T) {
	t.Parallel()
	list := make([]stringer, 40_000)
	for i := range list {
		list[i] = stringer{"x"}
	}
	deep, want := any(map[string]string{"password": "hunter2"}), `{"password":"[REDACTED]"}`
	for range 40 {
		deep, want = []any{deep}, "["+want+"]"
	}
	var buf testlog.Buffer
	h := redact.NewHandler(slog.NewJSONHandler(&buf, nil), nil)
	slog.New(h).Info("m", "a", list, "b", list, "deep", deep)
	if got := h.Stats(); got.Accepted != 1 || got.Redacted != 1 || got.Failures != 0 || !strings.Contains(buf.String(), `"deep":`+want) {
		t.Errorf("stats %+v, deep %s", got, buf.String()[max(0, len(buf.String())-200):])
	}
}

// newliner prints JSON as a json.Encoder does.
type newliner struct{ text string }

func (n newliner) MarshalJSON() ([]byte, error) { return []byte(`"` + n.text + `"` + "\n"), nil }

func (*viaPointer) String() string { return "ptr" }

type lockedStringer struct {
	sync.Mutex `json:"-"`
	name       string
	N          int
}

func (l *lockedStringer) String() string { return l.name }

func (e tokenError) Error() string               { return "failed with token " + e.Token }
func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(m.body), nil }
func (v valuer) LogValue() slog.Value            { return v.v }
func (x textual) MarshalText() ([]byte, error)   { return []byte(x.text), nil }
func (s stringer) String() string                { return "<" + s.Text + ">" }
func (quietKey) String() string                  { return "key" }
func (quietText) String() string                 { return "user" }

func group(name string, attrs ...slog.Attr) func(slog.Handler) slog.Handler {
	return func(h slog.Handler) slog.Handler { return h.WithGroup(name).WithAttrs(attrs) }
}

// hunter is a rule for the secret itself, for shapes without a key.
func hunter(t testing.TB) *redact.Options {
	t.Helper()
	return &redact.Options{Rules: []redact.Rule{{Name: "hunter", Pattern: "hunter2"}}}
}

// Each shape in which a secret is logged, with what is printed of it. An empty
// text stands for: not compared, but the secret must not be in it.
func TestShapes(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("https://bob:hunter2@example.com/p?token=hunter2&x=1")
	if err != nil {
		t.Fatal(err)
	}
	cyclic := &node{Password: "hunter2"}
	cyclic.A = cyclic
	type S = slog.Attr
	tests := []struct {
		name   string
		opts   *redact.Options
		derive func(slog.Handler) slog.Handler
		attrs  []slog.Attr
		json   string
		text   string
	}{
		{
			"field", nil, nil,
			[]S{slog.String("password", "hunter2")},
			`{"password":"[REDACTED]"}`, `password=[REDACTED]`,
		},
		{
			"other case", nil, nil,
			[]S{slog.String("PASSWORD", "hunter2")},
			`{"PASSWORD":"[REDACTED]"}`, `PASSWORD=[REDACTED]`,
		},
		{
			"in a group", nil, nil,
			[]S{slog.Group("g", slog.String("password", "hunter2"), slog.Int("n", 1))},
			`{"g":{"password":"[REDACTED]","n":1}}`, `g.password=[REDACTED] g.n=1`,
		},
		{
			"group of that name", nil, nil,
			[]S{slog.Group("password", slog.String("value", "hunter2"))},
			`{"password":"[REDACTED]"}`, `password=[REDACTED]`,
		},
		{
			"WithGroup of that name", nil, group("password", slog.Int("n", 7)),
			[]S{slog.String("value", "hunter2"), slog.Group("g", slog.Int("k", 1)), slog.Group("", slog.Int("i", 2))},
			`{"password":{"n":"[REDACTED]","value":"[REDACTED]","g":"[REDACTED]","i":"[REDACTED]"}}`, ``,
		},
		{
			"With", nil, func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.String("password", "hunter2")})
			}, nil, `{"password":"[REDACTED]"}`, `password=[REDACTED]`,
		},
		{
			"LogValuer of a group", nil, nil,
			[]S{slog.Any("u", valuer{slog.GroupValue(slog.String("user", "u"), slog.String("password", "hunter2"))})},
			`{"u":{"user":"u","password":"[REDACTED]"}}`, ``,
		},
		{
			"LogValuer in a slice", nil, nil,
			[]S{slog.Any("c", []any{1, valuer{slog.GroupValue(slog.String("user", "u"), slog.String("password", "hunter2"))}})},
			`{"c":[1,{"user":"u","password":"[REDACTED]"}]}`, `c="[1 {user:u password:[REDACTED]}]"`,
		},
		{
			"LogValuer in a struct", nil, nil,
			[]S{slog.Any("c", struct{ V valuer }{valuer{slog.IntValue(5)}})},
			`{"c":{"V":5}}`, `c={V:5}`,
		},
		{
			"LogValuer keyed password", nil, nil,
			[]S{slog.Any("password", valuer{slog.GroupValue(slog.String("user", "u"), slog.String("password", "hunter2"))})},
			`{"password":"[REDACTED]"}`, ``,
		},
		{
			"struct", nil, nil,
			[]S{slog.Any("u", user{"bob", "hunter2"})},
			`{"u":{"Name":"bob","Password":"[REDACTED]"}}`, `u="{Name:bob Password:[REDACTED]}"`,
		},
		{
			"struct, JSON name", nil, nil,
			[]S{slog.Any("u", tagged{"bob", "hunter2"})},
			`{"u":{"name":"bob","password":"[REDACTED]"}}`, ``,
		},
		{"struct, Go name", nil, nil, []S{slog.Any("u", goNamed{"hunter2"})}, `{"u":{"p":"[REDACTED]"}}`, ``},
		{
			"pointer to struct, nested", nil, nil,
			[]S{slog.Any("u", &struct{ U *user }{&user{"bob", "hunter2"}})},
			`{"u":{"U":{"Name":"bob","Password":"[REDACTED]"}}}`, ``,
		},
		{
			"embedded struct", nil, nil,
			[]S{slog.Any("u", outer{inner{"hunter2"}, 3})},
			`{"u":{"Password":"[REDACTED]","N":3}}`, ``,
		},
		{
			"field that is not exported", nil, nil,
			[]S{slog.Any("u", struct{ password string }{"hunter2"})},
			`{"u":{}}`, `u={}`,
		},
		{"field that JSON leaves out", nil, nil, []S{slog.Any("u", struct {
			Password string `json:"-"`
			N        int
		}{"hunter2", 1})}, `{"u":{"N":1}}`, ``},
		{
			"map", nil, nil,
			[]S{slog.Any("u", map[string]any{"n": 1, "password": "hunter2"})},
			`{"u":{"n":1,"password":"[REDACTED]"}}`, `u="map[n:1 password:[REDACTED]]"`,
		},
		{
			"map, nested", nil, nil,
			[]S{slog.Any("u", map[string]any{"a": map[string]string{"password": "hunter2"}, "b": nil})},
			`{"u":{"a":{"password":"[REDACTED]"},"b":null}}`, ``,
		},
		{
			"http.Header", nil, nil,
			[]S{slog.Any("h", http.Header{"Authorization": {"Bearer hunter2"}, "Accept": {"a"}})},
			`{"h":{"Accept":["a"],"Authorization":"[REDACTED]"}}`, ``,
		},
		{
			"http.Header with a secret in a value", nil, nil,
			[]S{slog.Any("h", http.Header{"X": {"a", "Bearer hunter2hunter2"}})},
			`{"h":{"X":["a","Bearer [REDACTED]"]}}`, ``,
		},
		{
			"map key", hunter(t), nil,
			[]S{slog.Any("u", map[string]int{"hunter2": 1, "xhunter2": 2, "a": 3})},
			`{"u":{"[REDACTED]":1,"a":3,"x[REDACTED]":2}}`, ``,
		},
		{
			"two map keys", hunter(t), nil,
			[]S{slog.Any("u", map[any]any{textual{"hunter2"}: 1, "hunter2": 1})},
			`{"u":{"[REDACTED]":1,"[REDACTED]#2":1}}`, ``,
		},
		{
			"names in tags", nil, nil,
			[]S{slog.Any("c", struct {
				Key  string `yaml:"api_key"`
				Pass string `env:"X_PASS,required" json:"p"`
			}{"hunter2", "hunter2"})},
			`{"c":{"Key":"[REDACTED]","p":"[REDACTED]"}}`, ``,
		},
		{
			"name and value", nil, nil,
			[]S{slog.Any("e", []struct{ Name, Value string }{{"DB_PASSWORD", "a hunter2"}, {"A", "b"}})},
			`{"e":[{"Name":"DB_PASSWORD","Value":"[REDACTED]"},{"Name":"A","Value":"b"}]}`, ``,
		},
		{
			"map of a name and a value", nil, nil,
			[]S{slog.Any("e", map[string]any{"name": "DB_PASSWORD", "value": "a hunter2"})},
			`{"e":{"name":"DB_PASSWORD","value":"[REDACTED]"}}`, ``,
		},
		{
			"attr in a list", nil, nil,
			[]S{slog.Any("e", []any{slog.String("password", "two hunter2")})},
			`{"e":[{"Key":"password","Value":{}}]}`, `e="[password=[REDACTED]]"`,
		},
		{
			"arguments", nil, nil,
			[]S{slog.Any("a", []string{"mysql", "--password", "hunter2", "-token", "hunter2", "db"})},
			`{"a":["mysql","--password","[REDACTED]","-token","[REDACTED]","db"]}`, ``,
		},
		{
			"environment", nil, nil,
			[]S{slog.Any("a", []any{"DB_PASSWORD=correct horse hunter2", "A=b"})},
			`{"a":["DB_PASSWORD=[REDACTED]","A=b"]}`, ``,
		},
		{
			"a secret of which a part looks like another", nil, nil,
			[]S{slog.Any("e", tokenError{"hunter2/4111111111111111"}), slog.Any("s", []any{twoTokens{"hunter2 password=x", "Bearer 1hunter2"}})},
			`{"e":"failed with token [REDACTED]","s":["[REDACTED] [REDACTED]"]}`, ``,
		},
		{
			"name and value behind pointers", nil, nil,
			[]S{
				slog.Any("e", []struct{ Name, Value *string }{{new("DB_PASSWORD"), new("a hunter2")}, {new("A"), new("b")}}),
				slog.Any("f", struct{ Key, Value any }{"token", "hunter2"}), slog.Any("g", map[string]*string{"name": new("token"), "value": new("hunter2")}),
			},
			`{"e":[{"Name":"DB_PASSWORD","Value":"[REDACTED]"},{"Name":"A","Value":"b"}],"f":{"Key":"token","Value":"[REDACTED]"},"g":{"name":"token","value":"[REDACTED]"}}`, ``,
		},
		{
			"struct as the key of a map", nil, nil,
			[]S{slog.Any("m", map[any]int{user{"bob", "hunter2"}: 1, 7: 2}), slog.Any("n", map[keyed]int{{"x-hunter2"}: 1, {""}: 2})},
			``, `m="map[7:2 {bob [REDACTED]}:1]" n="map[T::2 T:[REDACTED]:1]"`,
		},
		{
			"cookies", nil, nil,
			[]S{slog.Any("c", http.Cookie{Name: "sid", Value: "hunter2", Path: "/"}), slog.Any("d", []*http.Cookie{{Name: "sid", Value: "hunter2"}})},
			``, ``,
		},
		{
			"arguments behind pointers, and as bytes", nil, nil,
			[]S{slog.Any("a", []*string{new("--password"), new("hunter2")}), slog.Any("b", [][]byte{[]byte("--token"), []byte("hunter2"), []byte("TOKEN=hunter2")})},
			`{"a":["--password","[REDACTED]"],"b":["LS10b2tlbg==","[REDACTED]","TOKEN=[REDACTED]"]}`, ``,
		},
		{
			"JSON with the value first", nil, nil,
			[]S{slog.String("a", `[{"value":"hunter2","x":{"value":1},"key":"DB_PASSWORD"},{"value":"b","name":"A"}]`)},
			`{"a":"[{\"value\":\"[REDACTED]\",\"x\":{\"value\":1},\"key\":\"DB_PASSWORD\"},{\"value\":\"b\",\"name\":\"A\"}]"}`, ``,
		},
		{
			"JSON behind many brackets", nil, nil,
			[]S{slog.String("a", strings.Repeat("[1 {a ", 100)+`{"name":"DB_PASSWORD","value":"a hunter2"}`)},
			``, `a="` + strings.Repeat("[1 {a ", 100) + `{\"name\":\"DB_PASSWORD\",\"value\":\"[REDACTED]\"}"`,
		},
		{
			"quoted and other forms of what a method prints", nil, nil,
			[]S{slog.Any("q", quotesToken{"hunter2\x01"}), slog.Any("r", runeSecret{[]rune("hunter2")}), slog.Any("x", upperHex{[]byte("hunter2")})},
			``, `q="bad \"[REDACTED]\"" r=[REDACTED] x="[REDACTED] [REDACTED]"`,
		},
		{
			"group in a list with a quiet error behind a LogValuer", nil, nil,
			[]S{slog.Any("x", []any{slog.GroupValue(slog.Any("a", valuer{slog.AnyValue(mutedError{"hunter2", "m"})})), "password=x"})},
			``, ``,
		},
		{
			"fields that encoding/json quotes", nil, nil,
			[]S{slog.Any("c", struct {
				Password string
				S        string  `json:",string"`
				N        *int    `json:",string"`
				P        *string `json:",string"`
			}{"hunter2", "a", new(5), nil})},
			`{"c":{"Password":"[REDACTED]","S":"\"a\"","N":"5","P":null}}`, ``,
		},
		{
			"placeholders", nil, nil,
			[]S{slog.String("password", "***"), slog.Any("m", map[string]any{"token": "${API_TOKEN}"}), slog.String("j", `{"secret":"[FILTERED]"}`)},
			`{"password":"***","m":{"token":"${API_TOKEN}"},"j":"{\"secret\":\"[FILTERED]\"}"}`, ``,
		},
		{
			"private key", nil, nil,
			[]S{slog.Any("k", ed25519.NewKeyFromSeed([]byte("hunter2hunter2hunter2hunter2hunt")))},
			`{"k":"[REDACTED]"}`, `k=[REDACTED]`,
		},
		{
			"printed fields of any type", nil, nil,
			[]S{slog.Any("c", anySecrets{
				Password: []byte("hunter2"), APIKeys: []string{"k-hunter2"}, Credentials: user{Name: "bobby-hunter2"}, Passcode: 12345, Host: "h",
			})},
			``, `c="{[REDACTED] [[REDACTED]] {[REDACTED] } [REDACTED] h}"`,
		},
		{
			"short secret", nil, nil,
			[]S{slog.Any("c", namePassword{"example", "e"})},
			`{"c":"[REDACTED]"}`, `c=[REDACTED]`,
		},
		{
			"secret that begins like another", nil, nil,
			[]S{slog.Any("c", namePassword{"hunter2-and", "hunter2"}), slog.Any("d", []any{twoTokens{"abcd", "abcdhunter2"}})},
			``, `c="[REDACTED]-and [REDACTED]" d="[[REDACTED] [REDACTED]]"`,
		},
		{
			"marshaler with a newline", nil, nil,
			[]S{slog.Any("c", newliner{"token=hunter2"})},
			`{"c":"token=[REDACTED]"}`, ``,
		},
		{
			"whether and how long", nil, nil,
			[]S{slog.Bool("secret", false), slog.Duration("session", time.Second), slog.Any("c", struct{ Token bool }{true})},
			`{"secret":false,"session":1000000000,"c":{"Token":true}}`, ``,
		},
		{
			"group in a sensitive WithGroup", nil, func(h slog.Handler) slog.Handler { return h.WithGroup("password").WithGroup("x") },
			[]S{slog.String("v", "hunter2")},
			`{"password":{"x":{"v":"[REDACTED]"}}}`, `password.x.v=[REDACTED]`,
		},
		{
			"only a formatter shows it", hunter(t), nil,
			[]S{slog.Any("c", formatter{})},
			`{"c":"x [REDACTED]"}`, `c="x [REDACTED]"`,
		},
		{
			"only a method of an error shows it", hunter(t), nil,
			[]S{slog.Any("c", []any{loudError{}})},
			`{"c":[{}]}`, `c=[quiet]`,
		},
		{
			"embedded struct of a sensitive name", &redact.Options{Keys: []string{"inner"}}, nil,
			[]S{slog.Any("c", struct {
				N int
				inner
			}{1, inner{"hunter2"}})},
			``, `c="{N:1 inner:[REDACTED]}"`,
		},
		{
			"hidden by a field around it", hunter(t), nil,
			[]S{slog.Any("c", shadowing{shadowed{"hunter2", 1}, "b"})},
			`{"c":{"N":1,"A":"b"}}`, ``,
		},
		{
			"path to a number in a struct", &redact.Options{Keys: []string{"u.pin"}}, nil,
			[]S{slog.Any("u", struct{ PIN int }{12345})},
			`{"u":{"PIN":"[REDACTED]"}}`, ``,
		},
		{"attr key", hunter(t), nil, []S{slog.Int("hunter2", 1)}, `{"[REDACTED]":1}`, ``},
		{
			"group key", hunter(t), group("g-hunter2"),
			[]S{slog.Group("hunter2", slog.Int("n", 1))},
			`{"g-[REDACTED]":{"[REDACTED]":{"n":1}}}`, ``,
		},
		{"string value", hunter(t), nil, []S{slog.String("v", "a hunter2 b")}, `{"v":"a [REDACTED] b"}`, ``},
		{
			"[]byte", hunter(t), nil,
			[]S{slog.Any("v", []byte("a hunter2 b"))},
			`{"v":"a [REDACTED] b"}`, `v="a [REDACTED] b"`,
		},
		{"[7]byte", hunter(t), nil, []S{slog.Any("v", [7]byte([]byte("hunter2")))}, `{"v":"[REDACTED]"}`, ``},
		{
			"[]byte in a struct", hunter(t), nil,
			[]S{slog.Any("v", struct{ B []byte }{[]byte("hunter2")})},
			`{"v":{"B":"[REDACTED]"}}`, ``,
		},
		{
			"RawMessage", nil, nil,
			[]S{slog.Any("b", json.RawMessage(`{"password":"hunter2","n":1}`))},
			`{"b":{"password":"[REDACTED]","n":1}}`, ``,
		},
		{
			"RawMessage that is none", nil, nil,
			[]S{slog.Any("b", json.RawMessage(`{"password":"hunter2`))},
			`{"b":"{\"password\":\"[REDACTED]"}`, ``,
		},
		{
			"JSON in a string", nil, nil,
			[]S{slog.String("b", `{"password":"hunter2"}`)},
			`{"b":"{\"password\":\"[REDACTED]\"}"}`, ``,
		},
		{
			"error", hunter(t), nil,
			[]S{slog.Any("e", errors.New("a hunter2"))},
			`{"e":"a [REDACTED]"}`, `e="a [REDACTED]"`,
		},
		{
			"errors.Join", hunter(t), nil,
			[]S{slog.Any("e", errors.Join(errors.New("hunter2"), io.EOF))},
			`{"e":"[REDACTED]\nEOF"}`, ``,
		},
		{
			"error wrapped", hunter(t), nil,
			[]S{slog.Any("e", fmt.Errorf("w: %w", tokenError{"hunter2"}))},
			`{"e":"w: failed with token [REDACTED]"}`, ``,
		},
		{
			"error with a field", nil, nil,
			[]S{slog.Any("e", tokenError{"hunter2"})},
			`{"e":"failed with token [REDACTED]"}`, ``,
		},
		{
			"error in a slice", hunter(t), nil,
			[]S{slog.Any("e", []error{errors.New("hunter2")})},
			``, `e=[[REDACTED]]`,
		},
		{
			"Marshaler by key", nil, nil,
			[]S{slog.Any("j", marshaler{`{"password":"hunter2","n":1}`})},
			`{"j":{"password":"[REDACTED]","n":1}}`, ``,
		},
		{
			"Marshaler of a clean text", nil, nil,
			[]S{slog.Any("j", marshaler{`"password=hunter2"`})},
			`{"j":"password=[REDACTED]"}`, ``,
		},
		{
			"TextMarshaler", hunter(t), nil,
			[]S{slog.Any("v", textual{"a hunter2"})},
			`{"v":"a [REDACTED]"}`, `v="a [REDACTED]"`,
		},
		{
			"Stringer", hunter(t), nil,
			[]S{slog.Any("v", stringer{"hunter2"})},
			`{"v":"<[REDACTED]>"}`, `v=<[REDACTED]>`,
		},
		{
			"map with a String method stays an object", nil, nil,
			[]S{slog.Any("md", header{"authorization": {"Bearer hunter2"}, "x-request-id": {"42"}})},
			`{"md":{"authorization":"[REDACTED]","x-request-id":["42"]}}`, `md="2 pairs, [REDACTED]"`,
		},
		{
			"map whose String method tells more than its members", nil, nil,
			[]S{slog.Any("m", telling{"k": "hunter2", "password": "12345678"})},
			`{"m":"password=[REDACTED]"}`, `m="password=[REDACTED]"`,
		},
		{
			"String beside a Format that hides it", nil, nil,
			[]S{slog.Any("v", twoTongues{"hunter2"})},
			`{"v":"quiet"}`, `v=quiet`,
		},
		{
			"bytes with a String method", nil, nil,
			[]S{slog.Any("b", quietBytes("hunter2")), slog.Any("l", []any{quietBytes("hunter2")})},
			`{"b":"password=[REDACTED]","l":["password=[REDACTED]"]}`, `b="password=[REDACTED]" l="[password=[REDACTED]]"`,
		},
		{
			"list whose text has a secret by itself", nil, nil,
			[]S{slog.Any("l", words{"password=hunter2", "b"})},
			`{"l":"password=[REDACTED] b"}`, `l="password=[REDACTED] b"`,
		},
		{
			"Stringer that hides a field", nil, nil,
			[]S{slog.Any("v", quietText{"hunter2"})},
			`{"v":"user"}`, `v=user`,
		},
		{
			"URL", nil, nil,
			[]S{slog.Any("u", u)},
			`{"u":"https://bob:[REDACTED]@example.com/p?token=[REDACTED]&x=1"}`, ``,
		},
		{
			"URL in a string", nil, nil,
			[]S{slog.String("u", u.String())},
			`{"u":"https://bob:[REDACTED]@example.com/p?token=[REDACTED]&x=1"}`, ``,
		},
		{
			"url.Values", nil, nil,
			[]S{slog.Any("u", url.Values{"token": {"hunter2"}, "x": {"1"}})},
			`{"u":{"token":"[REDACTED]","x":["1"]}}`, ``,
		},
		{"int attr", nil, nil, []S{slog.Int("password", 12345)}, `{"password":"[REDACTED]"}`, ``},
		{"int field", nil, nil, []S{slog.Any("u", withPIN{12345})}, `{"u":{"Password":"[REDACTED]"}}`, ``},
		{"list", nil, nil, []S{slog.Any("passwords", []string{"hunter2"})}, `{"passwords":"[REDACTED]"}`, ``},
		{
			"nil and empty show nothing", nil, nil,
			[]S{slog.Any("password", nil), slog.String("secret", ""), slog.Any("token", (*user)(nil))},
			`{"password":null,"secret":"","token":null}`, ``,
		},
		{
			"cyclic pointers", nil, nil,
			[]S{slog.Any("n", cyclic)},
			`{"n":{"Password":"[REDACTED]","A":"[REDACTED: too deep]","B":null,"C":null,"D":null}}`, ``,
		},
		{
			"error with a field, wrapped", nil, nil,
			[]S{slog.Any("e", fmt.Errorf("w: %w", &tokenError{"hunter2"}))},
			`{"e":"w: failed with token [REDACTED]"}`, ``,
		},
		{"Userinfo", nil, nil, []S{slog.Any("u", url.UserPassword("bob", "hunter2"))}, `{"u":"bob:[REDACTED]"}`, ``},
		{
			"String by pointer, of a value", nil, nil,
			[]S{slog.Any("v", viaPointer{"hunter2", "x"})},
			`{"v":{"Password":"[REDACTED]","X":"x"}}`, `v="{Password:[REDACTED] X:x}"`,
		},
		{"String by pointer", nil, nil, []S{slog.Any("l", []ptrStringer{{"hunter2"}})}, `{"l":["ptr"]}`, `l=[ptr]`},
		{
			"behind a lock", nil, nil,
			[]S{slog.Any("s", &server{password: "hunter2", Addr: ":80"})},
			`{"s":{"Addr":":80"}}`, `s={Addr::80}`,
		},
		{
			"behind a lock and a method", nil, nil,
			[]S{slog.Any("s", &lockedStringer{name: "n", N: 1})},
			`{"s":{"N":1}}`, `s=n`,
		},
		{"tags of JSON", nil, nil, []S{slog.Any("u", struct {
			A        int       `json:",omitempty"`
			B        int       `json:"b,string"`
			C        any       `json:"c,omitempty"`
			D        time.Time `json:",omitzero"`
			Password string
		}{B: 2, Password: "hunter2"})}, `{"u":{"b":"2","Password":"[REDACTED]"}}`, ``},
		{"message", nil, nil, []S{slog.String("msg", "password=hunter2")}, `{"msg":"password=[REDACTED]"}`, ``},
		{
			"own keys", &redact.Options{Keys: []string{"card_number", "E-Mail"}}, nil,
			[]S{slog.String("cardNumber", "hunter2"), slog.String("email", "hunter2"), slog.String("emails", "b")},
			`{"cardNumber":"[REDACTED]","email":"[REDACTED]","emails":"b"}`, ``,
		},
		{
			"own path", &redact.Options{Keys: []string{"user.email", "*.card"}}, group("user"),
			[]S{slog.String("email", "hunter2"), slog.Group("x", slog.String("email", "b"), slog.String("card", "hunter2"))},
			`{"user":{"email":"[REDACTED]","x":{"email":"b","card":"[REDACTED]"}}}`, ``,
		},
		{
			"all in a group", &redact.Options{Keys: []string{"user.*"}}, nil,
			[]S{slog.Group("user", slog.String("name", "hunter2"), slog.Group("address", slog.String("street", "hunter2"))), slog.String("name", "b")},
			`{"user":{"name":"[REDACTED]","address":"[REDACTED]"},"name":"b"}`, ``,
		},
		{
			"own path, top level", &redact.Options{Keys: []string{"user.email", "*.card"}}, nil,
			[]S{slog.String("email", "b"), slog.String("card", "c"), slog.String("user.email", "hunter2")},
			`{"email":"b","card":"c","user.email":"[REDACTED]"}`, ``,
		},
		{
			"own path through a map, a struct, JSON", &redact.Options{Keys: []string{"user.email"}}, nil,
			[]S{
				slog.Any("a", map[string]any{"user": map[string]string{"email": "hunter2"}}),
				slog.Any("user", struct{ Email string }{"hunter2"}),
				slog.String("b", `{"user":{"email":"hunter2"}}`),
				slog.Group("", slog.Group("user", slog.Group("", slog.String("email", "hunter2")))),
			},
			`{"a":{"user":{"email":"[REDACTED]"}},"user":{"Email":"[REDACTED]"},` +
				`"b":"{\"user\":{\"email\":\"[REDACTED]\"}}","user":{"email":"[REDACTED]"}}`, ``,
		},
		{
			"allowed keys", &redact.Options{AllowKeys: []string{"token", "app.secret"}}, nil,
			[]S{slog.String("Token", "x"), slog.Group("app", slog.String("secret", "y")), slog.String("secret", "hunter2"), slog.String("m", "token=z")},
			`{"Token":"x","app":{"secret":"y"},"secret":"[REDACTED]","m":"token=z"}`, ``,
		},
		{
			"no defaults", &redact.Options{NoDefaults: true, Keys: []string{"k"}}, nil,
			[]S{slog.String("k", "hunter2"), slog.String("password", "x=1")},
			`{"k":"[REDACTED]","password":"x=1"}`, ``,
		},
		{
			"own mask", &redact.Options{Mask: "«x»"}, nil,
			[]S{slog.String("password", "hunter2"), slog.String("j", `{"password":"hunter2"}`)},
			`{"password":"«x»","j":"{\"password\":\"«x»\"}"}`, ``,
		},
		{
			"empty groups", nil, nil,
			[]S{slog.Group("a", slog.Attr{}, slog.Group("b")), slog.Group("password", slog.Group("c")), {}, slog.Int("n", 1)},
			`{"n":1}`, `n=1`,
		},
		{"empty groups bound", nil, func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Group("a", slog.Group("b", slog.Attr{})), {}})
		}, []S{slog.Int("n", 1)}, `{"n":1}`, `n=1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i, want := range []string{tt.json, tt.text} {
				got := line(t, i == 1, tt.opts, tt.derive, tt.attrs...)
				for _, secret := range []string{"hunter2", "aHVudGVyM", "12345"} {
					if strings.Contains(got, secret) {
						t.Errorf("the secret is in %s", got)
					}
				}
				if diff := cmp.Diff(want, got); want != "" && diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// header is a map that prints itself, as gRPC's metadata does.
type header map[string][]string

func (h header) String() string {
	return fmt.Sprintf("%d pairs, %s", len(h), h["authorization"][0])
}

type words []string

func (w words) String() string { return strings.Join(w, " ") }

type telling map[string]string

func (m telling) String() string { return "password=" + m["k"] }

type quietBytes []byte

func (b quietBytes) String() string { return "password=" + string(b) }

// twoTongues prints one thing by fmt and another by String.
type twoTongues struct{ text string }

func (v twoTongues) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "quiet") }
func (v twoTongues) String() string             { return "password=" + v.text }
