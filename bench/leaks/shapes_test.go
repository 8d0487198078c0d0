package leaks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/m-mizutani/masq"

	"github.com/sluicelog/sluice/redact"
)

const (
	secret = "hunter2"
	number = 4711 // the other secret
	text   = "login password=hunter2 of u"
)

// A shape is a record with a secret in it, or without one.
type shape struct {
	name string
	want verdict       // on masq
	masq []masq.Option // what it is told to look for
	opts *redact.Options
	msg  string // "m" if empty
	bind func(*slog.Logger) *slog.Logger
	attr slog.Attr
	// kept are texts that the line must have besides.
	kept []string
	// clean is of a record without a secret: the line must be what it is without
	// redaction.
	clean bool
}

type (
	valuer  struct{ v slog.Value }
	account struct{ User, Password string }
	tagged  struct {
		User string `json:"user"`
		Word string `json:"password"`
	}
	hidden   struct{ Password string }
	embedded struct {
		hidden
		User string
	}
	numbered struct {
		User     string
		Password int
	}
	guarded struct {
		User string
		Lock *sync.Mutex
	}
	marshaler  struct{ word string }
	tokenError struct{ Token string }
)

func (v valuer) LogValue() slog.Value { return v.v }

func (m marshaler) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"password": m.word, "user": "u"})
}

func (e *tokenError) Error() string { return "failed with token " + e.Token }

// shapes returns what is known of masq v0.2.1.
func shapes() []shape {
	field := []masq.Option{masq.WithFieldName("password"), masq.WithFieldName("Password")}
	token := []masq.Option{masq.WithFieldName("Token")}
	contain := []masq.Option{masq.WithContain(secret)}
	group := slog.GroupValue(slog.String("password", secret), slog.String("user", "u"))
	address := &url.URL{Scheme: "https", User: url.UserPassword("u", secret), Host: "example.com", Path: "/p"}
	raw := `{"password":"hunter2","user":"u"}`
	zone := time.Date(2026, 11, 22, 3, 4, 5, 6, time.FixedZone("east", 3600))
	u := []string{`"user":"u"`}
	return []shape{
		{name: "an attr", want: holds, masq: field, attr: slog.String("password", secret)},
		{name: "an attr in another case", want: leaks, masq: field, attr: slog.String("PASSWORD", secret)},
		{name: "an attr in a group", want: holds, masq: field, attr: slog.Attr{Key: "g", Value: group}, kept: u},
		{name: "a group by its name", want: leaks, masq: field, attr: slog.Group("password", slog.String("value", secret))},
		{
			name: "WithGroup by its name", want: leaks, masq: field, attr: slog.String("value", secret),
			bind: func(l *slog.Logger) *slog.Logger { return l.WithGroup("password") },
		},
		{
			name: "With", want: holds, masq: field, attr: slog.String("user", "u"), kept: u,
			bind: func(l *slog.Logger) *slog.Logger { return l.With("password", secret) },
		},
		{name: "a LogValuer that is a group", want: holds, masq: field, attr: slog.Any("c", valuer{group}), kept: u},
		{name: "a LogValuer in a slice", want: idle, masq: field, attr: slog.Any("c", []any{valuer{group}}), kept: u},
		{
			name: "a LogValuer in a struct", want: idle, masq: field, kept: u,
			attr: slog.Any("c", struct{ V valuer }{valuer{group}}),
		},
		{
			name: "a LogValuer by its key", want: leaks, masq: field,
			attr: slog.Any("password", valuer{slog.GroupValue(slog.String("value", secret))}),
		},

		{name: "a struct", want: holds, masq: field, attr: slog.Any("c", account{"u", secret}), kept: []string{`"User":"u"`}},
		{name: "a struct by the name in JSON", want: leaks, masq: field, attr: slog.Any("c", tagged{"u", secret}), kept: u},
		{
			name: "pointers", want: holds, masq: field, kept: []string{`"User":"u"`},
			attr: slog.Any("c", &struct{ A *account }{&account{"u", secret}}),
		},
		{
			name: "an embedded struct", want: holds, masq: field, kept: []string{`"User":"u"`},
			attr: slog.Any("c", embedded{hidden{secret}, "u"}),
		},
		{
			name: "a number", want: corrupts, masq: field, kept: []string{`"User":"u"`},
			attr: slog.Any("c", numbered{"u", number}),
		},
		{
			name: "a map", want: corrupts, masq: field, kept: u,
			attr: slog.Any("c", map[string]any{"password": secret, "user": "u"}),
		},
		{
			name: "a map in a map", want: corrupts, masq: field, kept: u,
			attr: slog.Any("c", map[string]any{"a": map[string]any{"password": secret, "user": "u"}}),
		},
		{
			name: "an http.Header", want: corrupts, masq: []masq.Option{masq.WithFieldName("Authorization")},
			attr: slog.Any("h", http.Header{"Authorization": {"Bearer " + secret}, "User": {"u"}}),
			kept: []string{`"User":["u"]`},
		},
		{name: "the key of a map", want: leaks, masq: contain, attr: slog.Any("c", map[string]int{"password=" + secret: 1})},
		{name: "the key of an attr", want: leaks, masq: contain, attr: slog.Int("password="+secret, 1)},

		{name: "a message", want: holds, masq: contain, msg: text, attr: slog.String("user", "u"), kept: u},
		{name: "a text", want: holds, masq: contain, attr: slog.String("s", text)},
		{name: "bytes", want: leaks, masq: contain, attr: slog.Any("s", []byte(text))},
		{name: "json.RawMessage by the name in it", want: leaks, masq: field, attr: slog.Any("b", json.RawMessage(raw)), kept: u},
		{name: "json.RawMessage by the text in it", want: leaks, masq: contain, attr: slog.Any("b", json.RawMessage(raw)), kept: u},
		{
			name: "JSON in a text", want: leaks, masq: field, attr: slog.String("b", raw),
			kept: []string{`\"user\":\"u\"`},
		},
		{name: "a json.Marshaler", want: leaks, masq: field, attr: slog.Any("j", marshaler{secret}), kept: u},
		{name: "an error", want: holds, masq: contain, attr: slog.Any("e", errors.New(text))},
		{name: "an error that wraps", want: holds, masq: contain, attr: slog.Any("e", fmt.Errorf("w: %w", errors.New(text)))},
		{
			name: "errors joined", want: holds, masq: contain, kept: []string{"EOF"},
			attr: slog.Any("e", errors.Join(errors.New(text), io.EOF)),
		},
		{
			name: "an error with a field", want: holds, masq: token, kept: []string{"failed with token"},
			attr: slog.Any("e", &tokenError{secret}),
		},
		{
			name: "an error with a field, wrapped", want: leaks, masq: token, kept: []string{"w: failed with token"},
			attr: slog.Any("e", fmt.Errorf("w: %w", &tokenError{secret})),
		},
		{name: "a URL", want: idle, masq: contain, attr: slog.Any("u", address), kept: []string{"https://u:", "@example.com/p"}},
		{name: "a URL as a text", want: holds, masq: contain, attr: slog.String("u", address.String())},

		{name: "netip.Addr", want: corrupts, masq: field, attr: slog.Any("a", netip.MustParseAddr("192.0.2.7")), clean: true},
		{
			name: "netip.Prefix", want: corrupts, masq: field, clean: true,
			attr: slog.Any("a", netip.MustParsePrefix("192.0.2.0/24")),
		},
		{
			name: "netip.Addr with a zone", want: holds, masq: field, clean: true,
			attr: slog.Any("a", netip.MustParseAddr("fe80::1%eth0")),
		},
		{name: "net.IP", want: holds, masq: field, attr: slog.Any("a", net.IPv4(192, 0, 2, 7)), clean: true},
		{name: "big.Int", want: holds, masq: field, attr: slog.Any("a", new(big.Int).Lsh(big.NewInt(1), 100)), clean: true},
		{name: "time.Time", want: holds, masq: field, attr: slog.Any("a", zone), clean: true},
		{name: "time.Time in a struct", want: holds, masq: field, attr: slog.Any("a", struct{ T time.Time }{zone}), clean: true},
		{name: "time.Duration", want: holds, masq: field, attr: slog.Duration("a", time.Second), clean: true},
		{name: "a map by numbers", want: holds, masq: field, attr: slog.Any("a", map[int]string{1: "one"}), clean: true},
		{name: "nil in a map", want: holds, masq: field, attr: slog.Any("a", map[string]any{"x": nil}), clean: true},
		{name: "nil in a slice", want: holds, masq: field, attr: slog.Any("a", []any{nil, 1}), clean: true},
		{name: "a func", want: holds, masq: field, attr: slog.Any("a", func() {}), clean: true},
		{name: "a lock", want: holds, masq: field, attr: slog.Any("a", guarded{"u", new(sync.Mutex)}), clean: true},
		{
			name: "a key that is msg", want: corrupts, masq: []masq.Option{masq.WithFieldName("msg")},
			opts: &redact.Options{Keys: []string{"msg", "level", "time"}}, attr: slog.Int("n", 1), clean: true,
		},
	}
}
