package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/redact"
)

// A planter hides secrets in random shapes.
type planter struct {
	*testlog.Random
	secrets []string
	prefix  string // of values under a sensitive key: what is fuzzed
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (p *planter) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alnum[p.IntN(len(alnum))]
	}
	return string(b)
}

// secret returns a new secret that only its key gives away.
func (p *planter) secret() string {
	s := "hunter2-" + p.letters(8)
	p.secrets = append(p.secrets, s)
	return s
}

// text returns a text with a new secret that its form, or a key in the text,
// gives away.
func (p *planter) text() string {
	body := p.letters(40)
	form := []string{
		"eyJhbGciOiJIUzI1NiJ9.%s.c2ln", "ghp_%s", "glpat-%s", "xoxb-%s", "sk_live_%s", "AIza%s", "npm_%s", "Bearer 1%s",
		"postgres://u:%s@h/db", "https://h/p?a=1&token=%s&b=2", "u:%s@tcp(h)/db", "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----",
		"password=%s", "Password: %s", `api_key="a b %s"`, `secret = 'x\' %s'`, "Authorization: Bearer %s", "Cookie: a=b; c=%s", `{"password":"%s"}`,
		`{"token":["x","%s"]}`, `{\"secret\":\"%s\"}`, "--password %s", "map[password:%s]", "user[password]=%s&x=1", "DB-PASS=%s", "session id: %s",
	}[p.IntN(26)]
	if strings.HasPrefix(form, "AIza") {
		body = body[:35]
	}
	p.secrets = append(p.secrets, body)
	around := []string{"", " ", "login: ", "x\n", `"`, "(", "日本", "\xff ", "a=b, ", "{", "[1,", "{\"a\":1} ", "://", "= ", ": ", "\\ ", "<"}
	return around[p.IntN(len(around))] + fmt.Sprintf(form, body) + []string{"", " ok", "\n", ` "`, ")", "}", "]", "\xff"}[p.IntN(8)]
}

func (p *planter) key() string {
	keys := []string{
		"password", "PASSWORD", "db_password", "userPassword", "X-Api-Key", "authorization", "Set-Cookie", "client-secret", "access_token",
		"pwd", "smtp.pass", "private_key", "session_id", "Credentials", "passphrase",
	}
	return keys[p.IntN(len(keys))]
}

func (p *planter) word() string { return []string{"a", "user", "data", "x y", "n", ""}[p.IntN(6)] }

// value returns a value with a secret somewhere in it.
func (p *planter) value(depth int) any {
	if depth > 5 || p.IntN(4) == 0 {
		return p.leaf()
	}
	v := func() any { return p.value(depth + 1) }
	switch p.IntN(24) {
	case 0:
		return []any{1, v(), nil}
	case 1:
		return map[string]any{p.word(): v(), "zz": 1}
	case 2:
		return map[string]any{p.key(): p.under(v)}
	case 3:
		return struct{ Password any }{p.under(v)}
	case 4:
		return &struct {
			N int
			P any `json:"db_password"`
		}{1, p.under(v)}
	case 5:
		return struct{ V any }{v()}
	case 6:
		x := v()
		return &x
	case 7:
		return [2]any{v(), 2}
	case 8:
		return map[any]any{1: v()}
	case 9:
		return valuer{slog.AnyValue(v())}
	case 10:
		return valuer{slog.GroupValue(p.attr(depth+1), slog.Int("n", 1))}
	case 11:
		return struct{ v any }{v()}
	case 12:
		return struct {
			V any `json:"-"`
		}{v()}
	case 13:
		return []map[string]any{{"k": v()}}
	case 14:
		type Base struct{ V any }
		return struct {
			Base
			N int
		}{Base{v()}, 1}
	case 15:
		return http.Header{p.key(): {"x", p.secret()}}
	case 16:
		b, err := json.Marshal(map[string]any{p.word(): p.text(), p.key(): p.secret()})
		return jsonIn(p, b, err)
	case 17:
		return &url.URL{Scheme: "https", Host: "h", User: url.UserPassword("u", p.secret()), RawQuery: "token=" + p.secret() + "&x=1"}
	case 18:
		return errors.Join(errors.New("x"), fmt.Errorf("w: %w", errors.New(p.text())))
	case 19:
		return quietError{p.secret(), "m"}
	case 20:
		return map[string]string{p.text(): "v"}
	case 21:
		if p.IntN(2) == 0 {
			return loud{"n", p.secret()}
		}
		return fmt.Errorf("w: %w", tokenError{p.secret()})
	case 22:
		return &node{Password: p.secret(), B: &node{Password: p.secret()}}
	default:
		return []any{p.value(depth + 1), p.value(depth + 2)}
	}
}

// quietError is an error whose text does not show its field.
type quietError struct{ Token, Msg string }

func (e quietError) Error() string { return e.Msg }

// loud prints, by a method, what its field tells to be a secret.
type loud struct{ N, Token string }

func (l loud) String() string { return l.N + "=" + l.Token }

// under returns what stands under a sensitive key: anything.
func (p *planter) under(v func() any) any {
	if p.IntN(2) == 0 {
		return p.prefix + p.secret()
	}
	return v()
}

func jsonIn(p *planter, b []byte, err error) any {
	if err != nil {
		return nil
	}
	switch p.IntN(5) {
	case 0:
		return string(b)
	case 1:
		return b
	case 2:
		return marshaler{string(b)}
	case 3:
		return "got " + string(b) + " end"
	default:
		return json.RawMessage(b)
	}
}

func (p *planter) leaf() any {
	s := p.text()
	switch p.IntN(8) {
	case 0:
		return []byte(s)
	case 1:
		return errors.New(s)
	case 2:
		return textual{s}
	case 3:
		return stringer{s}
	case 4:
		return []string{"a", s}
	case 5:
		return fmt.Errorf("w: %w", errors.New(s))
	default:
		return s
	}
}

func (p *planter) attr(depth int) slog.Attr {
	switch p.IntN(6) {
	case 0:
		return slog.Group(p.word(), slog.Attr{}, p.attr(depth+1))
	case 1:
		return slog.Group(p.key(), slog.Any("v", p.prefix+p.secret()), slog.Group("", slog.Any("w", p.secret())))
	case 2:
		return slog.Any(p.key(), p.under(func() any { return p.value(depth + 1) }))
	case 3:
		return slog.String(p.word(), p.text())
	case 4:
		return slog.Int(p.text(), 1)
	default:
		return slog.Any(p.word(), p.value(depth+1))
	}
}

// derive returns handlers after a random chain, with secrets in it too.
func (p *planter) derive(handlers []slog.Handler) []slog.Handler {
	handlers = p.Derive(handlers...)
	for range p.IntN(3) {
		attrs, name := []slog.Attr{p.attr(0)}, "g"
		if p.IntN(4) == 0 {
			name = p.text()
		}
		group := p.IntN(2) == 0
		for i, h := range handlers {
			if group {
				handlers[i] = h.WithGroup(name)
			} else {
				handlers[i] = h.WithAttrs(attrs)
			}
		}
	}
	return handlers
}

// forms returns how a secret may look in an output.
func forms(secret string) []string {
	numbers := fmt.Sprintf("%d", []byte(secret))
	numbers = numbers[1 : len(numbers)-1]
	all := []string{secret, fmt.Sprintf("%x", secret), numbers, strings.ReplaceAll(numbers, " ", ",")}
	for i := range 3 { // base64 depends on where the secret begins
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + secret))
		all = append(all, enc[4:len(enc)-4])
	}
	return all
}

func FuzzNoSecretIsPrinted(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, []string{"", "a b ", "x\"y ", "\n", "\\", "&", "{[", "'"}[seed%8])
	}
	f.Fuzz(func(t *testing.T, seed uint64, prefix string) {
		p := &planter{Random: testlog.NewRandom(seed), prefix: prefix}
		var asJSON, asText, ours bytes.Buffer
		opts := &slog.HandlerOptions{AddSource: true}
		handlers := p.derive([]slog.Handler{
			redact.NewHandler(slog.NewJSONHandler(&asJSON, opts), nil),
			redact.NewHandler(slog.NewTextHandler(&asText, opts), nil),
			redact.NewHandler(handler.NewJSONHandler(&ours, opts), nil),
		})
		r := p.Record()
		if p.IntN(4) == 0 {
			r.Message += " " + p.text()
		}
		for range 1 + p.IntN(3) {
			r.AddAttrs(p.attr(0))
		}
		if err := testlog.Log(r, handlers...); err != nil {
			t.Fatal(err)
		}
		for _, out := range []*bytes.Buffer{&asJSON, &asText, &ours} {
			for _, secret := range p.secrets {
				for _, form := range forms(secret) {
					if bytes.Contains(out.Bytes(), []byte(form)) {
						t.Errorf("%s is printed as %s in %s", secret, form, out)
					}
				}
			}
		}
		for _, out := range []*bytes.Buffer{&asJSON, &ours} {
			if !json.Valid(out.Bytes()) {
				t.Errorf("invalid JSON: %s", out)
			}
		}
	})
}

func FuzzCleanRecordsAreUnchanged(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, text := range []bool{false, true} {
			r := testlog.NewRandom(seed)
			var want, got bytes.Buffer
			plain, redacted := slog.Handler(handler.NewJSONHandler(&want, nil)), slog.Handler(handler.NewJSONHandler(&got, nil))
			if text { // log/slog's own handlers go astray after an empty group, which redact leaves out
				opts := &handler.ConsoleOptions{Color: handler.ColorNever}
				plain, redacted = handler.NewConsoleHandler(&want, opts), handler.NewConsoleHandler(&got, opts)
			}
			handlers := r.Derive(plain, redact.NewHandler(redacted, nil))
			if err := testlog.Log(r.Record(), handlers...); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(want.String(), "PANIC") {
				continue // what panics is masked
			}
			if want.String() != got.String() {
				t.Errorf("text %v: without: %s\nwith:    %s", text, &want, &got)
			}
		}
	})
}

// What is valid JSON, other than a bare number, stays valid; masking is done in one go, and nothing panics.
func FuzzString(f *testing.F) {
	for _, s := range []string{
		"", "password=x", `{"password":12}`, `{"a":"{\"token\":\"x\"}"}`, `password="a\"b`, "https://u:p@h/?token=x&y=z", "Cookie: a=b; c=d\n",
		`{\"password\":\"x\"}`, "4111 1111 1111 1111", jwt, "-----BEGIN PRIVATE KEY-----", "password: {[", "[REDACTED", "password=[REDACTED]x", "secret=>",
		`["password=x", 4111111111111111, {"Authorization":["Basic dTpw"]}]`, "token:\"\\", "\"password=x\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := redact.String(s)
		isJSON := json.Valid([]byte(s)) && strings.ContainsAny(s, `{["`)
		if isJSON && !json.Valid([]byte(got)) {
			t.Errorf("JSON %q has become %q", s, got)
		}
		if again := redact.String(got); isJSON && again != got {
			t.Errorf("JSON %q becomes %q, and that %q", s, got, again)
		}
		quoted := strconv.Quote(s + "x")
		if got, want := redact.String("a password="+quoted+" b"), `a password="[REDACTED]" b`; got != want {
			t.Errorf("password=%s becomes %q, want %q", quoted, got, want)
		}
	})
}
