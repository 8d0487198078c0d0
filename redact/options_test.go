package redact_test

import (
	"bytes"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		opts redact.Options
		want []string
	}{
		{"nothing", redact.Options{}, nil},
		{"all there is", redact.Options{
			Keys: []string{"a", "b.c"}, AllowKeys: []string{"d"}, Enable: []string{"email", "personal"}, Disable: []string{"payment_card", "tokens"},
			Rules: []redact.Rule{{Name: "x", Keys: []string{"x"}, Action: redact.Hash(hashKey())}},
		}, nil},
		{"keys", redact.Options{Keys: []string{"a..b", "", "*.*", "-", "ok"}, AllowKeys: []string{"."}}, []string{
			`redact: Options.Keys[0]: key "a..b": `, `redact: Options.Keys[1]: key "": `, `redact: Options.Keys[2]: key "*.*": `,
			`redact: Options.Keys[3]: key "-": `, `redact: Options.AllowKeys[0]: key ".": `,
		}},
		{"names", redact.Options{Enable: []string{"emails"}, Disable: []string{"payment_card", ""}}, []string{
			`redact: Options.Enable[0] is "emails", want the name or the group of a rule, as email, `, `redact: Options.Disable[1] is "", want `,
		}},
		{"names of what is not there", redact.Options{NoDefaults: true, Enable: []string{"email"}, Rules: []redact.Rule{{Name: "emails", Keys: []string{"x"}}}}, []string{
			`redact: Options.Enable[0] is "email", want the name or the group of a rule, as emails (DefaultRules has more)`,
		}},
		{"on and off", redact.Options{Enable: []string{"email", "personal"}, Disable: []string{"tokens", "email"}}, []string{
			`redact: Options.Disable[1] is "email", which is in Enable, want it in one of them`,
		}},
		{"one name twice", redact.Options{Keys: []string{"a"}, Rules: []redact.Rule{
			{Name: "x", Keys: []string{"x"}}, {Name: "password", Keys: []string{"x"}}, {Name: "x", Keys: []string{"x"}}, {Name: "keys", Keys: []string{"x"}},
		}}, []string{
			`redact: Options.Rules[2] "x": Options.Rules[0] has this name, want one of its own`, `redact: Options.Rules[3] "keys": Options.Keys has this name, `,
		}},
		{"mask with a quote", redact.Options{Mask: `a"b`}, []string{`redact: Options.Mask: the mask "a\"b", want UTF-8 without `}},
		{"mask with a control character", redact.Options{Mask: "a\nb"}, []string{`redact: Options.Mask: the mask "a\nb", want `}},
		{"mask with a backslash", redact.Options{Mask: `a\`}, []string{`redact: Options.Mask: the mask `}},
		{"mask that is no text", redact.Options{Mask: "\xff"}, []string{`redact: Options.Mask: the mask `}},
		{"any other mask", redact.Options{Mask: "«geheim» <entfernt>"}, nil},
		{"rules", redact.Options{Rules: []redact.Rule{
			{},
			{Name: "x"},
			{Name: "x", Pattern: "("},
			{Name: "x", Pattern: "x*"},
			{Name: "x", Keys: []string{"*"}},
			{Name: "x", Types: []reflect.Type{nil}},
			{Name: "x", Tags: []string{"a:b"}},
			{Name: "x", Keys: []string{"x"}, Check: func(string) bool { return true }},
			{Name: "x", Keys: []string{"x"}, Action: redact.KeepLast(0)},
			{Name: "x", Keys: []string{"x"}, Action: redact.Hash([]byte("short"))},
			{Name: "x", Keys: []string{"x"}, Action: redact.Mask("")},
			{Name: "x", Keys: []string{"x"}, Action: redact.Mask("'")},
			{Name: "x", Keys: []string{"x"}, Action: redact.Truncate(-1)},
			{Name: "url_query"},
		}}, []string{
			`redact: Options.Rules[0] "": empty Name`, `redact: Options.Rules[0] "": it finds nothing, want one of Keys, Types, Tags, Pattern and Match`,
			`redact: Options.Rules[1] "x": it finds nothing`, "redact: Options.Rules[2] \"x\": Pattern \"(\": error parsing regexp: missing closing ): `(`",
			`redact: Options.Rules[3] "x": Pattern "x*": matches the empty text`, `redact: Options.Rules[4] "x": key "*": `,
			`redact: Options.Rules[5] "x": Types[0] is nil, want a type`, `redact: Options.Rules[6] "x": tag "a:b", want `, `redact: Options.Rules[7] "x": a Check, but no Pattern`,
			`redact: Options.Rules[8] "x": KeepLast of 0 characters, want at least 1`,
			`redact: Options.Rules[9] "x": a key for Hash of 5 bytes, want at least 16`, `redact: Options.Rules[10] "x": an empty Mask`,
			`redact: Options.Rules[11] "x": the mask "'", want `, `redact: Options.Rules[12] "x": Truncate to -1 characters, want at least 1`,
			`redact: Options.Rules[13] "url_query": it finds nothing, `,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.opts.Validate()
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("got %d errors, want %d: %v", len(lines), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got %s, want %s", lines[i], want)
				}
			}
			if _, made := redact.New(&tt.opts); (made == nil) != (err == nil) {
				t.Errorf("New says %v, Validate %v", made, err)
			}
		})
	}
}

func TestNilOptionsAreTheDefaultOnes(t *testing.T) {
	t.Parallel()
	var opts *redact.Options
	if err := opts.Validate(); err != nil {
		t.Error(err)
	}
	if r := redactor(t, opts); r.String("password=hunter2") != "password="+m {
		t.Error("the default rules are off")
	}
}

// defaultRule returns the default rule with this name.
func defaultRule(t *testing.T, name string) redact.Rule {
	t.Helper()
	all := redact.DefaultRules()
	if i := slices.IndexFunc(all, func(r redact.Rule) bool { return r.Name == name }); i >= 0 {
		return all[i]
	}
	t.Fatalf("no rule %s", name)
	return redact.Rule{}
}

// A rule is on or off by its name and its group, whoever it is of.
func TestRulesAreSwitched(t *testing.T) {
	t.Parallel()
	own := func(name, group string, optional bool) redact.Rule {
		return redact.Rule{Name: name, Group: group, Keys: []string{name}, Optional: optional}
	}
	opts := redact.Options{Rules: []redact.Rule{own("a", "", false), own("b", "g", false), own("c", "g", false), own("d", "", true), own("e", "h", true), own("f", "", true)}}
	for _, tt := range []struct {
		enable, disable []string
		want            string
	}{
		{nil, nil, "a=* b=* c=* d=x e=x f=x password=*"},
		{nil, []string{"a", "password"}, "a=x b=* c=* d=x e=x f=x password=x"},
		{[]string{"d", "h"}, nil, "a=* b=* c=* d=* e=* f=x password=*"},
		{[]string{"c", "password"}, []string{"g", "credentials"}, "a=* b=x c=* d=x e=x f=x password=*"},
		{[]string{"h"}, []string{"e"}, "a=* b=* c=* d=x e=x f=x password=*"},
	} {
		opts := opts
		opts.Mask, opts.Enable, opts.Disable = "*", tt.enable, tt.disable
		if diff := cmp.Diff(tt.want, redactor(t, &opts).String("a=x b=x c=x d=x e=x f=x password=x")); diff != "" {
			t.Errorf("on %v, off %v: mismatch (-want +got):\n%s", tt.enable, tt.disable, diff)
		}
	}
}

// A rule with the name of a default one stands in its place, whatever it is.
func TestRulesReplaceDefaultOnes(t *testing.T) {
	t.Parallel()
	card, query := defaultRule(t, "payment_card"), defaultRule(t, "url_query")
	card.Action, query.Action = redact.KeepLast(4), redact.Mask("-")
	for _, tt := range []struct {
		rule     redact.Rule
		in, want string
	}{
		{redact.Rule{Name: "password", Keys: []string{"kennwort"}}, "password=x kennwort=x token=x", "password=x kennwort=* token=*"},
		{redact.Rule{Name: "password", Keys: []string{"kennwort"}, Optional: true}, "password=x kennwort=x", "password=x kennwort=x"},
		{card, "4111111111111111", "*1111"},
		{query, "https://h/?code=a1b2c3d4e5&x=1 code=a1b2c3d4e5", "https://h/?code=-&x=1 code=a1b2c3d4e5"},
		{redact.Rule{Name: "url_query", Keys: []string{"sid"}}, "https://h/?code=a1b2c3d4e5&sid=x", "https://h/?code=a1b2c3d4e5&sid=*"},
	} {
		got := redactor(t, &redact.Options{Mask: "*", Rules: []redact.Rule{tt.rule}}).String(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", tt.rule.Name, diff)
		}
	}
}

// What DefaultRules returns can be made narrower, and wider.
func TestChecksOfDefaultRules(t *testing.T) {
	t.Parallel()
	never := func(string) bool { return false }
	for name, text := range map[string]string{
		"bearer": "Bearer abcdef123456", "payment_card": "4111111111111111", "github_token": "ghp_" + strings.Repeat("aB3dE6", 6), "jwt": jwt,
		"private_key": "-----BEGIN PRIVATE KEY-----\nMIIE", "iban": "DE89370400440532013000", "url_password": "https://u:hunter2@h",
	} {
		rule := defaultRule(t, name)
		if got := redactor(t, rules(rule)).String(text); !strings.Contains(got, m) {
			t.Errorf("%s: %s stays", name, text)
		}
		rule.Check = never
		if got := redactor(t, rules(rule)).String(text); got != text {
			t.Errorf("%s: with a check that finds nothing, %s becomes %s", name, text, got)
		}
	}
	basic := defaultRule(t, "basic")
	basic.Check = nil
	if got := redactor(t, rules(basic)).String("basic dXNlcg=="); got != "basic "+m {
		t.Errorf("without its check, the rule leaves %s", got)
	}
}

// A mask that is refused is not in the log either.
func TestRefusedMasksAreNotPrinted(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	slog.New(redact.NewHandler(slog.NewTextHandler(&buf, nil), &redact.Options{Mask: "\n"})).Info("m", "a", "x")
	if got := buf.String(); !strings.Contains(got, `a="[REDACTED: invalid options]"`) || strings.Contains(got, `\n`) {
		t.Errorf("got %s", got)
	}
}

// Masks come out as they are wherever a secret stood.
func TestMasksStandAnywhere(t *testing.T) {
	t.Parallel()
	const in, want = `password="x" {"token":"x"} https://u:x@h`, `password="«*» <-" {"token":"«*» <-"} https://u:«*» <-@h`
	if diff := cmp.Diff(want, redactor(t, &redact.Options{Mask: "«*» <-"}).String(in)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}
