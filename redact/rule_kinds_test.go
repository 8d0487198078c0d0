package redact_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

type (
	badge    string
	pin      int
	vaulted  interface{ vaulted() }
	safe     struct{ Text string }
	ptrSafe  struct{ Text string }
	withTags struct {
		Nick string `redact:"yes" json:"nick"`
		Note string `log:"short,-"`
		Rest string `log:"short"`
	}
)

type (
	hasBadge   struct{ B badge }
	jsonBadge  struct{ b badge }
	badgeError struct{ text string }
)

func (h hasBadge) String() string { return "has " + string(h.B) }
func (j jsonBadge) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"x": string(j.b)})
}
func (e *badgeError) Error() string { return "badge " + e.text }

func (safe) vaulted()     {}
func (*ptrSafe) vaulted() {}

func hashKey() []byte { return []byte("0123456789abcdef") }

// rules returns options without the default rules.
func rules(rules ...redact.Rule) *redact.Options {
	return &redact.Options{NoDefaults: true, Rules: rules}
}

func keys(action redact.Action, keys ...string) *redact.Options {
	return rules(redact.Rule{Name: "r", Keys: keys, Action: action})
}

func TestRuleFinds(t *testing.T) {
	t.Parallel()
	type S = []slog.Attr
	group := slog.Group
	tests := []struct {
		name  string
		rule  redact.Rule
		attrs S
		want  string
	}{
		{
			"key",
			redact.Rule{Keys: []string{"nick_name"}},
			S{slog.String("NickName", "x"), slog.String("nick", "y"), slog.String("b", "nick_name=x nick-name: x")},
			`{"NickName":"[REDACTED]","nick":"y","b":"nick_name=[REDACTED] nick-name: [REDACTED]"}`,
		},
		{
			"prefix, suffix and part",
			redact.Rule{Keys: []string{"sec*", "*_end", "*mid*", "a*z"}},
			S{slog.Int("sector", 1), slog.Int("theEnd", 1), slog.Int("bend", 1), slog.Int("amidst", 1), slog.Int("abcz", 1), slog.Int("abc", 1)},
			`{"sector":"[REDACTED]","theEnd":"[REDACTED]","bend":1,"amidst":"[REDACTED]","abcz":"[REDACTED]","abc":1}`,
		},
		{
			"path",
			redact.Rule{Keys: []string{"user.email", "*.card", "a.**.deep"}},
			S{
				group("user", slog.String("email", "x"), slog.String("id", "y")), slog.String("email", "y"), slog.String("card", "y"),
				slog.Any("m", map[string]any{"card": 1}), slog.Any("a", map[string]any{"b": map[string]any{"c": map[string]any{"deep": 1}}}),
			},
			`{"user":{"email":"[REDACTED]","id":"y"},"email":"y","card":"y","m":{"card":"[REDACTED]"},"a":{"b":{"c":{"deep":"[REDACTED]"}}}}`,
		},
		{
			"path in JSON",
			redact.Rule{Keys: []string{"user.email"}},
			S{slog.String("j", `{"user":{"email":"x"},"email":"y"}`), slog.Any("user", json.RawMessage(`{"email":"x"}`))},
			`{"j":"{\"user\":{\"email\":\"[REDACTED]\"},\"email\":\"y\"}","user":{"email":"[REDACTED]"}}`,
		},
		{
			"all of a group",
			redact.Rule{Keys: []string{"user.*"}},
			S{group("user", slog.String("email", "x"), group("g", slog.Int("n", 1))), slog.Int("n", 1)},
			`{"user":{"email":"[REDACTED]","g":"[REDACTED]"},"n":1}`,
		},
		{
			"elements of a list below a group",
			redact.Rule{Keys: []string{"user.**"}},
			S{slog.Any("user", []string{"x", ""}), slog.String("j", `{"user":["x",{"a":1}]}`)},
			`{"user":["[REDACTED]",""],"j":"{\"user\":[\"[REDACTED]\",\"[REDACTED]\"]}"}`,
		},
		{
			"all below a group",
			redact.Rule{Keys: []string{"user.**"}, Action: redact.KeepLast(1)},
			S{group("user", slog.String("email", "xyz")), slog.Int("n", 1)},
			`{"user":{"email":"[REDACTED]z"},"n":1}`,
		},
		{
			"type",
			redact.Rule{Types: []reflect.Type{reflect.TypeFor[badge](), reflect.TypeFor[pin]()}},
			S{
				slog.Any("a", badge("x")), slog.Any("b", []any{badge("x password=x"), "y"}), slog.Any("c", struct{ P *pin }{new(pin)}),
				slog.Any("d", map[string]badge{"k": "x"}), slog.String("e", "y"),
			},
			`{"a":"[REDACTED]","b":["[REDACTED]","y"],"c":{"P":"[REDACTED]"},"d":{"k":"[REDACTED]"},"e":"y"}`,
		},
		{
			"interface",
			redact.Rule{Types: []reflect.Type{reflect.TypeFor[vaulted]()}},
			S{slog.Any("a", safe{"x"}), slog.Any("b", []any{ptrSafe{"x"}, &ptrSafe{"x"}})},
			`{"a":"[REDACTED]","b":["[REDACTED]","[REDACTED]"]}`,
		},
		{
			"type that slog has a kind for",
			redact.Rule{Types: []reflect.Type{reflect.TypeFor[time.Time](), reflect.TypeFor[bool]()}},
			S{slog.Time("a", time.Unix(1, 0)), slog.Bool("b", true), slog.Int("c", 1), slog.Any("d", []any{true, 1})},
			`{"a":"[REDACTED]","b":"[REDACTED]","c":1,"d":["[REDACTED]",1]}`,
		},
		{
			"type behind a method, and as a key",
			redact.Rule{Types: []reflect.Type{reflect.TypeFor[badge](), reflect.TypeFor[*badgeError]()}},
			S{
				slog.Any("a", hasBadge{"xyz-1"}), slog.Any("b", map[badge]int{"xyz-1": 1}), slog.Any("c", fmt.Errorf("w: %w", &badgeError{"xyz-1"})),
				slog.Any("d", []any{json.Marshaler(jsonBadge{"xyz-1"})}),
			},
			`{"a":"has [REDACTED]","b":{"[REDACTED]":1},"c":"w: [REDACTED]","d":[{"x":"[REDACTED]"}]}`,
		},
		{
			"type of a value that prints numbers",
			redact.Rule{Types: []reflect.Type{reflect.TypeFor[netip.Addr]()}, Action: redact.Truncate(3)},
			S{slog.Any("a", netip.MustParseAddr("192.0.2.7")), slog.Any("b", map[string]any{"ip": netip.MustParseAddr("192.0.2.7")})},
			`{"a":"192[REDACTED]","b":{"ip":"192[REDACTED]"}}`,
		},
		{
			"tag",
			redact.Rule{Tags: []string{"redact", `log:"-"`}},
			S{slog.Any("a", withTags{"x", "x", "y"}), slog.Any("b", []*withTags{{"x", "x", "y"}})},
			`{"a":{"nick":"[REDACTED]","Note":"[REDACTED]","Rest":"y"},"b":[{"nick":"[REDACTED]","Note":"[REDACTED]","Rest":"y"}]}`,
		},
		{
			"pattern",
			redact.Rule{Pattern: `EMP-\d{6}`},
			S{slog.String("a", "is EMP-123456 in"), slog.Any("b", errors.New("EMP-123456"))},
			`{"a":"is [REDACTED] in","b":"[REDACTED]"}`,
		},
		{
			"group of a pattern",
			redact.Rule{Pattern: `(?i)emp-(\d{6})|x(y)`},
			S{slog.String("a", "is EMP-123456 xy in")},
			`{"a":"is EMP-[REDACTED] x[REDACTED] in"}`,
		},
		{
			"pattern with a check",
			redact.Rule{Pattern: `\d+`, Check: func(s string) bool { return len(s) == 3 }},
			S{slog.String("a", "12 123 1234")},
			`{"a":"12 [REDACTED] 1234"}`,
		},
		{
			"pattern with a check that panics",
			redact.Rule{Pattern: `\d+`, Check: func(string) bool { panic("x") }},
			S{slog.String("a", "12")},
			`{"a":"[REDACTED]"}`,
		},
		{
			"key in brackets",
			redact.Rule{Keys: []string{"email", "a.pin"}},
			S{slog.String("a", "/?user[email]=x&u[a][pin]=x&u[b][pin]=y&emails[0]=y")},
			`{"a":"/?user[email]=[REDACTED]&u[a][pin]=[REDACTED]&u[b][pin]=y&emails[0]=y"}`,
		},
		{
			"match",
			redact.Rule{Match: func(path []string, v slog.Value) bool {
				return path[0] == "u" && path[len(path)-1] != "id" && v.Kind() != slog.KindGroup
			}},
			S{
				group("u", slog.String("n", "x"), slog.Int("id", 1), group("g", slog.Float64("f", 1))), slog.String("n", "y"),
			},
			`{"u":{"n":"[REDACTED]","id":1,"g":{"f":"[REDACTED]"}},"n":"y"}`,
		},
		{
			"match of what is in a value",
			redact.Rule{Match: func(path []string, v slog.Value) bool {
				return path[len(path)-1] == "n" && (v.String() == "x" || v.String() == "7")
			}},
			S{slog.Any("a", map[string]any{"n": "x", "m": "x"}), slog.Any("b", struct{ N, M int }{7, 7}), slog.Any("c", json.RawMessage(`{"n":"x"}`)), slog.Any("d", struct {
				M int `json:"n"`
			}{7})},
			`{"a":{"m":"x","n":"[REDACTED]"},"b":{"N":7,"M":7},"c":{"n":"[REDACTED]"},"d":{"n":"[REDACTED]"}}`,
		},
		{
			"match that panics",
			redact.Rule{Match: func([]string, slog.Value) bool { panic("x") }},
			S{slog.String("a", "x")},
			`{"a":"[REDACTED]"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.rule.Name = "r"
			got := line(t, false, rules(tt.rule), nil, tt.attrs...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	secrets := []slog.Attr{
		slog.String("k", "4111111111111111"), slog.Int("k", 12345678), slog.Any("k", []byte("abcdefgh")), slog.Any("k", errors.New("abcdefgh")),
		slog.Any("k", badge("日本語文字列")), slog.String("k", "abc"), slog.Group("k", slog.Int("n", 1)), slog.Any("k", []int{1}),
	}
	in := []slog.Attr{
		slog.Any("a", map[string]any{"k": "abcdefgh", "n": 1}), slog.Any("b", struct {
			K string
			N int
		}{"abcdefgh", 1}),
		slog.String("c", `{"k":"abcdefgh","n":1}`), slog.String("d", `x k=abcdefgh, k="a\"b c d\"e" y`),
	}
	for _, tt := range []struct {
		name         string
		action       redact.Action
		alone, inner string
	}{
		{
			"mask", redact.Mask("***"),
			`{"k":"***","k":"***","k":"***","k":"***","k":"***","k":"***","k":"***","k":"***"}`,
			`{"a":{"k":"***","n":1},"b":{"K":"***","N":1},"c":"{\"k\":\"***\",\"n\":1}","d":"x k=***, k=\"***\" y"}`,
		},
		{
			"remove", redact.Remove(),
			`{}`,
			`{"a":{"n":1},"b":{"N":1},"c":"{\"n\":1}","d":"x k=, k=\"\" y"}`,
		},
		{
			"keep last", redact.KeepLast(4),
			`{"k":"[REDACTED]1111","k":"[REDACTED]5678","k":"[REDACTED]efgh","k":"[REDACTED]efgh","k":"[REDACTED]","k":"[REDACTED]","k":"[REDACTED]","k":"[REDACTED]"}`,
			`{"a":{"k":"[REDACTED]efgh","n":1},"b":{"K":"[REDACTED]efgh","N":1},"c":"{\"k\":\"[REDACTED]efgh\",\"n\":1}","d":"x k=[REDACTED]efgh, k=\"[REDACTED]\" y"}`,
		},
		{
			"truncate", redact.Truncate(3),
			`{"k":"411[REDACTED]","k":"123[REDACTED]","k":"abc[REDACTED]","k":"abc[REDACTED]","k":"日本語[REDACTED]","k":"[REDACTED]","k":"[REDACTED]","k":"[REDACTED]"}`,
			`{"a":{"k":"abc[REDACTED]","n":1},"b":{"K":"abc[REDACTED]","N":1},"c":"{\"k\":\"abc[REDACTED]\",\"n\":1}","d":"x k=abc[REDACTED], k=\"[REDACTED]\" y"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := keys(tt.action, "k")
			if diff := cmp.Diff(tt.alone, line(t, false, opts, nil, secrets...)); diff != "" {
				t.Errorf("attrs: mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.inner, line(t, false, opts, nil, in...)); diff != "" {
				t.Errorf("values: mismatch (-want +got):\n%s", diff)
			}
			if got := line(t, false, opts, func(h slog.Handler) slog.Handler { return redact.NewHandler(h, opts) }, in...); got != tt.inner {
				t.Errorf("masked twice, it is %s", got)
			}
		})
	}
}

// What is removed leaves valid JSON wherever it stood, and no empty group.
func TestRemove(t *testing.T) {
	t.Parallel()
	opts := keys(redact.Remove(), "k", "g.h")
	for in, want := range map[string]string{
		`{"k":1}`: `{}`, `{"k":1,"a":2}`: `{"a":2}`, `{"a":2,"k":1}`: `{"a":2}`, `{"a":2, "k":1, "b":3}`: `{"a":2, "b":3}`,
		`{"k":1,"k":{"x":[1]},"k":"s"}`: `{}`, `{"k":1 , "a":{"k":1},"k" :"s" }`: `{"a":{} }`, `[{"k":1},{"a":1,"k":2,"k":3}]`: `[{},{"a":1}]`,
	} {
		r, err := redact.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.String(in); got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	type inner struct{ K int }
	for _, tt := range []struct {
		attrs []slog.Attr
		want  string
	}{
		{[]slog.Attr{slog.Group("x", slog.Int("k", 1)), slog.Int("n", 1)}, `{"n":1}`},
		{[]slog.Attr{slog.Group("g", slog.Group("h", slog.Int("n", 1)))}, `{}`},
		{[]slog.Attr{slog.Any("x", []any{inner{1}, map[string]int{"k": 1}})}, `{"x":[{},{}]}`},
		{[]slog.Attr{slog.Any("x", struct {
			inner
			N int
		}{inner{1}, 2})}, `{"x":{"N":2}}`},
	} {
		if got := line(t, false, opts, nil, tt.attrs...); got != tt.want {
			t.Errorf("%v becomes %s, want %s", tt.attrs, got, tt.want)
		}
	}
	list := []slog.Attr{slog.Any("l", []any{slog.String("k", "hunter2"), slog.Int("n", 1), slog.Attr{}, slog.Group("x", "k", "hunter2")})}
	if got, want := line(t, true, opts, nil, list...), `l="[n=1 =<nil>]"`; got != want {
		t.Errorf("a list of attrs: %s, want %s", got, want)
	}
	byType := rules(redact.Rule{Name: "r", Types: []reflect.Type{reflect.TypeFor[badge]()}, Action: redact.Remove()})
	if got, want := line(t, false, byType, nil, slog.Any("a", badge("x")), slog.Any("l", []any{1, badge("x"), 2})), `{"l":[1,2]}`; got != want {
		t.Errorf("by type: %s, want %s", got, want)
	}
	if got := line(t, true, opts, func(h slog.Handler) slog.Handler { return h.WithGroup("k") }, slog.Int("n", 1)); got != "" {
		t.Errorf("in a group that is removed: %s", got)
	}
}

// A key, or the name of a group, of which all is removed has the mask for a name.
func TestRemoveInNames(t *testing.T) {
	t.Parallel()
	opts := rules(redact.Rule{Name: "r", Pattern: `EMP-\d+`, Action: redact.Remove()})
	got := line(t, false, opts, func(h slog.Handler) slog.Handler { return h.WithGroup("EMP-1") },
		slog.Int("EMP-2", 1), slog.Group("EMP-3", "a", 1), slog.Any("m", map[string]int{"EMP-4": 1, "EMP-5": 2}), slog.String("j", `{"EMP-6":1}`))
	want := []string{
		`{"[REDACTED]":{"[REDACTED]":1,"[REDACTED]":{"a":1},"m":{"[REDACTED]":1,"[REDACTED]#2":2},"j":"{\"[REDACTED]\":1}"}}`,
		`{"[REDACTED]":{"[REDACTED]":1,"[REDACTED]":{"a":1},"m":{"[REDACTED]":2,"[REDACTED]#2":1},"j":"{\"[REDACTED]\":1}"}}`,
	}
	if !slices.Contains(want, got) {
		t.Errorf("got %s", got)
	}
}

// A mask is no way past: only what is one, as a whole, is left.
func TestMasksOfLetters(t *testing.T) {
	t.Parallel()
	for _, opts := range []*redact.Options{
		{Mask: "secret"},
		{Rules: []redact.Rule{{Name: "r", Keys: []string{"x"}, Action: redact.Mask("secret")}}},
		{Mask: "x", Rules: []redact.Rule{{Name: "r", Keys: []string{"x"}, Action: redact.KeepLast(2)}}},
	} {
		got := line(t, true, opts, nil, slog.String("password", "secret2024"), slog.String("t", "password=secret2024 token=xsecret2 a"))
		if strings.Contains(got, "2024") || strings.Contains(got, "secret2 ") {
			t.Errorf("%+v: %s", opts, got)
		}
	}
	for _, s := range []string{`password="[REDACTED]xyz1"`, `cvv="[REDACTED]123" x`, "password=ab[REDACTED]"} {
		if got := redact.String(s); got == s {
			t.Errorf("%s stays", s)
		}
	}
}

// Equal secrets have equal hashes, wherever they stand; other keys give others.
func TestHash(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("12345678"))
	hash := "[REDACTED:" + hex.EncodeToString(mac.Sum(nil))[:16] + "]"
	opts := keys(redact.Hash(key), "k")
	clear(key) // it has been copied
	got := line(t, false, opts, nil, slog.String("k", "12345678"), slog.Int("k", 12345678), slog.Any("a", map[string]string{"k": "12345678"}),
		slog.String("b", `k="12345678"`), slog.String("c", `{"k":"12345678"}`), slog.Any("k", []int{1}))
	want := `{"k":"` + hash + `","k":"` + hash + `","a":{"k":"` + hash + `"},"b":"k=\"` + hash + `\"","c":"{\"k\":\"` + hash + `\"}","k":"[REDACTED]"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	r, err := redact.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if twice := r.String(r.String("k=12345678 x")); twice != "k="+hash+" x" {
		t.Errorf("masked twice, it is %s", twice)
	}
	if got := r.String("k=[REDACTED:0123456789abcdeX] k=[REDACTED:0123456789abcdef]hunter2 y"); strings.Contains(got, "deX") || strings.Contains(got, "hunter2") {
		t.Errorf("what looks like a hash is left: %s", got)
	}
}

// The first rule decides, and those of the user come before the default ones.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	first := redact.Rule{Name: "first", Keys: []string{"session_id"}, Action: redact.KeepLast(2)}
	second := redact.Rule{Name: "second", Keys: []string{"session_id", "*_id"}, Action: redact.Remove()}
	card := redact.Rule{Name: "card", Pattern: `4\d{15}`, Action: redact.KeepLast(4)}
	got := line(t, false, &redact.Options{Rules: []redact.Rule{first, second, card}, Keys: []string{"row_id"}, AllowKeys: []string{"trace_id"}}, nil,
		slog.String("session_id", "abcdef"), slog.String("row_id", "x"), slog.String("trace_id", "x"), slog.String("c", "4111111111111111"),
		slog.String("d", "session_id=4111111111111111"))
	want := `{"session_id":"[REDACTED]ef","trace_id":"x","c":"[REDACTED]1111","d":"session_id=[REDACTED]11"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// OnRedact and Stats say which rule found something, and where.
func TestWhatWasFoundIsTold(t *testing.T) {
	t.Parallel()
	var told []string
	opts := &redact.Options{
		NoDefaults: true,
		Rules: []redact.Rule{
			{Name: "key", Keys: []string{"k"}}, {Name: "form", Pattern: `EMP-\d+`}, {Name: "never", Keys: []string{"never"}},
		},
		OnRedact: func(rule, path string) { told = append(told, rule+" "+path) },
	}
	h := redact.NewHandler(slog.NewTextHandler(io.Discard, nil), opts)
	l := slog.New(h).With("k", 1).WithGroup("g")
	l.Info("EMP-1 and EMP-2", "k", 2, slog.Group("u", "x", "EMP-3"), "m", map[string]any{"k": 3}, "j", `{"a":{"k":4}}`, "ok", true)
	want := []string{"key k", "form msg", "form msg", "key g.k", "form g.u.x", "key g.m.k", "key g.j.a.k"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told: mismatch (-want +got):\n%s", diff)
	}
	stats := redact.Stats{Accepted: 1, Redacted: 7, ByRule: map[string]uint64{"key": 4, "form": 3}}
	if diff := cmp.Diff(stats, h.Stats()); diff != "" {
		t.Errorf("stats: mismatch (-want +got):\n%s", diff)
	}

	told = nil
	opts.OnRedact = func(rule, path string) {
		told = append(told, rule+" "+path)
		panic("the hook's")
	}
	slog.New(redact.NewHandler(slog.NewTextHandler(io.Discard, nil), opts)).Info(strings.Repeat("EMP-1 ", 1000))
	if len(told) != 64 {
		t.Errorf("of 1000 secrets, %d are told, want 64", len(told))
	}
}

// With options that are wrong, nothing gets through at all.
func TestWrongOptionsMaskEverything(t *testing.T) {
	t.Parallel()
	var errs []error
	opts := &redact.Options{Rules: []redact.Rule{{Name: "x", Pattern: "("}}, OnError: func(err error) { errs = append(errs, err) }}
	var buf bytes.Buffer
	h := redact.NewHandler(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: noTime}), opts)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), `Options.Rules[0] "x"`) {
		t.Errorf("errors %v", errs)
	}
	slog.New(h).With("a", "b").Info("hunter2", "n", 1, "ok", true, slog.Group("g", "s", "hunter2"), "v", []string{"hunter2"}, "nil", nil)
	const mask = `"[REDACTED: invalid options]"`
	want := "msg=" + mask + " a=" + mask + " n=" + mask + " ok=" + mask + " g=" + mask + " v=" + mask + " nil=<nil>\n"
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if got := h.Stats(); got.Failures != 6 || got.Redacted != 6 {
		t.Errorf("stats %+v, want 6 failures", got)
	}
}

func TestDefaultRulesCanBeSwitched(t *testing.T) {
	t.Parallel()
	secret := []slog.Attr{slog.String("a", "AKIAIOSFODNN7EXAMPLE"), slog.String("b", "4111111111111111"), slog.String("c", "bob@example.com"), slog.Int("password", 1)}
	for _, tt := range []struct {
		name string
		opts redact.Options
		want string
	}{
		{"default", redact.Options{}, `{"a":"[REDACTED]","b":"[REDACTED]","c":"bob@example.com","password":"[REDACTED]"}`},
		{"a rule off", redact.Options{Disable: []string{"aws_key_id"}}, `{"a":"AKIAIOSFODNN7EXAMPLE","b":"[REDACTED]","c":"bob@example.com","password":"[REDACTED]"}`},
		{"groups off", redact.Options{Disable: []string{"tokens", "payment"}}, `{"a":"AKIAIOSFODNN7EXAMPLE","b":"4111111111111111","c":"bob@example.com","password":"[REDACTED]"}`},
		{"an optional rule on", redact.Options{Enable: []string{"email"}}, `{"a":"[REDACTED]","b":"[REDACTED]","c":"[REDACTED]","password":"[REDACTED]"}`},
		{
			"a rule of a group that is off",
			redact.Options{Disable: []string{"payment", "credentials", "personal"}, Enable: []string{"payment_card", "email"}},
			`{"a":"[REDACTED]","b":"[REDACTED]","c":"[REDACTED]","password":1}`,
		},
		{"none", redact.Options{NoDefaults: true}, `{"a":"AKIAIOSFODNN7EXAMPLE","b":"4111111111111111","c":"bob@example.com","password":1}`},
		{
			"chosen",
			redact.Options{NoDefaults: true, Rules: slices.DeleteFunc(redact.DefaultRules(), func(r redact.Rule) bool { return r.Group != "payment" })},
			`{"a":"AKIAIOSFODNN7EXAMPLE","b":"[REDACTED]","c":"bob@example.com","password":1}`,
		},
	} {
		if diff := cmp.Diff(tt.want, line(t, false, &tt.opts, nil, secret...)); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", tt.name, diff)
		}
	}
	// A default rule may be changed, and what it found before with it.
	r := redact.DefaultRules()[slices.IndexFunc(redact.DefaultRules(), func(r redact.Rule) bool { return r.Name == "aws_key_id" })]
	r.Pattern, r.Action = `BKIA[A-Z0-9]{16}`, redact.Truncate(4)
	if got := line(t, false, rules(r), nil, slog.String("a", "AKIAIOSFODNN7EXAMPLE BKIAIOSFODNN7EXAMPLE")); got != `{"a":"AKIAIOSFODNN7EXAMPLE BKIA[REDACTED]"}` {
		t.Errorf("a changed rule gives %s", got)
	}
}
